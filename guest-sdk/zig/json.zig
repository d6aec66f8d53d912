//! A JSON value that nobody has looked into yet.

const std = @import("std");

const memory = @import("memory.zig");

/// How deep a value may be that is looked into: a `std.json.Value` is written with a call for each level, and no protocol
/// comes near.
const max_depth = 128;

/// A JSON value as its text: what is passed on as it stands, or read later. A field of this type takes any value.
pub const Json = struct {
    text: []const u8,

    /// Reads it as a `T`, by the rules of `std.json`; fields that `T` lacks are ignored. Lives as long as the event.
    pub fn parse(json: Json, comptime T: type) !T {
        if (try json.isDeep()) return error.NestedTooDeeply;
        const options: std.json.ParseOptions = .{ .ignore_unknown_fields = true };
        return std.json.parseFromSliceLeaky(T, memory.arena, json.text, options);
    }

    /// The `type` of a body, if it has one. Stops there, which is early in most bodies.
    pub fn typeName(body: Json) !?[]const u8 {
        var scanner: std.json.Scanner = .initCompleteInput(memory.arena, body.text);
        if (try scanner.next() != .object_begin) return null;
        while (try string(&scanner)) |key| {
            if (std.mem.eql(u8, key, "type")) return string(&scanner);
            try scanner.skipValue();
        }
        return null;
    }

    /// The text of any value that `std.json` can write.
    pub fn of(value: anytype) Json {
        if (@TypeOf(value) == Json) return value;
        const text = std.json.Stringify.valueAlloc(memory.arena, value, .{}) catch memory.exhausted();
        return .{ .text = text };
    }

    fn isDeep(json: Json) !bool {
        const brackets = std.mem.countScalar(u8, json.text, '[') + std.mem.countScalar(u8, json.text, '{');
        if (brackets <= max_depth) return false;
        var scanner: std.json.Scanner = .initCompleteInput(memory.arena, json.text);
        while (try scanner.next() != .end_of_document) {
            if (scanner.stackHeight() > max_depth) return true;
        }
        return false;
    }

    pub fn jsonParse(_: std.mem.Allocator, source: *std.json.Scanner, _: std.json.ParseOptions) !Json {
        _ = try source.peekNextTokenType();
        const start = source.cursor;
        try source.skipValue();
        return .{ .text = source.input[start..source.cursor] };
    }

    pub fn jsonStringify(json: Json, out: *std.json.Stringify) !void {
        try out.print("{s}", .{json.text});
    }
};

/// The next token, if it is a string.
fn string(scanner: *std.json.Scanner) !?[]const u8 {
    return switch (try scanner.nextAlloc(memory.arena, .alloc_if_needed)) {
        .string, .allocated_string => |text| text,
        else => null,
    };
}
