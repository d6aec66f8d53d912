//! A cluster of plugins in this process, in virtual time: waiting costs nothing, and one seed decides everything.

use std::fmt::Write;

use rand::Rng;

use super::cluster::{Cluster, Death, Delivery, Output, Written};
use super::nemesis::Skew;
use super::random::{Seed, Stream};
use crate::checker::verdict::seconds;
use crate::guest::{Fault, Level, Limits, Origin, Plugin};
use crate::node::{Core, Environment, Node, Otherwise, Timeouts};
use crate::protocol::{Envelope, quote};

/// The wall clock at the beginning of every run: 2000-01-01T00:00:00Z.
const EPOCH_NS: u64 = 946_684_800 * 1_000_000_000;

/// Bytes of log kept of each node; what a node logs after that is lost.
const MAX_LOG: usize = 64 << 20;

/// What a simulated node sees of the world.
pub struct Simulated {
    now_ns: u64,
    skew: Option<(Skew, u64)>,
    random: Stream,
    log_level: Level,
    log: String,
}

impl Environment for Simulated {
    fn now_ns(&mut self) -> u64 {
        match self.skew {
            Some((skew, since_ns)) => skew.reading_ns(self.now_ns, since_ns),
            None => self.now_ns,
        }
    }

    fn wall_clock_ns(&mut self) -> u64 {
        EPOCH_NS + self.now_ns()
    }

    fn random(&mut self) -> u64 {
        self.random.next_u64()
    }

    fn log(&mut self, node: &str, level: Level, origin: Origin, text: &str) {
        if level < self.log_level || self.log.len() > MAX_LOG {
            return;
        }
        let node = if node.is_empty() { "-" } else { node };
        for line in text.lines() {
            let (time, level, origin) = (seconds(self.now_ns), level.name(), origin.name());
            writeln!(self.log, "{time} {node} {level} {origin}: {line}").expect("a string takes everything");
        }
    }
}

/// Last lines of a node's log that are told when it does not become ready.
const TAIL: usize = 32;

/// How the nodes of a cluster are set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Bounds on each guest.
    pub limits: Limits,
    /// How long nodes wait for what.
    pub timeouts: Timeouts,
    /// Settings for the plugin.
    pub settings: Vec<(String, String)>,
    /// Log lines below this level are not kept.
    pub log_level: Level,
    /// What becomes of a state that cannot be handed over in a swap.
    pub otherwise: Otherwise,
}

/// Plugins as nodes.
pub struct SimulatedCluster<'p> {
    plugin: &'p Plugin<Core<Simulated>>,
    /// For which plugin nodes are swapped.
    successor: Option<&'p Plugin<Core<Simulated>>>,
    setup: Setup,
    seed: Seed,
    nodes: Vec<Slot>,
    /// Nodes that have something to hand over, in the order in which they got it.
    busy: Vec<usize>,
}

#[derive(Default)]
struct Slot {
    node: Option<Node<Simulated>>,
    /// How often it has been started; each start has random numbers of its own.
    starts: u64,
    skew: Option<(Skew, u64)>,
    death: Option<Death>,
    log: String,
    /// Whether the next start is the successor's.
    is_upgraded: bool,
    /// Whether the successor runs.
    runs_successor: bool,
    /// The outcome of a swap that has not been told.
    swap: Option<Result<String, String>>,
}

impl<'p> SimulatedCluster<'p> {
    /// A cluster of so many nodes, none of them started.
    pub fn new(plugin: &'p Plugin<Core<Simulated>>, count: usize, setup: Setup, seed: Seed) -> Self {
        let nodes = (0..count).map(|_| Slot::default()).collect();
        SimulatedCluster { plugin, successor: None, setup, seed, nodes, busy: Vec::new() }
    }

    /// The same, with the plugin for which nodes can be swapped.
    pub fn with_successor(self, successor: Option<&'p Plugin<Core<Simulated>>>) -> Self {
        SimulatedCluster { successor, ..self }
    }

    /// Runs one event of a node that lives.
    fn event(
        &mut self,
        node: usize,
        now_ns: u64,
        event: impl FnOnce(&mut Node<Simulated>) -> Result<(), Fault>,
    ) {
        let slot = &mut self.nodes[node];
        let Some(running) = &mut slot.node else { return };
        running.environment().now_ns = now_ns;
        if let Err(fault) = event(running) {
            slot.death = Some(death(fault));
        }
        let swap = running.take_swap().map(|swap| swap.map(|swapped| swapped.to_string()));
        slot.runs_successor |= matches!(swap, Some(Ok(_)));
        slot.swap = swap.or(slot.swap.take());
        if slot.death.is_some() || slot.swap.is_some() || !running.outbox().is_empty() {
            self.busy.push(node);
        }
    }
}

fn death(Fault { reason, frames }: Fault) -> Death {
    Death { reason, details: frames.into_iter().map(|frame| format!("at {frame}")).collect() }
}

impl Cluster for SimulatedCluster<'_> {
    fn start(&mut self, node: usize, now_ns: u64) {
        let slot = &mut self.nodes[node];
        let environment = Simulated {
            now_ns,
            skew: slot.skew,
            random: self.seed.stream(&format!("node/{node}"), slot.starts),
            log_level: self.setup.log_level,
            log: std::mem::take(&mut slot.log),
        };
        slot.starts += 1;
        slot.death = None;
        let successor = self.successor.filter(|_| slot.is_upgraded);
        slot.runs_successor = successor.is_some();
        match Node::new(
            successor.unwrap_or(self.plugin),
            environment,
            self.setup.limits,
            self.setup.timeouts,
            self.setup.settings.clone(),
        ) {
            Ok(running) => slot.node = Some(running),
            Err(fault) => {
                slot.death = Some(death(fault));
                self.busy.push(node);
            }
        }
    }

    fn kill(&mut self, node: usize) {
        let slot = &mut self.nodes[node];
        if let Some(mut running) = slot.node.take() {
            slot.log = std::mem::take(&mut running.environment().log);
        }
    }

    fn pause(&mut self, _node: usize, _paused: bool) {}

    fn skew(&mut self, node: usize, skew: Option<Skew>, now_ns: u64) {
        let slot = &mut self.nodes[node];
        slot.skew = skew.map(|skew| (skew, now_ns));
        if let Some(running) = &mut slot.node {
            running.environment().skew = slot.skew;
        }
    }

    fn swap(&mut self, node: usize, again: bool, now_ns: u64) {
        let (Some(successor), otherwise) = (self.successor, self.setup.otherwise) else { return };
        if again || !self.nodes[node].runs_successor {
            self.nodes[node].is_upgraded = true;
            self.event(node, now_ns, |running| running.swap(now_ns, successor, otherwise));
        }
    }

    fn deliver(&mut self, node: usize, now_ns: u64, message: Delivery<'_>) {
        let Delivery { src, dest, body, .. } = message;
        self.event(node, now_ns, |running| {
            let envelope = Envelope::new(src, dest, body)
                .map_err(|error| Fault::new(format!("malformed body: {error}")))?;
            running.receive(now_ns, &envelope)
        });
    }

    fn fire(&mut self, node: usize, now_ns: u64) {
        self.event(node, now_ns, |running| running.fire(now_ns));
    }

    fn next_alarm_ns(&mut self, node: usize) -> Option<u64> {
        self.nodes[node].node.as_mut()?.next_alarm_ns()
    }

    fn drain(&mut self, take: &mut dyn FnMut(usize, Output<'_>)) {
        for node in self.busy.drain(..) {
            let slot = &mut self.nodes[node];
            if let Some(running) = &mut slot.node {
                let src = running.id().to_owned();
                for (dest, body) in running.outbox().messages() {
                    take(node, Output::Message { src: &src, dest, body });
                }
                running.outbox().clear();
            }
            if let Some(swap) = slot.swap.take() {
                take(node, Output::Swap(swap));
            }
            let Some(death) = slot.death.take() else { continue };
            if let Some(mut running) = slot.node.take() {
                running.log(Level::Error, &format!("the plugin died: {}", death.reason));
                slot.log = std::mem::take(&mut running.environment().log);
            }
            take(node, Output::Death(death));
        }
    }

    fn wait(&mut self, until_ns: u64) -> u64 {
        until_ns
    }

    fn written(&mut self, node: usize) -> Written {
        let slot = &mut self.nodes[node];
        let log = slot.node.as_mut().map_or(&slot.log, |running| &running.environment().log);
        let mut tail: Vec<String> =
            log.lines().rev().take(TAIL).map(|line| format!("log: {}", quote(line))).collect();
        tail.reverse();
        Written { pipe: None, tail }
    }

    fn stop(&mut self) -> Vec<String> {
        for node in 0..self.nodes.len() {
            self.kill(node);
        }
        self.nodes.iter_mut().map(|slot| std::mem::take(&mut slot.log)).collect()
    }
}
