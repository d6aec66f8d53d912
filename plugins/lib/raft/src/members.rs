//! Who counts towards a majority. Changes of membership are entries of the log, as in chapter 4 of Ongaro's
//! dissertation; what differs is that a server is one *life* of a node, and that the size of a majority never changes.

use serde::{Deserialize, Serialize};

/// A node: its place in the cluster's order.
pub type Slot = usize;

/// One life of a node, from start to loss of memory: a number drawn at random when it starts.
pub type Incarnation = u64;

/// For each slot the life of the node that may vote there, or nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Members(Vec<Option<Incarnation>>);

impl Members {
    /// A cluster of so many slots in which nobody may vote.
    pub fn nobody(slots: usize) -> Self {
        Members(vec![None; slots])
    }

    /// How many slots there are, vacant ones included.
    pub fn slots(&self) -> usize {
        self.0.len()
    }

    /// How many votes are a majority: more than half of the slots, whether vacant or not.
    pub fn quorum(&self) -> usize {
        self.slots() / 2 + 1
    }

    /// Gives a slot to a life of its node.
    pub fn admit(&mut self, slot: Slot, incarnation: Incarnation) {
        self.0[slot] = Some(incarnation);
    }

    /// Whether this life of the node may vote.
    pub fn contains(&self, slot: Slot, incarnation: Incarnation) -> bool {
        self.0.get(slot) == Some(&Some(incarnation))
    }

    /// Whether those who voted are a majority. `voted` names the life of each node that did.
    pub fn is_quorum(&self, voted: impl Fn(Slot) -> Option<Incarnation>) -> bool {
        let votes =
            (0..self.slots()).filter(|&slot| voted(slot).is_some_and(|life| self.contains(slot, life)));
        votes.count() >= self.quorum()
    }

    /// The next membership on the way to the lives that are `seen`, if there is a difference.
    ///
    /// A slot whose node has started anew is vacated first and given to the new life in a second change. So in two
    /// successive memberships no slot has two holders, and a majority of the one and a majority of the other, each more
    /// than half of the same slots, have a life in common.
    pub fn step_towards(&self, seen: impl Fn(Slot) -> Option<Incarnation>) -> Option<Members> {
        let step = |(slot, &held): (Slot, &Option<Incarnation>)| match (held, seen(slot)) {
            (Some(held), Some(seen)) if held != seen => None,
            (None, seen) => seen,
            (held, _) => held,
        };
        let next: Vec<_> = self.0.iter().enumerate().map(step).collect();
        (next != self.0).then_some(Members(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vacant_slots_count_against_a_majority() {
        let members = Members(vec![Some(1), Some(2), None, None, None]);
        assert!(!members.is_quorum(|slot| [Some(1), Some(2), Some(3), Some(4), Some(5)][slot]));
    }

    #[test]
    fn a_vote_of_another_life_does_not_count() {
        let members = Members(vec![Some(1), Some(2), Some(3)]);
        assert!(members.is_quorum(|slot| [Some(1), None, Some(3)][slot]));
        assert!(!members.is_quorum(|slot| [Some(1), None, Some(4)][slot]));
    }

    #[test]
    fn a_restarted_node_is_replaced_in_two_steps_and_new_ones_are_admitted_in_one() {
        let seen = |slot: Slot| [None, Some(7), Some(3), Some(9)][slot];
        let first = Members(vec![Some(1), Some(2), Some(3), None]);
        let second = first.step_towards(seen).expect("a step");
        assert_eq!(second, Members(vec![Some(1), None, Some(3), Some(9)]));
        let third = second.step_towards(seen).expect("a step");
        assert_eq!(third, Members(vec![Some(1), Some(7), Some(3), Some(9)]));
        assert_eq!(third.step_towards(seen), None);
    }
}
