//! A node that dies as its requests say.

const std = @import("std");

const glomers = @import("glomers");

const Node = @This();

rows: [3]u8 = .{ 1, 2, 3 },

pub fn init(node: *Node, context: glomers.Context) !void {
    node.* = .{};
    if (context.settings.len > 0) @panic("no settings here");
}

noinline fn lookUp(node: *Node, key: usize) u8 {
    return node.rows[0..][key];
}

noinline fn dig(depth: usize) usize {
    var here: [64]usize = @splat(depth);
    const there: *volatile [64]usize = &here;
    return dig(depth + 1) + there[depth % 64];
}

pub const on = struct {
    pub fn panic(node: *Node, message: glomers.Message, body: struct { msg_id: usize }) !void {
        message.request.reply(.{ .type = "panic_ok", .value = lookUp(node, body.msg_id + 5) });
    }

    pub fn abort(_: *Node, _: glomers.Message, _: struct {}) !void {
        @trap();
    }

    pub fn overflow(_: *Node, message: glomers.Message, body: struct { msg_id: usize }) !void {
        message.request.reply(.{ .type = "overflow_ok", .value = dig(body.msg_id) });
    }

    pub fn loop(_: *Node, _: glomers.Message, _: struct {}) !void {
        var turns: u64 = 0;
        const seen: *volatile u64 = &turns;
        while (true) seen.* = seen.* +% 1;
    }

    pub fn exit(_: *Node, _: glomers.Message, _: struct {}) !void {
        std.process.exit(0);
    }

    pub fn memory(_: *Node, _: glomers.Message, _: struct {}) !void {
        while (true) _ = try glomers.gpa.alloc(u8, 1 << 20);
    }
};
