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
        ("", &["-", "-w", "g-set"]),
        (" \n\n", &["-", "-w", "g-set"]),
        ("; nothing\n", &["-", "-w", "g-set"]),
        ("[]", &["-", "-w", "g-set"]),
        ("{:type :invoke, :f :add, :process 0, :value 08}", &["-", "-w", "g-set"]),
        ("{:type :invoke, :f :add, :process 0, :value 1/2}", &["-", "-w", "g-set"]),
        ("{:type :invoke, :f :add, :process 0, :value ^{:a 1} [1]}", &["-", "-w", "g-set"]),
        ("[{\"type\":\"invoke\",\"process\":0,\"f\":\"add\",\"value\":1}", &["-", "-w", "g-set"]),
        ("{\"id\":\"x\",\"history\":[]}\n", &["-"]),
    ] {
        let (status, stdout, stderr) = told(&check(words, input.as_bytes()));
        assert_eq!((status, stdout.as_str(), stderr.lines().count()), (255, "", 1), "{input:?}: {stderr}");
    }
    let (status, _, stderr) = told(&check(&["-", "-w", "nonsense"], b""));
    assert!(status == 254 && stderr.contains("unknown workload nonsense"), "{stderr}");
}

fn judged(words: &[&str], input: &str) -> (i32, String) {
    let (status, stdout, stderr) = told(&check(words, input.as_bytes()));
    assert_eq!(stderr, "", "{input}");
    (status, stdout)
}

/// An operation and its completion, by process 0.
fn pair(f: &str, asked: &str, done: &str) -> String {
    let line = |kind: &str, value: &str| format!("{{:type :{kind}, :process 0, :f :{f}, :value {value}}}\n");
    line("invoke", asked) + &line("ok", done)
}

#[test]
fn what_is_proven_makes_a_history_invalid_whatever_cannot_be_judged() {
    let kafka = [
        pair("send", r#"[[:send "1" 1]]"#, r#"[[:send "1" [0 1]]]"#),
        pair("send", r#"[[:send "1" 2]]"#, r#"[[:send "1" [1 2]]]"#),
        pair("poll", "[[:poll]]", r#"[[:poll {"1" [[1 2]] "2" []}]]"#),
    ];
    let ids = [("1", "1"), ("\"a\"", "\"a\"")]
        .map(|(id, again)| pair("generate", "nil", id) + &pair("generate", "nil", again));
    let set = pair("add", "1", "1") + &pair("read", "nil", "[]") + &pair("read", "nil", "7");
    let lists = pair("txn", "[[:append :x 1]]", "[[:append :x 1]]")
        + &pair("txn", "[[:r :x nil]]", "[[:r :x [2 1]]]");
    let unjudged = "could not be judged: ";
    for (workload, input, violation, beside) in [
        ("kafka", kafka.concat(), "  lost-write: no poll returned message 1", true),
        ("unique-ids", ids.concat(), "  id 1 was handed out 2 times", true),
        ("g-set", set, "  element 1, acknowledged", true),
        (
            "txn-list-append",
            lists,
            "  unwritten-read: operation 3 (process 0, 0.000 s) read 2 of key :x",
            false,
        ),
    ] {
        let (status, stdout) = judged(&["-", "-w", workload], &input);
        assert_eq!(status, 1, "{stdout}");
        assert!(stdout.starts_with(&format!("{workload}: INVALID\n{violation}")), "{stdout}");
        assert_eq!(stdout.contains(unjudged), beside, "{stdout}");
        let (_, json) = judged(&["-", "-w", workload, "--json"], &input);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["valid?"], json["unjudged"].is_array()), (&false.into(), beside));
    }
}

#[test]
fn strictness_makes_suspicions_violations() {
    let unwritten = pair("txn", "[[:w 1 8]]", "[[:w 1 8]]") + &pair("txn", "[[:r 1 nil]]", "[[:r 1 9]]");
    let unread = pair("add", "1", "1");
    let phantom = pair("add", "1", "1") + &pair("read", "nil", "[1 2]");
    for (workload, input, warning) in [
        ("txn-rw-register", unwritten, "read 9 from key 1, which nobody tried to write"),
        ("g-counter", unread, "no final read succeeded, so nothing was judged"),
        ("g-set", phantom, "element 2 that nobody ever tried to add"),
    ] {
        let (status, stdout) = judged(&["-", "-w", workload], &input);
        assert!(status == 0 && stdout.starts_with(&format!("{workload}: valid\n  warning: ")), "{stdout}");
        assert!(stdout.contains(warning), "{stdout}");
        let (status, stdout) = judged(&["-", "-w", workload, "--strict"], &input);
        assert!(status == 1 && stdout.contains("INVALID") && !stdout.contains("warning"), "{stdout}");
        assert!(stdout.contains(warning), "{stdout}");
    }
}

#[test]
fn what_other_tools_write_is_read() {
    let edn = "
        {:index 0 :type :invoke :value [[:append 5 1] [:append 5 3]]}
        {:index 1 :type :ok :value [[:append 5 1] [:append 5 3]]} ; done
        {:index 2 :type :invoke :value [[:append 6 8] [:r 5 nil]]} {:index 3 :type :ok :value [[:append 6 8] [:r 5 [1 3]]]}";
    let json = r#"[{"type": "invoke", "f": "txn", "process": 0, "value": [["append", "k", 0]], "time": 1},
        {"type": "ok", "f": "txn", "process": 0, "value": [["append", "k", 0]], "time": 2},
        {"type": "invoke", "f": "txn", "process": 0, "value": [["r", "k", null]], "time": 3.0},
        {"type": "ok", "f": "txn", "process": 0, "value": [["r", "k", [0]]], "time": 4.0}]"#;
    let inputs = [
        edn.to_owned(),
        format!("[{edn}\n]"),
        format!("\u{feff}({edn}\n)"),
        edn.replace('\n', "\r\n"),
        json.to_owned(),
    ];
    for input in inputs {
        assert_eq!(judged(&["-", "-w", "txn-list-append"], &input).0, 0, "{input}");
    }
}

#[test]
fn messages_speak_of_the_format_and_the_place() {
    for (input, message) in [
        (
            "[{:type :invoke, :process 0, :f :add,\n  :value 1/2}]",
            "line 2, column 10: in this EDN, a ratio is not read",
        ),
        (
            "[{\"type\": \"invoke\",\n\"process\": 0, \"f\": nil}]",
            "line 2, column 20: in this JSON, this does not begin",
        ),
        ("{:type :ok, :process 0, :f :add, :value 1}", "line 1, column 1: operation 0: a completion, but"),
    ] {
        let (status, _, stderr) = told(&check(&["-", "-w", "g-set"], input.as_bytes()));
        assert!(status == 255 && stderr.contains(message), "{stderr}");
    }
}

#[test]
fn no_message_quotes_a_long_value_whole() {
    let long = "x".repeat(3_000_000);
    let ids = pair("generate", "nil", &format!("\"{long}\"")).repeat(2);
    let (status, stdout) = judged(&["-", "-w", "unique-ids"], &ids);
    assert!(
        status == 1 && stdout.len() < 2_000 && stdout.contains("(3000002 bytes)"),
        "{} bytes",
        stdout.len()
    );
    let (status, _, stderr) = told(&check(
        &["-", "-w", "g-set"],
        format!("{{:type :ok :process 0 :f :add :value {}}}", "7".repeat(1_000_000)).as_bytes(),
    ));
    assert!(status == 255 && stderr.len() < 300 && stderr.contains("1000000 digits"), "{stderr}");
}

#[test]
fn a_kafka_poll_may_list_nothing_as_nil_and_come_before_a_failure() {
    let polls = pair("poll", "[[:poll]]", r#"[[:poll {"1" nil}]]"#)
        + &pair("send", r#"[[:send "1" 1]]"#, r#"[[:send "1" [0 1]]]"#)
        + &pair("poll", "[[:poll]]", r#"[[:poll {"1" [[0 1]]}]]"#);
    assert_eq!(judged(&["-", "-w", "kafka"], &polls).0, 0);
    let failed = pair("poll", "[[:poll]]", "[[:poll {}]]")
        + &pair("poll", "[[:poll]]", "[[:poll]]").replace(":ok", ":fail");
    assert_eq!(judged(&["-", "-w", "kafka"], &(pair("poll", "[[:poll]]", "[[:poll {}]]") + &failed)).0, 0);
}

#[test]
fn a_history_of_completions_alone_is_judged_without_an_order_of_time_that_nobody_knows() {
    const ELLES: &str = "[{:process 0, :type :ok, :value [[:append :x 1] [:r :y [1]]]}
        {:process 1, :type :ok, :value [[:append :x 2] [:append :y 1]]}
        {:process 2, :type :ok, :value [[:r :x [1 2]]]}]";
    let (status, told) = judged(&["-", "-w", "txn-list-append"], ELLES);
    assert!(status == 1 && told.contains("G1c"), "{told}");
    // The second comes later in the file, and may have come first: only one process has an order.
    let stale = "{:process 0 :type :ok :value [[:append :x 1]]} {:process 1 :type :ok :value [[:r :x nil]]}
        {:process 2 :type :ok :value [[:r :x [1]]]}";
    assert_eq!(judged(&["-", "-w", "txn-list-append"], stale).0, 0);
    let of_one = stale.replace(":process 1", ":process 0");
    assert_eq!(judged(&["-", "-w", "txn-list-append"], &of_one).0, 1);
    let unnamed = stale.replace(":process 0 ", "").replace(":process 1 ", "").replace(":process 2 ", "");
    assert_eq!(judged(&["-", "-w", "txn-list-append"], &unnamed).0, 0);
}

#[test]
fn a_history_of_another_workload_is_not_silently_valid() {
    let input = pair("zap", "nil", "1");
    let (status, told) = judged(&["-", "-w", "unique-ids"], &input);
    assert!(status == 0 && told.contains("warning: nothing was judged: the history has none of this workload's operations (`generate`), but `zap`"), "{told}");
    assert_eq!(judged(&["-", "-w", "unique-ids", "--strict"], &input).0, 1);
}
