//! How a guest died: the reason in one line, and where in the plugin.

use std::fmt;

use wasmtime::{Trap, WasmBacktrace};

/// The end of a guest. Its memory is in no known state, so it cannot be called again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong, in one line.
    pub reason: String,
    /// The guest's frames, innermost first, with file and line where the plugin carries them.
    pub backtrace: Vec<String>,
}

impl Fault {
    /// A fault found by the host, with no guest frames.
    pub fn new(reason: impl Into<String>) -> Fault {
        Fault { reason: reason.into(), backtrace: Vec::new() }
    }

    pub(super) fn from_error(error: &wasmtime::Error, event_timeout: std::time::Duration) -> Fault {
        let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
        let reason = match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => {
                format!("one event took longer than {event_timeout:?} (--event-timeout)")
            }
            Some(Trap::StackOverflow) => "the plugin's stack overflowed (endless recursion?)".to_owned(),
            Some(Trap::UnreachableCodeReached) => "the plugin panicked or aborted".to_owned(),
            Some(trap) => format!("the plugin trapped: {trap}"),
            None => root_cause(error),
        };
        Fault { reason, backtrace }
    }
}

/// The innermost message, on one line; wasmtime's outer ones only repeat the backtrace.
fn root_cause(error: &wasmtime::Error) -> String {
    let cause = error.root_cause().to_string();
    let cause = cause.lines().collect::<Vec<_>>().join(" ");
    match cause.strip_prefix("unknown import: `").and_then(|rest| rest.split_once('`')) {
        Some((import, _)) => format!("the sandbox does not offer {import}"),
        None => cause,
    }
}

fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    backtrace.frames().iter().map(frame).collect()
}

fn frame(frame: &wasmtime::FrameInfo) -> String {
    let function = frame.func_name().map_or_else(
        || format!("function {}", frame.func_index()),
        |name| format!("{:#}", rustc_demangle::demangle(name)),
    );
    let place = frame.symbols().iter().find_map(|symbol| {
        let file = symbol.file()?;
        Some(format!(" at {file}:{}", symbol.line().unwrap_or(0)))
    });
    function + &place.unwrap_or_default()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Fault {}
