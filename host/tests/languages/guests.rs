//! The guests in `plugins/lang`: each language has the same three, and they give the verdicts of the Rust ones.

use host::build;
use host::build::language::Language;

use super::support::{host_ok, root};

super::each_language!(its_guests_pass_the_challenges);

/// Gossip Glomers 1, 3c and 4, with more faults than those ask for.
const CHALLENGES: [(&str, &str); 3] = [
    ("echo", "-w echo --node-count 3 --rate 50 --time-limit 5"),
    (
        "broadcast",
        "-w broadcast --node-count 5 --rate 10 --time-limit 20 --latency 20 --nemesis partition,pause,loss,duplicate",
    ),
    ("g-counter", "-w g-counter --node-count 3 --rate 100 --time-limit 20 --nemesis partition,pause"),
];

const SEEDS: std::ops::RangeInclusive<u32> = 1..=3;

fn its_guests_pass_the_challenges(language: &'static Language) {
    let place = tempfile::tempdir().unwrap();
    for (challenge, flags) in CHALLENGES {
        let dir = match language.name {
            "rust" => root().join("plugins").join(challenge),
            name => root().join("plugins/lang").join(format!("{challenge}-{name}")),
        };
        let built = build::one(&dir, Some(place.path())).unwrap_or_else(|error| panic!("{error:#}"));
        for seed in SEEDS {
            let (wasm, seed) = (built.wasm.display().to_string(), seed.to_string());
            let mut words = vec!["test", "--plugin", &wasm, "--seed", &seed];
            words.extend(flags.split_whitespace());
            let verdict = host_ok(place.path(), &words);
            assert!(verdict.contains("Everything looks good"), "{verdict}");
        }
    }
}
