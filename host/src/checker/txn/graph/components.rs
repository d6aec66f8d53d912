//! The strongly connected components of a graph, and an order of them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::Graph;

/// The component of a node that lies on no cycle.
pub(in super::super) const ACYCLIC: u32 = u32::MAX;

impl Graph {
    /// The strongly connected components that hold a cycle: those of two or more nodes, each sorted, in the order of
    /// their first nodes.
    pub(in super::super) fn components(&self) -> Vec<Vec<u32>> {
        grouped(&self.component_of())
    }

    /// A place for each node such that every edge leads to a higher one, or within a component to the same. Among
    /// nodes that could come next the one with the lowest number does; so the order is roughly that of time, and places
    /// tell early that one node cannot reach another.
    pub(in super::super) fn places(&self) -> Vec<u32> {
        let component_of = self.component_of();
        let name_of = |node: u32| match component_of[node as usize] {
            ACYCLIC => node,
            component => component,
        };
        let components: FxHashMap<u32, Vec<u32>> =
            grouped(&component_of).into_iter().map(|members| (name_of(members[0]), members)).collect();
        let mut awaited = vec![0; self.node_count()];
        let nodes = 0..self.node_count() as u32;
        for (from, &(to, _)) in
            nodes.clone().flat_map(|from| self.after(from).iter().map(move |edge| (from, edge)))
        {
            awaited[name_of(to) as usize] += u32::from(name_of(from) != name_of(to));
        }
        let mut ready: BinaryHeap<Reverse<u32>> = nodes
            .filter(|node| name_of(*node) == *node && awaited[*node as usize] == 0)
            .map(Reverse)
            .collect();
        let mut places = vec![0; self.node_count()];
        let mut place = 0;
        while let Some(Reverse(name)) = ready.pop() {
            let alone = [name];
            for &member in components.get(&name).map_or(&alone[..], Vec::as_slice) {
                places[member as usize] = place;
                for next in self.after(member).iter().map(|(to, _)| name_of(*to)).filter(|next| *next != name)
                {
                    awaited[next as usize] -= 1;
                    if awaited[next as usize] == 0 {
                        ready.push(Reverse(next));
                    }
                }
            }
            place += 1;
        }
        places
    }

    /// For each node, a number of its strongly connected component, or [`ACYCLIC`] if that is the node alone.
    /// Tarjan's algorithm, with its stack on the heap because a chain of operations may be as long as the history.
    pub(in super::super) fn component_of(&self) -> Vec<u32> {
        let mut search = Tarjan::new(self);
        for node in 0..self.node_count() as u32 {
            if search.opened_at[node as usize] == UNOPENED {
                search.explore(node);
            }
        }
        search.component_of
    }
}

/// The nodes of each component, components in the order of their first nodes.
fn grouped(component_of: &[u32]) -> Vec<Vec<u32>> {
    let mut group_of = FxHashMap::default();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (node, component) in component_of.iter().enumerate().filter(|(_, component)| **component != ACYCLIC) {
        let group = *group_of.entry(component).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(node as u32);
    }
    groups
}

const UNOPENED: u32 = u32::MAX;
const UNDECIDED: u32 = u32::MAX - 1;

struct Tarjan<'g> {
    graph: &'g Graph,
    opened_at: Vec<u32>,
    lowest: Vec<u32>,
    component_of: Vec<u32>,
    opened: Vec<u32>,
    open_count: u32,
    /// The path from the root, each node with the place of its next edge.
    path: Vec<(u32, u32)>,
}

impl<'g> Tarjan<'g> {
    fn new(graph: &'g Graph) -> Tarjan<'g> {
        let count = graph.node_count();
        Tarjan {
            graph,
            opened_at: vec![UNOPENED; count],
            lowest: vec![0; count],
            component_of: vec![UNDECIDED; count],
            opened: Vec::new(),
            open_count: 0,
            path: Vec::new(),
        }
    }

    fn explore(&mut self, root: u32) {
        self.open(root);
        while let Some((node, next)) = self.path.last_mut() {
            let node = *node;
            if let Some((to, _)) = self.graph.after(node).get(*next as usize) {
                *next += 1;
                if self.opened_at[*to as usize] == UNOPENED {
                    self.open(*to);
                } else if self.component_of[*to as usize] == UNDECIDED {
                    self.lower(node, self.opened_at[*to as usize]);
                }
                continue;
            }
            self.path.pop();
            if self.lowest[node as usize] == self.opened_at[node as usize] {
                self.close(node);
            }
            if let Some((parent, _)) = self.path.last() {
                self.lower(*parent, self.lowest[node as usize]);
            }
        }
    }

    fn open(&mut self, node: u32) {
        self.opened_at[node as usize] = self.open_count;
        self.lowest[node as usize] = self.open_count;
        self.open_count += 1;
        self.opened.push(node);
        self.path.push((node, 0));
    }

    fn lower(&mut self, node: u32, bound: u32) {
        let lowest = &mut self.lowest[node as usize];
        *lowest = bound.min(*lowest);
    }

    /// Everything opened since `root` is one component, called by its root.
    fn close(&mut self, root: u32) {
        let from = self.opened.iter().rposition(|node| *node == root).unwrap_or(0);
        let name = if self.opened.len() - from == 1 { ACYCLIC } else { root };
        for node in self.opened.drain(from..) {
            self.component_of[node as usize] = name;
        }
    }
}
