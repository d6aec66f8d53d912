//! `txn-list-append`: strict-serializable transactions that read lists and append to them.
//!
//! **Promises** that transactions take effect one after the other, each between its request and its answer, under
//! partitions, one-way cuts, loss, duplication, reordering, pauses and wrong clocks; and answers wherever a majority of
//! nodes can talk to each other. For restarts and for the lack of a majority see the crate `raft`: restarts that lose all
//! memory are survived as long as fewer than a majority of nodes are without memory at once.
//!
//! **How**: a whole transaction is one command of the Raft in the crate `raft`, so there is nothing to abort. One that
//! only reads is a query: it costs no log entry, and is answered from the node's own copy of the state.
//!
//! **Costs**, with n nodes: 2⌊n/2⌋ + 2 messages a transaction, two fewer at the leader; fewer under load, when messages
//! are shared. A heartbeat and its answer each 100 ms for each follower that has nothing else to hear.

use std::collections::BTreeMap;

use guest_sdk::{Context, Handler, Migrate, Node, Origin, Result};
use raft::server::{self, HasServer, Server};
use raft::{Message, StateMachine};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct TxnListAppend {
    server: Server<Lists, Response>,
}

/// The replicated state: lists by key.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Lists(BTreeMap<i64, Vec<i64>>);

/// One step of a transaction: `["r", key, null]` or `["append", key, element]`.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "(Function, i64, Option<i64>)", into = "(Function, i64, Option<i64>)")]
enum MicroOp {
    Read { key: i64 },
    Append { key: i64, element: i64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Function {
    R,
    Append,
}

impl TryFrom<(Function, i64, Option<i64>)> for MicroOp {
    type Error = &'static str;

    fn try_from(op: (Function, i64, Option<i64>)) -> Result<Self, Self::Error> {
        match op {
            (Function::R, key, None) => Ok(MicroOp::Read { key }),
            (Function::R, _, Some(_)) => Err("a read with a value"),
            (Function::Append, key, Some(element)) => Ok(MicroOp::Append { key, element }),
            (Function::Append, _, None) => Err("an append without an element"),
        }
    }
}

impl From<MicroOp> for (Function, i64, Option<i64>) {
    fn from(op: MicroOp) -> Self {
        match op {
            MicroOp::Read { key } => (Function::R, key, None),
            MicroOp::Append { key, element } => (Function::Append, key, Some(element)),
        }
    }
}

/// A micro-operation as it is answered.
#[derive(Serialize)]
#[serde(untagged)]
enum Completed {
    /// A missing key reads `null`.
    Read(Function, i64, Option<Vec<i64>>),
    Append(Function, i64, i64),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Txn { txn: Vec<MicroOp> },
    Raft(Message<Lists>),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    TxnOk { txn: Vec<Completed> },
}

impl Lists {
    fn read(&self, key: i64) -> Completed {
        Completed::Read(Function::R, key, self.0.get(&key).cloned())
    }

    fn append(&mut self, key: i64, element: i64) -> Completed {
        self.0.entry(key).or_default().push(element);
        Completed::Append(Function::Append, key, element)
    }
}

impl StateMachine for Lists {
    type Command = Vec<MicroOp>;
    /// The keys to read.
    type Query = Vec<i64>;
    type Answer = Result<Response>;

    fn apply(&mut self, txn: &Vec<MicroOp>) -> Result<Response> {
        let carry_out = |op: &MicroOp| match *op {
            MicroOp::Read { key } => self.read(key),
            MicroOp::Append { key, element } => self.append(key, element),
        };
        Ok(Response::TxnOk { txn: txn.iter().map(carry_out).collect() })
    }

    fn query(&self, keys: &Vec<i64>) -> Result<Response> {
        Ok(Response::TxnOk { txn: keys.iter().map(|&key| self.read(key)).collect() })
    }
}

impl HasServer<Lists, Response> for TxnListAppend {
    fn server(&mut self) -> &mut Server<Lists, Response> {
        &mut self.server
    }
}

impl Handler for TxnListAppend {
    type Request = Request;
    type Response = Option<Response>;

    fn init(context: &Context) -> Result<Self> {
        context.settings.expect_only(&[])?;
        Ok(TxnListAppend { server: Server::new(context) })
    }

    fn start(node: &Node<Self>) {
        server::start(node);
    }

    async fn handle(node: Node<Self>, request: Request, origin: Origin) -> Result<Option<Response>> {
        match request {
            Request::Txn { txn } => match keys_if_read_only(&txn) {
                Some(keys) => server::query(&node, origin.defer(), keys),
                None => server::propose(&node, origin.defer(), txn),
            },
            Request::Raft(message) => server::receive(&node, &origin, message)?,
        }
        Ok(None)
    }
}

fn keys_if_read_only(txn: &[MicroOp]) -> Option<Vec<i64>> {
    let key_if_read = |op: &MicroOp| match *op {
        MicroOp::Read { key } => Some(key),
        MicroOp::Append { .. } => None,
    };
    txn.iter().map(key_if_read).collect()
}

impl Migrate for TxnListAppend {
    const VERSION: u32 = 1;
}

guest_sdk::export!(TxnListAppend, migrate);

#[cfg(test)]
mod tests;
