//! The algorithm's promises, and its price, on the SDK's cluster in memory.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use guest_sdk::testing::{Cluster, Config, Ticket};
use serde_json::{Value, json};

use super::Kafka;
use super::broker::{Broker, Placement};

const SECOND: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(50);

/// As long as Maelstrom waits before the final polls.
const QUIESCENCE: Duration = Duration::from_secs(10);

fn cluster(nodes: usize, seed: u64) -> Cluster<Kafka> {
    with_settings(nodes, seed, &[])
}

fn with_settings(nodes: usize, seed: u64, settings: &[(&str, &str)]) -> Cluster<Kafka> {
    let settings = settings.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    Cluster::start(Config { nodes, seed, settings, ..Config::default() }).expect("the nodes start")
}

fn submit(cluster: &mut Cluster<Kafka>, node: &str, key: &str, message: i64) -> Ticket {
    cluster.submit(node, &json!({"type": "send", "key": key, "msg": message}).to_string())
}

/// Sends a message and waits for its offset.
fn send(cluster: &mut Cluster<Kafka>, node: &str, key: &str, message: i64) -> u64 {
    let answer = cluster.request(node, json!({"type": "send", "key": key, "msg": message}));
    answer.expect("an answer")["offset"].as_u64().expect("an offset")
}

/// What a node shows of a log from an offset on: `[[offset, message], …]`.
fn poll(cluster: &mut Cluster<Kafka>, node: &str, key: &str, from: u64) -> Value {
    let answer = cluster.request(node, json!({"type": "poll", "offsets": {key: from}}));
    let mut msgs = answer.expect("an answer")["msgs"].take();
    msgs.get_mut(key).map_or(json!([]), Value::take)
}

fn commit(cluster: &mut Cluster<Kafka>, node: &str, key: &str, offset: u64) {
    let answer = cluster.request(node, json!({"type": "commit_offsets", "offsets": {key: offset}}));
    assert_eq!(answer, Ok(json!({"type": "commit_offsets_ok"})));
}

fn committed(cluster: &mut Cluster<Kafka>, node: &str, key: &str) -> Option<u64> {
    let answer = cluster.request(node, json!({"type": "list_committed_offsets", "keys": [key]}));
    answer.expect("an answer")["offsets"].get(key).map(|offset| offset.as_u64().expect("an offset"))
}

fn owner(key: &str, nodes: usize) -> usize {
    let placed = |me: &usize| {
        matches!(Broker::new(*me, nodes, NonZeroU32::MAX, 50).send(key, 1), Placement::Here { .. })
    };
    (0..nodes).find(placed).expect("every key has an owner")
}

/// A key whose log this node owns.
fn key_of(node: &str, nodes: usize) -> String {
    let owns = |key: &String| format!("n{}", owner(key, nodes) + 1) == node;
    (0..).map(|number| number.to_string()).find(owns).expect("every node owns keys")
}

#[test]
fn offsets_have_no_gaps_and_all_nodes_show_the_same_log() {
    let mut cluster = cluster(5, 1);
    for message in 0..20 {
        let node = format!("n{}", message % 5 + 1);
        assert_eq!(send(&mut cluster, &node, "k", message), message as u64);
    }
    cluster.advance(SECOND);
    for node in cluster.names().to_vec() {
        assert_eq!(poll(&mut cluster, &node, "k", 17), json!([[17, 17], [18, 18], [19, 19]]), "{node}");
    }
}

#[test]
fn a_poll_leaves_out_keys_without_messages() {
    let mut cluster = cluster(1, 1);
    send(&mut cluster, "n1", "9", 7);
    let polled = cluster.request("n1", json!({"type": "poll", "offsets": {"9": 0, "8": 0}}));
    assert_eq!(polled, Ok(json!({"type": "poll_ok", "msgs": {"9": [[0, 7]]}})));
    assert_eq!(poll(&mut cluster, "n1", "9", u64::MAX), json!([]));
}

#[test]
fn a_long_log_is_polled_in_pieces() {
    let mut cluster = cluster(1, 1);
    for message in 0..2500 {
        send(&mut cluster, "n1", "9", message);
    }
    let pieces = [0, 1000, 2000].map(|from| poll(&mut cluster, "n1", "9", from));
    assert_eq!(
        pieces.each_ref().map(|piece| piece.as_array().map(Vec::len)),
        [Some(1000), Some(1000), Some(500)]
    );
    assert_eq!(pieces[2][0], json!([2000, 2000]));
}

#[test]
fn a_send_to_an_owner_that_rests_is_answered_at_once() {
    let mut cluster = cluster(2, 1);
    cluster.advance(SECOND);
    let (before, key) = (cluster.now(), key_of("n2", 2));
    send(&mut cluster, "n1", &key, 7);
    assert_eq!(cluster.now(), before);
}

#[test]
fn polls_and_commits_are_answered_at_once_during_a_partition() {
    let mut cluster = cluster(2, 1);
    let key = key_of("n2", 2);
    send(&mut cluster, "n1", &key, 7);
    cluster.advance(SECOND);
    cluster.partition(&[&["n1"], &["n2"]]);
    let before = cluster.now();
    assert_eq!(poll(&mut cluster, "n1", &key, 0), json!([[0, 7]]));
    commit(&mut cluster, "n1", &key, 0);
    assert_eq!(committed(&mut cluster, "n1", &key), Some(0));
    assert_eq!(cluster.now(), before);
}

#[test]
fn a_message_reaches_its_owner_when_the_partition_ends() {
    let mut cluster = cluster(2, 1);
    let key = key_of("n2", 2);
    cluster.partition(&[&["n1"], &["n2"]]);
    let sent = submit(&mut cluster, "n1", &key, 7);
    cluster.advance(2 * SECOND);
    assert_eq!(cluster.answer(sent), None);
    cluster.heal();
    cluster.advance(2 * SECOND);
    assert_eq!(cluster.answer(sent), Some(Ok(r#"{"type":"send_ok","offset":0}"#.into())));
    assert_eq!(poll(&mut cluster, "n2", &key, 0), json!([[0, 7]]));
}

#[test]
fn whoever_sends_to_an_owner_out_of_reach_learns_in_time_that_the_outcome_is_not_known() {
    let mut cluster = cluster(2, 1);
    let key = key_of("n2", 2);
    cluster.partition(&[&["n1"], &["n2"]]);
    // From waiting for nobody, and while others wait; in every part of a step.
    let (least, most) = (Duration::from_millis(3800), Duration::from_secs(4));
    for message in 0..30 {
        let sent = submit(&mut cluster, "n1", &key, message);
        cluster.advance(Duration::from_millis(70));
        let later = submit(&mut cluster, "n1", &key, 100 + message);
        cluster.advance(least - Duration::from_millis(70));
        assert_eq!(cluster.answer(sent), None);
        cluster.advance(most - least);
        for (ticket, overtime) in [(sent, Duration::ZERO), (later, Duration::from_millis(70))] {
            cluster.advance(overtime);
            let answer = cluster.answer(ticket).expect("an answer");
            assert_eq!(answer.expect_err("no offset").code.number(), 0);
        }
        cluster.advance(Duration::from_millis(30 + 7 * message as u64));
    }
    cluster.heal();
    cluster.advance(2 * SECOND);
    let log = poll(&mut cluster, "n2", &key, 0);
    assert_eq!(log.as_array().map(Vec::len), Some(60), "what was given up is appended all the same");
}

#[test]
fn committed_offsets_reach_all_nodes_and_never_fall() {
    let mut cluster = cluster(3, 1);
    assert_eq!(committed(&mut cluster, "n1", "9"), None);
    commit(&mut cluster, "n1", "9", 5);
    commit(&mut cluster, "n2", "9", 3);
    assert_eq!(committed(&mut cluster, "n1", "9"), Some(5));
    cluster.advance(SECOND);
    commit(&mut cluster, "n3", "9", 4);
    cluster.advance(SECOND);
    assert_eq!(["n1", "n2", "n3"].map(|node| committed(&mut cluster, node, "9")), [Some(5); 3]);
}

/// Sends messages from all nodes to a few keys under faults, and checks all along that every node shows a beginning of
/// one log. At the end everything must be there once, at the offset that was acknowledged.
fn logs_agree_under(nodes: usize, seed: u64, fault: impl Fn(&mut Cluster<Kafka>, i64)) {
    let mut cluster = cluster(nodes, seed);
    let mut sent: BTreeMap<(String, i64), Ticket> = BTreeMap::new();
    let mut longest: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for message in 0..200 {
        fault(&mut cluster, message);
        let (node, key) = (format!("n{}", message as usize % nodes + 1), (message * message % 7).to_string());
        sent.insert((key.clone(), message), submit(&mut cluster, &node, &key, message));
        cluster.advance(Duration::from_millis(20));
        check_beginnings(&mut cluster, &key, longest.entry(key.clone()).or_default());
    }
    cluster.heal();
    cluster.set_loss(0.0);
    cluster.advance(QUIESCENCE);
    for ((key, message), ticket) in sent {
        let answer = cluster.answer(ticket).expect("an answer").expect("an offset");
        let offset = serde_json::from_str::<Value>(&answer).expect("JSON")["offset"].take();
        let log = poll(&mut cluster, "n1", &key, 0);
        let places = log.as_array().expect("a log").iter().filter(|placed| placed[1] == message);
        assert_eq!(places.collect::<Vec<_>>(), [&json!([offset, message])], "seed {seed}, key {key}");
        check_beginnings(&mut cluster, &key, &mut Vec::new());
    }
}

/// Checks that all nodes show beginnings of one log, no shorter than what was seen of it before.
fn check_beginnings(cluster: &mut Cluster<Kafka>, key: &str, longest: &mut Vec<Value>) {
    for node in cluster.names().to_vec() {
        let Value::Array(log) = poll(cluster, &node, key, 0) else { panic!("no log") };
        assert!((0..).zip(&log).all(|(offset, placed)| placed[0] == offset), "a gap in {log:?}");
        let common = log.len().min(longest.len());
        assert_eq!(log[..common], longest[..common], "{node} shows another log");
        if log.len() > longest.len() {
            *longest = log;
        }
    }
}

#[test]
fn logs_agree_under_loss_duplication_and_reordering() {
    for (seed, nodes) in (0..30).zip([2, 3, 5].into_iter().cycle()) {
        logs_agree_under(nodes, seed, |cluster, message| {
            if message == 0 {
                cluster.set_loss(0.3);
                cluster.set_duplication(0.3);
                cluster.set_jitter(Duration::from_millis(200));
            }
        });
    }
}

#[test]
fn logs_agree_under_partitions_and_cuts_of_one_direction() {
    for (seed, nodes) in (0..10).zip([2, 3, 5].into_iter().cycle()) {
        logs_agree_under(nodes, seed, |cluster, message| match message {
            0 => cluster.set_jitter(Duration::from_millis(100)),
            30 => cluster.partition(&[&["n1", "n3"], &["n2"]]),
            70 | 140 => cluster.heal(),
            80 => cluster.cut("n1", "n2"),
            100 => cluster.cut("n2", "n1"),
            150 => cluster.cut("n2", "n1"),
            _ => {}
        });
    }
}

#[test]
fn nodes_catch_up_within_two_seconds_after_a_partition() {
    let mut cluster = cluster(5, 1);
    cluster.partition(&[&["n1"], &["n2", "n3", "n4", "n5"]]);
    let key = key_of("n1", 5);
    for message in 0..100 {
        send(&mut cluster, "n1", &key, message);
        cluster.advance(SECOND / 5);
    }
    assert_eq!(poll(&mut cluster, "n4", &key, 0), json!([]));
    cluster.heal();
    cluster.advance(2 * SECOND);
    assert_eq!(poll(&mut cluster, "n4", &key, 99), json!([[99, 99]]));
}

#[test]
fn a_copy_survives_the_memory_of_its_node_but_a_log_does_not_survive_its_owners() {
    let mut cluster = cluster(2, 1);
    let key = key_of("n1", 2);
    send(&mut cluster, "n1", &key, 7);
    cluster.advance(SECOND);
    cluster.restart("n2");
    cluster.advance(SECOND);
    assert_eq!(poll(&mut cluster, "n2", &key, 0), json!([[0, 7]]));
    cluster.restart("n1");
    cluster.advance(SECOND);
    assert_eq!(send(&mut cluster, "n2", &key, 8), 0, "an offset is given a second time");
    cluster.advance(SECOND);
    assert_eq!(
        ["n1", "n2"].map(|node| poll(&mut cluster, node, &key, 0)),
        [json!([[0, 8]]), json!([[0, 8]])]
    );
}

#[test]
fn who_waits_for_an_owner_that_loses_its_memory_is_told() {
    let mut cluster = cluster(2, 1);
    cluster.advance(SECOND);
    let key = key_of("n1", 2);
    cluster.cut("n1", "n2");
    let sent = submit(&mut cluster, "n2", &key, 7);
    cluster.advance(SECOND);
    cluster.heal();
    cluster.restart("n1");
    cluster.advance(SECOND);
    let answer = cluster.answer(sent).expect("an answer");
    assert_eq!(answer.expect_err("lost").code.number(), 13);
}

#[test]
fn keys_are_spread_evenly_over_the_nodes() {
    for nodes in [2, 3, 5] {
        let mut owned = vec![0usize; nodes];
        (0..1000).for_each(|key: i32| owned[owner(&key.to_string(), nodes)] += 1);
        assert!(owned.iter().all(|count| count.abs_diff(1000 / nodes) < 100), "{owned:?}");
    }
}

#[test]
fn with_one_owner_all_logs_are_on_the_first_node() {
    let mut cluster = with_settings(3, 1, &[("owners", "1")]);
    cluster.advance(SECOND);
    cluster.partition(&[&["n1"], &["n2", "n3"]]);
    for key in 0..20 {
        assert_eq!(send(&mut cluster, "n1", &key.to_string(), 7), 0);
    }
}

#[test]
fn a_batch_from_a_stranger_is_refused() {
    let mut cluster = cluster(2, 1);
    let header = json!({"incarnation": 1, "from": 0, "upto": 1, "ack": null, "confirm": true});
    let changes = json!([{"committed": {"key": "9", "offset": 5}}]);
    let batch = json!({"type": "batch", "header": header, "changes": changes});
    assert_eq!(cluster.request("n1", batch).expect_err("refused").code.number(), 12);
    assert_eq!(committed(&mut cluster, "n1", "9"), None);
}

/// Gossip Glomers 5c: 2 nodes, 4 clients, 1000 operations a second for 20 s as long as a client is free, every other
/// one a send. Returns how many operations there were, messages per operation, and the longest time a send took.
fn challenge(settings: &[(&str, &str)]) -> (u32, f64, Duration) {
    let mut cluster = with_settings(2, 1, settings);
    let mut clients: [Option<(Ticket, Duration)>; 4] = [None; 4];
    let (mut operations, mut slowest) = (0u32, Duration::ZERO);
    for step in 0..20_000usize {
        for client in &mut clients {
            let answered = client.filter(|(ticket, _)| cluster.answer(*ticket).is_some());
            if let Some((_, since)) = answered {
                slowest = slowest.max(cluster.now() - since);
                *client = None;
            }
        }
        let free = (0..4).map(|turn| (step / 2 + turn) % 4).find(|client| clients[*client].is_none());
        if let Some(free) = free {
            let (node, key) = (["n1", "n2"][free % 2], (step / 80 * 7 + step % 5).to_string());
            operations += 1;
            match step % 2 {
                0 => clients[free] = Some((submit(&mut cluster, node, &key, step as i64), cluster.now())),
                _ => drop(poll(&mut cluster, node, &key, 0)),
            }
        }
        cluster.advance(Duration::from_millis(1));
    }
    (operations, cluster.messages_sent() as f64 / f64::from(operations), slowest)
}

#[test]
fn challenge_5c_costs_less_than_an_eighth_of_a_message_per_operation_and_two_intervals_at_most() {
    let (_, messages, slowest) = challenge(&[]);
    assert!(messages < 0.125 && slowest <= 2 * INTERVAL, "{messages} {slowest:?}");
}

#[test]
fn challenge_5c_costs_a_twentieth_of_a_message_with_one_owner_whose_clients_never_wait() {
    let (operations, messages, slowest) = challenge(&[("owners", "1")]);
    assert!(
        operations == 20_000 && messages < 0.05 && slowest <= 2 * INTERVAL,
        "{operations} {messages} {slowest:?}"
    );
}
