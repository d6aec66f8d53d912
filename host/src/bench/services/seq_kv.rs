//! `seq-kv`: sequentially consistent by serving past versions of the map (spec §8.3). A requester may be
//! handed any of the last 32 versions that is not older than the newest it has seen; what would change that
//! version is done to the newest instead.

use std::collections::VecDeque;

use rand::RngExt;
use rustc_hash::FxHashMap;

use super::kv::{self, Request};
use super::{Service, Unanswered};
use crate::bench::random::Stream;
use crate::checker::Value;

/// How many versions of the map can be served.
const VERSIONS: usize = 32;

/// The sequentially consistent key-value store. Only the newest version is kept whole, the others as the
/// changes that followed them, so that a write costs the same however large the map is.
#[derive(Debug, Default)]
pub struct SeqKv {
    newest: FxHashMap<Value, Value>,
    /// Number of the newest version; 0 is the empty map.
    newest_version: u64,
    /// The steps from the oldest version that can be served to the newest.
    changes: VecDeque<Option<Change>>,
    /// The newest version each requester has observed.
    seen: FxHashMap<Box<str>, u64>,
}

/// A step from one version to the next; it writes one key.
#[derive(Debug)]
struct Change {
    key: Value,
    /// What the key held until then.
    before: Option<Value>,
}

impl SeqKv {
    fn serve(&mut self, src: &str, request: Request, rng: &mut Stream) -> String {
        let seen = self.seen.get(src).copied().unwrap_or(0);
        let version = rng.random_range(seen.max(self.oldest_version())..=self.newest_version);
        let past = self.value_at(version, &request.key);
        let speculative = request.operation.apply(past);
        if !speculative.changes(past) {
            self.see(src, version);
            return speculative.reply;
        }
        let outcome = request.operation.apply(self.newest.get(&request.key));
        self.append(request.key, outcome.written);
        self.see(src, self.newest_version);
        outcome.reply
    }

    fn oldest_version(&self) -> u64 {
        self.newest_version - self.changes.len() as u64
    }

    /// What a key held in a version that can be served: what the first change after it replaced.
    fn value_at(&self, version: u64, key: &Value) -> Option<&Value> {
        let steps = (version - self.oldest_version()) as usize;
        let mut later = self.changes.range(steps..).flatten();
        match later.find(|change| change.key == *key) {
            Some(change) => change.before.as_ref(),
            None => self.newest.get(key),
        }
    }

    /// Makes a new version, an equal one when nothing was written.
    fn append(&mut self, key: Value, written: Option<Value>) {
        let change = written.map(|value| {
            let before = self.newest.insert(key.clone(), value);
            Change { key, before }
        });
        self.changes.push_back(change);
        if self.changes.len() == VERSIONS {
            self.changes.pop_front();
        }
        self.newest_version += 1;
    }

    fn see(&mut self, src: &str, version: u64) {
        match self.seen.get_mut(src) {
            Some(seen) => *seen = version,
            None => {
                self.seen.insert(src.into(), version);
            }
        }
    }
}

impl Service for SeqKv {
    fn handle(&mut self, src: &str, body: &str, rng: &mut Stream) -> Result<String, Unanswered> {
        kv::answer(body, |request| self.serve(src, request, rng))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::super::kv::tests::Talk;
    use super::*;

    fn seq_kv() -> Talk<SeqKv> {
        Talk::to(SeqKv::default())
    }

    fn number(value: Option<String>) -> i64 {
        value.map_or(-1, |text| text.parse().unwrap())
    }

    /// What a requester that has never been here may read after `writes` writes of 0, 1, 2, … to one key.
    fn seen_by_fresh_readers(writes: i64) -> BTreeSet<i64> {
        let mut kv = seq_kv();
        (0..writes).for_each(|value| kv.write("writer", "1", value));
        (0..2000).map(|reader| number(kv.read(&format!("r{reader}"), "1"))).collect()
    }

    #[test]
    fn a_fresh_reader_may_see_any_of_the_last_32_versions() {
        assert_eq!(seen_by_fresh_readers(3), (-1..3).collect());
        assert_eq!(seen_by_fresh_readers(31), (-1..31).collect());
        assert_eq!(seen_by_fresh_readers(32), (0..32).collect());
        assert_eq!(seen_by_fresh_readers(1000), (968..1000).collect());
    }

    #[test]
    fn a_unique_write_is_a_barrier() {
        let mut kv = seq_kv();
        for round in 0..100 {
            kv.write("writer", r#""x""#, round);
            kv.write("reader", r#""mine""#, round);
            assert_eq!(number(kv.read("reader", r#""x""#)), round);
        }
    }

    #[test]
    fn an_identity_cas_is_no_barrier() {
        let stale = (0..100).filter(|round| {
            let mut kv = seq_kv();
            let reader = format!("r{round}");
            (0..3).for_each(|value| kv.write("writer", "1", value));
            let identical = (0..3).find(|v| kv.cas(&reader, "1", &v.to_string(), &v.to_string(), false) == 0);
            identical.is_some() && number(kv.read(&reader, "1")) < 2
        });
        assert!(stale.count() > 0);
    }

    #[test]
    fn a_failed_cas_may_be_judged_by_the_past() {
        let mut kv = seq_kv();
        (0..20).for_each(|value| kv.write("writer", "1", value));
        let codes: BTreeSet<u32> =
            (0..200).map(|reader| kv.cas(&format!("r{reader}"), "1", "19", "19", false)).collect();
        assert_eq!(codes, BTreeSet::from([0, 20, 22]));
    }

    #[test]
    fn a_cas_that_succeeds_on_the_past_is_done_to_the_newest_version() {
        let mut kv = seq_kv();
        kv.write("writer", "1", 5);
        kv.write("writer", "1", 6);
        let codes: BTreeSet<u32> =
            (0..100).map(|reader| kv.cas(&format!("r{reader}"), "1", "5", "7", false)).collect();
        assert!(!codes.contains(&0), "{codes:?}");
        assert_eq!(number(kv.read("writer", "1")), 6);
    }

    #[test]
    fn a_write_keeps_only_what_the_versions_need() {
        let mut kv = seq_kv();
        (0..1000).for_each(|value| kv.write("writer", &(value % 10).to_string(), value));
        assert_eq!((kv.0.newest.len(), kv.0.changes.len()), (10, VERSIONS - 1));
    }

    proptest! {
        #[test]
        fn every_version_that_can_be_served_is_the_map_as_it_was(
            writes in prop::collection::vec((0..4u8, any::<u8>(), any::<bool>()), 0..100)
        ) {
            let mut kv = SeqKv::default();
            let mut versions = vec![BTreeMap::new()];
            for (key, value, is_written) in writes {
                let written = is_written.then(|| Value::Int(value.into()));
                kv.append(Value::Int(key.into()), written);
                let mut next = versions.last().unwrap().clone();
                if is_written {
                    next.insert(key, value);
                }
                versions.push(next);
            }
            prop_assert_eq!(kv.oldest_version(), versions.len().saturating_sub(VERSIONS) as u64);
            for version in kv.oldest_version()..=kv.newest_version {
                for key in 0..4 {
                    let expected = versions[version as usize].get(&key).map(|&value| Value::Int(value.into()));
                    prop_assert_eq!(kv.value_at(version, &Value::Int(key.into())), expected.as_ref());
                }
            }
        }

        /// Also when it has lagged by far more than 32 versions, where Maelstrom's wraps around.
        #[test]
        fn no_reader_ever_goes_backwards(
            bursts in prop::collection::vec((0..4u8, 0..80_usize), 1..40)
        ) {
            let mut kv = seq_kv();
            let mut last_read = BTreeMap::new();
            let mut values = 0_i64..;
            for (reader, writes) in bursts {
                values.by_ref().take(writes).for_each(|value| kv.write("writer", "1", value));
                let value = number(kv.read(&format!("r{reader}"), "1"));
                let before = last_read.insert(reader, value).unwrap_or(-1);
                prop_assert!(before <= value, "r{} read {} after {}", reader, value, before);
            }
        }
    }
}
