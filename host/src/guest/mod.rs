//! The sandbox: wasmtime, narrowed to what a node needs. A [`Plugin`] is a component that has been compiled and
//! checked against the contract; a [`Guest`] is one running instance of it. Events go in through [`Guest`], effects
//! come out through [`Host`]; nothing else crosses.

pub mod anatomy;
mod backtrace;
pub mod cache;
mod contract;
mod engine;
mod fault;
mod instance;
mod last_words;
mod limits;
mod machinery;
mod wasi;

pub use cache::Cache;
pub use contract::{Context, Failure, Level, Message, Rejected, Saved, Store};
pub use engine::Sandbox;
pub use fault::Fault;
pub use instance::{Guest, Plugin};
pub use last_words::LastWords;
pub use limits::Limits;

/// What a guest can cause: the imports of the contract, and the little of WASI that is granted. See `wit/node.wit` for
/// what each function means. An `Err` traps the guest.
pub trait Host: 'static {
    /// `host.send`
    fn send(&mut self, dest: &str, body: &str) -> wasmtime::Result<()>;
    /// `host.reply`
    fn reply(&mut self, to: u64, body: &str) -> wasmtime::Result<()>;
    /// `host.fail`
    fn fail(&mut self, to: u64, failure: &Failure) -> wasmtime::Result<()>;
    /// `host.call`
    fn call(&mut self, dest: &str, body: &str, timeout_ms: u32) -> wasmtime::Result<u64>;
    /// `host.set-timer`
    fn set_timer(&mut self, after_ms: u32) -> wasmtime::Result<u64>;
    /// `host.cancel-timer`
    fn cancel_timer(&mut self, timer: u64);
    /// `kv.read`
    fn kv_read(&mut self, store: Store, key: &str, timeout_ms: u32) -> wasmtime::Result<u64>;
    /// `kv.write`
    fn kv_write(&mut self, store: Store, key: &str, value: &str, timeout_ms: u32) -> wasmtime::Result<u64>;
    /// `kv.cas`
    fn kv_cas(
        &mut self,
        store: Store,
        key: &str,
        from: &str,
        to: &str,
        create: bool,
        timeout_ms: u32,
    ) -> wasmtime::Result<u64>;
    /// `oracle.timestamp`
    fn timestamp(&mut self, timeout_ms: u32) -> wasmtime::Result<u64>;
    /// `host.now` and WASI's monotonic clock: nanoseconds from an arbitrary origin.
    fn now_ns(&mut self) -> u64;
    /// WASI's wall clock: nanoseconds since 1970-01-01 UTC.
    fn wall_clock_ns(&mut self) -> u64;
    /// `host.random` and WASI's random numbers.
    fn random(&mut self) -> u64;
    /// `host.log`, and lines on the guest's standard streams.
    fn log(&mut self, level: Level, origin: Origin, text: &str);
}

/// Where a log line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The host itself.
    Host,
    /// The guest's `log`.
    Plugin,
    /// The guest's standard output.
    Stdout,
    /// The guest's standard error.
    Stderr,
}

impl Origin {
    /// The word in a log line.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Host => "host",
            Origin::Plugin => "plugin",
            Origin::Stdout => "stdout",
            Origin::Stderr => "stderr",
        }
    }
}
