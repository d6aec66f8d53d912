//! Whether every echo request came back as it was sent (spec §9.1).

use serde::{Serialize, Serializer};

use super::verdict::{Explain, Finding, seconds};
use super::{History, Kind, Op, Valid, Value};

/// The verdict on an echo history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EchoResult {
    /// True if there is no error.
    #[serde(rename = "valid?")]
    pub valid: Valid,
    /// Every invocation that was not echoed, in order.
    pub errors: Vec<EchoError>,
    #[serde(skip)]
    violations: Vec<Finding>,
}

/// A request that was not echoed; written as Maelstrom's list of four.
#[derive(Clone, Debug, PartialEq)]
pub struct EchoError {
    /// What was sent.
    pub sent: Value,
    /// The value of the completion: the body of the reply if there was one, else what was sent; `null` without any completion.
    pub received: Value,
}

impl Serialize for EchoError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ("Expected a message with :echo", &self.sent, "But received", &self.received).serialize(serializer)
    }
}

/// How many errors are put into words, and so counted where not all of them are shown.
const EXPLAINED: usize = 1000;

/// Compares the value of each invocation with `echo` in the value of its completion, which for an ok one is the body
/// of the reply. Timeouts, errors and unanswered requests are errors too.
pub fn check(history: &History) -> EchoResult {
    let mut errors = Vec::new();
    let mut violations = Vec::new();
    for invocation in history.invocations() {
        let completion = history.completion_of(invocation.index);
        let received = completion.map_or(&Value::Null, |completion| &completion.value);
        if received.get("echo").unwrap_or(&Value::Null) == &invocation.value {
            continue;
        }
        if violations.len() < EXPLAINED {
            let outcome = match completion {
                None => "was never answered".to_owned(),
                Some(Op { kind: Kind::Ok, .. }) => format!("was answered with {}", received.told()),
                Some(Op { error: Some(error), .. }) if error.as_str() == Some("net-timeout") => {
                    "got no answer in time".to_owned()
                }
                // Its text is told with those of all others.
                Some(Op { error: Some(error), .. }) => {
                    let name = error.as_list().and_then(<[_]>::first).unwrap_or(error);
                    format!("got the error {}", name.told())
                }
                Some(completion) => format!("ended as `{}`", completion.kind.as_str()),
            };
            let (process, time) = (invocation.process, seconds(invocation.time_ns));
            let sent = invocation.value.told();
            let text = format!("the echo of {sent} by process {process} at {time} {outcome}");
            violations.push(Finding::at(invocation, text));
        }
        errors.push(EchoError { sent: invocation.value.clone(), received: received.clone() });
    }
    EchoResult { valid: Valid::from(errors.is_empty()), errors, violations }
}

impl Explain for EchoResult {
    fn violations(&self) -> &[Finding] {
        &self.violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::history::written;

    #[test]
    fn echoed_requests_are_valid() {
        let history = written(&[
            r#"0 invoke echo "Please echo 35""#,
            r#"0 ok echo {"type":"echo_ok","echo":"Please echo 35","in_reply_to":1}"#,
        ]);
        assert_eq!(serde_json::to_string(&check(&history)).unwrap(), r#"{"valid?":true,"errors":[]}"#);
    }

    #[test]
    fn another_text_is_an_error_told_in_maelstroms_words() {
        let history = written(&[r#"0 invoke echo "a""#, r#"0 ok echo {"echo":"b"}"#]);
        let result = check(&history);
        let expected = r#"{"valid?":false,"errors":[["Expected a message with :echo","a","But received",{"echo":"b"}]]}"#;
        assert_eq!(serde_json::to_string(&result).unwrap(), expected);
        assert_eq!(
            result.violations()[0].text,
            r#"the echo of "a" by process 0 at 0.000 s was answered with {"echo":"b"}"#
        );
    }

    #[test]
    fn timeouts_errors_and_unanswered_requests_are_errors() {
        let history = written(&[
            r#"0 invoke echo "a""#,
            r#"0 info echo "a""#,
            r#"1 invoke echo "b""#,
            r#"1 fail echo "b""#,
            r#"2 invoke echo "c""#,
        ]);
        let result = check(&history);
        assert_eq!((result.valid, result.errors.len()), (Valid::False, 3));
        assert_eq!(
            result.violations()[2].text,
            r#"the echo of "c" by process 2 at 0.004 s was never answered"#
        );
    }
}
