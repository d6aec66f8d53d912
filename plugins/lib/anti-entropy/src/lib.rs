//! Anti-entropy for plugins whose state is a join-semilattice: every node soon has the join of what all nodes had.
//!
//! This is delta-state replication (Almeida, Shoker, Baquero: "Delta state replicated data types", 2018): a state is a
//! set of [`Part`]s, a node sends its peers the parts that changed, and a part that arrives twice, late, or out of order
//! does no harm because joins are idempotent, commutative and associative. What the parts mean is the plugin's business.
//!
//! **Promises** that a part is not lost while one node that has it lives, through partitions, loss, duplication,
//! reordering, pauses, clocks that jump, and restarts that lose all memory.
//!
//! **How**: a hub and its leaves. The hub is the first node in the cluster's order. Every node keeps its parts in a log.
//! A leaf sends the hub what is new every `interval-ms`, the hub sends each leaf what is new to it; each flush of a leaf
//! is timed to arrive just before the hub's, so that a part waits only once. `replica.rs` is the whole algorithm,
//! `link.rs` its knowledge of one peer, `replication.rs` runs it on a node.
//!
//! * There are no messages that only acknowledge. A batch says how far its sender has the receiver's log,
//!   and holds everything the receiver has not yet confirmed; so the next batch makes good for a lost one.
//! * Only when nothing has been confirmed for a second, or not all for four, does a sender ask, and ask again until it
//!   is answered.
//! * Each life of a node has a number. A node that sees a new one, or hears that a peer has less than it had, starts
//!   from the beginning: so a node that restarted with nothing gets everything.
//! * A node that gets no answer from the hub for four seconds turns to the next node in order, which then is hub for all
//!   that cannot reach the first; it goes on asking the first, and returns when that answers.
//!
//! **Costs**, with n nodes and an interval T: n−1 messages each T from the hub while there is anything new, and one each
//! T from every leaf that has something new. At rest, a question and its answer for each leaf every five seconds.

mod link;
mod log;
mod part;
mod replica;
mod replication;

pub use link::Batch;
pub use part::Part;
pub use replication::{Replicated, Replication, receive, start};
