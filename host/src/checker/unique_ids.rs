//! Whether no id was handed out twice (spec §9.2).

use std::cmp::Ordering;
use std::collections::HashMap;

use serde::Serialize;

use super::verdict::{Explain, Finding, seconds};
use super::{History, Kind, Op, Valid, Value};

/// How many duplicated ids the result lists.
const LISTED: usize = 48;

/// How many duplicated ids are put into words.
const EXPLAINED: usize = 1000;

/// The verdict on a unique-ids history.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UniqueIdsResult {
    /// False if an id occurs twice; else unknown if the ids cannot be compared.
    #[serde(rename = "valid?")]
    pub valid: Valid,
    /// Invocations of `generate`.
    pub attempted_count: usize,
    /// Those that are ok.
    pub acknowledged_count: usize,
    /// How many ids occur more than once.
    pub duplicated_count: usize,
    /// Id → how often it occurs; the 48 most frequent, in ascending order. Of equally frequent ones the largest.
    pub duplicated: Value,
    /// The smallest and the largest id, `null` aside.
    pub range: [Value; 2],
    /// Why the verdict is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip)]
    violations: Vec<Finding>,
    #[serde(skip)]
    unjudged: Vec<Finding>,
}

/// Looks for ids that two ok `generate` operations have in common.
pub fn check(history: &History) -> UniqueIdsResult {
    let acknowledged: Vec<&Op> =
        history.completions().filter(|op| op.f == "generate" && op.kind == Kind::Ok).collect();
    let duplicates = duplicates(&acknowledged);
    let counts = counts(&duplicates);
    let violations = duplicates.iter().take(EXPLAINED).map(|holders| explain(holders)).collect();
    let (range, unjudged) = match range(&acknowledged) {
        Ok(range) => (range, Vec::new()),
        Err(finding) => ([Value::Null, Value::Null], vec![finding]),
    };
    let valid = match (duplicates.is_empty(), unjudged.is_empty()) {
        (false, _) => Valid::False,
        (true, true) => Valid::True,
        (true, false) => Valid::Unknown,
    };
    UniqueIdsResult {
        valid,
        attempted_count: history.invocations().filter(|op| op.f == "generate").count(),
        acknowledged_count: acknowledged.len(),
        duplicated_count: counts.len(),
        duplicated: most_frequent(counts),
        range,
        error: unjudged.first().map(|finding| finding.text.clone()),
        violations,
        unjudged,
    }
}

/// For each id that occurs more than once the operations that returned it, ordered by the first repetition.
fn duplicates<'h>(acknowledged: &[&'h Op]) -> Vec<Vec<&'h Op>> {
    let mut holders: HashMap<&Value, Vec<&Op>> = HashMap::with_capacity(acknowledged.len());
    for op in acknowledged {
        holders.entry(&op.value).or_default().push(op);
    }
    let mut duplicates: Vec<Vec<&Op>> = holders.into_values().filter(|ops| ops.len() > 1).collect();
    duplicates.sort_unstable_by_key(|ops| ops[1].index);
    duplicates
}

/// The duplicated ids in ascending order and how often each occurs. Those that tie, like 1 and 1.0, count as the first
/// of them, because Maelstrom puts them into a sorted map.
fn counts<'h>(duplicates: &[Vec<&'h Op>]) -> Vec<(&'h Value, usize)> {
    let mut counts: Vec<(&Value, usize)> = duplicates.iter().map(|ops| (&ops[0].value, ops.len())).collect();
    counts.sort_unstable();
    counts.dedup_by(|(id, _), (before, _)| id.compare(before) == Some(Ordering::Equal));
    counts
}

fn most_frequent(mut counts: Vec<(&Value, usize)>) -> Value {
    counts.sort_by_key(|(_, count)| *count);
    let mut most_frequent = counts.split_off(counts.len().saturating_sub(LISTED));
    most_frequent.sort_unstable();
    Value::Map(most_frequent.into_iter().map(|(id, count)| (id.clone(), Value::Int(count as i64))).collect())
}

/// The extremes by Clojure's `compare`, `null` aside; of several that tie, the last one returned. Where Clojure throws,
/// so that Maelstrom's verdict is unknown, the finding names the culprit.
fn range(acknowledged: &[&Op]) -> Result<[Value; 2], Finding> {
    let mut range: Option<(&Value, &Value)> = None;
    for op in acknowledged.iter().filter(|op| !op.value.is_null()) {
        let id = &op.value;
        let (low, high) = match range {
            None => (id, id),
            Some((low, high)) => match (id.compare(low), id.compare(high)) {
                (Some(with_low), Some(with_high)) => {
                    (if with_low.is_le() { id } else { low }, if with_high.is_ge() { id } else { high })
                }
                _ => return Err(incomparable(op)),
            },
        };
        range = Some((low, high));
    }
    Ok(range.map_or([Value::Null, Value::Null], |(low, high)| [low.clone(), high.clone()]))
}

fn incomparable(op: &Op) -> Finding {
    let time = seconds(op.time_ns);
    Finding::at(
        op,
        format!("the ids cannot be compared: {}, returned at {time}, with those before", op.value.told()),
    )
}

fn explain(holders: &[&Op]) -> Finding {
    let (first, second) = (holders[0], holders[1]);
    let text = format!(
        "id {} was handed out {} times: to process {} at {}, to process {} at {}{}",
        first.value.told(),
        holders.len(),
        first.process,
        seconds(first.time_ns),
        second.process,
        seconds(second.time_ns),
        if holders.len() > 2 { ", …" } else { "" }
    );
    let parts = holders.iter().take(LISTED).map(|op| (op.index, format!("returned {}", op.value.told())));
    Finding::at(second, text).involving(parts)
}

impl Explain for UniqueIdsResult {
    fn violations(&self) -> &[Finding] {
        &self.violations
    }

    fn unjudged(&self) -> &[Finding] {
        &self.unjudged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::history::written;

    /// A history in which one process is given these ids.
    fn ids(ids: &[&str]) -> UniqueIdsResult {
        let lines: Vec<String> = ids
            .iter()
            .flat_map(|id| ["0 invoke generate null".to_owned(), format!("0 ok generate {id}")])
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        check(&written(&lines))
    }

    #[test]
    fn different_ids_are_valid() {
        let expected = concat!(
            r#"{"valid?":true,"attempted-count":2,"acknowledged-count":2,"duplicated-count":0,"#,
            r#""duplicated":{},"range":["a","b"]}"#
        );
        assert_eq!(serde_json::to_string(&ids(&[r#""b""#, r#""a""#])).unwrap(), expected);
    }

    #[test]
    fn an_id_handed_out_twice_is_invalid_and_named() {
        let result = ids(&["7", "8", "7"]);
        assert_eq!((result.valid, result.duplicated_count), (Valid::False, 1));
        assert_eq!(result.duplicated.to_string(), r#"{"7":2}"#);
        let text = "id 7 was handed out 2 times: to process 0 at 0.001 s, to process 0 at 0.005 s";
        assert_eq!(result.violations()[0].text, text);
        assert_eq!(result.violations()[0].op_index, Some(5));
    }

    #[test]
    fn ids_beyond_64_bits_are_told_apart() {
        assert_eq!(ids(&["1180591620717411303424", "1180591620717411303425"]).valid, Valid::True);
        assert_eq!(ids(&["1180591620717411303424", "1180591620717411303424"]).valid, Valid::False);
    }

    #[test]
    fn an_integer_and_a_float_are_different_ids_but_tie() {
        let result = ids(&["1", "1.0"]);
        assert_eq!((result.valid, value_text(&result.range)), (Valid::True, "1.0 1.0".to_owned()));
        let result = ids(&["1", "1.0", "1", "1.0"]);
        assert_eq!((result.valid, result.duplicated.to_string()), (Valid::False, r#"{"1":2}"#.to_owned()));
        assert_eq!(result.violations().len(), 2);
    }

    fn value_text([low, high]: &[Value; 2]) -> String {
        format!("{low} {high}")
    }

    #[test]
    fn the_most_frequent_and_then_the_largest_duplicates_are_listed() {
        let mut twice: Vec<String> = (0..60).map(|id| id.to_string()).collect();
        twice.extend_from_within(..);
        twice.push("5".to_owned());
        let twice: Vec<&str> = twice.iter().map(String::as_str).collect();
        let result = ids(&twice);
        let listed = result.duplicated.as_map().unwrap();
        assert_eq!((result.duplicated_count, listed.len()), (60, 48));
        assert_eq!(listed[0], (Value::Int(5), Value::Int(3)));
        assert_eq!(listed[1], (Value::Int(13), Value::Int(2)));
    }

    #[test]
    fn ids_that_cannot_be_compared_leave_the_verdict_unknown() {
        for incomparable in [["1", r#""a""#], ["{}", r#"{"a":1}"#], ["[1]", r#"["a"]"#], ["true", "1"]] {
            assert_eq!(ids(&incomparable).valid, Valid::Unknown, "{incomparable:?}");
        }
        assert_eq!(ids(&[r#"{"a":1}"#]).valid, Valid::True);
        assert_eq!(value_text(&ids(&["null", "{}", "null"]).range), "{} {}");
    }

    #[test]
    fn a_duplicate_among_incomparable_ids_is_invalid_all_the_same() {
        let result = ids(&["1", r#""a""#, "1"]);
        assert_eq!(result.valid, Valid::False);
        assert!(result.violations()[0].text.starts_with("id 1 was handed out 2 times"));
        assert!(result.unjudged()[0].text.starts_with("the ids cannot be compared: \"a\""));
    }

    #[test]
    fn a_keyword_and_a_string_are_different_ids() {
        let op = |text: &str, index| Op::from_value(Value::from_edn(text).unwrap(), index).unwrap();
        let ids = |first: &str, second: &str| {
            let pair = |id: &str| {
                [
                    op("{:type :invoke :process 0 :f :generate}", 0),
                    op(&format!("{{:type :ok :process 0 :f :generate :value {id}}}"), 1),
                ]
            };
            check(&History::new([pair(first), pair(second)].concat()).unwrap()).valid
        };
        assert_eq!(ids(":a", "\"a\""), Valid::Unknown);
        assert_eq!(ids(":a", ":b"), Valid::True);
        assert_eq!((ids(":a", ":a"), ids("a", "a")), (Valid::False, Valid::False));
    }

    #[test]
    fn only_acknowledged_ids_count() {
        let history = written(&[
            "0 invoke generate null",
            "0 ok generate 1",
            "0 invoke generate null",
            "0 info generate 1",
        ]);
        let result = check(&history);
        assert_eq!((result.valid, result.attempted_count, result.acknowledged_count), (Valid::True, 2, 1));
    }
}
