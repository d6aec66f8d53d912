//! How a node begins and ends.

use rustix::process::Signal;

use super::conversation::{Conversation, host, plugin};

const INIT: &str =
    r#"{"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1","n2"],"msg_id":1}}"#;

#[test]
fn what_arrives_before_init_waits_in_order() {
    let mut node = Conversation::with("echo", &[]);
    for number in 1..=3 {
        node.request(number, r#"{"type":"echo","echo":"early"}"#);
    }
    node.say(INIT);
    node.expect(r#"{"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}"#);
    for number in 1..=3 {
        node.expect_reply(&format!(r#"{{"type":"echo_ok","echo":"early","in_reply_to":{number}}}"#));
    }
}

#[test]
fn the_guest_learns_its_name_its_cluster_and_its_settings() {
    let mut node = Conversation::with("puppet", &["--set", "tell=yes", "--set", "a=b=c", "--set", "a="]);
    node.say(INIT);
    node.expect(r#"{"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}"#);
    node.script("");
    node.expect_told(r#"{"init":"n1","nodes":["n1","n2"],"settings":[["tell","yes"],["a","b=c"],["a",""]]}"#);
}

#[test]
fn a_second_init_is_refused_with_a_warning() {
    let mut node = Conversation::initialised("echo", &[]);
    node.say(INIT);
    node.expect(
        r#"{"src":"n1","dest":"c0","body":{"type":"error","code":14,"text":"this node is already initialised as n1","in_reply_to":1}}"#,
    );
    let ending = node.finish();
    assert!(ending.status.success());
    assert_eq!(ending.stderr, "n1 WARN host: second init from c0: this node is already initialised as n1\n");
}

#[test]
fn a_malformed_init_is_refused_and_a_good_one_still_works() {
    let mut node = Conversation::with("echo", &[]);
    node.say(r#"{"src":"c0","dest":"n1","body":{"type":"init","node_id":7,"node_ids":[],"msg_id":1}}"#);
    assert!(node.hear().starts_with(r#"{"src":"n1","dest":"c0","body":{"type":"error","code":12,"#));
    node.say(INIT);
    node.expect(r#"{"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}"#);
}

#[test]
fn a_plugin_may_refuse_to_start() {
    let mut node = Conversation::with("puppet", &["--set", "refuse=the stars are wrong"]);
    node.say(INIT);
    node.expect(
        r#"{"src":"n1","dest":"c0","body":{"type":"error","code":13,"text":"the plugin refused to start: the stars are wrong","in_reply_to":1}}"#,
    );
    let ending = node.wait();
    assert_eq!(ending.status.code(), Some(1));
    assert!(ending.stderr.contains("the plugin refused to start: the stars are wrong"), "{}", ending.stderr);
}

#[test]
fn topology_is_an_ordinary_message() {
    let mut node = Conversation::initialised("puppet", &[]);
    node.request(
        2,
        r#"{"type":"topology","script":[{"do":"reply","request":null,"body":"{\"type\":\"topology_ok\"}"}]}"#,
    );
    node.expect_reply(r#"{"type":"topology_ok","in_reply_to":2}"#);
}

#[test]
fn end_of_input_ends_the_node_after_its_last_answer() {
    let mut node = Conversation::initialised("echo", &[]);
    for number in 0..1000 {
        node.request(number, r#"{"type":"echo","echo":1}"#);
    }
    let ending = node.finish();
    assert!(ending.status.success());
    assert_eq!(ending.stdout.len(), 1000);
    assert_eq!(ending.stderr, "");
}

#[test]
fn signals_end_the_node_in_good_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut node = Conversation::initialised("echo", &[]);
        node.request(1, r#"{"type":"echo","echo":1}"#);
        node.expect_reply(r#"{"type":"echo_ok","echo":1,"in_reply_to":1}"#);
        node.signal(signal);
        let ending = node.wait();
        assert_eq!(ending.status.code(), Some(0));
        assert_eq!(ending.stderr, "");
    }
}

#[test]
fn a_closed_output_ends_the_node_quietly() {
    use std::process::Stdio;
    let (reader, writer) = std::io::pipe().unwrap();
    let mut node = host()
        .arg("--plugin")
        .arg(plugin("echo"))
        .stdin(Stdio::piped())
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(reader);
    // The input stays open: the node notices by itself that nobody listens.
    let _input = node.stdin.take();
    let output = node.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_reader_that_goes_away_later_ends_the_node_too() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;
    let (reader, writer) = std::io::pipe().unwrap();
    let mut node = host()
        .arg("--plugin")
        .arg(plugin("echo"))
        .stdin(Stdio::piped())
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = node.stdin.take().unwrap();
    writeln!(input, "{INIT}").unwrap();
    let mut reader = BufReader::new(reader);
    reader.read_line(&mut String::new()).unwrap();
    drop(reader);
    // As above, but the node has been initialised and waits for a message.
    let output = node.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn answers_do_not_wait_for_more_input() {
    let mut node = Conversation::initialised("echo", &[]);
    for number in 0..100 {
        node.request(number, r#"{"type":"echo","echo":1}"#);
        node.expect_reply(&format!(r#"{{"type":"echo_ok","echo":1,"in_reply_to":{number}}}"#));
    }
}

#[test]
fn a_plugin_that_cannot_be_found_is_reported_with_every_place_tried() {
    let output = host().args(["--plugin", "nowhere"]).env("GLOMERS_PLUGINS", "/elsewhere").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with(
            "host: no plugin nowhere; tried plugins/nowhere.wasm, /elsewhere/plugins/nowhere.wasm"
        )
    );
}

#[test]
fn a_plugin_is_found_from_any_working_directory() {
    plugin("echo");
    let directory = tempfile::tempdir().unwrap();
    for name in ["echo", "plugins/echo.wasm"] {
        let output = host().args(["--plugin", name]).current_dir(&directory).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::copy(plugin("echo"), directory.path().join("mine.wasm")).unwrap();
    let output = host().args(["--plugin", "mine"]).env("GLOMERS_PLUGINS", directory.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
