//! Write a node of a distributed system in Zig. The file plugin.zig is the node: its fields are what the node remembers,
//! `on` holds a function for each type of message, and callbacks take what comes back later.
//!
//!     const glomers = @import("glomers");
//!     const Node = @This();
//!
//!     heard: u64 = 0,
//!
//!     pub fn init(node: *Node, _: glomers.Context) !void {
//!         node.* = .{};
//!     }
//!
//!     pub const on = struct {
//!         pub fn echo(node: *Node, message: glomers.Message, body: struct { echo: glomers.Json }) !void {
//!             node.heard += 1;
//!             message.request.reply(.{ .type = "echo_ok", .echo = body.echo });
//!         }
//!     };
//!
//! The third parameter of a handler is what `std.json` reads of the body; a body that does not fit is refused with error
//! 12, a type of message without a handler with error 10. An error that a handler returns answers the request: one of
//! Maelstrom's (`error.PreconditionFailed` and so on, see `Code`) with its code, any other with 13, crash.
//!
//! The host delivers one event at a time: a handler is never interrupted, and nothing blocks. What a handler or a callback
//! is given lies in `arena` and is gone when the event is over; the node itself stays where it is. Log with `std.log`. A
//! panic ends the node: safety checks are on.
//!
//! A client waits 5 s for an answer, and one that comes later must not be sent. So the host forgets a request after 4.9 s
//! (`host --request-timeout`), drops what answers it later, and calls this, if it is declared: what the node keeps for the
//! request can go. Whoever may take that long answers before, with the code `timeout` if the outcome is not known; `after`
//! tells when it is time.
//!
//!     pub fn expired(node: *Node, request: glomers.Request) void {
//!         _ = node.waiting.swapRemove(request.id.?);
//!     }
//!
//! A node can be swapped while it runs, by a new version or by another plugin that reads its states, if it declares how:
//!
//!     pub const migration = struct {
//!         /// Counts the forms that states have had. `load` gets none that is newer.
//!         pub const version = 1;
//!
//!         /// What a successor has to know, or null: not yet. Changes nothing and sends nothing.
//!         pub fn save(node: *const Node) !?u64 {
//!             return if (glomers.outstanding() > 0) null else node.heard;
//!         }
//!
//!         /// In place of `init`. After an error the predecessor goes on.
//!         pub fn load(node: *Node, _: glomers.Context, _: u32, state: glomers.Json) !void {
//!             node.* = .{ .heard = try state.parse(u64) };
//!         }
//!     };
//!
//! Callbacks cannot be handed over, only what they know. So a node either waits until none is outstanding, as here: the
//! host holds requests back meanwhile, up to 5 s. Or its state says what is under way, and `load` begins that again; the
//! outcomes of the old calls are then dropped. Requests that wait for an answer stay open: a state may have their ids.

const std = @import("std");

const contract = @import("contract.zig");
const memory = @import("memory.zig");
const Waiting = @import("waiting.zig").Waiting;

pub const Json = @import("json.zig").Json;

/// For what a node remembers. What is too much ends the node, so nothing here returns error.OutOfMemory.
pub const gpa = memory.gpa;

/// For what is needed until the event is over.
pub const arena = memory.arena;

/// What a node learns when it starts. Lives as long as the node.
pub const Context = struct {
    node_id: []const u8,
    /// All nodes, this one included, in the same order everywhere.
    node_ids: []const []const u8,
    /// `--set key=value`, in the order given.
    settings: []const Setting,

    pub const Setting = struct { key: []const u8, value: []const u8 };
};

/// A message as it came in.
pub const Message = struct {
    src: []const u8,
    request: Request,
    body: Json,
};

/// A request, or a message that wants no answer. May be kept and answered in a later event; the first answer counts.
pub const Request = struct {
    id: ?u64,

    pub fn reply(request: Request, body: anytype) void {
        const text = Json.of(body).text;
        if (request.id) |id| contract.reply(id, text.ptr, text.len);
    }

    pub fn fail(request: Request, failure: Failure) void {
        const text = failure.text;
        if (request.id) |id| contract.fail(id, @backingInt(failure.code), contract.address(text), text.len);
    }
};

/// Maelstrom's errors. Of the others, 0, 13 and from 1000 on leave open whether something happened.
pub const Code = enum(u32) {
    timeout = 0,
    node_not_found = 1,
    not_supported = 10,
    temporarily_unavailable = 11,
    malformed_request = 12,
    crash = 13,
    abort = 14,
    key_does_not_exist = 20,
    key_already_exists = 21,
    precondition_failed = 22,
    txn_conflict = 30,
    _,
};

pub const Failure = struct { code: Code, text: []const u8 = "" };

/// What became of a call: a body, or the value that was read; or else a failure.
pub const Outcome = union(enum) { ok: Json, failed: Failure };

/// Sends a message that expects no answer, and may be lost.
pub fn send(dest: []const u8, body: anytype) void {
    const text = Json.of(body).text;
    contract.send(contract.address(dest), dest.len, text.ptr, text.len);
}

/// Sends a request to a node or a service. Its outcome comes in a later event, exactly once, and is passed to `then`
/// with the context, of which a copy is kept. No answer in time is a failure with the code `timeout`.
pub fn call(
    dest: []const u8,
    body: anytype,
    timeout_ms: u32,
    context: anytype,
    comptime then: fn (@TypeOf(context), Outcome) anyerror!void,
) void {
    const text = Json.of(body).text;
    const id = contract.call(contract.address(dest), dest.len, text.ptr, text.len, timeout_ms);
    calls.add(id, context, then);
}

/// A key-value service. Keys and values are anything that `std.json` can write.
pub const Store = enum(u32) {
    linearizable,
    sequential,
    last_write_wins,

    pub fn read(
        store: Store,
        key: anytype,
        timeout_ms: u32,
        context: anytype,
        comptime then: fn (@TypeOf(context), Outcome) anyerror!void,
    ) void {
        const name = Json.of(key).text;
        calls.add(contract.read(@backingInt(store), name.ptr, name.len, timeout_ms), context, then);
    }

    pub fn write(
        store: Store,
        key: anytype,
        value: anytype,
        timeout_ms: u32,
        context: anytype,
        comptime then: fn (@TypeOf(context), Outcome) anyerror!void,
    ) void {
        const name = Json.of(key).text;
        const text = Json.of(value).text;
        const id = contract.write(@backingInt(store), name.ptr, name.len, text.ptr, text.len, timeout_ms);
        calls.add(id, context, then);
    }

    /// Sets a key to `change.to` if it holds `change.from`, or if there is none and `change.create` is true.
    pub fn cas(
        store: Store,
        key: anytype,
        change: anytype,
        timeout_ms: u32,
        context: anytype,
        comptime then: fn (@TypeOf(context), Outcome) anyerror!void,
    ) void {
        const name = Json.of(key).text;
        const from = Json.of(change.from).text;
        const to = Json.of(change.to).text;
        const id = contract.cas(
            @backingInt(store),
            name.ptr,
            name.len,
            from.ptr,
            from.len,
            to.ptr,
            to.len,
            change.create,
            timeout_ms,
        );
        calls.add(id, context, then);
    }
};

pub const lin_kv: Store = .linearizable;
/// A read may be stale.
pub const seq_kv: Store = .sequential;
/// Last write wins: updates can be lost.
pub const lww_kv: Store = .last_write_wins;

/// The next timestamp of lin-tso.
pub fn timestamp(
    timeout_ms: u32,
    context: anytype,
    comptime then: fn (@TypeOf(context), Outcome) anyerror!void,
) void {
    calls.add(contract.timestamp(timeout_ms), context, then);
}

pub const Timer = struct {
    id: u64,

    pub fn cancel(timer: Timer) void {
        contract.@"cancel-timer"(timer.id);
        timers.forget(timer.id);
    }
};

/// Calls `fire` once with the context, after at least so many milliseconds.
pub fn after(milliseconds: u32, context: anytype, comptime fire: fn (@TypeOf(context)) anyerror!void) Timer {
    const id = contract.@"set-timer"(milliseconds);
    timers.add(id, context, struct {
        fn then(given: @TypeOf(context), _: void) anyerror!void {
            return fire(given);
        }
    }.then);
    return .{ .id = id };
}

/// How many callbacks wait, for outcomes of calls and for timers.
pub fn outstanding() usize {
    return calls.by_id.count() + timers.by_id.count();
}

/// The monotonic clock, in nanoseconds. In the bench it is simulated.
pub fn now() u64 {
    return contract.now();
}

/// Chance, as the host gives it: in the bench it comes from the seed.
pub const random: std.Random = .{ .ptr = undefined, .fillFn = fillRandom };

fn fillRandom(_: *anyopaque, bytes: []u8) void {
    var rest = bytes;
    while (rest.len > 0) {
        const drawn: [8]u8 = @bitCast(contract.random());
        const count = @min(rest.len, drawn.len);
        @memcpy(rest[0..count], drawn[0..count]);
        rest = rest[count..];
    }
}

/// What start.zig needs besides; a plugin has no use for it.
pub const frame = struct {
    pub const abi = contract;
    pub const endEvent = memory.endEvent;
    pub const exhausted = memory.exhausted;
    pub const waiting_calls = &calls;
    pub const waiting_timers = &timers;
};

var calls: Waiting(Outcome) = .{};
var timers: Waiting(void) = .{};
