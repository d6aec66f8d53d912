//! One register's operations as the search sees them: what each call does, and the order in which calls begin and
//! return. What cannot matter to the verdict is left out here.

use std::collections::{HashMap, HashSet};

use super::super::{History, Kind, Op, Value};

/// A value of the register, numbered in order of appearance; [`INITIAL`] is `null`.
pub(super) type ValueId = u32;

/// The number of `null`, which the register holds at first.
pub(super) const INITIAL: ValueId = 0;

/// A call's place in [`Calls::calls`].
pub(super) type CallId = usize;

/// What a call does to the register, if it takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// Observes this value and changes nothing. Also a compare-and-set of a value to itself.
    Read(ValueId),
    Write(ValueId),
    Cas {
        from: ValueId,
        to: ValueId,
    },
}

impl Effect {
    /// What the register must hold for the call to be legal.
    pub fn needs(self) -> Option<ValueId> {
        match self {
            Effect::Read(value) | Effect::Cas { from: value, .. } => Some(value),
            Effect::Write(_) => None,
        }
    }

    /// What the register holds after the call, if the call can change it.
    pub fn leaves(self) -> Option<ValueId> {
        match self {
            Effect::Read(_) => None,
            Effect::Write(value) | Effect::Cas { to: value, .. } => Some(value),
        }
    }
}

/// A call that took effect, or may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub effect: Effect,
    /// Index of the invocation in the history.
    pub invoked: usize,
    /// Index of its `ok` completion. Without one the call may take effect at any time after its invocation, or never.
    pub returned: Option<usize>,
    /// A small number that no other call bears while both are pending.
    pub slot: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Invoke(CallId),
    Return(CallId),
}

/// The calls on one key.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub calls: Vec<Call>,
    pub events: Vec<Event>,
    /// Slots are below this number.
    pub slots: usize,
    /// What the value numbers stand for.
    pub values: Vec<Value>,
    /// History indices of all `ok` completions on this key, reads of null included.
    pub oks: Vec<usize>,
}

impl Calls {
    /// Sorts the operations of `history` by key, keys in order of appearance. Fails on an operation that is not of
    /// this workload.
    pub fn by_key(history: &History) -> Result<Vec<(Value, Calls)>, String> {
        let mut keys: Vec<(Value, Builder)> = Vec::new();
        let mut place_of: HashMap<Value, usize> = HashMap::new();
        for invocation in history.invocations() {
            let (key, argument) = key_and_rest(invocation)?;
            let place = *place_of.entry(key.clone()).or_insert_with(|| {
                keys.push((key.clone(), Builder::default()));
                keys.len() - 1
            });
            keys[place].1.add(invocation, argument, history.completion_of(invocation.index))?;
        }
        Ok(keys.into_iter().map(|(key, builder)| (key, builder.finish())).collect())
    }

    /// The last `ok` completion on this key before `index`.
    pub fn ok_before(&self, index: usize) -> Option<usize> {
        let count = self.oks.partition_point(|ok| *ok < index);
        count.checked_sub(1).map(|last| self.oks[last])
    }
}

fn key_and_rest(op: &Op) -> Result<(&Value, &Value), String> {
    match op.value.as_list() {
        Some([key, rest]) => Ok((key, rest)),
        _ => Err(format!("operation {}: the value must be [key, value], not {}", op.index, op.value)),
    }
}

/// Collects one key's calls.
#[derive(Default)]
struct Builder {
    calls: Vec<Call>,
    oks: Vec<usize>,
    ids: HashMap<Value, ValueId>,
    values: Vec<Value>,
}

impl Builder {
    /// Adds a call unless it has no bearing on any other: a failed one, a read of null (always legal), a read or a
    /// comparison of a value with itself that nobody saw succeed.
    fn add(&mut self, invocation: &Op, argument: &Value, completion: Option<&Op>) -> Result<(), String> {
        let completion = completion.filter(|op| op.kind != Kind::Info);
        if completion.is_some_and(|op| op.kind == Kind::Fail) {
            return Ok(());
        }
        self.oks.extend(completion.map(|op| op.index));
        let effect = match (&*invocation.f, argument.as_list()) {
            ("write", _) => Effect::Write(self.id(argument)),
            ("cas", Some([from, to])) if from == to => Effect::Read(self.id(from)),
            ("cas", Some([from, to])) => Effect::Cas { from: self.id(from), to: self.id(to) },
            ("read", _) => match completion.map(key_and_rest).transpose()? {
                Some((_, value)) if !value.is_null() => Effect::Read(self.id(value)),
                _ => return Ok(()),
            },
            ("cas", _) => {
                return Err(format!("operation {}: cas needs [from, to], not {argument}", invocation.index));
            }
            (f, _) => return Err(format!("operation {}: a register has no operation {f}", invocation.index)),
        };
        let returned = completion.map(|op| op.index);
        if returned.is_some() || !matches!(effect, Effect::Read(_)) {
            self.calls.push(Call { effect, invoked: invocation.index, returned, slot: 0 });
        }
        Ok(())
    }

    fn id(&mut self, value: &Value) -> ValueId {
        if self.values.is_empty() {
            self.values.push(Value::Null);
            self.ids.insert(Value::Null, INITIAL);
        }
        if let Some(id) = self.ids.get(value) {
            return *id;
        }
        let id = self.values.len() as ValueId;
        self.values.push(value.clone());
        self.ids.insert(value.clone(), id);
        id
    }

    fn finish(mut self) -> Calls {
        self.drop_useless();
        self.oks.sort_unstable();
        let mut timeline: Vec<(usize, Event)> = Vec::with_capacity(2 * self.calls.len());
        for (id, call) in self.calls.iter().enumerate() {
            timeline.push((call.invoked, Event::Invoke(id)));
            timeline.extend(call.returned.map(|index| (index, Event::Return(id))));
        }
        timeline.sort_unstable_by_key(|(index, _)| *index);
        let events: Vec<Event> = timeline.into_iter().map(|(_, event)| event).collect();
        let slots = assign_slots(&mut self.calls, &events);
        Calls { calls: self.calls, events, slots, values: self.values, oks: self.oks }
    }

    /// Drops the calls without a known outcome whose result no call could ever need: taking such a call to have
    /// never happened is always as good.
    fn drop_useless(&mut self) {
        let certain = self.calls.iter().filter(|call| call.returned.is_some());
        let mut needed: HashSet<ValueId> = certain.filter_map(|call| call.effect.needs()).collect();
        let mut sources: HashMap<ValueId, Vec<ValueId>> = HashMap::new();
        for call in self.calls.iter().filter(|call| call.returned.is_none()) {
            if let Effect::Cas { from, to } = call.effect {
                sources.entry(to).or_default().push(from);
            }
        }
        let mut unexplored: Vec<ValueId> = needed.iter().copied().collect();
        while let Some(value) = unexplored.pop() {
            let from = sources.remove(&value).unwrap_or_default();
            unexplored.extend(from.into_iter().filter(|from| needed.insert(*from)));
        }
        let is_useful = |call: &Call| call.effect.leaves().is_none_or(|value| needed.contains(&value));
        self.calls.retain(|call| call.returned.is_some() || is_useful(call));
    }
}

/// Gives each call the lowest slot that is free while it is pending; returns the number of slots.
fn assign_slots(calls: &mut [Call], events: &[Event]) -> usize {
    let mut free = Vec::new();
    let mut slots = 0;
    for event in events {
        match *event {
            Event::Invoke(id) => {
                calls[id].slot = free.pop().unwrap_or(slots);
                slots = slots.max(calls[id].slot + 1);
            }
            Event::Return(id) => free.push(calls[id].slot),
        }
    }
    slots
}
