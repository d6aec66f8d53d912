//! What is particular to Python.

use std::fs;
use std::path::Path;

use host::build::{self, Built};

use super::support::{host, host_ok, nested, new_project, root, when_installed};

fn build_echo(place: &Path) -> Built {
    build::one(&root().join("plugins/lang/echo-python"), Some(place)).expect("it compiles")
}

#[test]
fn the_same_sources_give_the_same_component() {
    when_installed("python", |_| {
        let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [one, other] = places.each_ref().map(|place| fs::read(build_echo(place.path()).wasm).unwrap());
        assert!(one == other, "of {} and {} bytes", one.len(), other.len());
    });
}

#[test]
fn what_cannot_be_logged_is_no_defect() {
    when_installed("python", |_| {
        let place = tempfile::tempdir().unwrap();
        let dir = new_project(place.path(), "trial", "python");
        let plugin = r#"
import logging
import sys
from glomers import node

class Unprintable:
    def __str__(self):
        raise ValueError("no text")

@node.handler("echo")
async def echo(message):
    logging.info("%d items", "x")
    logging.info(Unprintable())
    logging.info("log: \ud800")
    print("print: \ud800")
    print("stderr: \ud800", file=sys.stderr)
    return {"type": "echo_ok", "echo": message.body["echo"]}
"#;
        fs::write(dir.join("plugin.py"), plugin).unwrap();
        host_ok(&dir, &["build"]);
        let output = host(&dir, &["converse", "conversation.txt", "--plugin", "trial"]);
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{log}");
        for text in ["Arguments: ('x',)", "ValueError: no text"] {
            assert!(log.contains(text), "{text} is missing:\n{log}");
        }
        for text in ["log", "print", "stderr"] {
            assert!(log.contains(&format!("{text}: \\ud800")), "{text} is missing:\n{log}");
        }
    });
}

#[test]
fn what_python_reads_comes_back_exactly_and_what_it_cannot_read_is_refused() {
    when_installed("python", |_| {
        let place = tempfile::tempdir().unwrap();
        let built = build_echo(place.path());
        let mut talk = String::from(
            r#"> {"src":"c1","dest":"n1","body":{"type":"init","msg_id":0,"node_id":"n1","node_ids":["n1"]}}
< {"src":"n1","dest":"c1","body":{"type":"init_ok","in_reply_to":0}}
"#,
        );
        let mut say = |field: &str, answer: &str| {
            talk += &format!(r#"> {{"src":"c1","dest":"n1","body":{{"type":"echo","msg_id":1{field}}}}}"#);
            talk +=
                &format!("\n< {{\"src\":\"n1\",\"dest\":\"c1\",\"body\":{{{answer},\"in_reply_to\":1}}}}\n");
        };
        let brackets_in_a_string = format!("\"\\\"{}\"", "[".repeat(1000));
        for value in ["9007199254740993", "\"é\"", &nested(100), &brackets_in_a_string] {
            say(&format!(",\"echo\":{value}"), &format!("\"type\":\"echo_ok\",\"echo\":{value}"));
        }
        let refused = r#""type":"error","code":12,"text":"#;
        say(
            &format!(",\"echo\":{}", nested(10_000)),
            &format!("{refused}\"the body cannot be read: nested too deeply\""),
        );
        say(&format!(",\"echo\":{}", "9".repeat(5000)), &format!("{refused}\"*\""));
        say("", &format!("{refused}\"missing field `echo`\""));
        // Half a surrogate pair is JSON, but serde_json does not read it: the whole answer counts as a text.
        talk += r#"> {"src":"c1","dest":"n1","body":{"type":"echo","msg_id":1,"echo":"\ud800"}}"#;
        talk += "\n< \"*\"\n";
        fs::write(place.path().join("talk.txt"), talk).unwrap();
        host_ok(place.path(), &["converse", "talk.txt", "--plugin", &built.wasm.display().to_string()]);
    });
}
