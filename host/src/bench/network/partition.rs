//! Which links a partition cuts (spec §10.2). Maelstrom's four kinds, and one-way cuts.

use std::fmt;

use rand::RngExt;
use rand::seq::SliceRandom;

use super::Links;
use crate::bench::random::Stream;

/// A kind of partition. The order of the nodes is always random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// One node is cut off from all others.
    One,
    /// Fewer than a third of the nodes are cut off from the rest; nobody where there are fewer than four.
    MinorityThird,
    /// Half of the nodes, rounded down, are cut off from the rest.
    Majority,
    /// Every node keeps its links to a majority, no two nodes to the same.
    MajoritiesRing,
    /// Some nodes do not hear the others, who hear them. Not in Maelstrom.
    OneWay,
}

impl Partition {
    /// The kinds Maelstrom has.
    pub const MAELSTROMS: [Partition; 4] =
        [Partition::One, Partition::MinorityThird, Partition::Majority, Partition::MajoritiesRing];

    /// Maelstrom's name, as in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Partition::One => "one",
            Partition::MinorityThird => "minority-third",
            Partition::Majority => "majority",
            Partition::MajoritiesRing => "majorities-ring",
            Partition::OneWay => "one-way",
        }
    }

    /// The links to cut in a cluster of so many nodes.
    pub fn draw(self, nodes: usize, rng: &mut Stream) -> Links {
        let mut order: Vec<usize> = (0..nodes).collect();
        order.shuffle(rng);
        match self {
            Partition::One => split(&order, nodes.min(1)),
            Partition::MinorityThird => split(&order, nodes.saturating_sub(1) / 3),
            Partition::Majority => split(&order, nodes / 2),
            Partition::MajoritiesRing if nodes <= 5 => majorities_ring(&order),
            Partition::MajoritiesRing => sparse_majorities(nodes, rng),
            Partition::OneWay if nodes < 2 => Links::none(nodes),
            Partition::OneWay => deafen(&order, rng.random_range(1..nodes)),
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// More than half of the nodes.
pub fn majority(nodes: usize) -> usize {
    nodes / 2 + 1
}

/// Cuts the first `count` nodes off from the rest, in both directions.
fn split(order: &[usize], count: usize) -> Links {
    let mut cut = deafen(order, count);
    let (some, rest) = order.split_at(count);
    for (&src, &dest) in some.iter().flat_map(|src| rest.iter().map(move |dest| (src, dest))) {
        cut.insert(src, dest);
    }
    cut
}

/// Lets the first `count` nodes hear nothing of the rest.
fn deafen(order: &[usize], count: usize) -> Links {
    let mut cut = Links::none(order.len());
    let (deaf, rest) = order.split_at(count);
    for (&dest, &src) in deaf.iter().flat_map(|dest| rest.iter().map(move |src| (dest, src))) {
        cut.insert(src, dest);
    }
    cut
}

/// On a ring of at most five nodes: of each window as large as a majority, the node in the middle hears only
/// the window. Windows of even length have no middle, and some cuts are one-way then.
fn majorities_ring(ring: &[usize]) -> Links {
    let nodes = ring.len();
    let mut cut = Links::none(nodes);
    for start in 0..nodes {
        let dest = ring[(start + majority(nodes) / 2) % nodes];
        for outside in majority(nodes)..nodes {
            cut.insert(ring[(start + outside) % nodes], dest);
        }
    }
    cut
}

/// For larger clusters: cuts all links, then mends that of the least connected node to the least connected
/// one it is not linked to, in both directions, until each node reaches a majority. Chance decides ties. Two
/// majorities may turn out the same.
fn sparse_majorities(nodes: usize, rng: &mut Stream) -> Links {
    let mut cut = Links::such_that(nodes, |_, _| true);
    // How many nodes each reaches, itself included, and its lot in a tie.
    let mut rank: Vec<(usize, u64)> = (0..nodes).map(|_| (1, rng.random())).collect();
    loop {
        let least = |is_wanted: &dyn Fn(usize) -> bool| {
            (0..nodes).filter(|&node| is_wanted(node)).min_by_key(|&node| rank[node])
        };
        let Some(a) = least(&|node| rank[node].0 < majority(nodes)) else { return cut };
        let b = least(&|node| cut.contains(node, a)).expect("less than a majority is not everyone");
        cut.remove(a, b);
        cut.remove(b, a);
        for node in [a, b] {
            rank[node] = (rank[node].0 + 1, rng.random());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::bench::random::Seed;

    const SIZES: std::ops::Range<usize> = 1..26;

    /// Several draws of a partition.
    fn draws(kind: Partition, nodes: usize) -> impl Iterator<Item = Links> {
        let mut rng = Seed(1).stream("test", 0);
        (0..20).map(move |_| kind.draw(nodes, &mut rng))
    }

    /// The nodes that each node hears, itself included.
    fn heard(cut: &Links, nodes: usize) -> Vec<BTreeSet<usize>> {
        (0..nodes).map(|dest| (0..nodes).filter(|&src| !cut.contains(src, dest)).collect()).collect()
    }

    fn is_empty(cut: Links) -> bool {
        cut.destinations().next().is_none()
    }

    fn is_symmetric(cut: &Links, nodes: usize) -> bool {
        (0..nodes).all(|dest| cut.sources_of(dest).all(|src| cut.contains(dest, src)))
    }

    /// The sizes of the two sides of a symmetric partition, the smaller one first.
    fn sides(cut: &Links, nodes: usize) -> (usize, usize) {
        assert!(is_symmetric(cut, nodes));
        let heard = heard(cut, nodes);
        let sides: BTreeSet<_> = heard.iter().cloned().collect();
        assert!(sides.len() <= 2, "{heard:?}");
        let smaller = sides.iter().map(BTreeSet::len).min().unwrap_or(0);
        if sides.len() < 2 { (0, nodes) } else { (smaller, nodes - smaller) }
    }

    #[test]
    fn one_isolates_exactly_one_node() {
        for nodes in SIZES {
            for cut in draws(Partition::One, nodes) {
                assert_eq!(sides(&cut, nodes), if nodes == 1 { (0, 1) } else { (1, nodes - 1) });
            }
        }
    }

    #[test]
    fn one_isolates_each_node_sooner_or_later() {
        let isolated: BTreeSet<_> = draws(Partition::One, 3)
            .filter_map(|cut| (0..3).find(|&node| cut.sources_of(node).count() == 2))
            .collect();
        assert_eq!(isolated.len(), 3);
    }

    #[test]
    fn a_minority_is_less_than_a_third() {
        for (nodes, smaller) in [(1, 0), (3, 0), (4, 1), (6, 1), (7, 2), (10, 3), (25, 8)] {
            for cut in draws(Partition::MinorityThird, nodes) {
                assert_eq!(sides(&cut, nodes), (smaller, nodes - smaller));
            }
        }
    }

    #[test]
    fn a_majority_is_the_larger_half() {
        for nodes in SIZES {
            for cut in draws(Partition::Majority, nodes) {
                assert_eq!(sides(&cut, nodes), (nodes / 2, nodes - nodes / 2));
            }
        }
    }

    #[test]
    fn in_a_majorities_ring_each_node_hears_a_majority() {
        for nodes in SIZES {
            for cut in draws(Partition::MajoritiesRing, nodes) {
                let heard = heard(&cut, nodes);
                assert!(heard.iter().all(|sources| sources.len() >= majority(nodes)), "{nodes}: {heard:?}");
            }
        }
    }

    #[test]
    fn in_a_small_majorities_ring_no_two_nodes_hear_the_same() {
        for (nodes, deaf_to) in [(3, 1), (4, 1), (5, 2)] {
            for cut in draws(Partition::MajoritiesRing, nodes) {
                let distinct: BTreeSet<_> = heard(&cut, nodes).into_iter().collect();
                assert_eq!(distinct.len(), nodes);
                assert!((0..nodes).all(|dest| cut.sources_of(dest).count() == deaf_to));
                assert_eq!(is_symmetric(&cut, nodes), nodes != 3);
            }
        }
        assert!((1..3).all(|nodes| draws(Partition::MajoritiesRing, nodes).all(is_empty)));
    }

    #[test]
    fn in_a_majorities_ring_of_three_each_is_deaf_to_the_next() {
        for cut in draws(Partition::MajoritiesRing, 3) {
            let deaf_to = |node| cut.sources_of(node).next().unwrap();
            assert_eq!(BTreeSet::from([0, deaf_to(0), deaf_to(deaf_to(0))]).len(), 3);
            assert_eq!(deaf_to(deaf_to(deaf_to(0))), 0);
        }
    }

    #[test]
    fn a_large_majorities_ring_is_symmetric_and_links_no_more_than_it_must() {
        for nodes in 6..26 {
            for cut in draws(Partition::MajoritiesRing, nodes) {
                assert!(is_symmetric(&cut, nodes));
                let heard = heard(&cut, nodes);
                let most = heard.iter().map(BTreeSet::len).max().unwrap();
                assert!(most <= majority(nodes) + 1, "{nodes}: {heard:?}");
                let distinct: BTreeSet<_> = heard.into_iter().collect();
                assert!(distinct.len() > 2, "{nodes}: {distinct:?}");
            }
        }
    }

    #[test]
    fn a_one_way_cut_leaves_the_other_direction() {
        for nodes in SIZES {
            for cut in draws(Partition::OneWay, nodes) {
                assert_eq!(is_empty(cut.clone()), nodes == 1);
                assert!((0..nodes).all(|dest| cut.sources_of(dest).all(|src| !cut.contains(dest, src))));
            }
        }
    }

    #[test]
    fn no_partition_cuts_a_node_from_itself() {
        for kind in Partition::MAELSTROMS.into_iter().chain([Partition::OneWay]) {
            for nodes in 0..10 {
                assert!(draws(kind, nodes).all(|cut| (0..nodes).all(|node| !cut.contains(node, node))));
            }
        }
    }
}
