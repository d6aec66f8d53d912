use super::super::super::Valid;
use super::super::super::verdict::Explain;
use super::super::evidence::Evidence;
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

#[test]
fn every_data_cycle_is_named_by_its_class() {
    let circular: &[Line] = &[(0, 10, 0, "ok", "r 1 1; w 2 1"), (1, 11, 1, "ok", "r 2 1; w 1 1")];
    assert_eq!(found(circular, "serializable"), "G1c");
    let read_skew: &[Line] = &[(0, 10, 0, "ok", "w 1 1; w 2 1"), (1, 11, 1, "ok", "r 1 null; r 2 1")];
    assert_eq!(found(read_skew, "serializable"), "G-single-item");
    let long_fork: &[Line] = &[
        (0, 10, 0, "ok", "w 1 1"),
        (1, 11, 1, "ok", "w 2 1"),
        (2, 12, 2, "ok", "r 1 1; r 2 null"),
        (3, 13, 3, "ok", "r 1 null; r 2 1"),
    ];
    assert_eq!(found(long_fork, "serializable"), "G-nonadjacent-item");
    let write_skew: &[Line] = &[(0, 10, 0, "ok", "r 1 null; w 2 1"), (1, 11, 1, "ok", "r 2 null; w 1 1")];
    assert_eq!(found(write_skew, "serializable"), "G2-item");
}

#[test]
fn a_cycle_of_writes_is_also_one_of_information() {
    let lines: &[Line] = &[(0, 10, 0, "ok", "r 1 1; w 1 2; w 2 1"), (1, 11, 1, "ok", "w 1 1; r 2 1; w 2 2")];
    assert_eq!(found(lines, "read-committed"), "G1c PL-1-cycle-exists");
    let result = judge(lines, "read-uncommitted");
    assert_eq!((result.valid, result.not), (Valid::False, vec!["read-uncommitted".parse().unwrap()]));
    assert_eq!(
        result.anomalies[&Anomaly::Pl1CycleExists][0].sentence(),
        "operations 2, 3 depend on each other in a cycle of ww edges, which read-uncommitted forbids"
    );
}

#[test]
fn dirty_reads_are_found() {
    let aborted: &[Line] =
        &[(0, 10, 0, "fail", "w 1 1"), (1, 11, 1, "ok", "r 1 1"), (2, 12, 2, "ok", "w 2 1; r 2 1")];
    assert!(found(aborted, "read-committed").contains("G1a"));
    let intermediate: &[Line] = &[(0, 10, 0, "ok", "w 1 1; w 1 2; w 2 1"), (1, 11, 1, "ok", "r 1 1; r 2 1")];
    assert_eq!(found(intermediate, "read-committed"), "G1b");
}

#[test]
fn internal_contradictions_and_lost_updates_are_found() {
    let internal: &[Line] = &[(0, 10, 0, "ok", "w 1 1"), (1, 11, 1, "ok", "r 1 1; w 1 2; r 1 1")];
    assert_eq!(found(internal, "serializable"), "internal");
    let lost: &[Line] =
        &[(0, 10, 0, "ok", "w 1 1"), (1, 11, 1, "ok", "r 1 1; w 1 2"), (2, 12, 2, "ok", "r 1 1; w 1 3")];
    assert_eq!(found(lost, "serializable"), "G2-item lost-update");
}

#[test]
fn a_cyclic_version_order_is_an_anomaly_and_not_relied_on() {
    let lines: &[Line] = &[
        (0, 10, 0, "ok", "r 1 1; w 1 2"),
        (1, 11, 1, "ok", "r 1 2; w 1 1"),
        (2, 12, 2, "ok", "r 2 5; w 2 6"),
        (3, 13, 3, "ok", "r 2 5; w 3 1"),
        (4, 14, 4, "ok", "r 3 null; r 2 6"),
    ];
    let result = judge(lines, "serializable");
    assert_eq!(found(lines, "serializable"), "G1c cyclic-versions");
    assert_eq!(
        result.anomalies[&Anomaly::CyclicVersions][0].sentence(),
        "if writes follow reads in each transaction, the values [1,2] of key 1 each came before the others"
    );
}

#[test]
fn stale_reads_violate_sessions_or_real_time() {
    let own: &[Line] = &[(0, 1, 0, "ok", "w 1 1"), (2, 3, 0, "ok", "r 1 null")];
    assert_eq!(found(own, "serializable"), "");
    assert_eq!(found(own, "strong-session-serializable"), "G-single-item-process");
    let other: &[Line] = &[(0, 1, 0, "ok", "w 1 1"), (2, 3, 1, "ok", "r 1 null")];
    assert_eq!(found(other, "strong-session-serializable"), "");
    assert_eq!(found(other, "strict-serializable"), "G-single-item-realtime");
}

#[test]
fn blind_writes_alone_are_invalid_as_maelstrom_has_it() {
    let lines: &[Line] = &[(0, 1, 0, "ok", "w 1 1"), (2, 3, 1, "ok", "w 1 2")];
    assert_eq!(judge(lines, "read-committed").valid, Valid::False);
    assert_eq!(found(lines, "read-committed"), "empty-transaction-graph");
    assert_eq!(judge(lines, "strict-serializable").valid, Valid::True);
}

#[test]
fn a_store_that_forgets_everything_is_judged_without_listing_all_pairs() {
    let steps = ["r 1 null", "w 1 {}", "r 1 null; w 1 {}"];
    let micro_ops: Vec<String> =
        (0..3000).map(|number| steps[number % 3].replace("{}", &number.to_string())).collect();
    let lines =
        (0..).zip(&micro_ops).map(|(number, steps)| (number, 10_000 + number, number, "ok", steps.as_str()));
    let lines: Vec<Line> = lines.collect();
    assert_eq!(found(&lines, "serializable"), "G2-item lost-update");
    assert_eq!(found(&lines[..2], "serializable"), "");
}

#[test]
fn an_ambiguous_read_cannot_be_judged() {
    let lines: &[Line] = &[(0, 1, 0, "ok", "w 1 1"), (2, 3, 1, "ok", "w 1 1"), (4, 5, 2, "ok", "r 1 1")];
    let result = judge(lines, "read-committed");
    assert_eq!(result.valid, Valid::Unknown);
    let error = result.error.unwrap().to_string();
    assert_eq!(error, "operation 3: writes 1 to key 1, as operation 1 does, so a read of it is ambiguous");
    assert_eq!(judge(&lines[..2], "strict-serializable").valid, Valid::True);
    let aborted: &[Line] = &[(6, 7, 3, "fail", "w 2 1"), (8, 9, 4, "ok", "r 2 1")];
    let beside = judge(&[lines, aborted].concat(), "read-committed");
    assert_eq!((beside.valid, beside.violations().len(), beside.unjudged().len()), (Valid::False, 1, 1));
    assert!(beside.violations()[0].text.starts_with("G1a: "));
}

#[test]
fn a_read_of_what_nobody_wrote_is_a_warning_that_counts_when_strict() {
    let lines: &[Line] =
        &[(0, 1, 0, "ok", "w 1 8"), (2, 3, 0, "ok", "r 1 9"), (4, 5, 0, "ok", "r 1 9; r 2 0")];
    let result = judge(lines, "strict-serializable");
    assert_eq!(result.valid, Valid::True);
    let texts: Vec<_> = result.warnings().iter().map(|warning| warning.text.as_str()).collect();
    let expected = [
        "operation 3 (process 0, 0.003 s) read 9 from key 1, which nobody tried to write",
        "operation 5 (process 0, 0.005 s) read 0 from key 2, which nobody tried to write",
    ];
    assert_eq!(texts, expected);
    assert!(result.warnings().iter().all(|warning| warning.is_strict));
    for outcome in ["ok", "fail", "info"] {
        let written: &[Line] = &[(0, 1, 0, outcome, "w 1 9"), (2, 3, 1, "ok", "r 1 9")];
        assert_eq!(judge(written, "read-uncommitted").warnings(), []);
    }
}

#[test]
fn a_cycle_is_proved_in_words() {
    let lines: &[Line] = &[
        (0, 10, 0, "ok", "w 1 1"),
        (1, 11, 1, "ok", "r 1 1; w 1 2; w 2 1"),
        (2, 12, 2, "ok", "r 2 1; r 1 1"),
    ];
    let result = judge(lines, "serializable");
    let [Evidence::Cycle(cycle)] = &result.anomalies[&Anomaly::GSingleItem][..] else { panic!("one cycle") };
    assert_eq!(
        cycle.explanation,
        r#"Let:
  T1 = {index 5, time 0.012 s, process 2, ok, value [["r",2,1],["r",1,1]]}
  T2 = {index 4, time 0.011 s, process 1, ok, value [["r",1,1],["w",1,2],["w",2,1]]}

Then:
  - T1 < T2, because T1 read key 1 = 1, and T2 set it to 2, which came later in the version order.
  - However, T2 < T1, because T2 wrote key 2 = 1, which was read by T1: a contradiction!"#
    );
}
