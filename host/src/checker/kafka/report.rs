//! The results under Maelstrom's names and in words. Nothing is decided here.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::super::txn::evidence::{Evidence, Field};
use super::super::verdict::{Explain, Finding};
use super::super::{History, Process, Valid, Value};
use super::logs::listed;
use super::{Errors, Lag, Options, Unseen};

/// The verdict on a history of logs.
#[derive(Clone, Debug)]
pub struct KafkaResult {
    /// Invalid if there are errors that are not allowed; else unknown if there are obstacles.
    pub valid: Valid,
    /// What could not be judged, in words.
    pub obstacles: Vec<String>,
    /// What was found, in order of the names.
    pub errors: Vec<Errors>,
    /// The messages that were never seen.
    pub unseen: Option<Unseen>,
    /// The stalest poll.
    pub worst_realtime_lag: Option<Lag>,
    /// Why operations had no known outcome: each error once.
    pub info_txn_causes: Vec<Value>,
    pub(super) options: Options,
    pub(super) violations: Vec<Finding>,
    pub(super) unjudged: Vec<Finding>,
}

/// Findings shown for one kind of error.
const FINDINGS: usize = 8;

/// Unseen messages shown for one key.
const UNSEEN_SHOWN: usize = 32;

impl KafkaResult {
    /// Adds the findings in words, the earliest first.
    pub(super) fn explained(mut self, history: &History) -> KafkaResult {
        let bad = self.errors.iter().filter(|errors| errors.are_bad(&self.options));
        // One of each kind before the second of any: a kind with many cases must not hide the others.
        let ranked = bad.flat_map(|errors| errors.findings(history).enumerate());
        let mut ranked: Vec<(usize, Finding)> = ranked.collect();
        ranked.sort_by_key(|(rank, finding)| (*rank > 0, finding.op_index.unwrap_or(usize::MAX)));
        let mut findings: Vec<Finding> = ranked.into_iter().map(|(_, finding)| finding).collect();
        findings.extend(self.unseen.iter().map(|unseen| Finding::overall(unseen.sentence())));
        self.violations = findings;
        self.unjudged = self.obstacles.iter().map(|obstacle| Finding::overall(obstacle.clone())).collect();
        self
    }

    /// The kinds of errors found, in order.
    pub fn error_types(&self) -> Vec<&'static str> {
        self.names(|_| true)
    }

    /// Those that make the history invalid.
    pub fn bad_error_types(&self) -> Vec<&'static str> {
        self.names(|errors| errors.are_bad(&self.options))
    }

    fn names(&self, keep: impl Fn(&Errors) -> bool) -> Vec<&'static str> {
        let kept = self.errors.iter().filter(|errors| keep(errors)).map(|errors| errors.name);
        let mut names: Vec<&'static str> = kept.chain(self.unseen.iter().map(|_| "unseen")).collect();
        names.sort_unstable();
        names
    }
}

impl Explain for KafkaResult {
    fn violations(&self) -> &[Finding] {
        &self.violations
    }

    fn unjudged(&self) -> &[Finding] {
        &self.unjudged
    }
}

impl Errors {
    fn findings(&self, history: &History) -> impl Iterator<Item = Finding> {
        let shown: Vec<_> = self.shown().into_iter().take(FINDINGS).collect();
        let more = self.count.saturating_sub(shown.len());
        let more = (more > 0).then(|| Finding::overall(format!("{}: so many more: {more}", self.name)));
        let told = shown.into_iter().map(|evidence| {
            let text = format!("{}: {}", self.name, evidence.sentence());
            let op = match evidence {
                Evidence::Case(case) => case.op,
                Evidence::CycleExists(existing) => existing.scc.first().copied(),
                Evidence::Cycle(_) | Evidence::CutShort(_) | Evidence::EmptyGraph => None,
            };
            let finding = match op.and_then(|index| history.ops().get(index)) {
                Some(op) => Finding::at(op, text),
                None => Finding::overall(text),
            };
            finding.involving(evidence.parts())
        });
        told.chain(more)
    }

    /// The cases that Jepsen shows: the worst ones of the kinds that may have many.
    fn shown(&self) -> Vec<&Evidence> {
        let mut cases: Vec<&Evidence> = self.cases.iter().collect();
        match self.name {
            "duplicate" => cases.sort_by_key(|case| integer(case, "count")),
            "inconsistent-offsets" => cases.sort_by_key(|case| length(case, "values")),
            "int-nonmonotonic-poll" | "int-nonmonotonic-send" | "nonmonotonic-poll" | "nonmonotonic-send" => {
                cases.sort_by_key(|case| integer(case, "delta"));
            }
            "int-poll-skip" | "int-send-skip" | "poll-skip" => {
                cases.sort_by_key(|case| integer(case, "delta"));
                cases.drain(..cases.len().saturating_sub(8));
            }
            name if name.starts_with("G0") || name.starts_with("G1c") => {
                cases.sort_by_key(|case| length(case, "steps"));
            }
            _ => {}
        }
        let most = if matches!(self.name, "duplicate" | "inconsistent-offsets") { 32 } else { 8 };
        cases.truncate(most);
        cases
    }
}

fn field<'e>(evidence: &'e Evidence, name: &str) -> Option<&'e Value> {
    let Evidence::Case(case) = evidence else { return None };
    case.fields.iter().find_map(|(other, field)| match field {
        Field::Value(value) if *other == name => Some(value),
        _ => None,
    })
}

fn integer(evidence: &Evidence, name: &str) -> Option<i64> {
    field(evidence, name)?.as_i64()
}

fn length(evidence: &Evidence, name: &str) -> Option<usize> {
    Some(field(evidence, name)?.as_list()?.len())
}

impl Unseen {
    /// What was never seen, in one sentence.
    pub fn sentence(&self) -> String {
        let keys = self
            .messages
            .iter()
            .map(|(key, messages)| format!("{} of key {key}", listed(messages), key = key.told()));
        let keys: Vec<String> = keys.take(FINDINGS).collect();
        let more = match self.messages.len() - keys.len() {
            0 => String::new(),
            more => format!("; and of {more} more keys"),
        };
        format!("unseen: no poll ever returned these messages: {}{more}", keys.join("; "))
    }
}

/// As Maelstrom's results, with all kinds of errors under their names: `{count, errs}`.
impl Serialize for KafkaResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("valid?", &self.valid)?;
        if !self.obstacles.is_empty() {
            map.serialize_entry("error", &self.obstacles)?;
        }
        map.serialize_entry("worst-realtime-lag", &LagResult(self.worst_realtime_lag.as_ref()))?;
        map.serialize_entry("bad-error-types", &self.bad_error_types())?;
        map.serialize_entry("error-types", &self.error_types())?;
        map.serialize_entry("info-txn-causes", &self.info_txn_causes)?;
        for errors in &self.errors {
            map.serialize_entry(errors.name, errors)?;
        }
        if let Some(unseen) = &self.unseen {
            map.serialize_entry("unseen", unseen)?;
        }
        map.end()
    }
}

impl Serialize for Errors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("count", &self.count)?;
        match self.cases[..] {
            [Evidence::EmptyGraph] => map.serialize_entry("errs", &true)?,
            _ => map.serialize_entry("errs", &self.shown())?,
        }
        map.end()
    }
}

impl Serialize for Unseen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = self.messages.iter().map(|(key, messages)| (name(key), messages.len()));
        let shown = |messages: &std::collections::BTreeSet<Value>| -> Vec<Value> {
            messages.iter().take(UNSEEN_SHOWN).cloned().collect()
        };
        let messages = self.messages.iter().map(|(key, messages)| (name(key), shown(messages)));
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("time", &self.time_ns)?;
        map.serialize_entry("unseen", &counts.collect::<std::collections::BTreeMap<_, _>>())?;
        map.serialize_entry("messages", &messages.collect::<std::collections::BTreeMap<_, _>>())?;
        map.end()
    }
}

/// A key of a JSON object.
fn name(key: &Value) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}

/// In seconds.
struct LagResult<'a>(Option<&'a Lag>);

impl Serialize for LagResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = |ns: u64| ns as f64 / 1e9;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &seconds(self.0.map_or(0, |lag| lag.time_ns)))?;
        if let Some(Lag { process, key, .. }) = self.0 {
            let process: &Process = process;
            map.serialize_entry("process", process)?;
            map.serialize_entry("key", key)?;
        }
        map.serialize_entry("lag", &seconds(self.0.map_or(0, |lag| lag.lag_ns)))?;
        map.end()
    }
}
