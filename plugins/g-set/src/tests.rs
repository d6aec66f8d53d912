//! What the set promises, on the SDK's cluster in memory.

use std::time::Duration;

use guest_sdk::testing::{Cluster, Config};
use serde_json::{Value, json};

use super::GSet;

const SECOND: Duration = Duration::from_secs(1);

/// As long as Maelstrom waits before it reads for the last time.
const QUIESCENCE: Duration = Duration::from_secs(10);

fn cluster(seed: u64) -> Cluster<GSet> {
    let latency = Duration::from_millis(50);
    Cluster::start(Config { nodes: 5, settings: Vec::new(), latency, seed }).expect("the nodes start")
}

fn add(cluster: &mut Cluster<GSet>, node: &str, element: i64) {
    let answer = cluster.request(node, json!({"type": "add", "element": element}));
    assert_eq!(answer, Ok(json!({"type": "add_ok"})));
}

/// What a `read` of a node returns, sorted.
fn read(cluster: &mut Cluster<GSet>, node: &str) -> Vec<i64> {
    let mut answer = cluster.request(node, json!({"type": "read"})).expect("an answer");
    let Value::Array(value) = answer["value"].take() else { panic!("no value in {answer}") };
    let mut elements: Vec<i64> = value.iter().map(|element| element.as_i64().expect("an integer")).collect();
    elements.sort_unstable();
    elements
}

fn assert_all_have(cluster: &mut Cluster<GSet>, elements: impl Iterator<Item = i64>) {
    let expected: Vec<i64> = elements.collect();
    for node in cluster.names().to_vec() {
        assert_eq!(read(cluster, &node), expected, "{node}");
    }
}

#[test]
fn an_element_added_twice_is_in_the_set_once() {
    let mut cluster = cluster(1);
    add(&mut cluster, "n2", 7);
    add(&mut cluster, "n2", 7);
    add(&mut cluster, "n4", 7);
    assert_eq!(read(&mut cluster, "n2"), [7]);
    cluster.advance(SECOND);
    assert_all_have(&mut cluster, [7].into_iter());
}

#[test]
fn both_sides_of_a_partition_go_on_and_agree_when_it_ends() {
    let mut cluster = cluster(1);
    cluster.partition(&[&["n1", "n2"], &["n3", "n4", "n5"]]);
    for element in 0..20 {
        add(&mut cluster, if element < 10 { "n2" } else { "n5" }, element);
        cluster.advance(SECOND);
    }
    assert_eq!(read(&mut cluster, "n1"), Vec::from_iter(0..10));
    assert_eq!(read(&mut cluster, "n3"), Vec::from_iter(10..20));
    cluster.heal();
    cluster.advance(QUIESCENCE);
    assert_all_have(&mut cluster, 0..20);
}

#[test]
fn loss_duplication_and_reordering_do_no_harm() {
    for seed in 0..20 {
        let mut cluster = cluster(seed);
        cluster.set_loss(0.3);
        cluster.set_duplication(0.2);
        cluster.set_jitter(Duration::from_millis(200));
        for element in 0..100 {
            add(&mut cluster, &format!("n{}", element % 5 + 1), element);
            cluster.advance(SECOND / 20);
        }
        cluster.advance(QUIESCENCE);
        assert_all_have(&mut cluster, 0..100);
    }
}

#[test]
fn one_survivor_is_enough() {
    let mut cluster = cluster(1);
    for element in 0..20 {
        add(&mut cluster, &format!("n{}", element % 5 + 1), element);
    }
    cluster.advance(QUIESCENCE);
    for node in ["n1", "n2", "n4", "n5"] {
        cluster.restart(node);
    }
    cluster.advance(QUIESCENCE);
    assert_all_have(&mut cluster, 0..20);
}

#[test]
fn only_integers_are_elements() {
    let mut cluster = cluster(1);
    for element in [json!("1"), json!(1.5), json!(null)] {
        let refused = cluster.request("n1", json!({"type": "add", "element": element})).expect_err("refused");
        assert_eq!(refused.code.number(), 12);
    }
    assert_eq!(read(&mut cluster, "n1"), [0; 0]);
}
