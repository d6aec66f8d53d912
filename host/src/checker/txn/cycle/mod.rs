//! Finds the contradictions in a dependency graph and names each by its class (spec §13.3; Adya's thesis; the Elle
//! paper). Per strongly connected component and class at most one cycle is shown, and a class is not searched where a
//! found one implies it. Which models fall is settled before, in linear time, by [`existence`]; the budget of the
//! search decides what gets a name. Only consistent-view and repeatable-read have no sub-graph of their own, so that a
//! search cut short may leave them open, which `cycle-search-timeout` then says.
//!
//! The search is complete, which Elle's is not, because of that order. Take G1c with process edges: it is sought only
//! where neither G1c nor G0-process was found, so *any* cycle of ww, wr and process edges in the component has a wr and
//! a process edge, and a shortest one will do. The same holds for all classes but G-nonadjacent-item; see `nonadjacent`.

use super::anomaly::{Anomaly, AnomalySet, CycleClass, Strength};
use super::existence::{self, CycleExists};
use super::graph::{Dependency, Graph, Relations};
use super::nonadjacent;
use super::paths::{Budget, ShortestPaths};

/// In what order the data dependencies are tried when an edge that has several is given one name.
pub type Naming = [Dependency; 3];

/// The most severe name first: as Elle does for list-append.
pub const WRITES_FIRST: Naming = [Dependency::Ww, Dependency::Wr, Dependency::Rw];

/// As Elle does for rw-register, where every ww edge is inferred from a transaction that also read what it overwrote.
/// So a cycle of writes is named as the flow of information that it also is: G1c.
pub const READS_FIRST: Naming = [Dependency::Wr, Dependency::Ww, Dependency::Rw];

/// Edges that may be looked at for one class in one component. A tenth of a second or so.
const STEPS_PER_CLASS: u64 = 10_000_000;
/// Edges that may be looked at to replace a cycle by a shorter one.
const STEPS_TO_SHORTEN: u64 = 200_000;

const DATA: Relations = Relations::of(&[Dependency::Ww, Dependency::Wr, Dependency::Rw]);
const READS_AND_WRITES: Relations = Relations::of(&[Dependency::Ww, Dependency::Wr]);

/// Operations that would each have to come before the next, and the last before the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCycle {
    /// Its class.
    pub anomaly: Anomaly,
    /// The completions, by index. At least two, all different.
    pub ops: Vec<usize>,
    /// `by[i]` is why `ops[i]` comes before `ops[i + 1]`; the last leads back to the first.
    pub by: Vec<Dependency>,
}

/// A class whose search in one component was not finished within its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutShort {
    /// What was sought.
    pub sought: Anomaly,
    /// The number of operations in the component.
    pub scc_size: usize,
}

/// What a graph contains.
#[derive(Debug, Default)]
pub struct Found {
    /// One cycle per class and component.
    pub cycles: Vec<FoundCycle>,
    /// The sub-graphs of each component that are cyclic, whether or not a cycle was named.
    pub existing: Vec<CycleExists>,
    /// Searches not finished.
    pub cut_short: Vec<CutShort>,
}

/// Searches every strongly connected component for every class of cycle.
pub fn find_cycles(graph: &Graph, naming: Naming) -> Found {
    let mut found = Found::default();
    for members in graph.components() {
        let component = graph.induced(&members);
        existence::find(&component, &members, &mut found.existing);
        Component::new(&component, &members, naming).search(&mut found);
    }
    found
}

/// The class of a cycle of these edges.
pub fn classify(by: &[Dependency]) -> Anomaly {
    let has = |dependency| by.contains(&dependency);
    let mut neighbours = by.iter().zip(by.iter().cycle().skip(1));
    let class = match by.iter().filter(|dependency| **dependency == Dependency::Rw).count() {
        0 if has(Dependency::Wr) => CycleClass::G1c,
        0 => CycleClass::G0,
        1 => CycleClass::GSingleItem,
        _ if neighbours.any(|pair| pair == (&Dependency::Rw, &Dependency::Rw)) => CycleClass::G2Item,
        _ => CycleClass::GNonadjacentItem,
    };
    let strength = if has(Dependency::Realtime) {
        Strength::Realtime
    } else if has(Dependency::Process) {
        Strength::Process
    } else {
        Strength::Data
    };
    Anomaly::of_cycle(class, strength)
}

/// One strongly connected component, each edge with one name among the data dependencies.
pub(super) struct Component<'c> {
    pub(super) named: Graph,
    members: &'c [u32],
    naming: Naming,
    pub(super) paths: ShortestPaths,
}

impl<'c> Component<'c> {
    fn new(component: &Graph, members: &'c [u32], naming: Naming) -> Component<'c> {
        let named = component.map_edges(|relations| {
            let name = naming.into_iter().find(|dependency| relations.contains(*dependency));
            relations.without(DATA).union(name.map_or(Relations::default(), |name| Relations::of(&[name])))
        });
        // The search for nonadjacent anti-dependencies has two states a node.
        let paths = ShortestPaths::new(2 * named.node_count());
        Component { named, members, naming, paths }
    }

    fn search(mut self, found: &mut Found) {
        let present = self.named.relations();
        let mut settled = AnomalySet::default();
        for strength in Strength::ALL {
            let Some(order) = order_for(strength, present) else { continue };
            for class in CycleClass::ALL {
                let sought = Anomaly::of_cycle(class, strength);
                if settled.contains(sought) {
                    continue;
                }
                let mut budget = Budget::of(STEPS_PER_CLASS);
                if let Some(cycle) = self.find(class, order, &mut budget) {
                    settled = settled.union(sought.implied()).union(cycle.anomaly.implied());
                    found.cycles.push(cycle);
                } else if budget.is_spent() {
                    let scc_size = self.named.op_count();
                    found.cut_short.push(CutShort { sought, scc_size });
                }
            }
        }
    }

    fn find(&mut self, class: CycleClass, order: Relations, budget: &mut Budget) -> Option<FoundCycle> {
        let (closing, others) = match class {
            CycleClass::G0 => (Dependency::Ww, Relations::of(&[Dependency::Ww])),
            CycleClass::G1c => (Dependency::Wr, READS_AND_WRITES),
            CycleClass::GSingleItem => (Dependency::Rw, READS_AND_WRITES),
            CycleClass::G2Item => (Dependency::Rw, DATA),
            CycleClass::GNonadjacentItem => {
                return nonadjacent::find(self, READS_AND_WRITES.union(order), budget);
            }
        };
        let others = others.union(order);
        let candidates = match class {
            CycleClass::GSingleItem => nonadjacent::candidates(&self.named, others),
            _ => edges_of(&self.named, closing).collect(),
        };
        self.shortest_cycle((closing, &candidates), others, budget)
    }

    /// The shortest cycle that begins with one of the candidates, edges of kind `closing`, and goes on along `others`.
    fn shortest_cycle(
        &mut self,
        (closing, candidates): (Dependency, &[(u32, u32)]),
        others: Relations,
        budget: &mut Budget,
    ) -> Option<FoundCycle> {
        let ways = self.named.restricted(others);
        let places = ways.places();
        let mut best: Option<Vec<u32>> = None;
        let mut longest = u32::MAX;
        for &(from, to) in candidates {
            let latest = places[from as usize];
            let within = |node: u32| places[node as usize] <= latest;
            if longest == 0 || !within(to) {
                continue;
            }
            let Some((path, steps)) = self.paths.find(&ways, (to, from), longest, within, budget) else {
                continue;
            };
            budget.limit(STEPS_TO_SHORTEN);
            best = Some(path);
            longest = steps - 1;
        }
        let mut nodes = best?;
        nodes.rotate_right(1);
        let opening = (nodes[0], nodes[1]);
        Some(self.cycle_of(&nodes, |from, to| match (from, to) == opening {
            true => closing,
            false => self.name_of(from, to, others),
        }))
    }

    /// The name an edge goes by among those that may be followed: data before process before real time.
    pub(super) fn name_of(&self, from: u32, to: u32, followed: Relations) -> Dependency {
        let relations = self.named.between(from, to).intersection(followed);
        let [first, second, third] = self.naming;
        let order = [first, second, third, Dependency::Process];
        order.into_iter().find(|dependency| relations.contains(*dependency)).unwrap_or(Dependency::Realtime)
    }

    /// The cycle through these nodes. An edge that leads through auxiliary nodes has the name of its first part.
    pub(super) fn cycle_of(&self, nodes: &[u32], name: impl Fn(u32, u32) -> Dependency) -> FoundCycle {
        let edges = nodes.iter().zip(nodes.iter().cycle().skip(1));
        let of_ops = edges.filter(|(node, _)| !self.named.is_auxiliary(**node));
        let (ops, by): (Vec<_>, Vec<_>) =
            of_ops.map(|(&node, &next)| (self.members[node as usize] as usize, name(node, next))).unzip();
        FoundCycle { anomaly: classify(&by), ops, by }
    }
}

/// The edges of one kind.
pub(super) fn edges_of(graph: &Graph, kind: Dependency) -> impl Iterator<Item = (u32, u32)> {
    (0..graph.node_count() as u32).flat_map(move |from| {
        let of_kind = graph.after(from).iter().filter(move |(_, relations)| relations.contains(kind));
        of_kind.map(move |(to, _)| (from, *to))
    })
}

/// The orders that cycles of a strength may use beside data; `None` if the graph has not got the one they need.
fn order_for(strength: Strength, present: Relations) -> Option<Relations> {
    match strength {
        Strength::Data => Some(Relations::default()),
        Strength::Process => {
            present.contains(Dependency::Process).then_some(Relations::of(&[Dependency::Process]))
        }
        Strength::Realtime => present
            .contains(Dependency::Realtime)
            .then_some(Relations::of(&[Dependency::Process, Dependency::Realtime])),
    }
}

#[cfg(test)]
mod tests;
