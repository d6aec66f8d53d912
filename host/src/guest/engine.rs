//! The wasmtime engine and its settings, and the clock that interrupts guests which do not return.

use std::num::NonZeroUsize;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use wasmtime::{Config, Engine};

/// How often running guests are checked against their event timeout. Coarse, because it costs a wake-up each time.
pub(super) const TICK: Duration = Duration::from_millis(20);

/// An engine that compiles and runs plugins. One per process is enough.
pub struct Sandbox {
    engine: Engine,
    /// Dropping it ends the ticker thread.
    _ticker: Sender<()>,
}

impl Sandbox {
    /// Makes an engine and starts its ticker.
    pub fn new() -> wasmtime::Result<Sandbox> {
        let engine = Engine::new(&config())?;
        let (ticker, stopped) = channel();
        let weak = engine.weak();
        thread::Builder::new().name("epoch".into()).spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let Some(engine) = weak.upgrade() else { return };
                engine.increment_epoch();
            }
        })?;
        Ok(Sandbox { engine, _ticker: ticker })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// How many ticks an event may last: rounded up, and one more because the first may come at once.
pub(super) fn ticks(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX / 2) + 1
}

/// Settings for guests that are fast to call and deterministic: the same events give the same effects anywhere.
fn config() -> Config {
    let mut config = Config::new();
    // The contract is synchronous; without support for component-model async a call costs a third.
    config.concurrency_support(false);
    // Epochs cost about half of what fuel costs.
    config.epoch_interruption(true);
    // A panic's machinery alone has a dozen frames, and how deep a recursion went tells what it was.
    config.wasm_backtrace_max_frames(NonZeroUsize::new(1 << 10));
    // Tells an overflow of the guest's stack from other accesses beyond memory. Costs nothing until a guest dies.
    config.coredump_on_trap(true);
    // Whatever differs between machines is pinned down; threads are not even compiled in.
    config.cranelift_nan_canonicalization(true);
    config.relaxed_simd_deterministic(true);
    config
}
