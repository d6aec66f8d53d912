//! `g-set`: a set that only grows; an element that one node acknowledged is soon in the set of every node.
//!
//! **Promises** that an acknowledged element is not lost while one node that has it lives, through partitions, loss,
//! duplication, reordering, pauses, wrong clocks, and restarts that lose all memory. An `add` is acknowledged and a
//! `read` is answered at once, whatever the network does; so an element is lost if its node is killed before the next
//! flush, within `interval-ms`, or if all nodes that have it are killed together.
//!
//! **How**: a state-based CRDT whose join is the union (Shapiro et al.: "A comprehensive study of convergent and
//! commutative replicated data types", 2011), sent in deltas by the crate `anti-entropy`, as `broadcast` is.
//!
//! **Costs**, with n nodes and an interval T: n−1 messages each T from the hub, and one each T from every leaf that has
//! something new. An element is everywhere after T + 2 latencies. For five nodes this is 1.9 messages per operation
//! at 5 operations a second, 0.26 at 100.
//!
//! Setting: `interval-ms`, the T above (default 320).

use std::num::NonZeroU32;

use anti_entropy::{Batch, Replicated, Replication};
use guest_sdk::{Context, Handler, Migrate, Node, Origin, Result};
use serde::{Deserialize, Serialize};

/// A node that is killed loses no more than a third of a second's elements.
const DEFAULT_INTERVAL_MS: NonZeroU32 = NonZeroU32::new(320).unwrap();

#[derive(Serialize, Deserialize)]
struct GSet {
    replication: Replication<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Add { element: i64 },
    Read,
    Batch(Batch<i64>),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    AddOk,
    ReadOk { value: Vec<i64> },
}

impl Handler for GSet {
    type Request = Request;
    type Response = Option<Response>;

    fn init(context: &Context) -> Result<Self> {
        Ok(GSet { replication: Replication::new(context, DEFAULT_INTERVAL_MS)? })
    }

    fn start(node: &Node<Self>) {
        anti_entropy::start(node);
    }

    async fn handle(node: Node<Self>, request: Request, origin: Origin) -> Result<Option<Response>> {
        Ok(match request {
            Request::Add { element } => {
                node.state().replication.join(element);
                Some(Response::AddOk)
            }
            Request::Read => {
                Some(Response::ReadOk { value: node.state().replication.parts().copied().collect() })
            }
            Request::Batch(batch) => {
                anti_entropy::receive(&node, &origin, &batch)?;
                None
            }
        })
    }
}

impl Replicated for GSet {
    type Part = i64;

    fn replication(&mut self) -> &mut Replication<i64> {
        &mut self.replication
    }
}

impl Migrate for GSet {
    const VERSION: u32 = 1;
}

guest_sdk::export!(GSet, migrate);

#[cfg(test)]
mod tests;
