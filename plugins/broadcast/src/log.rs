//! The values a node knows, in the order in which it learned them. Positions in this order are what acknowledgements
//! count by.

use std::collections::BTreeSet;

/// An append-only log of distinct values, each with the peer it came from.
#[derive(Default)]
pub struct Log {
    values: Vec<i64>,
    learned_from: Vec<Option<usize>>,
    known: BTreeSet<i64>,
}

impl Log {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn values(&self) -> &[i64] {
        &self.values
    }

    /// Appends a value, from a peer or from a client, unless it is known.
    pub fn add(&mut self, value: i64, from: Option<usize>) {
        if self.known.insert(value) {
            self.values.push(value);
            self.learned_from.push(from);
        }
    }

    /// The values from a position on, without those that came from `peer`.
    pub fn unknown_to(&self, peer: usize, from: usize) -> Vec<i64> {
        let tail = self.values[from..].iter().zip(&self.learned_from[from..]);
        tail.filter(|(_, source)| **source != Some(peer)).map(|(value, _)| *value).collect()
    }

    /// The first position from `from` on, up to the end, whose value did not come from `peer`.
    pub fn skip_known_to(&self, peer: usize, from: usize) -> usize {
        let rest = &self.learned_from[from..];
        from + rest.iter().take_while(|source| **source == Some(peer)).count()
    }

    /// A peer has lost its memory: it must be told even what came from it.
    pub fn forget_source(&mut self, peer: usize) {
        for source in self.learned_from.iter_mut().filter(|source| **source == Some(peer)) {
            *source = None;
        }
    }
}
