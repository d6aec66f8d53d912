//! Nobody who reads only the terminal is left guessing: what nodes answered instead, and what they said when they died.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Finished, test, test_with};

/// Answers every request but `init` with an error, whose text is the arguments after the code.
const REFUSING: &str = r#"import json, sys
for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    answer = {"type": "init_ok"}
    if body["type"] != "init" or sys.argv[1] == "init":
        text = " ".join(sys.argv[2:]).replace("ESC", chr(27)).replace("LONG", "x" * 100000) + " " + body["type"]
        answer = {"type": "error", "code": int(sys.argv[2]), "text": text}
    answer["in_reply_to"] = body["msg_id"]
    print(json.dumps({"src": message["dest"], "dest": message["src"], "body": answer}), flush=True)
"#;

/// Tests a cluster of one such node.
fn refusing(workload: &str, arguments: &[&str]) -> Finished {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("node.py");
    fs::write(&file, REFUSING).unwrap();
    let words = ["-w", workload, "--bin", "/usr/bin/env", "--node-count", "1", "--concurrency", "2n"];
    let load = ["--time-limit", "1", "--rate", "20"];
    let program = ["--", "python3", file.to_str().unwrap()];
    test_with(&[&words[..], &load, &program, arguments].concat())
}

#[test]
fn errors_that_nodes_answer_are_told_with_their_texts_whatever_the_workload() {
    for (workload, f) in [
        ("g-counter", "add"),
        ("g-set", "add"),
        ("echo", "echo"),
        ("unique-ids", "generate"),
        ("lin-kv", "write"),
        ("kafka", "send"),
        ("txn-list-append", "txn"),
    ] {
        let run = refusing(workload, &["load", "13"]);
        let (stdout, results) = (run.stdout(), run.results());
        let failures = &results["errors"]["by-f"][f];
        let error = &failures["errors"][0];
        assert_eq!((&error["code"], &error["name"]), (&13.into(), &"crash".into()), "{workload}: {results}");
        assert_eq!(failures["error-count"], failures["count"], "{workload}");
        let text = error["text"].as_str().unwrap();
        assert!(text.starts_with("13 "), "{workload}: {text}");
        let count = &error["count"];
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let told = format!("`{f}`: {count} of {count} did not succeed: crash (13): \"{text}\" ({times})");
        assert!(stdout.contains(&told), "{workload}: expected {told}\n{stdout}");
        let example = error["example"].as_u64().unwrap() as usize;
        assert!(run.file("history.jsonl").lines().nth(example).unwrap().contains(text), "{workload}");
        assert_eq!(
            run.status(),
            if workload == "lin-kv" || workload.starts_with("txn") { run.status() } else { 1 }
        );
    }
}

#[test]
fn a_history_is_told_by_its_errors_as_its_run_was() {
    let run = refusing("unique-ids", &["load", "11", "not", "now"]);
    let history = run.store.path().join("latest/history.jsonl");
    let output = Command::new(env!("CARGO_BIN_EXE_host"))
        .args(["check", "-w", "unique-ids"])
        .arg(history)
        .output()
        .expect("the host runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        told.contains(r#" did not succeed: temporarily-unavailable (11): "11 not now generate" ("#),
        "{told}"
    );
}

#[test]
fn what_a_node_writes_does_nothing_to_a_terminal() {
    let run = refusing("echo", &["load", "13", "ESC[2J", "LONG"]);
    assert!(!run.stdout().contains('\u{1b}') && run.stdout().contains(r"\u{1b}[2J"), "{}", run.stdout());
    assert!(run.stdout().lines().all(|line| line.len() < 2_000), "{}", run.stdout());
}

#[test]
fn requests_that_nobody_answered_are_counted() {
    let run = test_with(&[
        "-w",
        "unique-ids",
        "--plugin",
        "saboteur",
        "--set",
        "fault=mute",
        "--node-count",
        "1",
        "--rate",
        "20",
        "--time-limit",
        "5",
        "--seed",
        "1",
    ]);
    let failures = &run.results()["errors"]["by-f"]["generate"];
    let count = failures["no-answer-count"].as_u64().unwrap();
    assert!(count > 0, "{failures}");
    assert_eq!(failures["error-count"], 0);
}

#[test]
fn errors_that_are_to_be_expected_do_not_clutter_a_valid_run() {
    let run =
        test("-w lin-kv --plugin lin-kv --node-count 3 --concurrency 6 --rate 50 --time-limit 5 --seed 1");
    assert_eq!(run.status(), 0, "{}", run.stdout());
    assert!(run.results()["errors"]["by-f"]["cas"]["error-count"].as_u64().unwrap() > 0);
    assert!(!run.stdout().contains("precondition-failed"), "{}", run.stdout());
}

#[test]
fn a_set_up_that_was_refused_is_told_with_the_text() {
    let run = refusing("broadcast", &["load", "13", "no", "neighbours"]);
    assert_eq!(run.status(), 255);
    let expected = r#"expected type topology_ok, got error 13 (crash): "13 no neighbours topology""#;
    assert!(run.stderr().contains(expected), "{}", run.stderr());

    let run = refusing("echo", &["init", "14", "not", "today"]);
    assert_eq!(run.status(), 255);
    let expected =
        r#"n0 answered init wrongly: expected type init_ok, got error 14 (abort): "14 not today init""#;
    assert!(run.stderr().contains(expected), "{}", run.stderr());
}

/// The plugin in Rust that dies as its requests say, built once.
fn mortal() -> &'static Path {
    static BUILT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    BUILT.get_or_init(|| {
        super::support::plugins();
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugins");
        host::build::one(&here.join("tests/plugins/mortal"), Some(&place)).expect("it compiles").wasm
    })
}

fn dying(words: &str) -> Finished {
    let plugin = mortal().to_str().unwrap();
    let words: Vec<&str> =
        ["-w", "echo", "--plugin", plugin].into_iter().chain(words.split_whitespace()).collect();
    test_with(&words)
}

const REASON: &str = "panicked at host/tests/plugins/mortal/src/lib.rs:27:31: called `Result::unwrap()` on an `Err` value: \"seq-kv said no: 7\"";

#[test]
fn a_death_is_told_once_in_the_plugin_s_own_words_with_every_node_s_time() {
    let run = dying("--node-count 3 --rate 30 --time-limit 5 --seed 1 --set die=panic");
    assert_eq!(run.status(), 1, "{}", run.stderr());
    let stdout = run.stdout();
    assert_eq!(stdout.matches("panicked at").count(), 1, "{stdout}");
    let line = stdout.lines().find(|line| line.contains(" died at ")).expect("a death");
    assert!(line.starts_with("  node n") && line.ends_with(REASON), "{line}");
    assert_eq!(line.matches(" at 0.").count() + line.matches(" at 1.").count(), 3, "{line}");
    assert!(stdout.contains("      at mortal::look_up\n"), "{stdout}");
    assert!(!stdout.contains("std::") && !stdout.contains("rust_panic"), "{stdout}");
    let results = run.results();
    let crashes = results["nodes"]["crashes"].as_array().unwrap();
    assert_eq!(crashes.len(), 3);
    for crash in crashes {
        assert_eq!((&crash["reason"], &crash["details"][0]), (&REASON.into(), &"at mortal::look_up".into()));
    }
    assert!(stdout.contains("did not succeed: crash (13): its node died ("), "{stdout}");
    assert!(
        run.file("journal.jsonl").contains("seq-kv said no"),
        "whoever waited for an answer has been told"
    );
}

#[test]
fn a_panic_in_init_is_told_where_the_test_cannot_begin() {
    let run = dying("--node-count 2 --time-limit 1 --set die=init --start-spread 0");
    assert_eq!(run.status(), 255);
    let expected = "n0 died before it was ready: panicked at host/tests/plugins/mortal/src/lib.rs:67:13: no good setting: café";
    assert!(run.stderr().contains(expected), "{}", run.stderr());
}

#[test]
fn an_overflow_is_told_apart_from_a_wrong_pointer() {
    for (die, expected, frame) in [
        ("overflow", "stack overflow: a recursion without end", "      at mortal::dig, "),
        ("frame", "stack overflow: ", "      at mortal::wide"),
        ("stray", "the plugin trapped: wasm trap: out of bounds memory access", ""),
        (
            "deep-stray",
            "the plugin trapped: wasm trap: out of bounds memory access",
            "      at mortal::descend, 51 times",
        ),
    ] {
        let run = dying(&format!("--node-count 1 --time-limit 1 --rate 20 --seed 1 --set die={die}"));
        let stdout = run.stdout();
        assert!(stdout.contains(expected) && stdout.contains(frame), "{die}: {stdout}");
    }
}

#[test]
fn a_death_in_real_time_is_told_alike() {
    let run = dying("--node-count 1 --rate 30 --time-limit 2 --real-time --set die=panic");
    assert_eq!(run.status(), 1, "{}", run.stderr());
    let expected = format!(": it exited with status 1; it said last: {REASON}\n");
    assert!(run.stdout().contains(&expected), "{}", run.stdout());
}
