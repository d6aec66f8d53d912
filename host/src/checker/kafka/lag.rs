//! How stale polls were. Not a fault: a log may be read late (spec §9.8).

use std::cmp::Reverse;
use std::collections::HashMap;

use super::super::{History, Kind, Op, Process, Value};
use super::records::{KeyId, Placed, Record, Records};

/// How long, at least, before a poll the log had moved beyond what its process had seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// When the poll was invoked: nanoseconds since the load began.
    pub time_ns: u64,
    /// Who polled.
    pub process: Process,
    /// The log.
    pub key: Value,
    /// In nanoseconds.
    pub lag_ns: u64,
}

/// The worst lag; the earliest of several. None if nothing was polled.
///
/// What a process has seen of a log stays the same over many polls, and the lag only grows meanwhile; so it is looked
/// at when that changes, and not at every poll.
pub(super) fn worst(history: &History, records: &Records) -> Option<Lag> {
    let growth = Growth::of(records);
    let mut sessions: HashMap<Process, Session> = HashMap::new();
    let key_ids: HashMap<&Value, KeyId> = records.keys.iter().copied().zip(0..).collect();
    let mut first: Option<(&Op, KeyId)> = None;
    let mut worst: Option<Candidate> = None;
    let mut next_record = records.ops.iter().peekable();
    for op in history.completions() {
        let record = next_record.next_if(|record| record.op.index == op.index);
        let Some(record) = record.filter(|record| record.op.kind == Kind::Ok) else {
            if op.kind == Kind::Ok && &*op.f == "assign" {
                let keys = op.value.as_list().unwrap_or_default().iter();
                let session = sessions.entry(op.process).or_default();
                let dropped = session.assign(keys.filter_map(|key| key_ids.get(key).copied()));
                dropped
                    .into_iter()
                    .for_each(|(key, seen)| consider(&mut worst, session.lag(&growth, key, seen)));
            }
            continue;
        };
        let (false, Some(invocation)) = (&*op.f == "send", history.invocation_of(op.index)) else { continue };
        let session = sessions.entry(op.process).or_default();
        for (key, offset) in highest_offsets(record) {
            match session.seen.get(&key).copied() {
                Some(seen) if seen.offset >= offset => continue,
                Some(seen) => consider(&mut worst, session.lag(&growth, key, seen)),
                None => {}
            }
            session.seen.insert(key, Seen { offset, since: session.poll_count });
        }
        session.poll(invocation, op.index);
        if first.is_none() {
            first = session.seen.keys().min().map(|key| (invocation, *key));
        }
    }
    for session in sessions.values() {
        session.seen.iter().for_each(|(key, seen)| consider(&mut worst, session.lag(&growth, *key, *seen)));
    }
    let (lag_ns, (op, key)) = match worst.filter(|worst| worst.lag_ns > 0) {
        Some(worst) => (worst.lag_ns, (worst.invocation, worst.key)),
        None => (0, first?),
    };
    Some(Lag { time_ns: op.time_ns, process: op.process, key: records.keys[key].clone(), lag_ns })
}

fn consider<'h>(worst: &mut Option<Candidate<'h>>, candidate: Option<Candidate<'h>>) {
    if let Some(candidate) = candidate
        && worst.as_ref().is_none_or(|worst| candidate.rank() > worst.rank())
    {
        *worst = Some(candidate);
    }
}

/// A poll that came this late for a key.
struct Candidate<'h> {
    lag_ns: u64,
    /// The index of its completion.
    completed: usize,
    invocation: &'h Op,
    key: KeyId,
}

impl Candidate<'_> {
    fn rank(&self) -> (u64, Reverse<(usize, KeyId)>) {
        (self.lag_ns, Reverse((self.completed, self.key)))
    }
}

/// What one process knows of the keys it is assigned.
#[derive(Default)]
struct Session<'h> {
    seen: HashMap<KeyId, Seen>,
    poll_count: usize,
    /// Polls later than which none of this process began: number, invocation, index of the completion. The number rises,
    /// the time of the invocation falls: in a history whose clock runs forward it is the last poll alone.
    latest: Vec<(usize, &'h Op, usize)>,
}

/// How far a process has seen a log.
#[derive(Clone, Copy)]
struct Seen {
    offset: i64,
    /// From which of its polls on.
    since: usize,
}

impl<'h> Session<'h> {
    /// Keeps the keys it has, forgets those it has no more, and returns these.
    fn assign(&mut self, keys: impl Iterator<Item = KeyId>) -> HashMap<KeyId, Seen> {
        let mut before = std::mem::take(&mut self.seen);
        for key in keys {
            let new = Seen { offset: NOTHING, since: self.poll_count };
            let seen = before.remove(&key).unwrap_or(new);
            self.seen.entry(key).or_insert(seen);
        }
        before
    }

    fn poll(&mut self, invocation: &'h Op, completed: usize) {
        while self.latest.last().is_some_and(|(_, last, _)| last.time_ns < invocation.time_ns) {
            self.latest.pop();
        }
        self.latest.push((self.poll_count, invocation, completed));
        self.poll_count += 1;
    }

    /// The worst lag of a key since it was seen so far: that of the poll which began last. None if there was no poll.
    fn lag(&self, growth: &Growth, key: KeyId, seen: Seen) -> Option<Candidate<'h>> {
        let place = self.latest.partition_point(|(number, ..)| *number < seen.since);
        let (_, invocation, completed) = *self.latest.get(place)?;
        let lag_ns = growth.lag(key, seen.offset, invocation.time_ns);
        Some(Candidate { lag_ns, completed, invocation, key })
    }
}

/// The highest offset of a log of which nothing was seen.
const NOTHING: i64 = -1;

/// The highest offset of each key that an operation sent or polled.
fn highest_offsets<'r>(record: &'r Record) -> impl Iterator<Item = (KeyId, i64)> + 'r {
    let highest = |placed: &[Placed]| placed.iter().filter_map(|placed| placed.offset).max();
    let polled = record.polls.iter().map(move |(key, placed)| (*key, highest(placed).unwrap_or(NOTHING)));
    polled.chain(record.sends.iter().filter_map(move |(key, placed)| Some((*key, highest(placed)?))))
}

/// For each key, when it was first known to reach which offset; both increase.
struct Growth(Vec<Vec<(i64, u64)>>);

impl Growth {
    fn of(records: &Records) -> Growth {
        let mut growth = vec![Vec::new(); records.keys.len()];
        for record in records.ops.iter().filter(|record| record.op.kind != Kind::Fail) {
            for (key, offset) in highest_offsets(record) {
                let steps: &mut Vec<(i64, u64)> = &mut growth[key];
                if steps.last().map_or(NOTHING, |(highest, _)| *highest) < offset {
                    steps.push((offset, record.op.time_ns));
                }
            }
        }
        Growth(growth)
    }

    /// How long before `time_ns` the log had moved beyond `offset`; 0 if it had not.
    fn lag(&self, key: KeyId, offset: i64, time_ns: u64) -> u64 {
        let steps = &self.0[key];
        let beyond = steps.get(steps.partition_point(|(reached, _)| *reached <= offset));
        beyond.map_or(0, |(_, since)| time_ns.saturating_sub(*since))
    }
}

#[cfg(test)]
mod tests;
