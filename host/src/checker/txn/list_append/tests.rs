use super::super::super::verdict::Explain;
use super::super::super::{Valid, Value};
use super::super::evidence::Evidence;
use super::super::model::Model;
use super::super::scenario::{Line, history};
use super::*;

fn judge(lines: &[Line], model: &str) -> TxnResult {
    check(&history(lines), &model.parse().unwrap())
}

/// The names of the anomalies found under a model.
fn found(lines: &[Line], model: &str) -> String {
    let result = judge(lines, model);
    let names: Vec<_> = result.anomaly_types.iter().map(|anomaly| anomaly.name()).collect();
    names.join(" ")
}

const G0: &[Line] = &[
    (0, 10, 0, "ok", "append 1 1; append 2 1"),
    (1, 11, 1, "ok", "append 1 2; append 2 2"),
    (2, 12, 2, "ok", "r 1 [1,2]; r 2 [2,1]"),
];
const G1A: &[Line] =
    &[(0, 10, 0, "fail", "append 1 1"), (1, 11, 1, "ok", "r 1 [1]; append 2 1"), (2, 12, 2, "ok", "r 2 [1]")];
const G1B: &[Line] = &[(0, 10, 0, "ok", "append 1 1; append 1 2"), (1, 11, 1, "ok", "r 1 [1]")];
const G1C: &[Line] = &[(0, 10, 0, "ok", "append 1 1; r 2 [1]"), (1, 11, 1, "ok", "append 2 1; r 1 [1]")];
const G_SINGLE: &[Line] =
    &[(0, 10, 0, "ok", "append 1 1; append 2 1"), (1, 11, 1, "ok", "r 1 null; r 2 [1]")];
const LONG_FORK: &[Line] = &[
    (0, 10, 0, "ok", "append 1 1"),
    (1, 11, 1, "ok", "append 2 1"),
    (2, 12, 2, "ok", "r 1 [1]; r 2 null"),
    (3, 13, 3, "ok", "r 1 []; r 2 [1]"),
];
const WRITE_SKEW: &[Line] =
    &[(0, 10, 0, "ok", "r 1 null; append 2 1"), (1, 11, 1, "ok", "r 2 null; append 1 1")];
const INTERNAL: &[Line] = &[(0, 10, 0, "ok", "append 1 1"), (1, 11, 1, "ok", "append 1 2; r 1 [1]")];
const FUTURE_READ: &[Line] =
    &[(0, 10, 0, "ok", "append 2 1"), (1, 11, 1, "ok", "r 2 [1]; r 1 [1]; append 1 1")];
const DUPLICATE: &[Line] = &[(0, 10, 0, "ok", "append 1 1"), (1, 11, 1, "ok", "r 1 [1,1]")];
const INCOMPATIBLE: &[Line] = &[
    (0, 10, 0, "ok", "append 1 1"),
    (1, 11, 1, "ok", "append 1 2"),
    (2, 12, 2, "ok", "r 1 [1]"),
    (3, 13, 3, "ok", "r 1 [2,1]"),
];
const LOST_UPDATE: &[Line] = &[
    (0, 10, 0, "ok", "r 1 null; append 1 1"),
    (1, 11, 1, "ok", "r 1 null; append 1 2"),
    (2, 12, 2, "ok", "r 2 null"),
    (3, 13, 3, "ok", "append 2 1"),
];
const DIRTY_UPDATE: &[Line] =
    &[(0, 10, 0, "fail", "append 1 1"), (1, 11, 1, "ok", "append 1 2"), (2, 12, 2, "ok", "r 1 [1,2]")];

#[test]
fn every_data_cycle_is_named_by_its_class() {
    assert_eq!(found(G0, "serializable"), "G0");
    assert_eq!(found(G1C, "serializable"), "G1c");
    assert_eq!(found(G_SINGLE, "serializable"), "G-single-item");
    assert_eq!(found(LONG_FORK, "serializable"), "G-nonadjacent-item");
    assert_eq!(found(WRITE_SKEW, "serializable"), "G2-item");
}

#[test]
fn dirty_reads_and_updates_are_found() {
    assert_eq!(found(G1A, "serializable"), "G1a");
    assert_eq!(found(G1B, "read-committed"), "G1b");
    assert_eq!(
        found(G1B, "serializable"),
        "G-single-item G1b",
        "what was read was overwritten by its own writer"
    );
    assert_eq!(found(DIRTY_UPDATE, "serializable"), "G1a dirty-update");
}

#[test]
fn contradictions_within_one_transaction_are_found() {
    assert_eq!(found(INTERNAL, "serializable"), "internal");
    assert_eq!(found(FUTURE_READ, "serializable"), "future-read");
    assert_eq!(found(DUPLICATE, "serializable"), "duplicate-elements");
}

#[test]
fn reads_of_one_key_must_continue_each_other() {
    assert_eq!(found(INCOMPATIBLE, "serializable"), "incompatible-order");
}

#[test]
fn updates_of_the_same_state_are_lost() {
    assert_eq!(found(LOST_UPDATE, "serializable"), "G2-item lost-update");
}

#[test]
fn a_history_is_valid_exactly_under_the_models_that_permit_what_it_shows() {
    let shown: [(&[Line], Anomaly); 10] = [
        (G0, Anomaly::G0),
        (G1A, Anomaly::G1a),
        (G1B, Anomaly::G1b),
        (G1C, Anomaly::G1c),
        (G_SINGLE, Anomaly::GSingleItem),
        (LONG_FORK, Anomaly::GNonadjacentItem),
        (WRITE_SKEW, Anomaly::G2Item),
        (INTERNAL, Anomaly::Internal),
        (FUTURE_READ, Anomaly::FutureRead),
        (INCOMPATIBLE, Anomaly::IncompatibleOrder),
    ];
    for (lines, anomaly) in shown {
        for &model in Model::ALL {
            let result = judge(lines, model.name());
            let expected = Valid::from(!forbidden_by(&[model]).contains(anomaly));
            assert_eq!(result.valid, expected, "{anomaly} under {model}");
        }
    }
}

/// The same history under a session model if `process` is shared, and under real time if it is not.
fn session_or_realtime(make: impl Fn(u64) -> Vec<Line<'static>>) -> (String, String) {
    let (session, apart) = (make(0), make(9));
    assert_eq!(found(&session, "serializable"), "", "no data dependency may be cyclic");
    assert_eq!(found(&apart, "strong-session-serializable"), "", "nor with sessions, if there is none");
    (found(&session, "strong-session-serializable"), found(&apart, "strict-serializable"))
}

#[test]
fn writes_against_the_order_of_sessions_or_time_are_g0() {
    let (session, realtime) = session_or_realtime(|process| {
        vec![(0, 1, 0, "ok", "append 1 2"), (2, 3, process, "ok", "append 1 1"), (4, 5, 5, "ok", "r 1 [1,2]")]
    });
    assert_eq!((session.as_str(), realtime.as_str()), ("G0-process", "G0-realtime"));
}

#[test]
fn reading_what_is_written_only_later_is_g1c() {
    let (session, realtime) =
        session_or_realtime(|process| vec![(0, 1, 0, "ok", "r 1 [1]"), (2, 3, process, "ok", "append 1 1")]);
    assert_eq!((session.as_str(), realtime.as_str()), ("G1c-process", "G1c-realtime"));
}

#[test]
fn a_stale_read_is_g_single() {
    let (session, realtime) =
        session_or_realtime(|process| vec![(0, 1, 0, "ok", "append 1 1"), (2, 3, process, "ok", "r 1 null")]);
    assert_eq!((session.as_str(), realtime.as_str()), ("G-single-item-process", "G-single-item-realtime"));
}

#[test]
fn two_writers_that_do_not_see_each_other_later_are_g_nonadjacent() {
    let lines: &[Line] = &[
        (0, 10, 0, "ok", "append 1 1"),
        (1, 11, 1, "ok", "append 2 1"),
        (12, 20, 0, "ok", "r 2 null"),
        (13, 21, 1, "ok", "r 1 null"),
    ];
    assert_eq!(found(lines, "serializable"), "");
    assert_eq!(found(lines, "strong-session-serializable"), "G-nonadjacent-item-process");
    // With real time each of these reads is stale by itself; a cycle that needs both takes writers that go on longer.
    let lines: &[Line] = &[
        (0, 20, 0, "ok", "r 1 null; r 2 [1]"),
        (1, 21, 1, "ok", "append 1 1"),
        (2, 22, 2, "ok", "append 2 1"),
        (3, 4, 3, "ok", "r 1 [1]"),
        (5, 6, 4, "ok", "r 2 null"),
    ];
    assert_eq!(found(lines, "strong-session-serializable"), "");
    assert_eq!(found(lines, "strict-serializable"), "G-nonadjacent-item-realtime");
}

#[test]
fn write_skew_across_sessions_or_time_is_g2() {
    let (session, realtime) = session_or_realtime(|process| {
        vec![
            (0, 20, 4, "ok", "r 1 null; append 2 1"),
            (1, 2, 0, "ok", "append 1 1"),
            (3, 4, process, "ok", "r 2 null"),
        ]
    });
    assert_eq!((session.as_str(), realtime.as_str()), ("G2-item-process", "G2-item-realtime"));
}

#[test]
fn a_history_without_dependencies_proves_nothing() {
    let lines: &[Line] = &[(0, 10, 0, "ok", "append 1 1"), (1, 11, 1, "ok", "append 1 2")];
    let result = judge(lines, "strict-serializable");
    assert_eq!(
        (result.valid, found(lines, "strict-serializable").as_str()),
        (Valid::Unknown, "empty-transaction-graph")
    );
    assert_eq!(judge(&[], "read-committed").valid, Valid::Unknown);
}

#[test]
fn crashed_appends_may_be_seen_or_not() {
    let seen: &[Line] = &[(0, 10, 0, "info", "append 1 1"), (11, 12, 1, "ok", "r 1 [1]")];
    let unseen: &[Line] = &[(0, 10, 0, "info", "append 1 1"), (11, 12, 1, "ok", "r 1 null")];
    assert_eq!(judge(seen, "strict-serializable").valid, Valid::True);
    assert_eq!(judge(unseen, "strict-serializable").valid, Valid::True);
}

#[test]
fn reading_what_nobody_appended_is_invalid_under_every_model() {
    let lines: &[Line] = &[(0, 1, 0, "ok", "append 1 1"), (2, 3, 1, "ok", "r 1 [9,1]")];
    for model in ["read-uncommitted", "strict-serializable"] {
        let result = judge(lines, model);
        assert_eq!((result.valid, found(lines, model).as_str()), (Valid::False, "unwritten-read"));
        let text =
            "unwritten-read: operation 3 (process 1, 0.003 s) read 9 of key 1, which nobody tried to append";
        assert_eq!(result.violations()[0].text, text);
        assert!(result.unjudged().is_empty() && result.error.is_none());
    }
}

#[test]
fn an_append_that_never_ended_may_be_seen_and_then_nothing_is_proved() {
    let mut ops =
        super::super::scenario::history(&[(0, 1, 0, "ok", "append 1 1"), (2, 3, 1, "ok", "r 1 [1,9]")])
            .ops()
            .to_vec();
    ops.insert(
        0,
        Op::from_value(
            Value::from_json(r#"{"type":"invoke","process":7,"f":"txn","value":[["append",1,9]]}"#).unwrap(),
            0,
        )
        .unwrap(),
    );
    let result = check(&History::new(ops).unwrap(), &Options::default());
    assert_eq!(result.valid, Valid::Unknown);
    let error = result.error.unwrap().to_string();
    assert_eq!(error, "operation 4: shows 9 in key 1, which no completed operation appended");
}

#[test]
fn anomalies_count_beside_what_cannot_be_judged() {
    let twice: &[Line] = &[(0, 1, 0, "ok", "append 1 1"), (2, 3, 1, "ok", "append 1 1")];
    let aborted: &[Line] = &[(4, 5, 2, "fail", "append 2 1"), (6, 7, 3, "ok", "r 2 [1]; r 1 [1,1]")];
    let result = judge(&[twice, aborted].concat(), "serializable");
    assert_eq!((result.valid, result.anomaly_types.as_slice()), (Valid::False, &[Anomaly::G1a][..]));
    assert_eq!((result.violations().len(), result.unjudged().len()), (1, 1));
    assert!(result.unjudged()[0].text.contains("appends 1 to key 1, as operation 0 does"));
    let malformed: &[Line] = &[(8, 9, 4, "ok", "r 1 7")];
    let result = judge(&[&twice[..1], aborted, malformed].concat(), "serializable");
    assert_eq!((result.valid, result.violations().len()), (Valid::False, 2));
    assert!(result.unjudged()[0].text.contains("a read must show a list or null, not 7"));
}

#[test]
fn real_time_needs_a_completion_that_follows() {
    let valid = |lines: &[&str]| {
        let op = |(at, line): (usize, &&str)| {
            let (process, kind) = line.split_once(' ').unwrap();
            let txn = if process == "0" { r#"[["append",1,1]]"# } else { r#"[["r",2,null]]"# };
            let record = format!(r#"{{"type":"{kind}","process":{process},"f":"txn","value":{txn}}}"#);
            Op::from_value(Value::from_json(&record).unwrap(), at).unwrap()
        };
        check(&History::new(lines.iter().enumerate().map(op).collect()).unwrap(), &Options::default()).valid
    };
    let alone = ["0 invoke", "0 ok"];
    assert_eq!(valid(&alone), Valid::Unknown);
    assert_eq!(valid(&[&alone[..], &["1 invoke"]].concat()), Valid::Unknown);
    for completion in ["1 ok", "1 fail", "1 info"] {
        assert_eq!(valid(&[&alone[..], &["1 invoke", completion]].concat()), Valid::True, "{completion}");
    }
}

#[test]
fn the_same_append_twice_cannot_be_judged() {
    let result = judge(&[(0, 1, 0, "ok", "append 1 1"), (2, 3, 1, "ok", "append 1 1")], "serializable");
    let error = result.error.unwrap().to_string();
    assert_eq!(error, "operation 2: appends 1 to key 1, as operation 0 does");
}

#[test]
fn malformed_transactions_are_refused_with_their_place() {
    let error_of = |value: &str| {
        let record = |kind: &str| format!(r#"{{"type":"{kind}","process":0,"f":"txn","value":{value}}}"#);
        let op =
            |(position, kind)| Op::from_value(Value::from_json(&record(kind)).unwrap(), position).unwrap();
        let history = History::new([(0, "invoke"), (1, "ok")].map(op).into()).unwrap();
        check(&history, &Options::default()).error.unwrap().to_string()
    };
    assert_eq!(error_of("7"), "operation 1: a transaction must be a list of micro-operations, not 7");
    assert_eq!(
        error_of("[[1,2]]"),
        "operation 1: a micro-operation must be [function, key, value], not [1,2]"
    );
    assert_eq!(
        error_of(r#"[["w",1,2]]"#),
        r#"operation 1: a micro-operation must be "r" or "append", not "w""#
    );
    assert_eq!(error_of(r#"[["r",1,2]]"#), "operation 1: a read must show a list or null, not 2");
}

use super::super::super::Op;

#[test]
fn a_cycle_is_proved_in_words() {
    let result = judge(G_SINGLE, "serializable");
    let [Evidence::Cycle(cycle)] = &result.anomalies[&Anomaly::GSingleItem][..] else { panic!("one cycle") };
    assert_eq!(
        cycle.explanation,
        r#"Let:
  T1 = {index 3, time 0.011 s, process 1, ok, value [["r",1,null],["r",2,[1]]]}
  T2 = {index 2, time 0.010 s, process 0, ok, value [["append",1,1],["append",2,1]]}

Then:
  - T1 < T2, because T1 observed the initial state of key 1, to which T2 appended 1.
  - However, T2 < T1, because T1 observed T2's append of 1 to key 2: a contradiction!"#
    );
    assert_eq!(
        result.violations()[0].text,
        "G-single-item: no order fits operation 3 (process 1, 0.011 s), operation 2 (process 0, 0.010 s): operation 3 \
         observed the initial state of key 1, to which operation 2 appended 1; operation 3 observed operation 2's \
         append of 1 to key 2"
    );
}

#[test]
fn a_cycle_can_be_drawn() {
    let result = judge(G_SINGLE, "serializable");
    let cycle = serde_json::to_value(&result.anomalies[&Anomaly::GSingleItem][0]).unwrap();
    assert_eq!(cycle["cycle"], serde_json::json!([3, 2]));
    let rw = serde_json::json!({"type": "rw", "key": 1, "value": null, "value'": 1, "a-mop-index": 0, "b-mop-index": 0});
    let wr = serde_json::json!({"type": "wr", "key": 2, "value": 1, "a-mop-index": 1, "b-mop-index": 1});
    assert_eq!(cycle["steps"], serde_json::json!([rw, wr]));
}

#[test]
fn sessions_and_time_are_explained_by_the_clock() {
    let stale: &[Line] = &[(0, 1, 0, "ok", "append 1 1"), (251, 300, 0, "ok", "r 1 null")];
    let explanation = |model: &str, anomaly| {
        let result = judge(stale, model);
        let [Evidence::Cycle(cycle)] = &result.anomalies[&anomaly][..] else { panic!("one cycle") };
        cycle.explanation.lines().last().unwrap().to_owned()
    };
    assert_eq!(
        explanation("strong-session-serializable", Anomaly::GSingleItemProcess),
        "  - However, T2 < T1, because process 0 executed T2 before T1: a contradiction!"
    );
    assert_eq!(
        explanation("strict-serializable", Anomaly::GSingleItemRealtime),
        "  - However, T2 < T1, because T2 completed at index 1, 0.250 s before the invocation of T1, at index 2: a \
         contradiction!"
    );
}

#[test]
fn other_anomalies_name_operation_process_and_time() {
    let text = |lines: &[Line], anomaly| judge(lines, "serializable").anomalies[&anomaly][0].sentence();
    assert_eq!(
        text(G1A, Anomaly::G1a),
        "operation 4 (process 1, 0.011 s) read 1 of key 1, written by operation 3 (process 0, 0.010 s), which has failed"
    );
    assert_eq!(
        text(LOST_UPDATE, Anomaly::LostUpdate),
        "operation 4 (process 0, 0.010 s), operation 5 (process 1, 0.011 s) each read key 1 as null and then wrote it"
    );
    assert_eq!(
        text(DUPLICATE, Anomaly::DuplicateElements),
        "operation 3 (process 1, 0.011 s) read key 1 and found 1 2 times"
    );
}
