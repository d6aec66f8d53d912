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
