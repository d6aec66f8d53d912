//! One seed decides everything.

use super::support::test;

/// Every kind of randomness at once: latencies, faults, clocks, the plugin's own numbers.
const BUSY: &str = "-w broadcast --plugin broadcast --node-count 5 --rate 50 --time-limit 20 --latency 20 --latency-dist \
                    exponential --loss 0.1 --duplicate 0.1 --nemesis partition,kill,pause,loss,duplicate,slow,skew \
                    --nemesis-interval 2";

#[test]
fn equal_seeds_give_equal_runs_in_different_processes() {
    let runs = [(); 2].map(|()| test(&format!("{BUSY} --seed 7")));
    for file in ["journal.jsonl", "history.jsonl", "results.json", "node-logs/n0.log"] {
        assert!(runs[0].file(file) == runs[1].file(file), "{file} differs");
    }
    assert!(runs[0].file("journal.jsonl").lines().count() > 1000);
}

#[test]
fn other_seeds_give_other_runs() {
    let runs = [7, 8].map(|seed| test(&format!("{BUSY} --seed {seed}")));
    assert!(runs[0].file("journal.jsonl") != runs[1].file("journal.jsonl"));
}

#[test]
fn a_run_can_check_its_own_determinism() {
    for workload in ["unique-ids", "broadcast", "g-counter"] {
        let run = test(&format!(
            "-w {workload} --plugin {workload} --time-limit 5 --seed 1 --nemesis partition,pause,loss --check-determinism"
        ));
        assert_eq!(run.status(), 0, "{}{}", run.stdout(), run.stderr());
    }
}

#[test]
fn what_a_replay_command_says_is_the_same_run() {
    let first = test("-w broadcast --plugin broadcast --time-limit 5 --latency 10 --latency-dist uniform");
    let replay =
        first.stdout().lines().find_map(|line| line.trim().strip_prefix("replay: ").map(str::to_owned));
    let replay = replay.expect("the verdict tells how to see it again");
    let words = replay.split_whitespace().skip_while(|word| *word != "-w").collect::<Vec<_>>().join(" ");
    let again = test(&words);
    assert!(first.file("journal.jsonl") == again.file("journal.jsonl"), "{words}");
}
