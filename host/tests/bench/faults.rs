//! Each plugin under every fault it claims to survive, on twenty seeds.

use super::support::test;

/// Maelstrom's own flags for each run; four runs a plugin, of five seeds each.
fn survives(workload: &str, plugin: &str, more: &str, faults: &str) {
    for (network, seed) in [
        ("", 1),
        ("--latency 20", 6),
        ("--latency 50 --latency-dist uniform", 11),
        ("--latency 20 --latency-dist exponential", 16),
    ] {
        let run = test(&format!(
            "-w {workload} --plugin {plugin} --time-limit 15 --test-count 5 --seed {seed} --nemesis {faults} --nemesis-interval 3 {network} {more} -q"
        ));
        assert_eq!(
            run.status(),
            0,
            "{plugin}, seeds from {seed}: {}{}",
            run.file("results.json"),
            run.stderr()
        );
    }
}

#[test]
fn echo_survives_everything_but_a_dead_node() {
    survives("echo", "echo", "", "partition,one-way,loss,duplicate,slow,skew");
}

#[test]
fn unique_ids_survives_everything() {
    survives(
        "unique-ids",
        "unique-ids",
        "--rate 100",
        "partition,one-way,kill,pause,loss,duplicate,slow,skew",
    );
}

#[test]
fn unique_ids_is_totally_available_under_partition() {
    survives("unique-ids", "unique-ids", "--rate 100 --availability total", "partition,one-way,loss");
}

#[test]
fn broadcast_survives_everything_but_the_loss_of_all_memory() {
    survives("broadcast", "broadcast", "--rate 20", "partition,one-way,pause,loss,duplicate,slow,skew");
}

#[test]
fn sets_and_counters_without_services_survive_everything_but_the_loss_of_all_memory() {
    for (workload, plugin) in
        [("g-set", "g-set"), ("pn-counter", "pn-counter"), ("g-counter", "g-counter-crdt")]
    {
        survives(workload, plugin, "--rate 20", "partition,one-way,pause,loss,duplicate,slow,skew");
    }
}

#[test]
fn g_counter_survives_restarts_of_all_nodes_as_well() {
    survives("g-counter", "g-counter", "--rate 20", "partition,kill,loss,duplicate,slow,skew");
}

#[test]
fn broadcast_flood_survives_partitions_and_loss() {
    survives("broadcast", "broadcast-flood", "--rate 20", "partition,pause,loss,duplicate,slow,skew");
}

#[test]
fn kafka_survives_everything_but_a_dead_owner() {
    survives(
        "kafka",
        "kafka",
        "--rate 50 --concurrency 2n",
        "partition,one-way,pause,loss,duplicate,slow,skew",
    );
}

/// Each step of it waits for the one before, so with latency its clients give up.
#[test]
fn kafka_on_lin_kv_survives_restarts() {
    let faults = "partition,kill,loss,duplicate,skew";
    let run = test(&format!(
        "-w kafka --plugin kafka-lin-kv --rate 20 --time-limit 15 --test-count 20 --seed 1 --nemesis {faults} --nemesis-interval 3 -q"
    ));
    assert_eq!(run.status(), 0, "{}{}", run.file("results.json"), run.stderr());
}

#[test]
fn a_dead_owner_loses_its_log_and_the_bench_says_so() {
    let words = "-w kafka --plugin kafka --nemesis kill --nemesis-interval 3 --rate 50 --time-limit 15 --concurrency 2n";
    let statuses: Vec<_> = (1..=5).map(|seed| test(&format!("{words} --seed {seed} -q")).status()).collect();
    assert!(statuses.contains(&1), "{statuses:?}");
}

/// Where no majority can talk for nearly the whole run hardly any operation succeeds, and the run is invalid by its
/// counts alone. What is promised always is the workload's own verdict, and a valid run in nearly all cases.
fn stays_safe(workload: &str, more: &str) {
    let faults = "partition,one-way,pause,loss,duplicate,slow,skew";
    let mut valid = 0;
    for seed in 1..=20 {
        let latency = ["", "--latency 20", "--latency 50 --latency-dist uniform"][seed % 3];
        let run = test(&format!(
            "-w {workload} --plugin {workload} --time-limit 15 --seed {seed} --nemesis {faults} --nemesis-interval 3 \
             --rate 50 --node-count 3 {latency} {more} -q"
        ));
        assert_eq!(
            run.results()["workload"]["valid?"],
            true,
            "{workload}, seed {seed}: {}",
            run.file("results.json")
        );
        valid += usize::from(run.status() == 0);
    }
    assert!(valid >= 15, "only {valid} of 20 runs of {workload} are wholly valid");
}

#[test]
fn registers_stay_linearizable_under_every_fault() {
    stays_safe("lin-kv", "--concurrency 4n");
}

#[test]
fn transactions_on_raft_stay_strict_serializable_under_every_fault() {
    stays_safe("txn-list-append", "--concurrency 2n --consistency-models strict-serializable");
}

#[test]
fn available_transactions_stay_read_atomic_and_available_under_every_fault() {
    let more =
        "--rate 50 --concurrency 2n --node-count 3 --consistency-models read-atomic --availability total";
    survives("txn-rw-register", "txn-rw-register", more, "partition,one-way,loss,duplicate,slow,skew");
}
