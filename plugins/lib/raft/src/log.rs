//! The log: entries after a base that has been compacted away, and the memberships among them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::members::{Incarnation, Members, Slot};

/// A leader's term of office.
pub type Term = u64;

/// A place in the log. The first entry has index 1.
pub type Index = u64;

/// An index and the term of the entry there. Logs that agree in one position agree in everything before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The term of the entry.
    pub term: Term,
    /// Where it is.
    pub index: Index,
}

impl Position {
    /// Raft's comparison of logs by their last positions (§5.4.1 of the paper).
    pub fn is_at_least_as_up_to_date_as(self, other: Position) -> bool {
        (self.term, self.index) >= (other.term, other.index)
    }
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry<C> {
    /// The term of the leader that appended it.
    pub term: Term,
    /// What it does when it is applied.
    pub payload: Payload<C>,
}

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload<C> {
    /// Nothing: with it a new leader commits what its predecessors left.
    Noop,
    /// Changes who may vote, from the moment it is appended.
    Members(Members),
    /// A command for the state machine.
    Command(Numbered<C>),
}

/// A command with a name, so that it takes effect once however often it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbered<C> {
    /// The node whose client gave the command.
    pub slot: Slot,
    /// The life of that node.
    pub incarnation: Incarnation,
    /// The number of the command in that life.
    pub seq: u64,
    /// The node is no longer interested in commands with smaller numbers.
    pub low: u64,
    /// What is to be done.
    pub command: C,
}

/// A log. Its base is the position up to which entries are no longer kept: they are applied everywhere it matters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Log<C> {
    base: Position,
    entries: VecDeque<Entry<C>>,
    /// The membership at the base, then those of the entries, by index. Never empty.
    memberships: VecDeque<(Index, Members)>,
}

impl<C> Log<C> {
    /// A log that begins after `base`, where these were the members.
    pub fn new(base: Position, members: Members) -> Self {
        Log { base, entries: VecDeque::new(), memberships: VecDeque::from([(base.index, members)]) }
    }

    /// The position up to which entries are no longer kept.
    pub fn base(&self) -> Position {
        self.base
    }

    /// The position of the last entry.
    pub fn last(&self) -> Position {
        let index = self.base.index + self.entries.len() as u64;
        self.entries.back().map_or(self.base, |entry| Position { term: entry.term, index })
    }

    /// Whether nothing was ever appended.
    pub fn is_empty(&self) -> bool {
        self.last().index == 0
    }

    /// How many entries are kept.
    pub fn kept(&self) -> usize {
        self.entries.len()
    }

    /// The entry at an index, if it is kept.
    pub fn entry(&self, index: Index) -> Option<&Entry<C>> {
        let offset = index.checked_sub(self.base.index + 1)?;
        self.entries.get(usize::try_from(offset).ok()?)
    }

    /// The term at an index, if it is known.
    pub fn term(&self, index: Index) -> Option<Term> {
        if index == self.base.index {
            return Some(self.base.term);
        }
        self.entry(index).map(|entry| entry.term)
    }

    /// The entries after an index that is not before the base, at most `limit`.
    pub fn after(&self, index: Index, limit: usize) -> impl Iterator<Item = &Entry<C>> {
        let skipped = index.saturating_sub(self.base.index);
        self.entries.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX)).take(limit)
    }

    /// The members: those of the last entry that changed them, committed or not (dissertation, §4.1).
    pub fn members(&self) -> &Members {
        &self.memberships.back().expect("the base has one").1
    }

    /// Where the members were changed last.
    pub fn members_since(&self) -> Index {
        self.memberships.back().expect("the base has one").0
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: Entry<C>) {
        let index = self.last().index + 1;
        if let Payload::Members(members) = &entry.payload {
            self.memberships.push_back((index, members.clone()));
        }
        self.entries.push_back(entry);
    }

    /// Drops the entry at `index`, which is after the base, and all that follow.
    pub fn truncate_from(&mut self, index: Index) {
        let kept = index.saturating_sub(self.base.index + 1);
        self.entries.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        while self.memberships.len() > 1 && self.members_since() >= index {
            self.memberships.pop_back();
        }
    }

    /// Forgets the entries up to `index`, which is not after the last.
    pub fn compact_to(&mut self, index: Index) {
        let Some(term) = self.term(index) else { return };
        let forgotten = usize::try_from(index - self.base.index).unwrap_or(usize::MAX);
        self.entries.drain(..forgotten);
        self.base = Position { term, index };
        while self.memberships.get(1).is_some_and(|(since, _)| *since <= index) {
            self.memberships.pop_front();
        }
        self.memberships[0].0 = index;
    }

    /// The last index, not after `index`, whose entry can be in a log that has `term` at `index`: terms never decrease.
    pub fn last_not_after(&self, index: Index, term: Term) -> Index {
        let early_enough = self.entries.partition_point(|entry| entry.term <= term) as u64;
        index.min(self.base.index + early_enough)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(terms: &[Term]) -> Log<u8> {
        let mut log = Log::new(Position::default(), Members::nobody(3));
        for &term in terms {
            log.push(Entry { term, payload: Payload::Noop });
        }
        log
    }

    fn membership(first: Incarnation) -> Members {
        let mut members = Members::nobody(3);
        members.admit(0, first);
        members
    }

    #[test]
    fn a_compacted_log_keeps_its_positions() {
        let mut log = log(&[1, 1, 2, 2, 5]);
        log.compact_to(3);
        assert_eq!(
            (log.base(), log.last()),
            (Position { term: 2, index: 3 }, Position { term: 5, index: 5 })
        );
        assert_eq!([2, 3, 4, 5, 6].map(|index| log.term(index)), [None, Some(2), Some(2), Some(5), None]);
        assert_eq!((log.last_not_after(9, 2), log.last_not_after(9, 4), log.last_not_after(2, 9)), (4, 4, 2));
    }

    #[test]
    fn the_last_entry_that_can_agree_is_found_by_term() {
        let log = log(&[1, 2, 2, 2, 4]);
        assert_eq!([0, 1, 2, 3, 4].map(|term| log.last_not_after(5, term)), [0, 1, 4, 4, 5]);
        assert_eq!(log.last_not_after(3, 4), 3);
    }

    #[test]
    fn the_members_are_those_of_the_last_entry_that_is_left() {
        let mut log = log(&[1]);
        for incarnation in [7, 8] {
            log.push(Entry { term: 1, payload: Payload::Members(membership(incarnation)) });
        }
        assert!(log.members().contains(0, 8));
        log.truncate_from(3);
        assert!(log.members().contains(0, 7));
        log.compact_to(2);
        log.truncate_from(3);
        assert!(log.members().contains(0, 7) && log.kept() == 0);
    }
}
