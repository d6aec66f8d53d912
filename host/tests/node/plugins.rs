//! The plugins themselves, over the wire.

use super::conversation::Conversation;

#[test]
fn echo_answers_any_json_byte_for_byte() {
    let mut node = Conversation::initialised("echo", &[]);
    for value in
        ["\"Please echo 35\"", "null", "1.0", "12345678901234567890123", r#"{"b":[1e2],"a":"\u00e9","b":2}"#]
    {
        node.request(2, &format!(r#"{{"type":"echo","echo":{value}}}"#));
        node.expect_reply(&format!(r#"{{"type":"echo_ok","echo":{value},"in_reply_to":2}}"#));
    }
}

#[test]
fn what_a_plugin_does_not_understand_is_refused() {
    let mut node = Conversation::initialised("echo", &[]);
    for (body, code) in [(r#"{"type":"shout"}"#, 10), (r#"{"type":"echo"}"#, 12)] {
        node.request(3, body);
        let reply: serde_json::Value = serde_json::from_str(&node.hear()).unwrap();
        assert_eq!(reply["body"]["code"], code);
    }
}

#[test]
fn unique_ids_differ_between_nodes_and_restarts() {
    let mut seen = std::collections::HashSet::new();
    for _restart in 0..3 {
        let mut node = Conversation::initialised("unique-ids", &[]);
        for number in 0..100 {
            node.request(number, r#"{"type":"generate"}"#);
            let reply: serde_json::Value = serde_json::from_str(&node.hear()).unwrap();
            assert_eq!(reply["body"]["type"], "generate_ok");
            assert!(seen.insert(reply["body"]["id"].to_string()), "{reply}");
        }
    }
}

#[test]
fn broadcast_keeps_and_returns_values_without_asking_anybody() {
    let mut node = Conversation::initialised("broadcast", &[]);
    node.request(2, r#"{"type":"broadcast","message":17}"#);
    let replies = node.hear();
    assert!(replies.contains(r#""type":"broadcast_ok""#), "acknowledged at once: {replies}");
}
