//! unique-ids: everything is compared exactly.

use host::checker::Value;
use host::checker::history::Recorded;
use host::checker::unique_ids;

use super::{difference, expected};

pub fn differences(recorded: &Recorded) -> Vec<String> {
    let result = unique_ids::check(&recorded.history);
    let valid = difference(recorded, "valid", &result.valid);
    if !expected(recorded, "error").is_null() {
        return valid.into_iter().collect();
    }
    let pair = |(id, count): &(Value, Value)| Value::List(vec![id.clone(), count.clone()]);
    let duplicated: Value = result.duplicated.as_map().into_iter().flatten().map(pair).collect();
    let others = [
        difference(recorded, "attempted-count", &result.attempted_count),
        difference(recorded, "acknowledged-count", &result.acknowledged_count),
        difference(recorded, "duplicated-count", &result.duplicated_count),
        difference(recorded, "duplicated", &duplicated),
        difference(recorded, "range", &result.range),
    ];
    valid.into_iter().chain(others.into_iter().flatten()).collect()
}
