//! The root of a plugin's program: the events of the contract, as calls of what plugin.zig defines.

const std = @import("std");

const glomers = @import("glomers");
const Node = @import("plugin");

const abi = glomers.frame.abi;
const frame = glomers.frame;

pub var node: Node = undefined;

comptime {
    if (@hasDecl(Node, "migration")) _ = @import("migrate.zig");
}

/// What a panic says has to be told before the trap, which carries no text.
pub const panic = std.debug.FullPanic(struct {
    fn tell(text: []const u8, _: ?usize) noreturn {
        var line: [256]u8 = undefined;
        say(.err, std.fmt.bufPrint(&line, "panic: {s}", .{text}) catch text);
        @trap();
    }
}.tell);

pub const std_options: std.Options = .{ .log_level = .debug, .logFn = log };

fn log(
    comptime level: std.log.Level,
    comptime scope: @EnumLiteral(),
    comptime format: []const u8,
    args: anytype,
) void {
    const prefix = if (scope == .default) "" else "(" ++ @tagName(scope) ++ ") ";
    const bytes = std.fmt.allocPrint(glomers.arena, prefix ++ format, args) catch frame.exhausted();
    // What is no UTF-8 would trap.
    const line = std.fmt.allocPrint(glomers.arena, "{f}", .{std.unicode.fmtUtf8(bytes)}) catch frame.exhausted();
    say(switch (level) {
        .err => .err,
        .warn => .warn,
        .info => .info,
        .debug => .debug,
    }, line);
}

fn say(level: abi.Level, line: []const u8) void {
    abi.log(level, abi.address(line), line.len);
}

/// How the host gets memory for what it hands in. It does so within an event, or right before one.
export fn cabi_realloc(old: ?[*]u8, old_size: usize, alignment: usize, size: usize) [*]u8 {
    const place = glomers.arena.rawAlloc(@max(size, 1), .fromByteUnits(alignment), @returnAddress());
    const new = place orelse frame.exhausted();
    if (old) |bytes| @memcpy(new[0..@min(old_size, size)], bytes[0..@min(old_size, size)]);
    return new;
}

export fn @"glomers:node/node@0.1.1#init"(
    node_id: [*]const u8,
    node_id_len: usize,
    node_ids: [*]const abi.String,
    node_count: usize,
    settings: [*]const abi.Setting,
    setting_count: usize,
) *const abi.Started {
    defer frame.endEvent();
    const context = contextOf(node_id[0..node_id_len], node_ids[0..node_count], settings[0..setting_count]);
    return started(if (node.init(context)) null else |err| @errorName(err));
}

/// The result of a start that succeeded, or failed for a reason.
pub fn started(failure: ?[]const u8) *const abi.Started {
    const of = struct {
        var result: abi.Started = undefined;
    };
    of.result = .{ .is_error = failure != null, .reason = .of(failure orelse "") };
    return &of.result;
}

/// A copy that lives as long as the node.
pub fn contextOf(node_id: []const u8, node_ids: []const abi.String, settings: []const abi.Setting) glomers.Context {
    return copyContext(node_id, node_ids, settings) catch frame.exhausted();
}

fn copyContext(node_id: []const u8, node_ids: []const abi.String, settings: []const abi.Setting) !glomers.Context {
    const gpa = glomers.gpa;
    const names = try gpa.alloc([]const u8, node_ids.len);
    for (names, node_ids) |*name, string| name.* = try gpa.dupe(u8, string.slice());
    const pairs = try gpa.alloc(glomers.Context.Setting, settings.len);
    for (pairs, settings) |*pair, setting| {
        pair.* = .{ .key = try gpa.dupe(u8, setting.key.slice()), .value = try gpa.dupe(u8, setting.value.slice()) };
    }
    return .{ .node_id = try gpa.dupe(u8, node_id), .node_ids = names, .settings = pairs };
}

export fn @"glomers:node/node@0.1.1#on-message"(
    src: [*]const u8,
    src_len: usize,
    is_request: bool,
    request: u64,
    body: [*]const u8,
    body_len: usize,
) void {
    defer frame.endEvent();
    const message: glomers.Message = .{
        .src = src[0..src_len],
        .request = .{ .id = if (is_request) request else null },
        .body = .{ .text = body[0..body_len] },
    };
    dispatch(message) catch |err| refuse(message, codeOf(err), @errorName(err));
}

/// Answers a message with an error, or logs the error if nobody wants an answer.
fn refuse(message: glomers.Message, code: glomers.Code, text: []const u8) void {
    if (message.request.id == null) std.log.warn("message from {s} dropped: {s}", .{ message.src, text });
    message.request.fail(.{ .code = code, .text = text });
}

fn dispatch(message: glomers.Message) !void {
    // The host's JSON is wider than that of std.json, which refuses half of a surrogate pair.
    const found = message.body.typeName() catch |err| return refuse(message, .malformed_request, unfit(err));
    const name = found orelse return refuse(message, .malformed_request, "the body has no type");
    inline for (@typeInfo(Node.on).@"struct".decl_names) |known| {
        if (@typeInfo(@TypeOf(@field(Node.on, known))) != .@"fn") continue;
        if (std.mem.eql(u8, name, known)) return handle(known, message);
    }
    refuse(message, .not_supported, "no such type of message here");
}

fn handle(comptime name: []const u8, message: glomers.Message) !void {
    const handler = @field(Node.on, name);
    const Body = bodyType(name, @TypeOf(handler));
    const body = message.body.parse(Body) catch |err|
        return refuse(message, .malformed_request, misfit(Body, message.body, err));
    return handler(&node, message, body);
}

fn bodyType(comptime name: []const u8, comptime Handler: type) type {
    const parameters = @typeInfo(Handler).@"fn".param_types;
    if (parameters.len != 3 or parameters[0] != *Node or parameters[1] != glomers.Message) {
        @compileError("on." ++ name ++ " must be fn (*Node, glomers.Message, Body) !void");
    }
    return parameters[2].?;
}

/// Why a body is not what a handler reads. `std.json` does not tell which field is missing; here it is the first
/// without a default, of the outermost ones.
fn misfit(comptime Body: type, body: glomers.Json, err: anyerror) []const u8 {
    if (@typeInfo(Body) == .@"struct" and err == error.MissingField) {
        const fields = body.parse(std.json.ArrayHashMap(glomers.Json)) catch return @errorName(err);
        const info = @typeInfo(Body).@"struct";
        inline for (info.field_names, info.field_types, info.field_attrs) |name, Field, attrs| {
            const has_default = comptime attrs.defaultValue(Field) != null;
            if (!has_default and !fields.map.contains(name)) return "missing field `" ++ name ++ "`";
        }
    }
    return unfit(err);
}

fn unfit(err: anyerror) []const u8 {
    const line = std.fmt.allocPrint(glomers.arena, "the body does not fit: {s}", .{@errorName(err)});
    return line catch frame.exhausted();
}

fn codeOf(err: anyerror) glomers.Code {
    return switch (err) {
        error.Timeout => .timeout,
        error.NodeNotFound => .node_not_found,
        error.NotSupported => .not_supported,
        error.TemporarilyUnavailable => .temporarily_unavailable,
        error.MalformedRequest => .malformed_request,
        error.Abort => .abort,
        error.KeyDoesNotExist => .key_does_not_exist,
        error.KeyAlreadyExists => .key_already_exists,
        error.PreconditionFailed => .precondition_failed,
        error.TxnConflict => .txn_conflict,
        else => .crash,
    };
}

/// Of `result<json, failure>` the first case is (text, length), the second (code, text, length).
export fn @"glomers:node/events@0.1.1#on-reply"(
    call: u64,
    is_failure: bool,
    first: usize,
    second: usize,
    third: usize,
) void {
    defer frame.endEvent();
    frame.waiting_calls.settle(call, if (is_failure)
        .{ .failed = .{ .code = @fromBackingInt(first), .text = textAt(second, third) } }
    else
        .{ .ok = .{ .text = textAt(first, second) } });
}

fn textAt(address: usize, len: usize) []const u8 {
    const bytes: [*]const u8 = @ptrFromInt(address);
    return bytes[0..len];
}

export fn @"glomers:node/expiry@0.1.1#on-expired"(request: u64) void {
    defer frame.endEvent();
    if (@hasDecl(Node, "expired")) node.expired(.{ .id = request });
}

export fn @"glomers:node/events@0.1.1#on-timer"(timer: u64) void {
    defer frame.endEvent();
    frame.waiting_timers.settle(timer, {});
}
