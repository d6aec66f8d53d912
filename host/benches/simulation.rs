//! How fast the bench is: events per second and simulated seconds per second of wall time, from the flags of a
//! challenge to its verdict, and how that changes with the number of nodes and the length of the run.
//!
//!     cargo bench --bench simulation

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const RUNS: usize = 5;

/// Name and flags of a run.
const CASES: &[(&str, &str)] = &[
    ("25 nodes, 20 s, 100 ops/s", "--node-count 25 --time-limit 20 --rate 100 --latency 100"),
    ("25 nodes, 100 s, 100 ops/s", "--node-count 25 --time-limit 100 --rate 100 --latency 100"),
    ("25 nodes, 20 s, 1000 ops/s", "--node-count 25 --time-limit 20 --rate 1000 --latency 100"),
    ("100 nodes, 20 s, 100 ops/s", "--node-count 100 --time-limit 20 --rate 100 --latency 100"),
    ("1000 nodes, 20 s, 100 ops/s", "--node-count 1000 --time-limit 20 --rate 100 --latency 100"),
];

fn main() {
    host::build::workspace(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the plugins compile");
    println!(
        "{:30}{:>12}{:>14}{:>16}{:>22}",
        "broadcast", "wall", "messages", "messages/s", "simulated s per s"
    );
    for (name, flags) in CASES {
        let runs: Vec<_> = (0..RUNS).map(|seed| run(flags, seed)).collect();
        let mut walls: Vec<Duration> = runs.iter().map(|run| run.0).collect();
        walls.sort();
        let wall = walls[RUNS / 2].as_secs_f64();
        let (_, messages, simulated) = runs[0];
        println!(
            "{name:30}{:>10.2} s{messages:>14.0}{:>16.0}{:>22.0}",
            wall,
            messages / wall,
            simulated / wall
        );
    }
}

/// Wall time of one whole process, messages received, and seconds simulated.
fn run(flags: &str, seed: usize) -> (Duration, f64, f64) {
    let store = tempfile::tempdir().expect("a directory");
    let began = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_host"))
        .args(["test", "-w", "broadcast", "--plugin", "broadcast", "--json", "--seed", &seed.to_string()])
        .args(["--store", &store.path().display().to_string()])
        .args(flags.split_whitespace())
        .output()
        .expect("the host runs");
    let wall = began.elapsed();
    let results: serde_json::Value = serde_json::from_slice(&output.stdout).expect("results are JSON");
    let messages = results["net"]["all"]["recv-count"].as_f64().expect("a count");
    let journal = std::fs::read_to_string(store.path().join("latest/journal.jsonl")).expect("a journal");
    let last: serde_json::Value =
        serde_json::from_str(journal.lines().last().expect("events")).expect("JSON");
    (wall, messages, last["time"].as_f64().expect("a time") / 1e9)
}
