//! Guests that are not Rust, swapped while their nodes run.

use std::fs;
use std::path::Path;

use host::build;
use host::build::language::Language;
use serde_json::Value;

use super::support::{host_ok, root, when_installed};

/// The languages whose g-counter can be swapped, and the line of it that says which form its states have.
const SWAPPABLE: [(&str, &str); 2] = [("c", "enum { VERSION = 1 };"), ("zig", "pub const version = 1;")];

/// Runs g-counter under load, every node of it swapped for `successor` again and again. Returns what became of each swap.
fn roll(place: &Path, plugin: &Path, successor: &Path, seed: u32) -> Vec<Value> {
    let nemesis = format!("partition,swap={}", successor.display());
    let plugin = plugin.display().to_string();
    let mut words = vec!["test", "-w", "g-counter", "--plugin", &plugin, "--nemesis", &nemesis];
    words.extend("--node-count 3 --rate 50 --time-limit 15 --nemesis-interval 2 --latency 10".split(' '));
    let seed = seed.to_string();
    words.extend(["--seed", &seed]);
    let verdict = host_ok(place, &words);
    assert!(verdict.contains("Everything looks good"), "{verdict}");
    let results = fs::read_to_string(place.join("store/latest/results.json")).unwrap();
    let mut results: Value = serde_json::from_str(&results).unwrap();
    let Value::Array(swaps) = results["nodes"]["swaps"].take() else { panic!("no swaps in {results}") };
    swaps
}

fn guest(language: &Language) -> std::path::PathBuf {
    root().join(format!("plugins/lang/g-counter-{}", language.name))
}

#[test]
fn nothing_acknowledged_is_lost_under_load_and_partitions() {
    for (language, _) in SWAPPABLE {
        when_installed(language, |language| {
            let place = tempfile::tempdir().unwrap();
            let built = build::one(&guest(language), Some(place.path())).expect("it compiles");
            for seed in 1..=5 {
                let swaps = roll(place.path(), &built.wasm, &built.wasm, seed);
                let done = swaps.iter().filter(|swap| swap["done"] == true).count();
                assert!(done > 0, "{}, seed {seed}: {swaps:?}", language.title);
            }
        });
    }
}

#[test]
fn a_node_may_change_its_language() {
    when_installed("zig", |zig| {
        let c = Language::named("c").expect("it has the same tools");
        let place = tempfile::tempdir().unwrap();
        let [c, zig] = [c, zig]
            .map(|language| build::one(&guest(language), Some(place.path())).expect("it compiles").wasm);
        for (from, to) in [(&c, &zig), (&zig, &c)] {
            let swaps = roll(place.path(), from, to, 1);
            assert!(!swaps.is_empty() && swaps.iter().all(|swap| swap["done"] == true), "{swaps:?}");
        }
    });
}

#[test]
fn a_state_from_the_future_is_refused_in_one_line_and_the_old_guest_goes_on() {
    for (language, line) in SWAPPABLE {
        when_installed(language, |language| {
            let place = tempfile::tempdir().unwrap();
            let now = build::one(&guest(language), Some(place.path())).expect("it compiles");
            let later = place.path().join("later");
            fs::create_dir(&later).unwrap();
            let source = fs::read_to_string(guest(language).join(language.marker)).unwrap();
            assert!(source.contains(line), "{}", language.title);
            fs::write(later.join(language.marker), source.replace(line, &line.replace('1', "2"))).unwrap();
            let later = build::one(&later, Some(place.path())).expect("it compiles");
            let swaps = roll(place.path(), &later.wasm, &now.wasm, 1);
            assert!(!swaps.is_empty());
            for swap in swaps {
                let text = swap.to_string();
                let reason = "its state has version 2; this plugin knows versions up to 1";
                assert!(swap["done"] == false && text.contains(reason), "{}: {text}", language.title);
            }
        });
    }
}
