//! A stream of changes from each node straight to each other one: in order, in batches, nothing acted on twice and
//! nothing past a gap. For plugins whose changes depend on earlier ones, or are meant for one peer only.
//!
//! A node keeps a list of the items that have changed, such as a register's key, with the latest change at the end. A
//! batch says which part of that list it covers, and holds what those items are *now*: as deltas in Almeida, Shoker and
//! Baquero, "Delta state replicated data types" (2018). Whoever takes a batch has everything before it, and so holds
//! what the sender held when it sent. The plugin decides what an item is and writes the batch's content;
//! [`Exchange`] decides to whom and when a batch goes, what it must cover, and whether one that came may be taken.
//!
//! * There are hardly any messages that only acknowledge. A batch says how far its sender has the receiver's list,
//!   and covers all that the receiver has not confirmed; so the next batch makes good for a lost one.
//! * A node sends a peer at most one batch each interval, and none when there is nothing to say. The first one after a
//!   rest goes at once. To a peer that confirms nothing for two seconds only one batch goes each second.
//! * Each life of a node has a number. A peer that shows a new one has lost its memory, and gets everything.
//! * Time is counted in intervals that passed, not read from a clock: clocks that jump do no harm.

mod changes;
mod exchange;
mod link;
mod replicate;

pub use changes::Audience;
pub use exchange::{Exchange, Receipt};
pub use link::{Ack, Header};
pub use replicate::{Replica, peer, start};
