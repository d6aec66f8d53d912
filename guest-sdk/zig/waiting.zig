//! What waits for an event: callbacks, each with the context it is to be given.

const std = @import("std");

const memory = @import("memory.zig");

/// Callbacks by the ids of calls or timers. `Event` is what they are told.
pub fn Waiting(comptime Event: type) type {
    return struct {
        const Table = @This();

        /// In order of insertion but for what fills gaps, whatever the ids are.
        by_id: std.array_hash_map.Auto(u64, *Callback) = .empty,

        const Callback = struct {
            run: *const fn (*Callback, Event) anyerror!void,
            drop: *const fn (*Callback) void,
        };

        /// Keeps a copy of the context until the event comes.
        pub fn add(
            table: *Table,
            id: u64,
            context: anytype,
            comptime then: fn (@TypeOf(context), Event) anyerror!void,
        ) void {
            const Bound = struct {
                callback: Callback = .{ .run = run, .drop = drop },
                context: @TypeOf(context),

                fn of(callback: *Callback) *@This() {
                    // It was created as one of these.
                    return @alignCast(@fieldParentPtr("callback", callback));
                }

                fn run(callback: *Callback, event: Event) anyerror!void {
                    const bound = of(callback);
                    const given = bound.context;
                    memory.gpa.destroy(bound);
                    return then(given, event);
                }

                fn drop(callback: *Callback) void {
                    memory.gpa.destroy(of(callback));
                }
            };
            const bound = memory.gpa.create(Bound) catch memory.exhausted();
            bound.* = .{ .context = context };
            table.by_id.put(memory.gpa, id, &bound.callback) catch memory.exhausted();
        }

        /// Runs the callback of an id, if there is one. It is bound to no request, so an error ends the node.
        pub fn settle(table: *Table, id: u64, event: Event) void {
            const entry = table.by_id.fetchSwapRemove(id) orelse return;
            entry.value.run(entry.value, event) catch |err|
                std.debug.panic("a callback returned error.{s}", .{@errorName(err)});
        }

        pub fn forget(table: *Table, id: u64) void {
            const entry = table.by_id.fetchSwapRemove(id) orelse return;
            entry.value.drop(entry.value);
        }
    };
}
