//! lin-kv: verdicts, failing operations and the last ones before them are compared exactly. `last-op` is the end of
//! *some* order of the operations before the failure, and Knossos' choice depends on its hashing; so where ours is
//! another, theirs must at least be possible. Where Knossos' other algorithm was faster, there is none.

use host::checker::history::Recorded;
use host::checker::linear::{self, Budget, Failure, Verdict};
use host::checker::{History, Kind, Op, Process, Valid, Value};

use super::{difference, expected};

pub fn differences(recorded: &Recorded) -> Vec<String> {
    let result = linear::check(&recorded.history, &Budget::default());
    let mut differences: Vec<String> = difference(recorded, "valid", &result.valid).into_iter().collect();
    differences.extend(difference(recorded, "failures", &result.failures().collect::<Vec<_>>()));
    let expected = expected(recorded, "results");
    if expected.as_map().map_or(0, <[_]>::len) != result.results.len() {
        differences.push(format!("{} keys, should be {expected}", result.results.len()));
    }
    for (key, verdict) in &result.results {
        let theirs = expected.get(&key.to_string()).unwrap_or(&Value::Null);
        differences
            .extend(of_key(&recorded.history, verdict, theirs).map(|text| format!("key {key}: {text}")));
    }
    differences
}

fn of_key(history: &History, verdict: &Verdict, theirs: &Value) -> Option<String> {
    let failure = match verdict {
        Verdict::Violated(failure) => Some(failure),
        Verdict::Linearizable | Verdict::Undecided(_) => None,
    };
    let index = |op: Option<&Op>| op.map(|op| op.index);
    let ours =
        [index(failure.map(|failure| &failure.op)), index(failure.and_then(|f| f.previous_ok.as_ref()))];
    let their_index = |name| theirs.get(name).and_then(Value::as_i64).map(|index| index as usize);
    let last_op = their_index("last-op");
    let is_same = theirs.get("valid").and_then(Value::as_bool) == Some(failure.is_none())
        && ours == [their_index("op"), their_index("previous-ok")];
    let is_possible = match (failure, last_op) {
        (Some(failure), Some(last)) => {
            index(failure.last_op.as_ref()) == Some(last) || can_be_last(history, last, failure)
        }
        _ => true,
    };
    let last = failure.map(|failure| index(failure.last_op.as_ref()));
    (!is_same || !is_possible)
        .then(|| format!("op and previous-ok are {ours:?}, last-op {last:?}; should be {theirs}"))
}

/// Whether the operations before a failure have an order that ends with the one at index `last`: none of them begins
/// after its end, and they still have an order when it begins after theirs.
fn can_be_last(history: &History, last: usize, failure: &Failure) -> bool {
    let invocation = history.invocation_of(last).unwrap_or(&history.ops()[last]);
    let end = history.completion_of(invocation.index).map_or(usize::MAX, |op| op.index);
    let key = |op: &Op| op.value.as_list().map(|pair| pair[0].clone());
    let before: Vec<&Op> = history
        .client_ops()
        .filter(|op| op.index < failure.op.index && key(op) == key(&failure.op))
        .collect();
    let has_failed = |op: &Op| history.completion_of(op.index).is_some_and(|op| op.kind == Kind::Fail);
    let is_later = |op: &Op| history.invocation_of(op.index).is_some_and(|op| op.index > end);
    if before.iter().any(|op| op.kind == Kind::Ok && is_later(op)) {
        return false;
    }
    let is_other = |op: &&&Op| op.index != invocation.index && op.index != end;
    let others = before.iter().filter(is_other).filter(|op| op.kind != Kind::Fail && !has_failed(op));
    let mut ops: Vec<Op> = others.copied().cloned().collect();
    let ended = history.completion_of(invocation.index).unwrap_or(invocation);
    // Its process may be at the next operation by then.
    let process = Process::Client(u64::MAX);
    ops.push(Op { process, ..invocation.clone() });
    ops.push(Op { process, kind: Kind::Ok, ..ended.clone() });
    let moved = History::new(ops).expect("only one operation was moved");
    linear::check(&moved, &Budget::default()).valid == Valid::True
}
