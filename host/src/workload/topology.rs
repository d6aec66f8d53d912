//! Who is whose neighbour in the broadcast workload (spec §9.3). Only advice to the nodes: they may talk to anyone.

use std::fmt;
use std::str::FromStr;

/// A shape of the graph of neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Topology {
    /// A square grid, filled row by row.
    #[default]
    Grid,
    /// A chain.
    Line,
    /// A complete binary tree, filled tier by tier.
    Tree2,
    /// The same with three children a node.
    Tree3,
    /// The same with four children a node.
    Tree4,
    /// Everyone is everyone's neighbour.
    Total,
}

impl Topology {
    /// Every name a topology is known by, with the topology.
    pub const NAMES: [(&str, Topology); 7] = [
        ("line", Topology::Line),
        ("grid", Topology::Grid),
        ("tree", Topology::Tree2),
        ("tree2", Topology::Tree2),
        ("tree3", Topology::Tree3),
        ("tree4", Topology::Tree4),
        ("total", Topology::Total),
    ];

    /// The neighbours of every node, both as places from 0. Empty for a line of one node, which Maelstrom leaves out
    /// of its own map.
    pub fn neighbours(self, node_count: usize) -> Vec<Vec<usize>> {
        if self == Topology::Line && node_count < 2 {
            return Vec::new();
        }
        let of = |node| match self {
            Topology::Grid => on_grid(node, node_count),
            Topology::Line => [node.checked_sub(1), Some(node + 1).filter(|next| *next < node_count)]
                .into_iter()
                .flatten()
                .collect(),
            Topology::Tree2 => in_tree(2, node, node_count),
            Topology::Tree3 => in_tree(3, node, node_count),
            Topology::Tree4 => in_tree(4, node, node_count),
            Topology::Total => (0..node_count).filter(|other| *other != node).collect(),
        };
        (0..node_count).map(of).collect()
    }
}

/// Below, above, to the right, to the left.
fn on_grid(node: usize, node_count: usize) -> Vec<usize> {
    let side = (1..).find(|side| side * side >= node_count).unwrap_or(node_count);
    let (row, column) = (node / side, node % side);
    let down = Some(node + side);
    let up = (row > 0).then(|| node - side);
    let right = (column + 1 < side).then_some(node + 1);
    let left = (column > 0).then(|| node - 1);
    [down, up, right, left].into_iter().flatten().filter(|neighbour| *neighbour < node_count).collect()
}

/// The parent, if there is one, then the children. Tier by tier a complete tree is numbered as a heap is.
fn in_tree(branches: usize, node: usize, node_count: usize) -> Vec<usize> {
    let parent = node.checked_sub(1).map(|above| above / branches);
    let first_child = branches * node + 1;
    let children = (first_child..first_child + branches).filter(|child| *child < node_count);
    parent.into_iter().chain(children).collect()
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The last name is the exact one: `tree` is another word for `tree2`.
        let name =
            Topology::NAMES.iter().rev().find(|(_, topology)| topology == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Topology {
    type Err = String;

    fn from_str(text: &str) -> Result<Topology, String> {
        match Topology::NAMES.iter().find(|(name, _)| *name == text) {
            Some((_, topology)) => Ok(*topology),
            None => {
                let names: Vec<&str> = Topology::NAMES.iter().map(|(name, _)| *name).collect();
                Err(format!("unknown topology {text}; there are {}", names.join(", ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_ONE: Vec<Vec<usize>> = Vec::new();

    #[test]
    fn a_single_node_has_no_neighbours_and_a_line_of_one_is_empty() {
        assert_eq!(Topology::Line.neighbours(1), NO_ONE);
        for (_, topology) in Topology::NAMES.into_iter().filter(|(name, _)| *name != "line") {
            assert_eq!(topology.neighbours(1), [Vec::<usize>::new()], "{topology}");
        }
    }

    #[test]
    fn two_nodes_are_neighbours_in_every_topology() {
        for (_, topology) in Topology::NAMES {
            assert_eq!(topology.neighbours(2), [[1], [0]], "{topology}");
        }
    }

    #[test]
    fn a_line_has_a_previous_and_a_next() {
        assert_eq!(Topology::Line.neighbours(3), [vec![1], vec![0, 2], vec![1]]);
        assert_eq!(Topology::Line.neighbours(5)[3], [2, 4]);
        assert_eq!(Topology::Line.neighbours(25)[24], [23]);
    }

    #[test]
    fn a_grid_lists_down_up_right_left() {
        assert_eq!(Topology::Grid.neighbours(3), [vec![2, 1], vec![0], vec![0]]);
        let five = [vec![3, 1], vec![4, 2, 0], vec![1], vec![0, 4], vec![1, 3]];
        assert_eq!(Topology::Grid.neighbours(5), five);
        let square = Topology::Grid.neighbours(25);
        assert_eq!(square[0], [5, 1]);
        assert_eq!(square[12], [17, 7, 13, 11]);
        assert_eq!(square[14], [19, 9, 13]);
        assert_eq!(square[24], [19, 23]);
    }

    #[test]
    fn trees_list_the_parent_and_then_the_children() {
        assert_eq!(Topology::Tree2.neighbours(3), [vec![1, 2], vec![0], vec![0]]);
        assert_eq!(Topology::Tree3.neighbours(3), [vec![1, 2], vec![0], vec![0]]);
        assert_eq!(Topology::Tree2.neighbours(5), [vec![1, 2], vec![0, 3, 4], vec![0], vec![1], vec![1]]);
        assert_eq!(Topology::Tree3.neighbours(5), [vec![1, 2, 3], vec![0, 4], vec![0], vec![0], vec![1]]);
        assert_eq!(Topology::Tree4.neighbours(5), [vec![1, 2, 3, 4], vec![0], vec![0], vec![0], vec![0]]);
        assert_eq!(Topology::Tree2.neighbours(25)[5], [2, 11, 12]);
        assert_eq!(Topology::Tree3.neighbours(25)[4], [1, 13, 14, 15]);
        assert_eq!(Topology::Tree4.neighbours(25)[5], [1, 21, 22, 23, 24]);
        assert_eq!(Topology::Tree4.neighbours(25)[6], [1]);
    }

    #[test]
    fn a_total_topology_lists_all_others_in_order() {
        assert_eq!(Topology::Total.neighbours(3), [[1, 2], [0, 2], [0, 1]]);
        assert_eq!(Topology::Total.neighbours(5)[2], [0, 1, 3, 4]);
        assert_eq!(Topology::Total.neighbours(25)[24], (0..24).collect::<Vec<_>>());
    }

    #[test]
    fn neighbourhood_is_mutual() {
        for (name, topology) in Topology::NAMES {
            for node_count in [1, 2, 3, 5, 25] {
                let neighbours = topology.neighbours(node_count);
                for (node, others) in neighbours.iter().enumerate() {
                    assert!(
                        others.iter().all(|other| neighbours[*other].contains(&node)),
                        "{name} {node_count}"
                    );
                }
            }
        }
    }

    #[test]
    fn names_are_read_and_written() {
        assert_eq!("tree".parse(), Ok(Topology::Tree2));
        for (name, topology) in Topology::NAMES.into_iter().filter(|(name, _)| *name != "tree") {
            assert_eq!((name.parse(), topology.to_string()), (Ok(topology), name.to_owned()));
        }
        let error = "ring".parse::<Topology>().unwrap_err();
        assert_eq!(error, "unknown topology ring; there are line, grid, tree, tree2, tree3, tree4, total");
    }
}
