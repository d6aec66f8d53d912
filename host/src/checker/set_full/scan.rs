//! The one pass over the history: which operations last saw each element and which last missed it, and what struck
//! us as odd on the way.

use super::super::verdict::{Finding, seconds};
use super::super::{History, Kind, Op, Value};
use super::elements::Elements;

/// What is remembered of an element that somebody tried to add (spec §12.1). Indices of operations.
#[derive(Clone, Copy, Default)]
pub(super) struct Sightings {
    /// The first completion that proves it exists.
    pub known: Option<usize>,
    /// The invocation of the latest-invoked ok read that contained it.
    pub last_present: Option<usize>,
    /// The invocation of the latest-invoked ok read that did not, among those completed since the add was invoked.
    pub last_absent: Option<usize>,
}

/// What the pass found out.
pub(super) struct Scan<'h> {
    /// The elements somebody tried to add, in the order of their first attempts.
    pub attempted: Vec<(&'h Value, Sightings)>,
    pub oddities: Oddities<'h>,
    /// The first reads whose value is no list, which were left out.
    pub unjudged: Vec<Finding>,
}

/// How many reads that are no lists are told.
const UNJUDGED: usize = 8;

/// Reads the history from front to back.
pub(super) fn scan<'h>(history: &'h History, add: &str) -> Scan<'h> {
    let mut pass = Pass::new(history, add);
    for op in history.client_ops() {
        match (&*op.f, op.kind) {
            (f, Kind::Invoke) if f == add => pass.invoke_add(op),
            (f, Kind::Ok) if f == add => pass.acknowledge_add(op),
            ("read", Kind::Ok) => pass.read(op),
            _ => {}
        }
    }
    pass.finish()
}

struct Pass<'h> {
    history: &'h History,
    /// First all elements anybody tries to add, in the order of the first attempts; then those that are only read.
    elements: Elements<'h>,
    attempted: usize,
    /// How many of the attempted elements have been attempted so far: those with smaller numbers.
    live: usize,
    sightings: Vec<Sightings>,
    /// For each element the last read that contained it, numbered from 1.
    last_read: Vec<u32>,
    reads: u32,
    oddities: Oddities<'h>,
    unjudged: Vec<Finding>,
}

impl<'h> Pass<'h> {
    fn new(history: &'h History, add: &str) -> Pass<'h> {
        let mut elements = Elements::default();
        let mut may_exist = Vec::new();
        for invocation in history.invocations().filter(|op| op.f == add) {
            let number = elements.number(&invocation.value);
            may_exist.resize(elements.len(), false);
            let completion = history.completion_of(invocation.index);
            may_exist[number] |= completion.is_none_or(|completion| completion.kind != Kind::Fail);
        }
        let attempted = elements.len();
        Pass {
            history,
            elements,
            attempted,
            live: 0,
            sightings: vec![Sightings::default(); attempted],
            last_read: vec![0; attempted],
            reads: 0,
            oddities: Oddities { may_exist, ..Oddities::default() },
            unjudged: Vec::new(),
        }
    }

    /// A second attempt to add an element makes Maelstrom forget the first.
    fn invoke_add(&mut self, op: &'h Op) {
        let number = self.elements.number(&op.value);
        self.live = self.live.max(number + 1);
        self.sightings[number] = Sightings::default();
    }

    fn acknowledge_add(&mut self, op: &Op) {
        let Some(invocation) = self.history.invocation_of(op.index) else { return };
        let number = self.elements.number(&invocation.value);
        self.sightings[number].known.get_or_insert(op.index);
    }

    fn read(&mut self, op: &'h Op) {
        let Some(invocation) = self.history.invocation_of(op.index) else { return };
        let elements = match &op.value {
            Value::List(elements) => elements.as_slice(),
            Value::Null => &[],
            other => {
                let (process, time) = (op.process, seconds(op.time_ns));
                let text = format!(
                    "the read of process {process} at {time} returned {}, which is not a list",
                    other.told()
                );
                if self.unjudged.len() < UNJUDGED {
                    self.unjudged.push(Finding::at(op, text));
                }
                return;
            }
        };
        self.reads += 1;
        for element in elements {
            self.see(element, op, invocation.index);
        }
        for (sightings, last_read) in self.sightings[..self.live].iter_mut().zip(&self.last_read) {
            if *last_read != self.reads {
                sightings.last_absent = sightings.last_absent.max(Some(invocation.index));
            }
        }
    }

    fn see(&mut self, element: &'h Value, op: &'h Op, invocation: usize) {
        let number = self.elements.number(element);
        if number == self.last_read.len() {
            self.last_read.push(0);
        }
        if self.last_read[number] == self.reads {
            return self.oddities.duplicated.note(element, op);
        }
        let is_first_sight = self.last_read[number] == 0;
        self.last_read[number] = self.reads;
        if number < self.live {
            let sightings = &mut self.sightings[number];
            sightings.known.get_or_insert(op.index);
            sightings.last_present = sightings.last_present.max(Some(invocation));
        }
        if is_first_sight {
            self.oddities.note_first_sight(number, element, op, self.live, self.attempted);
        }
    }

    fn finish(self) -> Scan<'h> {
        let values = self.elements.values()[..self.attempted].iter().copied();
        let attempted = values.zip(self.sightings).collect();
        Scan { attempted, oddities: self.oddities, unjudged: self.unjudged }
    }
}

/// What a set should not show, though Maelstrom's checker does not mind.
#[derive(Default)]
pub(super) struct Oddities<'h> {
    /// For each attempted element whether any attempt to add it may have succeeded.
    may_exist: Vec<bool>,
    never_added: Oddity<'h>,
    failed: Oddity<'h>,
    premature: Oddity<'h>,
    duplicated: Oddity<'h>,
}

/// The first occurrence, and how many there are.
#[derive(Default)]
struct Oddity<'h> {
    first: Option<(&'h Value, &'h Op)>,
    count: usize,
}

impl<'h> Oddity<'h> {
    fn note(&mut self, element: &'h Value, op: &'h Op) {
        self.first.get_or_insert((element, op));
        self.count += 1;
    }

    fn finding(&self, what: &str) -> Option<Finding> {
        let (element, op) = self.first?;
        let others = if self.count > 1 { format!(" ({} such cases)", self.count) } else { String::new() };
        let (process, time) = (op.process, seconds(op.time_ns));
        let element = element.told();
        let text =
            format!("the read of process {process} at {time} contains element {element} {what}{others}");
        Some(Finding::at(op, text).strictly())
    }
}

impl<'h> Oddities<'h> {
    fn note_first_sight(
        &mut self,
        number: usize,
        element: &'h Value,
        op: &'h Op,
        live: usize,
        attempted: usize,
    ) {
        if number >= attempted {
            self.never_added.note(element, op);
        } else if number >= live {
            self.premature.note(element, op);
        }
        if self.may_exist.get(number) == Some(&false) {
            self.failed.note(element, op);
        }
    }

    pub fn warnings(&self) -> Vec<Finding> {
        let kinds = [
            (&self.never_added, "that nobody ever tried to add"),
            (&self.premature, "before anybody tried to add it"),
            (&self.failed, "although every attempt to add it failed"),
            (&self.duplicated, "more than once"),
        ];
        kinds.into_iter().filter_map(|(oddity, what)| oddity.finding(what)).collect()
    }
}
