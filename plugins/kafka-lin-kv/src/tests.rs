//! The algorithm's promises, and its price, on the SDK's cluster in memory.

use std::time::Duration;

use guest_sdk::testing::{Cluster, Config};
use guest_sdk::{Result, Store};
use serde_json::{Value, json};

use super::KafkaLinKv;

const SECOND: Duration = Duration::from_secs(1);

fn cluster(nodes: usize) -> Cluster<KafkaLinKv> {
    let latency = Duration::from_millis(10);
    Cluster::start(Config { nodes, latency, ..Config::default() }).expect("the nodes start")
}

fn send(cluster: &mut Cluster<KafkaLinKv>, node: &str, key: &str, message: i64) -> Result<u64> {
    let answer = cluster.request(node, json!({"type": "send", "key": key, "msg": message}))?;
    Ok(answer["offset"].as_u64().expect("an offset"))
}

fn poll(cluster: &mut Cluster<KafkaLinKv>, node: &str, offsets: Value) -> Value {
    let answer = cluster.request(node, json!({"type": "poll", "offsets": offsets}));
    answer.expect("an answer")["msgs"].take()
}

fn commit(cluster: &mut Cluster<KafkaLinKv>, node: &str, key: &str, offset: u64) {
    let answer = cluster.request(node, json!({"type": "commit_offsets", "offsets": {key: offset}}));
    assert_eq!(answer, Ok(json!({"type": "commit_offsets_ok"})));
}

fn committed(cluster: &mut Cluster<KafkaLinKv>, node: &str, keys: &[&str]) -> Value {
    let answer = cluster.request(node, json!({"type": "list_committed_offsets", "keys": keys}));
    answer.expect("an answer")["offsets"].take()
}

#[test]
fn whoever_polls_sees_what_was_acknowledged_before() {
    let mut cluster = cluster(3);
    for (offset, node) in (0..).zip(["n1", "n2", "n3", "n1"]) {
        assert_eq!(send(&mut cluster, node, "9", 70 + offset as i64), Ok(offset));
    }
    assert_eq!(poll(&mut cluster, "n2", json!({"9": 2, "8": 0})), json!({"9": [[2, 72], [3, 73]]}));
    assert_eq!(poll(&mut cluster, "n3", json!({"9": 4})), json!({}));
}

#[test]
fn messages_sent_at_the_same_time_get_different_offsets() {
    let mut cluster = cluster(3);
    let send = |message: i64| json!({"type": "send", "key": "9", "msg": message}).to_string();
    let tickets: Vec<_> =
        (0..9).map(|message| cluster.submit(&format!("n{}", message % 3 + 1), &send(message))).collect();
    cluster.advance(SECOND);
    let mut answers: Vec<_> = tickets
        .into_iter()
        .map(|ticket| cluster.answer(ticket).expect("an answer").expect("an offset"))
        .collect();
    answers.sort_unstable();
    let expected: Vec<_> =
        (0..9).map(|offset| format!(r#"{{"type":"send_ok","offset":{offset}}}"#)).collect();
    assert_eq!(answers, expected);
    let polled = poll(&mut cluster, "n1", json!({"9": 0}));
    let mut messages: Vec<_> =
        polled["9"].as_array().expect("a log").iter().map(|placed| placed[1].as_i64()).collect();
    messages.sort_unstable();
    assert_eq!(messages, (0..9).map(Some).collect::<Vec<_>>());
}

#[test]
fn a_message_whose_acknowledgement_came_late_is_in_the_log_once() {
    let mut cluster = cluster(2);
    cluster.set_latency(Duration::from_millis(700));
    let sent = cluster.submit("n1", &json!({"type": "send", "key": "9", "msg": 7}).to_string());
    cluster.advance(2 * SECOND);
    assert!(cluster.stored(Store::Linearizable, json!("9/0")).is_some() && cluster.answer(sent).is_none());
    cluster.set_latency(Duration::ZERO);
    cluster.advance(2 * SECOND);
    assert_eq!(cluster.answer(sent), Some(Ok(r#"{"type":"send_ok","offset":0}"#.into())));
    assert_eq!(send(&mut cluster, "n2", "9", 7), Ok(1));
    assert_eq!(poll(&mut cluster, "n2", json!({"9": 0})), json!({"9": [[0, 7], [1, 7]]}));
}

#[test]
fn committed_offsets_never_fall() {
    let mut cluster = cluster(2);
    commit(&mut cluster, "n1", "9", 5);
    commit(&mut cluster, "n2", "9", 3);
    assert_eq!(committed(&mut cluster, "n2", &["8", "9"]), json!({"9": 5}));
}

#[test]
fn everything_survives_when_all_nodes_lose_their_memory() {
    let mut cluster = cluster(2);
    assert_eq!(send(&mut cluster, "n1", "9", 7), Ok(0));
    commit(&mut cluster, "n1", "9", 0);
    cluster.restart("n1");
    cluster.restart("n2");
    assert_eq!(send(&mut cluster, "n2", "9", 8), Ok(1));
    assert_eq!(poll(&mut cluster, "n1", json!({"9": 0})), json!({"9": [[0, 7], [1, 8]]}));
    assert_eq!(committed(&mut cluster, "n1", &["9"]), json!({"9": 0}));
}

#[test]
fn nodes_need_the_store_but_not_each_other() {
    let mut cluster = cluster(2);
    cluster.partition(&[&["n1"], &["n2"]]);
    assert_eq!(send(&mut cluster, "n1", "9", 7), Ok(0));
    assert_eq!(poll(&mut cluster, "n2", json!({"9": 0})), json!({"9": [[0, 7]]}));
    cluster.cut("n1", "lin-kv");
    assert_eq!(send(&mut cluster, "n1", "9", 8).expect_err("no answer").code.number(), 0);
}

#[test]
fn many_keys_take_no_longer_than_one() {
    let mut cluster = cluster(1);
    let keys: Vec<String> = (0..50).map(|key| key.to_string()).collect();
    for key in &keys {
        assert_eq!(send(&mut cluster, "n1", key, 7), Ok(0));
    }
    let before = cluster.now();
    let offsets: Value = keys.iter().map(|key| (key.clone(), json!(0))).collect();
    let polled = poll(&mut cluster, "n1", offsets);
    assert_eq!(polled.as_object().map(|logs| logs.values().all(|log| *log == json!([[0, 7]]))), Some(true));
    assert_eq!(polled.as_object().map(|logs| logs.len()), Some(50));
    assert_eq!(cluster.now() - before, Duration::from_millis(40), "two reads, of two latencies each");
}

#[test]
fn a_key_may_look_like_an_entry() {
    let mut cluster = cluster(1);
    assert_eq!(send(&mut cluster, "n1", "9", 7), Ok(0));
    assert_eq!(send(&mut cluster, "n1", "9/0", 8), Ok(0));
    commit(&mut cluster, "n1", "9", 0);
    assert_eq!(cluster.stored(Store::Linearizable, json!("9/0")).expect("an entry")[0], 7);
    assert_eq!(poll(&mut cluster, "n1", json!({"9": 0, "9/0": 0})), json!({"9": [[0, 7]], "9/0": [[0, 8]]}));
}

#[test]
fn a_send_that_nobody_disturbs_costs_two_messages() {
    let mut cluster = cluster(2);
    for message in 0..10 {
        assert_eq!(send(&mut cluster, "n1", "9", message), Ok(message as u64));
    }
    assert_eq!(cluster.messages_sent(), 20);
}
