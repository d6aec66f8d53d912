//! A cluster in virtual time on a network that loses, duplicates, delays and reorders. After every step it asserts the
//! properties of figure 3 of the paper, and at every answer that the history is linearizable.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::log::{Entry, Index, Term};
use crate::{Incarnation, Input, Message, Millis, Output, Raft, Refusal, Slot, StateMachine, Ticket};

const TICK_MS: Millis = 10;

/// A state machine whose whole history can be seen: the commands it was given, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Journal(pub Vec<u64>);

impl StateMachine for Journal {
    type Command = u64;
    type Query = ();
    /// How long the journal is, after the command.
    type Answer = usize;

    fn apply(&mut self, command: &u64) -> usize {
        self.0.push(*command);
        self.0.len()
    }

    fn query(&self, (): &()) -> usize {
        self.0.len()
    }
}

/// What goes wrong on the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network {
    /// The shortest way of a message.
    pub min_delay_ms: Millis,
    /// The longest.
    pub max_delay_ms: Millis,
    pub loss_percent: u64,
    pub duplicate_percent: u64,
}

enum Event {
    Tick(Slot),
    Deliver { from: Slot, to: Slot, message: Message<Journal> },
}

/// A request under way.
struct Request {
    slot: Slot,
    incarnation: Incarnation,
    /// The journal was known to be this long when it began.
    floor: usize,
    command: Option<u64>,
}

pub struct Simulation {
    pub servers: Vec<Raft<Journal>>,
    pub now: Millis,
    pub network: Network,
    /// Links that are cut, from and to.
    pub cut: BTreeSet<(Slot, Slot)>,
    /// Servers that do nothing; what reaches them waits.
    pub paused: BTreeSet<Slot>,
    pub messages_sent: u64,
    random: u64,
    agenda: BTreeMap<(Millis, u64), Event>,
    next_event: u64,
    next_ticket: Ticket,
    requests: BTreeMap<Ticket, Request>,
    /// The length of the journal that some answer has shown.
    floor: usize,
    /// Commands and their places, as clients were told.
    pub acknowledged: BTreeMap<u64, usize>,
    /// Commands that certainly never happen.
    pub refused: BTreeSet<u64>,
    pub reads_answered: usize,
    leaders: BTreeMap<Term, (Slot, Incarnation)>,
    /// What was committed at each index.
    committed: BTreeMap<Index, Entry<u64>>,
    checked: Vec<Index>,
    most_kept: usize,
}

impl Simulation {
    pub fn new(slots: usize, network: Network, seed: u64) -> Self {
        let mut simulation = Simulation {
            servers: Vec::new(),
            now: 0,
            network,
            cut: BTreeSet::new(),
            paused: BTreeSet::new(),
            messages_sent: 0,
            random: seed,
            agenda: BTreeMap::new(),
            next_event: 0,
            next_ticket: 0,
            requests: BTreeMap::new(),
            floor: 0,
            acknowledged: BTreeMap::new(),
            refused: BTreeSet::new(),
            reads_answered: 0,
            leaders: BTreeMap::new(),
            committed: BTreeMap::new(),
            checked: vec![0; slots],
            most_kept: 0,
        };
        for slot in 0..slots {
            let server = simulation.newborn(slot, slots);
            simulation.servers.push(server);
            simulation.schedule(TICK_MS, Event::Tick(slot));
        }
        simulation
    }

    fn newborn(&mut self, slot: Slot, slots: usize) -> Raft<Journal> {
        let mut server = Raft::new(slot, slots);
        let (incarnation, seed) = (self.random(), self.random());
        server.begin(incarnation, seed);
        server
    }

    /// SplitMix64.
    pub fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random() % limit as u64).expect("small")
    }

    fn happens(&mut self, percent: u64) -> bool {
        self.random() % 100 < percent
    }

    fn schedule(&mut self, after: Millis, event: Event) {
        self.agenda.insert((self.now + after, self.next_event), event);
        self.next_event += 1;
    }

    /// Lets time pass.
    pub fn advance(&mut self, duration: Millis) {
        let until = self.now + duration;
        while let Some(next) = self.agenda.first_entry().filter(|next| next.key().0 <= until) {
            self.now = next.key().0;
            match next.remove() {
                Event::Tick(slot) => {
                    self.step(slot, Input::Tick);
                    self.schedule(TICK_MS, Event::Tick(slot));
                }
                Event::Deliver { from, to, message } if self.paused.contains(&to) => {
                    self.schedule(TICK_MS, Event::Deliver { from, to, message });
                }
                Event::Deliver { from, to, message } => self.step(to, Input::Receive(from, message)),
            }
        }
        self.now = until;
    }

    fn step(&mut self, slot: Slot, input: Input<Journal>) {
        if self.paused.contains(&slot) {
            return;
        }
        for output in self.servers[slot].step(self.now, input) {
            match output {
                Output::Send(to, message) => self.post(slot, to, message),
                Output::Answer(ticket, length) => self.answered(ticket, length),
                Output::Refuse(ticket, refusal) => self.refused(ticket, refusal),
            }
        }
        self.check(slot);
    }

    fn post(&mut self, from: Slot, to: Slot, message: Message<Journal>) {
        self.messages_sent += 1;
        let copies = if self.happens(self.network.duplicate_percent) { 2 } else { 1 };
        for _ in 0..copies {
            if self.cut.contains(&(from, to)) || self.happens(self.network.loss_percent) {
                continue;
            }
            let spread = self.network.max_delay_ms - self.network.min_delay_ms + 1;
            let delay = self.network.min_delay_ms + self.random() % spread;
            self.schedule(delay, Event::Deliver { from, to, message: message.clone() });
        }
    }

    /// A client has a command carried out.
    pub fn propose(&mut self, slot: Slot, command: u64) {
        let ticket = self.begin(slot, Some(command));
        self.step(slot, Input::Propose(ticket, command));
    }

    /// A client reads.
    pub fn read(&mut self, slot: Slot) {
        let ticket = self.begin(slot, None);
        self.step(slot, Input::Query(ticket, ()));
    }

    fn begin(&mut self, slot: Slot, command: Option<u64>) -> Ticket {
        self.next_ticket += 1;
        let incarnation = self.servers[slot].incarnation;
        let request = Request { slot, incarnation, floor: self.floor, command };
        self.requests.insert(self.next_ticket, request);
        self.next_ticket
    }

    fn answered(&mut self, ticket: Ticket, length: usize) {
        let request = self.requests.remove(&ticket).expect("an answer to a request that waits");
        let least = request.floor + usize::from(request.command.is_some());
        assert!(length >= least, "an answer of {length} after one of {}", request.floor);
        self.floor = self.floor.max(length);
        match request.command {
            Some(command) => drop(self.acknowledged.insert(command, length - 1)),
            None => self.reads_answered += 1,
        }
    }

    fn refused(&mut self, ticket: Ticket, refusal: Refusal) {
        let request = self.requests.remove(&ticket).expect("a refusal of a request that waits");
        if let (Some(command), Refusal::Unavailable) = (request.command, refusal) {
            self.refused.insert(command);
        }
    }

    /// Cuts all links between two groups.
    pub fn partition(&mut self, minority: &[Slot]) {
        let sides: Vec<bool> = (0..self.servers.len()).map(|slot| minority.contains(&slot)).collect();
        for (from, to) in self.links() {
            if sides[from] != sides[to] {
                self.cut.insert((from, to));
            }
        }
    }

    /// All links, in both directions.
    pub fn links(&self) -> Vec<(Slot, Slot)> {
        let slots = self.servers.len();
        (0..slots * slots).map(|pair| (pair / slots, pair % slots)).filter(|(from, to)| from != to).collect()
    }

    /// Kills a server and starts it anew with an empty memory.
    pub fn restart(&mut self, slot: Slot) {
        self.servers[slot] = self.newborn(slot, self.servers.len());
        self.servers[slot].now = self.now;
        self.checked[slot] = 0;
        let incarnation = self.servers[slot].incarnation;
        self.requests.retain(|_, request| request.slot != slot || request.incarnation == incarnation);
    }

    /// Whether one more server may lose its memory, by what the crate promises.
    pub fn may_restart(&self) -> bool {
        let knows_most = self.servers.iter().max_by_key(|server| server.commit).expect("a server");
        let members = &knows_most.state.members;
        let is_in = |server: &&Raft<Journal>| {
            members.contains(server.me, server.incarnation) && !server.log.is_empty()
        };
        let out = self.servers.len() - self.servers.iter().filter(is_in).count();
        !self.committed.is_empty() && out + 1 < members.quorum()
    }

    /// The server that leads in the latest term, if there is one.
    pub fn leader(&self) -> Option<Slot> {
        let leaders = (0..self.servers.len()).filter(|&slot| self.servers[slot].is_leader());
        leaders.max_by_key(|&slot| self.servers[slot].term)
    }

    /// The terms that had a leader.
    pub fn terms_led(&self) -> usize {
        self.leaders.len()
    }

    /// The most entries that any server has kept at any time.
    pub fn most_kept(&self) -> usize {
        self.most_kept
    }

    fn check(&mut self, slot: Slot) {
        self.most_kept = self.most_kept.max(self.servers[slot].kept_entries());
        self.check_election(slot);
        self.check_committed(slot);
    }

    /// Election safety, and leader completeness: a new leader has all that was committed in earlier terms.
    fn check_election(&mut self, slot: Slot) {
        let server = &self.servers[slot];
        if !server.is_leader() {
            return;
        }
        let is_new = !self.leaders.contains_key(&server.term);
        let leader = *self.leaders.entry(server.term).or_insert((slot, server.incarnation));
        assert_eq!(leader, (slot, server.incarnation), "two leaders in term {}", server.term);
        for (&index, entry) in self.committed.iter().filter(|(_, entry)| is_new && entry.term < server.term) {
            let term = server.log.term(index);
            let is_compacted = index < server.log.base().index;
            assert!(is_compacted || term == Some(entry.term), "the leader lacks {index}: {term:?}");
        }
    }

    /// State-machine safety: at one index nobody applies anything else than anybody.
    fn check_committed(&mut self, slot: Slot) {
        let server = &self.servers[slot];
        for index in self.checked[slot] + 1..=server.commit {
            let Some(entry) = server.log.entry(index) else { continue };
            let first = self.committed.entry(index).or_insert_with(|| entry.clone());
            assert_eq!(first, entry, "server {slot} applies something else at {index}");
        }
        self.checked[slot] = server.commit;
    }

    /// Log matching: logs that agree at an index agree before it.
    pub fn check_logs_match(&self) {
        for (a, b) in self.links().into_iter().map(|(a, b)| (&self.servers[a].log, &self.servers[b].log)) {
            let common = a.base().index.max(b.base().index) + 1..=a.last().index.min(b.last().index);
            let agree = |index: &Index| a.term(*index) == b.term(*index);
            let Some(last) = common.clone().rev().find(agree) else { continue };
            for index in *common.start()..=last {
                assert_eq!(a.entry(index), b.entry(index), "logs that agree at {last} differ at {index}");
            }
        }
    }

    /// What clients were told is what happened: each acknowledged command once, in its place, and no refused one.
    pub fn check_outcomes(&self) {
        let longest =
            self.servers.iter().map(|server| &server.machine().0).max_by_key(|journal| journal.len());
        let journal = longest.expect("a server");
        for (command, &place) in &self.acknowledged {
            assert_eq!(journal.get(place), Some(command), "an acknowledged command is not in its place");
        }
        let distinct: BTreeSet<u64> = journal.iter().copied().collect();
        assert_eq!(distinct.len(), journal.len(), "a command was applied twice");
        assert!(self.refused.is_disjoint(&distinct), "a refused command was applied");
    }
}
