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
/// The verdict is unknown where Jepsen's checker fails on the history. What was found is reported all the same.
pub fn check(history: &History, options: &Options) -> KafkaResult {
    let records = match Records::of(history) {
        Ok(records) => records,
        Err(obstacle) => return KafkaResult::unjudged(obstacle),
    };
    let logs = Logs::of(&records);
    let cycles = cycles::find(history, &records, &logs, options);
    let unseen = contents::unseen(&records);

    let mut errors: Vec<Errors> = Vec::new();
    let mut add = |name, Cases { count, kept }: Cases| {
        let cases = kept.into_iter().map(Evidence::Case).collect();
        errors.extend((count > 0).then_some(Errors { name, count, cases }));
    };
    add("G1a", contents::aborted_reads(&records));
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

    let obstacles = obstacles(history, &records, &logs);
    let is_bad = unseen.is_some() || errors.iter().any(|errors| errors.are_bad(options));
    let valid = match (obstacles.is_empty(), is_bad) {
        (false, _) => Valid::Unknown,
        (true, true) => Valid::False,
        (true, false) if cycles.is_complete => Valid::True,
        (true, false) => Valid::Unknown,
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
    }
    .explained(history)
}

/// Obstacles of one kind that are told.
const OBSTACLES: usize = 8;

/// What Jepsen's checker fails on. It then gives no verdict, and neither do we; but we say why.
fn obstacles(history: &History, records: &Records, logs: &Logs) -> Vec<String> {
    let mut obstacles = Vec::new();
    if history.client_ops().next().is_none() {
        obstacles.push("the history is empty".to_owned());
    }
    obstacles.extend(contents::unsent_messages(records).take(OBSTACLES));
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
