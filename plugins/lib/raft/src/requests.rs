//! What clients of this server want, from the request to the answer: kept until settled, passed on to the leader, and
//! repeated when nothing comes back. Also the leader's acceptance of what others pass on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::StateMachine;
use crate::core::{Output, Raft, Refusal, Role, Ticket};
use crate::leader::Reads;
use crate::log::{Entry, Index, Numbered, Payload};
use crate::members::{Incarnation, Slot};
use crate::message::{Body, Forward, Grant};
use crate::timing::Millis;

/// How long a request waits for a leader: a little less than a second, the shortest patience of Maelstrom's clients.
const PATIENCE_MS: Millis = 800;
/// How long a request that was passed on waits for its outcome: as long as a client may be kept waiting.
const GIVE_UP_MS: Millis = guest_sdk::PATIENCE.as_millis() as Millis;
/// The most requests that may wait; more are refused at once.
const MAX_WAITING: usize = 4096;

/// Requests of own clients without an answer yet.
#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = ""))]
pub(crate) struct Requests<M: StateMachine> {
    next_seq: u64,
    commands: BTreeMap<u64, Waiting<M::Command>>,
    reads: BTreeMap<u64, Waiting<Read<M::Query>>>,
    /// Before this time nothing is passed on.
    next_batch_at: Millis,
}

#[derive(Debug, Serialize, Deserialize)]
struct Waiting<T> {
    ticket: Ticket,
    what: T,
    since: Millis,
    /// Whether it was ever passed on.
    sent: bool,
    /// When it is to be passed on, or again.
    due_at: Millis,
}

#[derive(Debug, Serialize, Deserialize)]
struct Read<Q> {
    query: Q,
    /// Once granted, it can be answered as soon as the log is applied up to here.
    index: Option<Index>,
}

impl<M: StateMachine> Default for Requests<M> {
    fn default() -> Self {
        Requests { next_seq: 0, commands: BTreeMap::new(), reads: BTreeMap::new(), next_batch_at: 0 }
    }
}

impl<T> Waiting<T> {
    fn new(ticket: Ticket, what: T, now: Millis) -> Self {
        Waiting { ticket, what, since: now, sent: false, due_at: now }
    }

    /// Whether it has to be passed on now; if so, it is taken to be.
    fn take_turn(&mut self, now: Millis, next_due_at: Millis) -> bool {
        let due = now >= self.due_at;
        if due {
            self.sent = true;
            self.due_at = next_due_at;
        }
        due
    }
}

impl<M: StateMachine> Requests<M> {
    fn is_full(&self) -> bool {
        self.commands.len() + self.reads.len() >= MAX_WAITING
    }

    fn number(&mut self) -> u64 {
        self.next_seq += 1;
        self.next_seq
    }

    /// Ends the wait for a command.
    pub(crate) fn settle(&mut self, seq: u64) -> Option<Ticket> {
        self.commands.remove(&seq).map(|waiting| waiting.ticket)
    }

    /// Reads with numbers up to `upto` may be answered from `index` on.
    pub(crate) fn grant(&mut self, upto: u64, index: Index) {
        for waiting in self.reads.range_mut(..=upto).map(|(_, waiting)| waiting) {
            waiting.what.index.get_or_insert(index);
        }
    }

    /// Passes everything on again: there is another leader.
    pub(crate) fn send_again(&mut self, now: Millis) {
        self.commands.values_mut().for_each(|waiting| waiting.due_at = now);
        self.reads.values_mut().for_each(|waiting| waiting.due_at = now);
    }

    /// What has to be passed on now.
    fn take_due(&mut self, now: Millis, next_due_at: Millis, commands_too: bool) -> Forward<M::Command> {
        let low = self.commands.keys().next().copied().unwrap_or(self.next_seq + 1);
        let commands = self.commands.iter_mut().filter(|_| commands_too);
        let commands = commands
            .filter_map(|(&seq, waiting)| {
                waiting.take_turn(now, next_due_at).then(|| (seq, waiting.what.clone()))
            })
            .collect();
        let ungranted = self.reads.iter_mut().filter(|(_, waiting)| waiting.what.index.is_none());
        let reads =
            ungranted.filter_map(|(&seq, waiting)| waiting.take_turn(now, next_due_at).then_some(seq)).last();
        Forward { low, commands, reads }
    }
}

// The side of the server whose clients they are.
impl<M: StateMachine> Raft<M> {
    pub(crate) fn propose(&mut self, ticket: Ticket, command: M::Command) {
        if self.requests.is_full() {
            return self.outputs.push(Output::Refuse(ticket, Refusal::Unavailable));
        }
        let seq = self.requests.number();
        self.requests.commands.insert(seq, Waiting::new(ticket, command, self.now));
    }

    pub(crate) fn query(&mut self, ticket: Ticket, query: M::Query) {
        if self.requests.is_full() {
            return self.outputs.push(Output::Refuse(ticket, Refusal::Unavailable));
        }
        let seq = self.requests.number();
        self.requests.reads.insert(seq, Waiting::new(ticket, Read { query, index: None }, self.now));
    }

    /// Passes on what is due, if there is a leader. Before this server is a member nobody would take its commands.
    pub(crate) fn pass_on_requests(&mut self) {
        let leader = match &self.role {
            Role::Leader(_) => self.me,
            Role::Follower { leader: Some(leader) } => *leader,
            _ => return,
        };
        let is_own = leader == self.me;
        if !is_own && self.now < self.requests.next_batch_at {
            return;
        }
        let next_due_at = self.now + self.timing.resend();
        let forward = self.requests.take_due(self.now, next_due_at, self.is_member());
        if forward.commands.is_empty() && forward.reads.is_none() {
            return;
        }
        if is_own {
            return self.take_forward((self.me, self.incarnation), forward);
        }
        self.requests.next_batch_at = self.now + self.timing.pace();
        self.send(leader, Body::Forward(forward));
    }

    /// Answers the reads that were granted and whose index is applied.
    pub(crate) fn answer_reads(&mut self) {
        let commit = self.commit;
        let ready = |_: &u64, waiting: &mut Waiting<Read<M::Query>>| {
            waiting.what.index.is_some_and(|index| index <= commit)
        };
        for (_, waiting) in self.requests.reads.extract_if(.., ready) {
            let answer = self.state.machine.query(&waiting.what.query);
            self.outputs.push(Output::Answer(waiting.ticket, answer));
        }
    }

    /// After a snapshot: what it includes has happened, but nobody can tell with what answer.
    pub(crate) fn give_up_settled(&mut self) {
        let (me, life, state) = (self.me, self.incarnation, &self.state);
        let settled = |seq: &u64, _: &mut Waiting<M::Command>| state.is_settled(me, life, *seq);
        let given_up = self.requests.commands.extract_if(.., settled);
        self.outputs.extend(given_up.map(|(_, waiting)| Output::Refuse(waiting.ticket, Refusal::Unknown)));
    }

    /// Refuses what has waited too long. What was never passed on has certainly not happened.
    pub(crate) fn expire_requests(&mut self) {
        let now = self.now;
        let leaderless = matches!(self.role, Role::Candidate(_) | Role::Follower { leader: None });
        let too_late = |_: &u64, waiting: &mut Waiting<M::Command>| {
            now - waiting.since >= if waiting.sent { GIVE_UP_MS } else { PATIENCE_MS }
        };
        for (_, waiting) in self.requests.commands.extract_if(.., too_late) {
            let refusal = if waiting.sent { Refusal::Unknown } else { Refusal::Unavailable };
            self.outputs.push(Output::Refuse(waiting.ticket, refusal));
        }
        let too_late = |_: &u64, waiting: &mut Waiting<Read<M::Query>>| {
            now - waiting.since >= if leaderless { PATIENCE_MS } else { GIVE_UP_MS }
        };
        for (_, waiting) in self.requests.reads.extract_if(.., too_late) {
            self.outputs.push(Output::Refuse(waiting.ticket, Refusal::Unavailable));
        }
    }
}

// The leader's side.
impl<M: StateMachine> Raft<M> {
    /// Takes what a server passes on; who is not leader drops it, and it will be sent again.
    pub(crate) fn take_forward(
        &mut self,
        (slot, incarnation): (Slot, Incarnation),
        forward: Forward<M::Command>,
    ) {
        let low = forward.low;
        for (seq, command) in forward.commands {
            self.take_command(Numbered { slot, incarnation, seq, low, command });
        }
        let commit = self.commit;
        let Role::Leader(leadership) = &mut self.role else { return };
        if let Some(upto) = forward.reads {
            // Before an entry of its own term is committed a leader does not know what is (dissertation, §6.4).
            let grant = Grant { incarnation, upto, index: commit.max(leadership.first) };
            leadership.reads.push_back(Reads { slot, grant, confirmed_by: leadership.round + 1 });
            leadership.dirty = true;
        }
    }

    /// Appends a command, unless it is in the log already. Commands of lives that are no members are refused: that is
    /// what makes it safe to forget their sessions.
    fn take_command(&mut self, command: Numbered<M::Command>) {
        let is_settled = self.state.is_settled(command.slot, command.incarnation, command.seq);
        let is_member = self.log.members().contains(command.slot, command.incarnation);
        let is_under_way = self.is_under_way(&command);
        let Role::Leader(leadership) = &mut self.role else { return };
        if is_settled && command.slot != self.me {
            leadership.followers[command.slot].wants_news = true;
        }
        if is_member && !is_settled && !is_under_way {
            leadership.dirty = true;
            self.log.push(Entry { term: self.term, payload: Payload::Command(command) });
        }
    }

    fn is_under_way(&self, command: &Numbered<M::Command>) -> bool {
        let name = |command: &Numbered<_>| (command.slot, command.incarnation, command.seq);
        self.log.after(self.commit, usize::MAX).any(|entry| match &entry.payload {
            Payload::Command(other) => name(other) == name(command),
            _ => false,
        })
    }
}
