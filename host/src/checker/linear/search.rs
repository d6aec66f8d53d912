//! The search for an order of the calls that a register allows (Wing & Gong 1993; just-in-time linearization after
//! Lowe 2017). It walks through the history once and keeps the set of all configurations the register may be in, so
//! its memory grows with the concurrency and not with the length. What keeps that set small:
//!
//! * A call is given its place only when one must be: at its return, or when it helps a pending call whose return
//!   needs it. Reads are placed as soon as the register holds their value.
//! * A write that another write overwrites at once was never seen. So a write *covers* all writes pending at that
//!   moment: they need no place of their own any more, but may still take one.
//! * A call that may take effect, but need not, is never worse than one that must or one that did. Configurations
//!   that are worse than another in this sense are dropped.
//! * Of pending calls with the same effect, the one that returns first goes first.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::Budget;
use super::calls::{Call, CallId, Calls, Effect, Event, INITIAL, ValueId};
use super::set::SlotSet;

/// What the register and the pending calls may look like at some moment.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// What the register holds.
    pub state: ValueId,
    /// Pending writes and compare-and-sets that have no place in the order yet and may be given one.
    pub open: SlotSet,
    /// Pending calls that must be given a place before they return.
    pub owed: SlotSet,
    /// The call placed last. Says how this came about; does not distinguish configurations.
    pub last: Option<CallId>,
}

impl Config {
    /// Whether whatever can follow `other` can follow this as well.
    fn is_as_good_as(&self, other: &Config) -> bool {
        self.state == other.state && other.open.is_subset(&self.open) && self.owed.is_subset(&other.owed)
    }

    /// How many calls may still be chosen, less those that must.
    fn freedom(&self) -> i64 {
        self.open.len() as i64 - self.owed.len() as i64
    }
}

/// Configurations of which none is as good as another, at most `width` for each value of the register.
struct Frontier {
    by_state: BTreeMap<ValueId, Vec<Config>>,
    size: usize,
    width: usize,
    /// Whether a configuration was left out for want of room.
    is_truncated: bool,
}

impl Frontier {
    fn new(width: usize) -> Frontier {
        Frontier { by_state: BTreeMap::new(), size: 0, width, is_truncated: false }
    }

    /// Adds a configuration unless it is worse than one that is there. When there is no room, those with the most
    /// freedom stay. Tells whether it was added, and the comparisons made.
    fn insert(&mut self, config: Config) -> (bool, usize) {
        let rivals = self.by_state.entry(config.state).or_default();
        let compared = rivals.len();
        if rivals.iter().any(|rival| rival.is_as_good_as(&config)) {
            return (false, compared);
        }
        rivals.retain(|rival| !config.is_as_good_as(rival));
        self.size = self.size + rivals.len() - compared;
        if rivals.len() == self.width {
            self.is_truncated = true;
            let Some(least) = rivals.iter_mut().min_by_key(|rival| rival.freedom()) else {
                return (false, compared);
            };
            if config.freedom() <= least.freedom() {
                return (false, compared);
            }
            *least = config;
        } else {
            self.size += 1;
            rivals.push(config);
        }
        (true, compared)
    }

    fn into_configs(self) -> Vec<Config> {
        self.by_state.into_values().flatten().collect()
    }
}

/// How a search ended.
pub(super) enum Outcome {
    /// All calls have a place in one order.
    Linearizable,
    /// No order of the calls before it lets this call return.
    Stuck(Stuck),
    /// The budget ran out when this call returned.
    GaveUp { call: CallId, reason: &'static str },
}

/// Where the search ended without success.
pub(super) struct Stuck {
    /// The call that cannot return.
    pub call: CallId,
    /// The possible configurations just before its return; never empty.
    pub configs: Vec<Config>,
    /// All values the register can hold at that moment.
    pub states: Vec<ValueId>,
    /// Some of the ways the register can go from there.
    pub paths: Vec<Path>,
}

/// A way from one of the last configurations to a value with which the stuck call cannot return: the call placed
/// last before it, if any, then one call after the other; each with the value it leaves.
pub(super) type Path = Vec<(Option<CallId>, ValueId)>;

/// As many configurations and paths as Maelstrom shows.
pub(super) const SHOWN: usize = 10;

/// Configurations that the first, narrowest search keeps for each value of the register.
const FIRST_WIDTH: usize = 8;

/// Searches an order of `calls`. Returns how it ended and the budget spent.
///
/// A search that keeps few configurations finds an order of most histories that have one, and can find no wrong
/// one. Only when it loses its way is a wider search worth its cost; a search that left out nothing is always right.
pub(super) fn search(calls: &Calls, budget: &Budget) -> (Outcome, u64) {
    let mut spent = 0;
    let mut width = FIRST_WIDTH;
    loop {
        let mut search = Search::new(calls, budget, width, spent);
        let outcome = search.run();
        spent = search.spent;
        match outcome {
            Outcome::Stuck(_) if search.is_truncated => width = width.saturating_mul(16),
            outcome => return (outcome, spent),
        }
    }
}

/// The walk through the calls: which are pending, and what the budget still allows.
struct Search<'c> {
    calls: &'c Calls,
    budget: &'c Budget,
    spent: u64,
    /// Configurations kept for each value of the register.
    width: usize,
    /// Whether a configuration was left out for want of width.
    is_truncated: bool,
    /// Pending calls by effect; within one effect in order of return, those without one last.
    pending: BTreeMap<Effect, Vec<CallId>>,
    pending_writes: SlotSet,
}

impl<'c> Search<'c> {
    fn new(calls: &'c Calls, budget: &'c Budget, width: usize, spent: u64) -> Search<'c> {
        let pending_writes = SlotSet::new(calls.slots);
        let pending = BTreeMap::new();
        Search { calls, budget, spent, width, is_truncated: false, pending, pending_writes }
    }

    fn run(&mut self) -> Outcome {
        let nothing = SlotSet::new(self.calls.slots);
        let mut configs = vec![Config { state: INITIAL, open: nothing.clone(), owed: nothing, last: None }];
        for event in &self.calls.events {
            let call = match *event {
                Event::Invoke(id) => {
                    self.invoke(id, &mut configs);
                    continue;
                }
                Event::Return(id) => id,
            };
            match self.step(call, &configs) {
                Err(reason) => return Outcome::GaveUp { call, reason },
                Ok((next, states)) if next.is_empty() => {
                    self.is_truncated &= self.is_obtainable(call);
                    let paths = self.final_paths(&configs);
                    return Outcome::Stuck(Stuck { call, configs, states, paths });
                }
                Ok((next, _)) => configs = next,
            }
            self.retire(call);
        }
        Outcome::Linearizable
    }

    fn invoke(&mut self, id: CallId, configs: &mut [Config]) {
        let call = &self.calls.calls[id];
        let peers = self.pending.entry(call.effect).or_default();
        let order = |id: &CallId| (self.calls.calls[*id].returned.unwrap_or(usize::MAX), *id);
        peers.insert(peers.partition_point(|peer| order(peer) < order(&id)), id);
        if matches!(call.effect, Effect::Write(_)) {
            self.pending_writes.insert(call.slot);
        }
        for config in configs {
            match call.effect {
                Effect::Read(value) if value == config.state => continue,
                Effect::Read(_) => {}
                Effect::Write(_) | Effect::Cas { .. } => config.open.insert(call.slot),
            }
            if call.returned.is_some() {
                config.owed.insert(call.slot);
            }
        }
    }

    fn retire(&mut self, id: CallId) {
        let call = &self.calls.calls[id];
        self.pending_writes.remove(call.slot);
        if let Some(peers) = self.pending.get_mut(&call.effect) {
            peers.retain(|peer| *peer != id);
            if peers.is_empty() {
                self.pending.remove(&call.effect);
            }
        }
    }

    /// The configurations that `configs` can turn into when `returning` returns, and all values the register can
    /// hold on the way there.
    fn step(
        &mut self,
        returning: CallId,
        configs: &[Config],
    ) -> Result<(Vec<Config>, Vec<ValueId>), &'static str> {
        let slot = self.calls.calls[returning].slot;
        let is_write = matches!(self.calls.calls[returning].effect, Effect::Write(_));
        let mut after = Frontier::new(self.width);
        let mut visited = Frontier::new(self.width);
        let mut unexplored: VecDeque<(Config, bool)> = VecDeque::new();
        for config in configs {
            visited.insert(config.clone());
            unexplored.push_back((config.clone(), true));
        }
        while let Some((config, was_owed)) = unexplored.pop_front() {
            self.spend(1, visited.size + after.size + unexplored.len())?;
            let is_owed = config.owed.contains(slot);
            let is_open = config.open.contains(slot);
            // Its obligation was met just now, or before. Further on the way it need not be met again.
            if was_owed && !is_owed {
                let (_, compared) = after.insert(self.returned(config.clone(), returning));
                self.spend(compared / 32, 0)?;
            }
            if !is_owed && !is_open {
                continue;
            }
            // This is also the last moment at which a write, covered or not, can be seen by later calls.
            if is_write {
                let (_, compared) = after.insert(self.returned(self.place(&config, returning), returning));
                self.spend(compared / 32, 0)?;
            }
            for id in self.candidates(&config).into_iter().filter(|id| !(is_write && *id == returning)) {
                let next = self.place(&config, id);
                let (is_new, compared) = visited.insert(next.clone());
                self.spend(compared / 32, 0)?;
                if is_new {
                    unexplored.push_back((next, is_owed));
                }
            }
        }
        self.is_truncated |= after.is_truncated || visited.is_truncated;
        Ok((after.into_configs(), visited.by_state.into_keys().collect()))
    }

    /// Charges the budget for `work`, with `alive` configurations in memory.
    fn spend(&mut self, work: usize, alive: usize) -> Result<(), &'static str> {
        let before = self.spent;
        self.spent += work as u64;
        if self.spent > self.budget.configurations {
            return Err("it would have to look at more configurations than it may");
        }
        if alive > self.budget.alive {
            return Err("it would have to remember more configurations than it may");
        }
        let is_time_to_look = before / 1024 != self.spent / 1024;
        if is_time_to_look && self.budget.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Err("it would take longer than it may");
        }
        Ok(())
    }

    /// `config` after the return of a call that has its place or needs none. A read still legal now is taken to
    /// have been placed now.
    fn returned(&self, mut config: Config, id: CallId) -> Config {
        let call = &self.calls.calls[id];
        config.open.remove(call.slot);
        config.owed.remove(call.slot);
        if call.effect == Effect::Read(config.state) {
            config.last = Some(id);
        }
        config
    }

    /// `config` after a write or compare-and-set that is legal in it, and the reads that become legal by it.
    fn place(&self, config: &Config, id: CallId) -> Config {
        let call = &self.calls.calls[id];
        let mut next = config.clone();
        next.last = Some(id);
        next.open.remove(call.slot);
        next.owed.remove(call.slot);
        match call.effect {
            Effect::Read(_) => {}
            Effect::Cas { to, .. } => next.state = to,
            Effect::Write(value) => {
                next.state = value;
                next.owed.subtract(&self.pending_writes);
            }
        }
        for read in self.pending.get(&Effect::Read(next.state)).into_iter().flatten() {
            next.owed.remove(self.calls.calls[*read].slot);
        }
        next
    }

    /// Whether any call invoked so far puts the value there that `id` needs. If none does, no search need be wider.
    fn is_obtainable(&self, id: CallId) -> bool {
        let call = &self.calls.calls[id];
        let before = |other: &&Call| call.returned.is_some_and(|returned| other.invoked < returned);
        let Some(needed) = call.effect.needs().filter(|value| *value != INITIAL) else { return true };
        self.calls.calls.iter().filter(before).any(|other| other.effect.leaves() == Some(needed))
    }

    /// The shortest paths from `configs` through the pending calls, at most [`SHOWN`].
    fn final_paths(&self, configs: &[Config]) -> Vec<Path> {
        let start = |config: &Config| (config.clone(), vec![(config.last, config.state)]);
        let mut unfinished: VecDeque<(Config, Path)> = configs.iter().take(SHOWN).map(start).collect();
        let mut paths = Vec::new();
        while let Some((config, path)) = unfinished.pop_front().filter(|_| paths.len() < SHOWN) {
            for id in self.candidates(&config) {
                let next = self.place(&config, id);
                let longer = path.iter().copied().chain([(Some(id), next.state)]).collect();
                unfinished.push_back((next, longer));
            }
            paths.push(path);
        }
        paths
    }

    /// The pending calls worth placing next: legal ones that must be placed, or that lead to a value which a call
    /// that must be placed needs.
    fn candidates(&self, config: &Config) -> Vec<CallId> {
        let needed = self.needed(config);
        let mut candidates = Vec::new();
        for (effect, peers) in &self.pending {
            let is_useful = match *effect {
                Effect::Read(_) => false,
                Effect::Write(value) => needed.contains(&value),
                Effect::Cas { from, to } => {
                    from == config.state && (needed.contains(&to) || self.is_any_owed(config, peers))
                }
            };
            if is_useful {
                candidates.extend(self.first_of(config, peers));
            }
        }
        candidates
    }

    /// Of calls with the same effect only those that no other is as good as: the first to return, and if that one
    /// need not be placed, the first that must.
    fn first_of(&self, config: &Config, peers: &[CallId]) -> impl Iterator<Item = CallId> {
        let slot = |id: &CallId| self.calls.calls[*id].slot;
        let first = peers.iter().copied().find(|id| config.open.contains(slot(id)));
        let first_owed = peers.iter().copied().find(|id| config.owed.contains(slot(id)));
        first.into_iter().chain(first_owed.filter(|owed| first != Some(*owed)))
    }

    /// The values that calls which must be placed need, directly or through compare-and-sets that may be.
    fn needed(&self, config: &Config) -> Vec<ValueId> {
        let mut needed: Vec<ValueId> = Vec::new();
        let mut links: Vec<(ValueId, ValueId)> = Vec::new();
        for (effect, peers) in &self.pending {
            let Some(value) = effect.needs() else { continue };
            match *effect {
                _ if self.is_any_owed(config, peers) => needed.push(value),
                Effect::Cas { from, to } if self.is_any_open(config, peers) => links.push((from, to)),
                _ => {}
            }
        }
        let mut explored = 0;
        while explored < needed.len() {
            let value = needed[explored];
            explored += 1;
            let sources = links.extract_if(.., |(_, to)| *to == value).map(|(from, _)| from);
            needed.extend(sources.collect::<Vec<_>>());
        }
        needed
    }

    fn is_any_owed(&self, config: &Config, peers: &[CallId]) -> bool {
        peers.iter().any(|id| config.owed.contains(self.calls.calls[*id].slot))
    }

    fn is_any_open(&self, config: &Config, peers: &[CallId]) -> bool {
        peers.iter().any(|id| config.open.contains(self.calls.calls[*id].slot))
    }
}
