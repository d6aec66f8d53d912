//! What all replicas agree on: the state machine, and what is needed to apply each command once.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::StateMachine;
use crate::log::{Numbered, Payload};
use crate::members::{Incarnation, Members, Slot};

/// The state after some prefix of the log; also what a snapshot holds.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = ""))]
pub struct Replicated<M: StateMachine> {
    /// The application's state.
    pub machine: M,
    /// The members after that prefix.
    pub members: Members,
    sessions: Vec<Option<Session>>,
}

/// Which commands of one life of a node have been applied.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Session {
    incarnation: Incarnation,
    /// Commands with smaller numbers are applied, or given up by their node.
    low: u64,
    applied: BTreeSet<u64>,
}

impl<M: StateMachine> Replicated<M> {
    /// The state before the first entry.
    pub fn new(slots: usize) -> Self {
        Replicated { machine: M::default(), members: Members::nobody(slots), sessions: vec![None; slots] }
    }

    /// Whether the vectors have the length that a cluster of so many slots needs.
    pub fn fits(&self, slots: usize) -> bool {
        self.members.slots() == slots && self.sessions.len() == slots
    }

    /// Whether a command need not be applied any more: it was, or its node has given it up.
    pub fn is_settled(&self, slot: Slot, incarnation: Incarnation, seq: u64) -> bool {
        let session = self.sessions.get(slot).and_then(Option::as_ref);
        session
            .filter(|session| session.incarnation == incarnation)
            .is_some_and(|session| seq < session.low || session.applied.contains(&seq))
    }

    /// Applies the next entry. The answer is that of the command, if it was one that had not been applied before.
    pub fn apply(&mut self, payload: &Payload<M::Command>) -> Option<M::Answer> {
        match payload {
            Payload::Noop => None,
            Payload::Members(members) => {
                self.change_members(members);
                None
            }
            Payload::Command(command) => self.apply_command(command),
        }
    }

    /// A life that is no member any more never comes back: leaders refuse its commands, so its session can go.
    fn change_members(&mut self, members: &Members) {
        for (slot, session) in self.sessions.iter_mut().enumerate() {
            if session.as_ref().is_some_and(|session| !members.contains(slot, session.incarnation)) {
                *session = None;
            }
        }
        self.members = members.clone();
    }

    fn apply_command(&mut self, command: &Numbered<M::Command>) -> Option<M::Answer> {
        let &Numbered { slot, incarnation, seq, low, .. } = command;
        if !self.members.contains(slot, incarnation) || self.is_settled(slot, incarnation, seq) {
            return None;
        }
        let new = || Session { incarnation, low: 0, applied: BTreeSet::new() };
        let session = self.sessions[slot].get_or_insert_with(new);
        session.applied.insert(seq);
        session.low = session.low.max(low.min(seq));
        session.applied = session.applied.split_off(&session.low);
        Some(self.machine.apply(&command.command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::simulation::Journal;

    fn replicated() -> Replicated<Journal> {
        let mut replicated = Replicated::new(1);
        replicated.apply(&Payload::Members(members(5)));
        replicated
    }

    fn members(incarnation: Incarnation) -> Members {
        let mut members = Members::nobody(1);
        members.admit(0, incarnation);
        members
    }

    fn command(incarnation: Incarnation, seq: u64, low: u64) -> Payload<u64> {
        Payload::Command(Numbered { slot: 0, incarnation, seq, low, command: seq })
    }

    #[test]
    fn a_command_that_is_twice_in_the_log_is_applied_once() {
        let mut replicated = replicated();
        let answers = [2, 1, 2, 1, 3].map(|seq| replicated.apply(&command(5, seq, 1)));
        assert_eq!(answers, [Some(1), Some(2), None, None, Some(3)]);
        assert_eq!(replicated.machine, Journal(vec![2, 1, 3]));
    }

    #[test]
    fn a_command_that_its_node_has_given_up_is_not_applied() {
        let mut replicated = replicated();
        assert_eq!(
            [(9, 9), (8, 1)].map(|(seq, low)| replicated.apply(&command(5, seq, low))),
            [Some(1), None]
        );
    }

    #[test]
    fn only_members_have_their_commands_applied() {
        let mut replicated = replicated();
        assert_eq!(replicated.apply(&command(6, 1, 1)), None);
        replicated.apply(&command(5, 1, 1));
        replicated.apply(&Payload::Members(members(6)));
        assert_eq!([5, 6].map(|incarnation| replicated.apply(&command(incarnation, 1, 1))), [None, Some(2)]);
    }
}
