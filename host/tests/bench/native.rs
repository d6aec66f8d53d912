//! Native nodes over pipes: the same verdicts, and no misbehaviour hangs or outlives the bench.

use super::support::{Finished, plugins, test_with};

/// Answers the first request, which is `init` from c0 to n1.
pub const INIT_OK: &str =
    r#"read line; echo '{"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}';"#;

/// Tests a node that is a shell script.
pub fn script(script: &str, more: &[&str]) -> Finished {
    let workload: &[&str] = if more.contains(&"-w") { &[] } else { &["-w", "echo"] };
    let words = [
        &["--bin", "/bin/sh", "--nodes", "n1", "--time-limit", "1", "--rate", "20"],
        workload,
        more,
        &["--", "-c", script],
    ];
    test_with(&words.concat())
}

#[test]
fn the_same_broken_node_is_caught_as_a_process_too() {
    let plugin = plugins().join("saboteur.wasm");
    let host = env!("CARGO_BIN_EXE_host");
    for (fault, status) in [("", 0), ("alter", 1)] {
        let setting = format!("fault={fault}");
        let run = test_with(&[
            "-w",
            "echo",
            "--bin",
            host,
            "--node-count",
            "1",
            "--time-limit",
            "2",
            "--rate",
            "30",
            "--",
            "--plugin",
            plugin.to_str().unwrap(),
            "--set",
            &setting,
        ]);
        assert_eq!(run.status(), status, "{fault}: {}{}", run.stdout(), run.stderr());
    }
}

#[test]
fn a_plugin_can_be_run_in_real_time() {
    let run = test_with(&[
        "-w",
        "broadcast",
        "--plugin",
        "broadcast",
        "--real-time",
        "--node-count",
        "3",
        "--rate",
        "30",
        "--time-limit",
        "2",
        "--latency",
        "10",
        "--nemesis",
        "partition,pause",
        "--nemesis-interval",
        "0.5",
    ]);
    assert_eq!(run.status(), 0, "{}{}", run.stdout(), run.stderr());
    assert!(run.results()["net"]["servers"]["send-count"].as_u64().unwrap() > 0);
}

#[test]
fn a_node_that_cannot_start_or_dies_at_once_is_named() {
    let run = script("echo to stderr >&2; exit 3", &[]);
    assert_eq!(run.status(), 255);
    assert!(
        run.stderr().contains("n1 died before it was ready: it exited with status 3"),
        "{}",
        run.stderr()
    );
    assert!(run.stderr().contains("stderr: to stderr"), "{}", run.stderr());
}

#[test]
fn a_node_that_dies_under_load_is_a_crash_with_its_last_words() {
    let run = script(&format!("{INIT_OK} read line; echo the end is near >&2; kill -9 $$"), &[]);
    assert_eq!(run.status(), 1, "{}", run.stdout());
    assert!(
        run.stdout().contains("node n1 died at ") && run.stdout().contains("it was ended by signal 9"),
        "{}",
        run.stdout()
    );
    assert!(run.results()["nodes"]["crashes"][0]["details"].to_string().contains("the end is near"));
}

#[test]
fn garbage_is_reported_and_dropped() {
    let run = script(&format!("{INIT_OK} while read line; do echo garbage; done"), &[]);
    assert_eq!(run.status(), 1);
    assert!(run.stdout().contains("a line of its output is not a message: not JSON"), "{}", run.stdout());
    assert!(run.stdout().contains("it answered nothing "), "{}", run.stdout());
}

#[test]
fn a_flood_is_named_and_survived() {
    let run = script(&format!("{INIT_OK} yes garbage"), &[]);
    assert_eq!(run.status(), 1);
    assert!(run.stdout().contains("it writes more than 50000 lines in a second"), "{}", run.stdout());
}

#[test]
fn a_node_that_stops_reading_is_named() {
    let run = script(&format!("{INIT_OK} sleep 1000"), &[]);
    assert_eq!(run.status(), 1);
    assert!(
        run.stdout().contains("n1 at ") && run.stdout().contains("it answered nothing "),
        "{}",
        run.stdout()
    );
}

#[test]
fn messages_to_nobody_are_dropped_and_reported() {
    let stray = r#"echo '{"src":"n1","dest":"n9","body":{}}';"#;
    let run = script(&format!("{INIT_OK} {stray} sleep 1000"), &[]);
    assert!(run.stdout().contains("it sent a message to n9, which does not exist"), "{}", run.stdout());
}
