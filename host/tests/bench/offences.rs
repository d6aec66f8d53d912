//! What Maelstrom stops listening to a node for, and replies that answer nothing: each is told, with the node and the
//! message, and `--strict` makes the former invalid.

use super::native::script;
use super::support::{Finished, test};

/// How every warning of what Maelstrom would do ends.
const MUTED: &str = "Maelstrom would read nothing further from this node";

fn kinds(run: &Finished) -> Vec<(String, bool)> {
    let results = run.results();
    let offences = results["nodes"]["offences"].as_array().expect("offences").clone();
    let kind = |offence: &serde_json::Value| {
        let fatal = offence["fatal-under-maelstrom"].as_bool().expect("a boolean");
        (offence["kind"].as_str().expect("a kind").to_owned(), fatal)
    };
    offences.iter().map(kind).collect()
}

/// The run is valid with a warning, and invalid for the same reason under `--strict`.
#[track_caller]
fn warned_and_strictly_invalid(words: &str, kind: &str, told: &str) {
    let run = test(words);
    let stdout = run.stdout();
    assert_eq!(run.status(), 0, "{stdout}{}", run.stderr());
    let warning = stdout.lines().find(|line| line.contains(told) && line.contains(MUTED));
    assert!(warning.is_some_and(|line| line.contains("warning: ")), "{told}: {stdout}");
    assert!(kinds(&run).contains(&(kind.to_owned(), true)), "{:?}", kinds(&run));
    let strict = test(&format!("{words} --strict"));
    assert_eq!(strict.status(), 1, "{}", strict.stdout());
    let stdout = strict.stdout();
    assert!(stdout.lines().any(|line| line.contains(told) && !line.contains("warning")), "{stdout}");
}

#[test]
fn a_message_to_a_node_that_is_not_there_yet_is_told() {
    let words = "-w echo --plugin saboteur --set fault=early --node-count 25 --time-limit 2 --seed 1 --cluster-wait 0s";
    warned_and_strictly_invalid(words, "too-early", " was there; ");
    let side_by_side = test(&format!("{words} --start-spread 0"));
    assert!(!side_by_side.stdout().contains("warning: "), "{}", side_by_side.stdout());
}

#[test]
fn an_answer_to_a_client_that_is_gone_is_told() {
    let words = "-w broadcast --plugin saboteur --set fault=late --node-count 1 --concurrency 4 --rate 20 \
        --time-limit 20 --seed 1 --request-timeout 0s";
    warned_and_strictly_invalid(words, "too-late", ", a client that was gone; ");
}

#[test]
fn an_answer_that_comes_late_to_a_client_that_is_there_is_told_and_not_held_against_the_node() {
    let words = "-w unique-ids --plugin saboteur --set fault=late --node-count 1 --concurrency 4 --rate 20 \
        --time-limit 20 --seed 1 --request-timeout 0s --strict";
    let run = test(words);
    assert_eq!(run.status(), 0, "{}", run.stdout());
    // At the end of the run the last answers have not come yet.
    assert!(kinds(&run).iter().all(|(kind, _)| kind == "late" || kind == "mute"), "{:?}", kinds(&run));
    assert!(run.stdout().contains(" had given up ("), "{}", run.stdout());
}

/// A node that answers `init` and then each echo with this line, in which NUMBER is the request's `msg_id`, CLIENT who
/// asked, TEXT what is to be said again.
fn answering(line: &str, more: &[&str]) -> Finished {
    let read = r#"read line; number=${line##*\"msg_id\":}; number=${number%%\}*}; client=${line#*\"src\":\"}; client=${client%%\"*}; text=${line#*\"echo\":\"}; text=${text%%\"*};"#;
    let line = line
        .replace("NUMBER", r#"'"$number"'"#)
        .replace("CLIENT", r#"'"$client"'"#)
        .replace("TEXT", r#"'"$text"'"#);
    let answer = format!("{read} printf '%s\\n' '{line}';");
    let init = r#"read line; echo '{"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}';"#;
    script(&format!("{init} while true; do {answer} done"), more)
}

const GOOD: &str =
    r#"{"src":"n1","dest":"CLIENT","body":{"type":"echo_ok","in_reply_to":NUMBER,"echo":"TEXT"}}"#;

#[test]
fn an_honest_script_is_valid_and_warned_of_nothing() {
    let run = answering(GOOD, &["--strict"]);
    assert_eq!((run.status(), kinds(&run)), (0, Vec::new()), "{}", run.stdout());
}

#[test]
fn the_wrong_source_is_told() {
    let stranger = GOOD.replace("n1", "n7");
    let run = answering(&stranger, &[]);
    assert_eq!(run.status(), 0, "{}", run.stdout());
    assert!(
        run.stdout().contains("in the name of n7, who does not exist; Maelstrom would read nothing further")
    );
    assert_eq!(answering(&stranger, &["--strict"]).status(), 1);
    // Maelstrom only looks whether there is somebody of that name.
    let service = GOOD.replace("n1", "lin-kv");
    assert!(answering(&service, &[]).stdout().contains("in the name of lin-kv; Maelstrom would believe it"));
    assert_eq!(answering(&service, &["--strict"]).status(), 1);
}

#[test]
fn a_message_to_nobody_and_a_line_that_is_none_are_invalid_if_strict() {
    for (line, kind, told) in [
        (
            format!("{}\n{GOOD}", GOOD.replace("CLIENT", "n9")),
            "unknown-destination",
            "to n9, which does not exist",
        ),
        (
            format!("{}\n{GOOD}", GOOD.replace("CLIENT", "c99")),
            "unknown-destination",
            "to c99, which does not exist",
        ),
        (format!("ready\n{GOOD}"), "not-a-message", "a line of its output is not a message: not JSON"),
        (
            GOOD.replace("{\"src\"", "{\"time\":1,\"src\""),
            "not-a-message",
            "`time` does not belong beside src",
        ),
        (format!("\n{GOOD}"), "not-a-message", "the line is empty"),
    ] {
        let run = answering(&line, &[]);
        assert_eq!((run.status(), kinds(&run)), (0, vec![(kind.to_owned(), true)]), "{}", run.stdout());
        assert!(run.stdout().contains(told) && run.stdout().contains(MUTED), "{}", run.stdout());
        assert_eq!(answering(&line, &["--strict"]).status(), 1, "{line}");
    }
}

#[test]
fn a_reply_that_answers_nothing_is_told_with_the_reason_and_the_message() {
    for (line, reason) in [
        (GOOD.replace("NUMBER", "\"NUMBER\""), "`in_reply_to` is \"1\", it must be 1"),
        (GOOD.replace("NUMBER", "NUMBER.0"), "`in_reply_to` is 1.0, it must be 1"),
        (GOOD.replace("NUMBER", "1NUMBER"), "`in_reply_to` is 11, it must be 1"),
        (GOOD.replace("\"in_reply_to\":NUMBER,", ""), "`in_reply_to` is missing, it must be 1"),
    ] {
        let run = answering(&line, &[]);
        assert_eq!(run.status(), 1, "{reason}: {}", run.stdout());
        let told = format!("its message to c2 answers nothing: {reason}");
        let warning = run.stdout().lines().find(|line| line.contains(&told)).map(str::to_owned);
        let warning = warning.unwrap_or_else(|| panic!("{told}: {}", run.stdout()));
        assert!(warning.contains(r#"{"type":"echo_ok""#) && !warning.contains(MUTED), "{warning}");
        assert!(kinds(&run).contains(&("answers-nothing".to_owned(), false)));
    }
}

#[test]
fn a_second_answer_is_told() {
    let run = answering(&format!("{GOOD}\n{GOOD}"), &[]);
    assert_eq!(
        (run.status(), kinds(&run)),
        (0, vec![("answers-nothing".to_owned(), false)]),
        "{}",
        run.stdout()
    );
    assert!(run.stdout().contains("answers nothing: request 1 has been answered before"), "{}", run.stdout());
}

#[test]
fn half_a_surrogate_pair_is_a_string_like_any_other() {
    let run = answering(&GOOD.replace("TEXT", "\\ud800"), &[]);
    assert_eq!((run.status(), kinds(&run)), (1, Vec::new()), "{}", run.stdout());
    assert!(!run.stdout().contains("answered nothing"), "{}", run.stdout());
}

#[test]
fn nodes_that_were_killed_are_not_called_mute() {
    let words = "-w unique-ids --plugin unique-ids --node-count 3 --rate 100 --time-limit 20 --nemesis kill \
        --nemesis-interval 2 --no-report";
    for seed in 1..=5 {
        let run = test(&format!("{words} --seed {seed}"));
        assert!(run.results()["nodes"]["offences"].as_array().unwrap().is_empty(), "{}", run.stdout());
    }
}

#[test]
fn nodes_that_were_stopped_are_blamed_for_nothing_they_could_not_know() {
    for (workload, plugin) in [("unique-ids", "unique-ids"), ("broadcast", "broadcast"), ("g-set", "g-set")] {
        let words = format!(
            "-w {workload} --plugin {plugin} --node-count 3 --rate 50 --time-limit 40 --nemesis pause \
             --nemesis-interval 7 --strict --no-report"
        );
        for seed in 1..=5 {
            let run = test(&format!("{words} --seed {seed}"));
            assert_eq!((run.status(), kinds(&run)), (0, Vec::new()), "{seed}: {}", run.stdout());
        }
    }
}

#[test]
fn a_read_of_what_nobody_wrote_is_warned_of_and_strictly_invalid() {
    let words = "-w txn-rw-register --plugin saboteur --set fault=invent --node-count 1 --concurrency 2n --rate 50 \
        --time-limit 5 --seed 1";
    let run = test(words);
    let told = |stdout: &str| stdout.lines().find(|line| line.contains("1000000")).map(str::to_owned);
    assert_eq!(run.status(), 0, "{}", run.stdout());
    assert!(told(&run.stdout()).is_some_and(|line| line.contains("warning: ")), "{}", run.stdout());
    let strict = test(&format!("{words} --strict"));
    assert_eq!(strict.status(), 1, "{}", strict.stdout());
    assert!(told(&strict.stdout()).is_some_and(|line| !line.contains("warning: ")), "{}", strict.stdout());
}
