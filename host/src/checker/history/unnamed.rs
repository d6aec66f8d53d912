//! Operations as other tools write them, without `f` or without `process`: gives them what they lack, by what they do.
//! See [`read_histories`](super::read_histories) for the rules.

use std::collections::{HashMap, VecDeque};

use super::super::Value;
use super::{Kind, Op, Process};

/// The operations that are open, as far as completions without a process need them.
#[derive(Default)]
pub(super) struct Unnamed {
    /// Whether operations of clients name their process, once the first of them was seen.
    is_named: Option<bool>,
    next_process: i64,
    has_only_completions: bool,
    /// Invocations without a process that have no completion yet, oldest first.
    open: Vec<Invocation>,
}

struct Invocation {
    process: i64,
    f: Value,
    value: Value,
}

impl Unnamed {
    /// Adds `f` and `process` to a record that lacks them, which comes after `ops`. Fails where there is nothing to take
    /// them from.
    pub fn name(&mut self, record: &mut Value, ops: &[Op]) -> Result<(), String> {
        let field = |key: &str| record.get(key).filter(|value| !value.is_null());
        let (process, f) = (field("process"), field("f"));
        let Some(kind) = field("type") else { return Ok(()) };
        if process.is_some_and(|process| process.as_str() == Some("nemesis")) {
            return Ok(());
        }
        if *self.is_named.get_or_insert(process.is_some()) != process.is_some() {
            return Err("`process` must be in every operation or in none".to_owned());
        }
        if process.is_some() && f.is_some() {
            return Ok(());
        }
        let value = field("value").cloned().unwrap_or_default();
        let f = f.cloned().or_else(|| is_transaction(&value).then(|| "txn".into()));
        let is_invocation = kind.as_str() == Some("invoke");
        let nameless = || "`f` must name the operation".to_owned();
        let (process, f) = match (process, is_invocation) {
            (Some(process), true) => (process.clone(), f.ok_or_else(nameless)?),
            (Some(process), false) => {
                let number = process.as_i64().and_then(|number| u64::try_from(number).ok());
                let mut before = ops.iter().rev();
                let invoked = before.find(|op| Some(op.process) == number.map(Process::Client));
                (process.clone(), f.or_else(|| invoked.map(|op| (*op.f).into())).ok_or_else(nameless)?)
            }
            (None, true) => {
                let (process, f) = (self.next_process, f.ok_or_else(nameless)?);
                self.next_process += 1;
                self.open.push(Invocation { process, f: f.clone(), value });
                (Value::Int(process), f)
            }
            // Nothing is ever invoked, as it seems: each operation is a process of its own.
            (None, false)
                if f.as_ref().and_then(Value::as_str) == Some("txn")
                    && (self.next_process == 0 || self.has_only_completions) =>
            {
                self.has_only_completions = true;
                let process = self.next_process;
                self.next_process += 1;
                (Value::Int(process), f.ok_or_else(nameless)?)
            }
            (None, false) => {
                let place = self.answered(f.as_ref(), &value);
                let place =
                    place.ok_or("a completion, but no invocation before it is open that it could be of")?;
                let invocation = self.open.remove(place);
                (Value::Int(invocation.process), f.unwrap_or(invocation.f))
            }
        };
        set(record, "process", process);
        set(record, "f", f);
        Ok(())
    }

    /// The open invocation that a completion fits best, as a place in the list.
    fn answered(&self, f: Option<&Value>, value: &Value) -> Option<usize> {
        let is_same_f = |invocation: &Invocation| f.is_none_or(|f| f.as_str() == invocation.f.as_str());
        let fits: [&dyn Fn(&Invocation) -> bool; 3] = [
            &|invocation| is_answer(&invocation.value, value),
            &|invocation| has_same_key(&invocation.value, value),
            &|_| true,
        ];
        fits.iter().find_map(|fits| {
            self.open.iter().position(|invocation| is_same_f(invocation) && fits(invocation))
        })
    }
}

/// A history of transactions' completions alone, as Elle's examples are, with an invocation for each. Nobody knows when they began: each
/// does where its process had completed the one before, or at the beginning, so that no order is made up.
pub(super) fn invoked(ops: Vec<Op>) -> Vec<Op> {
    let is_of_client = |op: &&Op| op.process != Process::Nemesis;
    let mut of_clients = ops.iter().filter(is_of_client).peekable();
    if of_clients.peek().is_none() || of_clients.any(|op| op.kind == Kind::Invoke || &*op.f != "txn") {
        return ops;
    }
    let mut processes = Vec::new();
    let mut next: HashMap<Process, VecDeque<Op>> = HashMap::new();
    for op in ops.iter().filter(is_of_client) {
        let invocation = Op { kind: Kind::Invoke, error: None, exception: None, time_ns: 0, ..op.clone() };
        let of_process = next.entry(op.process).or_insert_with(|| {
            processes.push(op.process);
            VecDeque::new()
        });
        of_process.push_back(invocation);
    }
    let mut invoked: Vec<Op> = Vec::with_capacity(2 * ops.len());
    invoked.extend(processes.iter().filter_map(|process| next.get_mut(process)?.pop_front()));
    for op in ops {
        let (process, time_ns) = (op.process, op.time_ns);
        invoked.push(op);
        let following = next.get_mut(&process).and_then(VecDeque::pop_front);
        invoked.extend(following.map(|following| Op { time_ns, ..following }));
    }
    invoked
}

/// Replaces a field of a map or adds it.
fn set(record: &mut Value, key: &str, value: Value) {
    let Value::Map(entries) = record else { return };
    match entries.iter_mut().find(|(name, _)| name.as_str() == Some(key)) {
        Some((_, old)) => *old = value,
        None => entries.push((key.into(), value)),
    }
}

/// Whether a value is a list of `[function, key, value]`, or `["r", key]` for a read.
fn is_transaction(value: &Value) -> bool {
    let is_micro_op = |step: &Value| {
        let step = step.as_list().unwrap_or_default();
        matches!(
            (step.first().and_then(Value::as_str), step.len()),
            (Some("r"), 2 | 3) | (Some("w" | "append"), 3)
        )
    };
    value.as_list().is_some_and(|steps| steps.iter().all(is_micro_op))
}

/// Whether a completion does what the invocation asks: the same, but for what reads returned.
fn is_answer(asked: &Value, done: &Value) -> bool {
    match (asked, done) {
        (Value::List(asked), Value::List(done)) if asked.len() == done.len() => {
            asked.iter().zip(done).all(|(asked, done)| match (asked.as_list(), done.as_list()) {
                (Some([f, key, ..]), Some([other_f, other_key, ..])) if f.as_str() == Some("r") => {
                    f == other_f && key == other_key
                }
                _ => asked == done,
            })
        }
        _ => asked == done,
    }
}

fn has_same_key(asked: &Value, done: &Value) -> bool {
    let key = |value: &Value| value.as_list().and_then(<[_]>::first).cloned();
    key(asked).is_some() && key(asked) == key(done)
}
