//! `host converse`.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::support::{INIT, host};

const ECHO: &str = r#"> {"src":"c1","dest":"n1","body":{"type":"echo","msg_id":2,"echo":"hello"}}
"#;

/// Holds a conversation with the Rust echo plugin, after `init`.
fn converse(rest: &str) -> Output {
    host::build::workspace(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the plugins compile");
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("talk.txt"), format!("{INIT}{rest}")).unwrap();
    host(place.path(), &["converse", "talk.txt", "--plugin", "echo"])
}

fn departure(rest: &str) -> String {
    let output = converse(rest);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn an_answer_as_written_is_accepted_whatever_the_order_of_its_fields() {
    let answer = r#"< {"dest":"c1","body":{"in_reply_to":2,"echo":"*","type":"echo_ok"},"src":"n1"}"#;
    let output = converse(&format!("# a comment\n\n{ECHO}{answer}\n+ 10s\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"talk.txt: as written, 2 messages from the node\n");
}

#[test]
fn another_answer_is_shown_beside_the_one_expected() {
    let said =
        departure(&format!("{ECHO}< {{\"src\":\"n1\",\"dest\":\"c1\",\"body\":{{\"type\":\"echo_ok\"}}}}\n"));
    assert!(said.starts_with("host: talk.txt: line 4: the node said "), "{said}");
    assert!(said.contains(r#""echo":"hello""#) && said.contains("; expected "), "{said}");
}

#[test]
fn silence_and_unexpected_words_are_departures_too() {
    let said = departure("< {}\n");
    assert_eq!(said, "host: talk.txt: line 3: the node said nothing; expected {}\n");
    for rest in [ECHO.to_owned(), format!("{ECHO}+ 1s\n"), format!("{ECHO}{ECHO}")] {
        let said = departure(&rest);
        assert!(said.contains("which is not in the conversation"), "{said}");
    }
}

#[test]
fn a_line_that_is_none_is_named() {
    for (line, reason) in
        [("hello", "a line begins with"), ("> hello", "no message"), ("< hello", "not JSON"), ("+ soon", "")]
    {
        let said = departure(&format!("{line}\n"));
        assert!(said.starts_with("host: talk.txt: line 3: ") && said.contains(reason), "{said}");
        assert_eq!(said.lines().count(), 1);
    }
}
