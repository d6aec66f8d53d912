//! Which operation must come before which, and why: a graph whose nodes are operations by their index in the history.
//! Checkers fill it with the dependencies they infer; [`cycle`](super::cycle) looks for contradictions in it.
//!
//! ```
//! use host::checker::History;
//! use host::checker::txn::cycle::{WRITES_FIRST, find_cycles};
//! use host::checker::txn::graph::{Dependency, GraphBuilder};
//!
//! fn has_cycle(history: &History, writer: usize, reader: usize) -> bool {
//!     let mut dependencies = GraphBuilder::new(history);
//!     dependencies.add(writer, reader, Dependency::Wr);
//!     dependencies.add_realtime_order();
//!     !find_cycles(&dependencies.build(), WRITES_FIRST).cycles.is_empty()
//! }
//! # assert!(!has_cycle(&History::default(), 0, 0));
//! ```
//!
//! Where all of many operations come before all of many others, the pairs would be quadratic in number. Such edges lead
//! through *auxiliary* nodes instead, so that the graph stays linear in the size of the history: the first step into
//! them bears the reason, the further ones are mere passage.

mod builder;
mod components;

use rustc_hash::FxHashMap;

pub use builder::GraphBuilder;
pub(super) use components::ACYCLIC;

/// Why one operation must come before another: the data dependencies of Adya's thesis, and two orders of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Dependency {
    /// The second overwrote what the first wrote.
    Ww,
    /// The second read what the first wrote.
    Wr,
    /// The second overwrote what the first read (an anti-dependency).
    Rw,
    /// One process did the first, then the second.
    Process,
    /// The first had ended before the second began.
    Realtime,
}

impl Dependency {
    /// Elle's name.
    pub fn name(self) -> &'static str {
        match self {
            Dependency::Ww => "ww",
            Dependency::Wr => "wr",
            Dependency::Rw => "rw",
            Dependency::Process => "process",
            Dependency::Realtime => "realtime",
        }
    }
}

/// A set of dependencies: all the reasons for one edge, or those that a search may follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relations(u8);

impl Relations {
    /// The set of these.
    pub const fn of(dependencies: &[Dependency]) -> Relations {
        let mut bits = 0;
        let mut at = 0;
        while at < dependencies.len() {
            bits |= 1 << dependencies[at] as u8;
            at += 1;
        }
        Relations(bits)
    }

    /// Whether it is in.
    pub fn contains(self, dependency: Dependency) -> bool {
        self.0 & (1 << dependency as u8) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in either.
    pub const fn union(self, other: Relations) -> Relations {
        Relations(self.0 | other.0)
    }

    /// Those in both.
    pub const fn intersection(self, other: Relations) -> Relations {
        Relations(self.0 & other.0)
    }

    /// Those only here.
    pub const fn without(self, other: Relations) -> Relations {
        Relations(self.0 & !other.0)
    }
}

/// The edges that leave auxiliary nodes. They may be followed in every search, being the rest of an edge.
pub(super) const PASSAGE: Relations = Relations(1 << 7);

#[derive(Clone, Copy)]
struct Edge {
    from: u32,
    to: u32,
    relations: Relations,
}

/// A dependency graph, its edges sorted by where they begin.
pub struct Graph {
    /// The edges of node `n` are those from `starts[n]` up to `starts[n + 1]`.
    starts: Vec<u32>,
    edges: Vec<(u32, Relations)>,
    /// The nodes below are operations, the others auxiliary.
    op_count: usize,
}

impl Graph {
    fn from_edges(node_count: usize, op_count: usize, mut edges: Vec<Edge>) -> Graph {
        edges.sort_unstable_by_key(|edge| (edge.from, edge.to));
        edges.dedup_by(|next, kept| {
            let same = (next.from, next.to) == (kept.from, kept.to);
            if same {
                kept.relations = kept.relations.union(next.relations);
            }
            same
        });
        let mut starts = vec![0; node_count + 1];
        for edge in &edges {
            starts[edge.from as usize + 1] += 1;
        }
        for node in 0..node_count {
            starts[node + 1] += starts[node];
        }
        Graph { starts, edges: edges.iter().map(|edge| (edge.to, edge.relations)).collect(), op_count }
    }

    /// A graph of any kind of node, without reasons for its edges, to find its components.
    pub(super) fn of_pairs(node_count: usize, pairs: &[(u32, u32)]) -> Graph {
        let edge = |&(from, to): &(u32, u32)| Edge { from, to, relations: Relations::default() };
        Graph::from_edges(node_count, node_count, pairs.iter().map(edge).collect())
    }

    /// Operations and auxiliary nodes together.
    pub(super) fn node_count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Operations alone.
    pub(super) fn op_count(&self) -> usize {
        self.op_count
    }

    /// Whether a node is no operation, but part of edges.
    pub(super) fn is_auxiliary(&self, node: u32) -> bool {
        node as usize >= self.op_count
    }

    /// What must come after a node, and why.
    pub(super) fn after(&self, node: u32) -> &[(u32, Relations)] {
        let node = node as usize;
        &self.edges[self.starts[node] as usize..self.starts[node + 1] as usize]
    }

    /// Why `from` must come before `to`.
    pub(super) fn between(&self, from: u32, to: u32) -> Relations {
        let after = self.after(from);
        let found = after.binary_search_by_key(&to, |(node, _)| *node);
        found.map_or(Relations::default(), |at| after[at].1)
    }

    /// Every reason that occurs.
    pub(super) fn relations(&self) -> Relations {
        self.edges.iter().fold(Relations::default(), |all, (_, relations)| all.union(*relations))
    }

    /// The edges that may be followed, for these reasons only.
    pub(super) fn restricted(&self, followed: Relations) -> Graph {
        self.map_edges(|relations| relations.intersection(followed.union(PASSAGE)))
    }

    /// The same nodes, each edge with the reasons that `keep` leaves it; edges left without any are dropped.
    pub(super) fn map_edges(&self, keep: impl Fn(Relations) -> Relations) -> Graph {
        let mut starts = Vec::with_capacity(self.starts.len());
        let mut edges = Vec::new();
        starts.push(0);
        for node in 0..self.node_count() as u32 {
            let kept = self.after(node).iter().map(|(to, relations)| (*to, keep(*relations)));
            edges.extend(kept.filter(|(_, relations)| !relations.is_empty()));
            starts.push(edges.len() as u32);
        }
        Graph { starts, edges, op_count: self.op_count }
    }

    /// The part of the graph between these nodes, which must be sorted. Node `i` of it is `members[i]`.
    pub(super) fn induced(&self, members: &[u32]) -> Graph {
        let place_of: FxHashMap<u32, u32> = members.iter().copied().zip(0..).collect();
        let mut starts = Vec::with_capacity(members.len() + 1);
        let mut edges = Vec::new();
        starts.push(0);
        for &member in members {
            let inside = self
                .after(member)
                .iter()
                .filter_map(|(to, relations)| Some((*place_of.get(to)?, *relations)));
            edges.extend(inside);
            starts.push(edges.len() as u32);
        }
        let op_count = members.partition_point(|member| !self.is_auxiliary(*member));
        Graph { starts, edges, op_count }
    }

    /// A copy in which each node has two states, so that walks in it are exactly the walks here that follow `others`
    /// and anti-dependencies, but never two of these in a row. State `2n` of node `n` was reached by one of the
    /// others, `2n + 1` by an anti-dependency.
    pub(super) fn without_adjacent_rw(&self, others: Relations) -> Graph {
        let mut starts = Vec::with_capacity(2 * self.node_count() + 1);
        let mut edges = Vec::new();
        starts.push(0);
        for state in 0..2 * self.node_count() as u32 {
            let came_by_rw = state % 2 == 1;
            for &(to, relations) in self.after(state / 2) {
                let plain = relations.intersection(others);
                if !plain.is_empty() {
                    edges.push((2 * to, plain));
                }
                if relations == PASSAGE {
                    edges.push((2 * to + state % 2, PASSAGE));
                }
                if !came_by_rw && relations.contains(Dependency::Rw) {
                    edges.push((2 * to + 1, Relations::of(&[Dependency::Rw])));
                }
            }
            starts.push(edges.len() as u32);
        }
        Graph { starts, edges, op_count: 2 * self.op_count }
    }
}

#[cfg(test)]
mod tests;
