//! What a hostile plugin cannot do, and how a node dies.

use super::conversation::{Conversation, Ending};

/// Lets the puppet try something that it survives, and returns what it found.
fn attempt(misdeed: &str) -> (String, Ending) {
    let mut node = Conversation::initialised("puppet", &[]);
    node.script(&format!(r#"{{"do":"misdeed","name":"{misdeed}"}}"#));
    let told = node.hear();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    (told["body"]["result"].as_str().unwrap().to_owned(), node.finish())
}

/// Lets the puppet try something that kills it, and returns the reason its client was given.
fn fatal(misdeed: &str, arguments: &[&str]) -> (String, Ending) {
    let mut node = Conversation::initialised("puppet", arguments);
    node.request(9, &format!(r#"{{"script":[{{"do":"misdeed","name":"{misdeed}"}}]}}"#));
    let reply: serde_json::Value = serde_json::from_str(&node.hear()).unwrap();
    assert_eq!((&reply["dest"], &reply["body"]["type"]), (&"c1".into(), &"error".into()), "{reply}");
    assert_eq!((&reply["body"]["code"], &reply["body"]["in_reply_to"]), (&13.into(), &9.into()), "{reply}");
    let ending = node.wait();
    assert_eq!(ending.status.code(), Some(1), "{}", ending.stderr);
    assert_eq!(ending.stdout, [""; 0], "a dead node says no more");
    (reply["body"]["text"].as_str().unwrap().to_owned(), ending)
}

#[test]
fn there_is_no_file_system() {
    for misdeed in ["read a file", "write a file", "list a directory"] {
        let (result, ending) = attempt(misdeed);
        assert!(result.starts_with("refused: "), "{misdeed}: {result}");
        assert!(ending.status.success());
    }
    assert!(!std::path::Path::new("/tmp/glomers-misdeed").exists());
}

#[test]
fn there_is_no_network() {
    let (reason, _) = fatal("open a connection", &[]);
    assert!(reason.starts_with("the sandbox does not offer wasi:sockets/"), "{reason}");
}

#[test]
fn there_is_no_environment_and_there_are_no_arguments() {
    assert_eq!(attempt("read the environment").0, "[]");
    assert_eq!(attempt("read the arguments").0, "[]");
}

#[test]
fn there_are_no_threads() {
    assert!(attempt("start a thread").0.starts_with("refused: "));
}

#[test]
fn the_node_s_input_is_not_the_guest_s() {
    assert_eq!(attempt("read standard input").0, "allowed", "it is empty");
}

#[test]
fn a_guest_cannot_sleep() {
    assert_eq!(attempt("sleep").0, "slept", "time does not pass for it");
}

#[test]
fn what_a_guest_prints_goes_to_the_log_and_not_among_the_messages() {
    let (result, ending) = attempt("print");
    assert_eq!(result, "printed");
    assert_eq!(ending.stdout, [""; 0]);
    let expected = [
        r#"n1 INFO stdout: {"src":"n1","dest":"c1","body":{}}"#,
        "n1 WARN stderr: to standard error",
        "n1 INFO stdout: no end of line",
    ];
    assert_eq!(ending.stderr.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_guest_s_log_has_node_level_and_origin_and_can_be_filtered() {
    let lines = r#"{"do":"log","level":"debug","text":"one"},{"do":"log","level":"info","text":"two\nlines"},{"do":"log","level":"error","text":"three"},{"do":"quote"}"#;
    for (level, expected) in [
        (
            "debug",
            "n1 DEBUG plugin: one\nn1 INFO plugin: two\nn1 INFO plugin: lines\nn1 ERROR plugin: three\n",
        ),
        ("warn", "n1 ERROR plugin: three\n"),
    ] {
        let mut node = Conversation::initialised("puppet", &["--log-level", level]);
        node.script(lines);
        node.hear();
        assert_eq!(node.finish().stderr, expected);
    }
}

#[test]
fn printing_without_end_fills_neither_memory_nor_disk() {
    let (reason, ending) = fatal("print without end", &["--event-timeout", "2s"]);
    assert!(reason.starts_with("one event took longer than 2s"), "{reason}");
    assert!(ending.stderr.len() < 8 << 20, "{} bytes", ending.stderr.len());
    assert!(
        ending.stderr.contains("n1 WARN host: the plugin logs too much in one event; the rest is dropped")
    );
}

#[test]
fn memory_is_bounded() {
    let (reason, _) = fatal("allocate without end", &["--max-memory", "32MiB"]);
    assert_eq!(reason, "the plugin needs more than its memory limit of 32 MiB (--max-memory)");
}

#[test]
fn time_is_bounded() {
    let (reason, _) = fatal("loop for ever", &["--event-timeout", "100ms"]);
    assert!(reason.starts_with("one event took longer than 100ms: a loop without end"), "{reason}");
    assert!(reason.ends_with("(--event-timeout)"), "{reason}");
}

#[test]
fn recursion_is_bounded() {
    let (reason, _) = fatal("recurse without end", &[]);
    assert!(reason.starts_with("stack overflow: "), "{reason}");
}

#[test]
fn output_and_calls_of_one_event_are_bounded() {
    let (reason, _) = fatal("send without end", &[]);
    assert_eq!(reason, "the plugin sent more than 64 MiB in one event");
    let (reason, _) = fatal("call without end", &[]);
    assert!(reason.starts_with("the plugin "), "{reason}");
}

#[test]
fn leaving_the_process_is_a_fault_like_any_other() {
    let (reason, _) = fatal("exit", &[]);
    assert!(reason.starts_with("the plugin called exit with a status that is not 0; "), "{reason}");
}

#[test]
fn a_panic_is_reported_in_its_own_words_with_the_author_s_functions() {
    let (reason, ending) = fatal("panic", &[]);
    assert!(reason.starts_with("panicked at ") && reason.ends_with(": on purpose"), "{reason}");
    let report =
        format!("n1 ERROR host: the plugin died on input line 2, from c1:\nn1 ERROR host: {reason}\n");
    let (_, frames) = ending.stderr.split_once(&report).unwrap_or_else(|| panic!("{}", ending.stderr));
    assert!(frames.lines().all(|line| line.starts_with("n1 ERROR host:     at ")), "{frames}");
    assert!(frames.contains("at <puppet::Puppet as "), "{frames}");
    assert!(!frames.contains("std::") && !frames.contains("rust_panic"), "{frames}");
}

#[test]
fn a_dying_node_tells_everyone_who_waits_and_takes_back_its_last_event() {
    let mut node = Conversation::initialised("puppet", &[]);
    node.request(1, r#"{"script":[]}"#);
    node.request(2, r#"{"script":[{"do":"send","dest":"n2","body":"{}"},{"do":"misdeed","name":"panic"}]}"#);
    for number in [1, 2] {
        let reply: serde_json::Value = serde_json::from_str(&node.hear()).unwrap();
        let body = &reply["body"];
        assert_eq!(
            (&body["type"], &body["code"], &body["in_reply_to"]),
            (&"error".into(), &13.into(), &number.into())
        );
        let text = body["text"].as_str().unwrap();
        assert!(text.starts_with("panicked at ") && text.ends_with(": on purpose"), "{text}");
    }
    assert_eq!(node.wait().stdout, [""; 0]);
}

#[test]
fn a_body_that_is_no_object_is_the_guest_s_own_fault() {
    for (body, what) in [("[1]", "not an object at byte 0"), ("{\\\"a\\\":", "unexpected end at byte 5")] {
        let mut node = Conversation::initialised("puppet", &[]);
        node.request(1, &format!(r#"{{"script":[{{"do":"send","dest":"n2","body":"{body}"}}]}}"#));
        assert!(
            node.hear()
                .contains(&format!("the plugin handed over a body that is not a JSON object ({what})"))
        );
        assert_eq!(node.wait().status.code(), Some(1));
    }
}
