//! How fast the bench is, from the flags of a test to its verdict: events per second, simulated seconds per second of
//! wall time, memory, and how these change with the number of nodes and with the length of the run.
//!
//!     cargo bench --bench simulation
//!
//! Each figure is the median over the seeds, of whole processes that write all their files, the report included.

#[path = "node/process.rs"]
mod process;

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Seeds of each run.
const SEEDS: u64 = 3;

/// Workload, plugin and flags of a run. The first ones show what a node costs, the others what an operation does.
const CASES: &[(&str, &str)] = &[
    ("broadcast", "--node-count 25 --time-limit 20 --rate 100 --latency 100"),
    ("broadcast", "--node-count 25 --time-limit 20 --rate 1000 --latency 100"),
    ("broadcast", "--node-count 100 --time-limit 20 --rate 100 --latency 100"),
    ("broadcast", "--node-count 1000 --time-limit 20 --rate 100 --latency 100"),
    ("echo", "--node-count 1 --time-limit 10 --rate 1000"),
    ("echo", "--node-count 1 --time-limit 100 --rate 1000"),
    ("echo", "--node-count 1 --time-limit 1000 --rate 1000"),
    ("lin-kv", "--node-count 3 --concurrency 6n --time-limit 10 --rate 1000"),
    ("lin-kv", "--node-count 3 --concurrency 6n --time-limit 100 --rate 1000"),
];

fn main() {
    host::build::workspace(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the plugins compile");
    println!(
        "{:76}{:>9}{:>10}{:>10}{:>10}{:>9}{:>9}{:>10}",
        "", "wall s", "ops", "events", "us/event", "sim s/s", "MB", "kB/node"
    );
    for (plugin, flags) in CASES {
        let runs: Vec<Run> = (1..=SEEDS).map(|seed| Run::of(plugin, flags, seed)).collect();
        let median = |figure: fn(&Run) -> f64| {
            let mut figures: Vec<f64> = runs.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures[figures.len() / 2]
        };
        println!(
            "{:76}{:>9.2}{:>10.0}{:>10.0}{:>10.2}{:>9.0}{:>9.0}{:>10.0}",
            format!("{plugin} {flags}"),
            median(|run| run.wall_s),
            median(|run| run.operations),
            median(|run| run.events),
            median(|run| run.wall_s * 1e6 / run.events),
            median(|run| run.simulated_s / run.wall_s),
            median(|run| run.peak_bytes / 1e6),
            median(|run| run.peak_bytes / 1e3 / run.nodes),
        );
    }
}

struct Run {
    wall_s: f64,
    simulated_s: f64,
    nodes: f64,
    operations: f64,
    /// Messages sent and received, clients' included.
    events: f64,
    /// Of the whole process.
    peak_bytes: f64,
}

impl Run {
    fn of(plugin: &str, flags: &str, seed: u64) -> Run {
        let store = tempfile::tempdir().expect("a directory");
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_host"))
            .args(["test", "-w", plugin, "--plugin", plugin, "--seed", &seed.to_string()])
            .args(["--store", &store.path().display().to_string()])
            .args(flags.split_whitespace())
            .stdout(Stdio::null())
            .spawn()
            .expect("the host runs");
        let mut peak_bytes = 0;
        while child.try_wait().expect("the process can be waited for").is_none() {
            // A process that has ended tells its peak no more.
            peak_bytes = process::peak_memory(child.id()).unwrap_or(peak_bytes);
            thread::sleep(Duration::from_millis(1));
        }
        let wall_s = began.elapsed().as_secs_f64();
        let read = |file: &str| {
            std::fs::read_to_string(store.path().join("latest").join(file)).expect("the test wrote it")
        };
        let results: serde_json::Value = serde_json::from_str(&read("results.json")).expect("JSON");
        assert_eq!(results["valid?"], true, "{plugin} {flags} --seed {seed}");
        let (journal, number) =
            (read("journal.jsonl"), |value: &serde_json::Value| value.as_f64().expect("a number"));
        let last: serde_json::Value =
            serde_json::from_str(journal.lines().next_back().expect("events")).expect("JSON");
        let nodes = flags.split_whitespace().skip_while(|word| *word != "--node-count").nth(1);
        Run {
            wall_s,
            simulated_s: number(&last["time"]) / 1e9,
            nodes: nodes.and_then(|count| count.parse().ok()).expect("a number of nodes"),
            operations: number(&results["stats"]["count"]),
            events: journal.lines().count() as f64,
            peak_bytes: peak_bytes as f64,
        }
    }
}
