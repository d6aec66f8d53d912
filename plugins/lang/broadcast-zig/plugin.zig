//! broadcast in Zig: who hears a value for the first time tells all its neighbours, and each of them again and again until
//! it acknowledges. So an acknowledged value reaches every node that stays alive, through partitions and loss.
//!
//! The same algorithm as plugins/broadcast-flood, which says what it costs.

const std = @import("std");

const glomers = @import("glomers");

const Node = @This();

const patience_ms = 1000;

id: []const u8,
/// All other nodes until the topology comes.
neighbours: std.ArrayList([]const u8) = .empty,
/// Each value once, in the order in which they came.
values: std.array_hash_map.Auto(i64, void) = .empty,

pub fn init(node: *Node, context: glomers.Context) !void {
    node.* = .{ .id = context.node_id };
    for (context.node_ids) |name| {
        if (!std.mem.eql(u8, name, node.id)) try node.neighbours.append(glomers.gpa, name);
    }
}

pub const on = struct {
    const Topology = std.json.ArrayHashMap([]const []const u8);

    pub fn topology(node: *Node, message: glomers.Message, body: struct { topology: Topology }) !void {
        node.neighbours.clearRetainingCapacity();
        for (body.topology.map.get(node.id) orelse &.{}) |name| {
            // Who is still being told may be no neighbour any more, so names are never freed.
            try node.neighbours.append(glomers.gpa, try glomers.gpa.dupe(u8, name));
        }
        message.request.reply(.{ .type = "topology_ok" });
    }

    pub fn broadcast(node: *Node, message: glomers.Message, body: struct { message: i64 }) !void {
        const entry = try node.values.getOrPut(glomers.gpa, body.message);
        if (!entry.found_existing) {
            for (node.neighbours.items) |neighbour| {
                if (std.mem.eql(u8, neighbour, message.src)) continue;
                tell(.{ .neighbour = neighbour, .value = body.message });
            }
        }
        message.request.reply(.{ .type = "broadcast_ok" });
    }

    pub fn read(node: *Node, message: glomers.Message, _: struct {}) !void {
        message.request.reply(.{ .type = "read_ok", .messages = node.values.keys() });
    }
};

/// One value on its way to one neighbour.
const Telling = struct { neighbour: []const u8, value: i64 };

fn tell(telling: Telling) void {
    const body = .{ .type = "broadcast", .message = telling.value };
    glomers.call(telling.neighbour, body, patience_ms, telling, onTold);
}

fn onTold(telling: Telling, outcome: glomers.Outcome) !void {
    if (outcome == .failed) tell(telling);
}
