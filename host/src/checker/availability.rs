//! Which share of the clients' requests succeeded, against what the user demands (spec §12.3).

use serde::Serialize;

use super::verdict::{Explain, Finding, seconds};
use super::{History, Kind, Op, Valid};

/// What `--availability` demands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Availability {
    /// Every request succeeds.
    Total,
    /// At least this share of all requests, from 0 to 1, succeeds.
    Fraction(f64),
}

/// The verdict on availability.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AvailabilityResult {
    /// Whether the demand is met; true if there is none.
    #[serde(rename = "valid?")]
    pub valid: Valid,
    /// Ok completions per invocation; 1 when there are none.
    pub ok_fraction: f64,
    #[serde(skip)]
    violations: Vec<Finding>,
}

/// Compares the clients' success with the demand. Final reads count, the fault injector does not.
pub fn check(history: &History, demand: Option<Availability>) -> AvailabilityResult {
    let invocations = history.invocations().count();
    let successes = history.completions().filter(|op| op.kind == Kind::Ok).count();
    let ok_fraction = if invocations == 0 { 1.0 } else { successes as f64 / invocations as f64 };
    let is_met = match demand {
        None => true,
        Some(Availability::Total) => successes >= invocations,
        Some(Availability::Fraction(least)) => ok_fraction >= least,
    };
    let violations = if is_met { Vec::new() } else { vec![first_failure(history, successes, invocations)] };
    AvailabilityResult { valid: Valid::from(is_met), ok_fraction, violations }
}

fn first_failure(history: &History, successes: usize, invocations: usize) -> Finding {
    let summary = format!("only {successes} of {invocations} requests succeeded");
    let is_ok =
        |op: &&Op| history.completion_of(op.index).is_some_and(|completion| completion.kind == Kind::Ok);
    let Some(invocation) = history.invocations().find(|op| !is_ok(op)) else {
        return Finding::overall(summary);
    };
    let outcome = match history.completion_of(invocation.index) {
        None => "was never completed".to_owned(),
        Some(Op { kind, error: Some(error), .. }) => {
            format!("ended as `{}` with {}", kind.as_str(), error.told())
        }
        Some(completion) => format!("ended as `{}`", completion.kind.as_str()),
    };
    let Op { f, process, time_ns, .. } = invocation;
    let text = format!(
        "{summary}; the first other one, `{f}` of process {process} at {}, {outcome}",
        seconds(*time_ns)
    );
    Finding::at(invocation, text)
}

impl Explain for AvailabilityResult {
    fn violations(&self) -> &[Finding] {
        &self.violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::history::written;

    fn half() -> History {
        written(&[
            "0 invoke read null",
            "0 ok read []",
            "nemesis info start null",
            "0 invoke read null",
            "0 info read null",
        ])
    }

    #[test]
    fn without_a_demand_every_fraction_will_do() {
        let result = check(&half(), None);
        assert_eq!(serde_json::to_string(&result).unwrap(), r#"{"valid?":true,"ok-fraction":0.5}"#);
    }

    #[test]
    fn total_availability_tolerates_no_failure() {
        let result = check(&half(), Some(Availability::Total));
        assert_eq!(result.valid, Valid::False);
        let text = "only 1 of 2 requests succeeded; the first other one, `read` of process 0 at 0.003 s, ended as `info`";
        assert_eq!(result.violations()[0].text, text);
        assert_eq!(result.violations()[0].op_index, Some(3));
    }

    #[test]
    fn an_unanswered_request_counts_as_a_failure() {
        let history = written(&["0 invoke read null"]);
        assert_eq!(check(&history, Some(Availability::Total)).valid, Valid::False);
    }

    #[test]
    fn a_fraction_is_a_lower_bound() {
        assert_eq!(check(&half(), Some(Availability::Fraction(0.5))).valid, Valid::True);
        assert_eq!(check(&half(), Some(Availability::Fraction(0.51))).valid, Valid::False);
    }

    #[test]
    fn no_requests_are_fully_available() {
        assert_eq!(check(&written(&[]), Some(Availability::Total)).ok_fraction, 1.0);
    }
}
