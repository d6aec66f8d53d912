//! Sends against polls: messages that were polled though they should not have been, and messages that were not
//! although they should (spec §9.8).

use std::collections::{BTreeMap, BTreeSet};

use super::super::txn::evidence::{Case, Field};
use super::super::{Kind, Value};
use super::cases::Cases;
use super::logs::Logs;
use super::records::{KeyId, MessageId, Placed, Record, Records};

/// Polls of messages whose send failed (`G1a`).
pub(super) fn aborted_reads(records: &Records) -> Cases {
    let mut has_failed = vec![false; records.messages.len()];
    for record in records.ops.iter().filter(|record| record.op.kind == Kind::Fail) {
        record.sent().for_each(|sent| has_failed[sent.message] = true);
    }
    let mut cases = Cases::default();
    for reader in records.ops.iter().filter(|record| record.op.kind == Kind::Ok) {
        for Placed { message, .. } in reader.polled().filter(|polled| has_failed[polled.message]) {
            let Some(writer) = records.writer_of[*message] else { continue };
            cases.add(|| aborted_read(records, *message, reader, &records.ops[writer]));
        }
    }
    cases
}

fn aborted_read(records: &Records, message: MessageId, reader: &Record, writer: &Record) -> Case {
    let (key, value) = described(records, message);
    let text = format!(
        "{} polled message {value} of key {key}, whose send failed in {}",
        reader.name(),
        writer.name(),
        value = value.told(),
        key = key.told()
    );
    let fields = vec![
        ("key", Field::Value(key.clone())),
        ("value", Field::Value(value.clone())),
        ("writer", Field::Op(writer.op.index)),
        ("reader", Field::Op(reader.op.index)),
    ];
    Case { op: Some(reader.op.index), fields, text }
}

/// Transactions that polled what they sent themselves, at most one case each: sends are invisible until their
/// transaction ends.
pub(super) fn precommitted_reads(records: &Records) -> Cases {
    let mut cases = Cases::default();
    for record in records.ops.iter().filter(|record| !record.sends.is_empty() && !record.polls.is_empty()) {
        let polled: BTreeSet<MessageId> = record.polled().map(|placed| placed.message).collect();
        let Some(own) = record.sent().find(|sent| polled.contains(&sent.message)) else { continue };
        cases.add(|| {
            let (key, value) = described(records, own.message);
            let text = format!(
                "{} polled message {value} of key {key}, which it sent itself",
                record.name(),
                value = value.told(),
                key = key.told()
            );
            let fields = vec![
                ("op", Field::Op(record.op.index)),
                ("key", Field::Value(key.clone())),
                ("value", Field::Value(value.clone())),
            ];
            Case { op: Some(record.op.index), fields, text }
        });
    }
    cases
}

/// Messages that were certainly in the log and that no `ok` poll returned, though one returned a later message.
pub(super) fn lost_writes(records: &Records, logs: &Logs) -> Cases {
    let bounds = read_bounds(records, logs);
    let mut seen_at: BTreeMap<(KeyId, usize), MessageId> = BTreeMap::new();
    for (message, (key, _)) in records.messages.iter().enumerate() {
        if let Some(index) = logs.last_index_of[message] {
            seen_at.entry((*key, index)).or_insert(message);
        }
    }
    let mut cases = Cases::default();
    for (message, (key, _)) in records.messages.iter().enumerate() {
        let (Some(bound), Some(last_index)) = (bounds[*key], logs.last_index_of[message]) else { continue };
        let Some(writer) = records.writer_of[message].map(|writer| &records.ops[writer]) else { continue };
        if last_index > bound || records.is_read[message] || !records.is_committed(writer) {
            continue;
        }
        let proof = seen_at.get(&(*key, bound)).and_then(|message| records.first_reader_of[*message]);
        let proof = proof.map(|reader| &records.ops[reader]);
        cases.add(|| {
            let case = LostWrite { message, index: logs.first_index_of[message], bound, writer, proof };
            case.described(records)
        });
    }
    cases
}

/// A message that no poll returned, though it lies before one that was returned.
struct LostWrite<'r> {
    message: MessageId,
    index: Option<usize>,
    /// The index of the last message that polls came to.
    bound: usize,
    writer: &'r Record<'r>,
    /// A poll of that last message.
    proof: Option<&'r Record<'r>>,
}

impl LostWrite<'_> {
    fn described(self, records: &Records) -> Case {
        let LostWrite { message, index, bound, writer, proof } = self;
        let (key, value) = described(records, message);
        let later = proof.map_or_else(|| "a poll".to_owned(), |reader| reader.name());
        let text = format!(
            "no poll returned message {value} of key {key}, which {} sent, though {later} returned a later one",
            writer.name(),
            value = value.told(),
            key = key.told()
        );
        let integer = |index: Option<usize>| index.map_or(Value::Null, |index| Value::Int(index as i64));
        let fields = vec![
            ("key", Field::Value(key.clone())),
            ("value", Field::Value(value.clone())),
            ("index", Field::Value(integer(index))),
            ("max-read-index", Field::Value(integer(Some(bound)))),
            ("writer", Field::Op(writer.op.index)),
            ("max-read", proof.map_or(Field::Value(Value::Null), |reader| Field::Op(reader.op.index))),
        ];
        Case { op: Some(writer.op.index), fields, text }
    }
}

/// For each key the greatest index up to which, at least, `ok` polls went.
fn read_bounds(records: &Records, logs: &Logs) -> Vec<Option<usize>> {
    let mut bounds = vec![None; records.keys.len()];
    for (message, (key, _)) in records.messages.iter().enumerate() {
        if records.is_read[message] {
            bounds[*key] = bounds[*key].max(logs.first_index_of[message]);
        }
    }
    bounds
}

/// Polled messages that nobody tried to send (`unwritten-read`), at most one case each.
pub(super) fn unwritten_reads(records: &Records) -> Cases {
    let mut cases = Cases::default();
    for (message, reader) in unsent(records).filter(|(message, _)| !records.is_attempted[*message]) {
        cases.add(|| {
            let (key, value) = described(records, message);
            let text = format!(
                "{} polled message {} of key {}, which nobody tried to send",
                reader.name(),
                value.told(),
                key.told()
            );
            let fields = vec![
                ("key", Field::Value(key.clone())),
                ("value", Field::Value(value.clone())),
                ("reader", Field::Op(reader.op.index)),
            ];
            Case { op: Some(reader.op.index), fields, text }
        });
    }
    cases
}

/// Polled messages whose send never ended, in words.
pub(super) fn unfinished_sends(records: &Records) -> impl Iterator<Item = String> {
    unsent(records).filter(|(message, _)| records.is_attempted[*message]).map(|(message, reader)| {
        let (key, value) = described(records, message);
        format!(
            "{} polled message {} of key {}, whose send never ended; Maelstrom's checker fails on that",
            reader.name(),
            value.told(),
            key.told()
        )
    })
}

/// Polled messages that no completed operation sent, each with the first poll of it.
fn unsent<'r, 'h>(records: &'r Records<'h>) -> impl Iterator<Item = (MessageId, &'r Record<'h>)> {
    let polled = records.first_reader_of.iter().enumerate();
    let unsent = polled.filter(|(message, _)| records.writer_of[*message].is_none());
    unsent.filter_map(|(message, reader)| Some((message, &records.ops[(*reader)?])))
}

/// Keys that `ok` polls mention without ever returning a message with an offset, in words.
pub(super) fn keys_polled_in_vain(records: &Records, logs: &Logs) -> impl Iterator<Item = String> {
    let bounds = read_bounds(records, logs);
    let ok = records.ops.iter().filter(|record| record.op.kind == Kind::Ok);
    let polled: BTreeSet<KeyId> = ok.flat_map(|record| record.polls.iter().map(|(key, _)| *key)).collect();
    let in_vain = polled.into_iter().filter(move |key| bounds[*key].is_none());
    in_vain.map(|key| {
        format!(
            "polls listed key {} but never returned a message of it; Maelstrom's checker fails on that, so leave out \
             keys that have no messages",
            records.keys[key].told()
        )
    })
}

/// Acknowledged messages that no poll had returned by the end of the history.
#[derive(Clone, Debug)]
pub struct Unseen {
    /// When the last operation that counts completed: nanoseconds since the load began.
    pub time_ns: u64,
    /// The messages by key, both in order; at least one.
    pub messages: BTreeMap<Value, BTreeSet<Value>>,
}

/// What is unseen at the end. Only `ok` operations count.
///
/// A key that the very last operation polls, and that no operation mentioned before, counts as unseen too: Jepsen's
/// checker subtracts what was polled from what was sent key by key, and so keeps a key that was only polled. It
/// drops such a key at the next operation. That is no fault of the system: `certain` leaves it out.
pub(super) fn unseen(records: &Records, certain: bool) -> Option<Unseen> {
    let mut sent: BTreeMap<KeyId, BTreeSet<MessageId>> = BTreeMap::new();
    let mut last = None;
    for record in records.ops.iter().filter(|record| record.op.kind == Kind::Ok) {
        if let Some(last) = last.replace(record) {
            last.polls.iter().for_each(|(key, _)| {
                sent.entry(*key).or_default();
            });
        }
        for (key, placed) in &record.sends {
            sent.entry(*key).or_default().extend(placed.iter().map(|placed| placed.message));
        }
    }
    let last = last?;
    let mut messages: BTreeMap<Value, BTreeSet<Value>> = BTreeMap::new();
    let unread = sent.values().flatten().filter(|message| !records.is_read[**message]).copied();
    let only_polled = last
        .polls
        .iter()
        .filter(|(key, _)| !certain && !sent.contains_key(key))
        .flat_map(|(_, placed)| placed);
    for message in unread.chain(only_polled.map(|placed| placed.message)) {
        let (key, value) = described(records, message);
        messages.entry(key.clone()).or_default().insert(value.clone());
    }
    (!messages.is_empty()).then_some(Unseen { time_ns: last.op.time_ns, messages })
}

/// A message's key and value.
fn described<'h>(records: &Records<'h>, message: MessageId) -> (&'h Value, &'h Value) {
    let (key, value) = records.messages[message];
    (records.keys[key], value)
}
