//! The rows of spec §17 that concern sets, the warnings, and a comparison with a literal port of Jepsen's checker.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::history::written;
use super::super::{Op, Process};
use super::*;

fn judged(lines: &[&str]) -> SetFullResult {
    check(&written(lines), "add")
}

fn outcome(lines: &[&str]) -> (Valid, Outcome) {
    let result = judged(lines);
    (result.valid, result.elements[0].outcome)
}

#[test]
fn an_element_that_is_read_is_stable() {
    let result = judged(&["0 invoke add 1", "0 ok add 1", "1 invoke read null", "1 ok read [1]"]);
    let expected = concat!(
        r#"{"valid?":true,"worst-stale":[],"duplicated-count":0,"attempt-count":1,"lost":[],"lost-count":0,"#,
        r#""stable-count":1,"stale-count":0,"stale":[],"never-read-count":0,"never-read":[],"#,
        r#""stable-latencies":{"0":0,"0.5":0,"0.95":0,"0.99":0,"1":0},"stable-latency-counts":{"0":1},"duplicated":{}}"#
    );
    assert_eq!(serde_json::to_string(&result).unwrap(), expected);
    assert_eq!((result.violations(), result.unjudged(), result.warnings()), (&[][..], &[][..], &[][..]));
}

#[test]
fn an_acknowledged_element_that_nobody_reads_leaves_the_verdict_unknown() {
    assert_eq!(outcome(&["0 invoke add 1", "0 ok add 1"]), (Valid::Unknown, Outcome::NeverRead));
    assert_eq!(judged(&[]).valid, Valid::Unknown);
}

#[test]
fn an_acknowledged_element_missing_from_the_last_read_is_lost() {
    let result = judged(&[
        "3 invoke add 17",
        "3 ok add 17",
        "1 invoke read null",
        "1 ok read [17]",
        "2 invoke read null",
        "1 invoke read null",
        "1 ok read []",
        "2 ok read []",
    ]);
    assert_eq!((result.valid, &result.lost), (Valid::False, &vec![Value::Int(17)]));
    assert_eq!(result.lost_latencies, Some(Quantiles([1; 5])));
    let text = "element 17, acknowledged to process 3 at 0.001 s, is missing from every read begun after 0.002 s, \
                first from that of process 2 begun at 0.004 s";
    assert_eq!(result.violations()[0].text, text);
    assert_eq!(result.violations()[0].op_index, Some(4));
}

#[test]
fn an_acknowledged_element_in_no_read_is_lost() {
    let result = judged(&["0 invoke add 1", "0 ok add 1", "0 invoke read null", "0 ok read []"]);
    assert_eq!(result.valid, Valid::False);
    let text = "element 1, acknowledged to process 0 at 0.001 s, never appears in any read, \
                first from that of process 0 begun at 0.002 s";
    assert_eq!(result.violations()[0].text, text);
}

#[test]
fn a_read_begun_before_the_acknowledgement_may_miss_the_element() {
    let concurrent = ["0 invoke add 1", "1 invoke read null", "0 ok add 1", "1 ok read []"];
    assert_eq!(outcome(&concurrent), (Valid::Unknown, Outcome::NeverRead));
}

#[test]
fn an_element_that_disappears_and_returns_is_stable_but_stale() {
    let result = judged(&[
        "0 invoke add 1",
        "0 ok add 1",
        "1 invoke read null",
        "1 ok read [1]",
        "1 invoke read null",
        "1 ok read []",
        "1 invoke read null",
        "1 ok read [1]",
    ]);
    assert_eq!((result.valid, result.stale_count), (Valid::True, 1));
    assert_eq!(result.worst_stale[0].stable_latency, Some(3));
    let expected = r#"{"element":1,"outcome":"stable","stable-latency":3,"lost-latency":null,"known":1,"last-absent":4}"#;
    assert_eq!(serde_json::to_string(&result.worst_stale[0]).unwrap(), expected);
}

#[test]
fn an_element_seen_before_its_add_completes_is_known_from_then_on() {
    let seen = ["0 invoke add 1", "1 invoke read null", "1 ok read [1]", "0 ok add 1"];
    assert_eq!(judged(&seen).elements[0].known, Some(2));
    let lost = [&seen[..], &["1 invoke read null", "1 ok read []"]].concat();
    assert_eq!(outcome(&lost), (Valid::False, Outcome::Lost));
    assert!(judged(&lost).violations()[0].text.starts_with("element 1, first read by process 1 at 0.002 s,"));
}

#[test]
fn the_latest_invoked_read_decides_not_the_latest_completed() {
    let overlapping = [
        "0 invoke add 1",
        "0 ok add 1",
        "1 invoke read null",
        "2 invoke read null",
        "2 ok read [1]",
        "1 ok read []",
    ];
    assert_eq!(outcome(&overlapping), (Valid::True, Outcome::Stable));
}

#[test]
fn an_add_of_unknown_outcome_counts_only_once_it_is_seen() {
    let unseen = ["0 invoke add 1", "0 info add 1", "1 invoke read null", "1 ok read []"];
    assert_eq!(outcome(&unseen), (Valid::Unknown, Outcome::NeverRead));
    let seen = [&unseen[..2], &["1 invoke read null", "1 ok read [1]"]].concat();
    assert_eq!(outcome(&seen), (Valid::True, Outcome::Stable));
}

#[test]
fn adding_an_element_twice_forgets_the_first_time() {
    let twice = ["0 invoke add 1", "0 ok add 1", "1 invoke read null", "1 ok read []", "0 invoke add 1"];
    assert_eq!(outcome(&twice), (Valid::Unknown, Outcome::NeverRead));
}

#[test]
fn a_failed_add_that_shows_up_is_a_warning() {
    let result = judged(&["0 invoke add 1", "0 fail add 1", "1 invoke read null", "1 ok read [1]"]);
    assert_eq!(result.valid, Valid::True);
    let text = "the read of process 1 at 0.003 s contains element 1 although every attempt to add it failed";
    assert_eq!(result.warnings()[0].text, text);
    let retried =
        judged(&["0 invoke add 1", "0 fail add 1", "0 invoke add 1", "1 invoke read null", "1 ok read [1]"]);
    assert_eq!(retried.warnings(), []);
}

#[test]
fn phantoms_duplicates_and_premature_reads_are_warnings() {
    let result = judged(&["1 invoke read null", "1 ok read [1,8,9,8]", "0 invoke add 1", "0 ok add 1"]);
    let texts: Vec<&str> = result.warnings().iter().map(|warning| warning.text.as_str()).collect();
    let read = "the read of process 1 at 0.001 s contains element";
    let expected = [
        format!("{read} 8 that nobody ever tried to add (2 such cases)"),
        format!("{read} 1 before anybody tried to add it"),
        format!("{read} 8 more than once"),
    ];
    assert_eq!(texts, expected);
    assert_eq!((result.duplicated_count, result.attempt_count), (0, 1));
}

#[test]
fn a_read_that_is_not_a_list_leaves_the_verdict_unknown() {
    let result = judged(&["0 invoke read null", "0 ok read 7"]);
    assert_eq!(result.valid, Valid::Unknown);
    assert_eq!(
        result.error.as_deref(),
        Some("the read of process 0 at 0.001 s returned 7, which is not a list")
    );
}

#[test]
fn quantiles_round_down_and_end_at_the_maximum() {
    assert_eq!(Quantiles::of((1..=100).rev().collect()), Some(Quantiles([1, 51, 96, 100, 100])));
    assert_eq!(Quantiles::of(vec![7]), Some(Quantiles([7; 5])));
    assert_eq!(Quantiles::of(vec![]), None);
}

#[test]
fn an_unknown_verdict_is_explained() {
    assert_eq!(judged(&[]).unjudged()[0].text, "nobody tried to add anything");
    let unread = judged(&["0 invoke add 1", "0 ok add 1"]);
    let text = "no read shows whether any of the 1 added elements is there to stay";
    assert_eq!(unread.unjudged()[0].text, text);
    assert_eq!(unread.violations(), []);
}

#[test]
fn a_lost_element_is_lost_whatever_else_cannot_be_judged() {
    let lost = ["0 invoke add 1", "0 ok add 1", "1 invoke read null", "1 ok read []"];
    let unreadable = ["1 invoke read null", "1 ok read 7"];
    for lines in [[&lost[..], &unreadable].concat(), [&unreadable[..], &lost].concat()] {
        let result = judged(&lines);
        assert_eq!((result.valid, result.lost_count), (Valid::False, 1));
        assert_eq!((result.violations().len(), result.unjudged().len()), (1, 1));
    }
}

/// What Jepsen's `set-full` remembers of each element, updated as it does it: every element at every read.
fn outcomes_by_jepsen(history: &History) -> BTreeMap<Value, Outcome> {
    let mut elements: BTreeMap<Value, Sightings> = BTreeMap::new();
    for op in history.ops() {
        match (&*op.f, op.kind) {
            ("add", Kind::Invoke) => drop(elements.insert(op.value.clone(), Sightings::default())),
            ("add", Kind::Ok) => drop(elements.get_mut(&op.value).unwrap().known.get_or_insert(op.index)),
            ("read", Kind::Ok) => {
                let invocation = history.invocation_of(op.index).map(|invocation| invocation.index);
                for (element, state) in &mut elements {
                    if op.value.as_list().unwrap().contains(element) {
                        state.known.get_or_insert(op.index);
                        state.last_present = state.last_present.max(invocation);
                    } else {
                        state.last_absent = state.last_absent.max(invocation);
                    }
                }
            }
            _ => {}
        }
    }
    elements.into_iter().map(|(element, state)| (element, outcome_by_jepsen(state))).collect()
}

fn outcome_by_jepsen(Sightings { known, last_present, last_absent }: Sightings) -> Outcome {
    let index = |op: Option<usize>| op.map_or(-1, |index| index as i64);
    let is_stable = last_present.is_some() && index(last_absent) < index(last_present);
    let is_lost = known.is_some()
        && last_absent.is_some()
        && index(last_present) < index(last_absent)
        && index(known) < index(last_absent);
    match (is_stable, is_lost) {
        (true, _) => Outcome::Stable,
        (_, true) => Outcome::Lost,
        _ => Outcome::NeverRead,
    }
}

/// One step of a process: it completes its open operation with `kind`, or else begins a read or to add `element`.
/// Reads return the elements of a bit set.
#[derive(Clone, Copy, Debug)]
struct Step {
    process: u64,
    kind: Kind,
    reads: bool,
    element: i64,
    seen: u8,
}

fn any_step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![6 => Just(Kind::Ok), 1 => Just(Kind::Fail), 1 => Just(Kind::Info)];
    let parts = (0..3u64, kind, any::<bool>(), 0..5i64, any::<u8>());
    parts.prop_map(|(process, kind, reads, element, seen)| Step { process, kind, reads, element, seen })
}

fn history_of(steps: Vec<Step>) -> History {
    let mut open: BTreeMap<u64, Op> = BTreeMap::new();
    let mut ops = Vec::new();
    for (index, Step { process, kind, reads, element, seen }) in steps.into_iter().enumerate() {
        let f = if reads { "read" } else { "add" };
        let value = if reads { Value::Null } else { Value::Int(element) };
        let invocation =
            Op::from_value(Value::from_edn("{:type :invoke :process 0 :f :f}").unwrap(), index).unwrap();
        let invocation = Op { process: Process::Client(process), f: f.into(), value, ..invocation };
        let op = match open.remove(&process) {
            None => open.entry(process).insert_entry(invocation).get().clone(),
            Some(read) if read.f == "read" => {
                let seen = (0..8).filter(|bit| seen & (1 << bit) != 0).map(Value::Int).collect();
                Op { kind, value: seen, ..read }
            }
            Some(add) => Op { kind, ..add },
        };
        ops.push(op);
    }
    History::new(ops).unwrap()
}

proptest! {
    #[test]
    fn outcomes_are_those_of_jepsens_own_algorithm(steps in prop::collection::vec(any_step(), 0..60)) {
        let history = history_of(steps);
        let result = check(&history, "add");
        let ours: BTreeMap<Value, Outcome> =
            result.elements.iter().map(|element| (element.element.clone(), element.outcome)).collect();
        prop_assert_eq!(ours, outcomes_by_jepsen(&history));
        prop_assert_eq!(result.valid == Valid::False, result.lost_count > 0);
        prop_assert_eq!(result.violations().len(), result.lost_count.min(TOLD));
        prop_assert_eq!(result.unjudged().is_empty(), result.valid != Valid::Unknown);
    }
}
