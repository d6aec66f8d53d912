//! What the search found, under the names Maelstrom gives it (spec §9.7) and in words. Nothing is decided here.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::super::verdict::{Finding, seconds};
use super::super::{History, Op, Valid, Value};
use super::calls::{Call, CallId, Calls, Effect, ValueId};
use super::search::{Config, Path, SHOWN, Stuck};
use super::{LinearResult, Verdict};

/// Why a key is not linearizable.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// The completion that cannot be linearized.
    pub op: Op,
    /// The last `ok` completion on this key before it. Everything up to there can be linearized, if `configs` has any.
    pub previous_ok: Option<Op>,
    /// The operation that comes last in an order of everything before.
    pub last_op: Option<Op>,
    /// What the register and the open operations may look like just before [`Failure::op`]; at most 10.
    pub configs: Vec<Configuration>,
    /// Ways from there to a value that [`Failure::op`] contradicts; at most 10. The last step of each is that
    /// contradiction.
    pub final_paths: Vec<Vec<Transition>>,
    /// The same in words.
    pub explanation: String,
}

/// A state of register and clients that is possible after all operations before the failure.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Configuration {
    /// What the register holds.
    pub model: Model,
    /// The operation that comes last in the order that leads here.
    pub last_op: Option<Op>,
    /// Invocations that are not part of that order.
    pub pending: Vec<Op>,
}

/// One step of a path.
#[derive(Clone, Debug, Serialize)]
pub struct Transition {
    /// The operation that takes effect; none at the very beginning.
    pub op: Option<Op>,
    /// What it leaves.
    pub model: Model,
}

/// A register, or the contradiction it came to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// The register holds this value.
    Value(Value),
    /// The operation is not legal, for this reason.
    Msg(String),
}

impl Failure {
    pub(super) fn new(history: &History, key: &Value, calls: &Calls, stuck: &Stuck) -> Failure {
        let story = Story { history, key, calls };
        let op = story.op(stuck.call);
        let previous_ok = calls.ok_before(op.index).map(|index| &history.ops()[index]);
        let last_op = stuck.configs.iter().filter_map(|config| config.last).map(|id| story.op(id));
        Failure {
            op: op.clone(),
            previous_ok: previous_ok.cloned(),
            last_op: last_op.max_by_key(|op| op.index).cloned(),
            configs: stuck
                .configs
                .iter()
                .take(SHOWN)
                .map(|config| story.configuration(config, op.index))
                .collect(),
            final_paths: stuck.paths.iter().map(|path| story.final_path(path, stuck.call)).collect(),
            explanation: story.explanation(stuck, previous_ok),
        }
    }
}

impl Failure {
    /// A call that returned what nobody can have put there. How far the calls before it have an order is not known.
    pub(super) fn impossible(history: &History, key: &Value, calls: &Calls, call: CallId) -> Failure {
        let story = Story { history, key, calls };
        let op = story.op(call);
        let needed = calls.calls[call].effect.needs().map_or(&Value::Null, |value| story.value(value));
        let explanation = format!(
            "{} by process {} (operation {}) on key {} returned at {}, and no operation that may have happened \
             before puts {} there.",
            story.name(call),
            op.process,
            op.index,
            key.told(),
            seconds(op.time_ns),
            needed.told(),
        );
        Failure {
            op: op.clone(),
            previous_ok: calls.ok_before(op.index).map(|index| history.ops()[index].clone()),
            last_op: None,
            configs: Vec::new(),
            final_paths: Vec::new(),
            explanation,
        }
    }

    /// The failure as a finding: what can still be put in order, and what fits nowhere.
    pub(super) fn finding(&self) -> Finding {
        let last = self.last_op.iter().map(|op| (op.index, "last in order"));
        let previous = self.previous_ok.iter().filter(|_| !self.configs.is_empty());
        let previous = previous.map(|op| (op.index, "everything up to here fits"));
        let mut parts: Vec<_> = last.chain(previous).collect();
        parts.dedup_by_key(|(index, _)| *index);
        parts.push((self.op.index, "fits nowhere"));
        Finding::at(&self.op, self.explanation.clone()).involving(parts)
    }
}

/// What is needed to speak about calls.
struct Story<'a> {
    history: &'a History,
    key: &'a Value,
    calls: &'a Calls,
}

impl<'a> Story<'a> {
    /// The record that says most about a call: its completion if there is one.
    fn op(&self, id: CallId) -> &'a Op {
        let call = &self.calls.calls[id];
        &self.history.ops()[call.returned.unwrap_or(call.invoked)]
    }

    fn value(&self, id: ValueId) -> &'a Value {
        &self.calls.values[id as usize]
    }

    fn configuration(&self, config: &Config, index: usize) -> Configuration {
        let is_pending = |call: &&Call| {
            let is_now = call.invoked < index && call.returned.is_none_or(|returned| returned >= index);
            is_now && (config.open.contains(call.slot) || config.owed.contains(call.slot))
        };
        let pending = self.calls.calls.iter().filter(is_pending);
        Configuration {
            model: Model::Value(self.value(config.state).clone()),
            last_op: config.last.map(|id| self.op(id).clone()),
            pending: pending.map(|call| self.history.ops()[call.invoked].clone()).collect(),
        }
    }

    fn final_path(&self, path: &Path, stuck: CallId) -> Vec<Transition> {
        let step = |(id, state): &(Option<CallId>, ValueId)| Transition {
            op: id.map(|id| self.op(id).clone()),
            model: Model::Value(self.value(*state).clone()),
        };
        let state = path.last().map_or(&Value::Null, |(_, state)| self.value(*state));
        let contradiction = match self.calls.calls[stuck].effect {
            Effect::Cas { from, to } => {
                format!(
                    "can't CAS {} from {} to {}",
                    state.told(),
                    self.value(from).told(),
                    self.value(to).told()
                )
            }
            Effect::Read(value) | Effect::Write(value) => {
                format!("can't read {} from register {}", self.value(value).told(), state.told())
            }
        };
        let end = Transition { op: Some(self.op(stuck).clone()), model: Model::Msg(contradiction) };
        path.iter().map(step).chain([end]).collect()
    }

    fn explanation(&self, stuck: &Stuck, previous_ok: Option<&Op>) -> String {
        let call = &self.calls.calls[stuck.call];
        let op = self.op(stuck.call);
        let key = self.key;
        let what = self.name(stuck.call);
        let left = self.alternatives(&stuck.states);
        let mut text = format!(
            "{what} by process {} (operation {}) returned at {}: every order of the operations before \
             it leaves key {key} at {left}",
            op.process,
            op.index,
            seconds(op.time_ns),
            key = key.told()
        );
        match call.effect.needs() {
            Some(value) if self.calls.impossible() == Some(stuck.call) => {
                text += &format!(
                    ", and no operation that may have happened puts {} there",
                    self.value(value).told()
                );
            }
            _ => {}
        }
        if let Some(previous) = previous_ok {
            text += &format!(". Up to operation {} there is an order", previous.index);
        }
        if let Some(last) = stuck.configs.first().and_then(|config| config.last) {
            let (last, index) = (self.name(last), self.op(last).index);
            text += &format!("; one ends with the {last} (operation {index})");
        }
        text + "."
    }

    fn name(&self, id: CallId) -> String {
        let op = self.op(id);
        match self.calls.calls[id].effect {
            Effect::Cas { from, to } => {
                format!("compare-and-set from {} to {}", self.value(from).told(), self.value(to).told())
            }
            Effect::Read(value) | Effect::Write(value) => format!("{} of {}", op.f, self.value(value).told()),
        }
    }

    /// `1`, `1 or 4`, `1, 2 or 4`.
    fn alternatives(&self, states: &[ValueId]) -> String {
        let mut values: Vec<&Value> = states.iter().map(|state| self.value(*state)).collect();
        values.sort();
        let mut names: Vec<String> =
            values.into_iter().take(SHOWN).map(|value| value.told().to_string()).collect();
        if states.len() > SHOWN {
            names.push(format!("one of {} other values", states.len() - SHOWN));
        }
        match names.pop() {
            Some(last) if !names.is_empty() => format!("{} or {last}", names.join(", ")),
            last => last.unwrap_or_default(),
        }
    }
}

/// As Maelstrom's results: `{valid?, results: {key: {linearizable, timeline, valid?}}, failures: [keys]}`. Keys that
/// are not strings become the JSON text of the key.
impl Serialize for LinearResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("valid?", &self.valid)?;
        if let Some(error) = &self.error {
            map.serialize_entry("error", error)?;
        }
        map.serialize_entry("results", &Results(&self.results))?;
        map.serialize_entry("failures", &self.failures().collect::<Vec<_>>())?;
        map.end()
    }
}

struct Results<'a>(&'a [(Value, Verdict)]);

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, verdict)| {
            let name = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            (name, KeyResult::new(verdict))
        }))
    }
}

#[derive(Serialize)]
struct KeyResult<'a> {
    linearizable: Linearizable<'a>,
    timeline: Timeline,
    #[serde(rename = "valid?")]
    valid: Valid,
}

#[derive(Serialize)]
struct Timeline {
    #[serde(rename = "valid?")]
    valid: Valid,
}

#[derive(Serialize)]
struct Linearizable<'a> {
    #[serde(rename = "valid?")]
    valid: Valid,
    /// The kind of algorithm, in Knossos' words.
    analyzer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(flatten)]
    failure: Option<&'a Failure>,
}

impl<'a> KeyResult<'a> {
    fn new(verdict: &'a Verdict) -> KeyResult<'a> {
        let valid = verdict.valid();
        let (cause, failure) = match verdict {
            Verdict::Linearizable => (None, None),
            Verdict::Violated(failure) => (None, Some(&**failure)),
            Verdict::Undecided(reason) => (Some(reason.as_str()), None),
        };
        let linearizable = Linearizable { valid, analyzer: "linear", cause, failure };
        KeyResult { linearizable, timeline: Timeline { valid: Valid::True }, valid }
    }
}
