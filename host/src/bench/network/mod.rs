//! The network between nodes, clients and services (spec §5): what becomes of a message, and when. It holds
//! no message: the run loop keeps those on their way, asks at the send when they are due, and at that time
//! whether they may arrive.

mod head_of_line;
mod latency;
mod links;
mod partition;

use std::fmt;

use rand::RngExt;
use rustc_hash::FxHashMap;

use super::random::{Probability, Seed, Stream};
use crate::protocol::is_client;

pub use head_of_line::HeadOfLine;
pub use latency::{Distribution, Latency};
pub use links::Links;
pub use partition::{Partition, majority};

/// A slow link takes at least as long, so that it is slow in a network without latency too. Jepsen's default
/// for the same fault.
const SLOW_MIN_MS: u64 = 50;

const NS_PER_MS: u64 = 1_000_000;

/// All that is wrong with a network for as long as it exists. Except latency, it concerns only messages
/// between two different nodes: clients and services have perfect links, through partitions too.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// How long messages between servers travel.
    pub latency: Latency,
    /// How likely a message is lost.
    pub loss: Probability,
    /// How likely a message arrives twice, each time with a latency of its own.
    pub duplication: Probability,
    /// How likely a link in one direction is slow.
    pub slow_links: Probability,
    /// By how much the latency of a slow link is multiplied.
    pub slow_factor: u64,
    /// How likely a pair of nodes can talk in one direction only.
    pub one_way_cuts: Probability,
    /// Messages are delivered as Maelstrom does it ([`HeadOfLine`]) instead of strictly when they are due. Then a cut
    /// stops a message when it is taken out of its queue, and neither before nor after.
    pub head_of_line: bool,
}

/// Maelstrom's network with its default options: nothing is wrong.
impl Default for Options {
    fn default() -> Options {
        Options {
            latency: Latency::default(),
            loss: Probability::NEVER,
            duplication: Probability::NEVER,
            slow_links: Probability::NEVER,
            slow_factor: 10,
            one_way_cuts: Probability::NEVER,
            head_of_line: false,
        }
    }
}

/// Why a message does not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// Its link was cut when it was sent or when it was due.
    Partition,
    /// The network lost it.
    Loss,
    /// The receiver was down at some time between.
    Down,
    /// The receiver is not there yet, not there any more, or never was.
    Unknown,
}

impl DropReason {
    /// As in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            DropReason::Partition => "partition",
            DropReason::Loss => "loss",
            DropReason::Down => "down",
            DropReason::Unknown => "unknown",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message on its way. Messages that are due at the same time arrive in the order in which they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transit {
    /// When it is due, in virtual nanoseconds.
    pub due_ns: u64,
    /// When it is due for a second time, if the network has duplicated it.
    pub duplicate_due_ns: Option<u64>,
    /// For which life of the receiver it is meant.
    pub incarnation: u32,
}

/// The network.
#[derive(Debug)]
pub struct Network {
    options: Options,
    index_of: FxHashMap<String, usize>,
    nodes: Vec<Node>,
    /// What the options cut and slow down for good.
    cut_for_good: Links,
    slow_for_good: Links,
    /// What the current partition cuts.
    cut: Links,
    loss: Probability,
    duplication: Probability,
    latencies: Stream,
    losses: Stream,
    duplications: Stream,
}

/// How fast a message travels.
#[derive(Clone, Copy, Debug)]
enum Speed {
    /// From or to a client.
    Instant,
    Usual,
    Slow,
}

#[derive(Clone, Debug, Default)]
struct Node {
    is_down: bool,
    /// How often it has gone down.
    incarnation: u32,
    has_slow_links: bool,
}

impl Network {
    /// A network for these nodes; wherever else a node is named by a number, it is the index in this list.
    pub fn new(options: Options, nodes: &[String], seed: Seed) -> Network {
        let count = nodes.len();
        let mut slow_links = seed.stream("slow-links", 0);
        Network {
            cut_for_good: cut_one_way(count, options.one_way_cuts, &mut seed.stream("one-way-cuts", 0)),
            slow_for_good: Links::such_that(count, |_, _| options.slow_links.happens(&mut slow_links)),
            cut: Links::none(count),
            loss: options.loss,
            duplication: options.duplication,
            index_of: nodes.iter().cloned().zip(0..).collect(),
            nodes: vec![Node::default(); count],
            latencies: seed.stream("latency", 0),
            losses: seed.stream("loss", 0),
            duplications: seed.stream("duplication", 0),
            options,
        }
    }

    /// Sends a message: when it will arrive, or why it will not. Ask [`Network::arrive`] again when it is
    /// due.
    pub fn send(&mut self, now_ns: u64, src: &str, dest: &str) -> Result<Transit, DropReason> {
        let incarnation = self.receiver(dest)?;
        let link = self.link(src, dest);
        if let Some(link) = link {
            self.enter(link)?;
        }
        let speed = if is_client(src) || is_client(dest) {
            Speed::Instant
        } else if link.is_some_and(|link| self.is_slow(link)) {
            Speed::Slow
        } else {
            Speed::Usual
        };
        let due_ns = self.due_ns(now_ns, speed);
        let is_duplicated = link.is_some() && self.duplication.happens(&mut self.duplications);
        let duplicate_due_ns = is_duplicated.then(|| self.due_ns(now_ns, speed));
        Ok(Transit { due_ns, duplicate_due_ns, incarnation })
    }

    /// Whether a message that is due now arrives, or why not.
    pub fn arrive(&self, src: &str, dest: &str, incarnation: u32) -> Result<(), DropReason> {
        if self.receiver(dest)? != incarnation {
            return Err(DropReason::Down);
        }
        if self.options.head_of_line || self.may_pass(src, dest) {
            Ok(())
        } else {
            Err(DropReason::Partition)
        }
    }

    /// Whether the link from `src` to `dest` is not cut.
    pub fn may_pass(&self, src: &str, dest: &str) -> bool {
        !self.link(src, dest).is_some_and(|link| self.is_cut(link))
    }

    /// Cuts these links, and mends those that an earlier partition cut.
    pub fn partition(&mut self, cut: Links) {
        self.cut = cut;
    }

    /// Mends what [`Network::partition`] cut. What the options cut stays so.
    pub fn heal(&mut self) {
        self.cut = Links::none(self.nodes.len());
    }

    /// Loses messages with this probability, or the one in the options if that is higher.
    pub fn start_loss(&mut self, loss: Probability) {
        self.loss = loss.max(self.options.loss);
    }

    /// Loses messages as the options say.
    pub fn stop_loss(&mut self) {
        self.loss = self.options.loss;
    }

    /// Duplicates messages with this probability, or the one in the options if that is higher.
    pub fn start_duplication(&mut self, duplication: Probability) {
        self.duplication = duplication.max(self.options.duplication);
    }

    /// Duplicates messages as the options say.
    pub fn stop_duplication(&mut self) {
        self.duplication = self.options.duplication;
    }

    /// Makes all links from and to these nodes slow, for the messages sent from now on.
    pub fn start_slow(&mut self, nodes: &[usize]) {
        for &node in nodes {
            self.nodes[node].has_slow_links = true;
        }
    }

    /// Leaves slow only what the options make slow.
    pub fn stop_slow(&mut self) {
        for node in &mut self.nodes {
            node.has_slow_links = false;
        }
    }

    /// A node is killed. What is on its way to it is lost, even if it comes back before that arrives (spec
    /// §10.3).
    pub fn take_down(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        node.incarnation += u32::from(!node.is_down);
        node.is_down = true;
    }

    /// A node runs again. Nothing happens if it did not stop.
    pub fn bring_up(&mut self, node: usize) {
        self.nodes[node].is_down = false;
    }

    /// Whether a node has been taken down.
    pub fn is_down(&self, node: usize) -> bool {
        self.nodes[node].is_down
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<usize> {
        self.index_of.get(name).copied()
    }

    /// Which life of its receiver a message sent now is meant for.
    fn receiver(&self, dest: &str) -> Result<u32, DropReason> {
        match self.index_of.get(dest).map(|&index| &self.nodes[index]) {
            Some(node) if node.is_down => Err(DropReason::Down),
            Some(node) => Ok(node.incarnation),
            None => Ok(0),
        }
    }

    /// The nodes at both ends, if they are two different nodes.
    fn link(&self, src: &str, dest: &str) -> Option<(usize, usize)> {
        let (src, dest) = (*self.index_of.get(src)?, *self.index_of.get(dest)?);
        (src != dest).then_some((src, dest))
    }

    fn is_cut(&self, (src, dest): (usize, usize)) -> bool {
        self.cut.contains(src, dest) || self.cut_for_good.contains(src, dest)
    }

    /// Whether a message gets onto a link and is not lost there.
    fn enter(&mut self, link: (usize, usize)) -> Result<(), DropReason> {
        if !self.options.head_of_line && self.is_cut(link) {
            return Err(DropReason::Partition);
        }
        if self.loss.happens(&mut self.losses) { Err(DropReason::Loss) } else { Ok(()) }
    }

    fn is_slow(&self, (src, dest): (usize, usize)) -> bool {
        self.nodes[src].has_slow_links
            || self.nodes[dest].has_slow_links
            || self.slow_for_good.contains(src, dest)
    }

    fn due_ns(&mut self, now_ns: u64, speed: Speed) -> u64 {
        let latency_ms = match speed {
            Speed::Instant => return now_ns,
            Speed::Usual => self.options.latency.draw_ms(&mut self.latencies),
            Speed::Slow => {
                let usual_ms = self.options.latency.draw_ms(&mut self.latencies);
                usual_ms.saturating_mul(self.options.slow_factor).max(SLOW_MIN_MS)
            }
        };
        now_ns.saturating_add(latency_ms.saturating_mul(NS_PER_MS))
    }
}

/// Of each pair of nodes with this probability one direction.
fn cut_one_way(nodes: usize, probability: Probability, rng: &mut Stream) -> Links {
    let mut cut = Links::none(nodes);
    for (low, high) in (0..nodes).flat_map(|high| (0..high).map(move |low| (low, high))) {
        if !probability.happens(rng) {
            continue;
        }
        let (src, dest) = if rng.random() { (low, high) } else { (high, low) };
        cut.insert(src, dest);
    }
    cut
}

#[cfg(test)]
mod tests;
