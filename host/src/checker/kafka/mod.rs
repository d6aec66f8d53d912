//! Replicated logs: judges histories of `send`, `poll`, `assign` and `crash` on append-only logs with offsets (the
//! workload kafka, spec §9.8; the anomalies are those of Jepsen's checker for Kafka-like systems). A system may be late
//! as long as every acknowledged message is polled in the end; it may not lose, reorder, repeat or invent any.
//!
//! `records` reads the history, `logs` puts together what each log held, `sessions` follows each client, `contents`
//! compares sends with polls, `cycles` looks for contradictions in time, `lag` measures, `report` names the results.

mod cases;
mod contents;
mod cycles;
mod lag;
mod logs;
mod records;
mod report;
mod sessions;
#[cfg(test)]
mod tests;

use super::txn::evidence::Evidence;
use super::{History, Kind, Valid, Value};
use cases::Cases;
pub use contents::Unseen;
pub use lag::Lag;
use logs::Logs;
use records::Records;
pub use report::KafkaResult;

/// What to look for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether sends depend on each other in the order of their offsets. Then cycles through sends can be found, and
    /// are allowed, because sends are not isolated from each other. Maelstrom does not use this.
    pub ww_deps: bool,
}

/// One kind of error.
#[derive(Clone, Debug)]
pub struct Errors {
    /// Jepsen's name for the kind.
    pub name: &'static str,
    /// How often it occurred; at least once.
    pub count: usize,
    /// The first 256 cases.
    pub cases: Vec<Evidence>,
}

/// Errors that are reported but do not make a history invalid: the sends of one transaction may interleave with
/// others (spec §9.8).
const ALLOWED: [&str; 6] =
    ["int-send-skip", "G0", "G0-process", "G0-realtime", "PL-1-cycle-exists", "strong-PL-1-cycle-exists"];

/// Errors that mean nothing more once sends depend on each other.
const ALLOWED_WITH_WW_DEPS: [&str; 5] =
    ["G1c", "G1c-process", "G1c-realtime", "PL-2-cycle-exists", "strong-PL-2-cycle-exists"];

impl Errors {
    /// Whether errors of this kind make a history invalid.
    pub fn are_bad(&self, options: &Options) -> bool {
        let is_allowed_with_ww_deps = options.ww_deps && ALLOWED_WITH_WW_DEPS.contains(&self.name);
        !is_allowed_with_ww_deps && !ALLOWED.contains(&self.name)
    }
}

/// Judges a history of `send [["send", k, v]]`, `poll [["poll", {k: [[offset, v], …]}]]`, `assign [k, …]` and `crash`;
/// `txn` may mix sends and polls.
///
/// Where Jepsen's checker fails on the history, the verdict is unknown, unless errors were found that are certain.
pub fn check(history: &History, options: &Options) -> KafkaResult {
    let records = Records::of(history);
    let logs = Logs::of(&records);
    let cycles = cycles::find(history, &records, &logs, options);

    let mut errors: Vec<Errors> = Vec::new();
    let mut add = |name, Cases { count, kept }: Cases| {
        let cases = kept.into_iter().map(Evidence::Case).collect();
        errors.extend((count > 0).then_some(Errors { name, count, cases }));
    };
    add("G1a", contents::aborted_reads(&records));
    add("unwritten-read", contents::unwritten_reads(&records));
    add("precommitted-read", contents::precommitted_reads(&records));
    add("lost-write", contents::lost_writes(&records, &logs));
    add("duplicate", logs.duplicates(&records));
    add("inconsistent-offsets", logs.inconsistent_offsets(&records));
    let polls = sessions::polls(history, &records, &logs);
    add("poll-skip", polls.skips);
    add("nonmonotonic-poll", polls.nonmonotonic);
    add("nonmonotonic-send", sessions::nonmonotonic_sends(history, &records, &logs));
    let inside_polls = sessions::inside_polls(&records, &logs);
    add("int-poll-skip", inside_polls.skips);
    add("int-nonmonotonic-poll", inside_polls.nonmonotonic);
    let inside_sends = sessions::inside_sends(&records, &logs);
    add("int-send-skip", inside_sends.skips);
    add("int-nonmonotonic-send", inside_sends.nonmonotonic);
    errors.extend(cycles.errors);
    errors.sort_by_key(|errors| errors.name);
    // What was left out may have been the poll that is missed.
    errors.retain(|errors| records.malformed.is_empty() || !NEED_EVERY_OPERATION.contains(&errors.name));
    let mut obstacles = obstacles(history, &records, &logs);
    if !obstacles.is_empty() {
        errors.retain(|errors| errors.name != EMPTY_GRAPH);
    }
    let unseen = contents::unseen(&records, !obstacles.is_empty()).filter(|_| records.malformed.is_empty());
    let is_bad = unseen.is_some() || errors.iter().any(|errors| errors.are_bad(options));
    if !cycles.is_complete {
        obstacles.push("the search for cycles was given up after a fixed number of steps".to_owned());
    }
    let valid = match (is_bad, obstacles.is_empty()) {
        (true, _) => Valid::False,
        (false, true) => Valid::True,
        (false, false) => Valid::Unknown,
    };
    KafkaResult {
        valid,
        obstacles,
        errors,
        unseen,
        worst_realtime_lag: lag::worst(history, &records),
        info_txn_causes: info_txn_causes(&records),
        options: *options,
        violations: Vec::new(),
        unjudged: Vec::new(),
    }
    .explained(history)
}

/// What Elle calls a history in which nothing depends on anything.
const EMPTY_GRAPH: &str = "empty-transaction-graph";

/// Errors that are none if another operation did what is missed.
const NEED_EVERY_OPERATION: [&str; 4] = ["lost-write", "poll-skip", "unwritten-read", EMPTY_GRAPH];

/// Obstacles of one kind that are told.
const OBSTACLES: usize = 8;

/// What Jepsen's checker fails on. It then gives no verdict.
fn obstacles(history: &History, records: &Records, logs: &Logs) -> Vec<String> {
    let mut obstacles: Vec<String> = records.malformed.iter().take(OBSTACLES).cloned().collect();
    if history.client_ops().next().is_none() {
        obstacles.push("the history is empty".to_owned());
    }
    obstacles.extend(contents::unfinished_sends(records).take(OBSTACLES));
    obstacles.extend(contents::keys_polled_in_vain(records, logs).take(OBSTACLES));
    obstacles.extend(logs.negative_offsets(records).take(OBSTACLES));
    obstacles
}

/// The errors of operations without a known outcome, each once, in order of appearance.
fn info_txn_causes(records: &Records) -> Vec<Value> {
    let mut causes: Vec<Value> = Vec::new();
    for record in records.ops.iter().filter(|record| record.op.kind == Kind::Info) {
        let cause = record.op.error.clone().unwrap_or_default();
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    causes
}
