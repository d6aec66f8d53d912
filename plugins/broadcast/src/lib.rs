//! `broadcast`: every value that a client gives to one node is soon known to all.
//!
//! **Promises** that an acknowledged value is not lost while one node that has it lives, through partitions, loss,
//! duplication, reordering, and restarts that lose all memory. A `broadcast` is acknowledged and a `read` is answered
//! at once, whatever the network does.
//!
//! **How**: a hub and its leaves, which send each other what is new every `interval-ms`; the crate `anti-entropy` tells
//! the details. `topology` is only advice and is not taken.
//!
//! **Costs**, with n nodes and an interval T: n−1 messages each T from the hub, and one each T from every leaf that has
//! something new. For 25 nodes, 100 ms latency and 100 operations a second, half of them reads, this is 2.9 messages
//! per operation with the default T = 100 ms, and a value is everywhere after T + 2 latencies and a margin of T / 10, at
//! most 100 ms. T = 1000 ms makes it 0.55, and 1300 ms. Nodes that are scheduled up to 50 ms late add 200 ms at most as
//! long as the margin lasts, and T where it does not. The tests measure these figures.
//!
//! Setting: `interval-ms`, the T above (default 100).

use std::num::NonZeroU32;

use anti_entropy::{Batch, Replicated, Replication};
use guest_sdk::{Context, Handler, Migrate, Node, Origin, Result};
use serde::{Deserialize, Serialize};

/// Keeps the slowest value under 600 ms at 100 ms latency (Gossip Glomers 3d) even if a leaf and the hub are both scheduled
/// 50 ms late, twice each: a value that just misses the leaf's flush, and with it the hub's, takes two intervals, two
/// latencies and these four delays, 600 ms, and no value has such bad luck in all of them.
const DEFAULT_INTERVAL_MS: NonZeroU32 = NonZeroU32::new(100).unwrap();

#[derive(Serialize, Deserialize)]
struct Broadcast {
    /// The values, a set that only grows.
    replication: Replication<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Topology {},
    Broadcast { message: i64 },
    Read,
    Batch(Batch<i64>),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "so Maelstrom calls its answers")]
enum Response {
    TopologyOk,
    BroadcastOk,
    ReadOk { messages: Vec<i64> },
}

impl Handler for Broadcast {
    type Request = Request;
    type Response = Option<Response>;

    fn init(context: &Context) -> Result<Self> {
        Ok(Broadcast { replication: Replication::new(context, DEFAULT_INTERVAL_MS)? })
    }

    fn start(node: &Node<Self>) {
        anti_entropy::start(node);
    }

    async fn handle(node: Node<Self>, request: Request, origin: Origin) -> Result<Option<Response>> {
        Ok(match request {
            Request::Topology {} => Some(Response::TopologyOk),
            Request::Broadcast { message } => {
                node.state().replication.join(message);
                Some(Response::BroadcastOk)
            }
            Request::Read => {
                Some(Response::ReadOk { messages: node.state().replication.parts().copied().collect() })
            }
            Request::Batch(batch) => {
                anti_entropy::receive(&node, &origin, &batch)?;
                None
            }
        })
    }
}

impl Replicated for Broadcast {
    type Part = i64;

    fn replication(&mut self) -> &mut Replication<i64> {
        &mut self.replication
    }
}

/// A predecessor may have been `broadcast-flood`: the two count their forms together.
impl Migrate for Broadcast {
    const VERSION: u32 = 2;

    fn convert(context: &Context, version: u32, saved: &str) -> Result<Self> {
        /// What `broadcast-flood` knows. Whom it had still to tell what does not matter here: every peer is told all.
        #[derive(Deserialize)]
        struct Flood {
            values: Vec<i64>,
        }
        if version != 1 {
            return Err(guest_sdk::unknown_version::<Self>(version));
        }
        let mut broadcast = Broadcast::init(context)?;
        let Flood { values } = guest_sdk::from_saved(saved)?;
        values.into_iter().for_each(|value| broadcast.replication.join(value));
        Ok(broadcast)
    }
}

guest_sdk::export!(Broadcast, migrate);

#[cfg(test)]
mod tests;
