//! Driver: a whole cluster under a workload, with Maelstrom's network, services, clients and faults (spec §4–§12).
//! The same loop runs plugins in virtual time, where one seed decides everything, and processes in real time.
//!
//! The path of a message: a client, node or service `posts` it, the journal notes it, the network decides when it is
//! due, the scheduler brings it back at that time, and it is handed to its receiver.

mod clients;
pub mod cluster;
pub mod journal;
pub mod nemesis;
pub mod network;
mod nodes;
pub mod offence;
pub mod processes;
pub mod random;
pub mod readiness;
pub mod results;
mod run;
mod scheduler;
pub mod services;
pub mod simulated;

use std::num::NonZeroUsize;

use crate::checker::History;
use crate::checker::availability::Availability;
use crate::workload;

use self::cluster::{Cluster, Death};
use self::journal::Journal;
use self::nemesis::Faults;
use self::offence::Offence;
use self::random::Seed;

pub use self::readiness::Aborted;

/// What is to be tested, and how (spec §2).
#[derive(Clone, Debug)]
pub struct Test {
    /// The workload's name.
    pub workload: String,
    /// What the workload wants to know; the nodes and the number of clients among it.
    pub options: workload::Options,
    /// What is wrong with the network all the time.
    pub network: network::Options,
    /// What goes wrong now and then.
    pub faults: Faults,
    /// Mean time between nemesis operations.
    pub nemesis_interval_ns: u64,
    /// Mean operations per second of all clients together.
    pub rate: f64,
    /// Length of the main phase.
    pub time_limit_ns: u64,
    /// What fraction of operations must succeed.
    pub availability: Option<Availability>,
    /// Replicas behind `lww-kv`.
    pub lww_replicas: NonZeroUsize,
    /// Nodes are started one by one, each at a time drawn uniformly from this long. Maelstrom starts them side by side, so
    /// that one may be initialised before another is there (spec §4.1, §19.1).
    pub start_spread_ns: u64,
    /// A node that has something to do gets its turn after a time drawn uniformly from below this, as on a machine with
    /// more to do than processors to do it.
    pub scheduling_jitter_ns: u64,
    /// What Maelstrom would stop listening to a node for, and what the checkers only warn of, makes a run invalid.
    pub strict: bool,
    /// Whether they learn from each other. In Maelstrom they do not (spec §19.9).
    pub lww_merge: bool,
    /// What everything is drawn from.
    pub seed: Seed,
}

/// What happened in a run.
pub struct Run {
    /// What the clients saw.
    pub history: History,
    /// Every message.
    pub journal: Journal,
    /// Nodes that died by themselves.
    pub crashes: Vec<Crash>,
    /// What nodes and services did that they should not.
    pub offences: Vec<Offence>,
    /// Swaps of plugins, done and refused.
    pub swaps: Vec<Swap>,
    /// What each node logged.
    pub logs: Vec<String>,
    /// When the load began, on the run's clock; the history counts from here.
    pub load_began_ns: u64,
    /// When the run ended, on its own clock.
    pub ended_ns: u64,
    /// How many events the run took.
    pub events: u64,
    /// Why the run could not begin, if it could not: then there is no load, and nothing to be judged.
    pub aborted: Option<Aborted>,
}

/// A node that died by itself.
#[derive(Clone, Debug)]
pub struct Crash {
    /// Its name.
    pub node: String,
    /// When, on the run's clock.
    pub time_ns: u64,
    /// How.
    pub death: Death,
}

/// A node's plugin that was to be swapped for its successor.
#[derive(Clone, Debug)]
pub struct Swap {
    /// The node's name.
    pub node: String,
    /// When it was done or refused, on the run's clock.
    pub time_ns: u64,
    /// What is to be said about it, or why it was refused.
    pub outcome: Result<String, String>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Nanoseconds since the load began.
    pub time_ns: u64,
    /// Operations completed.
    pub ops: usize,
    /// Faults that last.
    pub faults: usize,
}

/// Runs a test on a cluster. If a node does not answer `init` or the workload's set-up in time, the run ends there.
pub fn run(
    test: &Test,
    workload: &mut dyn workload::Workload,
    cluster: &mut dyn Cluster,
    progress: &mut dyn FnMut(Progress),
) -> Run {
    run::Loop::new(test, workload, cluster, progress).run()
}
