//! Calls, timers, key-value operations, the timestamp oracle.

use super::conversation::Conversation;

/// A message to n1 from someone else than a client.
fn from(src: &str, body: &str) -> String {
    format!(r#"{{"src":"{src}","dest":"n1","body":{body}}}"#)
}

#[test]
fn a_call_is_numbered_and_its_answer_comes_back_as_it_was_sent() {
    let mut node = Conversation::initialised("puppet", &[]);
    node.script(r#"{"do":"call","dest":"n2","body":"{\"type\":\"ask\",\"msg_id\":77}","timeout_ms":60000}"#);
    node.expect(r#"{"src":"n1","dest":"n2","body":{"type":"ask","msg_id":1}}"#);
    node.expect_told(r#"{"call":1}"#);
    node.say(&from("n2", r#"{"type":"told","x":1.0,"in_reply_to":1}"#));
    node.expect_told(r#"{"answered":1,"body":"{\"type\":\"told\",\"x\":1.0,\"in_reply_to\":1}"}"#);
}

#[test]
fn errors_arrive_with_their_code_and_text_custom_ones_too() {
    let mut node = Conversation::initialised("puppet", &[]);
    let errors = [
        (r#""code":11,"text":"not now""#, r#""code":11,"text":"not now""#),
        (r#""code":1001,"text":"mine","more":1"#, r#""code":1001,"text":"mine""#),
        (r#""code":30"#, r#""code":30,"text":"""#),
        (r#""text":"no code""#, r#""code":13,"text":"no code""#),
    ];
    for (number, (sent, told)) in (1..).zip(errors) {
        node.script(r#"{"do":"call","dest":"n2","body":"{}","timeout_ms":60000}"#);
        node.expect(&format!(r#"{{"src":"n1","dest":"n2","body":{{"msg_id":{number}}}}}"#));
        node.expect_told(&format!(r#"{{"call":{number}}}"#));
        node.say(&from("n2", &format!(r#"{{"type":"error",{sent},"in_reply_to":{number}}}"#)));
        node.expect_told(&format!(r#"{{"failed":{number},{told}}}"#).replace(r#""code""#, r#""code""#));
    }
}

#[test]
fn a_call_without_an_answer_times_out_and_a_late_answer_is_dropped() {
    let mut node = Conversation::initialised("puppet", &["--log-level", "debug"]);
    node.script(r#"{"do":"call","dest":"n2","body":"{}","timeout_ms":20}"#);
    node.expect(r#"{"src":"n1","dest":"n2","body":{"msg_id":1}}"#);
    node.expect_told(r#"{"call":1}"#);
    node.expect_told(r#"{"failed":1,"code":0,"text":"no answer in time"}"#);
    node.say(&from("n2", r#"{"in_reply_to":1}"#));
    node.script(r#"{"do":"quote"}"#);
    assert!(node.hear().contains("quote"), "the late answer makes no event");
    let stderr = node.finish().stderr;
    assert_eq!(stderr, "n1 DEBUG host: late or unexpected answer from n2 dropped: in_reply_to 1\n");
}

#[test]
fn an_answer_counts_once() {
    let mut node = Conversation::initialised("puppet", &[]);
    node.script(r#"{"do":"call","dest":"n2","body":"{}","timeout_ms":60000}"#);
    node.expect(r#"{"src":"n1","dest":"n2","body":{"msg_id":1}}"#);
    node.expect_told(r#"{"call":1}"#);
    node.say(&from("n2", r#"{"a":1,"in_reply_to":1}"#));
    node.say(&from("n2", r#"{"a":2,"in_reply_to":1}"#));
    node.expect_told(r#"{"answered":1,"body":"{\"a\":1,\"in_reply_to\":1}"}"#);
    assert_eq!(node.finish().stdout, [""; 0]);
}

#[test]
fn timers_fire_in_order_unless_cancelled() {
    let mut node = Conversation::initialised("puppet", &[]);
    node.script(
        r#"{"do":"set_timer","after_ms":60},{"do":"set_timer","after_ms":20},{"do":"set_timer","after_ms":40},{"do":"cancel_timer","timer":3},{"do":"cancel_timer","timer":99}"#,
    );
    for timer in 1..=3 {
        node.expect_told(&format!(r#"{{"timer":{timer}}}"#));
    }
    node.expect_told(r#"{"fired":2}"#);
    node.expect_told(r#"{"fired":1}"#);
}

#[test]
fn key_value_operations_speak_the_services_language() {
    let mut node = Conversation::initialised("puppet", &[]);
    let operations = [
        (
            r#"{"do":"read","store":"seq-kv","key":"\"x\"","timeout_ms":60000}"#,
            r#"{"src":"n1","dest":"seq-kv","body":{"type":"read","key":"x","msg_id":1}}"#,
            r#"{"type":"read_ok","value":{"b":1.0},"in_reply_to":1}"#,
            r#"{"answered":1,"body":"{\"b\":1.0}"}"#,
        ),
        (
            r#"{"do":"write","store":"lww-kv","key":"1","value":"[2, 3]","timeout_ms":60000}"#,
            r#"{"src":"n1","dest":"lww-kv","body":{"type":"write","key":1,"value":[2, 3],"msg_id":2}}"#,
            r#"{"type":"write_ok","in_reply_to":2}"#,
            r#"{"answered":2,"body":"null"}"#,
        ),
        (
            r#"{"do":"cas","store":"lin-kv","key":"[]","from":"0","to":"1","create":false,"timeout_ms":60000}"#,
            r#"{"src":"n1","dest":"lin-kv","body":{"type":"cas","key":[],"from":0,"to":1,"msg_id":3}}"#,
            r#"{"type":"error","code":22,"text":"current value 4 is not 0","in_reply_to":3}"#,
            r#"{"failed":3,"code":22,"text":"current value 4 is not 0"}"#,
        ),
        (
            r#"{"do":"cas","store":"lin-kv","key":"null","from":"0","to":"1","create":true,"timeout_ms":60000}"#,
            r#"{"src":"n1","dest":"lin-kv","body":{"type":"cas","key":null,"from":0,"to":1,"create_if_not_exists":true,"msg_id":4}}"#,
            r#"{"type":"cas_ok","in_reply_to":4}"#,
            r#"{"answered":4,"body":"null"}"#,
        ),
        (
            r#"{"do":"timestamp","timeout_ms":60000}"#,
            r#"{"src":"n1","dest":"lin-tso","body":{"type":"ts","msg_id":5}}"#,
            r#"{"type":"ts_ok","ts":41,"in_reply_to":5}"#,
            r#"{"answered":5,"body":"41"}"#,
        ),
        (
            r#"{"do":"read","store":"lin-kv","key":"1","timeout_ms":60000}"#,
            r#"{"src":"n1","dest":"lin-kv","body":{"type":"read","key":1,"msg_id":6}}"#,
            r#"{"type":"nonsense","in_reply_to":6}"#,
            r#"{"failed":6,"code":13,"text":"expected read_ok from the service, got {\"type\":\"nonsense\",\"in_reply_to\":6}"}"#,
        ),
    ];
    for (call, (deed, request, answer, told)) in (1..).zip(operations) {
        node.script(deed);
        node.expect(request);
        node.expect_told(&format!(r#"{{"call":{call}}}"#));
        node.say(&from("service", answer));
        node.expect_told(told);
    }
}

#[test]
fn an_answer_may_come_later_and_counts_once() {
    let mut node = Conversation::initialised("puppet", &[]);
    node.request(5, r#"{"script":[{"do":"quote"}]}"#);
    assert!(node.hear().contains(r#""request":2"#), "init was the first request");
    node.script(
        r#"{"do":"reply","request":2,"body":"{\"type\":\"late_ok\"}"},{"do":"reply","request":2,"body":"{\"type\":\"again\"}"}"#,
    );
    node.expect_reply(r#"{"type":"late_ok","in_reply_to":5}"#);
    let ending = node.finish();
    assert_eq!(ending.stdout, [""; 0]);
    assert_eq!(
        ending.stderr,
        "n1 WARN host: a second answer to a request is dropped: {\"type\":\"again\"}\n"
    );
}

#[test]
fn a_failure_becomes_an_error_body() {
    let mut node = Conversation::initialised("puppet", &[]);
    node.request(5, r#"{"script":[{"do":"fail","code":1000,"text":"say \"why\"\n"}]}"#);
    node.expect_reply(r#"{"type":"error","code":1000,"text":"say \"why\"\n","in_reply_to":5}"#);
}
