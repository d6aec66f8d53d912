//! `lww-kv`: replicas of which the last write wins; deliberately bad (spec §8.4). Lost updates, stale reads and values
//! that rise from the dead are its normal behaviour. Maelstrom means its replicas to gossip, which would make them
//! eventually consistent, but computes each merge and drops it (spec §19.9), so a replica only ever knows what was written
//! to it. So it is here, unless merging is asked for.

use std::num::NonZeroUsize;
use std::sync::Arc;

use rand::RngExt;
use rustc_hash::FxHashMap;

use super::kv::{self, Operation, Request};
use super::{Service, Unanswered};
use crate::bench::random::Stream;
use crate::checker::Value;

/// The last-write-wins key-value store.
#[derive(Debug)]
pub struct LwwKv {
    /// The cell of each key, the same in all replicas: they merge cell by cell.
    cell_of: FxHashMap<Value, usize>,
    replicas: Vec<Replica>,
    is_merging: bool,
}

#[derive(Clone, Debug, Default)]
struct Replica {
    /// A Lamport clock.
    clock: u64,
    cells: Vec<Option<Stamped>>,
}

#[derive(Clone, Debug)]
struct Stamped {
    timestamp: u64,
    value: Arc<Value>,
}

impl LwwKv {
    /// So many empty replicas, which learn from each other as Maelstrom means them to (spec §8.4), or never, as there
    /// (spec §19.9).
    pub fn new(replicas: NonZeroUsize, is_merging: bool) -> LwwKv {
        let replicas = vec![Replica::default(); replicas.get()];
        LwwKv { cell_of: FxHashMap::default(), replicas, is_merging }
    }

    fn serve(&mut self, mut request: Request, rng: &mut Stream) -> String {
        if let Operation::Cas { create, .. } = &mut request.operation {
            *create = false;
        }
        let replicas = self.replicas.len();
        if self.is_merging {
            self.merge(rng.random_range(0..replicas), rng.random_range(0..replicas));
        }
        self.apply(rng.random_range(0..replicas), request)
    }

    /// Tells one replica all that another knows.
    fn merge(&mut self, src: usize, dst: usize) {
        let Ok([src, dst]) = self.replicas.get_disjoint_mut([src, dst]) else {
            return; // It tells itself.
        };
        dst.clock = dst.clock.max(src.clock);
        dst.cells.resize(dst.cells.len().max(src.cells.len()), None);
        for (theirs, ours) in src.cells.iter().zip(&mut dst.cells) {
            if theirs.as_ref().is_some_and(|theirs| theirs.wins_over(ours.as_ref())) {
                ours.clone_from(theirs);
            }
        }
    }

    fn apply(&mut self, replica: usize, Request { key, operation }: Request) -> String {
        let replica = &mut self.replicas[replica];
        let cell = self.cell_of.get(&key).and_then(|&cell| replica.cells.get(cell)?.as_ref());
        let outcome = operation.apply(cell.map(|cell| &*cell.value));
        if let Some(value) = outcome.written {
            let next_cell = self.cell_of.len();
            let cell = *self.cell_of.entry(key).or_insert(next_cell);
            replica.write(cell, value);
        }
        outcome.reply
    }
}

impl Replica {
    fn write(&mut self, cell: usize, value: Value) {
        if self.cells.len() <= cell {
            self.cells.resize(cell + 1, None);
        }
        self.cells[cell] = Some(Stamped { timestamp: self.clock, value: Arc::new(value) });
        self.clock += 1;
    }
}

impl Stamped {
    /// Whether this replaces `other` in a merge. Of two with the same timestamp the one that arrives stays.
    fn wins_over(&self, other: Option<&Stamped>) -> bool {
        other.is_none_or(|other| self.timestamp >= other.timestamp && !Arc::ptr_eq(&self.value, &other.value))
    }
}

impl Service for LwwKv {
    fn handle(&mut self, _src: &str, body: &str, rng: &mut Stream) -> Result<String, Unanswered> {
        kv::answer(body, |request| self.serve(request, rng))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::LWW_REPLICAS;
    use super::super::kv::tests::Talk;
    use super::*;

    fn write(kv: &mut LwwKv, replica: usize, key: i64, value: i64) {
        kv.apply(replica, Request { key: key.into(), operation: Operation::Write(value.into()) });
    }

    fn read(kv: &mut LwwKv, replica: usize, key: i64) -> String {
        let reply = kv.apply(replica, Request { key: key.into(), operation: Operation::Read });
        reply
            .strip_prefix(r#"{"type":"read_ok","value":"#)
            .map_or("none", |rest| &rest[..rest.len() - 1])
            .to_owned()
    }

    #[test]
    fn the_higher_timestamp_wins_and_a_tie_goes_to_the_sender() {
        let mut kv = LwwKv::new(LWW_REPLICAS, true);
        write(&mut kv, 0, 1, 10);
        write(&mut kv, 1, 1, 20);
        kv.merge(0, 1);
        assert_eq!(read(&mut kv, 1, 1), "10", "both were stamped 0");
        write(&mut kv, 1, 1, 30);
        kv.merge(0, 1);
        assert_eq!(read(&mut kv, 1, 1), "30");
        kv.merge(1, 0);
        assert_eq!(read(&mut kv, 0, 1), "30");
    }

    #[test]
    fn a_merge_moves_the_clock_and_carries_every_key() {
        let mut kv = LwwKv::new(LWW_REPLICAS, true);
        (0..5).for_each(|key| write(&mut kv, 0, key, key));
        assert_eq!(read(&mut kv, 1, 4), "none");
        kv.merge(0, 1);
        assert_eq!(kv.replicas[1].clock, 5);
        write(&mut kv, 1, 0, 99);
        kv.merge(1, 0);
        assert_eq!((read(&mut kv, 0, 0), read(&mut kv, 0, 4)), ("99".to_owned(), "4".to_owned()));
    }

    #[test]
    fn a_written_value_may_be_lost_and_an_old_one_read() {
        let mut kv = Talk::to(LwwKv::new(LWW_REPLICAS, true));
        kv.write("n1", "1", 0);
        let stale = (1..500).filter(|&value| {
            kv.write("n1", "1", value);
            kv.read("n1", "1") != Some(value.to_string())
        });
        assert!(stale.count() > 50);
    }

    #[test]
    fn replicas_that_do_not_merge_never_agree() {
        let mut kv = Talk::to(LwwKv::new(LWW_REPLICAS, false));
        kv.write("n1", "1", 7);
        let missed = (0..10_000).filter(|_| kv.read("n1", "1").is_none()).count();
        assert!((4_000..6_000).contains(&missed), "{missed} of 10,000 reads miss the one value ever written");
    }

    #[test]
    fn replicas_that_merge_agree_once_writing_stops() {
        for replicas in 1..6 {
            let mut kv = Talk::to(LwwKv::new(NonZeroUsize::new(replicas).unwrap(), true));
            (0..50).for_each(|value| kv.write("n1", "1", value));
            (0..200).for_each(|_| drop(kv.read("n1", "1")));
            let values: BTreeSet<_> = (0..50).map(|_| kv.read("n1", "1")).collect();
            assert_eq!(values.len(), 1, "{replicas} replicas");
        }
    }

    #[test]
    fn a_cas_never_creates_a_key() {
        let mut kv = Talk::to(LwwKv::new(LWW_REPLICAS, true));
        assert_eq!(kv.cas("n1", "1", "null", "2", true), 20);
    }

    #[test]
    fn one_replica_is_a_plain_map() {
        let mut kv = Talk::to(LwwKv::new(NonZeroUsize::MIN, false));
        for value in 0..50 {
            kv.write("n1", "1", value);
            assert_eq!(kv.cas("n2", "1", &value.to_string(), "-1", false), 0);
            assert_eq!(kv.read("n3", "1").as_deref(), Some("-1"));
        }
    }
}
