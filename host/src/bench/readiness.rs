//! Why a node is not ready, and with it the run. Whoever looks at such a run has no history to look at; this is all there
//! is to go by.

mod cause;

use std::fmt;

use serde::{Serialize, Serializer};

use super::clients::told_error;
use crate::checker::Value;
use crate::protocol::quote;

pub use self::cause::Cause;
pub(super) use self::cause::{Asked, examine, why_unanswered};

/// Nodes that are named beside the first.
const MAX_NAMED: usize = 5;

/// Why a run could not begin: the first node that did not become ready, and what is known of it.
#[derive(Clone, Debug)]
pub struct Aborted {
    /// Its name.
    pub node: String,
    /// When it was given up, on the run's clock.
    pub time_ns: u64,
    /// What it did.
    pub failure: Failure,
    /// What it wrote last, or a backtrace.
    pub details: Vec<String>,
}

impl Aborted {
    /// In one line.
    pub fn reason(&self) -> String {
        self.failure.told_of(&self.node)
    }
}

/// As it stands in `results.json`: the node, the reason and the advice in words, and the details.
impl Serialize for Aborted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Aborted { node, time_ns, failure, details } = self;
        let (reason, advice) = (self.reason(), failure.advice());
        let fields = serde_json::json!({
            "node": node, "time": time_ns, "reason": reason, "advice": advice, "details": details,
        });
        fields.serialize(serializer)
    }
}

/// What a node must answer before it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// `init` (spec §4.1).
    Init,
    /// The workload's first request (spec §9.3).
    Setup,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Request::Init => "init",
            Request::Setup => "the workload's set-up",
        })
    }
}

/// How a node failed to become ready.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// It did not answer in time.
    Unanswered {
        /// What it was asked.
        request: Request,
        /// How long it had, in seconds.
        within_s: u64,
        /// What it did instead.
        cause: Cause,
        /// Other nodes that did not answer either.
        others: Vec<String>,
    },
    /// It answered with something else than what was due.
    Answered {
        /// What it was asked.
        request: Request,
        /// The answer's body.
        body: String,
        /// Why that is no answer.
        why: String,
    },
    /// It answered with an error.
    Refused {
        /// What it was asked.
        request: Request,
        /// What was expected, and the error: its code and text as far as they are there.
        error: String,
    },
    /// It died before.
    Died {
        /// The reason in one line.
        reason: String,
    },
}

impl Failure {
    /// An answer to `init` that is not `init_ok`.
    pub(super) fn not_init_ok(body: &Value) -> Failure {
        let request = Request::Init;
        if let Some(error) = told_error(body) {
            return Failure::Refused { request, error: format!("expected type init_ok, got {error}") };
        }
        let why = match body.get("type") {
            Some(kind) => format!("its type is {kind}, and must be \"init_ok\""),
            None => "it has no type, which must be \"init_ok\"".to_owned(),
        };
        Failure::Answered { request, body: body.to_string(), why }
    }

    /// An answer to the workload's set-up that is not as it must be.
    pub(super) fn malformed_setup(body: &Value, expected: &str, malformed: &impl fmt::Display) -> Failure {
        let request = Request::Setup;
        match told_error(body) {
            Some(error) => Failure::Refused { request, error: format!("{expected}, got {error}") },
            None => Failure::Answered { request, body: body.to_string(), why: malformed.to_string() },
        }
    }

    /// What happened, of the node that is called so.
    pub fn told_of(&self, node: &str) -> String {
        match self {
            Failure::Unanswered { request, within_s, cause, .. } => {
                format!("{node} did not answer {request} within {within_s} s: {cause}")
            }
            Failure::Answered { request, body, why } => {
                format!("{node} answered {request} wrongly: {why}: {}", quote(body))
            }
            Failure::Refused { request, error } => format!("{node} answered {request} wrongly: {error}"),
            Failure::Died { reason } => format!("{node} died before it was ready: {reason}"),
        }
    }

    /// The same of a node that the nemesis has started again.
    pub(super) fn told_of_restarted(&self) -> String {
        let text = match self {
            Failure::Unanswered { request, within_s, cause, .. } => {
                format!("it did not answer {request} within {within_s} s after it was restarted: {cause}")
            }
            _ => format!("after it was restarted {}", self.told_of("it")),
        };
        self.advice().into_iter().fold(text, |text, advice| format!("{text} ({advice})"))
    }

    /// What to do about it, and who else needs that.
    pub fn advice(&self) -> Vec<String> {
        match self {
            Failure::Unanswered { cause, others, .. } => {
                cause.advice().into_iter().chain(also(others)).collect()
            }
            Failure::Answered { .. } | Failure::Refused { .. } | Failure::Died { .. } => Vec::new(),
        }
    }
}

fn also(others: &[String]) -> Option<String> {
    let named = others.iter().take(MAX_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match others.len() {
        0 => None,
        1..=MAX_NAMED => Some(format!("{named} did not answer either")),
        count => Some(format!("{named} and {} more did not answer either", count - MAX_NAMED)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_nodes_that_are_mute_are_named_as_far_as_there_is_room() {
        let also = |count: usize| also(&(2..2 + count).map(|node| format!("n{node}")).collect::<Vec<_>>());
        assert_eq!(also(0), None);
        assert_eq!(also(2).as_deref(), Some("n2, n3 did not answer either"));
        assert_eq!(also(24).as_deref(), Some("n2, n3, n4, n5, n6 and 19 more did not answer either"));
    }

    #[test]
    fn an_answer_of_another_type_and_an_error_are_told_apart() {
        let told = |body: &str| Failure::not_init_ok(&Value::from_json(body).unwrap()).told_of("n1");
        assert_eq!(
            told(r#"{"type":"init_okay"}"#),
            r#"n1 answered init wrongly: its type is "init_okay", and must be "init_ok": {"type":"init_okay"}"#
        );
        assert_eq!(
            told(r#"{"type":"error","code":10,"text":"no"}"#),
            r#"n1 answered init wrongly: expected type init_ok, got error 10 (not-supported): "no""#
        );
        assert!(told("{}").starts_with("n1 answered init wrongly: it has no type"));
    }
}
