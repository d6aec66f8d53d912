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
    /// Why these are not calls on a register, if something in them is not.
    pub malformed: Option<String>,
}

impl Calls {
    /// Sorts the operations of `history` by key, keys in order of appearance. Fails on an operation of which one cannot
    /// tell the key.
    pub fn by_key(history: &History) -> Result<Vec<(Value, Calls)>, String> {
        let mut keys: Vec<(Value, Builder)> = Vec::new();
        let mut place_of: HashMap<Value, usize> = HashMap::new();
        let parts: fn(&Op) -> Result<(&Value, &Value), String> =
            if has_one_register(history) { whole } else { key_and_rest };
        for invocation in history.invocations() {
            let (key, argument) = parts(invocation)?;
            let place = *place_of.entry(key.clone()).or_insert_with(|| {
                keys.push((key.clone(), Builder::default()));
                keys.len() - 1
            });
            let builder = &mut keys[place].1;
            let completion = history.completion_of(invocation.index);
            if let Err(reason) = builder.add(invocation, argument, completion, parts) {
                builder.malformed.get_or_insert(reason);
            }
        }
        Ok(keys.into_iter().map(|(key, builder)| (key, builder.finish())).collect())
    }

    /// The first call to return that needs a value which, by then, nobody can have put there: no order of the calls
    /// could help it.
    pub fn impossible(&self) -> Option<CallId> {
        let mut is_obtainable = vec![false; self.values.len().max(1)];
        is_obtainable[INITIAL as usize] = true;
        // By the value that they wait for, what compare-and-sets would put there.
        let mut waiting: HashMap<ValueId, Vec<ValueId>> = HashMap::new();
        for event in &self.events {
            let call = match *event {
                Event::Invoke(id) => id,
                Event::Return(id) => {
                    let needed = self.calls[id].effect.needs();
                    if needed.is_some_and(|value| !is_obtainable[value as usize]) {
                        return Some(id);
                    }
                    continue;
                }
            };
            let mut obtained = match self.calls[call].effect {
                Effect::Cas { from, to } if !is_obtainable[from as usize] => {
                    waiting.entry(from).or_default().push(to);
                    continue;
                }
                effect => Vec::from_iter(effect.leaves()),
            };
            while let Some(value) = obtained.pop() {
                if !std::mem::replace(&mut is_obtainable[value as usize], true) {
                    obtained.extend(waiting.remove(&value).unwrap_or_default());
                }
            }
        }
        None
    }

    /// The last `ok` completion on this key before `index`.
    pub fn ok_before(&self, index: usize) -> Option<usize> {
        let count = self.oks.partition_point(|ok| *ok < index);
        count.checked_sub(1).map(|last| self.oks[last])
    }
}

/// Whether the operations are of one register, without keys, as Knossos' own examples are: then a read is asked with
/// `null` and not with `[key, null]`.
fn has_one_register(history: &History) -> bool {
    let plain = || history.invocations().filter(|op| matches!(&*op.f, "read" | "write"));
    let is_pair = |op: &Op| op.value.as_list().is_some_and(|parts| parts.len() == 2);
    plain().next().is_some() && !plain().any(is_pair)
}

/// The key, which is none, and the value of an operation on the only register.
fn whole(op: &Op) -> Result<(&Value, &Value), String> {
    static NO_KEY: Value = Value::Null;
    Ok((&NO_KEY, &op.value))
}

fn key_and_rest(op: &Op) -> Result<(&Value, &Value), String> {
    match op.value.as_list() {
        Some([key, rest]) => Ok((key, rest)),
        _ => Err(format!("operation {}: the value must be [key, value], not {}", op.index, op.value.told())),
    }
}

/// Collects one key's calls.
#[derive(Default)]
struct Builder {
    calls: Vec<Call>,
    oks: Vec<usize>,
    ids: HashMap<Value, ValueId>,
    values: Vec<Value>,
    malformed: Option<String>,
}

impl Builder {
    /// Adds a call unless it has no bearing on any other: a failed one, a read of null (always legal), a read or a
    /// comparison of a value with itself that nobody saw succeed. What an ok completion says was done, was done.
    fn add<'h>(
        &mut self,
        invocation: &Op,
        argument: &'h Value,
        completion: Option<&'h Op>,
        parts: impl Fn(&'h Op) -> Result<(&'h Value, &'h Value), String>,
    ) -> Result<(), String> {
        let completion = completion.filter(|op| op.kind != Kind::Info);
        if completion.is_some_and(|op| op.kind == Kind::Fail) {
            return Ok(());
        }
        self.oks.extend(completion.map(|op| op.index));
        let done = completion.filter(|op| !op.value.is_null()).map(parts).transpose()?;
        let argument = done.map_or(argument, |(_, done)| done);
        let effect = match (&*invocation.f, argument.as_list()) {
            ("write", _) => Effect::Write(self.id(argument)),
            ("cas", Some([from, to])) if from == to => Effect::Read(self.id(from)),
            ("cas", Some([from, to])) => Effect::Cas { from: self.id(from), to: self.id(to) },
            ("read", _) if completion.is_none() || argument.is_null() => return Ok(()),
            ("read", _) => Effect::Read(self.id(argument)),
            ("cas", _) => {
                let (index, argument) = (invocation.index, argument.told());
                return Err(format!("operation {index}: cas needs [from, to], not {argument}"));
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
        let Builder { calls, values, oks, malformed, .. } = self;
        Calls { calls, events, slots, values, oks, malformed }
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
