//! The items that have changed at this node, in the order of their latest change. Positions in this order are what
//! acknowledgements count by.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Whom a change concerns. Peers go by their place in the cluster's list of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// Every peer.
    All,
    /// Every peer but the one from which the change came.
    AllBut(usize),
    /// One peer.
    Only(usize),
}

impl Audience {
    fn contains(self, peer: usize) -> bool {
        match self {
            Audience::All => true,
            Audience::AllBut(other) => peer != other,
            Audience::Only(one) => peer == one,
        }
    }
}

/// A list in which an item that changes again moves to the end.
#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Ord + Clone + Deserialize<'de>"), from = "Saved<T>")]
pub(crate) struct Changes<T> {
    by_position: BTreeMap<u64, (T, Audience)>,
    #[serde(skip)]
    position_of: BTreeMap<T, u64>,
    end: u64,
}

/// Changes as they are saved; the rest follows from it.
#[derive(Deserialize)]
struct Saved<T> {
    by_position: BTreeMap<u64, (T, Audience)>,
    end: u64,
}

impl<T: Ord + Clone> From<Saved<T>> for Changes<T> {
    fn from(Saved { by_position, end }: Saved<T>) -> Self {
        let position_of = by_position.iter().map(|(&position, (item, _))| (item.clone(), position)).collect();
        Changes { by_position, position_of, end }
    }
}

impl<T: Ord + Clone> Changes<T> {
    pub fn new() -> Self {
        Changes { by_position: BTreeMap::new(), position_of: BTreeMap::new(), end: 0 }
    }

    /// The position of the next change.
    pub fn end(&self) -> u64 {
        self.end
    }

    pub fn push(&mut self, item: T, audience: Audience) {
        if let Some(former) = self.position_of.insert(item.clone(), self.end) {
            self.by_position.remove(&former);
        }
        self.by_position.insert(self.end, (item, audience));
        self.end += 1;
    }

    /// The items from a position on that concern a peer.
    pub fn since(&self, position: u64, peer: usize) -> impl Iterator<Item = &T> {
        let tail = self.by_position.range(position..);
        tail.filter(move |(_, (_, audience))| audience.contains(peer)).map(|(_, (item, _))| item)
    }

    /// The first position, from `position` on up to the end, with something that concerns a peer.
    pub fn next_for(&self, peer: usize, position: u64) -> u64 {
        let mut tail = self.by_position.range(position..);
        tail.find(|(_, (_, audience))| audience.contains(peer)).map_or(self.end, |(position, _)| *position)
    }

    /// A peer has confirmed these positions: what was meant for it alone need not be kept.
    pub fn drop_confirmed(&mut self, peer: usize, positions: Range<u64>) {
        let is_done = |_: &u64, (_, audience): &mut (T, Audience)| *audience == Audience::Only(peer);
        for (_, (item, _)) in self.by_position.extract_if(positions, is_done) {
            self.position_of.remove(&item);
        }
    }

    /// A peer has lost its memory. It must learn even what came from it, and what was meant for it alone concerns
    /// nobody any more.
    pub fn forget(&mut self, peer: usize) {
        for (_, audience) in self.by_position.values_mut() {
            if *audience == Audience::AllBut(peer) {
                *audience = Audience::All;
            }
        }
        self.drop_confirmed(peer, 0..self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since(changes: &Changes<char>, position: u64, peer: usize) -> String {
        changes.since(position, peer).collect()
    }

    #[test]
    fn an_item_that_changes_again_moves_to_the_end() {
        let mut changes = Changes::new();
        "abca".chars().for_each(|item| changes.push(item, Audience::All));
        assert_eq!(
            (since(&changes, 0, 1), since(&changes, 3, 1), changes.end()),
            ("bca".into(), "a".into(), 4)
        );
    }

    #[test]
    fn a_peer_sees_only_what_concerns_it() {
        let mut changes = Changes::new();
        changes.push('a', Audience::AllBut(1));
        changes.push('b', Audience::Only(2));
        changes.push('c', Audience::All);
        assert_eq!((since(&changes, 0, 1), changes.next_for(1, 0)), ("c".into(), 2));
        assert_eq!((since(&changes, 0, 2), changes.next_for(2, 1)), ("abc".into(), 1));
        assert_eq!(changes.next_for(1, 3), 3);
    }

    #[test]
    fn what_was_meant_for_one_peer_is_kept_until_it_is_confirmed() {
        let mut changes = Changes::new();
        changes.push('a', Audience::Only(1));
        changes.push('b', Audience::Only(2));
        changes.push('c', Audience::All);
        changes.push('d', Audience::Only(1));
        changes.drop_confirmed(1, 0..3);
        assert_eq!((since(&changes, 0, 1), since(&changes, 0, 2)), ("cd".into(), "bc".into()));
    }

    #[test]
    fn a_peer_without_memory_learns_what_came_from_it_but_not_what_was_meant_for_its_former_life() {
        let mut changes = Changes::new();
        changes.push('a', Audience::AllBut(1));
        changes.push('b', Audience::Only(1));
        changes.forget(1);
        assert_eq!((since(&changes, 0, 1), since(&changes, 0, 2)), ("a".into(), "a".into()));
    }
}
