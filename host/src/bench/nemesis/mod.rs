//! The nemesis: which faults begin and end when (spec §10). It only plans; the run loop carries the actions
//! out on network, nodes and clocks, and records them.

mod action;
mod fault;
mod skew;
mod targets;

use rand::seq::{IndexedMutRandom, IndexedRandom, SliceRandom};

use super::network::Partition;
use super::random::{Probability, Seed, Stream, uniform};

pub use action::Action;
pub use fault::{Fault, Faults};
pub use skew::Skew;
pub use targets::{Share, Targets};

/// How many messages get lost while `loss` lasts.
pub const LOSS: Probability = Probability::percent(30);

/// How many messages arrive twice while `duplicate` lasts.
pub const DUPLICATION: Probability = Probability::percent(20);

/// The shortest mean gap between actions, so that the number of actions in a run is bounded.
const MIN_INTERVAL_NS: u64 = 1_000_000;

/// A plan without end: an iterator over the actions, each with its time in nanoseconds since the load began,
/// in the order of time.
///
/// Faults of different families come and go independently, each family on a schedule and a random stream of
/// its own. Partitions and one-way cuts are one family: a start cuts in a way drawn from both. Kills and
/// pauses are another: each step goes on with one of the two, drawn at random. Swaps begin after a first gap and
/// go from node to node, round after round, each in an order of its own.
#[derive(Debug)]
pub struct Nemesis {
    nodes: usize,
    interval_ns: u64,
    schedules: Vec<Schedule>,
}

/// The next step of a family of faults.
#[derive(Debug)]
struct Schedule {
    at_ns: u64,
    cycles: Vec<Cycle>,
    rng: Stream,
}

/// A fault that begins and ends in turn.
#[derive(Debug)]
struct Cycle {
    kind: Kind,
    is_active: bool,
}

#[derive(Debug)]
enum Kind {
    Partition(Vec<Partition>),
    Kill,
    Pause,
    Loss,
    Duplicate,
    Slow,
    Skew,
    /// The nodes whose turn is still to come in this round.
    Swap(Vec<usize>),
}

impl Nemesis {
    /// The plan for a cluster of so many nodes. `interval_ns` is the mean time from one action of a family to
    /// the next, at least a millisecond.
    pub fn new(faults: &Faults, interval_ns: u64, nodes: usize, seed: Seed) -> Nemesis {
        let interval_ns = interval_ns.max(MIN_INTERVAL_NS);
        let schedule = |(name, kinds): (&str, Vec<Kind>)| {
            let mut rng = seed.stream(&format!("nemesis/{name}"), 0);
            let is_swap = matches!(kinds[..], [Kind::Swap(_)]);
            let at_ns = if is_swap { uniform(&mut rng, interval_ns) } else { 0 };
            let cycles = kinds.into_iter().map(|kind| Cycle { kind, is_active: false }).collect();
            Schedule { at_ns, cycles, rng }
        };
        let families = families(faults).into_iter().filter(|(_, kinds)| !kinds.is_empty());
        Nemesis { nodes, interval_ns, schedules: families.map(schedule).collect() }
    }

    /// What makes everything work again: an end to each fault of the plan, whether it lasts or not.
    pub fn heal(&self) -> Vec<Action> {
        self.schedules.iter().flat_map(|schedule| &schedule.cycles).map(|cycle| cycle.kind.stop()).collect()
    }
}

impl Iterator for Nemesis {
    type Item = (u64, Action);

    /// `None` only if there are no faults.
    fn next(&mut self) -> Option<(u64, Action)> {
        let schedule = self.schedules.iter_mut().min_by_key(|schedule| schedule.at_ns)?;
        let at_ns = schedule.at_ns;
        let action = schedule.step(self.nodes);
        schedule.at_ns = at_ns.saturating_add(uniform(&mut schedule.rng, self.interval_ns));
        Some((at_ns, action))
    }
}

/// The faults by family. A pause ends before a kill does, so that a restart meets no stopped node.
fn families(faults: &Faults) -> [(&'static str, Vec<Kind>); 7] {
    let if_any = |fault, kind| faults.contain(fault).then_some(kind);
    let mut partitions = Vec::new();
    if faults.contain(Fault::Partition) {
        partitions.extend(Partition::MAELSTROMS);
    }
    partitions.extend(faults.contain(Fault::OneWay).then_some(Partition::OneWay));
    let partition = (!partitions.is_empty()).then_some(Kind::Partition(partitions));
    let processes = [if_any(Fault::Pause, Kind::Pause), if_any(Fault::Kill, Kind::Kill)];
    [
        ("partition", Vec::from_iter(partition)),
        ("process", processes.into_iter().flatten().collect()),
        ("loss", Vec::from_iter(if_any(Fault::Loss, Kind::Loss))),
        ("duplicate", Vec::from_iter(if_any(Fault::Duplicate, Kind::Duplicate))),
        ("slow", Vec::from_iter(if_any(Fault::Slow, Kind::Slow))),
        ("skew", Vec::from_iter(if_any(Fault::Skew, Kind::Skew))),
        ("swap", Vec::from_iter(faults.successor().map(|_| Kind::Swap(Vec::new())))),
    ]
}

impl Schedule {
    fn step(&mut self, nodes: usize) -> Action {
        let cycle = self.cycles.choose_mut(&mut self.rng).expect("a family is not empty");
        if let Kind::Swap(turns) = &mut cycle.kind {
            return Action::Swap(next_turn(turns, nodes, &mut self.rng));
        }
        cycle.is_active = !cycle.is_active;
        if cycle.is_active { cycle.kind.start(nodes, &mut self.rng) } else { cycle.kind.stop() }
    }
}

/// Whose turn it is. When everyone has had one, the next round begins.
fn next_turn(turns: &mut Vec<usize>, nodes: usize, rng: &mut Stream) -> usize {
    if turns.is_empty() {
        turns.extend(0..nodes);
        turns.shuffle(rng);
    }
    turns.pop().expect("a cluster has nodes")
}

impl Kind {
    fn start(&self, nodes: usize, rng: &mut Stream) -> Action {
        match self {
            Kind::Partition(kinds) => {
                let kind = *kinds.choose(rng).expect("a family is not empty");
                Action::StartPartition(kind, kind.draw(nodes, rng))
            }
            Kind::Kill => Action::Kill(Targets::draw(nodes, rng)),
            Kind::Pause => Action::Pause(Targets::draw(nodes, rng)),
            Kind::Loss => Action::StartLoss(LOSS),
            Kind::Duplicate => Action::StartDuplicate(DUPLICATION),
            Kind::Slow => Action::StartSlow(Targets::draw(nodes, rng)),
            Kind::Skew => {
                let targets = Targets::draw(nodes, rng).nodes;
                Action::StartSkew(targets.into_iter().map(|node| (node, Skew::draw(rng))).collect())
            }
            Kind::Swap(_) => Action::FinishSwap,
        }
    }

    fn stop(&self) -> Action {
        match self {
            Kind::Partition(_) => Action::StopPartition,
            Kind::Kill => Action::Restart,
            Kind::Pause => Action::Resume,
            Kind::Loss => Action::StopLoss,
            Kind::Duplicate => Action::StopDuplicate,
            Kind::Slow => Action::StopSlow,
            Kind::Skew => Action::StopSkew,
            Kind::Swap(_) => Action::FinishSwap,
        }
    }
}

#[cfg(test)]
mod tests;
