//! What each client saw in order: whether its polls went through the log step by step, and whether its sends came to
//! lie in the order in which it sent them (spec §9.8). Neighbours within one operation are compared in the same way.

use std::collections::{HashMap, HashSet};

use super::super::txn::evidence::{Case, Field};
use super::super::{History, Kind, Op, Process, Value};
use super::cases::Cases;
use super::logs::{KEPT, Logs, listed};
use super::records::{KeyId, MessageId, Placed, Record, Records};

/// What was found in one kind of sequence.
#[derive(Default)]
pub(super) struct Steps {
    /// Steps over messages that are in the log.
    pub skips: Cases,
    /// Steps backwards, or on the spot.
    pub nonmonotonic: Cases,
}

/// Polls of one key by one process, from one poll to the next.
pub(super) fn polls(history: &History, records: &Records, logs: &Logs) -> Steps {
    let mut steps = Steps::default();
    let remember = |record: &Record| record.op.kind == Kind::Ok;
    walk(
        history,
        records,
        |record| &record.polls,
        remember,
        |key, (before, last), (record, next)| {
            let (Some(last), Some(next)) = (last, next) else { return };
            let step = Step { records, logs, key, from: last, to: next };
            match step.distance() {
            1 => {}
            2.. => steps.skips.add(|| step.skip_between(before, record)),
            _ => steps.nonmonotonic.add(|| {
                let (polled, before_polled) = (record.name(), before.name());
                let (key, from, to) = (step.key(), step.from(), step.to());
                let text = format!(
                    "{polled} polled key {key} from message {to} on, though {before_polled} had already come to {from}", key = key.told(), to = to.told(), from = from.told());
                step.nonmonotonic_between(before, record, text)
            }),
        }
        },
    );
    steps
}

/// Sends to one key by one process that came to lie before an earlier one.
pub(super) fn nonmonotonic_sends(history: &History, records: &Records, logs: &Logs) -> Cases {
    let mut cases = Cases::default();
    let remember = |record: &Record| matches!(record.op.kind, Kind::Ok | Kind::Info);
    walk(
        history,
        records,
        |record| &record.sends,
        remember,
        |key, (before, last), (record, next)| {
            let (Some(last), Some(next)) = (last, next) else { return };
            let step = Step { records, logs, key, from: last, to: next };
            if record.op.kind == Kind::Fail || step.distance() >= 1 {
                return;
            }
            cases.add(|| {
            let (sent, before_sent) = (record.name(), before.name());
            let (key, from, to) = (step.key(), step.from(), step.to());
            let text = format!(
                "{sent} sent message {to} to key {key}, but in the log it does not come after {from}, which \
                 {before_sent} had sent before", to = to.told(), key = key.told(), from = from.told());
            step.nonmonotonic_between(before, record, text)
        });
        },
    );
    cases
}

/// Neighbours in what one operation polled of a key.
pub(super) fn inside_polls(records: &Records, logs: &Logs) -> Steps {
    inside(records, logs, "polled", |record| &record.polls)
}

/// Neighbours in what one operation sent to a key.
pub(super) fn inside_sends(records: &Records, logs: &Logs) -> Steps {
    inside(records, logs, "sent", |record| &record.sends)
}

fn inside<'r>(
    records: &'r Records,
    logs: &Logs,
    did: &str,
    lists: impl Fn(&'r Record) -> &'r Vec<(KeyId, Vec<Placed>)>,
) -> Steps {
    let mut steps = Steps::default();
    for record in &records.ops {
        let pairs =
            lists(record).iter().flat_map(|(key, placed)| placed.windows(2).map(move |pair| (*key, pair)));
        for (key, pair) in pairs {
            let step = Step { records, logs, key, from: pair[0].message, to: pair[1].message };
            match step.distance() {
                1 => {}
                2.. => steps.skips.add(|| step.inside(record, did)),
                _ => steps.nonmonotonic.add(|| step.inside(record, did)),
            }
        }
    }
    steps
}

/// What an operation did to a key, from which message on or up to which: none if it polled nothing.
type End<'r, 'h> = (&'r Record<'h>, Option<MessageId>);

/// For each process and key, hands each operation to `compare` with the last one to `remember` before it, and the
/// messages next to each other. An `assign` that may have taken effect makes the process forget the keys it does not
/// name: it may begin anywhere when it comes back to them.
fn walk<'r, 'h>(
    history: &'h History,
    records: &'r Records<'h>,
    lists: impl Fn(&'r Record<'h>) -> &'r Vec<(KeyId, Vec<Placed>)>,
    remember: impl Fn(&Record) -> bool,
    mut compare: impl FnMut(KeyId, End<'r, 'h>, End<'r, 'h>),
) {
    let mut last_of: HashMap<Process, HashMap<KeyId, End>> = HashMap::new();
    let mut next_record = records.ops.iter().peekable();
    for op in history.completions() {
        let Some(record) = next_record.next_if(|record| record.op.index == op.index) else {
            if let Some(last) =
                last_of.get_mut(&op.process).filter(|_| &*op.f == "assign" && op.kind != Kind::Fail)
            {
                let assigned = assigned(op);
                last.retain(|key, _| assigned.contains(records.keys[*key]));
            }
            continue;
        };
        let last = last_of.entry(op.process).or_default();
        for (key, placed) in lists(record) {
            if let Some(before) = last.get(key) {
                compare(*key, *before, (record, placed.first().map(|placed| placed.message)));
            }
            if remember(record) {
                last.insert(*key, (record, placed.last().map(|placed| placed.message)));
            }
        }
    }
}

/// The keys that an `assign` names.
pub(super) fn assigned(op: &Op) -> HashSet<&Value> {
    op.value.as_list().unwrap_or_default().iter().collect()
}

/// From one message of a log to the next that was seen.
struct Step<'a> {
    records: &'a Records<'a>,
    logs: &'a Logs,
    key: KeyId,
    from: MessageId,
    to: MessageId,
}

impl<'a> Step<'a> {
    fn distance(&self) -> i64 {
        self.logs.distance(self.from, self.to)
    }

    fn key(&self) -> &Value {
        self.records.keys[self.key]
    }

    fn from(&self) -> &Value {
        self.records.value(self.from)
    }

    fn to(&self) -> &Value {
        self.records.value(self.to)
    }

    fn skipped(&self) -> impl Iterator<Item = &'a Value> {
        self.logs.between(self.key, self.from, self.to).iter().map(|message| self.records.value(*message))
    }

    fn skip_between(&self, before: &Record, record: &Record) -> Case {
        let text = format!(
            "{} polled key {} from message {} on, skipping {}, though {} had left off at {}",
            record.name(),
            self.key().told(),
            self.to().told(),
            listed(self.skipped()),
            before.name(),
            self.from().told()
        );
        let ops = ("ops", Field::Ops(vec![before.op.index, record.op.index]));
        let fields = vec![self.key_field(), self.delta_field(), self.skipped_field(), ops];
        Case { op: Some(record.op.index), fields, text }
    }

    fn nonmonotonic_between(&self, before: &Record, record: &Record, text: String) -> Case {
        let ops = ("ops", Field::Ops(vec![before.op.index, record.op.index]));
        let fields = vec![self.key_field(), self.values_field(), self.delta_field(), ops];
        Case { op: Some(record.op.index), fields, text }
    }

    fn inside(&self, record: &Record, did: &str) -> Case {
        let op = ("op", Field::Op(record.op.index));
        let mut fields = vec![self.key_field(), self.values_field(), self.delta_field(), op];
        let how = match self.distance() {
            2.. => {
                fields.push(self.skipped_field());
                format!("right after {}, skipping {}", self.from().told(), listed(self.skipped()))
            }
            0 => "twice in a row".to_owned(),
            _ => format!("after {}, which comes later in the log", self.from().told()),
        };
        let text = format!(
            "{} {did} message {} of key {} {how}",
            record.name(),
            self.to().told(),
            self.key().told()
        );
        Case { op: Some(record.op.index), fields, text }
    }

    fn key_field(&self) -> (&'static str, Field) {
        ("key", Field::Value(self.key().clone()))
    }

    fn values_field(&self) -> (&'static str, Field) {
        ("values", Field::Value(Value::List(vec![self.from().clone(), self.to().clone()])))
    }

    fn delta_field(&self) -> (&'static str, Field) {
        ("delta", Field::Value(Value::Int(self.distance())))
    }

    fn skipped_field(&self) -> (&'static str, Field) {
        ("skipped", Field::Value(self.skipped().take(KEPT).cloned().collect()))
    }
}
