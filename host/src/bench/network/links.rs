//! A set of directed links between nodes: those that are cut, those that are slow.

/// Directed links between the nodes of a cluster, which go by their index in its list. A node's link to
/// itself is never among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    nodes: usize,
    /// By receiver, then by sender.
    contains: Vec<bool>,
}

impl Links {
    /// No links of a cluster of so many nodes.
    pub fn none(nodes: usize) -> Links {
        Links { nodes, contains: vec![false; nodes * nodes] }
    }

    /// The links, each given by its sender and its receiver, that `is_chosen` approves of.
    pub fn such_that(nodes: usize, mut is_chosen: impl FnMut(usize, usize) -> bool) -> Links {
        let mut links = Links::none(nodes);
        for (dest, src) in (0..nodes).flat_map(|dest| (0..nodes).map(move |src| (dest, src))) {
            if is_chosen(src, dest) {
                links.insert(src, dest);
            }
        }
        links
    }

    /// Adds the link that carries messages from `src` to `dest`.
    pub fn insert(&mut self, src: usize, dest: usize) {
        self.contains[dest * self.nodes + src] |= src != dest;
    }

    /// Takes away the link from `src` to `dest`.
    pub fn remove(&mut self, src: usize, dest: usize) {
        self.contains[dest * self.nodes + src] = false;
    }

    /// Whether the link from `src` to `dest` is one of these.
    pub fn contains(&self, src: usize, dest: usize) -> bool {
        self.contains[dest * self.nodes + src]
    }

    /// The senders of the links that lead to `dest`, in ascending order.
    pub fn sources_of(&self, dest: usize) -> impl Iterator<Item = usize> {
        (0..self.nodes).filter(move |&src| self.contains(src, dest))
    }

    /// Every node that such a link leads to, in ascending order.
    pub fn destinations(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes).filter(|&dest| self.sources_of(dest).next().is_some())
    }
}
