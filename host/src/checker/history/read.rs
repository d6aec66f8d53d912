//! Histories in files: records of judged histories, our own `history.jsonl`, Jepsen's `history.edn`, and what other
//! tools make of them; each plain or compressed with gzip. Which it is shows in the content, not in the name.

use std::fmt;
use std::io::Read;

use super::super::Value;
use super::source::{Notation, Place, Source};
use super::unnamed::{Unnamed, invoked};
use super::{History, Op};

/// A history and what was recorded with it.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// The name of the history, in a file that holds several.
    pub id: Option<String>,
    /// The workload that made it.
    pub workload: Option<String>,
    /// How it was made; `null` or a map.
    pub options: Value,
    /// The operations.
    pub history: History,
    /// What another checker found, as that checker writes it.
    pub expect: Option<Value>,
}

/// Why a file holds no histories: one line, with the place it speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    pub(super) place: Place,
    pub(super) reason: String,
}

impl ReadError {
    /// The line of the file, from 1.
    pub fn line(&self) -> usize {
        self.place.line as usize
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.place.line, self.place.column, self.reason)
    }
}

impl std::error::Error for ReadError {}

/// Reads one history after the other from `input`, which holds JSON or EDN values, several a line or one over several
/// lines, alone or all of them in one array, vector or list:
///
/// * maps with a `history`: each is such a record, with `id`, `workload`, `options` and `expect`;
/// * any other maps: each is one operation of one history (`history.jsonl`, `history.edn`).
///
/// What operations may lack is told at [`Op::from_value`], and beside that `f` and `process`: an operation without
/// `f` is a `txn` if its value is a list of micro-operations, and a completion without it has that of its invocation.
/// Where no operation has a `process`, each invocation is of a process of its own, and a completion is of the open
/// invocation that it fits: the oldest with the same micro-operations or value, else with the same key, else with the
/// same `f`. In a history of completed transactions alone each was invoked when its process had completed the one before,
/// or at the beginning.
///
/// White space and comments do not count; an input of nothing else holds no history.
pub fn read_histories<'r>(input: impl Read + 'r) -> Recordings<'r> {
    Recordings { source: Source::new(input), state: State::Beginning, closing: None, is_first: true }
}

/// The histories in an input; ends after the first error.
pub struct Recordings<'r> {
    source: Source<'r>,
    state: State,
    /// What ends the list around the values, if there is one.
    closing: Option<u8>,
    /// Whether no value was read yet.
    is_first: bool,
}

#[derive(Clone, Copy)]
enum State {
    Beginning,
    InRecords,
    Done,
}

impl Iterator for Recordings<'_> {
    type Item = Result<Recorded, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let recorded = match std::mem::replace(&mut self.state, State::Done) {
            State::Done => return None,
            State::Beginning => self.first(),
            State::InRecords => self.next_record(),
        };
        recorded.transpose()
    }
}

impl Recordings<'_> {
    fn first(&mut self) -> Result<Option<Recorded>, ReadError> {
        self.source.begin()?;
        self.closing = match self.source.peek()? {
            Some(b'[') => Some(b']'),
            Some(b'(') => Some(b')'),
            Some(b'{' | b'#') | None => None,
            Some(_) => return Err(self.source.error("neither a JSON nor an EDN history begins like this")),
        };
        if self.closing.is_some() {
            self.source.pass();
        }
        let Some((first, place)) = self.next_value()? else { return Ok(None) };
        if first.get("history").is_some() {
            return self.record(first, place).map(Some);
        }
        self.operations(first, place).map(Some)
    }

    /// The next value and where it begins.
    fn next_value(&mut self) -> Result<Option<(Value, Place)>, ReadError> {
        let next = self.source.peek()?;
        match (next, self.closing) {
            (None, None) => return Ok(None),
            (None, Some(closing)) => {
                let reason =
                    format!("the file ends before the `{}` around the operations", char::from(closing));
                return Err(self.source.error(reason));
            }
            (Some(byte), Some(closing)) if byte == closing => return self.end().map(|()| None),
            (Some(b','), Some(_)) if !self.is_first && self.source.notation() == Notation::Json => {
                self.source.pass();
                self.source.peek()?;
            }
            (Some(_), Some(_)) if !self.is_first && self.source.notation() == Notation::Json => {
                return Err(self.source.error("expected `,` or `]` after an operation"));
            }
            _ => {}
        }
        self.is_first = false;
        let place = self.source.place();
        Ok(Some((self.source.value()?, place)))
    }

    /// Passes the end of the list around the values, after which nothing may come.
    fn end(&mut self) -> Result<(), ReadError> {
        self.source.pass();
        match self.source.peek()? {
            None => Ok(()),
            Some(_) => Err(self.source.error("nothing may follow the list of operations")),
        }
    }

    /// One history of which every value is one operation.
    fn operations(&mut self, first: Value, place: Place) -> Result<Recorded, ReadError> {
        let mut operations = Operations::default();
        let mut places = Vec::new();
        let mut next = Some((first, place));
        while let Some((record, place)) = next {
            operations.add(record).map_err(|reason| ReadError { place, reason })?;
            places.push(place);
            next = self.next_value()?;
        }
        operations.require_order().map_err(|(at, reason)| ReadError { place: places[at], reason })?;
        let history = History::new(invoked(operations.ops))
            .map_err(|error| ReadError { place: places[error.index()], reason: error.to_string() })?;
        Ok(Recorded { history, ..Recorded::default() })
    }

    fn next_record(&mut self) -> Result<Option<Recorded>, ReadError> {
        let Some((record, place)) = self.next_value()? else { return Ok(None) };
        self.record(record, place).map(Some)
    }

    /// One history in one value.
    fn record(&mut self, mut record: Value, place: Place) -> Result<Recorded, ReadError> {
        let history = history_of(record.take("history")).map_err(|reason| ReadError { place, reason })?;
        let text = |key: &str| record.get(key).and_then(Value::as_str).map(str::to_owned);
        let (id, workload) = (text("id"), text("workload"));
        self.state = State::InRecords;
        Ok(Recorded {
            id,
            workload,
            options: record.take("options").unwrap_or_default(),
            history,
            expect: record.take("expect"),
        })
    }
}

fn history_of(field: Option<Value>) -> Result<History, String> {
    let Some(Value::List(records)) = field else {
        return Err("`history` must be a list of operations".to_owned());
    };
    let mut operations = Operations::default();
    for (position, record) in records.into_iter().enumerate() {
        operations.add(record).map_err(|reason| format!("operation {position}: {reason}"))?;
    }
    operations.require_order().map_err(|(at, reason)| format!("operation {at}: {reason}"))?;
    History::new(invoked(operations.ops)).map_err(|error| error.to_string())
}

/// The operations of one history as they come.
#[derive(Default)]
struct Operations {
    ops: Vec<Op>,
    unnamed: Unnamed,
    /// Whether some index was not higher than the one before.
    is_disordered: bool,
}

impl Operations {
    fn add(&mut self, mut record: Value) -> Result<(), String> {
        self.unnamed.name(&mut record, &self.ops)?;
        let before = self.ops.last();
        let op = Op::from_value(record, before.map_or(self.ops.len(), |before| before.index + 1))?;
        self.is_disordered |= before.is_some_and(|before| op.index <= before.index);
        self.ops.push(op);
        Ok(())
    }

    /// Operations may have been left out of a file, but not put in another order. Indices of which some occur twice are
    /// none: some tools count for each process, or pairs; then the order in the file is the order.
    fn require_order(&self) -> Result<(), (usize, String)> {
        let moved = self.ops.windows(2).position(|pair| pair[1].index <= pair[0].index);
        let Some(moved) = moved.filter(|_| self.is_disordered) else { return Ok(()) };
        let mut indices: Vec<usize> = self.ops.iter().map(|op| op.index).collect();
        indices.sort_unstable();
        if indices.windows(2).any(|pair| pair[0] == pair[1]) {
            return Ok(());
        }
        let [before, after] = [&self.ops[moved], &self.ops[moved + 1]].map(|op| op.index);
        Err((moved + 1, format!("index {after} does not come after index {before}")))
    }
}

#[cfg(test)]
mod tests;
