//! Filling a dependency graph: single dependencies, all of many on all of many others, and the orders of time.

use rustc_hash::FxHashMap;

use super::super::super::{History, Kind, Op, Process};
use super::{Dependency, Edge, Graph, PASSAGE, Relations};

/// Collects dependencies between the operations of one history.
pub struct GraphBuilder<'h> {
    history: &'h History,
    edges: Vec<Edge>,
    node_count: usize,
}

impl<'h> GraphBuilder<'h> {
    /// No dependencies yet.
    pub fn new(history: &'h History) -> GraphBuilder<'h> {
        GraphBuilder { history, edges: Vec::new(), node_count: history.ops().len() }
    }

    /// The completion at index `from` must come before the one at index `to`. Nothing depends on itself: such an
    /// edge is dropped.
    pub fn add(&mut self, from: usize, to: usize, dependency: Dependency) {
        if from != to {
            self.push(from, to, Relations::of(&[dependency]));
        }
    }

    /// Each of the first must come before each of the second, except itself. Both must be in ascending order.
    pub fn add_all(&mut self, from: &[usize], to: &[usize], dependency: Dependency) {
        if from.len() * to.len() <= PAIRS_PER_OPERATION * (from.len() + to.len()) {
            for &before in from {
                for &after in to {
                    self.add(before, after, dependency);
                }
            }
            return;
        }
        self.add_all_by_passages(from, to, Relations::of(&[dependency]));
    }

    /// The same with a number of edges that is linear in the number of operations.
    fn add_all_by_passages(&mut self, from: &[usize], to: &[usize], relations: Relations) {
        let split = |these: &[usize], others: &[usize]| -> (Vec<usize>, Vec<usize>) {
            these.iter().partition(|op| others.binary_search(op).is_ok())
        };
        let (both, only_from) = split(from, to);
        let (_, only_to) = split(to, &both);
        let others = self.add_passage(&only_to);
        // Two chains through those that stand on both sides: each leads to all before it and to all after it.
        let upward = self.add_chain(both.iter().copied());
        let downward = self.add_chain(both.iter().rev().copied());
        for (place, &op) in both.iter().enumerate() {
            let before = place.checked_sub(1).map(|at| upward[at]);
            let after = (both.len() - 1 - place).checked_sub(1).map(|at| downward[at]);
            for target in [Some(others), before, after].into_iter().flatten() {
                self.push(op, target, relations);
            }
        }
        let all: Vec<usize> = std::iter::once(others).chain(upward.last().copied()).collect();
        let all = self.add_passage(&all);
        for op in only_from {
            self.push(op, all, relations);
        }
    }

    /// An auxiliary node that leads to these nodes.
    fn add_passage(&mut self, to: &[usize]) -> usize {
        let node = self.node_count;
        self.node_count += 1;
        for &after in to {
            self.push(node, after, PASSAGE);
        }
        node
    }

    /// An auxiliary node for each of these, which leads to it and to all earlier ones.
    fn add_chain(&mut self, ops: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut chain: Vec<usize> = Vec::new();
        for op in ops {
            let to: Vec<usize> = std::iter::once(op).chain(chain.last().copied()).collect();
            let node = self.add_passage(&to);
            chain.push(node);
        }
        chain
    }

    fn push(&mut self, from: usize, to: usize, relations: Relations) {
        self.edges.push(Edge { from: from as u32, to: to as u32, relations });
    }

    /// Whether no dependency was added.
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// Adds the order in which each process completed its `ok` operations: each before the process's next.
    pub fn add_process_order(&mut self) {
        let mut last_of: FxHashMap<Process, usize> = FxHashMap::default();
        for op in self.history.completions().filter(|op| op.kind == Kind::Ok) {
            if let Some(last) = last_of.insert(op.process, op.index) {
                self.add(last, op.index, Dependency::Process);
            }
        }
    }

    /// Adds real time: an `ok` operation before every one that was invoked after it had ended and that has a completion,
    /// whatever that is. A crashed operation may still take effect at any time, so nothing need come after it.
    ///
    /// Completions lead to an auxiliary node that stands for a moment, which leads to the operations invoked between
    /// it and the next such moment, and to that next moment.
    pub fn add_realtime_order(&mut self) {
        self.add_realtime_order_of(|_| true);
    }

    /// The same between the operations that `counts` likes.
    pub fn add_realtime_order_of(&mut self, counts: impl Fn(&Op) -> bool) {
        let mut moment = None;
        let mut ended = Vec::new();
        for op in self.history.client_ops().filter(|op| counts(op)) {
            match op.kind {
                Kind::Ok => ended.push(op.index),
                Kind::Invoke => {
                    // Nothing comes of an operation that never ended, and a history that ends so proves nothing.
                    let Some(completion) = self.history.completion_of(op.index) else { continue };
                    if !ended.is_empty() {
                        moment = Some(self.add_moment(moment, &ended));
                        ended.clear();
                    }
                    if let Some(moment) = moment {
                        self.push(moment, completion.index, PASSAGE);
                    }
                }
                Kind::Fail | Kind::Info => {}
            }
        }
    }

    fn add_moment(&mut self, previous: Option<usize>, ended: &[usize]) -> usize {
        let moment = self.add_passage(&[]);
        for &op in ended {
            self.push(op, moment, Relations::of(&[Dependency::Realtime]));
        }
        if let Some(previous) = previous {
            self.push(previous, moment, PASSAGE);
        }
        moment
    }

    /// The graph of all that was added.
    pub fn build(self) -> Graph {
        Graph::from_edges(self.node_count, self.history.ops().len(), self.edges)
    }
}

/// How many edges [`GraphBuilder::add_all`] spends on an operation rather than add auxiliary nodes. Maelstrom writes a
/// key 16 times by default.
const PAIRS_PER_OPERATION: usize = 16;
