//! Plugins that are swapped under load, one node after the other, while everything else goes wrong too.

use serde_json::Value;

use super::support::{Finished, test};

const FAULTS: &str = "partition,one-way,pause,loss,duplicate,slow,skew";

/// Runs one plugin while its nodes are swapped for another one; ten seeds on each of two networks.
fn survives(workload: &str, plugin: &str, successor: &str, more: &str, faults: &str) {
    for (network, seed) in [("--latency 5", 1), ("--latency 30 --latency-dist exponential", 11)] {
        let run = test(&format!(
            "-w {workload} --plugin {plugin} --nemesis {faults},swap={successor} --nemesis-interval 2 \
             --time-limit 15 --test-count 10 --seed {seed} {network} {more} -q"
        ));
        let told = format!("{plugin} to {successor}, seeds from {seed}: {}", run.file("results.json"));
        assert_eq!(run.status(), 0, "{told}{}", run.stderr());
        assert!(done(&run) > 0, "{told}");
    }
}

/// How many swaps of a run were carried out.
fn done(run: &Finished) -> usize {
    let results = run.results();
    let swaps = results["nodes"]["swaps"].as_array().map_or(&[][..], Vec::as_slice);
    swaps.iter().filter(|swap| swap["done"] == true).count()
}

#[test]
fn nothing_acknowledged_is_lost_while_flooding_becomes_hub_and_leaves() {
    survives(
        "broadcast",
        "broadcast-flood",
        "broadcast",
        "--rate 20",
        "partition,pause,loss,duplicate,slow,skew",
    );
}

#[test]
fn sets_and_counters_keep_what_was_acknowledged() {
    for (workload, plugin, faults) in [
        ("g-set", "g-set", FAULTS),
        ("pn-counter", "pn-counter", FAULTS),
        ("g-counter", "g-counter-crdt", FAULTS),
        ("g-counter", "g-counter", "partition,kill,loss,duplicate,slow,skew"),
    ] {
        survives(workload, plugin, plugin, "--rate 20", faults);
    }
}

#[test]
fn ids_stay_unique_and_every_request_is_answered() {
    let more = "--rate 100 --availability total";
    survives("unique-ids", "unique-ids", "unique-ids", more, "partition,one-way,loss");
}

#[test]
fn logs_keep_their_messages_and_offsets() {
    survives("kafka", "kafka", "kafka", "--rate 50 --concurrency 2n", FAULTS);
    survives("kafka", "kafka-lin-kv", "kafka-lin-kv", "--rate 20", "partition,kill,loss,duplicate,skew");
}

#[test]
fn transactions_stay_read_atomic_and_available() {
    let more =
        "--rate 50 --concurrency 2n --node-count 3 --consistency-models read-atomic --availability total";
    survives(
        "txn-rw-register",
        "txn-rw-register",
        "txn-rw-register",
        more,
        "partition,one-way,loss,duplicate,slow,skew",
    );
}

/// What Raft promises always is the workload's own verdict; see `faults`.
#[test]
fn raft_stays_safe_and_keeps_its_votes_and_its_log() {
    for (workload, more) in [("lin-kv", "--concurrency 4n"), ("txn-list-append", "--concurrency 2n")] {
        for seed in 1..=10 {
            let run = test(&format!(
                "-w {workload} --plugin {workload} --nemesis {FAULTS},swap={workload} --nemesis-interval 2 \
                 --time-limit 15 --seed {seed} --rate 50 --node-count 3 --latency 10 {more} -q"
            ));
            assert_eq!(
                run.results()["workload"]["valid?"],
                true,
                "{workload}, seed {seed}: {}",
                run.stderr()
            );
            assert!(done(&run) > 0, "{workload}, seed {seed}");
        }
    }
}

#[test]
fn a_successor_that_does_not_understand_the_state_changes_nothing_and_is_told() {
    let run = test(
        "-w g-set --plugin g-set --nemesis swap=unique-ids --time-limit 10 --nemesis-interval 1 --seed 3",
    );
    assert_eq!(run.status(), 0, "{}{}", run.stdout(), run.stderr());
    assert_eq!(done(&run), 0);
    let told = "the new plugin refused to take over: its state cannot be read";
    assert!(run.stdout().contains(told), "{}", run.stdout());
}

#[test]
fn a_cold_swap_loses_what_the_node_alone_knew_and_the_bench_says_so() {
    let words = "-w broadcast --plugin saboteur --nemesis swap=saboteur --node-count 1 --time-limit 10 \
                 --nemesis-interval 1 --rate 50 --seed 3";
    let refused = test(words);
    assert_eq!((refused.status(), done(&refused)), (0, 0), "{}", refused.stdout());
    let cold = test(&format!("{words} --swap-fresh"));
    assert_eq!(cold.status(), 1, "{}", cold.stdout());
    assert!(done(&cold) > 0);
}

#[test]
fn swaps_are_part_of_what_a_seed_decides() {
    let words = "-w lin-kv --plugin lin-kv --concurrency 2n --time-limit 10 --nemesis partition,kill,pause,swap=lin-kv \
                 --nemesis-interval 1 --check-determinism";
    let run = test(words);
    assert_ne!(run.status(), 255, "{}", run.stderr());
    let history = run.file("history.jsonl");
    let swapped = history.lines().filter(|line| {
        let op: Value = serde_json::from_str(line).expect("an operation is JSON");
        op["f"] == "swap"
    });
    assert!(swapped.count() > 4);
}
