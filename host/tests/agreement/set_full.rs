//! broadcast and g-set: everything is compared exactly.

use host::checker::Value;
use host::checker::history::Recorded;
use host::checker::set_full::{self, SetFullResult};

use super::{difference, value_of};

pub fn differences(recorded: &Recorded, add: &str) -> Vec<String> {
    let result = set_full::check(&recorded.history, add);
    let ours = value_of(&result);
    let null = Value::Null;
    let mut differences: Vec<String> = [
        "attempt-count",
        "stable-count",
        "lost-count",
        "lost",
        "never-read-count",
        "never-read",
        "stale-count",
        "stale",
        "stable-latencies",
        "lost-latencies",
        "duplicated-count",
    ]
    .into_iter()
    .filter_map(|key| difference(recorded, key, ours.get(key).unwrap_or(&null)))
    .collect();
    differences.extend(difference(recorded, "valid", &result.valid));
    differences.extend(difference(recorded, "duplicated", &ours.get("duplicated").and_then(Value::as_map)));
    differences.extend(difference(recorded, "worst-stale", &worst_stale(&result)));
    differences
}

/// The original's list has a few of the fields that ours has.
fn worst_stale(result: &SetFullResult) -> Vec<Value> {
    let fields = ["element", "outcome", "stable-latency", "known", "last-absent"].map(Value::from);
    let described = result.worst_stale.iter().map(value_of);
    let selected = described.map(|element| {
        let entries = element.as_map().into_iter().flatten().filter(|(key, _)| fields.contains(key));
        Value::Map(entries.cloned().collect())
    });
    selected.collect()
}
