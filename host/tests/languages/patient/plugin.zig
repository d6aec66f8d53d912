//! Speaks in init, keeps a request, and tells whether anybody waits for it.

const glomers = @import("glomers");

const Node = @This();

kept: glomers.Request = .{ .id = null },
is_expired: bool = false,

pub fn init(node: *Node, _: glomers.Context) !void {
    node.* = .{};
    glomers.send("n2", .{ .type = "hello" });
    _ = glomers.after(50, node, tick);
}

fn tick(_: *Node) !void {
    glomers.send("n2", .{ .type = "tick" });
}

pub fn expired(node: *Node, request: glomers.Request) void {
    node.is_expired = request.id == node.kept.id;
}

pub const on = struct {
    pub fn keep(node: *Node, message: glomers.Message, _: struct {}) !void {
        node.kept = message.request;
    }

    pub fn ask(node: *Node, message: glomers.Message, _: struct {}) !void {
        glomers.send(message.src, .{ .type = "kept", .expired = node.is_expired });
    }

    pub fn answer(node: *Node, _: glomers.Message, _: struct {}) !void {
        node.kept.reply(.{ .type = "late" });
    }
};
