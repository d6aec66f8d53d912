//! `host test --seeds`: many seeds at once.

use std::path::Path;
use std::process::{Command, Stdio};

use super::support::{plugins, test};

const SABOTEUR: &str =
    "-w broadcast --plugin saboteur --node-count 1 --concurrency 4n --rate 50 --time-limit 4";

fn runs_kept(store: &Path) -> usize {
    std::fs::read_dir(store.join("broadcast")).map_or(0, |folder| {
        folder.filter(|entry| entry.as_ref().is_ok_and(|entry| !entry.path().is_symlink())).count()
    })
}

#[test]
fn valid_seeds_leave_nothing_behind() {
    let sweep = test(&format!("{SABOTEUR} --seeds 8"));
    assert_eq!(sweep.status(), 0, "{}{}", sweep.stdout(), sweep.stderr());
    assert!(sweep.stdout().contains("seeds 1 to 8:"), "{}", sweep.stdout());
    assert!(sweep.stdout().contains("all valid"), "{}", sweep.stdout());
    assert_eq!(runs_kept(sweep.store.path()), 0);
}

#[test]
fn each_seed_that_fails_is_named_and_kept_with_the_command_that_shows_it_again() {
    let sweep = test(&format!("{SABOTEUR} --set fault=lose --seed 40 --seeds 3 --no-report"));
    let stdout = sweep.stdout();
    assert_eq!(sweep.status(), 1, "{stdout}{}", sweep.stderr());
    assert!(stdout.contains("3 of 3 not valid: 40, 41, 42"), "{stdout}");
    assert_eq!(runs_kept(sweep.store.path()), 3);
    for seed in 40..43 {
        assert!(stdout.contains(&format!("seed {seed}: INVALID: element ")), "{stdout}");
        let mut commands = stdout.lines().filter_map(|line| line.trim().strip_prefix("replay: "));
        let command = commands.find(|command| command.ends_with(&format!("--seed {seed}")));
        let command = command.unwrap_or_else(|| panic!("no command replays seed {seed}: {stdout}"));
        assert!(!command.contains("--seeds"), "{command}");
    }
}

#[test]
fn a_seed_of_a_sweep_is_the_same_run_by_itself() {
    let words = format!("{SABOTEUR} --set fault=lose --no-report");
    let sweep = test(&format!("{words} --seed 7 --seeds 1"));
    let alone = test(&format!("{words} --seed 7"));
    for file in ["journal.jsonl", "history.jsonl", "results.json"] {
        assert!(sweep.file(file) == alone.file(file), "{file} differs");
    }
}

#[test]
fn a_reader_that_has_seen_enough_does_no_harm() {
    let store = tempfile::tempdir().unwrap();
    let mut sweep = Command::new(env!("CARGO_BIN_EXE_host"))
        .arg("test")
        .args(SABOTEUR.split_whitespace())
        .args(["--seeds", "3"])
        .current_dir(&store)
        .env("GLOMERS_PLUGINS", plugins())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(sweep.stdout.take());
    let output = sweep.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
