//! `--trace`: a run on the terminal.

use std::process::{Command, Output, Stdio};

use super::support::{Finished, plugins, test};

const WORDS: &str = "-w broadcast --plugin broadcast --node-count 3 --rate 10 --time-limit 6 --latency 20 \
    --nemesis partition --nemesis-interval 1 --seed 5";

fn trace(run: &Finished, words: &[&str]) -> Output {
    let folder = run.store.path().join("latest");
    let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
    command.arg("report").arg(folder).arg("--trace").args(words).output().expect("the host runs")
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn a_trace_has_a_line_for_every_event_of_the_journal_and_every_fault() {
    let run = test(&format!("{WORDS} --trace"));
    let journal = run.file("journal.jsonl").lines().count();
    let faults = run.file("history.jsonl").lines().filter(|line| line.contains("\"nemesis\"")).count() / 2;
    let stdout = run.stdout();
    let traced = stdout
        .lines()
        .filter(|line| [" -> ", " <- ", " -x ", " !! "].iter().any(|arrow| line.contains(arrow)));
    assert_eq!(traced.count(), journal + faults);
    assert!(faults > 0 && !stdout.contains('\x1b'), "no colours where there is no terminal");
    let again = lines(&trace(&run, &[]));
    assert_eq!(again.len(), journal + faults);
    assert!(stdout.starts_with(&again[..20].join("\n")), "host report traces the same");
}

#[test]
fn a_trace_is_filtered_by_time_node_and_type() {
    let run = test(WORDS);
    let all = lines(&trace(&run, &[]));
    let some = lines(&trace(
        &run,
        &["--from", "1", "--to", "2.5", "--node", "n1", "--type", "broadcast,broadcast_ok"],
    ));
    assert!(!some.is_empty() && some.len() < all.len() / 2);
    for line in &some {
        let words: Vec<&str> = line.split_whitespace().collect();
        let time: f64 = words[0].parse().unwrap();
        assert!((1.0..=2.5).contains(&time), "{line}");
        assert!(words[1] == "n1" || words[3] == "n1", "{line}");
        assert!(words[4].starts_with("broadcast"), "{line}");
        assert!(all.contains(line), "{line}");
    }
    let lost = all.iter().find(|line| line.contains(" -x ")).expect("a partition loses messages");
    assert!(lost.contains("(partition)"), "{lost}");
}

#[test]
fn who_stops_reading_a_trace_gets_no_complaint() {
    let store = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_host"))
        .args(["test", "--trace", "--store"])
        .arg(store.path())
        .args("-w echo --plugin echo --node-count 1 --rate 1000 --time-limit 5 --seed 1".split(' '))
        .env("GLOMERS_PLUGINS", plugins())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()),
        (Some(0), String::new())
    );
}

#[test]
fn filters_without_a_trace_are_refused() {
    let run = test("-w echo --plugin echo --node-count 1 --time-limit 1 --from 1");
    assert_eq!(run.status(), 254);
    assert!(run.stderr().contains("--trace"), "{}", run.stderr());
}

#[test]
fn sent_and_received_messages_are_shown_where_maelstrom_shows_them() {
    let run = test("-w echo --plugin echo --node-count 1 --time-limit 1 --seed 1 --log-net-send");
    assert!(run.stderr().contains(" -> ") && !run.stderr().contains(" <- "), "{}", run.stderr());
    assert!(!run.stdout().contains(" -> "));
}

#[test]
fn drawings_lie_beside_the_report() {
    let run = test(WORDS);
    for name in ["messages.svg", "latency.svg", "rate.svg"] {
        let svg = run.file(name);
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{name}");
    }
    let messages = run.file("messages.svg");
    assert!(
        messages.contains(">n1</text>")
            && messages.contains("class=\"lost\"")
            && !messages.contains("init_ok")
    );
    assert!(run.file("rate.svg").contains("broadcast ok"));
}
