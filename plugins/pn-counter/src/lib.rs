//! `pn-counter`: a counter that goes up and down; soon every node counts what all nodes were told to add.
//!
//! **Promises** that what was acknowledged is counted once, on every node, a few seconds after the network is whole
//! again, through partitions, loss, duplication, reordering, pauses and wrong clocks. An `add` is acknowledged and a
//! `read` is answered at once, whatever the network does. What only the killed node had counted dies with it: that is what
//! it acknowledged since its last flush, or while it was cut off. What a second node has, survives.
//!
//! **How**: the PN-Counter of Shapiro et al. ("A comprehensive study of convergent and commutative replicated data
//! types", 2011): each node sums up its own increments and decrements, two numbers that only grow; joining takes the
//! greater, the value is the sum of all increments less that of all decrements. A node that restarts without memory
//! begins a new pair, since the others may know more of the old one than it does. The crate `anti-entropy` sends the pairs
//! that changed.
//!
//! **Costs**, with n nodes and an interval T: n−1 messages each T from the hub, and one each T from every leaf that has
//! something new. An addition is counted everywhere after T + 2 latencies. For five nodes this is 1.8 messages per
//! operation at 5 operations a second, 0.17 at 100. Each restart of a node leaves one pair behind for good.
//!
//! Setting: `interval-ms`, the T above (default 500).

use std::num::NonZeroU32;

use anti_entropy::{Batch, Part, Replicated, Replication};
use guest_sdk::{Context, Error, ErrorCode, Handler, Migrate, Node, Origin, Result};
use serde::{Deserialize, Serialize};

/// Reads are fresh enough for people, and a node that is killed loses no more than half a second's additions.
const DEFAULT_INTERVAL_MS: NonZeroU32 = NonZeroU32::new(500).unwrap();

#[derive(Serialize, Deserialize)]
struct PnCounter {
    /// What this node was told to add in this life.
    own: Sums,
    replication: Replication<Sums>,
}

/// What one node was told to add in one life.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sums {
    /// The node's place in the cluster's order.
    node: usize,
    incarnation: u64,
    increments: u64,
    decrements: u64,
}

impl Part for Sums {
    type Key = (usize, u64);

    fn key(&self) -> (usize, u64) {
        (self.node, self.incarnation)
    }

    fn join(&mut self, other: &Sums) {
        self.increments = self.increments.max(other.increments);
        self.decrements = self.decrements.max(other.decrements);
    }
}

impl Sums {
    /// These sums and one addition more. An error if they cannot hold it.
    fn with(&self, delta: i64) -> Result<Sums> {
        let mut sums = self.clone();
        let sum = if delta < 0 { &mut sums.decrements } else { &mut sums.increments };
        *sum = sum
            .checked_add(delta.unsigned_abs())
            .ok_or_else(|| Error::new(ErrorCode::Abort, "more than this counter can count"))?;
        Ok(sums)
    }

    fn value(&self) -> i128 {
        i128::from(self.increments) - i128::from(self.decrements)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Add { delta: i64 },
    Read,
    Batch(Batch<Sums>),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    AddOk,
    ReadOk { value: i128 },
}

impl Handler for PnCounter {
    type Request = Request;
    type Response = Option<Response>;

    fn init(context: &Context) -> Result<Self> {
        let replication = Replication::new(context, DEFAULT_INTERVAL_MS)?;
        Ok(PnCounter { own: Sums::default(), replication })
    }

    fn start(node: &Node<Self>) {
        anti_entropy::start(node);
        let place = node.nodes().iter().take_while(|name| *name != node.id()).count();
        let PnCounter { own, replication } = &mut *node.state();
        *own = Sums { node: place, incarnation: replication.incarnation(), ..Sums::default() };
    }

    async fn handle(node: Node<Self>, request: Request, origin: Origin) -> Result<Option<Response>> {
        Ok(match request {
            Request::Add { delta } => {
                let PnCounter { own, replication } = &mut *node.state();
                *own = own.with(delta)?;
                replication.join(own.clone());
                Some(Response::AddOk)
            }
            Request::Read => {
                Some(Response::ReadOk { value: node.state().replication.parts().map(Sums::value).sum() })
            }
            Request::Batch(batch) => {
                anti_entropy::receive(&node, &origin, &batch)?;
                None
            }
        })
    }
}

impl Replicated for PnCounter {
    type Part = Sums;

    fn replication(&mut self) -> &mut Replication<Sums> {
        &mut self.replication
    }
}

impl Migrate for PnCounter {
    const VERSION: u32 = 1;

    /// The same life goes on, with what it was told to add.
    fn resume(node: &Node<Self>) {
        anti_entropy::start(node);
    }
}

guest_sdk::export!(PnCounter, migrate);

#[cfg(test)]
mod tests;
