//! Runs that cannot begin: the terminal says what the node did, and the files are there all the same.

use std::path::Path;
use std::process::Command;

use super::native::{INIT_OK, script};
use super::support::{Finished, plugins, test};

/// Asserts that a run could not begin, and why, and that everything that is known of it has been kept.
#[track_caller]
fn cannot_begin(run: &Finished, reason: &str, details: &[&str]) {
    let stderr = run.stderr();
    assert_eq!(run.status(), 255, "{stderr}");
    let first = stderr.lines().find(|line| line.starts_with("host: ")).unwrap_or_default();
    assert!(first.starts_with(&format!("host: the test cannot begin: {reason}")), "{reason}\n{stderr}");
    for detail in details {
        assert!(stderr.contains(detail), "{detail}\n{stderr}");
    }
    let results = run.results();
    assert_eq!(results["valid?"], "unknown");
    assert!(results["aborted"]["reason"].as_str().unwrap().starts_with(reason), "{results}");
    assert!(results["violations"][0]["text"].as_str().unwrap().contains(reason), "{results}");
    assert!(run.file("journal.jsonl").contains(r#""type":"init""#));
    assert_eq!(run.file("history.jsonl"), "");
    assert!(run.file("report.html").starts_with("<!doctype html>"));
    let latest = std::fs::canonicalize(run.store.path().join("latest")).unwrap();
    for line in [format!("files: {}", latest.display()), format!("report: {}/report.html", latest.display())]
    {
        assert!(stderr.contains(&line), "{line}\n{stderr}");
    }
}

/// A node that says this when it is asked to begin, and nothing more.
fn saying(text: &str) -> Finished {
    script(&format!("read line; {text}; sleep 1000"), &[])
}

fn answering(message: &str) -> Finished {
    saying(&format!("echo '{message}'"))
}

#[test]
fn a_node_that_ends_no_line_is_told_so() {
    let run = saying(r#"echo oh dear >&2; printf '{"src":"n1","dest":"c0"}'"#);
    cannot_begin(
        &run,
        r#"n1 did not answer init within 10 s: it wrote 24 bytes without a newline: {"src":"n1","dest":"c0"}"#,
        &[
            "end each message with a newline, and flush",
            "stderr: oh dear",
            r#"stdout: {"src":"n1","dest":"c0"} (no line break yet)"#,
        ],
    );
    assert_eq!(run.file("node-logs/n1.log"), "oh dear\n");
}

#[test]
fn a_node_that_flushes_nothing_is_told_so() {
    let run = script("read line; while read line; do :; done; echo what has waited", &[]);
    cannot_begin(
        &run,
        "n1 did not answer init within 10 s: it wrote something only when its input was closed: what has waited",
        &["flush standard output after each message"],
    );
}

#[test]
fn a_node_that_says_nothing_is_shown_by_its_last_words() {
    cannot_begin(
        &saying("echo KeyError >&2; printf 'half a line' >&2"),
        "n1 did not answer init within 10 s: it wrote nothing to standard output",
        &["is `init` handled?", "stderr: KeyError", "stderr: half a line (no line break yet)"],
    );
}

#[test]
fn an_answer_that_quotes_another_request_is_no_answer() {
    for (in_reply_to, why) in [
        ("", "it sent a message without `in_reply_to`: "),
        (
            r#","in_reply_to":"1""#,
            r#"it sent a message whose `in_reply_to` is "1", which is a string, and not 1: "#,
        ),
    ] {
        let body = format!(r#"{{"type":"init_ok"{in_reply_to}}}"#);
        let run = answering(&format!(r#"{{"src":"n1","dest":"c0","body":{body}}}"#));
        cannot_begin(
            &run,
            &format!("n1 did not answer init within 10 s: {why}{body}"),
            &["the same integer"],
        );
        assert!(run.file("journal.jsonl").contains(&body));
    }
}

#[test]
fn an_answer_to_somebody_else_is_no_answer() {
    cannot_begin(
        &answering(r#"{"src":"n1","dest":"n1","body":{"type":"init_ok","in_reply_to":1}}"#),
        r#"n1 did not answer init within 10 s: it sent its answer to "n1" and not to "c0", who asked: {"type":"init_ok""#,
        &["an answer's `dest` is the `src` of its request"],
    );
}

#[test]
fn an_answer_of_another_type_ends_the_run_at_once() {
    cannot_begin(
        &answering(r#"{"src":"n1","dest":"c0","body":{"type":"init_okay","in_reply_to":1}}"#),
        r#"n1 answered init wrongly: its type is "init_okay", and must be "init_ok": {"type":"init_okay","#,
        &[],
    );
    cannot_begin(
        &answering(
            r#"{"src":"n1","dest":"c0","body":{"type":"error","code":10,"text":"what?","in_reply_to":1}}"#,
        ),
        r#"n1 answered init wrongly: expected type init_ok, got error 10 (not-supported): "what?""#,
        &[],
    );
}

#[test]
fn a_line_that_is_no_message_is_shown() {
    cannot_begin(
        &script("while read line; do echo garbage; done", &[]),
        "n1 did not answer init within 10 s: a line of its output is not a message: not JSON",
        &["write logs to standard error", "stdout: garbage"],
    );
}

#[test]
fn a_node_that_does_not_answer_the_set_up_is_told_by_its_request() {
    let run = script(&format!("{INIT_OK} sleep 1000"), &["-w", "broadcast"]);
    cannot_begin(
        &run,
        "n1 did not answer the workload's set-up within 5 s: it wrote nothing",
        &["is `topology` handled?"],
    );
}

#[test]
fn a_plugin_that_does_not_begin_leaves_its_files_and_trace() {
    let run = test(
        "-w broadcast --plugin broadcast --set nonsense=1 --time-limit 2 --start-spread 0 --trace --log-net-send",
    );
    cannot_begin(&run, "n1 died before it was ready: ", &["nonsense"]);
    assert!(run.stdout().contains("c0 -> n1  init "), "{}", run.stdout());
    assert!(run.stderr().contains("c0 -> n1  init "), "{}", run.stderr());
}

#[test]
fn what_was_wanted_of_the_output_is_kept_to() {
    let json = script("read line; exit 3", &["--json"]);
    let told: serde_json::Value = serde_json::from_str(&json.stdout()).unwrap();
    assert_eq!((json.status(), &told), (255, &json.results()));
    let quiet = script("read line; exit 3", &["-q"]);
    let line = "host: the test cannot begin: n1 died before it was ready: it exited with status 3\n";
    assert_eq!((quiet.stdout(), quiet.stderr()), (String::new(), line.to_owned()));
}

#[test]
fn a_report_of_a_run_that_could_not_begin_can_be_made_again() {
    let run = script("read line; exit 3", &["--no-report"]);
    let folder = run.store.path().join("latest");
    let report = Command::new(env!("CARGO_BIN_EXE_host")).arg("report").arg(&folder).output().unwrap();
    assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stderr));
    assert!(run.file("report.html").starts_with("<!doctype html>"));
}

#[test]
fn a_sweep_tells_of_each_seed_that_cannot_begin_where_its_files_are() {
    let sweep =
        test("-w broadcast --plugin broadcast --set nonsense=1 --time-limit 2 --start-spread 0 --seeds 2");
    assert_eq!(sweep.status(), 255, "{}", sweep.stderr());
    for seed in 1..=2 {
        let line = format!("seed {seed}: the test cannot begin: n1 died before it was ready: ");
        assert!(sweep.stdout().contains(&line), "{}", sweep.stdout());
    }
    assert_eq!(sweep.stdout().matches("  files: ").count(), 2, "{}", sweep.stdout());
}

#[test]
fn a_challenge_that_cannot_begin_is_told_with_the_reason_and_the_rest_goes_on() {
    plugins();
    let folder = tempfile::tempdir().unwrap();
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    for (plugin, name) in [("echo", "broadcast"), ("echo", "echo")] {
        std::fs::copy(
            built.join(plugin).with_extension("wasm"),
            folder.path().join(name).with_extension("wasm"),
        )
        .unwrap();
    }
    let challenges = Command::new(env!("CARGO_BIN_EXE_host"))
        .args(["challenges", "1", "3a"])
        .env("GLOMERS_PLUGINS", folder.path())
        .current_dir(&folder)
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&challenges.stdout);
    assert_eq!(challenges.status.code(), Some(1), "{}", String::from_utf8_lossy(&challenges.stderr));
    assert!(stdout.contains("| pass "), "{stdout}");
    let reason = "challenge 3a failed: the test cannot begin: n0 answered the workload's set-up wrongly: expected type topology_ok, got error 10 (not-supported): ";
    assert!(stdout.contains(reason), "{stdout}");
}

#[test]
fn a_node_that_is_mute_after_a_restart_is_told_in_the_same_words() {
    // Its first life is good; the nemesis ends it, and each later one forgets its line break.
    let folder = tempfile::tempdir().unwrap();
    let node = format!(
        r#"if mkdir {0}/lived; then {INIT_OK} cat >/dev/null; else read line; printf '{{"half":'; sleep 1000; fi"#,
        folder.path().display()
    );
    let kills = ["--nemesis", "kill", "--nemesis-interval", "0.2"];
    // What has a final phase waits long enough before it.
    let run = script(&node, &[&["-w", "g-set"][..], &kills].concat());
    let offences = run.results()["nodes"]["offences"].to_string();
    let text = r#"it did not answer init within 10 s after it was restarted: it wrote 8 bytes without a newline: {\"half\": (end each message"#;
    assert!(offences.contains(text), "{offences}");
}
