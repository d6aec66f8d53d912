//! The plugin on the SDK's test cluster. Raft itself is tested where it is, strict serializability by `host test`.

use std::time::Duration;

use guest_sdk::testing::{Cluster, Config};
use guest_sdk::{ErrorCode, Result};
use serde_json::{Value, json};

use super::TxnListAppend;

const SECOND: Duration = Duration::from_secs(1);

fn cluster(nodes: usize, latency_ms: u64, seed: u64) -> Cluster<TxnListAppend> {
    let latency = Duration::from_millis(latency_ms);
    let config = Config { nodes, latency, seed, ..Config::default() };
    let mut cluster = Cluster::start(config).expect("a cluster");
    cluster.advance(2 * SECOND);
    cluster
}

fn txn(cluster: &mut Cluster<TxnListAppend>, node: &str, ops: Value) -> Result<Value> {
    cluster.request(node, json!({"type": "txn", "txn": ops})).map(|mut answer| answer["txn"].take())
}

#[test]
fn a_transaction_sees_what_came_before_and_its_own_appends() {
    let mut cluster = cluster(3, 10, 7);
    let ops = json!([["r", 1, null], ["append", 1, 6], ["r", 1, null], ["append", 2, 9]]);
    let first = txn(&mut cluster, "n1", ops);
    assert_eq!(first, Ok(json!([["r", 1, null], ["append", 1, 6], ["r", 1, [6]], ["append", 2, 9]])));
    let second = txn(&mut cluster, "n2", json!([["append", 1, 7], ["r", 1, null], ["r", 3, null]]));
    assert_eq!(second, Ok(json!([["append", 1, 7], ["r", 1, [6, 7]], ["r", 3, null]])));
    let third = txn(&mut cluster, "n3", json!([["r", 1, null], ["r", 2, null]]));
    assert_eq!(third, Ok(json!([["r", 1, [6, 7]], ["r", 2, [9]]])));
    assert_eq!(txn(&mut cluster, "n3", json!([])), Ok(json!([])));
}

#[test]
fn a_transaction_that_only_reads_needs_no_log_entry() {
    let mut cluster = cluster(3, 10, 7);
    let entries = |cluster: &Cluster<TxnListAppend>| cluster.node("n1").state().server.raft().kept_entries();
    txn(&mut cluster, "n2", json!([["append", 1, 1]])).expect("txn_ok");
    cluster.advance(SECOND);
    let before = entries(&cluster);
    for node in ["n1", "n2", "n3"] {
        assert_eq!(txn(&mut cluster, node, json!([["r", 1, null]])), Ok(json!([["r", 1, [1]]])));
    }
    cluster.advance(SECOND);
    assert_eq!(entries(&cluster), before);
    txn(&mut cluster, "n2", json!([["append", 1, 2]])).expect("txn_ok");
    cluster.advance(SECOND);
    assert_eq!(entries(&cluster), before + 1);
}

#[test]
fn an_append_happens_once_however_often_it_is_sent() {
    for seed in 0..20 {
        let mut cluster = cluster(3, 5, seed);
        cluster.set_loss(0.2);
        cluster.set_duplication(0.3);
        cluster.set_jitter(Duration::from_millis(20));
        let mut expected = Vec::new();
        for element in 0..50 {
            let node = format!("n{}", element % 3 + 1);
            expected.push(element);
            let answer = txn(&mut cluster, &node, json!([["append", 1, element], ["r", 1, null]]));
            assert_eq!(answer, Ok(json!([["append", 1, element], ["r", 1, expected]])), "seed {seed}");
        }
    }
}

#[test]
fn the_majority_goes_on_while_the_rest_refuses() {
    let mut cluster = cluster(5, 0, 7);
    cluster.partition(&[&["n1", "n4"], &["n2", "n3", "n5"]]);
    cluster.advance(3 * SECOND);
    let refusal = txn(&mut cluster, "n4", json!([["append", 1, 1]])).expect_err("refused");
    assert_eq!(refusal.code, ErrorCode::TemporarilyUnavailable);
    txn(&mut cluster, "n5", json!([["append", 1, 2]])).expect("txn_ok");
    cluster.heal();
    cluster.advance(SECOND);
    assert_eq!(txn(&mut cluster, "n1", json!([["r", 1, null]])), Ok(json!([["r", 1, [2]]])));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut cluster = cluster(1, 0, 7);
    let nonsense =
        json!([7, [["w", 1, 2]], [["r"]], [["append", "x", 1]], [["append", 1, null]], [["r", 1, 2]]]);
    for ops in nonsense.as_array().expect("an array").clone() {
        let refusal = txn(&mut cluster, "n1", ops).expect_err("refused");
        assert_eq!(refusal.code, ErrorCode::MalformedRequest, "{refusal}");
    }
}
