//! What the SDK asks of a host, as a trait: the imports of `wit/node.wit`, no more. `wasm` implements it over the real
//! imports, `testing` in memory; everything else in this crate knows only this trait.

use crate::error::{Error, Result};
use crate::settings::Settings;

/// Names one outstanding call. Unique for the life of a node.
pub type CallId = u64;

/// Names one timer. Unique for the life of a node.
pub type TimerId = u64;

/// Names one request that wants an answer. Unique for the life of a node.
pub type RequestId = u64;

/// The outcome of a call: the JSON that the answer carries (a body, a value, a timestamp), or the error.
pub type Outcome = Result<String>;

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// What helps to find a mistake.
    Debug,
    /// What a reader of the log wants to know.
    Info,
    /// Something odd that the node can live with.
    Warn,
    /// Something that should never happen.
    Error,
}

/// A key-value service, by the consistency it gives (spec §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Store {
    /// `lin-kv`: every operation sees all that completed before it began.
    Linearizable,
    /// `seq-kv`: a read may be stale, but never goes backwards for one node. Writing a value that is new to the store
    /// brings the writer up to date.
    Sequential,
    /// `lww-kv`: last write wins; updates can be lost.
    LastWriteWins,
}

/// Something that has an outcome: a request to a node, or an operation of a service. Bodies, keys and values are JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// A request to a node, a client or a service. Outcome: the body of the answer.
    Request {
        /// Whom to ask.
        dest: String,
        /// The body, an object.
        body: String,
    },
    /// Reads a key. Outcome: its value.
    Read {
        /// Which service.
        store: Store,
        /// Which key.
        key: String,
    },
    /// Sets a key. Outcome: `null`.
    Write {
        /// Which service.
        store: Store,
        /// Which key.
        key: String,
        /// Its new value.
        value: String,
    },
    /// Sets a key if it holds the value expected. Outcome: `null`.
    Cas {
        /// Which service.
        store: Store,
        /// Which key.
        key: String,
        /// The value it must hold.
        from: String,
        /// Its new value.
        to: String,
        /// Whether a missing key is created with the new value.
        create: bool,
    },
    /// Asks `lin-tso` for the next timestamp. Outcome: an integer.
    Timestamp,
}

/// What a node learns when it starts.
#[derive(Clone, Debug)]
pub struct Context {
    /// This node's name.
    pub node_id: String,
    /// All nodes of the cluster, this one included, in the same order on every node.
    pub node_ids: Vec<String>,
    /// The plugin's settings (`--set key=value`).
    pub settings: Settings,
}

/// The effects a node can cause. Nothing blocks; an outcome arrives later, through
/// [`Instance::on_reply`](crate::Instance::on_reply) or [`Instance::on_timer`](crate::Instance::on_timer).
pub trait Host: Send + Sync + 'static {
    /// Sends a body, an object, that expects no answer.
    fn send(&self, dest: &str, body: &str);

    /// Answers a request with a body, an object.
    fn reply(&self, to: RequestId, body: &str);

    /// Answers a request with an error.
    fn fail(&self, to: RequestId, error: &Error);

    /// Starts an operation. Its outcome comes exactly once, error 0 after `timeout_ms` milliseconds at the latest.
    fn call(&self, operation: &Operation, timeout_ms: u32) -> CallId;

    /// Asks for one event after `after_ms` milliseconds.
    fn set_timer(&self, after_ms: u32) -> TimerId;

    /// Withdraws a timer; one that has fired is ignored.
    fn cancel_timer(&self, timer: TimerId);

    /// The node's monotonic clock, in nanoseconds from an arbitrary origin.
    fn now(&self) -> u64;

    /// 64 uniformly distributed bits.
    fn random(&self) -> u64;

    /// Writes a line to the node's log.
    fn log(&self, level: Level, text: &str);
}
