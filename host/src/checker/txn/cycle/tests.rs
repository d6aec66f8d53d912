use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::graph::GraphBuilder;
use super::super::scenario;
use super::*;

const NODES: usize = 6;

/// A graph over the completions of six concurrent transactions, numbered from 0.
fn found(edges: &[(usize, usize, Dependency)]) -> Found {
    let history = transactions();
    let mut builder = GraphBuilder::new(&history);
    for &(from, to, dependency) in edges {
        builder.add(NODES + from, NODES + to, dependency);
    }
    find_cycles(&builder.build(), WRITES_FIRST)
}

fn transactions() -> crate::checker::History {
    let line = |number: u64| (number, 100 + number, number, "ok", "r 1 null");
    scenario::history(&(0..NODES as u64).map(line).collect::<Vec<_>>())
}

fn names(found: &Found) -> Vec<&'static str> {
    found.cycles.iter().map(|cycle| cycle.anomaly.name()).collect()
}

use Dependency::{Process, Realtime, Rw, Wr, Ww};

#[test]
fn cycles_are_classified_by_their_edges() {
    let class = |by: &[Dependency]| classify(by).name();
    assert_eq!(class(&[Ww, Ww]), "G0");
    assert_eq!(class(&[Ww, Wr]), "G1c");
    assert_eq!(class(&[Rw, Wr, Ww]), "G-single-item");
    assert_eq!(class(&[Rw, Wr, Rw, Ww]), "G-nonadjacent-item");
    assert_eq!(class(&[Rw, Rw, Ww]), "G2-item");
    assert_eq!(class(&[Rw, Ww, Rw]), "G2-item", "the last edge is adjacent to the first");
    assert_eq!(class(&[Rw, Process]), "G-single-item-process");
    assert_eq!(class(&[Ww, Process, Realtime]), "G0-realtime");
}

#[test]
fn the_shortest_cycle_is_shown() {
    let found = found(&[(0, 1, Ww), (1, 2, Ww), (2, 3, Ww), (3, 0, Ww), (2, 1, Ww)]);
    assert_eq!(found.cycles.len(), 1);
    assert_eq!(found.cycles[0].ops.len(), 2);
}

#[test]
fn implied_classes_are_not_shown_but_independent_ones_are() {
    assert_eq!(names(&found(&[(0, 1, Ww), (1, 0, Ww), (1, 2, Wr), (2, 0, Wr)])), ["G0"]);
    assert_eq!(names(&found(&[(0, 1, Ww), (1, 0, Ww), (1, 2, Rw), (2, 0, Wr)])), ["G0", "G-single-item"]);
}

#[test]
fn an_edge_may_serve_as_any_of_its_kinds() {
    // Taken as anti-dependency, 0 → 1 makes write skew; taken as real time, read skew.
    let found = found(&[(0, 1, Rw), (0, 1, Realtime), (1, 0, Rw)]);
    assert_eq!(names(&found), ["G2-item", "G-single-item-realtime"]);
}

#[test]
fn cyclic_sub_graphs_are_told_even_where_no_cycle_bears_their_name() {
    let history = transactions();
    let mut builder = GraphBuilder::new(&history);
    for (from, to) in [(0, 1), (1, 0)] {
        builder.add(NODES + from, NODES + to, Ww);
        builder.add(NODES + from, NODES + to, Wr);
    }
    let found = find_cycles(&builder.build(), READS_FIRST);
    assert_eq!(names(&found), ["G1c"]);
    let existing: Vec<_> =
        found.existing.iter().map(|existing| existing.requirement.anomaly.name()).collect();
    assert_eq!(existing, ["PL-1-cycle-exists"]);
    assert_eq!(found.existing[0].scc, [NODES, NODES + 1]);
}

#[test]
fn nonadjacent_cycles_are_found_beside_shorter_walks() {
    // The walk 0 → 1 → 2 → 1 → 3 → 0 has no adjacent anti-dependencies, but only 1 ⇄ 2 comes out of it.
    let shared = [(0, 1, Rw), (1, 2, Wr), (2, 1, Wr), (1, 3, Rw), (3, 0, Ww)];
    assert_eq!(names(&found(&shared)), ["G1c", "G2-item"]);
    let detour = [(2, 4, Ww), (4, 5, Ww), (5, 3, Rw)];
    assert_eq!(names(&found(&[&shared[..], &detour[..]].concat())), ["G1c", "G-nonadjacent-item"]);
}

#[test]
fn a_search_without_steps_left_is_cut_short() {
    let history = transactions();
    let mut builder = GraphBuilder::new(&history);
    builder.add(NODES, NODES + 1, Ww);
    builder.add(NODES + 1, NODES, Ww);
    let graph = builder.build();
    let members = graph.components().remove(0);
    let component = graph.induced(&members);
    let mut budget = Budget::of(0);
    let mut component = Component::new(&component, &members, WRITES_FIRST);
    assert_eq!(component.find(CycleClass::G0, Relations::default(), &mut budget), None);
    assert!(budget.is_spent());
}

type Edges = BTreeSet<(usize, usize, Dependency)>;

/// Every class of every simple cycle, by trying them all. An edge goes by the first of its data dependencies, or by any
/// order of time.
fn classes_by_enumeration(edges: &Edges) -> AnomalySet {
    let is_first = |(from, to, dependency): &(usize, usize, Dependency)| {
        let earlier = edges.range((*from, *to, Ww)..(*from, *to, *dependency));
        !WRITES_FIRST.contains(dependency) || earlier.count() == 0
    };
    let named = edges.iter().copied().filter(is_first).collect();
    let mut classes = AnomalySet::default();
    for first in 0..NODES {
        extend(&named, &mut vec![first], &mut Vec::new(), &mut classes);
    }
    classes
}

/// Tries all ways to close a path whose first node is its least.
fn extend(edges: &Edges, nodes: &mut Vec<usize>, by: &mut Vec<Dependency>, classes: &mut AnomalySet) {
    let last = nodes[nodes.len() - 1];
    for &(_, to, dependency) in edges.range((last, 0, Ww)..(last + 1, 0, Ww)) {
        by.push(dependency);
        if to == nodes[0] {
            classes.insert(classify(by));
        } else if to > nodes[0] && !nodes.contains(&to) {
            nodes.push(to);
            extend(edges, nodes, by, classes);
            nodes.pop();
        }
        by.pop();
    }
}

/// Random edges; the orders of time never lead backwards.
fn some_edges() -> impl Strategy<Value = Edges> {
    let data = (0..NODES, 0..NODES, prop::sample::select(vec![Ww, Wr, Rw, Rw, Rw]));
    let order = (0..NODES, 0..NODES, prop::sample::select(vec![Process, Realtime]));
    let orders = prop::sample::select(vec![0, 4])
        .prop_flat_map(move |most| prop::collection::vec(order.clone(), 0..=most));
    (prop::collection::vec(data, 2..11), orders).prop_map(|(data, orders)| {
        let forward = orders.into_iter().filter(|(from, to, _)| from < to);
        data.into_iter().filter(|(from, to, _)| from != to).chain(forward).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_search_is_sound_and_complete(edges in some_edges()) {
        let found = found(&edges.iter().copied().collect::<Vec<_>>());
        prop_assert!(found.cut_short.is_empty());
        let mut covered = AnomalySet::default();
        for cycle in &found.cycles {
            let next = cycle.ops.iter().cycle().skip(1);
            for ((from, to), by) in cycle.ops.iter().zip(next).zip(&cycle.by) {
                prop_assert!(edges.contains(&(from - NODES, to - NODES, *by)), "{cycle:?}");
            }
            prop_assert_eq!(cycle.ops.iter().collect::<BTreeSet<_>>().len(), cycle.ops.len());
            prop_assert_eq!(classify(&cycle.by), cycle.anomaly);
            covered = covered.union(cycle.anomaly.implied());
        }
        for class in classes_by_enumeration(&edges).iter() {
            prop_assert!(covered.contains(class), "{class} is missing from {:?}", names(&found));
        }
    }
}
