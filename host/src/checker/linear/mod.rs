//! Is a key-value store of registers linearizable? Judges the histories of the workload lin-kv (spec §9.7): one
//! register a key, with read, write and compare-and-set. A register can be judged by itself, because linearizability
//! is a local property (Herlihy & Wing 1990).
//!
//! `calls` prepares one key's operations, `search` decides, `report` says what was found in Maelstrom's terms.

mod calls;
mod report;
mod search;
mod set;
#[cfg(test)]
mod tests;

use std::time::Instant;

use super::verdict::{Explain, Finding};
use super::{History, Valid, Value};
use calls::Calls;
pub use report::{Configuration, Failure, Model, Transition};
use search::Outcome;

/// How much a verdict may cost. Deciding linearizability is NP-complete (Gibbons & Korach 1997), so a checker that
/// must end must be able to give up. Without a deadline the verdict depends on nothing but history and budget.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Configurations looked at, for each key; comparing 32 of them counts as looking at one.
    pub configurations: u64,
    /// Configurations in memory at one time; each takes about 100 bytes and 2 bits for each pending operation.
    pub alive: usize,
    /// When to stop whatever has been found.
    pub deadline: Option<Instant>,
}

/// Some twenty seconds and a hundred megabytes a key at worst; a valid history of 10,000 operations at concurrency 10
/// needs about a hundredth of a second.
impl Default for Budget {
    fn default() -> Budget {
        Budget { configurations: 50_000_000, alive: 500_000, deadline: None }
    }
}

/// The verdict on a history.
#[derive(Clone, Debug)]
pub struct LinearResult {
    /// The worst of all keys' verdicts; unknown if the history is not one of this workload.
    pub valid: Valid,
    /// Each key's verdict, in order of the keys' appearance.
    pub results: Vec<(Value, Verdict)>,
    /// Why the history, or a key of it, is not one of registers.
    pub error: Option<String>,
    violations: Vec<Finding>,
    unjudged: Vec<Finding>,
}

/// The verdict on one key.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Its operations can be put in an order that a register allows.
    Linearizable,
    /// They cannot.
    Violated(Box<Failure>),
    /// The budget did not suffice; the reason in words.
    Undecided(String),
}

impl Verdict {
    /// The verdict in three values.
    pub fn valid(&self) -> Valid {
        match self {
            Verdict::Linearizable => Valid::True,
            Verdict::Violated(_) => Valid::False,
            Verdict::Undecided(_) => Valid::Unknown,
        }
    }

    fn violation(&self) -> Option<Finding> {
        match self {
            Verdict::Violated(failure) => Some(failure.finding()),
            Verdict::Linearizable | Verdict::Undecided(_) => None,
        }
    }

    fn obstacle(&self, key: &Value) -> Option<Finding> {
        match self {
            Verdict::Undecided(reason) => Some(Finding::overall(format!("key {}: {reason}", key.told()))),
            Verdict::Linearizable | Verdict::Violated(_) => None,
        }
    }
}

impl LinearResult {
    fn unjudged(error: String) -> LinearResult {
        let unjudged = vec![Finding::overall(error.clone())];
        let (results, violations) = (Vec::new(), Vec::new());
        LinearResult { valid: Valid::Unknown, results, error: Some(error), violations, unjudged }
    }

    /// The keys that are not linearizable.
    pub fn failures(&self) -> impl Iterator<Item = &Value> {
        self.results.iter().filter(|(_, verdict)| verdict.valid() == Valid::False).map(|(key, _)| key)
    }
}

impl Explain for LinearResult {
    fn violations(&self) -> &[Finding] {
        &self.violations
    }

    fn unjudged(&self) -> &[Finding] {
        &self.unjudged
    }
}

/// Judges a history of reads, writes and compare-and-sets (`read [k, null]`, `write [k, v]`, `cas [k, [from, to]]`).
/// Reads of null are always legal, failed operations never happened, and those without a known outcome may take
/// effect at any time after their invocation or never (spec §9.7).
pub fn check(history: &History, budget: &Budget) -> LinearResult {
    let keys = match Calls::by_key(history) {
        Ok(keys) => keys,
        Err(error) => return LinearResult::unjudged(error),
    };
    let error = keys.iter().find_map(|(_, calls)| calls.malformed.clone());
    let judged = |(key, calls): (Value, Calls)| {
        let verdict = judge(history, &key, &calls, budget);
        (key, verdict)
    };
    let results: Vec<_> = keys.into_iter().map(judged).collect();
    let mut violations: Vec<Finding> =
        results.iter().filter_map(|(_, verdict)| verdict.violation()).collect();
    violations.sort_by_key(|finding| finding.op_index.unwrap_or(usize::MAX));
    let unjudged = results.iter().filter_map(|(key, verdict)| verdict.obstacle(key)).collect();
    let valid = Valid::worst(results.iter().map(|(_, verdict)| verdict.valid()));
    LinearResult { valid, results, error, violations, unjudged }
}

/// How many configurations are spent on telling in detail why a key is not linearizable, when that is settled.
const CONFIGURATIONS_TO_EXPLAIN: u64 = 100_000;

fn judge(history: &History, key: &Value, calls: &Calls, budget: &Budget) -> Verdict {
    if let Some(reason) = &calls.malformed {
        return Verdict::Undecided(reason.clone());
    }
    let impossible = calls.impossible();
    let configurations = match impossible {
        Some(_) => budget.configurations.min(CONFIGURATIONS_TO_EXPLAIN),
        None => budget.configurations,
    };
    let (outcome, _) = search::search(calls, &Budget { configurations, ..*budget });
    match (outcome, impossible) {
        (Outcome::Stuck(stuck), _) => Verdict::Violated(Box::new(Failure::new(history, key, calls, &stuck))),
        (_, Some(call)) => Verdict::Violated(Box::new(Failure::impossible(history, key, calls, call))),
        (Outcome::Linearizable, None) => Verdict::Linearizable,
        (Outcome::GaveUp { call, reason }, None) => {
            let index = calls.calls[call].returned.unwrap_or(calls.calls[call].invoked);
            Verdict::Undecided(format!("the search gave up at operation {index}: {reason}"))
        }
    }
}
