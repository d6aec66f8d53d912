//! `kafka-lin-kv`: append-only logs, one for each key, kept in the linearizable store. The textbook version of `kafka`.
//!
//! **Promises** what `kafka` does, and more: whoever polls sees every message that was acknowledged before, on any
//! node; and as nodes keep nothing but hints, acknowledged messages and offsets survive even if all nodes lose their
//! memory. A node needs the store, and no other node. If that does not answer, a client is told after 4.4 s that the outcome
//! is not known (error 0), and nothing more is tried for it.
//!
//! **How**: each message has an entry of its own in `lin-kv`, at its key and offset, that is written once.
//!
//! * `send` puts the message into the first entry that is free, by compare-and-set: it takes the next offset until one
//!   succeeds. So there are no gaps and no two messages at one offset. An entry holds a number drawn for its `send`, so
//!   that one that tries again, because the store's answer did not come, recognises its own.
//! * `poll` reads entries from the offset asked for until one is missing.
//! * `commit_offsets` raises an entry for the key, by compare-and-set.
//!
//! **Costs** two messages for each entry tried or read: 2 for a `send` where nobody else appends, 2 for each key that
//! is polled and 2 for each message returned, 2 to 4 for each key committed. In challenge 5b, with 2 nodes, that is
//! about 11 messages per operation, where `kafka` needs 0.1. Keys are handled side by side, but of each log one entry
//! after the other: a poll takes two network latencies for each message of the longest log. A node that restarts tries
//! a log's entries from the first.

mod join;

use std::collections::BTreeMap;

use guest_sdk::{Backoff, Context, ErrorCode, Handler, Kv, Migrate, Node, Origin, PATIENCE, Result};
use serde::{Deserialize, Serialize};

use join::try_join_all;

#[derive(Default, Serialize, Deserialize)]
struct KafkaLinKv {
    /// For each key an offset before which no entry is free.
    taken: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Send { key: String, msg: i64 },
    Poll { offsets: BTreeMap<String, u64> },
    CommitOffsets { offsets: BTreeMap<String, u64> },
    ListCommittedOffsets { keys: Vec<String> },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    SendOk { offset: u64 },
    PollOk { msgs: BTreeMap<String, Vec<(u64, i64)>> },
    CommitOffsetsOk,
    ListCommittedOffsetsOk { offsets: BTreeMap<String, u64> },
}

/// A message, and the number of the `send` that it came with.
type Entry = (i64, u64);

impl Handler for KafkaLinKv {
    type Request = Request;
    type Response = Response;

    fn init(context: &Context) -> Result<Self> {
        context.settings.expect_only(&[])?;
        Ok(KafkaLinKv::default())
    }

    async fn handle(node: Node<Self>, request: Request, _: Origin) -> Result<Response> {
        node.timeout(PATIENCE, carry_out(&node, request)).await?
    }
}

async fn carry_out(node: &Node<KafkaLinKv>, request: Request) -> Result<Response> {
    match request {
        Request::Send { key, msg } => send(node, key, msg).await,
        Request::Poll { offsets } => poll(node, offsets).await,
        Request::CommitOffsets { offsets } => commit_offsets(&node.lin_kv(), offsets).await,
        Request::ListCommittedOffsets { keys } => list_committed_offsets(&node.lin_kv(), keys).await,
    }
}

impl Migrate for KafkaLinKv {
    const VERSION: u32 = 1;
}

guest_sdk::export!(KafkaLinKv, migrate);

async fn send(node: &Node<KafkaLinKv>, key: String, message: i64) -> Result<Response> {
    let kv = node.lin_kv();
    let entry: Entry = (message, node.random() >> 11);
    let mut offset = node.state().taken.get(&key).copied().unwrap_or(0);
    loop {
        // It may hold the entry already, from an attempt whose answer was late: then this succeeds too.
        let put = kv.cas_or_create(entry_key(&key, offset), entry, entry);
        match put.retry(Backoff::default()).await {
            Ok(()) => break,
            Err(error) if error.code == ErrorCode::PreconditionFailed => offset += 1,
            Err(error) => return Err(error),
        }
    }
    note_taken(node, key, offset + 1);
    Ok(Response::SendOk { offset })
}

async fn poll(node: &Node<KafkaLinKv>, offsets: BTreeMap<String, u64>) -> Result<Response> {
    let logs = try_join_all(offsets.into_iter().map(|(key, from)| read_log(node, key, from))).await?;
    let msgs = logs.into_iter().filter(|(_, messages)| !messages.is_empty()).collect();
    Ok(Response::PollOk { msgs })
}

/// A log from an offset on.
async fn read_log(node: &Node<KafkaLinKv>, key: String, from: u64) -> Result<(String, Vec<(u64, i64)>)> {
    let kv = node.lin_kv();
    let mut messages = Vec::new();
    for offset in from.. {
        let read = kv.read_optional(entry_key(&key, offset)).retry(Backoff::default());
        let Some((message, _)): Option<Entry> = read.await? else { break };
        messages.push((offset, message));
    }
    if let Some((last, _)) = messages.last() {
        note_taken(node, key.clone(), last + 1);
    }
    Ok((key, messages))
}

async fn commit_offsets(kv: &Kv, offsets: BTreeMap<String, u64>) -> Result<Response> {
    try_join_all(offsets.into_iter().map(|(key, offset)| raise(kv, committed_key(&key), offset))).await?;
    Ok(Response::CommitOffsetsOk)
}

/// Makes sure that an entry holds no less than `least`.
async fn raise(kv: &Kv, entry: String, least: u64) -> Result<()> {
    loop {
        let current: Option<u64> = kv.read_optional(&entry).retry(Backoff::default()).await?;
        if current.is_some_and(|current| current >= least) {
            return Ok(());
        }
        // An entry that does not exist is made, whatever it is compared with.
        let put = kv.cas_or_create(&entry, current.unwrap_or(0), least);
        match put.retry(Backoff::default()).await {
            Err(error) if error.code == ErrorCode::PreconditionFailed => {}
            outcome => return outcome,
        }
    }
}

async fn list_committed_offsets(kv: &Kv, keys: Vec<String>) -> Result<Response> {
    let committed = try_join_all(keys.into_iter().map(|key| read_committed(kv, key))).await?;
    let known = committed.into_iter().filter_map(|(key, offset)| Some((key, offset?)));
    Ok(Response::ListCommittedOffsetsOk { offsets: known.collect() })
}

async fn read_committed(kv: &Kv, key: String) -> Result<(String, Option<u64>)> {
    let offset = kv.read_optional(committed_key(&key)).retry(Backoff::default()).await?;
    Ok((key, offset))
}

/// An entry once written stays, so what was taken is taken for good.
fn note_taken(node: &Node<KafkaLinKv>, key: String, upto: u64) {
    let mut state = node.state();
    let taken = state.taken.entry(key).or_default();
    *taken = upto.max(*taken);
}

fn entry_key(key: &str, offset: u64) -> String {
    format!("{key}/{offset}")
}

fn committed_key(key: &str) -> String {
    format!("{key}/committed")
}

#[cfg(test)]
mod tests;
