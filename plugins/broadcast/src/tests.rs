//! The algorithm's promises, and its price, on the SDK's cluster in memory.

use std::time::Duration;

use guest_sdk::testing::{Cluster, Config};
use serde_json::{Value, json};

use super::Broadcast;

const SECOND: Duration = Duration::from_secs(1);

/// As long as Maelstrom waits before it reads for the last time.
const QUIESCENCE: Duration = Duration::from_secs(10);

fn cluster(nodes: usize, latency_ms: u64) -> Cluster<Broadcast> {
    with_interval(nodes, latency_ms, None, 1)
}

fn with_interval(nodes: usize, latency_ms: u64, interval_ms: Option<u64>, seed: u64) -> Cluster<Broadcast> {
    let settings = interval_ms.iter().map(|ms| ("interval-ms".to_string(), ms.to_string())).collect();
    let latency = Duration::from_millis(latency_ms);
    Cluster::start(Config { nodes, settings, latency, seed }).expect("the nodes start")
}

fn broadcast(cluster: &mut Cluster<Broadcast>, node: &str, message: i64) {
    let answer = cluster.request(node, json!({"type": "broadcast", "message": message}));
    assert_eq!(answer, Ok(json!({"type": "broadcast_ok"})));
}

/// What a `read` of a node returns, sorted.
fn read(cluster: &mut Cluster<Broadcast>, node: &str) -> Vec<i64> {
    let mut answer = cluster.request(node, json!({"type": "read"})).expect("an answer");
    let Value::Array(messages) = answer["messages"].take() else { panic!("no messages in {answer}") };
    let mut values: Vec<i64> = messages.iter().map(|value| value.as_i64().expect("an integer")).collect();
    values.sort_unstable();
    values
}

fn assert_all_know(cluster: &mut Cluster<Broadcast>, values: impl Iterator<Item = i64>) {
    let expected: Vec<i64> = values.collect();
    for node in cluster.names().to_vec() {
        assert_eq!(read(cluster, &node), expected, "{node}");
    }
}

fn node_of(number: i64, nodes: i64) -> String {
    format!("n{}", number * 7 % nodes + 1)
}

#[test]
fn a_value_reaches_every_node() {
    let mut cluster = cluster(5, 100);
    cluster.request("n3", json!({"type": "topology", "topology": {"n3": ["n1"]}})).expect("topology_ok");
    broadcast(&mut cluster, "n3", 7);
    cluster.advance(SECOND);
    assert_all_know(&mut cluster, [7].into_iter());
}

#[test]
fn a_broadcast_and_a_read_are_answered_without_a_message() {
    let mut cluster = cluster(5, 100);
    cluster.advance(SECOND);
    let (now, sent) = (cluster.now(), cluster.messages_sent());
    broadcast(&mut cluster, "n2", 7);
    assert_eq!(read(&mut cluster, "n2"), [7]);
    assert_eq!((cluster.now(), cluster.messages_sent()), (now, sent));
}

#[test]
fn a_cluster_at_rest_only_makes_sure_that_the_hub_lives() {
    let mut cluster = cluster(25, 100);
    broadcast(&mut cluster, "n4", 7);
    cluster.advance(QUIESCENCE);
    let sent = cluster.messages_sent();
    cluster.advance(60 * SECOND);
    let per_leaf_and_minute = (cluster.messages_sent() - sent) / 24;
    assert!(per_leaf_and_minute <= 2 * 60 / 5, "{per_leaf_and_minute}");
}

#[test]
fn one_node_alone_sends_nothing() {
    let mut cluster = cluster(1, 0);
    broadcast(&mut cluster, "n1", 7);
    cluster.advance(QUIESCENCE);
    assert_eq!(read(&mut cluster, "n1"), [7]);
    assert_eq!(cluster.messages_sent(), 0);
}

#[test]
fn acknowledged_values_survive_a_partition() {
    let mut cluster = cluster(5, 100);
    for value in 0..50 {
        match value {
            10 => cluster.partition(&[&["n1", "n4"], &["n2", "n3", "n5"]]),
            30 => cluster.heal(),
            40 => cluster.partition(&[&["n1"], &["n2", "n3", "n4", "n5"]]),
            _ => {}
        }
        broadcast(&mut cluster, &node_of(value, 5), value);
        cluster.advance(SECOND / 3);
    }
    cluster.heal();
    cluster.advance(QUIESCENCE);
    assert_all_know(&mut cluster, 0..50);
}

#[test]
fn nodes_cut_off_from_the_hub_still_hear_each_other() {
    let mut cluster = cluster(5, 100);
    cluster.advance(SECOND);
    cluster.partition(&[&["n1", "n2"], &["n3", "n4", "n5"]]);
    broadcast(&mut cluster, "n5", 7);
    cluster.advance(20 * SECOND);
    assert_eq!(read(&mut cluster, "n3"), [7]);
    assert_eq!(read(&mut cluster, "n4"), [7]);
    assert_eq!(read(&mut cluster, "n1"), [0; 0]);
}

#[test]
fn values_flow_while_the_hub_is_dead() {
    let mut cluster = cluster(5, 100);
    broadcast(&mut cluster, "n1", 1);
    cluster.advance(SECOND);
    cluster.kill("n1");
    broadcast(&mut cluster, "n5", 2);
    cluster.advance(QUIESCENCE);
    for node in ["n2", "n3", "n4", "n5"] {
        assert_eq!(read(&mut cluster, node), [1, 2], "{node}");
    }
}

#[test]
fn a_link_that_works_one_way_only_keeps_nothing_from_anyone() {
    for (from, to) in [("n4", "n1"), ("n1", "n4")] {
        let mut cluster = cluster(5, 100);
        cluster.cut(from, to);
        broadcast(&mut cluster, "n4", 1);
        broadcast(&mut cluster, "n2", 2);
        cluster.advance(30 * SECOND);
        assert_all_know(&mut cluster, 1..3);
    }
}

#[test]
fn a_node_that_lost_its_memory_gets_everything_back() {
    for restarted in ["n1", "n2", "n5"] {
        let mut cluster = cluster(5, 100);
        for value in 0..20 {
            broadcast(&mut cluster, &node_of(value, 5), value);
        }
        cluster.advance(QUIESCENCE);
        cluster.restart(restarted);
        assert_eq!(read(&mut cluster, restarted), [0; 0]);
        cluster.advance(QUIESCENCE);
        assert_all_know(&mut cluster, 0..20);
    }
}

#[test]
fn one_survivor_is_enough() {
    for survivor in ["n1", "n3"] {
        let mut cluster = cluster(5, 100);
        for value in 0..20 {
            broadcast(&mut cluster, &node_of(value, 5), value);
        }
        cluster.advance(QUIESCENCE);
        for node in cluster.names().to_vec().iter().filter(|node| *node != survivor) {
            cluster.restart(node);
        }
        cluster.advance(QUIESCENCE);
        assert_all_know(&mut cluster, 0..20);
    }
}

#[test]
fn loss_duplication_and_reordering_do_no_harm() {
    for (seed, interval_ms) in (0..20).zip([320, 1500].into_iter().cycle()) {
        let mut cluster = with_interval(25, 100, Some(interval_ms), seed);
        cluster.set_loss(0.3);
        cluster.set_duplication(0.2);
        cluster.set_jitter(Duration::from_millis(200));
        for value in 0..100 {
            broadcast(&mut cluster, &node_of(value, 25), value);
            cluster.advance(Duration::from_millis(50));
        }
        cluster.advance(QUIESCENCE);
        assert_all_know(&mut cluster, 0..100);
    }
}

#[test]
fn restarts_under_loss_and_partition_heal_when_the_faults_end() {
    for seed in 0..20 {
        let mut cluster = with_interval(5, 50, None, seed);
        cluster.set_loss(0.2);
        cluster.set_jitter(Duration::from_millis(300));
        for value in 0..60 {
            let node = node_of(value, 5);
            broadcast(&mut cluster, &node, value);
            cluster.advance(2 * SECOND);
            match value % 15 {
                3 => cluster.restart("n1"),
                6 => cluster.restart(&node_of(value + 1, 5)),
                9 => cluster.partition(&[&["n1", "n2"], &["n3", "n4", "n5"]]),
                12 => cluster.heal(),
                _ => {}
            }
        }
        cluster.heal();
        cluster.set_loss(0.0);
        cluster.advance(2 * QUIESCENCE);
        let known = read(&mut cluster, "n1");
        assert!(known.len() > 30, "seed {seed}: values were lost that two nodes had had for long: {known:?}");
        assert_all_know(&mut cluster, known.into_iter());
    }
}

#[test]
fn a_batch_from_a_stranger_is_refused() {
    let mut cluster = cluster(2, 0);
    let batch = json!({"type": "batch", "incarnation": 1, "from": 0, "upto": 1, "parts": [9], "ack": null,
        "child": false, "confirm": true, "at": 0, "echo": null, "next_flush_in": 0});
    assert_eq!(cluster.request("n1", batch).expect_err("refused").code.number(), 12);
    assert_eq!(read(&mut cluster, "n1"), [0; 0]);
}

/// Gossip Glomers 3d and 3e: 25 nodes, 100 ms latency, 100 operations a second for 20 s, every other one a read; nodes
/// are late by up to `late_ms`, at every message and every timer. Returns messages per operation, and the median and the longest time in which a value reached all nodes, in milliseconds.
fn challenge(interval_ms: Option<u64>, late_ms: u64, seed: u64) -> (f64, u128, u128) {
    const OPERATIONS: i64 = 2000;
    let mut cluster = with_interval(25, 100, interval_ms, seed);
    cluster.set_scheduling_delay(Duration::from_millis(late_ms));
    let mut random = 7u64;
    let mut born = Vec::new();
    let mut spread = Vec::new();
    for step in 0..OPERATIONS + 300 {
        if step < OPERATIONS && step % 2 == 0 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            broadcast(&mut cluster, &format!("n{}", (random >> 33) % 25 + 1), step / 2);
            born.push(cluster.now());
        }
        cluster.advance(Duration::from_millis(10));
        let everywhere = known_everywhere(&cluster);
        let arrived = born.iter().take(everywhere).skip(spread.len());
        spread.extend(arrived.map(|born| (cluster.now() - *born).as_millis()));
    }
    assert_eq!(spread.len(), 1000);
    spread.sort_unstable();
    (cluster.messages_sent() as f64 / OPERATIONS as f64, spread[500], spread[999])
}

/// How many of the values 0, 1, 2, … every node knows.
fn known_everywhere(cluster: &Cluster<Broadcast>) -> usize {
    let known = |name: &String| {
        let mut values: Vec<i64> = cluster.node(name).state().replication.parts().copied().collect();
        values.sort_unstable();
        values.iter().zip(0..).take_while(|(value, index)| **value == *index).count()
    };
    cluster.names().iter().map(known).min().unwrap_or(0)
}

#[test]
fn challenge_3d_costs_about_three_messages_per_operation() {
    let (messages, median, longest) = challenge(None, 0, 7);
    assert!(messages < 3.0 && median < 300 && longest < 450, "{messages} {median} {longest}");
}

#[test]
fn challenge_3e_costs_about_half_a_message_per_operation() {
    let (messages, median, longest) = challenge(Some(1000), 0, 7);
    assert!(messages < 0.6 && median < 1000 && longest < 1600, "{messages} {median} {longest}");
}

#[test]
fn both_keep_their_limits_when_every_node_is_up_to_50_ms_late() {
    for seed in 7..12 {
        let (messages, _, longest) = challenge(None, 50, seed);
        assert!(messages < 3.0 && longest < 600, "3d, seed {seed}: {messages} {longest}");
        let (messages, median, longest) = challenge(Some(1000), 50, seed);
        assert!(
            messages < 0.6 && median < 1000 && longest < 1900,
            "3e, seed {seed}: {messages} {median} {longest}"
        );
    }
}
