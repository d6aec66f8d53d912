//! Whether the final reads of a counter are sums that the acknowledged additions allow (spec §9.5); for g-counter and
//! pn-counter alike. Reads before the quiet period may say anything; one that goes backwards gets a warning.

use std::collections::HashMap;
use std::fmt::Write;

use serde::Serialize;

use super::verdict::{Explain, Finding, seconds};
use super::{History, Kind, Op, Process, Valid, Value};

/// Additions of unknown outcome can make the acceptable sums fall into exponentially many intervals. Beyond this
/// number the verdict is unknown; Maelstrom's own additions, of −5 to 4, never need more than a few.
const MAX_INTERVALS: usize = 1 << 16;

/// How many errors or warnings are put into words.
const EXPLAINED: usize = 8;

/// How many reads that are wrong are put into words, and so counted where not all of them are shown.
const TOLD: usize = 1000;

/// The verdict on a counter's history.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CounterResult {
    /// False if a final read is not acceptable; else unknown if the acceptable sums cannot be told.
    #[serde(rename = "valid?")]
    pub valid: Valid,
    /// The final reads that are not acceptable; `None`, written `null`, if all are.
    pub errors: Option<Vec<Op>>,
    /// What the final reads returned.
    pub final_reads: Vec<Value>,
    /// The acceptable sums: closed intervals in ascending order, not touching.
    pub acceptable: Vec<Interval>,
    /// Why the verdict is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip)]
    violations: Vec<Finding>,
    #[serde(skip)]
    unjudged: Vec<Finding>,
    #[serde(skip)]
    warnings: Vec<Finding>,
}

/// The integers from the first to the second, both included.
pub type Interval = (i128, i128);

/// Compares every ok final read with the sums that are possible: all acknowledged additions and any subset of those
/// of unknown outcome.
pub fn check(history: &History) -> CounterResult {
    let final_reads: Vec<&Op> =
        history.completions().filter(|op| op.f == "read" && op.kind == Kind::Ok && op.is_final).collect();
    let (acceptable, unjudged) = match acceptable(history) {
        Ok(acceptable) => (acceptable, Vec::new()),
        Err(finding) => (Vec::new(), vec![finding]),
    };
    // Whatever the additions were, their sum is an integer.
    let is_error = |read: &&Op| match unjudged.is_empty() {
        true => !contains(&acceptable, &read.value),
        false => read.value.to_big().is_none(),
    };
    let errors: Vec<Op> = final_reads.iter().copied().filter(is_error).cloned().collect();
    let valid = match (errors.is_empty(), unjudged.is_empty()) {
        (false, _) => Valid::False,
        (true, true) => Valid::True,
        (true, false) => Valid::Unknown,
    };
    let mut warnings = backward_reads(history);
    if final_reads.is_empty() && history.client_ops().next().is_some() {
        let text = "no final read succeeded, so nothing was judged: only reads marked `final?` count";
        warnings.insert(0, Finding::overall(text.to_owned()).strictly());
    }
    CounterResult {
        valid,
        violations: errors.iter().take(TOLD).map(|op| explain(op, &acceptable)).collect(),
        errors: (!errors.is_empty()).then_some(errors),
        final_reads: final_reads.iter().map(|op| op.value.clone()).collect(),
        acceptable,
        error: unjudged.first().map(|finding| finding.text.clone()),
        unjudged,
        warnings,
    }
}

/// All sums that are possible, or why they cannot be told.
fn acceptable(history: &History) -> Result<Vec<Interval>, Finding> {
    let mut definite: i128 = 0;
    let mut indeterminate = Vec::new();
    for add in history.completions().filter(|op| op.f == "add" && matches!(op.kind, Kind::Ok | Kind::Info)) {
        let delta = integer(&add.value).ok_or_else(|| {
            Finding::at(
                add,
                format!(
                    "the delta {} of `add` at {} is not an integer of at most 127 bits",
                    add.value.told(),
                    seconds(add.time_ns)
                ),
            )
        })?;
        match add.kind {
            Kind::Ok => definite = definite.checked_add(delta).ok_or_else(overflow)?,
            _ => indeterminate.push(delta),
        }
    }
    let mut acceptable = vec![(definite, definite)];
    for delta in indeterminate {
        acceptable = with_and_without(&acceptable, delta).ok_or_else(overflow)?;
        if acceptable.len() > MAX_INTERVALS {
            let text =
                format!("additions of unknown outcome allow more than {MAX_INTERVALS} intervals of sums");
            return Err(Finding::overall(text));
        }
    }
    Ok(acceptable)
}

fn overflow() -> Finding {
    Finding::overall("the sum of all additions does not fit 127 bits".to_owned())
}

/// The union of the intervals and the intervals moved by `delta`. `None` on overflow.
fn with_and_without(intervals: &[Interval], delta: i128) -> Option<Vec<Interval>> {
    let moved = intervals.iter().map(|(low, high)| Some((low.checked_add(delta)?, high.checked_add(delta)?)));
    let moved: Vec<Interval> = moved.collect::<Option<_>>()?;
    let mut all = [intervals, &moved].concat();
    all.sort_unstable();
    let mut merged: Vec<Interval> = Vec::with_capacity(all.len());
    for (low, high) in all {
        match merged.last_mut() {
            Some((_, end)) if low <= end.saturating_add(1) => *end = high.max(*end),
            _ => merged.push((low, high)),
        }
    }
    Some(merged)
}

fn contains(intervals: &[Interval], value: &Value) -> bool {
    let Some(value) = integer(value) else { return false };
    let next = intervals.partition_point(|(low, _)| *low <= value);
    next > 0 && value <= intervals[next - 1].1
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int(small) => Some(i128::from(*small)),
        Value::BigInt(big) => i128::try_from(&**big).ok(),
        _ => None,
    }
}

fn explain(read: &Op, acceptable: &[Interval]) -> Finding {
    let mut possible = String::new();
    if acceptable.is_empty() {
        possible.push_str("an integer");
    }
    for (low, high) in acceptable.iter().take(EXPLAINED) {
        let separator = if possible.is_empty() { "" } else { ", " };
        let end = if low == high { String::new() } else { format!(" to {high}") };
        let _infallible = write!(possible, "{separator}{low}{end}");
    }
    if acceptable.len() > EXPLAINED {
        possible.push_str(", …");
    }
    let time = seconds(read.time_ns);
    Finding::at(
        read,
        format!(
            "the final read of process {} at {time} is {}, but only {possible} is possible",
            read.process,
            read.value.told()
        ),
    )
}

/// Reads of one process that fall although nothing was ever subtracted.
fn backward_reads(history: &History) -> Vec<Finding> {
    let subtracts = |op: &Op| op.f == "add" && integer(&op.value).is_none_or(|delta| delta < 0);
    if history.invocations().any(subtracts) {
        return Vec::new();
    }
    let mut latest: HashMap<Process, (i128, u64)> = HashMap::new();
    let mut findings = Vec::new();
    for read in history.completions().filter(|op| op.f == "read" && op.kind == Kind::Ok) {
        let Some(value) = integer(&read.value) else { continue };
        match latest.insert(read.process, (value, read.time_ns)) {
            Some((earlier, then)) if value < earlier && findings.len() < EXPLAINED => {
                let (then, now) = (seconds(then), seconds(read.time_ns));
                let process = read.process;
                let text = format!(
                    "process {process} read {earlier} at {then} and {value} at {now}, though nothing was subtracted"
                );
                findings.push(Finding::at(read, text));
            }
            _ => {}
        }
    }
    findings
}

impl Explain for CounterResult {
    fn violations(&self) -> &[Finding] {
        &self.violations
    }

    fn unjudged(&self) -> &[Finding] {
        &self.unjudged
    }

    fn warnings(&self) -> &[Finding] {
        &self.warnings
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::checker::history::written;

    /// A history of these additions, each `outcome delta`, and one final read.
    fn counted(additions: &[&str], read: &str) -> CounterResult {
        let mut lines = Vec::new();
        for (process, addition) in additions.iter().enumerate() {
            let (outcome, delta) = addition.split_once(' ').unwrap();
            lines.push(format!("{process} invoke add {delta}"));
            lines.push(format!("{process} {outcome} add {delta}"));
        }
        lines.push("99 invoke read! null".to_owned());
        lines.push(format!("99 ok read! {read}"));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        check(&written(&lines))
    }

    #[test]
    fn acknowledged_additions_leave_one_sum() {
        assert_eq!(counted(&["ok 2", "ok 3"], "5").acceptable, [(5, 5)]);
        assert_eq!(counted(&[], "0").acceptable, [(0, 0)]);
    }

    #[test]
    fn additions_of_unknown_outcome_may_count_or_not() {
        let result = counted(&["ok 10", "info 5", "info -1", "info -1"], "14");
        assert_eq!(result.acceptable, [(8, 10), (13, 15)]);
        assert_eq!(result.valid, Valid::True);
    }

    #[test]
    fn failed_additions_do_not_count() {
        assert_eq!(counted(&["ok 1", "fail 7"], "1").acceptable, [(1, 1)]);
        assert_eq!(counted(&["ok 1", "fail 7"], "8").valid, Valid::False);
    }

    #[test]
    fn a_lost_addition_is_invalid_and_told() {
        let result = counted(&["ok 2", "ok 3", "info 10"], "3");
        assert_eq!(result.valid, Valid::False);
        assert_eq!(result.errors.as_ref().map(Vec::len), Some(1));
        let text = "the final read of process 99 at 0.007 s is 3, but only 5, 15 is possible";
        assert_eq!(result.violations()[0].text, text);
        assert_eq!(result.violations()[0].op_index, Some(7));
    }

    #[test]
    fn reads_that_are_no_integers_are_errors() {
        assert_eq!(counted(&["ok 1"], "null").valid, Valid::False);
        assert_eq!(counted(&["ok 1"], "1.0").valid, Valid::False);
    }

    #[test]
    fn intermediate_and_failed_reads_are_ignored() {
        let history =
            written(&["0 invoke read null", "0 ok read 7", "0 invoke read! null", "0 info read! null"]);
        let expected = r#"{"valid?":true,"errors":null,"final-reads":[],"acceptable":[[0,0]]}"#;
        assert_eq!(serde_json::to_string(&check(&history)).unwrap(), expected);
    }

    #[test]
    fn a_grow_only_counter_that_goes_backwards_is_a_warning() {
        let lines = ["0 invoke read null", "0 ok read 4", "0 invoke read null", "0 ok read 3"];
        let result = check(&written(&lines));
        assert_eq!(result.valid, Valid::True);
        let text = "process 0 read 4 at 0.001 s and 3 at 0.003 s, though nothing was subtracted";
        let told = |result: &CounterResult| result.warnings().iter().any(|warning| warning.text == text);
        assert!(told(&result));
        let subtracting = [&lines[..], &["1 invoke add -1"]].concat();
        assert!(!told(&check(&written(&subtracting))));
    }

    #[test]
    fn what_cannot_be_counted_is_unknown() {
        let sparse: Vec<String> = (0..40).map(|power| format!("info {}", 1u64 << power << 1)).collect();
        let sparse: Vec<&str> = sparse.iter().map(String::as_str).collect();
        for additions in [&sparse[..], &["ok null"], &["ok 170141183460469231731687303715884105727", "ok 1"]]
        {
            let result = counted(additions, "0");
            assert_eq!(result.valid, Valid::Unknown);
            assert_eq!(result.error.as_ref(), Some(&result.unjudged()[0].text));
            assert_eq!(result.violations(), []);
        }
    }

    #[test]
    fn a_final_read_that_is_no_integer_is_invalid_whatever_the_sum() {
        let result = counted(&["ok null"], "\"many\"");
        assert_eq!((result.valid, result.unjudged().len()), (Valid::False, 1));
        let text = "the final read of process 99 at 0.003 s is \"many\", but only an integer is possible";
        assert_eq!(result.violations()[0].text, text);
    }

    #[test]
    fn a_history_without_a_final_read_is_not_silently_valid() {
        for lines in [
            &["0 invoke add 1", "0 ok add 1", "0 invoke read null", "0 ok read 7"][..],
            &["0 invoke add 1", "0 ok add 1", "0 invoke read! null", "0 info read! null"],
        ] {
            let result = check(&written(lines));
            assert_eq!(result.valid, Valid::True);
            let [warning] = result.warnings() else { panic!("one warning") };
            assert!(warning.text.starts_with("no final read succeeded") && warning.is_strict);
        }
        assert_eq!(counted(&["ok 1"], "1").warnings(), []);
    }

    proptest! {
        #[test]
        fn acceptable_are_exactly_the_sums_of_all_subsets(deltas in prop::collection::vec(-20..20i64, 0..7)) {
            let additions: Vec<String> = deltas.iter().map(|delta| format!("info {delta}")).collect();
            let additions: Vec<&str> = additions.iter().map(String::as_str).collect();
            let mut sums = BTreeSet::from([0]);
            for delta in deltas {
                sums.extend(sums.clone().iter().map(|sum| sum + i128::from(delta)));
            }
            let acceptable = counted(&additions, "0").acceptable;
            let touching = acceptable.windows(2).any(|pair| pair[0].1 + 1 >= pair[1].0);
            prop_assert!(!touching, "{:?}", acceptable);
            prop_assert!(acceptable.into_iter().flat_map(|(low, high)| low..=high).eq(sums));
        }
    }
}
