//! The completed sends and polls of a history, with keys and messages numbered so that the checks can use arrays.

use std::collections::HashMap;

use super::super::verdict::seconds;
use super::super::{History, Kind, Op, Value};

/// A key, numbered in order of appearance.
pub(super) type KeyId = usize;

/// A value under its key, numbered in order of appearance.
pub(super) type MessageId = usize;

/// A message and where in the log it was said to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub message: MessageId,
    /// Unknown when a send was not acknowledged.
    pub offset: Option<i64>,
}

/// One completed `send`, `poll` or `txn`.
#[derive(Debug)]
pub(super) struct Record<'h> {
    pub op: &'h Op,
    /// What it sent to each key, in order.
    pub sends: Vec<(KeyId, Vec<Placed>)>,
    /// What it polled of each key, in order; perhaps nothing.
    pub polls: Vec<(KeyId, Vec<Placed>)>,
}

impl Record<'_> {
    /// The operation as explanations name it.
    pub fn name(&self) -> String {
        let op = self.op;
        format!("operation {} (process {}, {})", op.index, op.process, seconds(op.time_ns))
    }

    pub fn sent(&self) -> impl Iterator<Item = &Placed> {
        self.sends.iter().flat_map(|(_, placed)| placed)
    }

    pub fn polled(&self) -> impl Iterator<Item = &Placed> {
        self.polls.iter().flat_map(|(_, placed)| placed)
    }
}

/// A history's sends and polls.
#[derive(Debug, Default)]
pub(super) struct Records<'h> {
    /// In order of completion.
    pub ops: Vec<Record<'h>>,
    /// What the key numbers stand for.
    pub keys: Vec<&'h Value>,
    /// What the message numbers stand for.
    pub messages: Vec<(KeyId, &'h Value)>,
    /// For each message the last operation that sent it, as a place in [`Records::ops`].
    pub writer_of: Vec<Option<usize>>,
    /// For each message the first operation that polled it, whatever its outcome.
    pub first_reader_of: Vec<Option<usize>>,
    /// Whether an `ok` operation polled the message.
    pub is_read: Vec<bool>,
    /// Whether any invocation tried to send the message.
    pub is_attempted: Vec<bool>,
    /// Why completions were left out that are not of this workload, in words.
    pub malformed: Vec<String>,
}

impl<'h> Records<'h> {
    /// Leaves out operations that are not of this workload.
    pub fn of(history: &'h History) -> Records<'h> {
        let mut reader = Reader::default();
        let is_record = |op: &&Op| matches!(&*op.f, "send" | "poll" | "txn");
        for op in history.completions().filter(is_record) {
            match reader.record(op) {
                Ok(record) => reader.records.ops.push(record),
                Err(reason) => reader.records.malformed.push(format!("operation {}: {reason}", op.index)),
            }
        }
        // Keys that occur only here are those that a client is assigned and nobody sends to or polls.
        for op in history.completions().filter(|op| &*op.f == "assign" && op.kind == Kind::Ok) {
            for key in op.value.as_list().unwrap_or_default() {
                reader.key(key);
            }
        }
        let mut is_attempted = vec![false; reader.records.messages.len()];
        for op in history.invocations().filter(is_record) {
            reader.attempts(op).for_each(|message| is_attempted[message] = true);
        }
        Records { is_attempted, ..reader.records }.with_writers_and_readers()
    }

    fn with_writers_and_readers(mut self) -> Records<'h> {
        let count = self.messages.len();
        self.writer_of = vec![None; count];
        self.first_reader_of = vec![None; count];
        self.is_read = vec![false; count];
        for (place, record) in self.ops.iter().enumerate() {
            for sent in record.sent() {
                self.writer_of[sent.message] = Some(place);
            }
            for polled in record.polled() {
                self.first_reader_of[polled.message].get_or_insert(place);
                self.is_read[polled.message] |= record.op.kind == Kind::Ok;
            }
        }
        self
    }

    pub fn value(&self, message: MessageId) -> &'h Value {
        self.messages[message].1
    }

    /// The index of the first operation that polled a message, or else of the one that sent it.
    pub fn first_seen(&self, message: MessageId) -> Option<usize> {
        let place = self.first_reader_of[message].or(self.writer_of[message])?;
        Some(self.ops[place].op.index)
    }

    /// Whether the sends of an operation must have taken effect: it is `ok`, or a message of it was read.
    pub fn is_committed(&self, record: &Record) -> bool {
        match record.op.kind {
            Kind::Ok => true,
            Kind::Info => record.sent().any(|sent| self.is_read[sent.message]),
            Kind::Invoke | Kind::Fail => false,
        }
    }
}

/// Numbers keys and messages while reading.
#[derive(Default)]
struct Reader<'h> {
    records: Records<'h>,
    key_ids: HashMap<&'h Value, KeyId>,
    message_ids: HashMap<(KeyId, &'h Value), MessageId>,
}

impl<'h> Reader<'h> {
    fn record(&mut self, op: &'h Op) -> Result<Record<'h>, String> {
        let mut record = Record { op, sends: Vec::new(), polls: Vec::new() };
        let steps = match &op.value {
            Value::Null => &[],
            value => value.as_list().ok_or("the value must be a list of sends and polls")?,
        };
        for step in steps {
            match step.as_list().unwrap_or_default() {
                [f, key, sent] if f.as_str() == Some("send") => {
                    let key = self.key(key);
                    let placed = self.sent(key, sent)?;
                    under(&mut record.sends, key).push(placed);
                }
                [f] if f.as_str() == Some("poll") => {}
                [f, polled] if f.as_str() == Some("poll") => self.polled(polled, &mut record.polls)?,
                _ => {
                    let step = step.told();
                    return Err(format!("expected [\"send\", key, value] or [\"poll\", logs], not {step}"));
                }
            }
        }
        Ok(record)
    }

    /// The messages that an invocation tries to send and some completion knows.
    fn attempts(&self, op: &'h Op) -> impl Iterator<Item = MessageId> {
        let steps = op.value.as_list().unwrap_or_default().iter();
        steps.filter_map(|step| match step.as_list()? {
            [f, key, value] if f.as_str() == Some("send") => {
                let key = *self.key_ids.get(key)?;
                self.message_ids.get(&(key, value)).copied()
            }
            _ => None,
        })
    }

    fn key(&mut self, key: &'h Value) -> KeyId {
        *self.key_ids.entry(key).or_insert_with(|| {
            self.records.keys.push(key);
            self.records.keys.len() - 1
        })
    }

    fn message(&mut self, key: KeyId, value: &'h Value) -> MessageId {
        *self.message_ids.entry((key, value)).or_insert_with(|| {
            self.records.messages.push((key, value));
            self.records.messages.len() - 1
        })
    }

    /// `value`, or `[offset, value]` once the send is acknowledged.
    fn sent(&mut self, key: KeyId, sent: &'h Value) -> Result<Placed, String> {
        match sent {
            Value::List(_) => self.placed(key, sent),
            value => Ok(Placed { message: self.message(key, value), offset: None }),
        }
    }

    fn polled(&mut self, logs: &'h Value, polls: &mut Vec<(KeyId, Vec<Placed>)>) -> Result<(), String> {
        let logs = logs
            .as_map()
            .ok_or_else(|| format!("a poll must return a map of keys to messages, not {}", logs.told()))?;
        let is_first = polls.is_empty();
        for (key, messages) in logs {
            let key = self.key(key);
            // Clojure takes nil for an empty list, and Go writes its empty slices so.
            let messages = match messages {
                Value::Null => &[],
                messages => messages
                    .as_list()
                    .ok_or_else(|| format!("expected a list of messages, not {}", messages.told()))?,
            };
            let placed = messages.iter().map(|message| self.placed(key, message));
            let placed: Vec<Placed> = placed.collect::<Result<_, String>>()?;
            match is_first {
                true => polls.push((key, placed)),
                false => under(polls, key).extend(placed),
            }
        }
        Ok(())
    }

    /// `[offset, value]`, the offset perhaps null.
    fn placed(&mut self, key: KeyId, pair: &'h Value) -> Result<Placed, String> {
        let Some([offset, value]) = pair.as_list() else {
            return Err(format!("expected [offset, value], not {}", pair.told()));
        };
        if !offset.is_null() && offset.as_i64().is_none() {
            return Err(format!("an offset must be an integer of at most 64 bits, not {}", offset.told()));
        }
        Ok(Placed { message: self.message(key, value), offset: offset.as_i64() })
    }
}

/// The list under `key`, which is added if it is missing.
fn under(lists: &mut Vec<(KeyId, Vec<Placed>)>, key: KeyId) -> &mut Vec<Placed> {
    let place = lists.iter().position(|(other, _)| *other == key).unwrap_or_else(|| {
        lists.push((key, Vec::new()));
        lists.len() - 1
    });
    &mut lists[place].1
}
