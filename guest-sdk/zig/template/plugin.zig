//! {{name}}: what it promises, how, and what it costs.

const std = @import("std");

const glomers = @import("glomers");

/// The node is this file; what it remembers are its fields.
const Node = @This();

heard: u64 = 0,

pub fn init(node: *Node, context: glomers.Context) !void {
    node.* = .{};
    std.log.info("{s} is one of {d} nodes", .{ context.node_id, context.node_ids.len });
}

/// Fill in: one function for each type of message. Calls, timers and the key-value services take callbacks.
pub const on = struct {
    pub fn echo(node: *Node, message: glomers.Message, body: struct { echo: glomers.Json }) !void {
        node.heard += 1;
        message.request.reply(.{ .type = "echo_ok", .echo = body.echo });
    }
};
