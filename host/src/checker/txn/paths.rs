//! Walks in a dependency graph: the shortest from one operation to another, counted in operations (an edge that leads
//! through auxiliary nodes is one step). Every search spends steps from a budget that it is handed, so that a verdict
//! depends on the history alone and never on the clock.

use std::collections::VecDeque;

use super::graph::Graph;

/// How many more edges a search may look at.
#[derive(Debug)]
pub(super) struct Budget(u64);

impl Budget {
    /// That many edges.
    pub(super) fn of(edges: u64) -> Budget {
        Budget(edges)
    }

    /// Lowers what is left to at most that many.
    pub(super) fn limit(&mut self, edges: u64) {
        self.0 = self.0.min(edges);
    }

    /// Whether nothing is left.
    pub(super) fn is_spent(&self) -> bool {
        self.0 == 0
    }

    /// Takes one; says whether it was there to take.
    pub(super) fn spend(&mut self) -> bool {
        let had_one = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        had_one
    }
}

const UNREACHED: u32 = u32::MAX;

/// Breadth-first search that reuses its tables.
pub(super) struct ShortestPaths {
    distance_to: Vec<u32>,
    came_from: Vec<u32>,
    reached: Vec<u32>,
    open: VecDeque<u32>,
}

impl ShortestPaths {
    /// Tables for graphs of at most that many nodes.
    pub(super) fn new(node_count: usize) -> ShortestPaths {
        ShortestPaths {
            distance_to: vec![UNREACHED; node_count],
            came_from: vec![UNREACHED; node_count],
            reached: Vec::new(),
            open: VecDeque::new(),
        }
    }

    /// The nodes of a shortest path between two nodes, both included, and the number of its steps. It passes only where
    /// `may_pass` allows, has at most `longest` steps, and must be found within the budget.
    pub(super) fn find(
        &mut self,
        graph: &Graph,
        (from, to): (u32, u32),
        longest: u32,
        may_pass: impl Fn(u32) -> bool,
        budget: &mut Budget,
    ) -> Option<(Vec<u32>, u32)> {
        self.forget();
        self.reach(from, from, 0);
        self.open.push_back(from);
        while let Some(node) = self.open.pop_front() {
            if node == to {
                return Some((self.path(from, to), self.distance_to[to as usize]));
            }
            if !self.expand(graph, node, longest, &may_pass, budget) {
                return None;
            }
        }
        None
    }

    /// Opens what follows a node. Leaving an auxiliary one costs nothing, so that goes to the front of the queue.
    fn expand(
        &mut self,
        graph: &Graph,
        node: u32,
        longest: u32,
        may_pass: impl Fn(u32) -> bool,
        budget: &mut Budget,
    ) -> bool {
        let cost = u32::from(!graph.is_auxiliary(node));
        let distance = self.distance_to[node as usize] + cost;
        if distance > longest {
            return true;
        }
        for &(next, _) in graph.after(node) {
            if !budget.spend() {
                return false;
            }
            if distance < self.distance_to[next as usize] && may_pass(next) {
                self.reach(next, node, distance);
                if cost == 0 { self.open.push_front(next) } else { self.open.push_back(next) }
            }
        }
        true
    }

    fn reach(&mut self, node: u32, from: u32, distance: u32) {
        self.distance_to[node as usize] = distance;
        self.came_from[node as usize] = from;
        self.reached.push(node);
    }

    fn forget(&mut self) {
        for node in self.reached.drain(..) {
            self.distance_to[node as usize] = UNREACHED;
        }
        self.open.clear();
    }

    fn path(&self, from: u32, to: u32) -> Vec<u32> {
        let mut path = vec![to];
        let mut node = to;
        while node != from {
            node = self.came_from[node as usize];
            path.push(node);
        }
        path.reverse();
        path
    }
}
