//! Verdicts, exit statuses, files and figures.

use serde_json::json;

use super::support::{test, test_with};

#[test]
fn a_valid_run_says_so_in_every_way() {
    let run = test("-w broadcast --plugin broadcast --node-count 3 --rate 20 --time-limit 10 --seed 1");
    assert_eq!(run.status(), 0, "{}", run.stderr());
    let stdout = run.stdout();
    assert!(stdout.starts_with("broadcast on 3 nodes: valid\n"), "{stdout}");
    assert!(stdout.contains("Everything looks good!"), "{stdout}");
    let results = run.results();
    assert_eq!(results["valid?"], true);
    for part in ["perf", "exceptions", "stats", "availability", "net", "workload"] {
        assert_eq!(results[part]["valid?"], true, "{part}");
    }
    assert_eq!(results["availability"]["ok-fraction"], 1.0);
    let history = run.file("history.jsonl").lines().count();
    let count = results["stats"]["count"].as_u64().unwrap() as usize;
    assert_eq!(history, 2 * count, "an invocation and a completion for each operation");
    let sent = run.file("journal.jsonl").lines().filter(|line| line.contains(r#""type":"send""#)).count();
    assert_eq!(results["net"]["all"]["send-count"], sent);
}

#[test]
fn json_is_the_results_and_nothing_else() {
    let run = test("-w echo --plugin echo --time-limit 2 --json");
    let printed: serde_json::Value = serde_json::from_str(&run.stdout()).expect("JSON");
    assert_eq!(printed, run.results());
}

#[test]
fn a_run_without_operations_cannot_be_judged() {
    let run = test("-w broadcast --plugin broadcast --rate 0 --time-limit 2 -q");
    // The final reads are there, but no element ever became stable (spec §12.1).
    assert_eq!((run.status(), &run.results()["workload"]["valid?"]), (2, &json!("unknown")));
    assert!(
        run.stdout().starts_with("Errors occurred during analysis, but no anomalies found."),
        "{}",
        run.stdout()
    );
}

#[test]
fn bad_arguments_are_told_in_one_line_with_their_own_status() {
    for (words, expected) in [
        ("-w echo --plugin nowhere", "no plugin nowhere; tried "),
        ("-w lin-kv --plugin echo --concurrency 3", "concurrency"),
        ("-w nonsense --plugin echo", "unknown workload nonsense"),
        ("-w echo --plugin echo --nodes a,b,a", "there are two nodes a"),
        ("-w echo --plugin echo --nodes n1,carl", "names that begin with c belong to clients"),
        ("-w echo --plugin echo --nodes lin-kv", "lin-kv is a service"),
        ("-w echo --bin /nonexistent", "cannot find /nonexistent"),
        ("-w echo --plugin echo --real-time --nemesis skew", "--nemesis skew needs a plugin in virtual time"),
        ("-w txn-list-append --plugin echo --consistency-models strict", "strict"),
    ] {
        let run = test(words);
        assert_eq!(run.status(), 254, "{words}: {}", run.stderr());
        assert_eq!(run.stderr().lines().count(), 1, "{words}: {}", run.stderr());
        assert!(run.stderr().contains(expected), "{words}: {}", run.stderr());
    }
    for words in [
        "--rate -1 --plugin echo",
        "--nemesis crash --plugin echo",
        "--bogus",
        "--time-limit 0 --plugin echo",
    ] {
        assert_eq!(test(words).status(), 254, "{words}");
    }
}

#[test]
fn node_names_come_from_flags_or_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a b\nd\n").unwrap();
    let run = test_with(&[
        "-w",
        "echo",
        "--plugin",
        "echo",
        "--time-limit",
        "2",
        "--nodes-file",
        file.path().to_str().unwrap(),
    ]);
    assert_eq!(run.status(), 0, "{}", run.stderr());
    for name in ["a", "b", "d"] {
        assert!(run.file("journal.jsonl").contains(&format!(r#""node_id":"{name}""#)));
    }
}

#[test]
fn a_settings_error_of_the_plugin_is_named() {
    let run = test("-w broadcast --plugin broadcast --set nonsense=1 --time-limit 2");
    assert_eq!(run.status(), 255);
    assert!(run.stderr().contains("nonsense"), "{}", run.stderr());
}

#[test]
fn partitions_are_in_the_history_and_dropped_messages_in_the_journal() {
    let run = test(
        "-w broadcast --plugin broadcast --nemesis partition --nemesis-interval 2 --rate 30 --time-limit 20 --seed 3",
    );
    assert_eq!(run.status(), 0, "{}", run.stdout());
    let history = run.file("history.jsonl");
    assert!(
        history.contains(r#""process":"nemesis","f":"start-partition","value":["isolated""#),
        "{history}"
    );
    assert!(history.contains(r#""f":"stop-partition","value":"network-healed""#), "{history}");
    assert!(run.file("journal.jsonl").contains(r#""type":"drop""#));
    let results = run.results();
    assert!(
        results["net"]["servers"]["recv-count"].as_u64() < results["net"]["servers"]["send-count"].as_u64()
    );
}

#[test]
fn the_cost_of_a_run_follows_its_events_and_not_its_length() {
    let run = test("-w echo --plugin echo --rate 0.001 --time-limit 1000000 --node-count 1 --seed 1");
    assert!(run.results()["stats"]["count"].as_u64().unwrap() > 500, "eleven days in no time");
}
