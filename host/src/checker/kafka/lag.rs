//! How stale polls were. Not a fault: a log may be read late (spec §9.8).

use std::collections::HashMap;

use super::super::{History, Kind, Op, Process, Value};
use super::records::{KeyId, Placed, Record, Records};
use super::sessions::assigned;

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
pub(super) fn worst(history: &History, records: &Records) -> Option<Lag> {
    let growth = Growth::of(records);
    let mut seen_by: HashMap<Process, HashMap<KeyId, i64>> = HashMap::new();
    let key_ids: HashMap<&Value, KeyId> = records.keys.iter().copied().zip(0..).collect();
    let mut worst: Option<(u64, &Op, KeyId)> = None;
    let mut next_record = records.ops.iter().peekable();
    for op in history.completions() {
        let record = next_record.next_if(|record| record.op.index == op.index);
        let Some(record) = record.filter(|record| record.op.kind == Kind::Ok) else {
            if op.kind == Kind::Ok && &*op.f == "assign" {
                let seen = seen_by.entry(op.process).or_default();
                let keys = assigned(op).into_iter().filter_map(|key| key_ids.get(key));
                *seen = keys.map(|key| (*key, seen.get(key).copied().unwrap_or(NOTHING))).collect();
            }
            continue;
        };
        if &*op.f == "send" {
            continue;
        }
        let seen = seen_by.entry(op.process).or_default();
        for (key, offset) in highest_offsets(record) {
            let seen = seen.entry(key).or_insert(offset);
            *seen = offset.max(*seen);
        }
        let Some(invocation) = history.invocation_of(op.index) else { continue };
        let lags = seen.iter().map(|(key, offset)| (growth.lag(*key, *offset, invocation.time_ns), *key));
        // The first key wins a tie, so that the result does not depend on hashing.
        let of_poll = lags.max_by_key(|(lag, key)| (*lag, std::cmp::Reverse(*key)));
        if let Some((lag, key)) = of_poll.filter(|(lag, _)| worst.is_none_or(|(worst, ..)| *lag > worst)) {
            worst = Some((lag, invocation, key));
        }
    }
    worst.map(|(lag_ns, op, key)| Lag {
        time_ns: op.time_ns,
        process: op.process,
        key: records.keys[key].clone(),
        lag_ns,
    })
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
