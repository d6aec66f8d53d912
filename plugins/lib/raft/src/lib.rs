//! Raft (Ongaro and Ousterhout, 2014; Ongaro's dissertation, 2014) for servers without storage: a replicated state
//! machine that is linearizable whatever the network and the clocks do. [`Raft`] is sans-I/O, `(now, input) → outputs`;
//! [`server`] runs it on a node of the SDK.
//!
//! # Promises
//!
//! Commands take effect once and in one order, and reads see everything acknowledged before they began, under
//! partitions, one-way cuts, loss, duplication, reordering, pauses and wrong clocks. A command is refused with
//! [`Refusal::Unavailable`] only if it was never sent anywhere, so it certainly never takes effect.
//!
//! # Restarts
//!
//! A node that restarts has forgotten its votes and its log. So a restarted node is *another server*: each life of a
//! node has a random [`Incarnation`], messages carry it, and the log says which lives may vote ([`Members`]). The leader
//! replaces a life by its successor through membership changes (dissertation, chapter 4). The first entry of the first
//! leader names the lives that elected it; there is no other bootstrap.
//!
//! No algorithm without storage can tell a first start from one after everybody has forgotten everything. What holds is:
//! **nothing acknowledged is lost if no node is killed before the founding entry is committed, a few round trips after
//! the start, and from then on fewer than a majority of nodes are without memory at any one time**: killed and not yet
//! readmitted, or never reached since the start. The reason: a server with an empty log becomes leader only with
//! the votes of a majority of lives with empty logs that had all been found empty in a pre-vote before. At the moment
//! between these two rounds all of them were without memory together, which is excluded once the cluster is founded; and
//! elections with a log count members only. If more are lost at once the cluster stops for good or starts anew, empty.
//!
//! The price is small: a node counts towards majorities only once a leader has reached it.
//!
//! # How
//!
//! * Pre-vote, so that a server that was cut off does not disturb; a leader without a majority resigns (check quorum).
//! * A follower passes commands and reads on to the leader. It learns the outcome from its own copy of the state: what
//!   comes back is the commit index, no result. It repeats what is not answered; numbers make that harmless.
//! * Reads append nothing: the leader confirms its office with one round of messages for all reads that wait (read
//!   index, dissertation §6.4); the follower answers from its own state.
//! * The leader sends to the nearest bare majority first; the others get entries with the next heartbeat, or at once when
//!   an answer is overdue. Batches are spaced by a quarter of the round trip and not held up by outstanding ones.
//! * Applied entries are dropped but for the last [`KEPT_ENTRIES`]; a server that needs older ones gets the state.
//!
//! # Costs
//!
//! With n nodes and an idle network, a command or read of a follower's client takes 2⌊n/2⌋ + 2 messages, of the
//! leader's client 2⌊n/2⌋; with load, many share them. At rest 2(n − 1) a heartbeat.

#![deny(missing_docs)]

mod core;
mod election;
mod leader;
mod log;
mod members;
mod message;
mod replicated;
mod replication;
mod requests;
pub mod server;
mod timing;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::core::{Input, KEPT_ENTRIES, Output, Raft, Refusal, Ticket};
pub use crate::members::{Incarnation, Members, Slot};
pub use crate::message::Message;
pub use crate::timing::Millis;

/// What is replicated. It must be deterministic: the same commands in the same order give the same state and answers.
pub trait StateMachine: Clone + Default + Serialize + DeserializeOwned + Send + 'static {
    /// What changes the state.
    type Command: Clone + Serialize + DeserializeOwned + Send + 'static;
    /// What only looks at it.
    type Query: Serialize + DeserializeOwned + Send + 'static;
    /// What comes out of both.
    type Answer: Send + 'static;

    /// Carries out a command.
    fn apply(&mut self, command: &Self::Command) -> Self::Answer;

    /// Answers a query.
    fn query(&self, query: &Self::Query) -> Self::Answer;
}
