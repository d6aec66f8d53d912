//! A server: its state, its role, and how an input is handled. Elections, replication and requests have files of their
//! own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::StateMachine;
use crate::election::Ballot;
use crate::leader::Leadership;
use crate::log::{Index, Log, Payload, Position, Term};
use crate::members::{Incarnation, Members, Slot};
use crate::message::{Body, Message};
use crate::replicated::Replicated;
use crate::requests::Requests;
use crate::timing::{Millis, Timing};

/// How many applied entries are kept for followers that lag; who needs more gets the state.
pub const KEPT_ENTRIES: u64 = 256;

/// Names a request of a client; chosen by whoever passes it in.
pub type Ticket = u64;

/// Something that happens to a server.
pub enum Input<M: StateMachine> {
    /// Time has passed. To be given every few milliseconds.
    Tick,
    /// A message has come.
    Receive(Slot, Message<M>),
    /// A client wants a command carried out.
    Propose(Ticket, M::Command),
    /// A client wants a query answered.
    Query(Ticket, M::Query),
}

/// Something that a server wants done.
pub enum Output<M: StateMachine> {
    /// Send a message.
    Send(Slot, Message<M>),
    /// Tell the client the answer.
    Answer(Ticket, M::Answer),
    /// Tell the client that there is none.
    Refuse(Ticket, Refusal),
}

/// Why a client gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no leader. Nothing has happened, and nothing will.
    Unavailable,
    /// The outcome is open.
    Unknown,
}

/// What a server does at present.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Role {
    Follower { leader: Option<Slot> },
    Candidate(Ballot),
    Leader(Leadership),
}

/// A server. It has no clock and no random source: time comes with each input, randomness with its creation. Saved and
/// read again it is the same server in the same life.
#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = ""))]
pub struct Raft<M: StateMachine> {
    pub(crate) me: Slot,
    pub(crate) incarnation: Incarnation,
    pub(crate) now: Millis,
    pub(crate) timing: Timing,
    pub(crate) term: Term,
    /// Whom it has voted for in this term. Another life of the same node is somebody else.
    pub(crate) voted_for: Option<(Slot, Incarnation)>,
    pub(crate) log: Log<M::Command>,
    /// Committed entries are applied at once, so this is also how far the log is applied.
    pub(crate) commit: Index,
    pub(crate) state: Replicated<M>,
    pub(crate) role: Role,
    /// When it stands for election if it hears nothing.
    pub(crate) election_due: Millis,
    /// When it last heard from the leader.
    pub(crate) leader_heard_at: Option<Millis>,
    pub(crate) requests: Requests<M>,
    /// Empty between two inputs.
    #[serde(skip)]
    pub(crate) outputs: Vec<Output<M>>,
}

impl<M: StateMachine> Raft<M> {
    /// A server that knows nothing yet. Its life is to [`begin`](Self::begin) before the first input.
    ///
    /// # Panics
    /// If `me` is not one of the `slots`.
    pub fn new(me: Slot, slots: usize) -> Self {
        assert!(me < slots, "slot {me} of {slots}");
        Raft {
            me,
            incarnation: 0,
            now: 0,
            timing: Timing::new(0),
            term: 0,
            voted_for: None,
            log: Log::new(Position::default(), Members::nobody(slots)),
            commit: 0,
            state: Replicated::new(slots),
            role: Role::Follower { leader: None },
            election_due: 0,
            leader_heard_at: None,
            requests: Requests::default(),
            outputs: Vec::new(),
        }
    }

    /// Begins the server's life. `incarnation` must be drawn at random; `seed` decides what is random later on.
    pub fn begin(&mut self, incarnation: Incarnation, seed: u64) {
        self.incarnation = incarnation;
        self.timing = Timing::new(seed);
        // At a first start somebody should stand at once, but not everybody.
        self.election_due = if self.me == 0 { 0 } else { self.timing.random_election() };
    }

    /// Handles an input. `now` is the server's own time; one that is earlier than the last is taken for the last.
    pub fn step(&mut self, now: Millis, input: Input<M>) -> Vec<Output<M>> {
        self.now = self.now.max(now);
        match input {
            Input::Tick => self.tick(),
            Input::Receive(from, message) => self.receive(from, message),
            Input::Propose(ticket, command) => self.propose(ticket, command),
            Input::Query(ticket, query) => self.query(ticket, query),
        }
        self.pass_on_requests();
        self.lead();
        std::mem::take(&mut self.outputs)
    }

    /// Whether its life has begun.
    pub fn has_begun(&self) -> bool {
        self.incarnation != 0
    }

    /// Whether it leads, as far as it knows.
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Its copy of the state machine.
    pub fn machine(&self) -> &M {
        &self.state.machine
    }

    /// How many log entries it keeps.
    pub fn kept_entries(&self) -> usize {
        self.log.kept()
    }

    fn tick(&mut self) {
        self.expire_requests();
        match &self.role {
            Role::Leader(_) => self.check_on_followers(),
            Role::Candidate(_) => self.continue_election(),
            Role::Follower { .. } if self.now >= self.election_due => self.stand_for_election(),
            Role::Follower { .. } => {}
        }
    }

    fn receive(&mut self, from: Slot, message: Message<M>) {
        if from == self.me || from >= self.slots() || !message.is_plausible() {
            return;
        }
        if message.term > self.term {
            self.enter_term(message.term);
        }
        let (life, term) = (message.incarnation, message.term);
        match message.payload {
            Body::AskVote { pre, last, at } => self.consider_vote((from, life), term, pre, last, at),
            Body::Vote { pre, granted, at } => self.count_vote((from, life), term, pre, granted, at),
            Body::Append(append) => self.append(from, term, append),
            Body::Snapshot(snapshot) => self.install(from, term, snapshot),
            Body::Ack(ack) => self.acknowledge((from, life), term, ack),
            Body::Forward(forward) => self.take_forward((from, life), forward),
        }
    }

    /// A higher term has begun: whatever this server was, it follows now.
    pub(crate) fn enter_term(&mut self, term: Term) {
        self.term = term;
        self.voted_for = None;
        self.follow(None);
    }

    /// Follows a leader, or nobody yet.
    pub(crate) fn follow(&mut self, leader: Option<Slot>) {
        let previous = match self.role {
            Role::Follower { leader } => leader,
            _ => {
                self.postpone_election();
                None
            }
        };
        if leader.is_some() && leader != previous {
            self.requests.send_again(self.now);
        }
        self.role = Role::Follower { leader };
    }

    pub(crate) fn postpone_election(&mut self) {
        self.election_due = self.now + self.timing.random_election();
    }

    pub(crate) fn slots(&self) -> usize {
        self.log.members().slots()
    }

    pub(crate) fn is_member(&self) -> bool {
        self.log.members().contains(self.me, self.incarnation)
    }

    pub(crate) fn send(&mut self, to: Slot, payload: Body<M>) {
        let message = Message { incarnation: self.incarnation, term: self.term, payload };
        self.outputs.push(Output::Send(to, message));
    }

    /// Commits and applies up to `index`; answers the commands of own clients, and drops entries no longer needed.
    /// Returns the nodes of other clients whose commands were among them.
    pub(crate) fn commit_to(&mut self, index: Index) -> BTreeMap<Slot, Incarnation> {
        let mut origins = BTreeMap::new();
        while self.commit < index {
            let Some(entry) = self.log.entry(self.commit + 1) else { break };
            self.commit += 1;
            let answer = self.state.apply(&entry.payload);
            let Payload::Command(command) = &entry.payload else { continue };
            if (command.slot, command.incarnation) != (self.me, self.incarnation) {
                origins.insert(command.slot, command.incarnation);
            } else if let Some((ticket, answer)) = self.requests.settle(command.seq).zip(answer) {
                self.outputs.push(Output::Answer(ticket, answer));
            }
        }
        if self.commit - self.log.base().index > 2 * KEPT_ENTRIES {
            self.log.compact_to(self.commit - KEPT_ENTRIES);
        }
        self.answer_reads();
        origins
    }
}
