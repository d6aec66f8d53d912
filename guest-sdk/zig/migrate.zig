//! A node's state on its way to a successor, as JSON. Part of a plugin that declares `migration`; see glomers.zig.

const std = @import("std");

const glomers = @import("glomers");
const Node = @import("plugin");

const abi = glomers.frame.abi;
const migration = Node.migration;
const start = @import("start.zig");

export fn @"glomers:node/migrate@0.1.1#save"() *const abi.Saving {
    const of = struct {
        var result: abi.Saving = undefined;
    };
    of.result = saving();
    return &of.result;
}

/// The text is in the arena, which the next event empties: after the host has read it.
fn saving() abi.Saving {
    const state = migration.save(&start.node) catch |err|
        return .{ .is_error = true, .outcome = .{ .reason = .of(@errorName(err)) } };
    const text = if (state) |ready| glomers.Json.of(ready).text else "";
    return .{ .outcome = .{ .saved = .{
        .is_ready = state != null,
        .version = migration.version,
        .bytes = .of(text),
    } } };
}

export fn @"glomers:node/migrate@0.1.1#load"(
    node_id: [*]const u8,
    node_id_len: usize,
    node_ids: [*]const abi.String,
    node_count: usize,
    settings: [*]const abi.Setting,
    setting_count: usize,
    version: u32,
    bytes: [*]const u8,
    len: usize,
) *const abi.Started {
    defer glomers.frame.endEvent();
    if (version > migration.version) return start.started(unknown(version));
    const context = start.contextOf(node_id[0..node_id_len], node_ids[0..node_count], settings[0..setting_count]);
    migration.load(&start.node, context, version, .{ .text = bytes[0..len] }) catch |err| {
        const reason = std.fmt.allocPrint(glomers.gpa, "its state cannot be read: {s}", .{@errorName(err)});
        return start.started(reason catch glomers.frame.exhausted());
    };
    return start.started(null);
}

fn unknown(version: u32) []const u8 {
    const format = "its state has version {d}; this plugin knows versions up to {d}";
    return std.fmt.allocPrint(glomers.gpa, format, .{ version, migration.version }) catch glomers.frame.exhausted();
}
