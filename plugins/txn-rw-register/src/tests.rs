//! The algorithm's promises on the SDK's cluster in memory. Whether snapshots are atomic and causal is checked from
//! within, by versions: Elle infers too little from registers to tell.

use std::collections::BTreeMap;
use std::time::Duration;

use guest_sdk::testing::{Cluster, Config};
use serde_json::{Value, json};

use super::TxnRwRegister;
use super::registers::Version;

const SECOND: Duration = Duration::from_secs(1);

fn cluster(nodes: usize, seed: u64) -> Cluster<TxnRwRegister> {
    let latency = Duration::from_millis(10);
    Cluster::start(Config { nodes, latency, seed, ..Config::default() }).expect("the nodes start")
}

fn txn(cluster: &mut Cluster<TxnRwRegister>, node: &str, micro_ops: Value) -> Value {
    let mut answer = cluster.request(node, json!({"type": "txn", "txn": micro_ops})).expect("an answer");
    assert_eq!(answer["type"], "txn_ok");
    answer["txn"].take()
}

#[test]
fn a_transaction_sees_its_own_writes_and_no_others_halfway() {
    let mut cluster = cluster(1, 1);
    let micro_ops = json!([["r", 1, null], ["w", 1, 6], ["r", 1, null], ["w", 1, 7], ["w", 2, 9]]);
    let executed = txn(&mut cluster, "n1", micro_ops);
    assert_eq!(executed, json!([["r", 1, null], ["w", 1, 6], ["r", 1, 6], ["w", 1, 7], ["w", 2, 9]]));
    let read = txn(&mut cluster, "n1", json!([["r", 2, null], ["r", 1, null]]));
    assert_eq!(read, json!([["r", 2, 9], ["r", 1, 7]]));
}

#[test]
fn one_node_alone_sends_nothing() {
    let mut cluster = cluster(1, 1);
    txn(&mut cluster, "n1", json!([["w", 1, 6]]));
    cluster.advance(60 * SECOND);
    assert_eq!(cluster.messages_sent(), 0);
}

#[test]
fn a_cluster_at_rest_sends_nothing() {
    let mut cluster = cluster(5, 1);
    txn(&mut cluster, "n1", json!([["w", 1, 6]]));
    cluster.advance(10 * SECOND);
    let sent = cluster.messages_sent();
    cluster.advance(60 * SECOND);
    assert_eq!(cluster.messages_sent(), sent);
}

#[test]
fn every_node_answers_at_once_while_all_are_cut_off_from_each_other() {
    let mut cluster = cluster(3, 1);
    cluster.partition(&[&["n1"], &["n2"], &["n3"]]);
    let before = cluster.now();
    for (value, node) in [(1, "n1"), (2, "n2"), (3, "n3")] {
        let executed = txn(&mut cluster, node, json!([["r", 1, null], ["w", 1, value]]));
        assert_eq!(executed, json!([["r", 1, null], ["w", 1, value]]));
    }
    assert_eq!(cluster.now(), before);
}

#[test]
fn a_write_without_a_value_is_refused() {
    let mut cluster = cluster(1, 1);
    let error = cluster.request("n1", json!({"type": "txn", "txn": [["w", 1, 5], ["w", 2, null]]}));
    assert_eq!(error.expect_err("refused").text, "the write of 2 has no value");
    assert_eq!(txn(&mut cluster, "n1", json!([["r", 1, null]])), json!([["r", 1, null]]));
}

#[test]
fn a_batch_from_a_stranger_is_refused() {
    let mut cluster = cluster(2, 1);
    let header = json!({"incarnation": 1, "from": 0, "upto": 1, "ack": null, "confirm": true});
    let registers = json!([[1, {"value": 9, "version": {"time": 9, "incarnation": 1}}]]);
    let batch = json!({"type": "batch", "header": header, "registers": registers});
    assert_eq!(cluster.request("n1", batch).expect_err("refused").code.number(), 12);
    assert_eq!(txn(&mut cluster, "n1", json!([["r", 1, null]])), json!([["r", 1, null]]));
}

/// For each register the latest version that something depends on.
type Past = BTreeMap<i64, Version>;

/// A cluster under random transactions and faults, whose every read is checked.
struct Run {
    cluster: Cluster<TxnRwRegister>,
    random: u64,
    next_value: i64,
    /// By key and value: the write's version, and the past of its transaction, itself included.
    writes: BTreeMap<(i64, i64), (Version, Past)>,
    /// For each node what its transactions in this life depend on.
    sessions: BTreeMap<String, Past>,
}

impl Run {
    const KEYS: u64 = 8;

    fn new(nodes: usize, seed: u64) -> Self {
        let cluster = cluster(nodes, seed);
        Run { cluster, random: seed, next_value: 1, writes: BTreeMap::new(), sessions: BTreeMap::new() }
    }

    /// A number below `bound` (Knuth's linear congruential generator).
    fn draw(&mut self, bound: u64) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % bound
    }

    fn draw_node(&mut self) -> String {
        let place = self.draw(self.cluster.names().len() as u64);
        self.cluster.names()[place as usize].clone()
    }

    /// Executes a random transaction at a random node, and checks that what it read was a causal and atomic snapshot.
    fn transact(&mut self) {
        let node = self.draw_node();
        let micro_ops: Vec<Value> = (0..1 + self.draw(5)).map(|_| self.draw_micro_op()).collect();
        let executed = txn(&mut self.cluster, &node, json!(micro_ops));
        let mut past = self.sessions.remove(&node).unwrap_or_default();
        let (mut read, mut written) = (BTreeMap::new(), BTreeMap::new());
        for micro_op in executed.as_array().expect("micro-operations") {
            let (key, value) = (micro_op[1].as_i64().expect("a key"), micro_op[2].as_i64());
            match (micro_op[0].as_str(), written.get(&key)) {
                (Some("w"), _) => drop(written.insert(key, value)),
                (_, Some(own)) => assert_eq!(value, *own, "a transaction reads its own writes"),
                _ => drop(read.insert(key, value)),
            }
        }
        let seen: BTreeMap<i64, Option<Version>> = read
            .iter()
            .map(|(key, value)| (*key, value.map(|value| self.writes[&(*key, value)].0)))
            .collect();
        for (key, value) in read.iter().filter_map(|(key, value)| Some((*key, (*value)?))) {
            merge(&mut past, &self.writes[&(key, value)].1);
        }
        for (key, version) in seen {
            assert!(version >= past.get(&key).copied(), "{node} read a version of {key} older than its past");
        }
        self.note_writes(&node, &mut past, &written);
        self.sessions.insert(node, past);
    }

    fn note_writes(&mut self, node: &str, past: &mut Past, written: &BTreeMap<i64, Option<i64>>) {
        let version_of =
            |key: &i64| self.cluster.node(node).state().registers.get(*key).expect("written").version;
        let versions: Past = written.keys().map(|key| (*key, version_of(key))).collect();
        assert!(versions.values().all(|version| Some(version) == versions.values().next()), "one version");
        merge(past, &versions);
        for (key, value) in written {
            self.writes.insert((*key, value.expect("a value")), (versions[key], past.clone()));
        }
    }

    fn draw_micro_op(&mut self) -> Value {
        let key = self.draw(Run::KEYS);
        if self.draw(2) == 0 {
            return json!(["r", key, null]);
        }
        self.next_value += 1;
        json!(["w", key, self.next_value])
    }

    fn transact_often(&mut self, times: u64) {
        for _ in 0..times {
            self.transact();
            let pause_ms = self.draw(20);
            self.cluster.advance(Duration::from_millis(pause_ms));
        }
    }

    /// What all nodes agree on, in the end.
    fn agreed(&mut self) -> Vec<Value> {
        let reads: Vec<Value> = (0..Run::KEYS).map(|key| json!(["r", key, null])).collect();
        let names = self.cluster.names().to_vec();
        let mut agreed: Vec<Value> =
            names.iter().map(|name| txn(&mut self.cluster, name, json!(reads))).collect();
        agreed.dedup();
        assert_eq!(agreed.len(), 1, "the nodes do not agree: {agreed:?}");
        agreed
    }

    /// Of each register the value written last, by version.
    fn winners(&self) -> Vec<Value> {
        let winner = |key: i64| {
            let of_key = self.writes.iter().filter(|((other, _), _)| *other == key);
            of_key.max_by_key(|(_, (version, _))| *version).map(|((_, value), _)| *value)
        };
        vec![(0..Run::KEYS as i64).map(|key| json!(["r", key, winner(key)])).collect()]
    }
}

fn merge(past: &mut Past, other: &Past) {
    for (key, version) in other {
        let known = past.entry(*key).or_insert(*version);
        *known = (*known).max(*version);
    }
}

#[test]
fn snapshots_are_atomic_and_causal_and_nodes_agree_despite_partitions_loss_duplication_and_reordering() {
    for (seed, nodes) in (0..60).zip([2, 3, 5].into_iter().cycle()) {
        let mut run = Run::new(nodes, seed);
        run.cluster.set_loss(0.3);
        run.cluster.set_duplication(0.3);
        run.cluster.set_jitter(Duration::from_millis(200));
        run.transact_often(100);
        run.cluster.partition(&[&["n1", "n4"], &["n2", "n5"], &["n3"]]);
        run.transact_often(100);
        run.cluster.heal();
        run.cluster.cut("n1", "n2");
        run.transact_often(100);
        run.cluster.heal();
        run.cluster.advance(10 * SECOND);
        assert_eq!(run.agreed(), run.winners(), "seed {seed}");
    }
}

#[test]
fn nodes_agree_through_others_where_a_link_is_cut_for_good() {
    let mut run = Run::new(3, 1);
    run.cluster.cut("n1", "n2");
    run.cluster.cut("n2", "n1");
    run.transact_often(100);
    run.cluster.advance(SECOND);
    assert_eq!(run.agreed(), run.winners());
}

#[test]
fn snapshots_stay_atomic_and_causal_when_nodes_lose_their_memory() {
    for seed in 0..30 {
        let mut run = Run::new(3, seed);
        run.cluster.set_loss(0.2);
        run.cluster.set_jitter(Duration::from_millis(300));
        for _ in 0..10 {
            run.transact_often(20);
            let victim = run.draw_node();
            run.cluster.restart(&victim);
            run.sessions.remove(&victim);
        }
        run.cluster.set_loss(0.0);
        run.cluster.advance(10 * SECOND);
        run.agreed();
    }
}

#[test]
fn a_node_that_lost_its_memory_gets_everything_back() {
    let mut run = Run::new(3, 1);
    run.transact_often(100);
    run.cluster.advance(SECOND);
    run.cluster.restart("n1");
    run.cluster.advance(SECOND);
    assert_eq!(run.agreed(), run.winners());
}
