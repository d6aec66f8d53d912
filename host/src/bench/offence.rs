//! What nodes do that they should not, and that does not end the run. Most of it is fatal under Maelstrom, which stops
//! reading a node's output at such a message and says nothing (spec §3.4, §19); here the run goes on and the node is named.

/// What Maelstrom does about it, wherever that is told.
pub const MUTED: &str = "Maelstrom would read nothing further from this node";

/// A kind of misbehaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line of its output is no message.
    NotAMessage,
    /// A line of its output is not UTF-8. Maelstrom reads it with other characters in the place of what it cannot read.
    NotUtf8,
    /// A message in the name of somebody who does not exist.
    UnknownSource,
    /// A message in the name of somebody else who is there. Maelstrom believes it.
    FalseSource,
    /// A message to somebody who does not exist and never did.
    UnknownDestination,
    /// A message to a node that has not been started yet.
    TooEarly,
    /// A message to a client that has given up and is gone.
    TooLate,
    /// An answer to a client that is there and has given up. Maelstrom discards it in silence.
    Late,
    /// A message to a client that is there, which answers nothing the client waits for.
    AnswersNothing,
    /// A request that a service cannot make sense of.
    BadRequest,
    /// More output than anyone can want to read.
    Flood,
    /// It does not read its input.
    Deaf,
    /// It did not get ready again after it was restarted.
    NotRestarted,
    /// It left every request unanswered to the end.
    Mute,
}

impl Kind {
    /// The word in `results.json`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::NotAMessage => "not-a-message",
            Kind::NotUtf8 => "not-utf-8",
            Kind::UnknownSource => "unknown-source",
            Kind::FalseSource => "false-source",
            Kind::UnknownDestination => "unknown-destination",
            Kind::TooEarly => "too-early",
            Kind::TooLate => "too-late",
            Kind::Late => "late",
            Kind::AnswersNothing => "answers-nothing",
            Kind::BadRequest => "bad-request",
            Kind::Flood => "flood",
            Kind::Deaf => "deaf",
            Kind::NotRestarted => "not-restarted",
            Kind::Mute => "mute",
        }
    }

    /// Whether it makes a run invalid under `--strict`.
    pub fn is_invalid_if_strict(self) -> bool {
        self.is_fatal_under_maelstrom() || self == Kind::FalseSource
    }

    /// Whether Maelstrom would read nothing further from the node.
    pub fn is_fatal_under_maelstrom(self) -> bool {
        matches!(
            self,
            Kind::NotAMessage
                | Kind::UnknownSource
                | Kind::UnknownDestination
                | Kind::TooEarly
                | Kind::TooLate
        )
    }
}

/// Something that should not have happened and did not end the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offence {
    /// Which node.
    pub culprit: String,
    /// The first time, on the run's clock.
    pub time_ns: u64,
    /// What kind.
    pub kind: Kind,
    /// What, the first time, in words.
    pub text: String,
    /// The beginning of what it wrote, the first time.
    pub quote: Option<String>,
    /// How often.
    pub count: usize,
}

/// All offences of a run: what a node does again is counted.
#[derive(Debug, Default)]
pub(super) struct Offences(Vec<Offence>);

impl Offences {
    pub fn note(&mut self, culprit: &str, time_ns: u64, kind: Kind, text: impl FnOnce() -> String) {
        self.note_quoting(culprit, time_ns, kind, || (text(), None));
    }

    /// The same, with what it wrote.
    pub fn note_quoting(
        &mut self,
        culprit: &str,
        time_ns: u64,
        kind: Kind,
        text: impl FnOnce() -> (String, Option<String>),
    ) {
        let is_known = |offence: &&mut Offence| offence.culprit == culprit && offence.kind == kind;
        match self.0.iter_mut().find(is_known) {
            Some(known) => known.count += 1,
            None => {
                let (text, quote) = text();
                self.0.push(Offence { culprit: culprit.to_owned(), time_ns, kind, text, quote, count: 1 });
            }
        }
    }

    pub fn into_all(self) -> Vec<Offence> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_kind_is_told_and_the_rest_is_counted() {
        let mut offences = Offences::default();
        for (culprit, time_ns, kind) in [
            ("n1", 5, Kind::TooLate),
            ("n2", 6, Kind::TooLate),
            ("n1", 7, Kind::TooEarly),
            ("n1", 8, Kind::TooLate),
        ] {
            offences.note(culprit, time_ns, kind, || format!("at {time_ns}"));
        }
        let all = offences.into_all();
        let told: Vec<_> =
            all.iter().map(|offence| (&*offence.culprit, &*offence.text, offence.count)).collect();
        assert_eq!(told, [("n1", "at 5", 2), ("n2", "at 6", 1), ("n1", "at 7", 1)]);
    }
}
