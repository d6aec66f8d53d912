//! Which sub-graphs of a component are cyclic. That rules out consistency models even where no particular cycle gets
//! named: the `X-cycle-exists` anomalies of spec §13.3, found in linear time.

use super::anomaly::Anomaly;
use super::graph::{Dependency, Graph, Relations};
use super::model::{Model, ModelSet};

/// Some cycle lies among these operations, in a sub-graph that a model requires to be acyclic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleExists {
    /// What is violated.
    pub requirement: &'static Requirement,
    /// The operations of the smallest cyclic part, by index.
    pub scc: Vec<usize>,
}

/// A model and the edges that must not form cycles under it.
#[derive(Debug, PartialEq, Eq)]
pub struct Requirement {
    /// What a violation is called.
    pub anomaly: Anomaly,
    /// The model that falls.
    pub model: Model,
    /// The edges that may follow each other freely.
    pub edges: &'static [Dependency],
    /// Whether anti-dependencies count as well, as long as none follows another.
    pub nonadjacent_rw: bool,
}

impl Requirement {
    /// The names of the edges that count.
    pub fn edge_names(&self) -> Vec<&'static str> {
        let named = self.edges.iter().map(|edge| edge.name());
        named.chain(self.nonadjacent_rw.then_some("nonadjacent rw")).collect()
    }
}

const fn require(
    anomaly: Anomaly,
    model: Model,
    edges: &'static [Dependency],
    nonadjacent_rw: bool,
) -> Requirement {
    Requirement { anomaly, model, edges, nonadjacent_rw }
}

/// The weakest models first.
pub const REQUIREMENTS: &[Requirement] = {
    use Anomaly::*;
    use Dependency::*;
    use Model::*;
    &[
        require(Pl1CycleExists, ReadUncommitted, &[Ww], false),
        require(Pl2CycleExists, ReadCommitted, &[Ww, Wr], false),
        require(PlSiCycleExists, SnapshotIsolation, &[Ww, Wr], true),
        require(Pl3CycleExists, Serializable, &[Ww, Wr, Rw], false),
        require(StrongSessionPl1CycleExists, StrongSessionReadUncommitted, &[Ww, Process], false),
        require(StrongSessionPl2CycleExists, StrongSessionReadCommitted, &[Ww, Wr, Process], false),
        require(StrongSessionSiCycleExists, StrongSessionSnapshotIsolation, &[Ww, Wr, Process], true),
        require(
            StrongSessionSerializableCycleExists,
            StrongSessionSerializable,
            &[Ww, Wr, Rw, Process],
            false,
        ),
        require(StrongPl1CycleExists, StrongReadUncommitted, &[Ww, Realtime], false),
        require(StrongPl2CycleExists, StrongReadCommitted, &[Ww, Wr, Realtime], false),
        require(StrongSiCycleExists, StrongSnapshotIsolation, &[Ww, Wr, Realtime], true),
        require(PlSsCycleExists, StrictSerializable, &[Ww, Wr, Rw, Realtime], false),
    ]
};

/// Adds the requirements that a component violates, but those of a model only if no weaker model's is violated.
/// Node `i` of the component is operation `members[i]`.
pub(super) fn find(component: &Graph, members: &[u32], existing: &mut Vec<CycleExists>) {
    let present = component.relations();
    let mut fallen = ModelSet::default();
    for requirement in REQUIREMENTS {
        let followed = Relations::of(requirement.edges);
        let adds_nothing = [Dependency::Process, Dependency::Realtime]
            .into_iter()
            .any(|order| followed.contains(order) && !present.contains(order));
        if fallen.contains(requirement.model) || adds_nothing {
            continue;
        }
        let parts = match requirement.nonadjacent_rw {
            true => nonadjacent_parts(component, followed),
            false => component.restricted(followed).components(),
        };
        let to_ops = |part: Vec<u32>| -> Vec<usize> {
            let ops = part.into_iter().filter(|node| !component.is_auxiliary(*node));
            ops.map(|node| members[node as usize] as usize).collect()
        };
        if let Some(scc) = parts.into_iter().map(to_ops).min_by_key(Vec::len) {
            existing.push(CycleExists { requirement, scc });
            fallen = fallen.union(requirement.model.stronger());
        }
    }
}

fn nonadjacent_parts(component: &Graph, followed: Relations) -> Vec<Vec<u32>> {
    let mut parts = component.without_adjacent_rw(followed).components();
    for part in &mut parts {
        for state in part.iter_mut() {
            *state /= 2;
        }
        part.dedup();
    }
    parts
}
