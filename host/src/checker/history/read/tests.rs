//! Every arrangement in which a history may come, and damage with its place.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::super::{Kind, Process};
use super::*;

const RECORDS: &str = concat!(
    r#"{"id":"a","workload":"echo","options":{"concurrency":2},"history":["#,
    r#"{"index":0,"time":5,"type":"invoke","process":0,"f":"read","value":null},"#,
    r#"{"index":1,"time":6,"type":"ok","process":0,"f":"read","value":[1],"final":true}"#,
    r#"],"expect":{"valid":true}}"#,
    "\n\n",
    r#"{"id":"b","history":[]}"#,
    "\n"
);

const JSON_LINES: &str = concat!(
    r#"{"index":0,"time":5,"type":"invoke","process":0,"f":"read","value":null}"#,
    "\n",
    r#"{"index":1,"time":6,"type":"info","process":"nemesis","f":"start-partition","value":{"n1":["n2"]}}"#,
    "\n",
    r#"{"index":2,"time":7,"type":"ok","process":0,"f":"read","value":[1],"final?":true}"#,
);

const EDN_LINES: &str = concat!(
    "{:type :invoke, :f :read, :value nil, :time 5, :process 0, :index 0}\n",
    "{:type :info, :f :start-partition, :value {\"n1\" #{\"n2\"}}, :time 6, :process :nemesis, :index 1}\n",
    "#jepsen.history.Op{:index 2, :time 7, :type :ok, :process 0, :f :read, :value [1], :final? true}\n",
);

fn read(bytes: &[u8]) -> Result<Vec<Recorded>, String> {
    read_histories(bytes).collect::<Result<_, _>>().map_err(|error: ReadError| error.to_string())
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn records_of_judged_histories_are_read_one_a_line() {
    let recorded = read(RECORDS.as_bytes()).unwrap();
    let [a, b] = &recorded[..] else { panic!("two histories, not {}", recorded.len()) };
    assert_eq!((a.id.as_deref(), a.workload.as_deref()), (Some("a"), Some("echo")));
    assert_eq!(a.options.get("concurrency"), Some(&Value::Int(2)));
    assert_eq!(a.expect.as_ref().unwrap().get("valid"), Some(&Value::Bool(true)));
    let completion = a.history.completion_of(0).unwrap();
    assert_eq!((completion.kind, completion.time_ns, completion.is_final), (Kind::Ok, 6, true));
    assert!(b.history.ops().is_empty() && b.expect.is_none());
}

#[test]
fn operations_are_the_same_in_json_and_in_edn() {
    let json = read(JSON_LINES.as_bytes()).unwrap();
    let edn = read(EDN_LINES.as_bytes()).unwrap();
    assert_eq!((json.len(), json[0].history.ops().len()), (1, 3));
    assert_eq!(json[0].history.ops()[1].process, Process::Nemesis);
    assert_eq!(json[0].history.ops(), edn[0].history.ops());
}

#[test]
fn a_history_written_is_the_history_read() {
    let history = &read(JSON_LINES.as_bytes()).unwrap()[0].history;
    let lines: Vec<String> = history.ops().iter().map(|op| serde_json::to_string(op).unwrap()).collect();
    assert_eq!(lines.join("\n"), JSON_LINES);
}

#[test]
fn compressed_files_are_read_alike() {
    let two_members = [gzipped(RECORDS), gzipped(r#"{"id":"c","history":[]}"#)].concat();
    assert_eq!(read(&two_members).unwrap().len(), 3);
}

#[test]
fn an_input_without_operations_holds_no_history() {
    for nothing in ["", " \n", "\u{feff}", "; nothing\n", "#_{:type :ok}", "[]", " ( ; none\n)", ",\n,"] {
        assert!(read(nothing.as_bytes()).unwrap().is_empty(), "{nothing:?}");
    }
    assert_eq!(read(&gzipped("")).unwrap().len(), 0);
}

fn ops(text: &str) -> Vec<Op> {
    let recorded = read(text.as_bytes()).unwrap_or_else(|error| panic!("{error} in {text}"));
    assert_eq!(recorded.len(), 1, "{text}");
    recorded[0].history.ops().to_vec()
}

#[test]
fn operations_may_stand_in_any_arrangement() {
    let json: Vec<&str> = JSON_LINES.lines().collect();
    let edn: Vec<&str> = EDN_LINES.lines().collect();
    let expected = ops(JSON_LINES);
    for text in [
        json.concat(),
        json.join(" \r\n\r\n"),
        format!("[{}]", json.join(",")),
        format!("\u{feff} [\n{}\n]\n", json.join("\n,\n")).replace(',', ",\n\t"),
        edn.concat(),
        edn.join("\r\n"),
        format!("[{}]", edn.join(" ")),
        format!("\u{feff}; Jepsen\n({})", edn.join("; one\n#_{:type :ok}").replace(", ", "\n ")),
    ] {
        assert_eq!(ops(&text), expected, "{text}");
    }
}

#[test]
fn names_may_be_keywords_or_strings() {
    let text =
        r#"{"type" "invoke" "f" "add" "process" 0 "value" 1} {:type "ok" :f "add" :process 0.0 :value 1}"#;
    let ops = ops(text);
    assert_eq!((ops[0].kind, &*ops[1].f, ops[1].process), (Kind::Invoke, "add", Process::Client(0)));
}

#[test]
fn a_pretty_printed_file_is_read() {
    let values: Vec<serde_json::Value> =
        JSON_LINES.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ops(&serde_json::to_string_pretty(&values).unwrap()), ops(JSON_LINES));
}

const TXNS: &str = "
    {:type :invoke :value [[:append :x 1] [:r :y nil]]}
    {:type :invoke :value [[:r :x nil]]}
    {:type :invoke :value [[:append :x 2]]}
    {:type :ok :value [[:r :x [1]]]}
    {:type :info :value nil}
    {:type :fail :value [[:append :x 2]]}
    {:type :invoke :value []}
    {:type :ok :value []}";

#[test]
fn operations_without_process_and_f_are_told_by_what_they_do() {
    let ops = ops(TXNS);
    assert!(ops.iter().all(|op| op.f == "txn"));
    let processes: Vec<_> = ops.iter().map(|op| op.process.to_string()).collect();
    assert_eq!(processes, ["0", "1", "2", "1", "0", "2", "3", "3"]);
    let error = read(b"{:type :ok :f :add :value 1}").unwrap_err();
    assert!(error.starts_with("line 1, column 1: a completion, but no invocation"), "{error}");
    let late = read(b"{:type :invoke :value []} {:type :ok :value []} {:type :ok :value []}").unwrap_err();
    assert!(late.starts_with("line 1, column 49: a completion, but no invocation"), "{late}");
    let mixed = read(b"{:type :invoke :f :add :value 1 :process 0} {:type :ok :f :add :value 1}");
    let told = "line 1, column 45: `process` must be in every operation or in none";
    assert_eq!(mixed.unwrap_err(), told);
}

#[test]
fn a_completion_without_f_has_that_of_its_invocation() {
    let ops = ops("{:process 4 :type :invoke :value [[:w 1 2]]} {:process :nemesis :type :info :f :kill}
                   {:process 4 :type :info :error :timeout}");
    assert_eq!((&*ops[2].f, ops[1].process), ("txn", Process::Nemesis));
}

#[test]
fn an_operation_may_be_left_out_but_not_moved() {
    let lines: Vec<&str> = JSON_LINES.lines().collect();
    assert!(read([lines[0], lines[2]].join("\n").as_bytes()).is_ok());
    let moved = read([lines[0], lines[2], lines[1]].join("\n").as_bytes());
    assert_eq!(moved.unwrap_err(), "line 3, column 1: index 1 does not come after index 2");
    let by_process = r#"{:process 1 :index 1 :type :invoke :value [[:r x]]} {:process 1 :index 2 :type :ok :value [[:r x nil]]}
        {:process 2 :index 1 :type :invoke :value [[:r x]]} {:process 2 :index 2 :type :ok :value [[:r x nil]]}"#;
    assert_eq!(ops(by_process).iter().map(|op| op.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn damage_is_reported_with_its_line() {
    let reason = |text: &str| read(text.as_bytes()).unwrap_err();
    let first = JSON_LINES.lines().next().unwrap();
    assert_eq!(reason(&format!("\n{first}\n{{\"type\"")), "line 3, column 8: in this JSON, expected `:`");
    let cut = "line 1, column 15: in this EDN, the text ends inside a collection";
    assert_eq!(reason("{:type :invoke"), cut);
    assert_eq!(reason("hello"), "line 1, column 1: neither a JSON nor an EDN history begins like this");
    assert_eq!(reason("[1]"), "line 1, column 2: an operation must be a map");
    assert_eq!(reason("{}"), "line 1, column 1: `type` must be invoke, ok, fail or info");
    assert_eq!(reason(r#"{"history":7}"#), "line 1, column 1: `history` must be a list of operations");
    let nameless = r#"{"history":[{"type":"ok","process":0}]}"#;
    assert_eq!(reason(nameless), "line 1, column 1: operation 0: `f` must name the operation");
    let twice = [first, &first.replace(r#""index":0"#, r#""index":1"#)].join("\n");
    assert_eq!(
        reason(&twice),
        "line 2, column 1: operation 1: its process has not yet completed operation 0"
    );
    assert_eq!(read(b"{\"f\":\"\xff\"}").unwrap_err(), "line 1, column 7: not UTF-8");
    assert_eq!(read(b"\xff\xfe{\0").unwrap_err(), "line 1, column 1: this is UTF-16, not UTF-8");
    let open = "line 1, column 44: the file ends before the `]` around the operations";
    assert_eq!(reason("[{:type :info :process :nemesis :f :kill}; "), open);
    assert_eq!(reason("[] {}"), "line 1, column 4: nothing may follow the list of operations");
    let comma = format!("[{first} {first}]");
    assert!(reason(&comma).ends_with("expected `,` or `]` after an operation"));
    assert!(reason(&format!("[{first},]")).contains("in this JSON, this does not begin a JSON value"));
}

#[test]
fn damaged_compression_is_reported() {
    let whole = gzipped(RECORDS);
    assert_eq!(
        read(&whole[..whole.len() - 9]).unwrap_err(),
        "line 4, column 1: the compressed file ends too early"
    );
    let mut corrupt = whole.clone();
    corrupt[20] ^= 0xff;
    assert!(read(&corrupt).is_err());
}

proptest! {
    #[test]
    fn no_input_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), form in 0..3usize) {
        let beginning = ["", "{\"type\":", "{:type "][form];
        let _either = read(&[beginning.as_bytes(), &bytes].concat());
    }

    #[test]
    fn no_damage_makes_the_reader_panic(form in 0..3usize, place in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = [RECORDS, JSON_LINES, EDN_LINES][form].as_bytes().to_vec();
        *place.get_mut(&mut bytes) = byte;
        let _either = read(&bytes);
    }
}
