//! `host check`: histories made elsewhere.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn check(words: &[&str], input: &[u8]) -> Output {
    let mut host = Command::new(env!("CARGO_BIN_EXE_host"))
        .arg("check")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A host that does not like its arguments does not read its input.
    let _ = host.stdin.take().unwrap().write_all(input);
    host.wait_with_output().unwrap()
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

const EDN: &str = "{:type :invoke, :f :add, :value 1, :time 1, :process 0, :index 0}
{:type :ok, :f :add, :value 1, :time 2, :process 0, :index 1}
{:type :info, :f :start-partition, :value nil, :time 3, :process :nemesis, :index 2}
{:type :invoke, :f :read, :value nil, :time 4, :process 1, :index 3}
{:type :ok, :f :read, :value [], :time 5, :process 1, :index 4}
";

#[test]
fn jepsen_s_own_history_is_judged() {
    let (status, stdout, stderr) = told(&check(&["-", "-w", "g-set"], EDN.as_bytes()));
    assert_eq!(status, 1, "{stderr}");
    assert!(stdout.starts_with("g-set: INVALID\n  element 1, "), "{stdout}");
    let good = EDN.replace("[]", "[1]");
    assert_eq!(told(&check(&["-", "-w", "g-set"], good.as_bytes())).0, 0);
}

#[test]
fn our_own_history_is_judged_as_it_was() {
    let run = super::support::test("-w broadcast --plugin broadcast --time-limit 5 --seed 1");
    let history = run.file("history.jsonl");
    let (status, stdout, _) = told(&check(&["-", "-w", "broadcast", "--json"], history.as_bytes()));
    let judged: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, &judged["result"]), (0, &run.results()["workload"]));
}

#[test]
fn many_histories_in_one_compressed_file_are_judged_one_by_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/g-counter.jsonl.gz");
    let (status, stdout, stderr) = told(&check(&[file.to_str().unwrap()], b""));
    assert_eq!((status, stderr.as_str()), (1, ""));
    assert_eq!(stdout.lines().filter(|line| line.contains("g-counter: ")).count(), 32);
}

#[test]
fn the_model_decides_what_is_an_anomaly() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/txn-list-append.jsonl.gz");
    let invalid = |models: &str| {
        let (_, stdout, _) = told(&check(&[file.to_str().unwrap(), "--consistency-models", models], b""));
        stdout.lines().filter(|line| line.ends_with("INVALID")).count()
    };
    assert!(invalid("read-uncommitted") < invalid("serializable"));
    assert!(invalid("serializable") < invalid("read-committed,strict-serializable"));
}

#[test]
fn damaged_input_is_one_line_with_its_position() {
    for (input, words) in [
        ("{:type :invoke, :f :add", &["-", "-w", "g-set"][..]),
        ("{\"type\":\"ok\",\"process\":0,\"f\":\"add\"}\n", &["-", "-w", "g-set"]),
        ("\u{1f}\u{8b}", &["-", "-w", "g-set"]),
        ("hello", &["-", "-w", "g-set"]),
        ("{\"id\":\"x\",\"history\":[]}\n", &["-"]),
    ] {
        let (status, stdout, stderr) = told(&check(words, input.as_bytes()));
        assert_eq!((status, stdout.as_str(), stderr.lines().count()), (255, "", 1), "{input:?}: {stderr}");
    }
    let (status, _, stderr) = told(&check(&["-", "-w", "nonsense"], b""));
    assert!(status == 254 && stderr.contains("unknown workload nonsense"), "{stderr}");
}
