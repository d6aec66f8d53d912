//! `kafka`: append-only logs, one for each key, with offsets 0, 1, 2, … and no gaps.
//!
//! **Promises** one order of messages for each key, the same on all nodes: what a node shows of a log always is a
//! beginning of it, so a poll never skips a message and never takes one back. A message gets one offset, however often
//! the network loses or repeats it. Committed offsets only grow. This holds under partitions (one-way ones too), loss,
//! duplication, slow links, pauses, and clocks that jump; polls and commits are answered at once whatever the network
//! does. A `send` needs the owner of its key: while that cannot be reached the client waits, for 4 s at most; then it is
//! told that the outcome is not known (error 0), and its message may still appear.
//!
//! **Does not survive** the loss of a node's memory (`--nemesis kill`): a log has one owner, and what the owner forgets
//! is lost, though it was acknowledged; its offsets are given a second time. Where that matters there is
//! `kafka-lin-kv`, which costs far more.
//!
//! **How**: each key has an owner, chosen by a hash of its name, which alone appends to its log. `broker.rs` is the
//! whole algorithm.
//!
//! * A node sends what its clients append to foreign logs to their owners, with a ticket, and answers the client when
//!   the owner has told the offset. An owner takes the tickets of a node in order and each only once.
//! * An owner tells all nodes what it appends, in order. All nodes keep copies of all logs, from which they answer
//!   polls.
//! * A commit is acknowledged at once and told to all nodes, where the highest offset counts.
//! * All that goes in the batches that each node sends each other at most once an interval, see `delta-stream`.
//!
//! **Costs**, with n nodes and an interval T, at most n·(n−1) messages each T, none when there is nothing new. A `send`
//! to a foreign log takes up to two network latencies if its owner rests, and up to 2 T more, T on average, if both
//! nodes are busy; all else takes no time. In challenge 5c, with 2 nodes and T = 50 ms, this is 0.10 messages per
//! operation; a longer T makes it hardly less, because Maelstrom's four clients then wait more and do less. With one
//! owner, whose clients never wait, it is 0.04.
//!
//! Settings: `interval-ms`, the T above (default 50); `owners`, how many nodes own logs, counted from the first
//! (default all).

mod broker;
mod patience;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use delta_stream::{Exchange, Header, Replica};
use guest_sdk::{
    Context, Deferred, Error, ErrorCode, Handler, Migrate, Node, Notify, Origin, RequestId, Result,
};
use serde::{Deserialize, Serialize};

use broker::{Broker, Change, Item, Placement, Ticket};

const DEFAULT_INTERVAL_MS: NonZeroU32 = NonZeroU32::new(50).unwrap();

#[derive(Serialize, Deserialize)]
struct Kafka {
    broker: Broker,
    /// Clients whose messages are at a foreign owner: which one, and how to answer.
    waiting: BTreeMap<Ticket, (usize, Deferred<Response>)>,
    /// Tells that a client waits where none did.
    #[serde(skip)]
    first_waits: Notify,
    interval: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Send { key: String, msg: i64 },
    Poll { offsets: BTreeMap<String, u64> },
    CommitOffsets { offsets: BTreeMap<String, u64> },
    ListCommittedOffsets { keys: Vec<String> },
    Batch(Batch),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    SendOk { offset: u64 },
    PollOk { msgs: BTreeMap<String, Vec<(u64, i64)>> },
    CommitOffsetsOk,
    ListCommittedOffsetsOk { offsets: BTreeMap<String, u64> },
}

/// The changes that the receiver has not confirmed.
#[derive(Serialize, Deserialize)]
struct Batch {
    header: Header,
    changes: Vec<Change>,
}

/// What nodes send each other.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Gossip {
    Batch(Batch),
}

impl Handler for Kafka {
    type Request = Request;
    type Response = Option<Response>;

    fn init(context: &Context) -> Result<Self> {
        context.settings.expect_only(&["interval-ms", "owners"])?;
        let interval_ms: u64 = context.settings.get_or("interval-ms", DEFAULT_INTERVAL_MS)?.get().into();
        let me = context.node_ids.iter().take_while(|name| **name != context.node_id).count();
        let owners = context.settings.get_or("owners", NonZeroU32::MAX)?;
        let broker = Broker::new(me, context.node_ids.len(), owners, interval_ms);
        let interval = Duration::from_millis(interval_ms);
        Ok(Kafka { broker, waiting: BTreeMap::new(), first_waits: Notify::default(), interval })
    }

    fn start(node: &Node<Self>) {
        let interval = node.state().interval;
        delta_stream::start(node, interval);
        node.spawn(patience::answer_in_time(node.clone()));
    }

    async fn handle(node: Node<Self>, request: Request, origin: Origin) -> Result<Option<Response>> {
        let mut state = node.state();
        Ok(match request {
            Request::Send { key, msg } => state.send(&key, msg, &origin),
            Request::Poll { offsets } => Some(Response::PollOk { msgs: state.broker.poll(offsets) }),
            Request::CommitOffsets { offsets } => {
                state.broker.commit(&offsets);
                Some(Response::CommitOffsetsOk)
            }
            Request::ListCommittedOffsets { keys } => {
                Some(Response::ListCommittedOffsetsOk { offsets: state.broker.committed(keys) })
            }
            Request::Batch(batch) => {
                state.receive(delta_stream::peer(&node, &origin)?, batch);
                None
            }
        })
    }

    /// Only a node that was swapped meanwhile lets a client wait for so long.
    fn expired(node: &Node<Self>, request: RequestId) {
        node.state().waiting.retain(|_, (_, client)| client.request() != Some(request));
    }
}

impl Migrate for Kafka {
    const VERSION: u32 = 1;
}

guest_sdk::export!(Kafka, migrate);

impl Kafka {
    fn send(&mut self, key: &str, message: i64, origin: &Origin) -> Option<Response> {
        match self.broker.send(key, message) {
            Placement::Here { offset } => Some(Response::SendOk { offset }),
            Placement::Forwarded { owner, ticket } => {
                if self.waiting.is_empty() {
                    self.first_waits.notify();
                }
                self.waiting.insert(ticket, (owner, origin.defer()));
                None
            }
        }
    }

    fn receive(&mut self, peer: usize, batch: Batch) {
        let receipt = self.broker.exchange.receive(peer, &batch.header);
        if receipt.is_reborn {
            self.broker.forget(peer);
            let lost = self.waiting.extract_if(.., |_, (owner, _)| *owner == peer);
            lost.for_each(|(_, (_, client))| client.answer(Err(owner_died())));
        }
        if !receipt.is_next {
            return;
        }
        for change in batch.changes {
            let Some((ticket, offset)) = self.broker.apply(peer, change) else { continue };
            if let Some((_, client)) = self.waiting.remove(&ticket) {
                client.answer(Ok(Response::SendOk { offset }));
            }
        }
    }
}

impl Replica for Kafka {
    type Item = Item;
    type Batch = Gossip;

    fn exchange(&mut self) -> &mut Exchange<Item> {
        &mut self.broker.exchange
    }

    fn batch(&mut self, peer: usize) -> Gossip {
        let changes = self.broker.changes(peer);
        Gossip::Batch(Batch { header: self.broker.exchange.header(peer), changes })
    }
}

fn no_offset_in_time() -> Error {
    Error::new(
        ErrorCode::Timeout,
        "the owner of the key has not told the offset; the message may still get one",
    )
}

fn owner_died() -> Error {
    Error::new(ErrorCode::Crash, "the owner of the key has lost its memory; the message may have been in it")
}

#[cfg(test)]
mod tests;
