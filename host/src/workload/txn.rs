//! The transactions that txn-list-append, txn-rw-register and kafka draw from (spec §13.1): micro-operations on a few
//! active keys, of which each next is twice as hot as the one before. And how the two txn workloads put them on the wire.

use rand::{Rng, RngExt};

use super::{Clients, Invocation, Options, RPC_TIMEOUT_MS, Step};
use crate::checker::Value;
use crate::checker::txn::Options as Models;

/// How the clients of both txn workloads behave.
pub(super) const CLIENTS: Clients = Clients { reusable: true, timeout_ms: RPC_TIMEOUT_MS, maps_errors: true };

/// One step of a transaction to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MicroOp {
    Read {
        key: i64,
    },
    /// Values count from 1 for each key.
    Write {
        key: i64,
        value: i64,
    },
}

/// Where random transactions come from.
#[derive(Clone, Debug)]
pub(super) struct Generator {
    /// Coldest first.
    active: Vec<ActiveKey>,
    /// The key that replaces the next one to be retired.
    next_key: i64,
    max_txn_length: usize,
    max_writes_per_key: i64,
}

#[derive(Clone, Debug)]
struct ActiveKey {
    key: i64,
    next_value: i64,
}

impl ActiveKey {
    fn new(key: i64) -> ActiveKey {
        ActiveKey { key, next_value: 1 }
    }
}

impl Generator {
    /// Transactions of at most `max_txn_length` micro-operations; the option of that name does not count here.
    pub fn new(options: &Options, max_txn_length: usize) -> Generator {
        let next_key = options.key_count as i64;
        Generator {
            active: (0..next_key).map(ActiveKey::new).collect(),
            next_key,
            max_txn_length,
            max_writes_per_key: i64::try_from(options.max_writes_per_key).unwrap_or(i64::MAX),
        }
    }

    /// The next transaction.
    pub fn transaction(&mut self, rng: &mut dyn Rng) -> Vec<MicroOp> {
        let length = rng.random_range(1..=self.max_txn_length);
        (0..length).map(|_| self.micro_op(rng)).collect()
    }

    /// The next micro-operation. A key that has had all its writes is replaced, and another micro-operation drawn.
    pub fn micro_op(&mut self, rng: &mut dyn Rng) -> MicroOp {
        loop {
            let is_read = rng.random();
            let slot = self.slot(rng);
            let ActiveKey { key, next_value: value } = self.active[slot];
            if is_read {
                return MicroOp::Read { key };
            }
            if value <= self.max_writes_per_key {
                self.active[slot].next_value += 1;
                return MicroOp::Write { key, value };
            }
            self.active[slot] = ActiveKey::new(self.next_key);
            self.next_key += 1;
        }
    }

    /// An active key, drawn as for a micro-operation.
    pub fn key(&self, rng: &mut dyn Rng) -> i64 {
        self.active[self.slot(rng)].key
    }

    /// A place among the active keys, the last with probability 1/2 (nearly), the one before with 1/4, and so on.
    fn slot(&self, rng: &mut dyn Rng) -> usize {
        loop {
            let from_the_end = rng.next_u64().trailing_zeros() as usize;
            if from_the_end < self.active.len() {
                return self.active.len() - 1 - from_the_end;
            }
        }
    }
}

/// The models a history will be held against; an error if one of them is unknown.
pub(super) fn models(options: &Options) -> Result<Models, String> {
    options.consistency_models.parse().map_err(|error| format!("--consistency-models: {error}"))
}

/// A transaction as an operation `txn` whose writes bear that name.
pub(super) fn invocation(write: &str, micro_ops: Vec<MicroOp>) -> Invocation {
    let value = |micro_op| match micro_op {
        MicroOp::Read { key } => Value::List(vec!["r".into(), key.into(), Value::Null]),
        MicroOp::Write { key, value } => Value::List(vec![write.into(), key.into(), value.into()]),
    };
    Invocation::new("txn", micro_ops.into_iter().map(value).collect::<Value>())
}

/// Sends the transaction.
pub(super) fn request(invocation: &Invocation) -> Step {
    Step::Request(format!(r#"{{"type":"txn","txn":{}}}"#, invocation.value))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::super::simulation::{Answer, options};
    use super::*;

    /// The reply to a transaction whose every micro-operation, `f key argument`, has this result.
    pub fn replied(request: &Value, mut result: impl FnMut(&str, i64, &Value) -> Value) -> Answer {
        let micro_op = |micro_op: &Value| {
            let [f, key, argument] = micro_op.as_list().unwrap() else { panic!("a triple, not {micro_op}") };
            let result = result(f.as_str().unwrap(), key.as_i64().unwrap(), argument);
            Value::List(vec![f.clone(), key.clone(), result])
        };
        let txn: Value = request.get("txn").unwrap().as_list().unwrap().iter().map(micro_op).collect();
        Answer::Reply(format!(r#"{{"type":"txn_ok","txn":{txn}}}"#))
    }

    fn transactions(options: &Options, count: usize, seed: u64) -> Vec<Vec<MicroOp>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut generator = Generator::new(options, options.max_txn_length);
        (0..count).map(|_| generator.transaction(&mut rng)).collect()
    }

    fn key_of(micro_op: &MicroOp) -> i64 {
        match *micro_op {
            MicroOp::Read { key } | MicroOp::Write { key, .. } => key,
        }
    }

    #[test]
    fn lengths_are_uniform_from_one_to_the_maximum() {
        let mut counts = [0; 5];
        for transaction in transactions(&options(), 4_000, 0) {
            counts[transaction.len()] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|count| (900..1_100).contains(count)), "{counts:?}");
    }

    #[test]
    fn half_the_micro_operations_write() {
        let all = transactions(&options(), 4_000, 0).concat();
        let writes = all.iter().filter(|micro_op| matches!(micro_op, MicroOp::Write { .. })).count();
        assert!((45..55).contains(&(writes * 100 / all.len())), "{writes} of {}", all.len());
    }

    #[test]
    fn each_key_is_twice_as_hot_as_the_one_before() {
        let options = Options { key_count: 4, max_writes_per_key: u64::MAX, ..options() };
        let mut counts = [0; 4];
        for micro_op in transactions(&options, 6_000, 0).concat() {
            counts[key_of(&micro_op) as usize] += 1;
        }
        let fifteenths = counts.map(|count| (count * 15 + 7_500) / 15_000);
        assert_eq!(fifteenths, [1, 2, 4, 8], "{counts:?}");
    }

    #[test]
    fn values_of_a_key_count_from_one_to_the_maximum() {
        let options = Options { max_writes_per_key: 7, ..options() };
        let mut values_of: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for micro_op in transactions(&options, 1_000, 0).concat() {
            if let MicroOp::Write { key, value } = micro_op {
                values_of.entry(key).or_default().push(value);
            }
        }
        assert!(values_of.values().all(|values| values.len() <= 7));
        assert!(values_of.values().all(|values| values.iter().copied().eq(1..=values.len() as i64)));
        assert!(values_of.len() > 100);
    }

    #[test]
    fn a_retired_key_is_replaced_in_its_place_and_never_comes_back() {
        let options = Options { key_count: 3, max_writes_per_key: 2, ..options() };
        let mut generator = Generator::new(&options, 1);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut active = [0, 1, 2];
        for _ in 0..500 {
            let key = key_of(&generator.micro_op(&mut rng));
            let highest = *active.iter().max().unwrap();
            for (slot, ActiveKey { key, .. }) in generator.active.iter().enumerate() {
                assert!(*key == active[slot] || *key > highest, "{active:?} {:?}", generator.active);
                active[slot] = *key;
            }
            assert!(active.contains(&key));
        }
        assert!(active.iter().all(|key| *key > 50), "{active:?}");
    }

    #[test]
    fn a_single_key_is_replaced_too() {
        let options = Options { key_count: 1, max_writes_per_key: 1, ..options() };
        let writes: Vec<MicroOp> = transactions(&options, 50, 0)
            .concat()
            .into_iter()
            .filter(|micro_op| matches!(micro_op, MicroOp::Write { .. }))
            .collect();
        let expected = (0..writes.len() as i64).map(|key| MicroOp::Write { key, value: 1 });
        assert!(writes.iter().copied().eq(expected));
    }

    #[test]
    fn the_seed_decides_everything() {
        assert_eq!(transactions(&options(), 100, 5), transactions(&options(), 100, 5));
        assert_ne!(transactions(&options(), 100, 5), transactions(&options(), 100, 6));
    }
}
