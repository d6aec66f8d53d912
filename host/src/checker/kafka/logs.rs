//! What each log held, as far as the history shows it: every offset that a poll returned, whatever became of the
//! poll, and every one that a send which took effect was given (spec §9.8). Offsets may have gaps of any size; only
//! those that occur take room.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::super::Value;
use super::super::txn::evidence::{Case, Field};
use super::cases::Cases;
use super::records::{KeyId, MessageId, Placed, Records};

/// The log of every key.
#[derive(Debug)]
pub(super) struct Logs {
    /// For each key its offsets, each with the messages seen there in order of appearance: one, if all is well.
    by_offset: Vec<BTreeMap<i64, Vec<MessageId>>>,
    /// For each key its messages in order of their offsets, gaps left out. Where messages disagree the first counts.
    by_index: Vec<Vec<MessageId>>,
    /// The inverse of `by_index`. A message that occurs twice has its later index; some have none.
    index_of: Vec<Option<usize>>,
    /// The first index at which a message was seen at all.
    pub first_index_of: Vec<Option<usize>>,
    /// The last such index.
    pub last_index_of: Vec<Option<usize>>,
}

impl Logs {
    pub fn of(records: &Records) -> Logs {
        let mut by_offset: Vec<BTreeMap<i64, Vec<MessageId>>> = vec![BTreeMap::new(); records.keys.len()];
        let mut known: FxHashSet<(MessageId, i64)> = FxHashSet::default();
        let mut put = |key: KeyId, placed: &[Placed]| {
            for Placed { message, offset } in placed {
                let Some(offset) = *offset else { continue };
                if known.insert((*message, offset)) {
                    by_offset[key].entry(offset).or_default().push(*message);
                }
            }
        };
        for record in &records.ops {
            record.polls.iter().for_each(|(key, placed)| put(*key, placed));
            if records.is_committed(record) {
                record.sends.iter().for_each(|(key, placed)| put(*key, placed));
            }
        }
        Logs::from_offsets(by_offset, records.messages.len())
    }

    fn from_offsets(by_offset: Vec<BTreeMap<i64, Vec<MessageId>>>, message_count: usize) -> Logs {
        let mut index_of = vec![None; message_count];
        let mut first_index_of = vec![None; message_count];
        let mut last_index_of = vec![None; message_count];
        let mut by_index = Vec::with_capacity(by_offset.len());
        for log in &by_offset {
            by_index.push(log.values().map(|messages| messages[0]).collect());
            for (index, messages) in log.values().enumerate() {
                index_of[messages[0]] = Some(index);
                for message in messages {
                    first_index_of[*message].get_or_insert(index);
                    last_index_of[*message] = Some(index);
                }
            }
        }
        Logs { by_offset, by_index, index_of, first_index_of, last_index_of }
    }

    /// How far it is from one message of a log to another. Where it is not known, they are taken to be neighbours.
    pub fn distance(&self, from: MessageId, to: MessageId) -> i64 {
        match (self.index_of[from], self.index_of[to]) {
            (Some(from), Some(to)) => to as i64 - from as i64,
            _ => 1,
        }
    }

    /// The messages between two of a log.
    pub fn between(&self, key: KeyId, from: MessageId, to: MessageId) -> &[MessageId] {
        match (self.index_of[from], self.index_of[to]) {
            (Some(from), Some(to)) => self.by_index[key].get(from + 1..to).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The message before this one in its log.
    pub fn previous(&self, key: KeyId, message: MessageId) -> Option<MessageId> {
        let index = self.index_of[message]?.checked_sub(1)?;
        Some(self.by_index[key][index])
    }

    /// Messages that occur at several offsets.
    pub fn duplicates(&self, records: &Records) -> Cases {
        let mut cases = Cases::default();
        for (key, log) in self.by_offset.iter().enumerate() {
            let mut offsets_of: BTreeMap<MessageId, Vec<i64>> = BTreeMap::new();
            for (offset, messages) in log {
                for message in messages.iter().filter(|message| self.is_repeated(**message)) {
                    offsets_of.entry(*message).or_default().push(*offset);
                }
            }
            for (message, offsets) in offsets_of {
                cases.add(|| duplicate(records, key, message, &offsets));
            }
        }
        cases
    }

    fn is_repeated(&self, message: MessageId) -> bool {
        self.first_index_of[message] != self.last_index_of[message]
    }

    /// Offsets that hold several messages.
    pub fn inconsistent_offsets(&self, records: &Records) -> Cases {
        let mut cases = Cases::default();
        for (key, log) in self.by_offset.iter().enumerate() {
            for (index, (offset, messages)) in
                log.iter().enumerate().filter(|(_, (_, messages))| messages.len() > 1)
            {
                cases.add(|| inconsistent_offset(records, key, (index, *offset), messages));
            }
        }
        cases
    }

    /// Negative offsets in words, at most one a key.
    pub fn negative_offsets(&self, records: &Records) -> impl Iterator<Item = String> {
        let lowest =
            self.by_offset.iter().enumerate().filter_map(|(key, log)| Some((key, *log.keys().next()?)));
        lowest.filter(|(_, offset)| *offset < 0).map(|(key, offset)| {
            format!(
                "key {} has a message at offset {offset}, but offsets count from 0",
                records.keys[key].told()
            )
        })
    }
}

fn inconsistent_offset(
    records: &Records,
    key: KeyId,
    (index, offset): (usize, i64),
    messages: &[MessageId],
) -> Case {
    let mut values: Vec<&Value> = messages.iter().map(|message| records.value(*message)).collect();
    values.sort();
    let key = records.keys[key];
    let count = values.len();
    let text = format!(
        "offset {offset} of key {key} holds {count} different messages: {}",
        listed(values.iter().copied()),
        key = key.told()
    );
    let fields = vec![
        ("key", Field::Value(key.clone())),
        ("offset", Field::Value(Value::Int(offset))),
        ("index", Field::Value(Value::Int(index as i64))),
        ("values", Field::Value(values.into_iter().take(KEPT).cloned().collect())),
    ];
    let last_seen = messages.iter().filter_map(|message| records.first_seen(*message)).max();
    Case { op: last_seen, fields, text }
}

fn duplicate(records: &Records, key: KeyId, message: MessageId, offsets: &[i64]) -> Case {
    let count = offsets.len();
    let offsets: Vec<Value> = offsets.iter().take(KEPT).map(|offset| Value::Int(*offset)).collect();
    let (key, value) = (records.keys[key], records.value(message));
    let text = format!(
        "message {value} of key {key} is at {count} offsets: {}",
        listed(&offsets),
        value = value.told(),
        key = key.told()
    );
    let fields = vec![
        ("key", Field::Value(key.clone())),
        ("value", Field::Value(value.clone())),
        ("count", Field::Value(Value::Int(count as i64))),
        ("offsets", Field::Value(Value::List(offsets))),
    ];
    Case { op: records.first_seen(message), fields, text }
}

/// Of longer lists in a case only this many elements are kept: there may be as many cases as operations.
pub(super) const KEPT: usize = 64;

/// How many messages an explanation lists.
const LISTED: usize = 8;

/// `1`, `1, 2`, … and how many more.
pub(super) fn listed<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    let mut values = values.into_iter();
    let shown: Vec<String> = values.by_ref().take(LISTED).map(|value| value.told().to_string()).collect();
    match values.count() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
