//! What the counter promises, on the SDK's cluster in memory. Its `seq-kv` is never stale; stale reads are for `host test`.

use std::time::Duration;

use guest_sdk::testing::{Cluster, Config};
use guest_sdk::{Result, Store};
use serde_json::{Value, json};

use super::GCounter;

const SECOND: Duration = Duration::from_secs(1);

fn cluster(nodes: usize, max_staleness_ms: u32) -> Cluster<GCounter> {
    let settings = vec![("max-staleness-ms".to_string(), max_staleness_ms.to_string())];
    let latency = Duration::from_millis(50);
    Cluster::start(Config { nodes, settings, latency, seed: 1 }).expect("the nodes start")
}

fn add(cluster: &mut Cluster<GCounter>, node: &str, delta: i64) -> Result<Value> {
    cluster.request(node, json!({"type": "add", "delta": delta}))
}

fn assert_added(cluster: &mut Cluster<GCounter>, node: &str, delta: i64) {
    assert_eq!(add(cluster, node, delta), Ok(json!({"type": "add_ok"})));
}

fn read(cluster: &mut Cluster<GCounter>, node: &str) -> u64 {
    let answer = cluster.request(node, json!({"type": "read"})).expect("an answer");
    answer["value"].as_u64().expect("a number")
}

#[test]
fn an_acknowledged_addition_is_in_the_store() {
    let mut cluster = cluster(3, 1000);
    assert_added(&mut cluster, "n2", 4);
    let total = cluster.stored(Store::Sequential, json!("n2")).expect("a total");
    assert_eq!(total["sum"], json!(4));
}

#[test]
fn a_read_counts_what_any_node_acknowledged_before_it() {
    let mut cluster = cluster(3, 0);
    for (node, expected) in [("n1", 2), ("n2", 4), ("n3", 6), ("n1", 8)] {
        assert_added(&mut cluster, node, 2);
        assert_eq!(["n1", "n2", "n3"].map(|reader| read(&mut cluster, reader)), [expected; 3]);
    }
}

#[test]
fn a_stale_read_is_no_staler_than_allowed_and_counts_its_own_node_s_additions() {
    let mut cluster = cluster(3, 1000);
    assert_eq!(read(&mut cluster, "n1"), 0);
    assert_added(&mut cluster, "n1", 1);
    assert_added(&mut cluster, "n2", 2);
    let sent = cluster.messages_sent();
    assert_eq!((read(&mut cluster, "n1"), cluster.messages_sent()), (1, sent));
    cluster.advance(SECOND);
    assert_eq!(read(&mut cluster, "n1"), 3);
}

#[test]
fn additions_made_while_a_write_is_under_way_share_the_next_one() {
    let mut cluster = cluster(3, 1000);
    cluster.advance(SECOND);
    let sent = cluster.messages_sent();
    let tickets = Vec::from_iter((0..100).map(|_| cluster.submit("n1", r#"{"type":"add","delta":3}"#)));
    cluster.advance(SECOND);
    assert!(tickets.into_iter().all(|ticket| cluster.answer(ticket).is_some_and(|outcome| outcome.is_ok())));
    assert_eq!((read(&mut cluster, "n2"), cluster.messages_sent() - sent), (300, 2 * 2 + 2 * 3));
}

#[test]
fn an_idle_cluster_is_silent() {
    let mut cluster = cluster(3, 1000);
    assert_added(&mut cluster, "n1", 3);
    read(&mut cluster, "n2");
    cluster.advance(SECOND);
    let sent = cluster.messages_sent();
    cluster.advance(60 * SECOND);
    assert_added(&mut cluster, "n1", 0);
    assert_eq!(cluster.messages_sent(), sent);
}

/// One addition at n1 whose first write reaches the store after `there_ms` and whose answer takes `back_ms`.
fn with_a_slow_write(there_ms: u64, back_ms: u64) -> Cluster<GCounter> {
    let usual = Duration::from_millis(50);
    let mut cluster = cluster(2, 0);
    assert_added(&mut cluster, "n1", 1);
    cluster.set_latency(Duration::from_millis(there_ms));
    let ticket = cluster.submit("n1", r#"{"type":"add","delta":10}"#);
    cluster.advance(Duration::from_millis(20));
    cluster.set_latency(Duration::from_millis(back_ms));
    cluster.advance(usual);
    cluster.set_latency(usual);
    cluster.advance(2 * SECOND);
    assert!(cluster.answer(ticket).is_some_and(|outcome| outcome.is_ok()), "there is a second attempt");
    cluster
}

#[test]
fn a_write_whose_answer_comes_too_late_is_counted_once() {
    for (there_ms, back_ms) in [(50, 5000), (5000, 50)] {
        let mut cluster = with_a_slow_write(there_ms, back_ms);
        assert_added(&mut cluster, "n1", 100);
        cluster.advance(10 * SECOND);
        assert_added(&mut cluster, "n2", 1000);
        assert_eq!(["n1", "n2"].map(|node| read(&mut cluster, node)), [1111; 2], "{there_ms} {back_ms}");
    }
}

#[test]
fn a_store_slower_than_the_timeout_is_waited_for() {
    let mut cluster = cluster(3, 0);
    cluster.set_latency(Duration::from_millis(600));
    cluster.set_jitter(SECOND);
    let nodes = ["n1", "n2", "n3"];
    for round in 0..100 {
        cluster.submit(nodes[round % 3], r#"{"type":"add","delta":1}"#);
        cluster.advance(SECOND / 10);
    }
    cluster.advance(60 * SECOND);
    cluster.set_latency(Duration::ZERO);
    cluster.set_jitter(Duration::ZERO);
    assert_eq!(nodes.map(|node| read(&mut cluster, node)), [100; 3]);
}

#[test]
fn nodes_that_lose_their_memory_lose_no_acknowledged_addition() {
    let mut cluster = cluster(3, 1000);
    let nodes = ["n1", "n2", "n3"];
    for round in 0..30 {
        let node = nodes[round % 3];
        assert_added(&mut cluster, node, 1);
        cluster.restart(node);
    }
    nodes.iter().for_each(|node| cluster.restart(node));
    assert_eq!(nodes.map(|node| read(&mut cluster, node)), [30; 3]);
}

#[test]
fn a_write_of_an_earlier_life_is_neither_lost_nor_counted_twice() {
    for late_ms in 0..40 {
        let mut cluster = cluster(1, 0);
        cluster.advance(SECOND);
        cluster.set_latency(Duration::from_millis(100));
        cluster.submit("n1", r#"{"type":"add","delta":10}"#);
        cluster.advance(Duration::from_millis(1));
        cluster.kill("n1");
        cluster.advance(Duration::from_millis(late_ms));
        // The new life's messages are faster, and overtake the old one's.
        cluster.set_latency(Duration::from_millis(20));
        cluster.restart("n1");
        assert_added(&mut cluster, "n1", 1);
        cluster.advance(SECOND);
        let stored = cluster.stored(Store::Sequential, json!("n1")).expect("a total")["sum"].clone();
        assert_eq!(json!(read(&mut cluster, "n1")), stored);
        assert!([json!(1), json!(11)].contains(&stored), "{stored}");
        assert_added(&mut cluster, "n1", 1);
        assert_eq!(json!(read(&mut cluster, "n1")), json!(stored.as_u64().expect("a sum") + 1));
    }
}

#[test]
fn nodes_that_are_cut_off_from_each_other_notice_nothing() {
    let mut cluster = cluster(3, 0);
    cluster.partition(&[&["n1"], &["n2"], &["n3"]]);
    for node in ["n1", "n2", "n3"] {
        assert_added(&mut cluster, node, 1);
    }
    assert_eq!(read(&mut cluster, "n2"), 3);
}

#[test]
fn the_counter_does_not_shrink() {
    let mut cluster = cluster(3, 1000);
    assert_eq!(add(&mut cluster, "n1", -1).expect_err("refused").code.number(), 12);
}

#[test]
fn without_the_store_a_client_learns_in_time_that_the_outcome_is_not_known() {
    let mut cluster = cluster(2, 0);
    cluster.advance(SECOND);
    cluster.cut("n1", "seq-kv");
    for body in [r#"{"type":"add","delta":5}"#, r#"{"type":"read"}"#] {
        let ticket = cluster.submit("n1", body);
        cluster.advance(guest_sdk::PATIENCE);
        let answer = cluster.answer(ticket).expect("an answer");
        assert_eq!(answer.expect_err("no outcome").code.number(), 0, "{body}");
    }
    cluster.heal();
    cluster.advance(20 * SECOND);
    assert_eq!(read(&mut cluster, "n2"), 5);
}
