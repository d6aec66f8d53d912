//! What `host test` and `host report` leave on disk.

use std::fs;
use std::process::{Command, Output};

use super::support::{Finished, test};

const FAULTY: &str = "-w broadcast --plugin broadcast --node-count 5 --rate 20 --time-limit 20 --latency 20 \
    --latency-dist exponential --loss 0.05 --duplicate 0.05 --nemesis partition,kill,pause,skew --nemesis-interval 2 --seed 4";

fn report(finished: &Finished) -> Output {
    Command::new(env!("CARGO_BIN_EXE_host"))
        .arg("report")
        .arg(finished.store.path().join("latest"))
        .output()
        .expect("the host runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_report_made_again_is_the_same_to_the_byte() {
    let run = test(FAULTY);
    let made = run.file("report.html");
    assert!(made.len() > 20_000, "{} bytes", made.len());
    fs::remove_file(run.store.path().join("latest/report.html")).unwrap();
    let output = report(&run);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(run.file("report.html") == made, "the report made again differs");
}

#[test]
fn every_run_says_where_its_report_is() {
    let run = test("-w echo --plugin echo --node-count 1 --time-limit 1 --seed 1");
    let path = run.stdout().lines().find_map(|line| Some(line.trim().strip_prefix("report: ")?.to_owned()));
    let path = path.expect("a line with the path of the report");
    assert!(fs::read_to_string(path).unwrap().starts_with("<!doctype html>"));
}

#[test]
fn a_report_that_was_not_wanted_can_be_made_later() {
    let run = test("-w echo --plugin echo --node-count 1 --time-limit 1 --no-report");
    let path = run.store.path().join("latest/report.html");
    assert!(!path.exists() && !run.stdout().contains("report:"), "{}", run.stdout());
    assert!(report(&run).status.success());
    assert!(path.exists());
}

#[test]
fn a_report_loads_nothing_from_anywhere() {
    let page = test("-w echo --plugin echo --node-count 1 --time-limit 1").file("report.html");
    assert!(page.contains("default-src 'none'"));
    for word in ["src=\"", "http://", "https://", "@import", "fetch(", "XMLHttpRequest", "WebSocket"] {
        // The namespace of SVG is a name, not a place.
        let found = page.matches(word).count()
            - usize::from(word == "http://") * page.matches("http://www.w3.org/2000/svg").count();
        assert_eq!(found, 0, "{word}");
    }
}

#[test]
fn damaged_files_are_named_in_one_line() {
    let run = test("-w echo --plugin echo --node-count 1 --time-limit 1");
    let folder = run.store.path().join("latest");
    for (name, text, complaint) in [
        (
            "journal.jsonl",
            "{\"time\":0,\"type\":\"recv\",\"id\":7}\n",
            "journal.jsonl, line 1: message 7 was never sent",
        ),
        ("journal.jsonl", "{\"time\":\n", "journal.jsonl, line 1: EOF while parsing"),
        ("results.json", "{", "results.json: EOF while parsing"),
        ("test.json", "{}", "test.json: missing field"),
        ("results.json", "[1]", "results.json: it is not a JSON object"),
        ("results.json", "{\"valid?\":true}", "results.json: missing field"),
        ("results.json", "{\"valid?\":7}", "results.json: `valid?` must be true, false or"),
        ("results.json", "", "results.json: it is empty"),
        ("test.json", "{\"workload\":7}", "test.json: invalid type"),
        ("history.jsonl", "{\"type\":\"ok\"}\n", "history.jsonl: line 1, column 1: "),
        ("history.jsonl", "", "history.jsonl holds 0 completed operations, but results.json counts"),
        ("journal.jsonl", "", "journal.jsonl holds 0 messages, but results.json counts"),
    ] {
        let whole = fs::read(folder.join(name)).unwrap();
        fs::write(folder.join(name), text).unwrap();
        let output = report(&run);
        assert_eq!(output.status.code(), Some(255), "{name}: {}", stderr(&output));
        let told = stderr(&output);
        assert!(told.contains(complaint) && told.lines().count() == 1, "{told}");
        fs::write(folder.join(name), whole).unwrap();
    }
    for name in ["results.json", "history.jsonl", "journal.jsonl", "node-logs/n0.log", "test.json"] {
        fs::remove_file(folder.join(name)).unwrap();
        let output = report(&run);
        assert_eq!((output.status.code(), stderr(&output).lines().count()), (Some(255), 1), "{name}");
    }
    assert!(stderr(&report(&run)).contains("holds no test.json"));
}

#[test]
fn a_completion_before_its_invocation_is_drawn_all_the_same() {
    let run = test("-w echo --plugin echo --node-count 1 --time-limit 1");
    let folder = run.store.path().join("latest");
    let history = run.file("history.jsonl");
    let earlier = |line: &str| match line.contains(r#""type":"ok""#) {
        true => line.replacen(r#""time":"#, r#""time":0,"was":"#, 1),
        false => line.to_owned(),
    };
    let lines: Vec<String> = history.lines().map(earlier).collect();
    fs::write(folder.join("history.jsonl"), lines.join("\n")).unwrap();
    let output = report(&run);
    assert!(output.status.success(), "{}", stderr(&output));
}
