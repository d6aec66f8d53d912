//! Rules that matter only in rare schedules, each shown on a server that is led there by hand.

use crate::log::{Entry, Payload, Position, Term};
use crate::members::{Incarnation, Members};
use crate::message::{Ack, Append, Body, Lead, Message, Outcome};
use crate::tests::simulation::Journal;
use crate::{Input, Raft, Slot};

const MY_LIFE: Incarnation = 10;

fn server() -> Raft<Journal> {
    let mut server = Raft::new(0, 3);
    server.begin(MY_LIFE, 7);
    server
}

/// The life of another node, until it is told otherwise.
fn life(slot: Slot) -> Incarnation {
    MY_LIFE + slot as u64
}

fn receive(
    server: &mut Raft<Journal>,
    from: Slot,
    incarnation: Incarnation,
    term: Term,
    payload: Body<Journal>,
) {
    server.step(server.now, Input::Receive(from, Message { incarnation, term, payload }));
}

fn vote(server: &mut Raft<Journal>, incarnation: Incarnation, pre: bool) {
    let (term, at) = (server.term, server.now);
    receive(server, 1, incarnation, term, Body::Vote { pre, granted: true, at });
}

fn tick(server: &mut Raft<Journal>) {
    server.step(server.now + 10, Input::Tick);
}

/// A log of so many entries of term 1, the first of which says that all three nodes are members.
fn fill_log(server: &mut Raft<Journal>, entries: usize) {
    let mut members = Members::nobody(3);
    (0..3).for_each(|slot| members.admit(slot, life(slot)));
    server.log.push(Entry { term: 1, payload: Payload::Members(members) });
    (1..entries).for_each(|_| server.log.push(Entry { term: 1, payload: Payload::Noop }));
    server.term = 1;
}

#[test]
fn a_founder_counts_only_lives_that_it_found_empty_before() {
    let mut server = server();
    tick(&mut server);
    vote(&mut server, life(1), true);
    tick(&mut server);
    vote(&mut server, 99, false);
    tick(&mut server);
    assert!(!server.is_leader() && server.term == 1);
    vote(&mut server, life(1), false);
    tick(&mut server);
    assert!(server.is_leader());
}

/// Figure 8 of the paper.
#[test]
fn an_entry_of_an_earlier_term_is_committed_only_with_one_of_the_leaders_own() {
    let mut server = server();
    fill_log(&mut server, 3);
    tick(&mut server);
    vote(&mut server, life(1), true);
    vote(&mut server, life(1), false);
    assert!(server.is_leader() && server.term == 2 && server.log.last().index == 4);
    for (matched, committed) in [(3, 0), (4, 4)] {
        let ack = Ack { round: 1, at: server.now, outcome: Outcome::Matched(matched) };
        receive(&mut server, 1, life(1), 2, Body::Ack(ack));
        assert_eq!(server.commit, committed);
    }
}

#[test]
fn an_acknowledgement_of_a_life_that_is_no_member_does_not_count() {
    let mut server = server();
    fill_log(&mut server, 1);
    tick(&mut server);
    vote(&mut server, life(1), true);
    vote(&mut server, life(1), false);
    for (incarnation, committed) in [(99, 0), (life(1), 2)] {
        let ack = Ack { round: 1, at: server.now, outcome: Outcome::Matched(2) };
        receive(&mut server, 1, incarnation, 2, Body::Ack(ack));
        assert_eq!(server.commit, committed);
    }
}

#[test]
fn a_follower_commits_no_further_than_its_log_is_known_to_agree() {
    let mut server = server();
    fill_log(&mut server, 5);
    let lead = Lead { round: 1, at: 0, commit: 5, rtt: 0, grant: None };
    let prev = Position { term: 1, index: 2 };
    receive(&mut server, 1, life(1), 2, Body::Append(Append { lead, prev, entries: Vec::new(), ack: true }));
    assert_eq!(server.commit, 2);
}
