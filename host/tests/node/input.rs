//! Lines in, lines out: bodies survive, bad input is reported and dropped.

use super::conversation::Conversation;

#[test]
fn a_body_reaches_the_guest_byte_for_byte() {
    let mut node = Conversation::initialised("puppet", &[]);
    for body in [
        r#"{"type":"x","script":[{"do":"quote"}],"z":1,"a":2}"#,
        r#"{"script":[{"do":"quote"}],"n":[9007199254740993,1.0,1e2,-0,12345678901234567890123]}"#,
        r#"{ "script" : [ {"do":"quote"} ] , "twice":1,"twice":2, "é":"\u00e9\/\n\"" }"#,
    ] {
        node.say(&format!(r#"{{"src":"c1","dest":"n1","body":{body},"id":99}}"#));
        let quoted = serde_json::to_string(body).unwrap();
        node.expect_told(&format!(r#"{{"body":{quoted},"request":null}}"#));
    }
}

#[test]
fn a_body_leaves_the_host_as_the_guest_wrote_it_but_for_the_reserved_fields() {
    let mut node = Conversation::initialised("puppet", &[]);
    let sent = |body: &str| {
        format!(r#"{{"do":"send","dest":"n2","body":{}}}"#, serde_json::to_string(body).unwrap())
    };
    let body = r#"{"b":1.0,"a":[1e2,12345678901234567890123],"b":"\u00e9"}"#;
    node.script(&sent(body));
    node.expect(&format!(r#"{{"src":"n1","dest":"n2","body":{body}}}"#));
    node.script(&sent(r#"{"msg_id":5,"x":{"msg_id":6},"in_reply_to":7}"#));
    node.expect(r#"{"src":"n1","dest":"n2","body":{"x":{"msg_id":6}}}"#);
    node.script(&sent("{\n \"pretty\": \"a\\nb\"\n}"));
    node.expect(r#"{"src":"n1","dest":"n2","body":{  "pretty": "a\nb" }}"#);
}

#[test]
fn a_request_number_is_quoted_as_it_was_spelt() {
    let mut node = Conversation::initialised("echo", &[]);
    for number in ["0", "-1", "9007199254740993", "123456789012345678901234567890", "1.50"] {
        node.say(&format!(
            r#"{{"src":"c1","dest":"n1","body":{{"type":"echo","echo":1,"msg_id":{number}}}}}"#
        ));
        node.expect_reply(&format!(r#"{{"type":"echo_ok","echo":1,"in_reply_to":{number}}}"#));
    }
}

#[test]
fn bad_lines_are_reported_with_number_and_reason_and_the_node_goes_on() {
    let mut node = Conversation::initialised("echo", &[]);
    let bad: [(&[u8], &str); 11] = [
        (b"hello", "not JSON: expected a value at byte 0"),
        (b"{\"src\":", "not JSON: unexpected end at byte 7"),
        (b"[1,2]", "not a JSON object"),
        (b"", "the line is empty"),
        (b"{\"dest\":\"n1\",\"body\":{}}", "`src` is missing"),
        (b"{\"src\":\"c1\",\"body\":{}}", "`dest` is missing"),
        (b"{\"src\":\"c1\",\"dest\":\"n1\"}", "`body` is missing"),
        (b"{\"src\":7,\"dest\":\"n1\",\"body\":{}}", "`src` must be a string"),
        (b"{\"src\":\"c1\",\"dest\":[],\"body\":{}}", "`dest` must be a string"),
        (b"{\"src\":\"c1\",\"dest\":\"n1\",\"body\":\"x\"}", "`body` must be an object"),
        (b"{\"src\":\"\xff\",\"dest\":\"n1\",\"body\":{}}", "not UTF-8: invalid byte at offset 8"),
    ];
    for (line, _) in bad {
        node.write(line);
        node.write(b"\n");
    }
    node.request(1, r#"{"type":"echo","echo":"still here"}"#);
    node.expect_reply(r#"{"type":"echo_ok","echo":"still here","in_reply_to":1}"#);
    let ending = node.finish();
    assert!(ending.status.success());
    let expected: Vec<_> = bad
        .iter()
        .enumerate()
        .map(|(at, (_, reason))| format!("n1 WARN host: input line {} dropped: {reason}", at + 2))
        .collect();
    assert_eq!(ending.stderr.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_line_of_64_mib_is_dropped_and_the_next_one_is_read() {
    let mut node = Conversation::initialised("echo", &[]);
    let long = vec![b'x'; 64 << 20];
    node.write(&long);
    node.write(b"\n");
    node.request(1, r#"{"type":"echo","echo":1}"#);
    node.expect_reply(r#"{"type":"echo_ok","echo":1,"in_reply_to":1}"#);
    assert_eq!(node.finish().stderr, "n1 WARN host: input line 2 dropped: 64 MiB or longer\n");
}

#[test]
fn a_line_of_many_megabytes_is_a_message_like_any_other() {
    let mut node = Conversation::initialised("echo", &[]);
    let text = "y".repeat(10 << 20);
    node.request(1, &format!(r#"{{"type":"echo","echo":"{text}"}}"#));
    node.expect_reply(&format!(r#"{{"type":"echo_ok","echo":"{text}","in_reply_to":1}}"#));
}

#[test]
fn the_last_line_needs_no_line_break_and_may_arrive_in_pieces() {
    let mut node = Conversation::initialised("echo", &[]);
    node.write(br#"{"src":"c1","dest":"n1","body":{"type":"ec"#);
    node.write(br#"ho","echo":2,"msg_id":3}}"#);
    let ending = node.finish();
    assert_eq!(
        ending.stdout,
        [r#"{"src":"n1","dest":"c1","body":{"type":"echo_ok","echo":2,"in_reply_to":3}}"#]
    );
}
