//! The messages of a run in columns: what the report draws a million of. Names and types are kept once.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::protocol::Body;

/// What became of a message, once or, if it was duplicated, twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate<'a> {
    /// It was handed over.
    Received,
    /// It will not arrive, for this reason.
    Lost(&'a str),
}

/// Strings in order of their first appearance.
#[derive(Clone, Debug, Default)]
pub struct Names {
    all: Vec<String>,
    number_of: FxHashMap<String, u32>,
}

impl Names {
    /// The number of a string, which is new or known.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.number_of.get(name) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.all.push(name.to_owned());
        self.number_of.insert(name.to_owned(), number);
        number
    }

    /// All of them.
    pub fn all(&self) -> &[String] {
        &self.all
    }
}

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Who sent it: a place in [`Messages::names`].
    pub src: u32,
    /// To whom: a place in [`Messages::names`].
    pub dest: u32,
    /// Its `type`: a place in [`Messages::types`].
    pub kind: u32,
    body: Range<usize>,
}

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It was accepted.
    Sent,
    /// It was handed over.
    Received,
    /// It will not arrive; the reason is a place in [`Messages::reasons`].
    Lost(u32),
}

/// Something that happened, with its time in nanoseconds on the run's clock.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// When.
    pub time_ns: u64,
    /// What.
    pub happening: Happening,
    /// To which message.
    pub message: u32,
}

/// All messages, and everything that happened to them in order.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    names: Names,
    types: Names,
    reasons: Names,
    bodies: String,
    messages: Vec<Message>,
    moments: Vec<Moment>,
}

impl Messages {
    /// Adds a message; it is the one with the next number.
    pub fn sent(&mut self, time_ns: u64, src: &str, dest: &str, body: &str) {
        let kind = Body::scan(body).ok().and_then(|body| body.kind?.decode());
        let message = Message {
            src: self.names.number(src),
            dest: self.names.number(dest),
            kind: self.types.number(kind.as_deref().unwrap_or_default()),
            body: self.bodies.len()..self.bodies.len() + body.len(),
        };
        self.bodies.push_str(body);
        let number = self.messages.len() as u32;
        self.messages.push(message);
        self.moments.push(Moment { time_ns, happening: Happening::Sent, message: number });
    }

    /// Notes what became of a message that was sent.
    pub fn ended(&mut self, time_ns: u64, message: u32, fate: Fate<'_>) {
        let happening = match fate {
            Fate::Received => Happening::Received,
            Fate::Lost(reason) => Happening::Lost(self.reasons.number(reason)),
        };
        self.moments.push(Moment { time_ns, happening, message });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// All messages in the order in which they were sent.
    pub fn all(&self) -> &[Message] {
        &self.messages
    }

    /// Everything that happened, in order.
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// A message's body as it was sent.
    pub fn body(&self, message: &Message) -> &str {
        &self.bodies[message.body.clone()]
    }

    /// Clients, nodes and services that sent or were sent anything.
    pub fn names(&self) -> &[String] {
        self.names.all()
    }

    /// The types of messages; empty for those without one.
    pub fn types(&self) -> &[String] {
        self.types.all()
    }

    /// Why messages were lost.
    pub fn reasons(&self) -> &[String] {
        self.reasons.all()
    }
}
