//! Handlers that fail, each in its own way.

const std = @import("std");

const glomers = @import("glomers");

const Node = @This();

list: std.ArrayList(u8) = .empty,

pub fn init(node: *Node, context: glomers.Context) !void {
    node.* = .{};
    if (context.settings.len > 0) return error.NoSettingsHere;
}

pub const on = struct {
    /// No handler.
    pub const Nothing = struct {};

    pub fn whole(_: *Node, message: glomers.Message, body: std.json.Value) !void {
        message.request.reply(.{ .type = "whole_ok", .fields = body.object.count() });
    }

    pub fn value(_: *Node, message: glomers.Message, body: struct { value: std.json.Value }) !void {
        message.request.reply(.{ .type = "value_ok", .value = body.value });
    }

    const Note = struct { note: ?u64 = null, value: u64 };

    pub fn note(_: *Node, message: glomers.Message, body: Note) !void {
        message.request.reply(.{ .type = "note_ok", .value = body.value });
    }

    const Nested = struct { note: ?u64 = null, inner: struct { value: u64 } };

    pub fn nested(_: *Node, message: glomers.Message, body: Nested) !void {
        message.request.reply(.{ .type = "nested_ok", .value = body.inner.value });
    }

    pub fn known(_: *Node, _: glomers.Message, _: Nothing) !void {
        return error.PreconditionFailed;
    }

    pub fn unknown(_: *Node, _: glomers.Message, _: struct {}) !void {
        return error.NobodyKnows;
    }

    pub fn @"log-bytes"(_: *Node, message: glomers.Message, _: struct {}) !void {
        std.log.info("no UTF-8: \xff", .{});
        message.request.reply(.{ .type = "log_ok" });
    }

    pub fn index(node: *Node, message: glomers.Message, body: struct { at: usize }) !void {
        message.request.reply(.{ .type = "index_ok", .value = node.list.items[body.at] });
    }
};
