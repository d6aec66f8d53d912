//! Replication (§5.3 of the paper): what the leader sends, what a follower does with it, and when an entry is committed
//! (§5.4.2). Memberships change here too (dissertation, chapter 4).

use crate::StateMachine;
use crate::core::{Raft, Role};
use crate::leader::{Follower, Leadership};
use crate::log::{Entry, Index, Log, Payload, Position, Term};
use crate::members::{Incarnation, Slot};
use crate::message::{Ack, Append, Body, Grant, Lead, Outcome, Snapshot};
use crate::timing::smoothed;

/// The most entries in one message.
const MAX_ENTRIES: usize = 1024;

// The leader's side.
impl<M: StateMachine> Raft<M> {
    /// What a leader does after every input: commits, confirms, and sends what is due.
    pub(crate) fn lead(&mut self) {
        if !self.is_leader() {
            return;
        }
        self.advance_commit();
        self.change_members();
        self.confirm_reads();
        self.send_batch();
        self.send_news();
    }

    /// What a leader does at every tick before that: resigns without a majority, repeats what is overdue, and lets
    /// nobody wait longer than a heartbeat.
    pub(crate) fn check_on_followers(&mut self) {
        let (now, me, election) = (self.now, self.me, self.timing.election());
        let (last, commit, overdue) = (self.log.last().index, self.commit, self.timing.overdue());
        let quorum = self.log.members().quorum();
        let Role::Leader(leadership) = &mut self.role else { return };
        let is_heard =
            |(slot, follower): (Slot, &Follower)| slot == me || now - follower.heard_at < 2 * election;
        let heard = leadership.followers.iter().enumerate().map(is_heard).filter(|heard| *heard).count();
        if heard < quorum {
            self.leader_heard_at = None;
            self.follow(None);
            return;
        }
        if commit == last && leadership.reads.is_empty() {
            leadership.progress_at = now;
        } else if now - leadership.progress_at >= overdue {
            leadership.progress_at = now;
            leadership.generous_until = now + election;
            self.repeat_everything();
        }
        self.learn_round_trip();
        self.send_heartbeats();
    }

    /// The round trip to the nearest majority.
    fn learn_round_trip(&mut self) {
        let quorum = self.log.members().quorum();
        let Role::Leader(leadership) = &self.role else { return };
        let mut measured: Vec<u64> =
            leadership.followers.iter().filter_map(|follower| follower.rtt_ms).collect();
        measured.sort_unstable();
        if let Some(&rtt_ms) = quorum.checked_sub(2).and_then(|nearest| measured.get(nearest)) {
            self.timing.learn(rtt_ms);
        }
    }

    fn send_heartbeats(&mut self) {
        let (now, heartbeat) = (self.now, self.timing.heartbeat());
        self.send_to_all(|leadership, slot| now - leadership.followers[slot].asked_at >= heartbeat);
    }

    /// Sends from the first entry that is not known to have arrived.
    fn repeat_everything(&mut self) {
        let Role::Leader(leadership) = &mut self.role else { return };
        for follower in &mut leadership.followers {
            follower.next = follower.matched + 1;
            follower.rewound_in = leadership.round + 1;
        }
        self.tell_everyone();
    }

    /// Sends to all followers what they lack, and wants their answers.
    pub(crate) fn tell_everyone(&mut self) {
        self.send_to_all(|_, _| true);
    }

    fn send_to_all(&mut self, wanted: impl Fn(&Leadership, Slot) -> bool) {
        for slot in 0..self.slots() {
            let Role::Leader(leadership) = &self.role else { return };
            if slot != self.me && wanted(leadership, slot) {
                self.send_append(slot, true);
            }
        }
    }

    /// Sends what a majority has to hear of, unless the last batch was sent just before.
    fn send_batch(&mut self) {
        let Role::Leader(leadership) = &mut self.role else { return };
        if !leadership.dirty || self.now < leadership.next_batch_at {
            return;
        }
        leadership.dirty = false;
        leadership.next_batch_at = self.now + self.timing.pace();
        if self.now < leadership.generous_until {
            return self.tell_everyone();
        }
        for slot in self.nearest_majority() {
            self.send_append(slot, true);
        }
    }

    /// The members that together with the leader are a bare majority and probably answer first.
    fn nearest_majority(&self) -> Vec<Slot> {
        let Role::Leader(leadership) = &self.role else { return Vec::new() };
        let members = self.log.members();
        let is_member = |slot: Slot| {
            leadership.followers[slot].incarnation.is_none_or(|life| members.contains(slot, life))
        };
        let mut slots: Vec<Slot> =
            (0..members.slots()).filter(|&slot| slot != self.me && is_member(slot)).collect();
        let silent_after = 2 * self.timing.heartbeat();
        slots.sort_by_key(|&slot| {
            let follower = &leadership.followers[slot];
            (self.now - follower.heard_at > silent_after, follower.rtt_ms.unwrap_or(u64::MAX))
        });
        slots.truncate(members.quorum() - 1);
        slots
    }

    /// Tells those who wait for it how far the log is committed, and what they may read.
    fn send_news(&mut self) {
        for slot in 0..self.slots() {
            let Role::Leader(leadership) = &self.role else { return };
            if leadership.followers[slot].wants_news {
                self.send_append(slot, false);
            }
        }
    }

    /// Sends entries from the follower's next one on, or the state if that is no longer kept. What is sent is taken to
    /// arrive, so that the next batch need not wait for an answer.
    fn send_append(&mut self, slot: Slot, ack: bool) {
        let Role::Leader(leadership) = &mut self.role else { return };
        leadership.round += 1;
        let follower = &mut leadership.followers[slot];
        let grant = follower.grant.take();
        follower.wants_news = false;
        if ack {
            follower.asked_at = self.now;
        }
        let (round, rtt) = (leadership.round, self.timing.rtt());
        let lead = Lead { round, at: self.now, commit: self.commit, rtt, grant };
        let prev = follower.next - 1;
        let body = match self.log.term(prev) {
            None => {
                follower.next = self.commit + 1;
                let last = Position { term: self.log.term(self.commit).unwrap_or(0), index: self.commit };
                Body::Snapshot(Snapshot { lead, last, state: self.state.clone() })
            }
            Some(term) => {
                let entries: Vec<_> = self.log.after(prev, MAX_ENTRIES).cloned().collect();
                follower.next += entries.len() as u64;
                Body::Append(Append { lead, prev: Position { term, index: prev }, entries, ack })
            }
        };
        self.send(slot, body);
    }

    /// Takes a follower's answer. One of another life than before is of a node that has started anew, unless it answers
    /// an earlier round: then it is an old message.
    pub(crate) fn acknowledge(&mut self, (slot, life): (Slot, Incarnation), term: Term, ack: Ack) {
        let (now, last) = (self.now, self.log.last().index);
        let Role::Leader(leadership) = &mut self.role else { return };
        let follower = &mut leadership.followers[slot];
        let is_new = follower.incarnation != Some(life);
        if term != self.term || ack.round > leadership.round || (is_new && ack.round < follower.acked) {
            return;
        }
        if is_new {
            follower.meet(life, ack.round);
        }
        follower.acked = follower.acked.max(ack.round);
        follower.heard_at = now;
        follower.rtt_ms = Some(smoothed(follower.rtt_ms, now.saturating_sub(ack.at)));
        match ack.outcome {
            Outcome::Matched(index) => {
                follower.matched = follower.matched.max(index.min(last));
                follower.next = follower.next.max(follower.matched + 1);
            }
            Outcome::Conflict(hint) if ack.round >= follower.rewound_in => {
                let common = self.log.last_not_after(hint.index, hint.term);
                follower.next = common.max(follower.matched) + 1;
                follower.rewound_in = leadership.round + 1;
                self.send_append(slot, true);
            }
            Outcome::Conflict(_) => {}
        }
    }

    /// Commits what a majority has, if it is of this term; what is older is committed with it.
    fn advance_commit(&mut self) {
        let Role::Leader(leadership) = &self.role else { return };
        let members = self.log.members();
        let matched = |slot: Slot| match &leadership.followers[slot] {
            _ if slot == self.me => self.log.last().index,
            follower if follower.incarnation.is_some_and(|life| members.contains(slot, life)) => {
                follower.matched
            }
            _ => 0,
        };
        let mut everywhere: Vec<Index> = (0..members.slots()).map(matched).collect();
        everywhere.sort_unstable_by(|a, b| b.cmp(a));
        let majority_has = everywhere[members.quorum() - 1];
        if majority_has <= self.commit || self.log.term(majority_has) != Some(self.term) {
            return;
        }
        let origins = self.commit_to(majority_has);
        let Role::Leader(leadership) = &mut self.role else { return };
        leadership.progress_at = self.now;
        for slot in origins.into_keys() {
            leadership.followers[slot].wants_news = true;
        }
    }

    /// Lets members follow the lives that answer: one change at a time, and none before an entry of this term is
    /// committed (Ongaro's correction to the dissertation's §4.1).
    fn change_members(&mut self) {
        let Role::Leader(leadership) = &mut self.role else { return };
        if self.commit < leadership.first || self.commit < self.log.members_since() {
            return;
        }
        let seen = |slot: Slot| match slot == self.me {
            true => Some(self.incarnation),
            false => leadership.followers[slot].incarnation,
        };
        if let Some(next) = self.log.members().step_towards(seen) {
            self.log.push(Entry { term: self.term, payload: Payload::Members(next) });
            leadership.dirty = true;
        }
    }

    /// Lets reads go whose round a majority has answered: then nobody else led when they came.
    fn confirm_reads(&mut self) {
        loop {
            let Role::Leader(leadership) = &mut self.role else { return };
            let Some(reads) = leadership.reads.front() else { return };
            let followers = &leadership.followers;
            let confirmed = self.log.members().is_quorum(|slot| match &followers[slot] {
                _ if slot == self.me => Some(self.incarnation),
                follower if follower.acked >= reads.confirmed_by => follower.incarnation,
                _ => None,
            });
            if !confirmed || self.commit < reads.grant.index {
                return;
            }
            leadership.progress_at = self.now;
            let Some(reads) = leadership.reads.pop_front() else { return };
            if reads.slot == self.me {
                self.take_grant(Some(reads.grant));
            } else {
                let follower = &mut leadership.followers[reads.slot];
                follower.grant = Some(reads.grant);
                follower.wants_news = true;
            }
        }
    }
}

// The follower's side.
impl<M: StateMachine> Raft<M> {
    /// Takes the leader's entries.
    pub(crate) fn append(&mut self, from: Slot, term: Term, append: Append<M::Command>) {
        let Append { lead, prev, entries, ack } = append;
        if !self.hear_leader(from, term, &lead) {
            return;
        }
        let Some(outcome) = self.accept(prev, entries) else { return };
        if let Outcome::Matched(index) = outcome {
            self.commit_to(lead.commit.min(index));
        }
        if ack || matches!(outcome, Outcome::Conflict(_)) {
            self.send(from, Body::Ack(Ack { round: lead.round, at: lead.at, outcome }));
        }
        self.take_grant(lead.grant);
    }

    /// Appends entries after `prev`, if that is in the log. Entries already there stay: a message may be old. `None` for
    /// what no leader sends.
    fn accept(&mut self, prev: Position, entries: Vec<Entry<M::Command>>) -> Option<Outcome> {
        let base = self.log.base();
        if prev.index >= base.index && self.log.term(prev.index) != Some(prev.term) {
            let index = self.log.last_not_after(prev.index, prev.term);
            return Some(Outcome::Conflict(Position { term: self.log.term(index)?, index }));
        }
        let mut matched = prev.index;
        for entry in entries {
            matched += 1;
            if matched > base.index {
                self.accept_entry(matched, entry)?;
            }
        }
        Some(Outcome::Matched(matched))
    }

    fn accept_entry(&mut self, index: Index, entry: Entry<M::Command>) -> Option<()> {
        let is_sound = match &entry.payload {
            Payload::Members(members) => members.slots() == self.slots(),
            _ => true,
        };
        match self.log.term(index) {
            Some(term) if term == entry.term => return Some(()),
            Some(_) if index <= self.commit => return None,
            Some(_) => self.log.truncate_from(index),
            None => {}
        }
        is_sound.then(|| self.log.push(entry))
    }

    /// Takes the leader's state in place of a log that ends too early.
    pub(crate) fn install(&mut self, from: Slot, term: Term, snapshot: Snapshot<M>) {
        let Snapshot { lead, last, state } = snapshot;
        if !state.fits(self.slots()) || !self.hear_leader(from, term, &lead) {
            return;
        }
        if self.log.term(last.index) == Some(last.term) {
            self.commit_to(last.index);
        } else if last.index > self.commit {
            self.log = Log::new(last, state.members.clone());
            self.state = state;
            self.commit = last.index;
            self.give_up_settled();
        }
        let outcome = Outcome::Matched(last.index.max(self.commit));
        self.send(from, Body::Ack(Ack { round: lead.round, at: lead.at, outcome }));
        self.take_grant(lead.grant);
    }

    /// Whether the sender leads. One of an earlier term is told that its time is over.
    fn hear_leader(&mut self, from: Slot, term: Term, lead: &Lead) -> bool {
        if term < self.term {
            let outcome = Outcome::Matched(0);
            self.send(from, Body::Ack(Ack { round: lead.round, at: lead.at, outcome }));
        }
        if term < self.term || self.is_leader() {
            return false;
        }
        self.follow(Some(from));
        self.postpone_election();
        self.leader_heard_at = Some(self.now);
        self.timing.learn(lead.rtt);
        true
    }

    fn take_grant(&mut self, grant: Option<Grant>) {
        let Some(grant) = grant else { return };
        if grant.incarnation == self.incarnation {
            self.requests.grant(grant.upto, grant.index);
            self.answer_reads();
        }
    }
}
