//! How many operations of each kind succeeded (spec §12.2). A workload of which some kind of operation never
//! succeeds has not been tested, so it is not valid.

use std::collections::BTreeMap;

use serde::Serialize;

use super::verdict::{Explain, Finding};
use super::{History, Kind, Valid};

/// Counts of the clients' completions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// False when there are operations, but none is ok.
    #[serde(rename = "valid?")]
    pub valid: Valid,
    /// All completions.
    pub count: usize,
    /// Those known to have happened.
    pub ok_count: usize,
    /// Those known not to have happened.
    pub fail_count: usize,
    /// Those of unknown outcome.
    pub info_count: usize,
}

/// Counts over all operations and by operation name. Valid if every name that is not exempt has an ok.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StatsResult {
    /// All operations together; its `valid` is the verdict.
    #[serde(flatten)]
    pub total: Counts,
    /// The same for each operation name, by itself.
    pub by_f: BTreeMap<String, Counts>,
    #[serde(skip)]
    violations: Vec<Finding>,
}

/// Counts completions. The operations named in `exempt` need not succeed: kafka's `crash` never does.
pub fn check(history: &History, exempt: &[&str]) -> StatsResult {
    let mut result = StatsResult::default();
    for completion in history.completions() {
        result.total.add(completion.kind);
        result.by_f.entry(completion.f.to_string()).or_default().add(completion.kind);
    }
    for (f, counts) in &mut result.by_f {
        counts.valid = Valid::from(counts.ok_count > 0);
        if counts.valid == Valid::False && !exempt.contains(&f.as_str()) {
            let text = format!(
                "no `{f}` operation succeeded: {} failed, {} are of unknown outcome",
                counts.fail_count, counts.info_count
            );
            result.violations.push(Finding::overall(text));
        }
    }
    result.total.valid = Valid::from(result.violations.is_empty());
    result
}

impl Counts {
    fn add(&mut self, kind: Kind) {
        self.count += 1;
        match kind {
            Kind::Ok => self.ok_count += 1,
            Kind::Fail => self.fail_count += 1,
            Kind::Info | Kind::Invoke => self.info_count += 1,
        }
    }
}

impl Explain for StatsResult {
    fn violations(&self) -> &[Finding] {
        &self.violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::history::written;

    #[test]
    fn completions_are_counted_by_operation() {
        let history = written(&[
            "0 invoke read null",
            "1 invoke add 1",
            "0 ok read []",
            "1 ok add 1",
            "0 invoke read null",
            "1 invoke add 2",
            "0 fail read null",
            "1 info add 2",
            "2 invoke add 3",
        ]);
        let expected = concat!(
            r#"{"valid?":true,"count":4,"ok-count":2,"fail-count":1,"info-count":1,"by-f":{"#,
            r#""add":{"valid?":true,"count":2,"ok-count":1,"fail-count":0,"info-count":1},"#,
            r#""read":{"valid?":true,"count":2,"ok-count":1,"fail-count":1,"info-count":0}}}"#
        );
        assert_eq!(serde_json::to_string(&check(&history, &[])).unwrap(), expected);
    }

    #[test]
    fn every_kind_of_operation_must_succeed_once() {
        let history = written(&["0 invoke read null", "0 ok read []", "0 invoke add 1", "0 fail add 1"]);
        let result = check(&history, &[]);
        assert_eq!(result.total.valid, Valid::False);
        assert_eq!(
            result.violations()[0].text,
            "no `add` operation succeeded: 1 failed, 0 are of unknown outcome"
        );
    }

    #[test]
    fn exempt_operations_need_not_succeed() {
        let history = written(&["0 invoke crash null", "0 info crash null"]);
        assert_eq!(check(&history, &[]).total.valid, Valid::False);
        let exempted = check(&history, &["crash"]);
        assert_eq!((exempted.total.valid, exempted.by_f["crash"].valid), (Valid::True, Valid::False));
    }

    #[test]
    fn a_history_without_clients_is_valid() {
        assert_eq!(check(&written(&[]), &[]).total.valid, Valid::True);
        assert_eq!(check(&written(&["nemesis info start null"]), &[]).total.count, 0);
    }
}
