//! The plugin on the SDK's test cluster. Raft itself is tested where it is, linearizability by `host test`.

use std::time::Duration;

use guest_sdk::testing::{Cluster, Config};
use guest_sdk::{ErrorCode, Result};
use serde_json::{Value, json};

use super::LinKv;

const SECOND: Duration = Duration::from_secs(1);

fn cluster(nodes: usize, latency_ms: u64, seed: u64) -> Cluster<LinKv> {
    let latency = Duration::from_millis(latency_ms);
    let config = Config { nodes, latency, seed, ..Config::default() };
    let mut cluster = Cluster::start(config).expect("a cluster");
    cluster.advance(2 * SECOND);
    cluster
}

fn read(cluster: &mut Cluster<LinKv>, node: &str, key: Value) -> Result<Value> {
    cluster.request(node, json!({"type": "read", "key": key})).map(|mut answer| answer["value"].take())
}

fn write(cluster: &mut Cluster<LinKv>, node: &str, key: Value, value: Value) -> Result<Value> {
    cluster.request(node, json!({"type": "write", "key": key, "value": value}))
}

fn cas(cluster: &mut Cluster<LinKv>, node: &str, from: i64, to: i64) -> Result<Value> {
    cluster.request(node, json!({"type": "cas", "key": 0, "from": from, "to": to}))
}

fn code(outcome: Result<Value>) -> ErrorCode {
    outcome.expect_err("refused").code
}

#[test]
fn every_node_reads_what_any_node_wrote() {
    for nodes in [1, 2, 3, 5, 7] {
        let mut cluster = cluster(nodes, 10, 7);
        for (value, node) in cluster.names().to_vec().iter().enumerate() {
            assert_eq!(write(&mut cluster, node, json!(0), json!(value)), Ok(json!({"type": "write_ok"})));
            for other in cluster.names().to_vec() {
                assert_eq!(read(&mut cluster, &other, json!(0)), Ok(json!(value)));
            }
        }
    }
}

#[test]
fn a_missing_key_is_error_20_and_another_value_error_22() {
    let mut cluster = cluster(3, 0, 7);
    assert_eq!(code(read(&mut cluster, "n2", json!(0))), ErrorCode::KeyDoesNotExist);
    assert_eq!(code(cas(&mut cluster, "n2", 1, 2)), ErrorCode::KeyDoesNotExist);
    write(&mut cluster, "n1", json!(0), json!(1)).expect("write_ok");
    let refusal = cas(&mut cluster, "n2", 2, 3).expect_err("refused");
    assert_eq!(refusal.to_string(), "precondition-failed (22): current value 1 is not 2");
    assert_eq!(cas(&mut cluster, "n3", 1, 2), Ok(json!({"type": "cas_ok"})));
    assert_eq!(read(&mut cluster, "n2", json!(0)), Ok(json!(2)));
}

#[test]
fn keys_and_values_are_any_json() {
    let mut cluster = cluster(3, 0, 7);
    let values = [json!(null), json!("0"), json!(0), json!([1, {"a": "é\u{0}"}]), json!({"": -1.5})];
    for value in &values {
        write(&mut cluster, "n2", value.clone(), value.clone()).expect("write_ok");
    }
    for value in values {
        assert_eq!(read(&mut cluster, "n3", value.clone()), Ok(value));
    }
}

#[test]
fn a_node_without_a_majority_says_that_it_cannot_serve() {
    let mut cluster = cluster(3, 0, 7);
    write(&mut cluster, "n1", json!(0), json!(1)).expect("write_ok");
    cluster.partition(&[&["n1"], &["n2", "n3"]]);
    cluster.advance(3 * SECOND);
    assert_eq!(code(write(&mut cluster, "n1", json!(0), json!(2))), ErrorCode::TemporarilyUnavailable);
    assert_eq!(code(read(&mut cluster, "n1", json!(0))), ErrorCode::TemporarilyUnavailable);
    assert_eq!(read(&mut cluster, "n2", json!(0)), Ok(json!(1)));
    write(&mut cluster, "n3", json!(0), json!(3)).expect("write_ok");
    cluster.heal();
    cluster.advance(SECOND);
    assert_eq!(read(&mut cluster, "n1", json!(0)), Ok(json!(3)));
}

#[test]
fn a_leader_that_is_cut_off_does_not_answer_from_the_past() {
    let mut cluster = cluster(3, 0, 7);
    write(&mut cluster, "n1", json!(0), json!(1)).expect("write_ok");
    let leads = |name: &&String| cluster.node(name).state().server.raft().is_leader();
    let leader = cluster.names().iter().find(leads).expect("a leader").clone();
    for other in cluster.names().to_vec() {
        cluster.cut(&leader, &other);
        cluster.cut(&other, &leader);
    }
    let ticket = cluster.submit(&leader, r#"{"type":"read","key":0}"#);
    cluster.advance(3 * SECOND);
    let refusal = cluster.answer(ticket).expect("an answer").expect_err("refused");
    assert_eq!(refusal.code, ErrorCode::TemporarilyUnavailable);
}

#[test]
fn a_compare_and_set_happens_once_however_often_it_is_sent() {
    for seed in 0..20 {
        let mut cluster = cluster(3, 5, seed);
        cluster.set_loss(0.2);
        cluster.set_duplication(0.3);
        cluster.set_jitter(Duration::from_millis(20));
        write(&mut cluster, "n1", json!(0), json!(0)).expect("write_ok");
        for value in 0..50 {
            let node = format!("n{}", value % 3 + 1);
            let answer = cas(&mut cluster, &node, value, value + 1);
            assert_eq!(answer, Ok(json!({"type": "cas_ok"})), "seed {seed}");
        }
    }
}

#[test]
fn a_node_that_lost_its_memory_is_replaced_by_its_next_life() {
    let mut cluster = cluster(3, 10, 7);
    for (value, node) in ["n1", "n2", "n3", "n1"].iter().enumerate() {
        write(&mut cluster, "n2", json!(value), json!(value)).expect("write_ok");
        cluster.restart(node);
        cluster.advance(10 * SECOND);
    }
    for value in 0..4 {
        assert_eq!(read(&mut cluster, "n1", json!(value)), Ok(json!(value)));
    }
}

#[test]
fn a_long_run_does_not_fill_the_memory() {
    let mut cluster = cluster(3, 0, 7);
    for value in 0..3000 {
        write(&mut cluster, "n2", json!(0), json!(value)).expect("write_ok");
    }
    for node in cluster.names() {
        let kept = cluster.node(node).state().server.raft().kept_entries();
        assert!((1..1000).contains(&kept), "{kept}");
    }
}

#[test]
fn a_server_that_is_no_node_is_not_believed() {
    let mut cluster = cluster(3, 0, 7);
    let forged = json!({"type": "raft", "incarnation": 1, "term": 99,
        "payload": {"vote": {"pre": false, "granted": true, "at": 0}}});
    assert_eq!(code(cluster.request("n1", forged)), ErrorCode::MalformedRequest);
    write(&mut cluster, "n1", json!(0), json!(1)).expect("write_ok");
}
