//! Elections (§5.2 and §5.4.1 of the paper) with pre-votes (dissertation, §9.6), and the founding of a cluster by servers
//! that know nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::StateMachine;
use crate::core::{Raft, Role};
use crate::leader::Leadership;
use crate::log::{Entry, Payload, Position, Term};
use crate::members::{Incarnation, Members, Slot};
use crate::message::Body;
use crate::timing::{Millis, smoothed};

/// A candidate's votes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ballot {
    /// Whether it only asks who would vote.
    pre: bool,
    votes: BTreeMap<Slot, Incarnation>,
    /// Who has answered, for or against.
    answered: Vec<bool>,
    /// At the founding: the lives that had empty logs in the pre-vote. Only they count.
    electorate: Option<BTreeMap<Slot, Incarnation>>,
    asked_at: Millis,
    rtt_ms: Option<Millis>,
}

impl<M: StateMachine> Raft<M> {
    /// Asks who would vote. Servers that are no members do not stand, except to found the cluster.
    pub(crate) fn stand_for_election(&mut self) {
        self.postpone_election();
        if self.is_member() || self.log.is_empty() {
            self.begin_ballot(true, None);
        }
    }

    fn begin_ballot(&mut self, pre: bool, electorate: Option<BTreeMap<Slot, Incarnation>>) {
        let votes = BTreeMap::from([(self.me, self.incarnation)]);
        let mut answered = vec![false; self.slots()];
        answered[self.me] = true;
        let asked_at = self.now;
        self.role = Role::Candidate(Ballot { pre, votes, answered, electorate, asked_at, rtt_ms: None });
        self.ask_for_votes();
    }

    /// Asks those who have not answered.
    fn ask_for_votes(&mut self) {
        let Role::Candidate(ballot) = &mut self.role else { return };
        ballot.asked_at = self.now;
        let pre = ballot.pre;
        let silent: Vec<Slot> = (0..ballot.answered.len()).filter(|&slot| !ballot.answered[slot]).collect();
        for slot in silent {
            self.send(slot, Body::AskVote { pre, last: self.log.last(), at: self.now });
        }
    }

    /// A vote is given to one candidate a term whose log is as up to date as one's own. A pre-vote binds nobody, is
    /// refused as long as there is a leader, and holds nobody up: who asks may be deaf to the answer.
    pub(crate) fn consider_vote(
        &mut self,
        candidate: (Slot, Incarnation),
        term: Term,
        pre: bool,
        last: Position,
        at: Millis,
    ) {
        let up_to_date = term == self.term && last.is_at_least_as_up_to_date_as(self.log.last());
        let granted = up_to_date
            && match pre {
                true => !self.has_leader(),
                false => self.voted_for.is_none_or(|voted_for| voted_for == candidate),
            };
        if granted && !pre {
            self.voted_for = Some(candidate);
            self.follow(None);
            self.postpone_election();
        }
        self.send(candidate.0, Body::Vote { pre, granted, at });
    }

    /// Whether a leader was heard less than the shortest election timeout ago.
    fn has_leader(&self) -> bool {
        let heard_lately =
            self.leader_heard_at.is_some_and(|heard_at| self.now - heard_at < self.timing.election());
        self.is_leader() || heard_lately
    }

    pub(crate) fn count_vote(
        &mut self,
        voter: (Slot, Incarnation),
        term: Term,
        pre: bool,
        granted: bool,
        at: Millis,
    ) {
        let (now, current) = (self.now, self.term);
        let Role::Candidate(ballot) = &mut self.role else { return };
        if ballot.pre != pre || term != current {
            return;
        }
        ballot.answered[voter.0] = true;
        let sample_ms = now.saturating_sub(at);
        ballot.rtt_ms = Some(smoothed(ballot.rtt_ms, sample_ms));
        let entitled =
            ballot.electorate.as_ref().is_none_or(|electorate| electorate.get(&voter.0) == Some(&voter.1));
        if granted && entitled {
            ballot.votes.insert(voter.0, voter.1);
        }
        if sample_ms > self.timing.rtt() {
            // On a slow network a ballot takes longer than was thought.
            self.timing.learn(sample_ms);
            self.postpone_election();
        }
        // A founder waits for the next tick, so that it finds more founders than the bare majority.
        if !self.log.is_empty() {
            self.conclude_ballot();
        }
    }

    /// At each tick of a candidate.
    pub(crate) fn continue_election(&mut self) {
        self.conclude_ballot();
        let Role::Candidate(ballot) = &self.role else { return };
        if self.now >= self.election_due {
            self.stand_for_election();
        } else if self.now - ballot.asked_at >= self.timing.overdue() {
            self.ask_for_votes();
        }
    }

    /// Goes on to the real vote, or to govern, once there is a majority.
    fn conclude_ballot(&mut self) {
        let founding = self.log.is_empty();
        let Role::Candidate(ballot) = &self.role else { return };
        let members = self.log.members();
        let won = match founding {
            true => ballot.votes.len() >= members.quorum(),
            false => members.is_quorum(|slot| ballot.votes.get(&slot).copied()),
        };
        if !won {
            return;
        }
        let (pre, votes, rtt_ms) = (ballot.pre, ballot.votes.clone(), ballot.rtt_ms);
        if pre {
            self.term += 1;
            self.voted_for = Some((self.me, self.incarnation));
            self.begin_ballot(false, founding.then_some(votes));
        } else {
            self.govern(founding.then_some(votes), rtt_ms);
        }
    }

    /// Becomes leader. Its first entry commits what predecessors left; that of the founder names the members.
    fn govern(&mut self, founders: Option<BTreeMap<Slot, Incarnation>>, rtt_ms: Option<Millis>) {
        let payload = match founders {
            None => Payload::Noop,
            Some(founders) => {
                let mut members = Members::nobody(self.slots());
                founders.into_iter().for_each(|(slot, incarnation)| members.admit(slot, incarnation));
                Payload::Members(members)
            }
        };
        if let Some(rtt_ms) = rtt_ms {
            self.timing.learn(rtt_ms);
        }
        let next = self.log.last().index + 1;
        self.role = Role::Leader(Leadership::new(self.slots(), next, self.now));
        self.log.push(Entry { term: self.term, payload });
        self.tell_everyone();
    }
}
