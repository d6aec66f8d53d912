//! What wit/node.wit lets a guest import, as a core module sees it by the canonical ABI: a string is UTF-8, handed over as
//! address and length. What a guest exports is in start.zig.

pub extern "glomers:node/host@0.1.1" fn send(dest: [*]const u8, dest_len: usize, body: [*]const u8, len: usize) void;
pub extern "glomers:node/host@0.1.1" fn reply(request: u64, body: [*]const u8, len: usize) void;
pub extern "glomers:node/host@0.1.1" fn fail(request: u64, code: u32, text: [*]const u8, len: usize) void;
pub extern "glomers:node/host@0.1.1" fn call(
    dest: [*]const u8,
    dest_len: usize,
    body: [*]const u8,
    len: usize,
    timeout_ms: u32,
) u64;
pub extern "glomers:node/host@0.1.1" fn @"set-timer"(after_ms: u32) u64;
pub extern "glomers:node/host@0.1.1" fn @"cancel-timer"(timer: u64) void;
pub extern "glomers:node/host@0.1.1" fn now() u64;
pub extern "glomers:node/host@0.1.1" fn random() u64;
pub extern "glomers:node/host@0.1.1" fn log(level: Level, text: [*]const u8, len: usize) void;

pub extern "glomers:node/kv@0.1.1" fn read(store: u32, key: [*]const u8, key_len: usize, timeout_ms: u32) u64;
pub extern "glomers:node/kv@0.1.1" fn write(
    store: u32,
    key: [*]const u8,
    key_len: usize,
    value: [*]const u8,
    len: usize,
    timeout_ms: u32,
) u64;
pub extern "glomers:node/kv@0.1.1" fn cas(
    store: u32,
    key: [*]const u8,
    key_len: usize,
    from: [*]const u8,
    from_len: usize,
    to: [*]const u8,
    to_len: usize,
    create: bool,
    timeout_ms: u32,
) u64;

pub extern "glomers:node/oracle@0.1.1" fn timestamp(timeout_ms: u32) u64;

pub const Level = enum(u32) { trace, debug, info, warn, err };

/// A string as it lies in memory inside records and lists.
pub const String = extern struct {
    bytes: [*]const u8,
    len: usize,

    pub fn of(text: []const u8) String {
        return .{ .bytes = address(text), .len = text.len };
    }

    pub fn slice(string: String) []const u8 {
        return string.bytes[0..string.len];
    }
};

pub const Setting = extern struct { key: String, value: String };

/// `result<_, string>` in memory.
pub const Started = extern struct { is_error: bool, reason: String };

/// `result<option<saved>, string>` in memory.
pub const Saving = extern struct {
    is_error: bool = false,
    outcome: extern union {
        saved: extern struct { is_ready: bool, version: u32, bytes: String },
        reason: String,
    },
};

/// The address of a string. That of an empty slice may lie anywhere, but the host wants it to lie in memory.
pub fn address(text: []const u8) [*]const u8 {
    return if (text.len == 0) "" else text.ptr;
}
