//! The checker on small histories with known verdicts, against brute force, and at the edge of its budget.

use proptest::prelude::*;

use super::super::history::written;
use super::super::verdict::Explain;
use super::super::{Kind, Valid};
use super::*;

fn judged(lines: &[&str]) -> LinearResult {
    check(&written(lines), &Budget::default())
}

/// The index of the operation that cannot be linearized.
fn failing_op(linearizability: &LinearResult) -> Option<usize> {
    linearizability.results.iter().find_map(|(_, verdict)| match verdict {
        Verdict::Violated(failure) => Some(failure.op.index),
        _ => None,
    })
}

#[test]
fn a_stale_read_is_refused() {
    let result = judged(&[
        "0 invoke write [0,1]",
        "0 ok write [0,1]",
        "0 invoke write [0,2]",
        "0 ok write [0,2]",
        "1 invoke read [0,null]",
        "1 ok read [0,1]",
    ]);
    assert_eq!((result.valid, failing_op(&result)), (Valid::False, Some(5)));
}

#[test]
fn a_read_during_a_write_may_see_either_value() {
    for seen in ["1 ok read [0,1]", "1 ok read [0,2]"] {
        let result = judged(&[
            "0 invoke write [0,1]",
            "0 ok write [0,1]",
            "0 invoke write [0,2]",
            "1 invoke read [0,null]",
            seen,
            "0 ok write [0,2]",
        ]);
        assert_eq!(result.valid, Valid::True);
    }
}

#[test]
fn a_read_of_null_is_always_legal() {
    let lines = ["0 invoke write [0,3]", "0 ok write [0,3]", "1 invoke read [0,null]", "1 ok read [0,null]"];
    assert_eq!(judged(&lines).valid, Valid::True);
}

#[test]
fn a_write_of_unknown_outcome_may_take_effect_late_or_never() {
    let beginning =
        ["0 invoke write [0,1]", "0 ok write [0,1]", "1 invoke write [0,2]", "1 info write [0,2]"];
    let (invoke, old, new) = ("0 invoke read [0,null]", "0 ok read [0,1]", "0 ok read [0,2]");
    let never = [&beginning[..], &[invoke, old]].concat();
    let late = [&beginning[..], &[invoke, old, invoke, new]].concat();
    let undone = [&beginning[..], &[invoke, new, invoke, old]].concat();
    assert_eq!(judged(&never).valid, Valid::True);
    assert_eq!(judged(&late).valid, Valid::True);
    assert_eq!(failing_op(&judged(&undone)), Some(7));
}

#[test]
fn an_operation_of_unknown_outcome_takes_effect_at_most_once() {
    let lines = [
        "0 invoke write [0,1]",
        "0 ok write [0,1]",
        "1 invoke cas [0,[1,2]]",
        "1 info cas [0,[1,2]]",
        "0 invoke read [0,null]",
        "0 ok read [0,2]",
        "0 invoke write [0,1]",
        "0 ok write [0,1]",
        "0 invoke read [0,null]",
        "0 ok read [0,2]",
    ];
    assert_eq!(judged(&lines[..8]).valid, Valid::True);
    assert_eq!(failing_op(&judged(&lines)), Some(9));
}

#[test]
fn a_failed_write_never_happened() {
    let lines = ["0 invoke write [0,1]", "0 fail write [0,1]", "1 invoke read [0,null]", "1 ok read [0,1]"];
    assert_eq!(failing_op(&judged(&lines)), Some(3));
}

#[test]
fn a_compare_and_set_of_an_empty_register_fails() {
    let lines = ["0 invoke cas [0,[1,2]]", "0 ok cas [0,[1,2]]"];
    assert_eq!(failing_op(&judged(&lines)), Some(1));
}

#[test]
fn the_failure_is_explained_in_words() {
    let result = judged(&[
        "0 invoke write [0,1]",
        "0 ok write [0,1]",
        "1 invoke write [0,2]",
        "2 invoke read [0,null]",
        "2 ok read [0,3]",
    ]);
    let (_, Verdict::Violated(failure)) = &result.results[0] else { panic!("{result:?}") };
    assert_eq!(
        failure.explanation,
        "read of 3 by process 2 (operation 4) returned at 0.004 s: every order of the operations before it leaves \
         key 0 at 1, and no operation that may have happened puts 3 there. Up to operation 1 there is an order; \
         one ends with the write of 1 (operation 1)."
    );
}

#[test]
fn results_bear_maelstroms_names() {
    let result = judged(&[
        "0 invoke write [0,1]",
        "0 ok write [0,1]",
        "1 invoke write [0,2]",
        "2 invoke cas [0,[2,4]]",
        "3 invoke read [0,null]",
        "3 ok read [0,3]",
    ]);
    let json = serde_json::to_value(&result).unwrap();
    assert_eq!(json["valid?"], false);
    assert_eq!(json["failures"], serde_json::json!([0]));
    assert_eq!(json["results"]["0"]["timeline"]["valid?"], true);
    let verdict = &json["results"]["0"]["linearizable"];
    assert_eq!(verdict["op"]["index"], 5);
    assert_eq!(verdict["previous-ok"]["index"], 1);
    assert_eq!(verdict["last-op"]["index"], 1);
    assert_eq!(verdict["configs"][0]["model"], serde_json::json!({"value": 1}));
    assert_eq!(verdict["configs"][0]["pending"].as_array().unwrap().len(), 1);
    let path = verdict["final-paths"][0].as_array().unwrap();
    assert_eq!(path.last().unwrap()["model"], serde_json::json!({"msg": "can't read 3 from register 1"}));
}

#[test]
fn keys_are_judged_separately() {
    let result = judged(&[
        r#"0 invoke write ["a",1]"#,
        r#"0 ok write ["a",1]"#,
        r#"0 invoke read ["b",null]"#,
        r#"0 ok read ["b",1]"#,
    ]);
    let verdicts: Vec<_> =
        result.results.iter().map(|(key, verdict)| (key.to_string(), verdict.valid())).collect();
    assert_eq!(verdicts, [("\"a\"".to_owned(), Valid::True), ("\"b\"".to_owned(), Valid::False)]);
    assert_eq!(result.violations().len(), 1);
}

#[test]
fn an_operation_that_is_not_a_registers_makes_the_verdict_unknown() {
    for (lines, reason) in [
        (["0 invoke add [0,1]", "0 ok add [0,1]"], "operation 0: a register has no operation add"),
        (["0 invoke cas [0,1]", "0 ok cas [0,1]"], "operation 0: cas needs [from, to], not 1"),
    ] {
        let result = judged(&lines);
        assert_eq!((result.valid, result.error.as_deref()), (Valid::Unknown, Some(reason)));
    }
}

#[test]
fn a_broken_key_counts_beside_one_that_cannot_be_judged() {
    let broken = ["0 invoke read [0,null]", "0 ok read [0,1]"];
    let result = judged(&[&broken[..], &["0 invoke add [1,1]", "0 ok add [1,1]"]].concat());
    assert_eq!((result.valid, result.violations().len()), (Valid::False, 1));
    assert_eq!(result.unjudged()[0].text, "key 1: operation 2: a register has no operation add");
}

#[test]
fn one_register_needs_no_key() {
    let lines = ["1 invoke read null", "1 ok read null", "1 invoke cas [null,1]", "1 ok cas [null,1]"];
    assert_eq!(judged(&lines).valid, Valid::True);
    let read = |value: &str| {
        let read = format!("2 ok read {value}");
        judged(&[&lines[..], &["2 invoke read null", &read]].concat()).valid
    };
    assert_eq!((read("1"), read("2")), (Valid::True, Valid::False));
}

#[test]
fn what_the_completion_says_was_done_was_done() {
    let written = ["0 invoke write [0,1]", "0 ok write [0,2]", "0 invoke read [0,null]"];
    assert_eq!(failing_op(&judged(&[&written[..], &["0 ok read [0,1]"]].concat())), Some(3));
    assert_eq!(judged(&[&written[..], &["0 ok read [0,2]"]].concat()).valid, Valid::True);
    let swapped =
        ["0 invoke cas [0,[7,8]]", "0 ok cas [0,[2,3]]", "0 invoke read [0,null]", "0 ok read [0,3]"];
    assert_eq!(judged(&[&written[..2], &swapped].concat()).valid, Valid::True);
    let crashed = ["0 invoke write [0,1]", "0 info write [0,2]", "1 invoke read [0,null]", "1 ok read [0,1]"];
    assert_eq!(judged(&crashed).valid, Valid::True);
}

/// Hundreds of crashed writes and compare-and-sets, which no search could try in every order, then these lines.
fn after_many_crashes(lines: &[&str]) -> LinearResult {
    let mut all = Vec::new();
    for process in 10..310 {
        let (value, next) = (process % 23, (process + 7) % 23);
        let operation = match process % 2 {
            0 => format!("write [0,{value}]"),
            _ => format!("cas [0,[{value},{next}]]"),
        };
        all.push(format!("{process} invoke {operation}"));
        all.push(format!("{process} info {operation}"));
        if process % 10 == 0 {
            all.push("1 invoke read [0,null]".to_owned());
            all.push(format!("1 ok read [0,{value}]"));
        }
    }
    all.extend(lines.iter().map(|line| (*line).to_owned()));
    judged(&all.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_nobody_can_have_written_is_no_matter_for_a_search() {
    for lines in [
        &["0 invoke read [0,null]", "0 ok read [0,99]"][..],
        &["0 invoke cas [0,[99,1]]", "0 ok cas [0,[99,1]]"],
        &["0 invoke cas [0,[98,99]]", "0 info cas [0,[98,99]]", "1 invoke read [0,null]", "1 ok read [0,99]"],
        &["0 invoke write [0,99]", "0 fail write [0,99]", "1 invoke read [0,null]", "1 ok read [0,99]"],
        &["0 invoke read [0,null]", "0 ok read [0,99]", "1 invoke write [0,99]", "1 ok write [0,99]"],
    ] {
        let result = after_many_crashes(lines);
        assert_eq!(result.valid, Valid::False, "{lines:?}");
        let text = &result.violations()[0].text;
        assert!(text.contains("no operation that may have happened"), "{text}");
        assert!(text.contains("puts 99 there"), "{text}");
    }
}

/// A valid history: in each of `rounds`, `width` processes write different values at the same time; then one reads
/// the first of them.
fn concurrent_writes(rounds: usize, width: u64) -> History {
    let mut lines = Vec::new();
    for _ in 0..rounds {
        lines.extend((0..width).map(|process| format!("{process} invoke write [0,{process}]")));
        lines.extend((0..width).map(|process| format!("{process} ok write [0,{process}]")));
        lines.extend(["0 invoke read [0,null]".to_owned(), "0 ok read [0,0]".to_owned()]);
    }
    history(&lines)
}

fn history(lines: &[String]) -> History {
    written(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn spent(history: &History, budget: &Budget) -> u64 {
    let keys = Calls::by_key(history).unwrap();
    search::search(&keys[0].1, budget).1
}

#[test]
fn the_cost_of_a_valid_history_grows_with_its_length_only() {
    let cost = |rounds| spent(&concurrent_writes(rounds, 10), &Budget::default());
    assert!(cost(1000) < 11 * cost(100), "{} {}", cost(1000), cost(100));
}

#[test]
fn writes_of_unknown_outcome_do_not_multiply_the_cost() {
    let mut lines = Vec::new();
    for process in 0..200 {
        lines.push(format!("{process} invoke write [0,1]"));
        lines.push(format!("{process} info write [0,1]"));
        for (f, argument, result) in
            [("write", "2", "2"), ("read", "null", if process % 2 == 0 { "1" } else { "2" })]
        {
            lines.push(format!("1000 invoke {f} [0,{argument}]"));
            lines.push(format!("1000 ok {f} [0,{result}]"));
        }
    }
    let history = history(&lines);
    assert_eq!(check(&history, &Budget::default()).valid, Valid::True);
    assert!(spent(&history, &Budget::default()) < 5_000);
}

#[test]
fn a_spent_budget_makes_the_verdict_unknown_and_says_where() {
    let history = concurrent_writes(100, 10);
    let budget = Budget { configurations: 100, ..Budget::default() };
    let result = check(&history, &budget);
    let (_, Verdict::Undecided(reason)) = &result.results[0] else { panic!("{result:?}") };
    assert_eq!(result.valid, Valid::Unknown);
    assert!(reason.starts_with("the search gave up at operation "), "{reason}");
    assert!(reason.ends_with("more configurations than it may"), "{reason}");
    assert_eq!(format!("{:?}", check(&history, &budget).results), format!("{:?}", result.results));
}

#[test]
fn few_configurations_in_memory_are_enough_or_the_verdict_is_unknown() {
    let history = concurrent_writes(10, 10);
    assert_eq!(check(&history, &Budget { alive: 100, ..Budget::default() }).valid, Valid::True);
    assert_eq!(check(&history, &Budget { alive: 1, ..Budget::default() }).valid, Valid::Unknown);
}

/// One decision of the simulated clients: which process, what it does, with which values, and its luck.
type Decision = (u64, u8, u8, u8, u8);

/// A history of three processes on a register that is mostly right. Each operation takes effect at once when a
/// later decision of its process says so; results are now and then wrong, and outcomes unknown.
fn simulated(decisions: &[Decision]) -> History {
    let mut lines = Vec::new();
    let mut state = "null".to_owned();
    let mut open: [Option<(&str, String, Option<String>)>; 3] = [None, None, None];
    let mut retired = [0; 3];
    for (worker, f, a, b, luck) in decisions {
        let worker = *worker as usize;
        let process = worker as u64 + 3 * retired[worker];
        let Some((f, argument, result)) = open[worker].take() else {
            let (f, argument) = match f % 3 {
                0 => ("read", "null".to_owned()),
                1 => ("write", a.to_string()),
                _ => ("cas", format!("[{a},{b}]")),
            };
            lines.push(format!("{process} invoke {f} [0,{argument}]"));
            open[worker] = Some((f, argument, None));
            continue;
        };
        let Some(result) = result else {
            let from = argument.trim_matches(['[', ']']).split(',').next().unwrap_or_default();
            let result = match f {
                "read" if *luck == 0 => a.to_string(),
                "read" => state.clone(),
                "cas" if state != from && *luck != 0 => "refused".to_owned(),
                _ => argument.clone(),
            };
            match f {
                "write" => state = argument.clone(),
                "cas" if state == from => {
                    state = argument.trim_matches(['[', ']'])[from.len() + 1..].to_owned()
                }
                _ => {}
            }
            open[worker] = Some((f, argument, Some(result)));
            continue;
        };
        let kind = match luck {
            1 => "info",
            2 => "fail",
            _ if result == "refused" => "fail",
            _ => "ok",
        };
        retired[worker] += u64::from(kind == "info");
        let value = if kind == "ok" { result } else { argument };
        lines.push(format!("{process} {kind} {f} [0,{value}]"));
    }
    history(&lines)
}

/// An operation as brute force sees it: name, value, index of invocation, index of `ok` completion.
type Plain<'h> = (&'h str, &'h Value, usize, Option<usize>);

/// Whether `remaining` can be put in order, by trying every order.
fn can_be_ordered(remaining: &[Plain], state: &Value) -> bool {
    if remaining.iter().all(|(.., returned)| returned.is_none()) {
        return true;
    }
    let first_return = remaining.iter().filter_map(|(.., returned)| *returned).min().unwrap();
    (0..remaining.len()).filter(|next| remaining[*next].2 < first_return).any(|next| {
        let (f, value, ..) = remaining[next];
        let others = [&remaining[..next], &remaining[next + 1..]].concat();
        match (f, value) {
            ("write", value) => can_be_ordered(&others, value),
            ("read", value) => (value.is_null() || value == state) && can_be_ordered(&others, state),
            (_, Value::List(pair)) => pair[0] == *state && can_be_ordered(&others, &pair[1]),
            _ => unreachable!("{f} {value}"),
        }
    })
}

/// The first completion such that the history up to it cannot be put in order.
fn failing_op_by_brute_force(history: &History) -> Option<usize> {
    let returns = history.completions().filter(|op| op.kind == Kind::Ok);
    returns.map(|op| op.index).find(|end| {
        let invocations = history.invocations().filter(|op| op.index < *end);
        let plain = invocations.filter_map(|invocation| {
            let completion = history.completion_of(invocation.index);
            if completion.is_some_and(|op| op.kind == Kind::Fail) {
                return None;
            }
            let ok = completion.filter(|op| op.kind == Kind::Ok && op.index <= *end);
            let value = &ok.unwrap_or(invocation).value.as_list()?[1];
            Some((&*invocation.f, value, invocation.index, ok.map(|op| op.index)))
        });
        !can_be_ordered(&plain.collect::<Vec<_>>(), &Value::Null)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn verdict_and_failing_operation_are_those_of_brute_force(
        decisions in prop::collection::vec((0..3u64, 0..3u8, 0..3u8, 0..3u8, 0..12u8), 0..30),
    ) {
        let history = simulated(&decisions);
        let result = check(&history, &Budget::default());
        prop_assert_eq!(failing_op(&result), failing_op_by_brute_force(&history));
        prop_assert!(result.valid != Valid::Unknown);
    }
}
