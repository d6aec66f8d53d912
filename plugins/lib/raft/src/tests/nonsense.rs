//! Messages that no server sends: they must do no harm beyond being believed.

use crate::log::{Entry, Numbered, Payload, Position};
use crate::members::Members;
use crate::message::{Ack, Append, Body, Forward, Grant, Lead, Message, Outcome, Snapshot};
use crate::replicated::Replicated;
use crate::tests::simulation::Journal;
use crate::{Input, Raft};

/// The largest number that is let in.
const LARGE: u64 = 1 << 53;
const MOST: u64 = u64::MAX;

fn leader() -> Raft<Journal> {
    let mut server = Raft::new(0, 1);
    server.begin(5, 7);
    (0..5).for_each(|tick| drop(server.step(tick * 10, Input::Tick)));
    assert!(server.is_leader());
    server
}

fn follower() -> Raft<Journal> {
    let mut server = Raft::new(0, 3);
    server.begin(5, 7);
    server
}

fn lead(round: u64) -> Lead {
    let grant = Some(Grant { incarnation: 5, upto: round, index: round });
    Lead { round, at: round, commit: round, rtt: round, grant }
}

fn nonsense() -> Vec<Body<Journal>> {
    let mut bodies = Vec::new();
    let numbered = Numbered { slot: 99, incarnation: MOST, seq: MOST, low: MOST, command: 7 };
    let payloads = [Payload::Command(numbered), Payload::Members(Members::nobody(9)), Payload::Noop];
    for extreme in [0, 1, LARGE, MOST] {
        let position = Position { term: extreme, index: extreme };
        bodies.push(Body::AskVote { pre: true, last: position, at: extreme });
        bodies.push(Body::AskVote { pre: false, last: position, at: extreme });
        bodies.push(Body::Vote { pre: true, granted: true, at: extreme });
        bodies.push(Body::Vote { pre: false, granted: true, at: extreme });
        for outcome in [Outcome::Matched(extreme), Outcome::Conflict(position)] {
            bodies.push(Body::Ack(Ack { round: extreme, at: extreme, outcome }));
        }
        let commands = vec![(extreme, 1), (extreme, 2)];
        bodies.push(Body::Forward(Forward { low: extreme, commands, reads: Some(extreme) }));
        for slots in [0, 1, 3] {
            let state = Replicated::new(slots);
            bodies.push(Body::Snapshot(Snapshot { lead: lead(extreme), last: position, state }));
        }
        for payload in &payloads {
            let entries = vec![Entry { term: extreme, payload: payload.clone() }; 2];
            bodies.push(Body::Append(Append { lead: lead(extreme), prev: position, entries, ack: true }));
        }
    }
    bodies
}

#[test]
fn nonsense_never_panics() {
    for make in [leader, follower] {
        for term in [0, 1, 2, LARGE, MOST] {
            let mut server = make();
            for (number, payload) in nonsense().into_iter().enumerate() {
                let message = Message { incarnation: 9, term, payload };
                server.step(100 * number as u64, Input::Receive(1 + number % 3, message));
                server.step(100 * number as u64, Input::Tick);
            }
        }
    }
}
