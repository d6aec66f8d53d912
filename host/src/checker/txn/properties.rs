//! What must hold of any history: a serial execution, however its operations overlap, shows no anomaly, and a planted
//! cycle is found and named.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::Valid;
use super::anomaly::Anomaly;
use super::cycle::classify;
use super::graph::Dependency;
use super::scenario::{Line, history};
use super::transaction::Shape;
use super::{Options, TxnResult, list_append, rw_register};

/// A transaction to execute: `(is write, key)` steps, what its client learns, and how long before and after its moment
/// of execution it begins and ends.
type Plan = (Vec<(bool, u64)>, &'static str, bool, u64, u64);

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let steps = prop::collection::vec((any::<bool>(), 0..4u64), 1..5);
    let outcome = prop::sample::select(vec!["ok", "ok", "ok", "ok", "fail", "info"]);
    prop::collection::vec((steps, outcome, any::<bool>(), 0..40u64, 0..40u64), 1..60)
}

/// A transaction as its client saw it.
struct Executed {
    begin: u64,
    end: u64,
    process: u64,
    outcome: &'static str,
    micro_ops: String,
}

/// Executes transactions one after the other, in a store of lists or of registers.
fn execute(plans: &[Plan], shape: Shape) -> Vec<Executed> {
    let mut store: HashMap<u64, Vec<u64>> = HashMap::new();
    let mut written: HashMap<u64, u64> = HashMap::new();
    let mut free_from: Vec<u64> = Vec::new();
    let mut executed = Vec::new();
    for (number, (steps, outcome, takes_effect, before, after)) in (0u64..).zip(plans) {
        let mut draft = store.clone();
        let micro_ops: Vec<_> =
            steps.iter().map(|step| run(*step, shape, &mut draft, &mut written)).collect();
        if *outcome == "ok" || (*outcome == "info" && *takes_effect) {
            store = draft;
        }
        // On a clock where the transaction takes effect at 10 × its number, in units that keep all events apart.
        let moment = 1_000_000 + 10_000 * number;
        let (begin, end) =
            (moment - 1000 * before - 500 + 2 * number, moment + 1000 * after + 500 + 2 * number + 1);
        let free = free_from.iter().position(|from| *from < begin).unwrap_or(free_from.len());
        free_from.resize(free_from.len().max(free + 1), 0);
        free_from[free] = if *outcome == "info" { u64::MAX } else { end };
        executed.push(Executed {
            begin,
            end,
            process: free as u64,
            outcome,
            micro_ops: micro_ops.join("; "),
        });
    }
    executed
}

fn run(
    (is_write, key): (bool, u64),
    shape: Shape,
    store: &mut HashMap<u64, Vec<u64>>,
    written: &mut HashMap<u64, u64>,
) -> String {
    let state = store.entry(key).or_default();
    if is_write {
        let value = written.entry(key).or_default();
        *value += 1;
        state.push(*value);
        let name = if shape == Shape::List { "append" } else { "w" };
        return format!("{name} {key} {value}");
    }
    match (shape, state.last()) {
        (_, None) => format!("r {key} null"),
        (Shape::Register, Some(value)) => format!("r {key} {value}"),
        (Shape::List, Some(_)) => format!("r {key} {}", format!("{state:?}").replace(' ', "")),
    }
}

fn judge(executed: &[Executed], shape: Shape, model: &str) -> TxnResult {
    let lines = executed.iter().map(|it| (it.begin, it.end, it.process, it.outcome, it.micro_ops.as_str()));
    let history = history(&lines.collect::<Vec<Line>>());
    let options: Options = model.parse().unwrap();
    match shape {
        Shape::List => list_append::check(&history, &options),
        Shape::Register => rw_register::check(&history, &options),
    }
}

/// Transactions on keys of their own, all concurrent, that depend on each other in a circle.
fn planted(by: &[Dependency], shape: Shape) -> Vec<Executed> {
    let count = by.len();
    let write = if shape == Shape::List { "append" } else { "w" };
    let one = if shape == Shape::List { "[1]" } else { "1" };
    let mut micro_ops = vec![Vec::new(); count];
    let mut witnesses = Vec::new();
    for (place, dependency) in by.iter().enumerate() {
        let (key, next) = (100 + place, (place + 1) % count);
        let (first, second) = match dependency {
            Dependency::Ww => (format!("{write} {key} 1"), format!("{write} {key} 2")),
            Dependency::Wr => (format!("{write} {key} 1"), format!("r {key} {one}")),
            _ => (format!("r {key} null"), format!("{write} {key} 1")),
        };
        micro_ops[place].push(first);
        micro_ops[next].push(second);
        if *dependency == Dependency::Ww {
            witnesses.push(vec![format!("r {key} [1,2]")]);
        }
    }
    let all = micro_ops.into_iter().chain(witnesses).zip(0u64..);
    let executed = all.map(|(steps, number)| Executed {
        begin: 1 + number,
        end: 2_000_000 + number,
        process: 1000 + number,
        outcome: "ok",
        micro_ops: steps.join("; "),
    });
    executed.collect()
}

fn names(result: &TxnResult) -> Vec<&'static str> {
    result.anomaly_types.iter().map(|anomaly| anomaly.name()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn serial_executions_of_appends_are_strictly_serializable(plans in plans()) {
        let result = judge(&execute(&plans, Shape::List), Shape::List, "strict-serializable");
        prop_assert!(result.error.is_none());
        prop_assert!(result.valid != Valid::False, "{:?}", names(&result));
    }

    #[test]
    fn serial_executions_of_registers_are_strictly_serializable(plans in plans()) {
        let result = judge(&execute(&plans, Shape::Register), Shape::Register, "strict-serializable");
        prop_assert!(result.error.is_none());
        let proper = result.anomaly_types.iter().filter(|anomaly| **anomaly != Anomaly::EmptyTransactionGraph);
        prop_assert_eq!(proper.count(), 0, "{:?}", names(&result));
    }

    #[test]
    fn a_planted_cycle_of_appends_is_found_and_named(
        plans in plans(),
        by in prop::collection::vec(prop::sample::select(vec![Dependency::Ww, Dependency::Wr, Dependency::Rw]), 2..6),
    ) {
        let mut executed = execute(&plans, Shape::List);
        executed.extend(planted(&by, Shape::List));
        let result = judge(&executed, Shape::List, "serializable");
        prop_assert_eq!(names(&result), [classify(&by).name()]);
    }

    #[test]
    fn a_planted_cycle_of_registers_is_found_and_named(
        plans in plans(),
        by in prop::collection::vec(prop::sample::select(vec![Dependency::Wr, Dependency::Rw]), 2..6),
    ) {
        let mut executed = execute(&plans, Shape::Register);
        executed.extend(planted(&by, Shape::Register));
        let result = judge(&executed, Shape::Register, "serializable");
        prop_assert_eq!(names(&result), [classify(&by).name()]);
    }
}
