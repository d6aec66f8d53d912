//! The parts a node knows, in the order in which they last changed. Positions in this order are what acknowledgements
//! count by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::part::Part;

/// A log of parts that keeps only the newest state of each, and of whom it came.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", from = "Saved<P>")]
pub(crate) struct Log<P: Part> {
    /// By position. A part that changes moves to the end.
    entries: BTreeMap<u64, Entry<P>>,
    #[serde(skip)]
    position_of: BTreeMap<P::Key, u64>,
    end: u64,
}

#[derive(Serialize, Deserialize)]
struct Entry<P> {
    part: P,
    /// The peer that has the part just as it is here, because it sent it.
    learned_from: Option<usize>,
}

/// A log as it is saved; the rest follows from it.
#[derive(Deserialize)]
#[serde(bound = "")]
struct Saved<P: Part> {
    entries: BTreeMap<u64, Entry<P>>,
    end: u64,
}

impl<P: Part> From<Saved<P>> for Log<P> {
    fn from(Saved { entries, end }: Saved<P>) -> Self {
        let position_of = entries.iter().map(|(&position, entry)| (entry.part.key(), position)).collect();
        Log { entries, position_of, end }
    }
}

impl<P: Part> Default for Log<P> {
    fn default() -> Self {
        Log { entries: BTreeMap::new(), position_of: BTreeMap::new(), end: 0 }
    }
}

impl<P: Part> Log<P> {
    /// The position of the next change.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// All parts.
    pub fn parts(&self) -> impl Iterator<Item = &P> {
        self.entries.values().map(|entry| &entry.part)
    }

    /// Joins a part, from a peer or of this node's own, to what is known.
    pub fn join(&mut self, part: P, from: Option<usize>) {
        let key = part.key();
        let entry = match self.position_of.get(&key) {
            None => Entry { part, learned_from: from },
            Some(position) => {
                let known = &self.entries[position].part;
                let mut joined = known.clone();
                joined.join(&part);
                if joined == *known {
                    return;
                }
                let learned_from = from.filter(|_| joined == part);
                self.entries.remove(position);
                Entry { part: joined, learned_from }
            }
        };
        self.entries.insert(self.end, entry);
        self.position_of.insert(key, self.end);
        self.end += 1;
    }

    /// The parts that changed from a position on, without those that came from `peer`.
    pub fn unknown_to(&self, peer: usize, from: u64) -> Vec<P> {
        let tail = self.entries.range(from..).map(|(_, entry)| entry);
        tail.filter(|entry| entry.learned_from != Some(peer)).map(|entry| entry.part.clone()).collect()
    }

    /// The first position from `from` on, up to the end, whose part did not come from `peer`.
    pub fn skip_known_to(&self, peer: usize, from: u64) -> u64 {
        let mut rest = self.entries.range(from..);
        rest.find(|(_, entry)| entry.learned_from != Some(peer)).map_or(self.end, |(position, _)| *position)
    }

    /// A peer has lost its memory: it must be told even what came from it.
    pub fn forget_source(&mut self, peer: usize) {
        for entry in self.entries.values_mut().filter(|entry| entry.learned_from == Some(peer)) {
            entry.learned_from = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two numbers, each of which only grows.
    impl Part for (char, u8, u8) {
        type Key = char;

        fn key(&self) -> char {
            self.0
        }

        fn join(&mut self, other: &Self) {
            *self = (self.0, self.1.max(other.1), self.2.max(other.2));
        }
    }

    #[test]
    fn a_part_that_changes_moves_to_the_end() {
        let mut log = Log::default();
        log.join(('a', 1, 0), None);
        log.join(('b', 1, 0), None);
        log.join(('a', 2, 0), None);
        assert_eq!(log.unknown_to(7, 0), [('b', 1, 0), ('a', 2, 0)]);
        assert_eq!((log.unknown_to(7, 2), log.end()), (vec![('a', 2, 0)], 3));
    }

    #[test]
    fn a_part_that_brings_nothing_new_changes_nothing() {
        let mut log = Log::default();
        log.join(('a', 2, 2), None);
        log.join(('a', 1, 2), Some(7));
        assert_eq!((log.unknown_to(7, 0), log.end()), (vec![('a', 2, 2)], 1));
    }

    #[test]
    fn a_part_goes_back_to_where_it_came_from_only_if_it_has_grown() {
        let mut log = Log::default();
        log.join(('a', 1, 0), None);
        log.join(('a', 2, 0), Some(7));
        assert_eq!((log.unknown_to(7, 0), log.skip_known_to(7, 0)), (vec![], log.end()));
        assert_eq!(log.unknown_to(8, 0), [('a', 2, 0)]);
        log.join(('a', 1, 1), Some(7));
        assert_eq!(log.unknown_to(7, 0), [('a', 2, 1)]);
    }

    #[test]
    fn a_peer_that_lost_its_memory_is_told_what_came_from_it() {
        let mut log = Log::default();
        log.join(5, Some(7));
        log.forget_source(7);
        assert_eq!((log.unknown_to(7, 0), log.skip_known_to(7, 0)), (vec![5], 0));
    }
}
