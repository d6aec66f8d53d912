//! Cycles in which no two anti-dependencies are adjacent: what snapshot isolation forbids (Cerone and Gotsman,
//! "Analysing Snapshot Isolation").
//!
//! Such *walks* are easy to find, in a graph with two states a node. A closed walk that passes through an operation
//! twice splits there in two, of which at least one still has no adjacent anti-dependencies; so it always yields a
//! simple cycle of this class or of a more severe one. Only where it yields nothing but more severe ones is there
//! need to try all simple cycles, and that is where the budget matters.

use super::anomaly::{Anomaly, CycleClass, Strength};
use super::cycle::{Component, FoundCycle, edges_of};
use super::graph::{ACYCLIC, Dependency, Graph, Relations};
use super::paths::Budget;

/// The anti-dependencies that lie on a closed walk without adjacent ones.
pub(super) fn candidates(graph: &Graph, others: Relations) -> Vec<(u32, u32)> {
    let component_of = graph.without_adjacent_rw(others).component_of();
    let on_walk = |from: u32, to: u32| {
        let (before, after) = (component_of[2 * from as usize], component_of[2 * to as usize + 1]);
        before != ACYCLIC && before == after
    };
    edges_of(graph, Dependency::Rw).filter(|(from, to)| on_walk(*from, *to)).collect()
}

/// A cycle with two or more anti-dependencies, none adjacent to another, and edges from `others`.
pub(super) fn find(component: &mut Component, others: Relations, budget: &mut Budget) -> Option<FoundCycle> {
    let candidates = candidates(&component.named, others);
    let states = component.named.without_adjacent_rw(others);
    for &(from, to) in &candidates {
        let ends = (2 * to + 1, 2 * from);
        let Some((mut walk, _)) = component.paths.find(&states, ends, u32::MAX, |_| true, budget) else {
            continue;
        };
        walk.rotate_right(1);
        let cycles = simple_cycles(walk, &states).into_iter().map(|walk| cycle_of(component, &walk, others));
        if let Some(cycle) = cycles.into_iter().find(is_nonadjacent) {
            return Some(cycle);
        }
    }
    candidates.into_iter().find_map(|edge| exhaustive(component, &states, edge, others, budget))
}

fn is_nonadjacent(cycle: &FoundCycle) -> bool {
    Strength::ALL
        .iter()
        .any(|strength| cycle.anomaly == Anomaly::of_cycle(CycleClass::GNonadjacentItem, *strength))
}

fn cycle_of(component: &Component, states: &[u32], others: Relations) -> FoundCycle {
    let nodes: Vec<u32> = states.iter().map(|state| state / 2).collect();
    let by_rw = |to: u32| states.iter().any(|state| *state == 2 * to + 1);
    component.cycle_of(&nodes, |from, to| match by_rw(to) {
        true => Dependency::Rw,
        false => component.name_of(from, to, others),
    })
}

/// Splits a closed walk of states wherever it returns to an operation, dropping parts with adjacent anti-dependencies.
fn simple_cycles(walk: Vec<u32>, states: &Graph) -> Vec<Vec<u32>> {
    let mut simple = Vec::new();
    let mut open = vec![walk];
    while let Some(walk) = open.pop() {
        let Some((first, second)) = repetition(&walk, states) else {
            simple.push(walk);
            continue;
        };
        // The state says how the operation was reached, so each part takes over that of its new last step.
        let inner = [&walk[second..=second], &walk[first + 1..second]].concat();
        let outer = [&walk[..=first], &walk[second + 1..]].concat();
        open.extend([inner, outer].into_iter().filter(|part| !has_adjacent_rw(part)));
    }
    simple
}

fn repetition(walk: &[u32], states: &Graph) -> Option<(usize, usize)> {
    let mut place_of = rustc_hash::FxHashMap::default();
    for (place, state) in walk.iter().enumerate().filter(|(_, state)| !states.is_auxiliary(**state)) {
        if let Some(first) = place_of.insert(state / 2, place) {
            return Some((first, place));
        }
    }
    None
}

fn has_adjacent_rw(walk: &[u32]) -> bool {
    let next = walk.iter().cycle().skip(1);
    walk.iter().zip(next).any(|(state, next)| state % 2 == 1 && next % 2 == 1)
}

/// Tries all simple cycles that begin with one anti-dependency.
fn exhaustive(
    component: &Component,
    states: &Graph,
    (from, to): (u32, u32),
    others: Relations,
    budget: &mut Budget,
) -> Option<FoundCycle> {
    let mut walk = vec![2 * from, 2 * to + 1];
    let mut next_edge = vec![0];
    let mut is_on_walk = vec![false; component.named.node_count()];
    is_on_walk[to as usize] = true;
    while let Some(at) = next_edge.last_mut() {
        let state = walk[walk.len() - 1];
        let Some(&(next, _)) = states.after(state).get(*at) else {
            next_edge.pop();
            walk.pop();
            is_on_walk[state as usize / 2] = false;
            continue;
        };
        *at += 1;
        if !budget.spend() {
            return None;
        }
        if next == walk[0] {
            let cycle = cycle_of(component, &walk, others);
            if is_nonadjacent(&cycle) {
                return Some(cycle);
            }
        } else if states.is_auxiliary(next) || (next / 2 != from && !is_on_walk[next as usize / 2]) {
            is_on_walk[next as usize / 2] = true;
            walk.push(next);
            next_edge.push(0);
        }
    }
    None
}
