//! Which nodes a fault hits (spec §10.3).

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use crate::bench::network::majority;
use crate::bench::random::Stream;

/// How many nodes to hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Any number but zero.
    Subset,
    /// One.
    One,
    /// Fewer than a third, possibly none.
    MinorityThird,
    /// As many as can fail while a majority stays, possibly none.
    Minority,
    /// The smallest majority.
    Majority,
    /// All.
    All,
}

impl Share {
    const ALL: [Share; 6] =
        [Share::Subset, Share::One, Share::MinorityThird, Share::Minority, Share::Majority, Share::All];

    /// As in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Share::Subset => "subset",
            Share::One => "one",
            Share::MinorityThird => "minority-third",
            Share::Minority => "minority",
            Share::Majority => "majority",
            Share::All => "all",
        }
    }

    fn count(self, nodes: usize, rng: &mut Stream) -> usize {
        match self {
            Share::Subset => rng.random_range(1..=nodes.max(1)),
            Share::One => 1,
            Share::MinorityThird => nodes.saturating_sub(1) / 3,
            Share::Minority => majority(nodes) - 1,
            Share::Majority => majority(nodes),
            Share::All => nodes,
        }
    }
}

/// The nodes a fault hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    /// How many were wanted.
    pub share: Share,
    /// Their indices, in ascending order.
    pub nodes: Vec<usize>,
}

impl Targets {
    /// A random share of so many nodes, chosen at random.
    pub fn draw(nodes: usize, rng: &mut Stream) -> Targets {
        let share = *Share::ALL.choose(rng).expect("there are six shares");
        let count = share.count(nodes, rng);
        let mut order: Vec<usize> = (0..nodes).collect();
        order.shuffle(rng);
        order.truncate(count);
        order.sort_unstable();
        Targets { share, nodes: order }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::bench::random::Seed;

    /// How many nodes each share has hit in many draws.
    fn counts(nodes: usize) -> BTreeMap<&'static str, BTreeSet<usize>> {
        let mut rng = Seed(1).stream("test", 0);
        let mut counts: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for _ in 0..500 {
            let targets = Targets::draw(nodes, &mut rng);
            assert!(
                targets.nodes.is_sorted_by(|a, b| a < b) && targets.nodes.iter().all(|&node| node < nodes)
            );
            counts.entry(targets.share.as_str()).or_default().insert(targets.nodes.len());
        }
        counts
    }

    #[test]
    fn each_share_hits_as_many_nodes_as_its_name_says() {
        for (nodes, minority_third, minority, majority) in
            [(1, 0, 0, 1), (2, 0, 1, 2), (5, 1, 2, 3), (7, 2, 3, 4)]
        {
            let expected = BTreeMap::from([
                ("subset", (1..=nodes).collect()),
                ("one", BTreeSet::from([1])),
                ("minority-third", BTreeSet::from([minority_third])),
                ("minority", BTreeSet::from([minority])),
                ("majority", BTreeSet::from([majority])),
                ("all", BTreeSet::from([nodes])),
            ]);
            assert_eq!(counts(nodes), expected);
        }
    }
}
