//! kafka: everything is compared exactly, except what is arbitrary in the original: which cycles it shows, which of
//! the messages that a transaction polled of its own, and process and key of the worst lag. Where it threw, only the
//! verdict is compared.

use std::collections::BTreeSet;

use host::checker::Value;
use host::checker::history::Recorded;
use host::checker::kafka::{self, Errors, KafkaResult, Options};
use host::checker::txn::evidence::{Evidence, Field};

use super::{Deviation, difference, expected, value_of};

/// Where we disagree on purpose.
pub const DEVIATIONS: &[Deviation] = &[
    (
        "kafka-ww-deps-send-order-120",
        "Elle finds a cycle of ww and realtime edges, then names one of these edges wr because it is that as well, and so \
         takes the cycle for G1c-realtime. It is a G0-realtime. Maelstrom never looks for either.",
    ),
    ("kafka-phantom-value-083", UNWRITTEN),
    ("kafka-phantom-value-084", UNWRITTEN),
];

const UNWRITTEN: &str = "Jepsen's checker throws when a poll returns a message that nobody sent, and the verdict is unknown. That is proof \
     enough: invalid.";

pub fn differences(recorded: &Recorded) -> Vec<String> {
    let ww_deps = recorded.options.get("ww-deps").and_then(Value::as_bool) == Some(true);
    let result = kafka::check(&recorded.history, &Options { ww_deps });
    let verdict = difference(recorded, "valid", &result.valid);
    if *expected(recorded, "error") != Value::Null {
        return verdict.into_iter().collect();
    }
    let mut differences: Vec<String> = verdict.into_iter().collect();
    differences.extend(difference(recorded, "error-types", &result.error_types()));
    differences.extend(difference(recorded, "bad-error-types", &result.bad_error_types()));
    differences.extend(difference(recorded, "info-txn-causes", &result.info_txn_causes));
    differences.extend(lag_difference(recorded, &result));
    let listed = expected(recorded, "errors");
    for errors in &result.errors {
        let theirs = listed.get(errors.name).unwrap_or(&Value::Null);
        differences.extend(error_difference(errors, theirs).map(|text| format!("{}: {text}", errors.name)));
    }
    if let Some(unseen) = &result.unseen {
        let (ours, theirs) = (value_of(unseen), listed.get("unseen"));
        differences
            .extend((Some(&ours) != theirs).then(|| format!("`unseen` is {ours}, should be {theirs:?}")));
    }
    differences
}

fn lag_difference(recorded: &Recorded, result: &KafkaResult) -> Option<String> {
    let ours = value_of(result);
    let (ours, theirs) = (ours.get("worst-realtime-lag")?, expected(recorded, "worst-realtime-lag"));
    let is_same = ours.get("lag") == theirs.get("lag") && ours.get("time") == theirs.get("time");
    (!is_same).then(|| format!("the worst lag is {ours}, should be {theirs}"))
}

fn error_difference(errors: &Errors, theirs: &Value) -> Option<String> {
    let count = theirs.get("count").and_then(Value::as_i64);
    if count != Some(errors.count as i64) {
        return Some(format!("occurs {} times, should occur {count:?} times", errors.count));
    }
    let theirs: BTreeSet<Value> =
        theirs.get("errs")?.as_list().unwrap_or_default().iter().map(comparable).collect();
    let ours: BTreeSet<Value> =
        errors.cases.iter().filter(|case| !matches!(case, Evidence::EmptyGraph)).map(case).collect();
    (ours != theirs).then(|| format!("shows as {ours:?}, should show as {theirs:?}"))
}

/// What two descriptions of one case must share: all of it, but of cycles nothing, of cyclic parts of the graph only
/// the operations, and of a transaction that polled its own messages not which.
fn comparable(description: &Value) -> Value {
    if description.get("cycle").is_some() {
        return Value::Null;
    }
    let mut comparable = description.get("scc").unwrap_or(description).clone();
    let is_of_own_message = ["op", "key", "value"].iter().all(|name| description.get(name).is_some());
    if is_of_own_message {
        comparable.take("value");
    }
    comparable
}

fn case(evidence: &Evidence) -> Value {
    match evidence {
        Evidence::CycleExists(existing) => {
            existing.scc.iter().map(|index| Value::Int(*index as i64)).collect()
        }
        Evidence::Case(case) => {
            let entry = |(name, field): &(&'static str, Field)| (Value::from(*name), value_of(field));
            comparable(&Value::Map(case.fields.iter().map(entry).collect()))
        }
        Evidence::Cycle(_) | Evidence::CutShort(_) | Evidence::EmptyGraph => Value::Null,
    }
}
