//! The three-valued verdict every checker gives, how verdicts combine, and how a checker explains itself.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::Op;
use super::value::shortened;

/// Whether a history is valid (spec §12.6). Ordered from best to worst, so the verdict of a whole is the `max` of
/// its parts: false beats unknown beats true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Valid {
    /// Nothing wrong was found.
    #[default]
    True,
    /// The checker could not decide, or could not run.
    Unknown,
    /// The history shows something the system promised not to do.
    False,
}

impl Valid {
    /// The worst verdict of all parts; `True` when there are none.
    pub fn worst(parts: impl IntoIterator<Item = Valid>) -> Valid {
        parts.into_iter().max().unwrap_or_default()
    }
}

impl From<bool> for Valid {
    fn from(valid: bool) -> Valid {
        if valid { Valid::True } else { Valid::False }
    }
}

/// As Maelstrom writes it under `valid?`: `true`, `false` or `"unknown"`.
impl Serialize for Valid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Valid::True => serializer.serialize_bool(true),
            Valid::False => serializer.serialize_bool(false),
            Valid::Unknown => serializer.serialize_str("unknown"),
        }
    }
}

/// Something a checker noticed, in one plain sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// For instance `element 17, acknowledged to process 3 at 1.204 s, is missing from every read begun after 5.310 s`.
    pub text: String,
    /// The operation where it shows, if it shows in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_index: Option<usize>,
    /// When it shows, in nanoseconds since the load began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_ns: Option<u64>,
    /// The operations one has to look at to understand it, in the order in which to look.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub involved: Vec<Involved>,
    /// What is to be read below it, line by line: where a program died.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// Whether a warning is about something that the system should never have shown, although the original lets it pass:
    /// with `--strict` it makes the history invalid.
    #[serde(rename = "strict", skip_serializing_if = "std::ops::Not::not")]
    pub is_strict: bool,
}

/// Bytes of a finding. What they quote is short already; this is for those that quote many things.
const MAX_TEXT_BYTES: usize = 8_000;

/// An operation that has a part in a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Involved {
    /// Which operation: the index of its invocation or of its completion.
    pub op_index: usize,
    /// Its part in a few words, for instance `acknowledged`.
    pub role: Cow<'static, str>,
}

impl Finding {
    /// A finding that shows in one operation.
    pub fn at(op: &Op, text: String) -> Finding {
        Finding { op_index: Some(op.index), time_ns: Some(op.time_ns), ..Finding::overall(text) }
    }

    /// A finding about the history as a whole.
    pub fn overall(text: String) -> Finding {
        let text = match text.len() <= MAX_TEXT_BYTES {
            true => text,
            false => shortened(&text, MAX_TEXT_BYTES).into_owned(),
        };
        let (involved, details) = (Vec::new(), Vec::new());
        Finding { text, op_index: None, time_ns: None, involved, details, is_strict: false }
    }

    /// The same as a warning that `--strict` takes for a violation.
    pub fn strictly(self) -> Finding {
        Finding { is_strict: true, ..self }
    }

    /// A finding about something that happened at a time, in nanoseconds since the load began.
    pub fn at_time(time_ns: u64, text: String) -> Finding {
        Finding { time_ns: Some(time_ns), ..Finding::overall(text) }
    }

    /// The same with the operations that have a part in it, each with its role.
    pub fn involving<R: Into<Cow<'static, str>>>(
        mut self,
        ops: impl IntoIterator<Item = (usize, R)>,
    ) -> Finding {
        let involved = ops.into_iter().map(|(op_index, role)| Involved { op_index, role: role.into() });
        self.involved = involved.collect();
        self
    }
}

/// What a checker's result says to a person. The result's own fields are Maelstrom's and speak to programs.
pub trait Explain {
    /// Why the history is not valid, the earliest offence first; a selection when there are many. Empty unless it is
    /// invalid.
    fn violations(&self) -> &[Finding];

    /// What could not be judged, and why. Not empty if the verdict is unknown; beside violations it says that there may
    /// be more.
    fn unjudged(&self) -> &[Finding] {
        &[]
    }

    /// What is suspicious, though Maelstrom's checker does not look at it. Warnings never change the verdict.
    fn warnings(&self) -> &[Finding] {
        &[]
    }
}

/// Nanoseconds as seconds with three decimals, for findings: `1.204 s`.
pub fn seconds(time_ns: u64) -> String {
    format!("{}.{:03} s", time_ns / 1_000_000_000, time_ns / 1_000_000 % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn false_beats_unknown_beats_true() {
        assert_eq!(Valid::worst([Valid::True, Valid::Unknown]), Valid::Unknown);
        assert_eq!(Valid::worst([Valid::False, Valid::Unknown, Valid::True]), Valid::False);
        assert_eq!(Valid::worst([]), Valid::True);
    }

    #[test]
    fn verdicts_are_written_as_maelstrom_writes_them() {
        let text = serde_json::to_string(&[Valid::True, Valid::False, Valid::Unknown]).unwrap();
        assert_eq!(text, r#"[true,false,"unknown"]"#);
    }

    #[test]
    fn times_are_told_in_seconds() {
        assert_eq!(seconds(1_204_999_999), "1.204 s");
        assert_eq!(seconds(0), "0.000 s");
    }
}
