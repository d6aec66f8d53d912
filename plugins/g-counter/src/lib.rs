//! `g-counter`: a counter that only grows, kept in `seq-kv`, which may answer from the past (spec §8.3).
//!
//! **Promises** that an acknowledged addition is in the store and counted exactly once, and that a read counts every
//! addition acknowledged anywhere more than `max-staleness-ms` before, and all of its own node's. This holds whatever
//! happens to the nodes and the network between them: partitions, loss, pauses, wrong clocks, and restarts of any or all
//! nodes without memory. Nodes send each other nothing; only `seq-kv` has to live. If that does not answer, a client is told
//! after 4.4 s that the outcome is not known (error 0); its addition is made as soon as it can be.
//!
//! **How**: each node keeps its own total under its own name, and the counter is the sum of these. So there is one writer
//! for each key, and never a conflict with another node. What else can go wrong:
//!
//! * *A write without an answer*, which may have happened or may happen yet. So a total carries the name of the write
//!   that made it, and is written by compare-and-set from the one before: the same write can be repeated until it
//!   succeeds, or until the total bears its name, and it happens once. A write that a node sent before it lost its memory
//!   fails if it comes after a newer one, and is built upon if it comes before.
//! * *Stale reads.* A compare-and-set that really changes something (an identical one may be answered from the past)
//!   brings its sender up to date. Every write here makes a total of a new name, so a write, of nothing if need be, and
//!   then a read of the other totals sees all that was in the store when the write began.
//!
//! **Costs**: no addition waits to be batched, but those that come while a write is under way go with the next. An addition
//! alone takes one round trip to the store, 2 messages. For n nodes, 2n messages and two round trips bring a
//! node's view up to date, at most once each `max-staleness-ms`, and only if someone reads. An idle cluster is silent.
//! In Gossip Glomers 4, three nodes at 100 operations a second, this is 0.72 messages per operation; with 25 nodes, which
//! each look at 24 others, it is 11.
//!
//! Setting: `max-staleness-ms` (default 1000); 0 makes every read see all that was acknowledged before it.

mod ledger;
mod store;

use std::time::Duration;

use guest_sdk::{Context, Handler, Migrate, Node, Origin, PATIENCE, Result};
use serde::{Deserialize, Serialize};

use ledger::Ledger;

/// Far less than the time that Maelstrom waits before it reads for the last time.
const DEFAULT_MAX_STALENESS_MS: u32 = 1000;

#[derive(Serialize, Deserialize)]
struct GCounter {
    ledger: Ledger,
    max_staleness: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    /// With 32 bits at most, additions cannot overflow a total within four billion of them.
    Add {
        delta: u32,
    },
    Read,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    AddOk,
    ReadOk { value: u128 },
}

impl Handler for GCounter {
    type Request = Request;
    type Response = Response;

    fn init(context: &Context) -> Result<Self> {
        context.settings.expect_only(&["max-staleness-ms"])?;
        let max_staleness_ms: u32 = context.settings.get_or("max-staleness-ms", DEFAULT_MAX_STALENESS_MS)?;
        let max_staleness = Duration::from_millis(max_staleness_ms.into());
        Ok(GCounter { ledger: Ledger::default(), max_staleness })
    }

    fn start(node: &Node<Self>) {
        // 53 bits, so that any JSON parser on the way keeps them.
        let life = node.random() >> 11;
        node.spawn(store::keep_committing(node.clone(), life));
        node.spawn(store::keep_viewing(node.clone()));
    }

    async fn handle(node: Node<Self>, request: Request, _: Origin) -> Result<Response> {
        Ok(match request {
            Request::Add { delta: 0 } => Response::AddOk,
            Request::Add { delta } => {
                node.timeout(PATIENCE, store::commit(&node, delta)).await?;
                Response::AddOk
            }
            Request::Read => {
                node.timeout(PATIENCE, store::view(&node)).await?;
                Response::ReadOk { value: node.state().ledger.value() }
            }
        })
    }
}

impl Migrate for GCounter {
    const VERSION: u32 = 1;

    /// The timer that would have told that the last view is too old has ended.
    fn resume(node: &Node<Self>) {
        node.state().ledger.expire_view();
        Self::start(node);
    }
}

guest_sdk::export!(GCounter, migrate);

#[cfg(test)]
mod tests;
