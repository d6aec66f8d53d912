//! What is asked of the system under test. One file a workload says everything about it: its requests and replies, its
//! generator, how its history is checked (spec §9). A workload knows no clock and no network: the bench asks it for
//! operations, carries its requests to a node and brings the replies back.

mod broadcast;
mod counter;
mod echo;
mod errors;
mod final_reads;
mod g_set;
mod kafka;
mod lin_kv;
mod reply;
#[cfg(test)]
mod simulation;
mod topology;
mod txn;
mod txn_list_append;
mod txn_rw_register;
mod unique_ids;

use rand::Rng;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::checker::verdict::{Explain, Finding};
use crate::checker::{History, Op, Valid, Value};
use crate::protocol::quote;

pub use errors::Errors;
pub use reply::{Malformed, Schema};
pub use topology::Topology;

/// How long a client waits for a reply, unless the workload says otherwise (spec §18).
const RPC_TIMEOUT_MS: u64 = 5_000;

/// The workloads that [`named`] knows (spec §2.1).
pub const NAMES: [&str; 10] = [
    "broadcast",
    "echo",
    "g-counter",
    "g-set",
    "kafka",
    "lin-kv",
    "pn-counter",
    "txn-list-append",
    "txn-rw-register",
    "unique-ids",
];

/// The workload of that name, ready to begin. Fails, in words, if there is none or if it cannot work with the options.
pub fn named(name: &str, options: &Options) -> Result<Box<dyn Workload>, String> {
    options.check()?;
    Ok(match name {
        "broadcast" => Box::new(broadcast::Broadcast::new(options)),
        "echo" => Box::new(echo::Echo),
        "g-counter" => Box::new(counter::Counter::grow_only(options)),
        "g-set" => Box::new(g_set::GSet::new(options)),
        "kafka" => Box::new(kafka::Kafka::new(options)),
        "lin-kv" => Box::new(lin_kv::LinKv::new(options)?),
        "pn-counter" => Box::new(counter::Counter::positive_negative(options)),
        "txn-list-append" => Box::new(txn_list_append::TxnListAppend::new(options)?),
        "txn-rw-register" => Box::new(txn_rw_register::TxnRwRegister::new(options)?),
        "unique-ids" => Box::new(unique_ids::UniqueIds),
        _ => return Err(format!("unknown workload {}; there are {}", quote(name), NAMES.join(", "))),
    })
}

/// What the command line says that a workload may want to know (spec §2).
#[derive(Clone, Debug)]
pub struct Options {
    /// The nodes, in the cluster's order.
    pub nodes: Vec<String>,
    /// Client workers, numbered from 0; worker `w` talks to node `w mod n`.
    pub concurrency: usize,
    /// Broadcast's neighbours.
    pub topology: Topology,
    /// Mean one-way latency between servers, in milliseconds.
    pub latency_ms: u64,
    /// Keys that are active at the same time (kafka, txn).
    pub key_count: usize,
    /// Most micro-operations in a transaction.
    pub max_txn_length: usize,
    /// Most writes to one key before it is retired (kafka, txn).
    pub max_writes_per_key: u64,
    /// What the transaction workloads must live up to.
    pub consistency_models: String,
}

impl Options {
    /// Refuses what would leave a generator without anything to generate.
    fn check(&self) -> Result<(), String> {
        let counts = [
            ("nodes", self.nodes.len()),
            ("concurrency", self.concurrency),
            ("key-count", self.key_count),
            ("max-txn-length", self.max_txn_length),
            ("max-writes-per-key", usize::from(self.max_writes_per_key > 0)),
        ];
        match counts.iter().find(|(_, count)| *count == 0) {
            Some((option, _)) => Err(format!("--{option}: there must be at least 1")),
            None => Ok(()),
        }
    }
}

/// How the clients of a workload behave (spec §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clients {
    /// Whether a client goes on under the same name after an operation whose outcome is unknown.
    pub reusable: bool,
    /// How long a client waits for each reply.
    pub timeout_ms: u64,
    /// Whether definite errors become `fail`. Otherwise every error is an exception and the outcome open.
    pub maps_errors: bool,
}

/// An operation to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// Its name in the history.
    pub f: &'static str,
    /// Its argument in the history.
    pub value: Value,
    /// `seek-to-beginning?` in the history.
    pub seek_to_beginning: bool,
}

impl Invocation {
    fn new(f: &'static str, value: impl Into<Value>) -> Invocation {
        Invocation { f, value: value.into(), seek_to_beginning: false }
    }
}

/// What a client does next for the operation in hand.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send this body, an object without `msg_id`, to the worker's node and wait for the reply.
    Request(String),
    /// The operation has happened; its result.
    Ok(Value),
    /// The client crashes on purpose (kafka): the outcome is open, and the worker gets a new client.
    Crash,
}

/// What the final phase wants of a worker (spec §11.3).
#[derive(Clone, Debug, PartialEq)]
pub enum Final {
    /// This operation, after that many milliseconds.
    Invoke(Invocation, u64),
    /// Nothing more.
    Done,
}

/// What a checker found, in the form all workloads share. It serializes as its `result`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Checked {
    /// The verdict.
    #[serde(skip)]
    pub valid: Valid,
    /// Maelstrom's result map for the workload, `valid?` included, as JSON: integers keep all their digits.
    pub result: Box<RawValue>,
    /// Why it is not valid, in words, the earliest offence first. Empty unless it is invalid.
    #[serde(skip)]
    pub violations: Vec<Finding>,
    /// What could not be judged, and why, whatever the verdict.
    #[serde(skip)]
    pub unjudged: Vec<Finding>,
    /// What is suspicious but not Maelstrom's business. Changes the verdict only through [`Checked::hold_strictly`].
    #[serde(skip)]
    pub warnings: Vec<Finding>,
}

impl Checked {
    /// The result when there was nothing to look at.
    pub fn unknown() -> Checked {
        let valid = Valid::Unknown;
        let result = to_raw_value(&serde_json::json!({ "valid?": valid })).expect("it can be written");
        Checked { valid, result, violations: Vec::new(), unjudged: Vec::new(), warnings: Vec::new() }
    }

    fn new(valid: Valid, result: &(impl Explain + Serialize)) -> Checked {
        Checked {
            valid,
            result: to_raw_value(result).expect("results have string keys and can always be written"),
            violations: result.violations().to_vec(),
            unjudged: result.unjudged().to_vec(),
            warnings: result.warnings().to_vec(),
        }
    }

    /// What `--strict` asks for: warnings of what the system should never have shown become violations, and a history
    /// with any is invalid. The result map stays what Maelstrom says.
    pub fn hold_strictly(&mut self) {
        let strict = self.warnings.extract_if(.., |warning| warning.is_strict);
        self.violations.extend(strict);
        if !self.violations.is_empty() {
            self.valid = Valid::False;
        }
    }
}

/// A workload. Workers are numbered below [`Options::concurrency`]; each has at most one operation in hand.
pub trait Workload {
    /// The names of its operations in a history.
    fn operations(&self) -> &'static [&'static str];

    /// How its clients behave.
    fn clients(&self) -> Clients;

    /// Whether an operation can be repeated without harm, so that an unknown outcome counts as `fail`.
    fn is_idempotent(&self, f: &str) -> bool {
        let _ = f;
        false
    }

    /// Operations that never succeed and need not, whatever the stats checker thinks of it (spec §12.2).
    fn never_succeed(&self) -> &'static [&'static str] {
        &[]
    }

    /// A request that each node must answer before the load begins, a body without `msg_id`, and the reply to it.
    fn setup(&self, node: &str) -> Option<(String, &'static Schema)> {
        let _ = node;
        None
    }

    /// The next operation for a free worker; `None` if there is nothing for it. `elapsed_ms` counts from the beginning
    /// of the load.
    fn next(&mut self, worker: usize, elapsed_ms: u64, rng: &mut dyn Rng) -> Option<Invocation>;

    /// Whether final operations follow after a quiet period.
    fn has_final_phase(&self) -> bool {
        false
    }

    /// The next final operation for a worker. `elapsed_ms` counts from the beginning of the final phase.
    fn next_final(&mut self, worker: usize, elapsed_ms: u64) -> Final {
        let _ = (worker, elapsed_ms);
        Final::Done
    }

    /// A worker has a new client: whatever its old one remembered is gone.
    fn reconnect(&mut self, worker: usize) {
        let _ = worker;
    }

    /// A worker begins an operation.
    fn begin(&mut self, worker: usize, invocation: &Invocation) -> Step;

    /// A worker's reply is here; it is not an error. A reply that does not have exactly the fields it should have is
    /// malformed (spec §3.3).
    fn reply(&mut self, worker: usize, invocation: &Invocation, body: Value) -> Result<Step, Malformed>;

    /// An operation has been completed, by whatever outcome: for generators that look at what happened.
    fn observe(&mut self, completion: &Op) {
        let _ = completion;
    }

    /// Judges the history.
    fn check(&self, history: &History) -> Checked;
}

#[cfg(test)]
mod tests {
    use super::simulation::{Answer, Simulation, options};
    use super::*;

    fn requests(name: &str, seed: u64) -> Vec<String> {
        Simulation::with(name, options(), seed).run(300, |_, _| Answer::Error).requests
    }

    #[test]
    fn the_seed_decides_what_is_asked() {
        for name in NAMES {
            assert_eq!(requests(name, 7), requests(name, 7), "{name}");
            assert!(name == "unique-ids" || requests(name, 7) != requests(name, 8), "{name}");
        }
    }

    #[test]
    fn every_request_is_an_object_with_its_type_first_and_no_message_id() {
        for request in NAMES.iter().flat_map(|name| requests(name, 0)) {
            let body = Value::from_json(&request).unwrap();
            assert!(request.starts_with(r#"{"type":""#) && body.get("msg_id").is_none(), "{request}");
        }
    }

    #[test]
    fn a_server_that_only_fails_leaves_every_checker_something_to_say() {
        for name in NAMES {
            let checked = Simulation::of(name).run(50, |_, _| Answer::Error).check();
            assert!(checked.result.get().starts_with(r#"{"valid?":"#), "{name}: {}", checked.result.get());
        }
    }

    #[test]
    fn an_unknown_workload_is_refused_with_the_known_ones() {
        let error = named("paxos", &options()).err().unwrap();
        assert!(error.starts_with("unknown workload paxos; there are broadcast, echo,"), "{error}");
    }

    #[test]
    fn options_that_leave_nothing_to_do_are_refused() {
        let error = |options: Options| named("kafka", &options).err().unwrap();
        assert_eq!(error(Options { nodes: Vec::new(), ..options() }), "--nodes: there must be at least 1");
        assert_eq!(error(Options { concurrency: 0, ..options() }), "--concurrency: there must be at least 1");
        assert_eq!(error(Options { key_count: 0, ..options() }), "--key-count: there must be at least 1");
        let no_writes = Options { max_writes_per_key: 0, ..options() };
        assert_eq!(error(no_writes), "--max-writes-per-key: there must be at least 1");
    }
}
