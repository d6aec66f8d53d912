//! What a guest may use up. Every limit traps with a message that names it.

use std::time::Duration;

use wasmtime::{ResourceLimiter, bail};

/// Bounds on one guest.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of linear memory, all memories together.
    pub memory_bytes: usize,
    /// How long one event may take, in wall-clock time; checked every [`super::engine::TICK`].
    pub event_timeout: Duration,
}

impl Default for Limits {
    /// 256 MiB holds the state of any challenge many times over; 5 s is Maelstrom's own patience with a request.
    fn default() -> Limits {
        Limits { memory_bytes: 256 << 20, event_timeout: Duration::from_secs(5) }
    }
}

/// Table elements a guest may have: function pointers, of which a large program has some ten thousand.
const MAX_TABLE_ELEMENTS: usize = 1 << 20;

/// Counts what a guest has and refuses what is too much.
pub(super) struct Meter {
    memory_limit: usize,
    memory_used: usize,
}

impl Meter {
    pub(super) fn new(limits: &Limits) -> Meter {
        Meter { memory_limit: limits.memory_bytes, memory_used: 0 }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.memory_used - current + desired;
        if used > self.memory_limit {
            let mib = self.memory_limit >> 20;
            bail!("the plugin needs more than its memory limit of {mib} MiB (--max-memory)");
        }
        self.memory_used = used;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > MAX_TABLE_ELEMENTS {
            bail!("the plugin needs more than {MAX_TABLE_ELEMENTS} table elements");
        }
        Ok(true)
    }
}
