use super::super::super::{History, Kind, Op, Value};
use super::*;

/// A history of `(process, type)` records.
fn history(records: &[(u64, &str)]) -> History {
    let op = |(position, (process, kind)): (usize, &(u64, &str))| {
        let record = format!(r#"{{"type":"{kind}","process":{process},"f":"txn"}}"#);
        Op::from_value(Value::from_json(&record).unwrap(), position).unwrap()
    };
    History::new(records.iter().enumerate().map(op).collect()).unwrap()
}

/// Whether a walk over edges leads from one operation to the other.
fn leads(graph: &Graph, from: u32, to: u32) -> bool {
    let mut seen = vec![false; graph.node_count()];
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        for &(next, _) in graph.after(node) {
            if !std::mem::replace(&mut seen[next as usize], true) {
                open.push(next);
            }
        }
    }
    seen[to as usize]
}

#[test]
fn realtime_orders_exactly_what_ended_before_the_other_began() {
    let history = history(&[
        (0, "invoke"),
        (1, "invoke"),
        (0, "ok"),
        (2, "invoke"),
        (1, "ok"),
        (3, "invoke"),
        (3, "ok"),
        (2, "ok"),
        (4, "invoke"),
        (4, "info"),
        (5, "invoke"),
        (5, "ok"),
    ]);
    let mut builder = GraphBuilder::new(&history);
    builder.add_realtime_order();
    let graph = builder.build();
    let completions: Vec<_> = history.completions().collect();
    for a in &completions {
        for b in &completions {
            let began = history.invocation_of(b.index).unwrap().index;
            let expected = a.kind == Kind::Ok && a.index < began;
            assert_eq!(leads(&graph, a.index as u32, b.index as u32), expected, "{} {}", a.index, b.index);
        }
    }
}

#[test]
fn all_of_many_come_before_all_of_many_others_but_not_before_themselves() {
    let lines = (0..120).flat_map(|process| [(process, "invoke"), (process, "ok")]);
    let history = history(&lines.collect::<Vec<_>>());
    let ops: Vec<usize> = history.completions().map(|op| op.index).collect();
    for (from, to) in
        [(&ops[..80], &ops[40..]), (&ops[..60], &ops[60..]), (&ops[..], &ops[..]), (&ops[..3], &ops[1..5])]
    {
        let mut builder = GraphBuilder::new(&history);
        builder.add_all(from, to, Dependency::Rw);
        let graph = builder.build();
        assert!(graph.edges.len() <= 16 * (from.len() + to.len()));
        for &a in &ops {
            let mut after = passed_to(&graph, a as u32);
            after.sort_unstable();
            let expected = to.iter().copied().filter(|b| from.contains(&a) && *b != a);
            assert_eq!(after, expected.collect::<Vec<_>>(), "{a}");
        }
    }
}

/// The operations that one edge leads to, be it through auxiliary nodes.
fn passed_to(graph: &Graph, from: u32) -> Vec<usize> {
    let mut ops = Vec::new();
    let mut open: Vec<u32> = graph.after(from).iter().map(|(to, _)| *to).collect();
    while let Some(node) = open.pop() {
        match graph.is_auxiliary(node) {
            true => open.extend(graph.after(node).iter().map(|(to, _)| *to)),
            false => ops.push(node as usize),
        }
    }
    ops
}

#[test]
fn realtime_order_is_linear_in_size_however_many_are_concurrent() {
    let mut records = Vec::new();
    for round in 0..10 {
        records.extend((0..100).map(|process| (process + 100 * round, "invoke")));
        records.extend((0..100).map(|process| (process + 100 * round, "ok")));
    }
    let history = history(&records);
    let mut builder = GraphBuilder::new(&history);
    builder.add_realtime_order();
    assert!(builder.build().edges.len() <= 3 * 1000);
}

#[test]
fn processes_order_their_own_successes_only() {
    let history = history(&[
        (0, "invoke"),
        (0, "ok"),
        (1, "invoke"),
        (1, "ok"),
        (0, "invoke"),
        (0, "fail"),
        (0, "invoke"),
        (0, "ok"),
    ]);
    let mut builder = GraphBuilder::new(&history);
    builder.add_process_order();
    let graph = builder.build();
    assert_eq!(graph.after(1), [(7, Relations::of(&[Dependency::Process]))]);
    assert_eq!(graph.edges.len(), 1);
}

#[test]
fn edges_between_the_same_operations_are_merged_and_loops_dropped() {
    let history = history(&[(0, "invoke"), (0, "ok"), (0, "invoke"), (0, "ok")]);
    let mut builder = GraphBuilder::new(&history);
    builder.add(1, 1, Dependency::Ww);
    assert!(builder.is_empty());
    builder.add(1, 3, Dependency::Ww);
    builder.add(1, 3, Dependency::Rw);
    let graph = builder.build();
    assert_eq!(graph.between(1, 3), Relations::of(&[Dependency::Ww, Dependency::Rw]));
    assert!(graph.between(3, 1).is_empty());
}

#[test]
fn components_are_the_maximal_sets_of_mutually_reachable_nodes() {
    let graph = Graph::of_pairs(8, &[(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 4), (6, 6), (7, 0)]);
    assert_eq!(graph.components(), [vec![0, 1, 2], vec![4, 5]]);
}

#[test]
fn places_rise_along_edges_and_are_shared_in_components() {
    let edges = [(4, 1), (1, 2), (2, 1), (2, 0), (3, 0), (0, 5)];
    let places = Graph::of_pairs(6, &edges).places();
    for (from, to) in edges {
        let same_component = places[from as usize] == places[to as usize];
        assert_eq!(same_component, [from, to].iter().all(|node| [1, 2].contains(node)));
        assert!(places[from as usize] <= places[to as usize]);
    }
}

#[test]
fn a_cycle_as_long_as_a_history_does_not_exhaust_the_stack() {
    let count = 300_000;
    let edges: Vec<_> = (0..count).map(|node| (node, (node + 1) % count)).collect();
    assert_eq!(Graph::of_pairs(count as usize, &edges).components().len(), 1);
}
