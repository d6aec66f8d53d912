//! Operations as clients saw them, in the order they were seen (spec §6.2), and which completion belongs to which
//! invocation. Every checker begins here.

mod op;
mod read;
mod source;
mod unnamed;

use std::collections::HashMap;
use std::fmt;

#[cfg(test)]
use super::Value;
pub use op::{Kind, Op, Process};
pub use read::{ReadError, Recorded, Recordings, read_histories};

/// A history whose invocations and completions have been matched.
#[derive(Clone, Debug, Default)]
pub struct History {
    ops: Vec<Op>,
    /// For each invocation its completion, and the other way round.
    partner: Vec<Option<u32>>,
}

impl History {
    /// Matches each client's invocations with their completions. A process has at most one open operation; an
    /// invocation at the end of its process may stay open. Whatever indices the operations bore, they are numbered
    /// densely from 0. The fault injector's records are kept but not matched.
    pub fn new(mut ops: Vec<Op>) -> Result<History, HistoryError> {
        let mut partner = vec![None; ops.len()];
        let mut open: HashMap<Process, usize> = HashMap::new();
        for index in 0..ops.len() {
            ops[index].index = index;
            let op = &ops[index];
            if op.process == Process::Nemesis {
                continue;
            }
            if op.kind == Kind::Invoke {
                if let Some(earlier) = open.insert(op.process, index) {
                    return Err(HistoryError::AlreadyOpen { index, earlier });
                }
                continue;
            }
            let invocation = open.remove(&op.process).ok_or(HistoryError::NothingOpen { index })?;
            if ops[invocation].f != op.f {
                return Err(HistoryError::OtherOperation { index, invocation });
            }
            partner[index] = u32::try_from(invocation).ok();
            partner[invocation] = u32::try_from(index).ok();
        }
        Ok(History { ops, partner })
    }

    /// All records in order; each one's `index` is its place here.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The clients' records in order, without the fault injector's.
    pub fn client_ops(&self) -> impl Iterator<Item = &Op> {
        self.ops.iter().filter(|op| op.process != Process::Nemesis)
    }

    /// The clients' invocations in order.
    pub fn invocations(&self) -> impl Iterator<Item = &Op> {
        self.client_ops().filter(|op| op.kind == Kind::Invoke)
    }

    /// The clients' completions in order.
    pub fn completions(&self) -> impl Iterator<Item = &Op> {
        self.client_ops().filter(|op| op.kind != Kind::Invoke)
    }

    /// The completion of the invocation at `index`. `None` if it has none, or if there is no invocation.
    pub fn completion_of(&self, index: usize) -> Option<&Op> {
        self.partner_of(index).filter(|op| op.kind != Kind::Invoke)
    }

    /// The invocation of the completion at `index`. `None` if there is no completion of a client there.
    pub fn invocation_of(&self, index: usize) -> Option<&Op> {
        self.partner_of(index).filter(|op| op.kind == Kind::Invoke)
    }

    fn partner_of(&self, index: usize) -> Option<&Op> {
        let partner = (*self.partner.get(index)?)?;
        self.ops.get(partner as usize)
    }
}

/// Why records are not a history. Indices are places in the list of records, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryError {
    /// A process invoked an operation at `index` while the one from `earlier` was open.
    AlreadyOpen {
        /// The second invocation.
        index: usize,
        /// The first one.
        earlier: usize,
    },
    /// A process completed an operation at `index` without having invoked one.
    NothingOpen {
        /// The completion.
        index: usize,
    },
    /// The completion at `index` bears another name than its invocation.
    OtherOperation {
        /// The completion.
        index: usize,
        /// The invocation.
        invocation: usize,
    },
}

impl HistoryError {
    /// The place of the record that does not fit.
    pub fn index(&self) -> usize {
        match *self {
            HistoryError::AlreadyOpen { index, .. }
            | HistoryError::NothingOpen { index }
            | HistoryError::OtherOperation { index, .. } => index,
        }
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HistoryError::AlreadyOpen { index, earlier } => {
                write!(f, "operation {index}: its process has not yet completed operation {earlier}")
            }
            HistoryError::NothingOpen { index } => {
                write!(f, "operation {index}: a completion, but its process has invoked nothing")
            }
            HistoryError::OtherOperation { index, invocation } => {
                write!(f, "operation {index}: completes operation {invocation}, which has another `f`")
            }
        }
    }
}

impl std::error::Error for HistoryError {}

/// A history in shorthand for tests: a line `process type f value` for each record, 1 ms apart. A `!` after `f` marks
/// a final read.
#[cfg(test)]
pub(crate) fn written(lines: &[&str]) -> History {
    let op = |(position, line): (usize, &&str)| {
        let [process, kind, f, value] = *line.splitn(4, ' ').collect::<Vec<_>>() else {
            panic!("not a record: {line}")
        };
        let process = if process == "nemesis" { r#""nemesis""# } else { process };
        let (name, is_final) = (f.trim_end_matches('!'), f.ends_with('!'));
        let time = position * 1_000_000;
        let record = format!(
            r#"{{"time":{time},"type":"{kind}","process":{process},"f":"{name}","value":{value},"final?":{is_final}}}"#
        );
        Op::from_value(Value::from_json(&record).unwrap(), position).unwrap()
    };
    History::new(lines.iter().enumerate().map(op).collect()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(lines: &[&str]) -> Result<History, HistoryError> {
        let op = |(position, line): (usize, &&str)| {
            Op::from_value(Value::from_json(line).unwrap(), position).unwrap()
        };
        History::new(lines.iter().enumerate().map(op).collect())
    }

    const INVOKE_0: &str = r#"{"type":"invoke","process":0,"f":"read"}"#;
    const OK_0: &str = r#"{"type":"ok","process":0,"f":"read","value":1}"#;
    const INVOKE_1: &str = r#"{"type":"invoke","process":1,"f":"read"}"#;
    const NEMESIS: &str = r#"{"type":"info","process":"nemesis","f":"start-partition"}"#;

    #[test]
    fn completions_find_their_invocations_and_back() {
        let history = history(&[INVOKE_0, NEMESIS, INVOKE_1, OK_0, NEMESIS, INVOKE_0]).unwrap();
        assert_eq!(history.completion_of(0).unwrap().index, 3);
        assert_eq!(history.invocation_of(3).unwrap().index, 0);
        assert!(history.completion_of(2).is_none() && history.completion_of(5).is_none());
        assert!(history.invocation_of(0).is_none() && history.completion_of(3).is_none());
        assert!(history.invocation_of(1).is_none() && history.completion_of(99).is_none());
        assert_eq!((history.invocations().count(), history.completions().count()), (3, 1));
        assert_eq!(history.client_ops().count(), 4);
    }

    #[test]
    fn indices_are_renumbered_densely() {
        let history = history(&[r#"{"index":7,"type":"invoke","process":0,"f":"read"}"#, OK_0]).unwrap();
        assert_eq!(history.ops()[0].index, 0);
        assert_eq!(history.ops()[1].index, 1);
    }

    #[test]
    fn a_process_has_at_most_one_open_operation() {
        assert_eq!(
            history(&[INVOKE_0, INVOKE_0]).unwrap_err(),
            HistoryError::AlreadyOpen { index: 1, earlier: 0 }
        );
        assert_eq!(history(&[INVOKE_1, OK_0]).unwrap_err(), HistoryError::NothingOpen { index: 1 });
        assert_eq!(history(&[INVOKE_0, OK_0, OK_0]).unwrap_err(), HistoryError::NothingOpen { index: 2 });
        let other = r#"{"type":"ok","process":0,"f":"add"}"#;
        let error = history(&[INVOKE_0, other]).unwrap_err();
        assert_eq!(error, HistoryError::OtherOperation { index: 1, invocation: 0 });
    }
}
