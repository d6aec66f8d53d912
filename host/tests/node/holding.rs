//! Nobody speaks before the cluster is there (spec §19.1).

use super::conversation::Conversation;
use super::talk::{self, INIT, expect, says, tell};

/// What the puppet does in `init`: to a node, to a client, to a service, with a timer and a call that time out.
const AT_START: &str = r#"do={"do":"send","dest":"n2","body":"{\"to\":\"n2\"}"},
    {"do":"send","dest":"c9","body":"{\"to\":\"c9\"}"},
    {"do":"read","store":"seq-kv","key":"1","timeout_ms":1000},
    {"do":"set_timer","after_ms":400},
    {"do":"call","dest":"n2","body":"{\"ask\":1}","timeout_ms":300}"#;

/// What of it is for others than clients, in order.
fn held() -> String {
    says("n2", r#"{"to":"n2"}"#)
        + &says("seq-kv", r#"{"type":"read","key":1,"msg_id":1}"#)
        + &says("observer", r#"{"call":1}"#)
        + &says("observer", r#"{"timer":1}"#)
        + &says("n2", r#"{"ask":1,"msg_id":2}"#)
        + &says("observer", r#"{"call":2}"#)
}

/// What follows, in its time from the moment at which all that was sent.
fn alarms() -> String {
    "+ 299ms\n+ 1ms\n".to_owned()
        + &says("observer", r#"{"failed":2,"code":0,"text":"no answer in time"}"#)
        + "+ 99ms\n+ 1ms\n"
        + &says("observer", r#"{"fired":1}"#)
        + "+ 599ms\n+ 1ms\n"
        + &says("observer", r#"{"failed":1,"code":0,"text":"no answer in time"}"#)
        + "+ 60s\n"
}

fn to_the_client() -> String {
    says("c9", r#"{"to":"c9"}"#)
}

#[test]
fn what_init_has_caused_follows_init_ok_and_waits_for_the_first_message() {
    for first in [tell("c1", None, ""), tell("n2", None, ""), tell("n2", Some(7), "")] {
        let talk = format!("{INIT}{}+ 9999ms\n{first}{}{}", to_the_client(), held(), alarms());
        expect("puppet", &["--set", AT_START], &talk);
    }
}

#[test]
fn an_answer_tells_that_the_cluster_is_up_too() {
    let answer = r#"> {"src":"seq-kv","dest":"n1","body":{"type":"read_ok","value":5,"in_reply_to":1}}"#;
    let settled = says("observer", r#"{"answered":1,"body":"5"}"#);
    let talk = format!("{INIT}{}+ 2s\n{answer}\n{}{settled}", to_the_client(), held());
    expect("puppet", &["--set", AT_START], &talk);
}

#[test]
fn after_a_time_the_cluster_is_taken_to_be_up() {
    let talk = format!("{INIT}{}+ 9999ms\n+ 1ms\n{}{}", to_the_client(), held(), alarms());
    expect("puppet", &["--set", AT_START], &talk);
    let talk = format!("{INIT}{}+ 1499ms\n+ 1ms\n{}{}", to_the_client(), held(), alarms());
    expect("puppet", &["--set", AT_START, "--cluster-wait", "1500ms"], &talk);
}

#[test]
fn a_node_that_is_alone_or_does_not_wait_speaks_right_after_init_ok() {
    let in_order = says("n2", r#"{"to":"n2"}"#) + &to_the_client();
    let rest = held().split_once('\n').expect("lines").1.to_owned();
    let talk = format!("{INIT}{in_order}{rest}{}", alarms());
    expect("puppet", &["--set", AT_START, "--cluster-wait", "0s"], &talk);
    let alone = talk.replace(r#"["n1","n2"]"#, r#"["n1"]"#);
    expect("puppet", &["--set", AT_START], &alone);
}

#[test]
fn what_came_before_init_tells_that_the_cluster_is_up() {
    let early = tell("n2", None, r#"{"do":"send","dest":"n2","body":"{\"early\":1}"}"#);
    let in_order = says("n2", r#"{"to":"n2"}"#) + &to_the_client();
    let rest = held().split_once('\n').expect("lines").1.to_owned();
    let talk = format!("{early}{INIT}{in_order}{rest}{}{}", says("n2", r#"{"early":1}"#), alarms());
    expect("puppet", &["--set", AT_START], &talk);
}

#[test]
fn a_second_init_is_refused_and_tells_nothing_of_the_cluster() {
    let refusal =
        r#"{"type":"error","code":14,"text":"this node is already initialised as n1","in_reply_to":1}"#;
    let again = INIT.lines().next().expect("init");
    let talk = format!(
        "{INIT}{}+ 1s\n{again}\n{}+ 8999ms\n+ 1ms\n{}{}",
        to_the_client(),
        says("c0", refusal),
        held(),
        alarms()
    );
    expect("puppet", &["--set", AT_START], &talk);
}

#[test]
fn an_init_that_was_malformed_changes_nothing() {
    let malformed = r#"> {"src":"c0","dest":"n1","body":{"type":"init","node_id":7,"msg_id":9}}"#;
    let refusal = says("c0", r#"{"type":"error","code":12,"text":"*","in_reply_to":9}"#);
    let talk = format!("{malformed}\n{refusal}+ 60s\n{INIT}{}+ 9999ms\n+ 1ms\n{}", to_the_client(), held());
    expect("puppet", &["--set", AT_START], &talk);
}

#[test]
fn a_plugin_that_dies_in_init_says_nothing_else_and_one_that_dies_later_has_said_what_it_held() {
    let both = r#"do={"do":"send","dest":"n2","body":"{}"},{"do":"misdeed","name":"panic"}"#;
    let mut node = Conversation::with("puppet", &["--set", both]);
    node.say(
        r#"{"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1","n2"],"msg_id":1}}"#,
    );
    let said = node.wait().stdout;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains(r#""code":13"#) && said[0].contains(r#""dest":"c0""#), "{said:?}");

    let mut node = Conversation::initialised("puppet", &["--set", AT_START]);
    node.expect(r#"{"src":"n1","dest":"c9","body":{"to":"c9"}}"#);
    node.request(5, r#"{"script":[{"do":"send","dest":"n2","body":"{}"},{"do":"misdeed","name":"panic"}]}"#);
    let said = node.wait().stdout;
    assert_eq!(said.len(), 7, "{said:?}");
    assert!(said[0].contains(r#"{"to":"n2"}"#) && said[6].contains(r#""code":13"#), "{said:?}");
}

/// What nodes do by themselves from their start on.
const BUSY: [&str; 9] = [
    "broadcast",
    "g-set",
    "pn-counter",
    "g-counter",
    "g-counter-crdt",
    "txn-rw-register",
    "kafka",
    "lin-kv",
    "txn-list-append",
];

#[test]
fn no_plugin_says_anything_but_init_ok_before_the_first_request() {
    for name in BUSY {
        // The first node is the hub of some, and is silent until it has leaves.
        let init = INIT.replace(r#""src":"n1""#, r#""src":"n2""#).replace(r#""dest":"n1""#, r#""dest":"n2""#);
        let init = init.replace(r#""node_id":"n1""#, r#""node_id":"n2""#);
        let quiet = format!("{init}+ 9999ms\n");
        expect(name, &[], &quiet);
        let departure = talk::hold(name, &["--cluster-wait", "0s"], &quiet).expect_err(name);
        assert!(departure.contains("which is not in the conversation"), "{name}: {departure}");
    }
}

#[test]
fn servers_of_raft_go_through_no_elections_while_they_wait() {
    // However long they have waited, they ask for votes once, as soon as they may, and not again for a while.
    for wait in ["0s", "1s", "10s", "1h"] {
        let talk = format!("{INIT}+ {wait}\n+ 10ms\n{}+ 290ms\n", says("n2", r#""*""#));
        expect("lin-kv", &["--cluster-wait", wait], &talk);
    }
}
