//! The transactions of a history in compact form: micro-operations in one flat array, keys and versions as numbers. A
//! *version* is a key together with a value that was written to it or read from it; every index of the two checkers is
//! an array over versions. The values themselves are only looked at again to tell what was found.

use std::fmt;
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::{History, Kind, Op, Value};

/// A number for a key.
pub(super) type Key = u32;
/// A number for a key and one of its values.
pub(super) type Version = u32;

/// How a workload writes and what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `["append", key, element]`, reads are lists of elements.
    List,
    /// `["w", key, value]`, reads are single values.
    Register,
}

impl Shape {
    fn write_name(self) -> &'static str {
        match self {
            Shape::List => "append",
            Shape::Register => "w",
        }
    }
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It committed.
    Ok,
    /// It did not.
    Fail,
    /// Nobody knows.
    Info,
    /// It has no completion at all.
    Pending,
}

impl Outcome {
    /// Whether its writes may have taken effect, as far as a completion says.
    pub(super) fn is_possible(self) -> bool {
        matches!(self, Outcome::Ok | Outcome::Info)
    }
}

/// What a read saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// `null`: the initial state. In a transaction that is not ok it says nothing.
    Nothing,
    /// A list of that many elements, or one value of a register; see [`Transactions::elements`].
    Versions { start: u32, len: u32 },
}

/// What a micro-operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Writes or appends.
    Write(Version),
    /// Reads.
    Read(Seen),
}

/// One step of a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct MicroOp {
    pub(super) key: Key,
    pub(super) action: Action,
}

/// One transaction.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    /// The index of its completion, or of its invocation if it has none.
    pub(super) op: usize,
    pub(super) outcome: Outcome,
    micro_ops: Range<u32>,
}

/// Why a part of a history cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unjudgeable {
    /// The operation that shows it, by index.
    pub op: usize,
    /// What is wrong, in words.
    pub reason: String,
}

impl fmt::Display for Unjudgeable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operation {}: {}", self.op, self.reason)
    }
}

impl std::error::Error for Unjudgeable {}

/// All transactions of a history's clients, in the order of their completions.
pub(super) struct Transactions<'h> {
    pub(super) history: &'h History,
    pub(super) shape: Shape,
    all: Vec<Transaction>,
    micro_ops: Vec<MicroOp>,
    elements: Vec<Version>,
    keys: Vec<&'h Value>,
    versions: Vec<(Key, &'h Value)>,
    key_of: FxHashMap<&'h Value, Key>,
    version_of: FxHashMap<(Key, &'h Value), Version>,
}

impl<'h> Transactions<'h> {
    /// Reads every client operation. Those that are no transactions of this shape are left out and returned.
    pub(super) fn read(history: &'h History, shape: Shape) -> (Transactions<'h>, Vec<Unjudgeable>) {
        let mut malformed = Vec::new();
        let mut transactions = Transactions {
            history,
            shape,
            all: Vec::new(),
            micro_ops: Vec::new(),
            elements: Vec::new(),
            keys: Vec::new(),
            versions: Vec::new(),
            key_of: FxHashMap::default(),
            version_of: FxHashMap::default(),
        };
        for op in history.client_ops() {
            let outcome = match op.kind {
                Kind::Ok => Outcome::Ok,
                Kind::Fail => Outcome::Fail,
                Kind::Info => Outcome::Info,
                Kind::Invoke if history.completion_of(op.index).is_none() => Outcome::Pending,
                Kind::Invoke => continue,
            };
            let (before, start) = (transactions.micro_ops.len(), transactions.elements.len());
            if let Err(reason) = transactions.add(op, outcome) {
                transactions.micro_ops.truncate(before);
                transactions.elements.truncate(start);
                malformed.push(reason);
            }
        }
        (transactions, malformed)
    }

    /// Leaves out all steps that concern these keys. What the others show does not depend on them.
    pub(super) fn leave_out(&mut self, keys: &FxHashSet<Key>) {
        let mut kept = Vec::with_capacity(self.micro_ops.len());
        for transaction in &mut self.all {
            let start = kept.len() as u32;
            let steps = transaction.micro_ops.start as usize..transaction.micro_ops.end as usize;
            kept.extend(self.micro_ops[steps].iter().filter(|step| !keys.contains(&step.key)));
            transaction.micro_ops = start..kept.len() as u32;
        }
        self.micro_ops = kept;
    }

    fn add(&mut self, op: &'h Op, outcome: Outcome) -> Result<(), Unjudgeable> {
        let start = self.micro_ops.len() as u32;
        for micro_op in micro_ops_of(self.history, op)? {
            let (name, key, value) = parts(op, micro_op)?;
            let key = self.key(key);
            let action = if name == self.shape.write_name() {
                Action::Write(self.version(key, value))
            } else if name == "r" {
                Action::Read(self.seen(key, value).map_err(|reason| Unjudgeable { op: op.index, reason })?)
            } else {
                let reason =
                    format!("a micro-operation must be \"r\" or {:?}, not {name:?}", self.shape.write_name());
                return Err(Unjudgeable { op: op.index, reason });
            };
            self.micro_ops.push(MicroOp { key, action });
        }
        self.all.push(Transaction { op: op.index, outcome, micro_ops: start..self.micro_ops.len() as u32 });
        Ok(())
    }

    fn seen(&mut self, key: Key, value: &'h Value) -> Result<Seen, String> {
        let elements = match (self.shape, value) {
            (_, Value::Null) => return Ok(Seen::Nothing),
            (Shape::Register, value) => std::slice::from_ref(value),
            (Shape::List, Value::List(elements)) => elements,
            (Shape::List, other) => {
                return Err(format!("a read must show a list or null, not {}", other.told()));
            }
        };
        let start = self.elements.len() as u32;
        for element in elements {
            let version = self.version(key, element);
            self.elements.push(version);
        }
        Ok(Seen::Versions { start, len: elements.len() as u32 })
    }

    fn key(&mut self, value: &'h Value) -> Key {
        *self.key_of.entry(value).or_insert_with(|| {
            self.keys.push(value);
            self.keys.len() as Key - 1
        })
    }

    fn version(&mut self, key: Key, value: &'h Value) -> Version {
        *self.version_of.entry((key, value)).or_insert_with(|| {
            self.versions.push((key, value));
            self.versions.len() as Version - 1
        })
    }

    /// All transactions with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Transaction)> {
        self.all.iter().enumerate()
    }

    /// The committed transactions with their numbers.
    pub(super) fn committed(&self) -> impl Iterator<Item = (usize, &Transaction)> {
        self.iter().filter(|(_, transaction)| transaction.outcome == Outcome::Ok)
    }

    /// A transaction by its number.
    pub(super) fn get(&self, number: usize) -> &Transaction {
        &self.all[number]
    }

    /// The number of a transaction by the index of its completion.
    pub(super) fn number_of(&self, op: usize) -> Option<usize> {
        self.all.binary_search_by_key(&op, |transaction| transaction.op).ok()
    }

    /// The steps of a transaction, in order.
    pub(super) fn micro_ops(&self, transaction: &Transaction) -> &[MicroOp] {
        &self.micro_ops[transaction.micro_ops.start as usize..transaction.micro_ops.end as usize]
    }

    /// The elements a list showed, in order, or a register's value; none for the initial state.
    pub(super) fn elements(&self, seen: Seen) -> &[Version] {
        match seen {
            Seen::Versions { start, len } => &self.elements[start as usize..(start + len) as usize],
            Seen::Nothing => &[],
        }
    }

    /// How many keys occur.
    pub(super) fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// How many versions occur.
    pub(super) fn version_count(&self) -> usize {
        self.versions.len()
    }

    /// The key as written.
    pub(super) fn key_value(&self, key: Key) -> &'h Value {
        self.keys[key as usize]
    }

    /// The key of a version.
    pub(super) fn key_of_version(&self, version: Version) -> Key {
        self.versions[version as usize].0
    }

    /// The value or element as written.
    pub(super) fn value(&self, version: Version) -> &'h Value {
        self.versions[version as usize].1
    }

    /// What was seen, as the client recorded it.
    pub(super) fn seen_value(&self, seen: Seen) -> Value {
        match (self.shape, self.elements(seen)) {
            _ if seen == Seen::Nothing => Value::Null,
            (Shape::Register, [version]) => self.value(*version).clone(),
            (_, elements) => self.list(elements),
        }
    }

    /// These elements as a list.
    pub(super) fn list(&self, elements: &[Version]) -> Value {
        elements.iter().map(|version| self.value(*version).clone()).collect()
    }

    /// A step as the client recorded it.
    pub(super) fn micro_op_value(&self, micro_op: MicroOp) -> Value {
        let (name, value) = match micro_op.action {
            Action::Write(version) => (self.shape.write_name(), self.value(version).clone()),
            Action::Read(seen) => ("r", self.seen_value(seen)),
        };
        Value::List(vec![name.into(), self.key_value(micro_op.key).clone(), value])
    }

    /// What invocations tried to write, and the first attempts to write the same value to the same key twice, at most
    /// one a key: its reads cannot say whose write they show.
    pub(super) fn attempts(&self) -> (Attempts<'h>, Vec<(&'h Value, Unjudgeable)>) {
        let mut attempts = FxHashMap::default();
        let mut repeated: Vec<(&Value, Unjudgeable)> = Vec::new();
        let mut repeated_keys = FxHashSet::default();
        for op in self.history.invocations() {
            // Whatever is malformed was told where the completion is.
            for micro_op in micro_ops_of(self.history, op).unwrap_or_default() {
                let Ok((name, key, element)) = parts(op, micro_op) else { continue };
                if name != self.shape.write_name() {
                    continue;
                }
                if let Some(earlier) = attempts.insert((key, element), op.index)
                    && repeated_keys.insert(key)
                {
                    let (element, shown) = (element.told(), key.told());
                    let reason = format!("appends {element} to key {shown}, as operation {earlier} does");
                    repeated.push((key, Unjudgeable { op: op.index, reason }));
                }
            }
        }
        (Attempts(attempts), repeated)
    }

    /// The number of a key, if any completed or pending operation names it.
    pub(super) fn number_of_key(&self, key: &Value) -> Option<Key> {
        self.key_of.get(key).copied()
    }
}

/// The last invocation that tried to write each value to each key.
pub(super) struct Attempts<'h>(FxHashMap<(&'h Value, &'h Value), usize>);

impl Attempts<'_> {
    /// Whether any invocation tried to write this.
    pub(super) fn contain(&self, key: &Value, value: &Value) -> bool {
        self.0.contains_key(&(key, value))
    }
}

/// The steps of an operation as recorded. A completion that is not ok may have dropped them; then they are those of
/// its invocation.
fn micro_ops_of<'h>(history: &'h History, op: &'h Op) -> Result<&'h [Value], Unjudgeable> {
    let value = match history.invocation_of(op.index) {
        Some(invocation) if op.kind != Kind::Ok && op.value.is_null() => &invocation.value,
        _ => &op.value,
    };
    let reason = || format!("a transaction must be a list of micro-operations, not {}", value.told());
    value.as_list().ok_or_else(|| Unjudgeable { op: op.index, reason: reason() })
}

fn parts<'h>(op: &Op, micro_op: &'h Value) -> Result<(&'h str, &'h Value, &'h Value), Unjudgeable> {
    // Some write a read that has not happened yet without a value.
    static NOTHING: Value = Value::Null;
    let (name, key, value) = match micro_op.as_list() {
        Some([name, key, value]) => (name.as_str(), key, value),
        Some([name, key]) => (name.as_str().filter(|name| *name == "r"), key, &NOTHING),
        _ => (None, micro_op, micro_op),
    };
    if let Some(name) = name {
        return Ok((name, key, value));
    }
    let reason = format!("a micro-operation must be [function, key, value], not {}", micro_op.told());
    Err(Unjudgeable { op: op.index, reason })
}
