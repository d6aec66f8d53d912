//! g-counter in Zig: the counter is one key of seq-kv, which every node changes by compare-and-set.
//!
//! A cas that finds another value than expected reads and tries again. One that times out may have happened, so it is not
//! tried again: its client gets the timeout, and knows as little. A read of seq-kv may be stale; writing a value that is
//! new to the store brings this node up to date first.
//!
//! It can be swapped while it runs, between two requests. The counter itself lies in the store.

const std = @import("std");

const glomers = @import("glomers");

const Node = @This();

const patience_ms = 1000;
const counter = "counter";

/// What the counter was when this node last heard of it.
last_known: u64 = 0,

pub fn init(node: *Node, _: glomers.Context) !void {
    node.* = .{};
}

pub const on = struct {
    pub fn add(node: *Node, message: glomers.Message, body: struct { delta: u64 }) !void {
        Addition.attempt(node, message.request, body.delta);
    }

    pub fn read(_: *Node, message: glomers.Message, _: struct {}) !void {
        const unheard_of = glomers.random.int(u64);
        glomers.seq_kv.write("barrier", unheard_of, patience_ms, message.request, Reading.onUpToDate);
    }
};

/// A request to add that is under way.
const Addition = struct {
    node: *Node,
    request: glomers.Request,
    delta: u64,
    sum: u64,

    fn attempt(node: *Node, request: glomers.Request, delta: u64) void {
        const sum = std.math.add(u64, node.last_known, delta) catch
            return request.fail(.{ .code = .malformed_request, .text = "the counter cannot be that large" });
        const addition: Addition = .{ .node = node, .request = request, .delta = delta, .sum = sum };
        const change = .{ .from = node.last_known, .to = sum, .create = true };
        glomers.seq_kv.cas(counter, change, patience_ms, addition, onSet);
    }

    fn onSet(addition: Addition, outcome: glomers.Outcome) !void {
        switch (outcome) {
            .ok => {
                addition.node.last_known = addition.sum;
                addition.request.reply(.{ .type = "add_ok" });
            },
            .failed => |failure| switch (failure.code) {
                .precondition_failed => glomers.seq_kv.read(counter, patience_ms, addition, onRefreshed),
                else => addition.request.fail(failure),
            },
        }
    }

    fn onRefreshed(addition: Addition, outcome: glomers.Outcome) !void {
        switch (outcome) {
            .ok => |value| {
                addition.node.last_known = try value.parse(u64);
                attempt(addition.node, addition.request, addition.delta);
            },
            .failed => |failure| addition.request.fail(failure),
        }
    }
};

/// A request to read that is under way; nothing is known of it but whom to answer.
const Reading = struct {
    fn onUpToDate(request: glomers.Request, outcome: glomers.Outcome) !void {
        switch (outcome) {
            .ok => glomers.seq_kv.read(counter, patience_ms, request, onValue),
            .failed => |failure| request.fail(failure),
        }
    }

    fn onValue(request: glomers.Request, outcome: glomers.Outcome) !void {
        switch (outcome) {
            .ok => |value| request.reply(.{ .type = "read_ok", .value = value }),
            .failed => |failure| switch (failure.code) {
                .key_does_not_exist => request.reply(.{ .type = "read_ok", .value = 0 }),
                else => request.fail(failure),
            },
        }
    }
};

pub const migration = struct {
    pub const version = 1;

    /// A request under way lives in callbacks, which cannot be handed over; each is over after a second or two.
    pub fn save(node: *const Node) !?u64 {
        return if (glomers.outstanding() > 0) null else node.last_known;
    }

    pub fn load(node: *Node, _: glomers.Context, _: u32, state: glomers.Json) !void {
        node.* = .{ .last_known = try state.parse(u64) };
    }
};
