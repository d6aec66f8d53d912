//! echo in Zig: answers each echo with what it carried, byte for byte.

const glomers = @import("glomers");

const Node = @This();

pub fn init(node: *Node, _: glomers.Context) !void {
    node.* = .{};
}

pub const on = struct {
    pub fn echo(_: *Node, message: glomers.Message, body: struct { echo: glomers.Json }) !void {
        message.request.reply(.{ .type = "echo_ok", .echo = body.echo });
    }
};
