//! How a guest died: the reason in one line, its own words first, and where in the plugin.

use std::fmt;
use std::time::Duration;

use wasmtime::{AsContextMut, Mutability, Trap, Val, WasmBacktrace, WasmCoreDump};

use super::backtrace;
use super::last_words::{LastWords, Told};

/// The end of a guest. Its memory is in no known state, so it cannot be called again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong, in one line: what the guest itself said of it, or else what the host saw.
    pub reason: String,
    /// The author's own functions, innermost first, with file and line where the language tells them.
    pub frames: Vec<String>,
}

/// The guest asked for its end: `exit` of WASI.
#[derive(Debug)]
pub(super) struct Exited {
    pub is_success: bool,
}

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = if self.is_success { "exit(0)" } else { "exit with a status that is not 0" };
        write!(
            f,
            "the plugin called {status}; a node runs until the host ends it, so return from the event instead"
        )
    }
}

impl std::error::Error for Exited {}

impl Fault {
    /// A fault found by the host, with no guest frames.
    pub fn new(reason: impl Into<String>) -> Fault {
        Fault { reason: reason.into(), frames: Vec::new() }
    }

    /// The guest's own refusal, with the frames it may have told of before.
    pub(super) fn refusal(reason: impl Into<String>, words: &LastWords) -> Fault {
        Fault { reason: reason.into(), frames: words.tell().frames }
    }

    /// How a guest died whose event failed with this error, after it had said this.
    pub(super) fn of(
        error: &wasmtime::Error,
        said: &LastWords,
        event_timeout: Duration,
        store: impl AsContextMut,
    ) -> Fault {
        let Told { reason, frames } = said.tell();
        let seen = Seen::of(error, store);
        let is_failure = matches!(seen, Seen::Exit { is_success: false });
        let reason = match reason {
            // With frames it is how the runtime of a language ends its program.
            Some(words) if matches!(seen, Seen::Abort) || is_failure && !frames.is_empty() => words,
            words if is_failure => match words.or_else(|| said.last_remark()) {
                Some(words) => format!("{words}; then the plugin called exit"),
                None => seen.sentence(error, event_timeout),
            },
            _ => seen.sentence(error, event_timeout),
        };
        let frames = if frames.is_empty() { own_frames(error) } else { frames };
        Fault { reason, frames }
    }
}

/// What the host saw of a guest's end.
#[derive(Clone, Copy)]
enum Seen {
    /// A trap instruction, which is how panics and aborts end.
    Abort,
    Exit {
        is_success: bool,
    },
    StackOverflow,
    Timeout,
    OtherTrap(Trap),
    /// The host itself refused something.
    Refusal,
}

impl Seen {
    fn of(error: &wasmtime::Error, store: impl AsContextMut) -> Seen {
        if let Some(Exited { is_success }) = error.downcast_ref() {
            return Seen::Exit { is_success: *is_success };
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::UnreachableCodeReached) => Seen::Abort,
            Some(Trap::Interrupt) => Seen::Timeout,
            Some(Trap::StackOverflow) => Seen::StackOverflow,
            Some(Trap::MemoryOutOfBounds) if is_stack_exhausted(error, store) => Seen::StackOverflow,
            Some(trap) => Seen::OtherTrap(*trap),
            None => Seen::Refusal,
        }
    }

    fn sentence(self, error: &wasmtime::Error, event_timeout: Duration) -> String {
        match self {
            Seen::Abort => {
                "the plugin aborted (abort() or a trap instruction) and did not say why; log a line before it to find the place".to_owned()
            }
            Seen::StackOverflow => {
                "stack overflow: a recursion without end, or more on the stack than fits there".to_owned()
            }
            Seen::Timeout => format!(
                "one event took longer than {event_timeout:?}: a loop without end, or too much work for one event \
                 (--event-timeout)"
            ),
            Seen::OtherTrap(trap) => format!("the plugin trapped: {}", explained(trap)),
            Seen::Exit { .. } | Seen::Refusal => root_cause(error),
        }
    }
}

/// A trap with what usually leads to it.
fn explained(trap: Trap) -> String {
    let hint = match trap {
        Trap::MemoryOutOfBounds => " (a wrong pointer or index)",
        Trap::IndirectCallToNull | Trap::BadSignature | Trap::TableOutOfBounds => {
            " (a wrong function pointer)"
        }
        _ => "",
    };
    format!("{trap}{hint}")
}

/// Whether an access beyond memory was one to a stack that had no room left. Compilers put a guest's stack at the bottom of
/// its memory, below all data, so that an overflow does no harm: the pointer falls below zero. It is a mutable global, and
/// nothing else in a guest is a multiple of sixteen so little below zero.
fn is_stack_exhausted(error: &wasmtime::Error, mut store: impl AsContextMut) -> bool {
    const LARGEST_FRAME: i32 = 64 << 20;
    let Some(dump) = error.downcast_ref::<WasmCoreDump>() else { return false };
    dump.globals().iter().any(|global| {
        let is_mutable = global.ty(store.as_context_mut()).mutability() == Mutability::Var;
        let value = global.get(store.as_context_mut());
        is_mutable
            && matches!(value, Val::I32(value) if (-LARGEST_FRAME..0).contains(&value) && value % 16 == 0)
    })
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

fn own_frames(error: &wasmtime::Error) -> Vec<String> {
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let frames = backtrace.map(WasmBacktrace::frames).unwrap_or_default();
    backtrace::own(frames.iter().map(wasmtime::FrameInfo::func_name))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Fault {}
