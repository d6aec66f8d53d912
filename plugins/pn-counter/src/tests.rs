//! What the counter promises, on the SDK's cluster in memory.

use std::time::Duration;

use anti_entropy::Part;
use guest_sdk::testing::{Cluster, Config};
use serde_json::json;

use super::{PnCounter, Sums};

const SECOND: Duration = Duration::from_secs(1);

/// As long as Maelstrom waits before it reads for the last time.
const QUIESCENCE: Duration = Duration::from_secs(10);

fn cluster(seed: u64) -> Cluster<PnCounter> {
    let latency = Duration::from_millis(50);
    Cluster::start(Config { nodes: 5, settings: Vec::new(), latency, seed }).expect("the nodes start")
}

fn add(cluster: &mut Cluster<PnCounter>, node: &str, delta: i64) {
    let answer = cluster.request(node, json!({"type": "add", "delta": delta}));
    assert_eq!(answer, Ok(json!({"type": "add_ok"})));
}

fn read(cluster: &mut Cluster<PnCounter>, node: &str) -> i64 {
    let answer = cluster.request(node, json!({"type": "read"})).expect("an answer");
    answer["value"].as_i64().expect("an integer")
}

fn assert_all_count(cluster: &mut Cluster<PnCounter>, expected: i64) {
    for node in cluster.names().to_vec() {
        assert_eq!(read(cluster, &node), expected, "{node}");
    }
}

fn sums(increments: u64, decrements: u64) -> Sums {
    Sums { node: 1, incarnation: 7, increments, decrements }
}

fn join(mut a: Sums, b: &Sums) -> Sums {
    a.join(b);
    a
}

#[test]
fn joining_is_idempotent_commutative_and_associative() {
    let some = [sums(0, 0), sums(3, 1), sums(2, 5), sums(3, 5)];
    for a in &some {
        assert_eq!(join(a.clone(), a), *a);
        for b in &some {
            assert_eq!(join(a.clone(), b), join(b.clone(), a));
            for c in &some {
                assert_eq!(join(join(a.clone(), b), c), join(a.clone(), &join(b.clone(), c)));
            }
        }
    }
}

#[test]
fn additions_are_seen_at_once_here_and_soon_everywhere() {
    let mut cluster = cluster(1);
    add(&mut cluster, "n2", 4);
    add(&mut cluster, "n2", -5);
    assert_eq!(read(&mut cluster, "n2"), -1);
    add(&mut cluster, "n5", 3);
    cluster.advance(SECOND);
    assert_all_count(&mut cluster, 2);
}

#[test]
fn adding_nothing_costs_nothing() {
    let mut cluster = cluster(1);
    add(&mut cluster, "n2", 1);
    cluster.advance(QUIESCENCE);
    let sent = cluster.messages_sent();
    for _ in 0..100 {
        add(&mut cluster, "n2", 0);
    }
    cluster.advance(SECOND);
    assert_eq!(cluster.messages_sent(), sent);
}

#[test]
fn both_sides_of_a_partition_go_on_and_agree_when_it_ends() {
    let mut cluster = cluster(1);
    cluster.partition(&[&["n1", "n2"], &["n3", "n4", "n5"]]);
    for _ in 0..10 {
        add(&mut cluster, "n2", 4);
        add(&mut cluster, "n5", -3);
        cluster.advance(SECOND);
    }
    assert_eq!((read(&mut cluster, "n1"), read(&mut cluster, "n3")), (40, -30));
    cluster.heal();
    cluster.advance(QUIESCENCE);
    assert_all_count(&mut cluster, 10);
}

#[test]
fn loss_duplication_and_reordering_do_no_harm() {
    for seed in 0..20 {
        let mut cluster = cluster(seed);
        cluster.set_loss(0.3);
        cluster.set_duplication(0.2);
        cluster.set_jitter(Duration::from_millis(200));
        for number in 0..100 {
            add(&mut cluster, &format!("n{}", number % 5 + 1), number % 10 - 5);
            cluster.advance(SECOND / 20);
        }
        cluster.advance(QUIESCENCE);
        assert_all_count(&mut cluster, -50);
    }
}

#[test]
fn a_node_that_restarts_adds_to_what_it_had_added_before() {
    let mut cluster = cluster(1);
    for _ in 0..3 {
        for node in ["n1", "n3"] {
            add(&mut cluster, node, 2);
            cluster.advance(QUIESCENCE);
            cluster.restart(node);
            add(&mut cluster, node, 1);
            cluster.advance(QUIESCENCE);
        }
    }
    assert_all_count(&mut cluster, 18);
}

#[test]
fn what_only_a_killed_node_had_counted_is_lost() {
    let mut cluster = cluster(1);
    cluster.partition(&[&["n3"], &["n1", "n2", "n4", "n5"]]);
    add(&mut cluster, "n3", 4);
    add(&mut cluster, "n4", 2);
    cluster.advance(SECOND);
    cluster.restart("n3");
    cluster.heal();
    cluster.advance(QUIESCENCE);
    assert_all_count(&mut cluster, 2);
}

#[test]
fn an_addition_that_the_counter_cannot_hold_is_refused() {
    let mut cluster = cluster(1);
    for delta in [i64::MAX, i64::MAX, 1] {
        add(&mut cluster, "n1", delta);
    }
    let refused = cluster.request("n1", json!({"type": "add", "delta": 1})).expect_err("refused");
    assert_eq!(refused.code.number(), 14);
    let value = cluster.request_raw("n1", r#"{"type":"read"}"#);
    assert_eq!(value.as_deref(), Ok(r#"{"type":"read_ok","value":18446744073709551615}"#));
}
