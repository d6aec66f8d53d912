use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::bench::network::{Network, Options};

const S: u64 = 1_000_000_000;

fn nemesis(faults: &str, seed: u64) -> Nemesis {
    Nemesis::new(&faults.parse().unwrap(), 10 * S, 5, Seed(seed))
}

fn names(faults: &str, count: usize) -> Vec<&'static str> {
    nemesis(faults, 1).take(count).map(|(_, action)| action.f()).collect()
}

#[test]
fn each_fault_begins_at_once_and_then_ends_and_begins_in_turn() {
    for (faults, start, stop) in [
        ("partition", "start-partition", "stop-partition"),
        ("one-way", "start-partition", "stop-partition"),
        ("partition,one-way", "start-partition", "stop-partition"),
        ("kill", "kill", "start"),
        ("pause", "pause", "resume"),
        ("loss", "start-loss", "stop-loss"),
        ("duplicate", "start-duplicate", "stop-duplicate"),
        ("slow", "start-slow", "stop-slow"),
        ("skew", "start-skew", "stop-skew"),
    ] {
        assert_eq!(nemesis(faults, 1).next().unwrap().0, 0);
        assert_eq!(names(faults, 6), [start, stop, start, stop, start, stop]);
    }
}

#[test]
fn no_faults_no_actions() {
    let mut nemesis = Nemesis::new(&Faults::default(), S, 5, Seed(1));
    assert_eq!(nemesis.next(), None);
    assert_eq!(nemesis.heal(), []);
}

#[test]
fn gaps_are_uniform_up_to_twice_the_interval() {
    let times: Vec<u64> = nemesis("partition", 2).take(5001).map(|(at_ns, _)| at_ns).collect();
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|&gap_ns| gap_ns < 20 * S));
    let mean_s = times[5000] as f64 / 5000.0 / S as f64;
    assert!((mean_s - 10.0).abs() < 0.3, "{mean_s} s");
    let long = gaps.iter().filter(|&&gap_ns| gap_ns > 15 * S).count();
    assert!(long.abs_diff(1250) < 100, "{long} of 5000");
}

#[test]
fn actions_of_all_families_come_in_the_order_of_time() {
    let all = Fault::ALL.map(Fault::as_str).join(",");
    let actions: Vec<_> = nemesis(&all, 3).take(500).collect();
    assert!(actions.is_sorted_by_key(|(at_ns, _)| *at_ns));
    let names: BTreeSet<_> = actions.iter().map(|(_, action)| action.f()).collect();
    assert_eq!(names.len(), 14);
}

#[test]
fn a_family_keeps_its_plan_whatever_else_is_planned() {
    let partitions = |faults: &str| {
        let plan = nemesis(faults, 4).filter(|(_, action)| action.f().ends_with("-partition"));
        plan.take(20).collect::<Vec<_>>()
    };
    assert_eq!(partitions("partition"), partitions("partition,kill,pause,loss,skew"));
}

#[test]
fn a_seed_gives_one_plan() {
    let plan = |seed| nemesis("partition,kill,skew", seed).take(50).collect::<Vec<_>>();
    assert_eq!(plan(5), plan(5));
    assert_ne!(plan(5), plan(6));
}

#[test]
fn kill_and_pause_share_a_schedule_and_alternate_each_for_itself() {
    let plan = nemesis("kill,pause", 7).take(400).map(|(_, action)| action.f());
    let (kills, pauses): (Vec<_>, Vec<_>) = plan.partition(|f| matches!(*f, "kill" | "start"));
    assert!(
        kills.iter().step_by(2).all(|f| *f == "kill")
            && kills.iter().skip(1).step_by(2).all(|f| *f == "start")
    );
    assert!(
        pauses.iter().step_by(2).all(|f| *f == "pause")
            && pauses.iter().skip(1).step_by(2).all(|f| *f == "resume")
    );
    assert!(kills.len().abs_diff(200) < 50);
    let last_ns = nemesis("kill,pause", 7).nth(400).unwrap().0;
    assert!(last_ns.abs_diff(4000 * S) < 500 * S, "the pace is that of one schedule");
}

#[test]
fn the_kinds_of_partition_are_equally_likely() {
    let kinds = |faults: &str| {
        let mut counts = BTreeMap::new();
        for (_, action) in nemesis(faults, 8).take(4000) {
            if let Action::StartPartition(kind, _) = action {
                *counts.entry(kind.as_str()).or_insert(0_usize) += 1;
            }
        }
        counts
    };
    let maelstroms = kinds("partition");
    assert_eq!(
        maelstroms.keys().copied().collect::<Vec<_>>(),
        ["majorities-ring", "majority", "minority-third", "one"]
    );
    assert!(maelstroms.values().all(|count| count.abs_diff(500) < 75), "{maelstroms:?}");
    assert_eq!(kinds("one-way"), BTreeMap::from([("one-way", 2000)]));
    let all = kinds("partition,one-way");
    assert!(all.len() == 5 && all.values().all(|count| count.abs_diff(400) < 75), "{all:?}");
}

#[test]
fn healing_ends_every_fault_and_resumes_before_it_restarts() {
    let all = Fault::ALL.map(Fault::as_str).join(",");
    let names: Vec<_> = nemesis(&all, 9).heal().iter().map(Action::f).collect();
    assert_eq!(
        names,
        ["stop-partition", "resume", "start", "stop-loss", "stop-duplicate", "stop-slow", "stop-skew"]
    );
}

#[test]
fn healing_leaves_nothing_cut() {
    let nodes: Vec<String> = (0..5).map(|node| format!("n{node}")).collect();
    for seed in 0..50 {
        let mut network = Network::new(Options::default(), &nodes, Seed(seed));
        let mut nemesis = nemesis("partition,one-way", seed);
        let mut has_cut = false;
        let plan: Vec<_> = nemesis.by_ref().take(5).map(|(_, action)| action).collect();
        for action in plan.into_iter().chain(nemesis.heal()) {
            match action {
                Action::StartPartition(_, cut) => network.partition(cut),
                Action::StopPartition => network.heal(),
                other => panic!("{other:?}"),
            }
            has_cut |= all_pairs(&nodes).any(|(src, dest)| !network.may_pass(src, dest));
        }
        assert!(has_cut);
        assert!(all_pairs(&nodes).all(|(src, dest)| network.may_pass(src, dest)));
    }
}

fn all_pairs(nodes: &[String]) -> impl Iterator<Item = (&str, &str)> {
    nodes.iter().flat_map(move |src| nodes.iter().map(move |dest| (src.as_str(), dest.as_str())))
}

#[test]
fn a_tiny_interval_or_cluster_is_no_trouble() {
    for nodes in 0..4 {
        let faults = Fault::ALL.map(Fault::as_str).join(",").parse().unwrap();
        let plan = Nemesis::new(&faults, 0, nodes, Seed(1)).take(2000);
        let last_ns = plan.last().unwrap().0;
        assert!(last_ns > 100 * MIN_INTERVAL_NS);
    }
}

#[test]
fn swaps_go_from_node_to_node_and_every_node_has_its_turn_before_the_next_round() {
    let plan: Vec<_> = nemesis("swap=next", 9).take(15).collect();
    assert!(plan.is_sorted_by_key(|(at_ns, _)| *at_ns));
    for round in plan.chunks(5) {
        let nodes: BTreeSet<usize> = round
            .iter()
            .map(|(_, action)| match action {
                Action::Swap(node) => *node,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(nodes, (0..5).collect());
    }
    assert_eq!(nemesis("swap=next", 9).heal(), [Action::FinishSwap]);
}
