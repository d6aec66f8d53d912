//! `broadcast`: every value that a client gives to one node is soon known to all.
//!
//! **Promises** that an acknowledged value is not lost while one node that has it lives, through partitions, loss,
//! duplication, reordering, and restarts that lose all memory. A `broadcast` is acknowledged and a `read` is answered
//! at once, whatever the network does.
//!
//! **How**: a hub and its leaves. The hub is the first node in the cluster's order; `topology` is only advice and is not
//! taken. Every node keeps its values in a log. A leaf sends the hub what is new every `interval-ms`, the hub sends each
//! leaf what is new to it; each flush of a leaf is timed to arrive just before the hub's, so that a value waits only
//! once. `replica.rs` is the whole algorithm, `link.rs` its knowledge of one peer.
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
//! **Costs**, with n nodes and an interval T: n−1 messages each T from the hub, and one each T from every leaf that has
//! something new. For 25 nodes, 100 ms latency and 100 operations a second, half of them reads, this is 1.16 messages
//! per operation with the default T = 320 ms, and a value is everywhere after T + 2 latencies, 520 ms, at most.
//! T = 1500 ms makes it 0.38, and 1700 ms. The tests measure these figures.
//!
//! Setting: `interval-ms`, the T above (default 320).

mod link;
mod log;
mod replica;

use std::num::NonZeroU32;
use std::time::Duration;

use guest_sdk::{Context, Error, ErrorCode, Handler, Node, Notify, Origin, Result};
use serde::{Deserialize, Serialize};

use link::Batch;
use replica::Replica;

/// Keeps the slowest value under 600 ms at 100 ms latency (Gossip Glomers 3d), with room to spare.
const DEFAULT_INTERVAL_MS: NonZeroU32 = NonZeroU32::new(320).unwrap();

struct Broadcast {
    replica: Replica,
    /// Wakes [`replicate`] when something may be due sooner than it was.
    replan: Notify,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Topology {},
    Broadcast { message: i64 },
    Read,
    Batch(Batch),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "so Maelstrom calls its answers")]
enum Response {
    TopologyOk,
    BroadcastOk,
    ReadOk { messages: Vec<i64> },
}

/// What nodes send each other.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Gossip<'b> {
    Batch(&'b Batch),
}

impl Handler for Broadcast {
    type Request = Request;
    type Response = Option<Response>;

    fn init(context: &Context) -> Result<Self> {
        context.settings.expect_only(&["interval-ms"])?;
        let interval_ms = context.settings.get_or("interval-ms", DEFAULT_INTERVAL_MS)?;
        let me = context.node_ids.iter().take_while(|name| **name != context.node_id).count();
        let replica = Replica::new(me, context.node_ids.len(), interval_ms.get().into());
        Ok(Broadcast { replica, replan: Notify::default() })
    }

    fn start(node: &Node<Self>) {
        // 53 bits, so that any JSON parser on the way keeps them.
        node.state().replica.start(node.random() >> 11, now_ms(node));
        if node.peers().next().is_some() {
            node.spawn(replicate(node.clone()));
        }
    }

    async fn handle(node: Node<Self>, request: Request, origin: Origin) -> Result<Option<Response>> {
        let Broadcast { replica, replan } = &mut *node.state();
        Ok(match request {
            Request::Topology {} => Some(Response::TopologyOk),
            Request::Broadcast { message } => {
                replica.add(message);
                Some(Response::BroadcastOk)
            }
            Request::Read => Some(Response::ReadOk { messages: replica.values().to_vec() }),
            Request::Batch(batch) => {
                let peer = node.nodes().iter().position(|name| name == origin.src()).ok_or_else(stranger)?;
                let planned = replica.next_due();
                if let Some(answer) = replica.receive(peer, &batch, now_ms(&node)) {
                    node.send(origin.src(), &Gossip::Batch(&answer));
                }
                if replica.next_due() < planned {
                    replan.notify();
                }
                None
            }
        })
    }
}

guest_sdk::export!(Broadcast);

/// Sends what is due, for as long as the node lives.
async fn replicate(node: Node<Broadcast>) {
    let replan = node.state().replan.clone();
    loop {
        let replanned = replan.changed();
        let now = now_ms(&node);
        let due = node.state().replica.due(now);
        for (peer, batch) in due {
            node.send(&node.nodes()[peer], &Gossip::Batch(&batch));
        }
        let wait = node.state().replica.next_due().saturating_sub(now).max(1);
        // Either way there is a new plan; a timeout is no failure here.
        let _ = node.timeout(Duration::from_millis(wait), replanned).await;
    }
}

fn now_ms(node: &Node<Broadcast>) -> u64 {
    u64::try_from(node.now().as_millis()).unwrap_or(u64::MAX)
}

fn stranger() -> Error {
    Error::new(ErrorCode::MalformedRequest, "only nodes of this cluster send batches")
}

#[cfg(test)]
mod tests;
