//! What servers say to each other. Every message carries the sender's life and term.

use serde::{Deserialize, Serialize};

use crate::StateMachine;
use crate::log::{Entry, Index, Position, Term};
use crate::members::Incarnation;
use crate::replicated::Replicated;

/// A message from one server to another.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = ""))]
pub struct Message<M: StateMachine> {
    /// The life of the sender.
    pub incarnation: Incarnation,
    /// The sender's term.
    pub term: Term,
    /// What it says.
    pub payload: Body<M>,
}

/// No cluster lives long enough to count so far; above it, arithmetic might overflow.
const MOST: u64 = 1 << 53;

impl<M: StateMachine> Message<M> {
    /// Whether a server can have sent it. What is not is to be dropped.
    pub(crate) fn is_plausible(&self) -> bool {
        let index = match &self.payload {
            Body::Append(append) => append.prev.index,
            Body::Snapshot(snapshot) => snapshot.last.index,
            _ => 0,
        };
        self.term <= MOST && index <= MOST
    }
}

/// What a message says.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", bound(serialize = "", deserialize = ""))]
pub enum Body<M: StateMachine> {
    /// A candidate asks for a vote.
    AskVote {
        /// Whether it only asks who would vote for it in the term after this one (dissertation, §9.6).
        pre: bool,
        /// Where its log ends.
        last: Position,
        /// When it asked, by its own time.
        at: u64,
    },
    /// The answer.
    Vote {
        /// Whether it answers a pre-vote.
        pre: bool,
        /// Whether the vote is given.
        granted: bool,
        /// The `at` of the question.
        at: u64,
    },
    /// The leader's entries, or none.
    Append(Append<M::Command>),
    /// The leader's state, for a server that needs entries which are no longer kept.
    Snapshot(Snapshot<M>),
    /// The answer to both.
    Ack(Ack),
    /// A follower passes on what its clients want.
    Forward(Forward<M::Command>),
}

/// What an [`Append`] and a [`Snapshot`] have in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lead {
    /// Numbers what the leader sends; later is larger.
    pub round: u64,
    /// When it was sent, by the leader's time.
    pub at: u64,
    /// How far the log is committed.
    pub commit: Index,
    /// The round trip to the nearest majority in milliseconds: it sets the pace of everyone's timeouts.
    pub rtt: u64,
    /// Reads of the receiver that may be answered now.
    pub grant: Option<Grant>,
}

/// Entries to append.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Append<C> {
    /// The common part.
    pub lead: Lead,
    /// The position before the first entry.
    pub prev: Position,
    /// The entries.
    pub entries: Vec<Entry<C>>,
    /// Whether an answer is wanted even if all is well.
    pub ack: bool,
}

/// Everything up to a position.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = ""))]
pub struct Snapshot<M: StateMachine> {
    /// The common part.
    pub lead: Lead,
    /// The last entry that the state includes.
    pub last: Position,
    /// The state.
    pub state: Replicated<M>,
}

/// A follower's answer to its leader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ack {
    /// The round that is answered.
    pub round: u64,
    /// Its `at`.
    pub at: u64,
    /// How it went.
    pub outcome: Outcome,
}

/// How an append went.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The follower's log agrees with the leader's up to this index.
    Matched(Index),
    /// It does not have the position before the first entry. This one, its own, is the last that can be common to both
    /// logs by its index and term: so back-tracking takes one step (§5.3 of the paper).
    Conflict(Position),
}

/// Permission to answer reads: whoever has applied the log up to `index` sees everything that was acknowledged before
/// the reads with numbers up to `upto` began.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// The life whose reads these are.
    pub incarnation: Incarnation,
    /// The number of the last of them.
    pub upto: u64,
    /// The read index (dissertation, §6.4).
    pub index: Index,
}

/// What clients of the sender want.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Forward<C> {
    /// The smallest number of a command that the sender still waits for.
    pub low: u64,
    /// Commands by number.
    pub commands: Vec<(u64, C)>,
    /// All reads with numbers up to this one want a read index.
    pub reads: Option<u64>,
}
