//! Every checker accepts the honest server and catches the broken one, and says who did it.

use super::support::{Finished, test_with};

fn run(workload: &str, fault: &str, more: &[&str]) -> Finished {
    let fault = format!("fault={fault}");
    let words: [&[&str]; 4] = [
        &[
            "-w",
            workload,
            "--plugin",
            "saboteur",
            "--set",
            &fault,
            "--node-count",
            "1",
            "--concurrency",
            "4n",
        ],
        &["--time-limit", "10", "--seed", "1"],
        more,
        if more.contains(&"--rate") { &[] } else { &["--rate", "100"] },
    ];
    test_with(&words.concat())
}

#[track_caller]
fn caught(workload: &str, fault: &str, more: &[&str], words: &[&str]) {
    let run = run(workload, fault, more);
    assert_eq!(run.status(), 1, "{workload} with {fault}: {}{}", run.stdout(), run.stderr());
    let stdout = run.stdout();
    for word in words {
        assert!(stdout.contains(word), "{workload} with {fault} should be told with `{word}`:\n{stdout}");
    }
}

#[test]
fn an_honest_server_passes_every_workload() {
    for (workload, kind) in [
        ("echo", ""),
        ("unique-ids", ""),
        ("broadcast", ""),
        ("g-set", "set"),
        ("g-counter", "counter"),
        ("pn-counter", "counter"),
        ("lin-kv", ""),
        ("kafka", ""),
        ("txn-list-append", ""),
        ("txn-rw-register", ""),
    ] {
        let run = run(
            workload,
            kind,
            &["--availability", if workload == "lin-kv" || workload == "kafka" { "0.3" } else { "total" }],
        );
        assert_eq!(run.status(), 0, "{workload}: {}{}", run.stdout(), run.stderr());
    }
}

#[test]
fn an_altered_echo_is_caught() {
    caught("echo", "alter", &[], &["something else", "INVALID"]);
}

#[test]
fn a_repeated_id_is_caught() {
    caught("unique-ids", "repeat", &[], &["id "]);
}

#[test]
fn a_lost_broadcast_is_caught() {
    caught("broadcast", "lose", &[], &["element 5, acknowledged", "never appears in any read"]);
}

#[test]
fn a_lost_element_is_caught() {
    caught("g-set", "lose from set", &[], &["element 17, acknowledged", "never appears in any read"]);
}

#[test]
fn a_wrong_sum_is_caught() {
    caught("g-counter", "count twice", &[], &["read"]);
    caught("pn-counter", "count twice", &[], &["read"]);
}

#[test]
fn a_stale_register_is_caught() {
    caught("lin-kv", "stale", &[], &["key 0"]);
}

#[test]
fn a_lost_log_entry_is_caught() {
    caught("kafka", "lose", &[], &["key"]);
}

#[test]
fn stale_transactions_are_caught() {
    caught("txn-list-append", "stale", &[], &["no order fits operation 19 (process 1"]);
    caught("txn-rw-register", "stale", &[], &["process"]);
}

#[test]
fn whoever_leans_on_lww_kv_to_agree_is_caught_as_by_maelstrom() {
    let words: &[&str] = &["--rate", "10"];
    caught("g-set", "lean on lww-kv", words, &["element ", "acknowledged"]);
    let merging = run("g-set", "lean on lww-kv", &[words, &["--lww-merge"]].concat());
    assert_eq!(merging.status(), 0, "{}{}", merging.stdout(), merging.stderr());
}

#[test]
fn refused_requests_are_counted_against_availability() {
    caught("unique-ids", "refuse", &["--availability", "total"], &["only ", "requests succeeded"]);
    let tolerant = run("unique-ids", "refuse", &["--availability", "0.8"]);
    assert_eq!(tolerant.status(), 0, "{}", tolerant.stdout());
}

#[test]
fn a_reply_with_an_extra_field_is_an_exception_that_names_the_field() {
    let run = run("unique-ids", "extra field", &[]);
    assert_eq!(run.status(), 0, "exceptions alone do not invalidate a run: {}", run.stdout());
    assert!(
        run.stdout().contains("Malformed RPC response from n0: unexpected field `extra`"),
        "{}",
        run.stdout()
    );
    assert!(run.file("history.jsonl").contains(r#""exception":"Malformed RPC response from n0"#));
}

#[test]
fn a_plugin_that_traps_is_a_dead_node_at_a_known_time_and_the_analysis_goes_on() {
    let run = run("broadcast", "die", &[]);
    assert_eq!(run.status(), 1, "{}", run.stdout());
    assert!(run.stdout().contains("node n0 died at "), "{}", run.stdout());
    let results = run.results();
    let crash = &results["nodes"]["crashes"][0];
    assert_eq!(crash["node"], "n0");
    let reason = crash["reason"].as_str().unwrap();
    assert!(reason.starts_with("panicked at ") && reason.ends_with("server.rs:35:13: sabotage"), "{reason}");
    assert!(crash["time"].as_u64().unwrap() > 0);
    let details: Vec<&str> =
        crash["details"].as_array().unwrap().iter().filter_map(|line| line.as_str()).collect();
    assert!(details.iter().any(|line| line.starts_with("at saboteur::")), "{details:?}");
    assert!(!details.iter().any(|line| line.contains("std::") || line.contains("rust_panic")), "{details:?}");
    assert!(results["stats"]["count"].as_u64().unwrap() > 20, "the run goes on");
    assert!(run.file("node-logs/n0.log").contains("sabotage"));
}

#[test]
fn a_mute_node_is_named() {
    let run = run("unique-ids", "mute", &[]);
    assert!(
        run.stdout().contains("n0 at ") && run.stdout().contains("it answered nothing "),
        "{}",
        run.stdout()
    );
}
