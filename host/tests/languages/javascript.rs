//! What is particular to JavaScript: promises of the SDK's own, an engine that was started before there was a node.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::support::{host, host_ok, nested, new_project, when_installed};

const INIT: &str =
    r#"{"src":"c1","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}"#;

/// The directory of the plugin `trial`, which has been built. Kept from one run to the next, as what cargo compiles is.
fn trial() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/languages/javascript");
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("javascript/trial");
    fs::create_dir_all(&dir).unwrap();
    for file in ["plugin.js", "conversation.txt"] {
        fs::copy(source.join(file), dir.join(file)).unwrap();
    }
    host_ok(&dir, &["build"]);
    dir
}

/// What becomes of a node that gets `init` and one request: all it says up to its answer, or its end, and its log.
fn node(dir: &Path, request: &str, words: &[&str]) -> (String, String) {
    let mut node = Command::new(env!("CARGO_BIN_EXE_host"))
        .args(["--plugin", "trial"])
        .args(words)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The input stays open until there is an answer: at its end the node would not wait for its timers.
    let mut input = node.stdin.take().expect("a pipe");
    // A node that ends at its `init` does not read the rest.
    let _ = writeln!(input, "{INIT}\n{request}");
    let mut said = String::new();
    for line in BufReader::new(node.stdout.take().expect("a pipe")).lines() {
        said += &line.unwrap();
        if said.ends_with("\"in_reply_to\":2}}") {
            break;
        }
    }
    drop(input);
    let log = node.wait_with_output().unwrap().stderr;
    (said, String::from_utf8_lossy(&log).into_owned())
}

fn case(name: &str, more: &str) -> String {
    format!(r#"{{"src":"c1","dest":"n1","body":{{"type":"case","msg_id":2,"name":"{name}"{more}}}}}"#)
}

#[test]
fn promises_timers_errors_and_numbers_are_as_the_sdk_says() {
    when_installed("js", |_| {
        let dir = trial();
        let again = host_ok(&dir, &["build"]);
        assert!(again.trim_end().ends_with(", unchanged)"), "{again}");
        host_ok(&dir, &["converse", "conversation.txt", "--plugin", "trial"]);

        // An engine seeded when it was built would make the same ids on every node.
        let words =
            ["test", "-w", "unique-ids", "--plugin", "trial", "--time-limit", "2", "--check-determinism"];
        host_ok(&dir, &words);

        let (ok, refused) = (r#""type":"later""#, r#""code":12"#);
        for (depth, answer) in [(500, ok), (100_000, refused)] {
            let deep = format!(r#","deep":{}"#, nested(depth));
            let (said, _) = node(&dir, &case("later", &deep), &[]);
            assert!(said.contains(answer), "{depth}: {said}");
        }
        // Enough brackets to look closely, and strings whose every letter must not cost memory.
        let brackets = "[],".repeat(600);
        for (letter, times, depth, answer) in [
            ("x", 4_000_000, 1, ok),
            ("]", 4_000_000, 1, ok),
            (r#"\""#, 250_000, 1, ok),
            (r"\\", 1, 600, refused),
        ] {
            let string = letter.repeat(times);
            let large = format!(r#","large":[{brackets}"{string}",{}]"#, nested(depth));
            let (said, log) = node(&dir, &case("later", &large), &[]);
            assert!(said.contains(answer), "{letter}: {said}\n{log}");
        }

        for (name, reason) in [
            ("throw", "uncaught TypeError: cannot read property 'field' of null"),
            ("throwLater", "uncaught TypeError: cannot read property 'field' of null"),
            ("forget", "uncaught error 0: no answer in time"),
        ] {
            let (said, log) = node(&dir, &case(name, ""), &[]);
            assert!(said.contains(r#""code":13"#) && log.contains(reason), "{name}: {said}\n{log}");
        }
        let (said, _) = node(&dir, "", &["--set", "refuse=1"]);
        assert!(said.contains("refused to start: not with this setting"), "{said}");
    });
}

#[test]
fn mistakes_are_named_by_their_line() {
    when_installed("js", |_| {
        let place = tempfile::tempdir().unwrap();
        let dir = new_project(place.path(), "trial", "js");
        for (text, reason) in [
            ("import 'glomers';\nthis is no JavaScript", "plugin.js:2:"),
            ("import 'glomers';\nawait 1;", "plugin.js:2:"),
            ("console.log('hello');", "there is no host (log): use node.on('init', ...)"),
        ] {
            fs::write(dir.join("plugin.js"), text).unwrap();
            let output = host(&dir, &["build"]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && said.contains(reason), "{said}");
            assert!(said.lines().last().unwrap().starts_with("host: trial does not compile"), "{said}");
        }
    });
}
