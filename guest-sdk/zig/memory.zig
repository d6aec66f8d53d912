//! Where things lie: what an event needs in an arena that is emptied after it, all else on the heap.

const std = @import("std");

/// For what a node remembers.
pub const gpa = std.heap.wasm_allocator;

var of_event: std.heap.ArenaAllocator = .init(gpa);

/// For what is needed until the event is over: what a handler or a callback is given lies here.
pub const arena = of_event.allocator();

/// Ends an event. A large one must not keep its memory for ever.
pub fn endEvent() void {
    _ = of_event.reset(.{ .retain_with_limit = 1 << 20 });
}

/// The host traps where its limit is passed, so this is for a limit beyond what 32 bits can address.
pub fn exhausted() noreturn {
    @panic("out of memory");
}
