//! `lin-kv`: a linearizable key-value store with `read`, `write` and `cas`; keys and values are any JSON.
//!
//! **Promises** linearizability under partitions, one-way cuts, loss, duplication, reordering, pauses and wrong clocks,
//! and answers wherever a majority of nodes can talk to each other, after a leader's loss within a few election timeouts
//! (0.3 to 0.6 s on a fast network). Restarts that lose all memory are survived as long as fewer than a majority of nodes
//! are without memory at once; what that means is said in the crate `raft`. Where there is no majority a request is
//! answered with an error before its client gives up: 11, if it certainly was not executed and never will be, or else 0.
//!
//! **How**: the Raft of the crate `raft`. A write or a compare-and-set is an entry of the log, a read is not. A
//! compare-and-set on a missing key fails with error 20, on another value with error 22; a read of a missing key with
//! error 20.
//!
//! **Costs**, with n nodes: 2⌊n/2⌋ + 2 messages an operation, two fewer at the leader; fewer under load, when messages
//! are shared. A heartbeat and its answer each 100 ms for each follower that has nothing else to hear.

use std::collections::BTreeMap;

use guest_sdk::{Context, Error, ErrorCode, Handler, Migrate, Node, Origin, Result};
use raft::server::{self, HasServer, Server};
use raft::{Message, StateMachine};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
struct LinKv {
    server: Server<Store, Response>,
}

/// The replicated state: values by the text of their keys.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Store(BTreeMap<String, Value>);

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Command {
    Write { key: Value, value: Value },
    Cas { key: Value, from: Value, to: Value },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Read { key: Value },
    Write { key: Value, value: Value },
    Cas { key: Value, from: Value, to: Value },
    Raft(Message<Store>),
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "so Maelstrom calls its answers")]
enum Response {
    ReadOk { value: Value },
    WriteOk,
    CasOk,
}

impl StateMachine for Store {
    type Command = Command;
    type Query = Value;
    type Answer = Result<Response>;

    fn apply(&mut self, command: &Command) -> Result<Response> {
        match command {
            Command::Write { key, value } => {
                self.0.insert(key.to_string(), value.clone());
                Ok(Response::WriteOk)
            }
            Command::Cas { key, from, to } => {
                let current = self.0.get_mut(&key.to_string()).ok_or_else(|| missing(key))?;
                if current != from {
                    let text = format!("current value {current} is not {from}");
                    return Err(Error::new(ErrorCode::PreconditionFailed, text));
                }
                *current = to.clone();
                Ok(Response::CasOk)
            }
        }
    }

    fn query(&self, key: &Value) -> Result<Response> {
        let value = self.0.get(&key.to_string()).cloned().ok_or_else(|| missing(key))?;
        Ok(Response::ReadOk { value })
    }
}

fn missing(key: &Value) -> Error {
    Error::new(ErrorCode::KeyDoesNotExist, format!("there is no key {key}"))
}

impl HasServer<Store, Response> for LinKv {
    fn server(&mut self) -> &mut Server<Store, Response> {
        &mut self.server
    }
}

impl Handler for LinKv {
    type Request = Request;
    type Response = Option<Response>;

    fn init(context: &Context) -> Result<Self> {
        context.settings.expect_only(&[])?;
        Ok(LinKv { server: Server::new(context) })
    }

    fn start(node: &Node<Self>) {
        server::start(node);
    }

    async fn handle(node: Node<Self>, request: Request, origin: Origin) -> Result<Option<Response>> {
        match request {
            Request::Read { key } => server::query(&node, origin.defer(), key),
            Request::Write { key, value } => {
                server::propose(&node, origin.defer(), Command::Write { key, value });
            }
            Request::Cas { key, from, to } => {
                server::propose(&node, origin.defer(), Command::Cas { key, from, to });
            }
            Request::Raft(message) => server::receive(&node, &origin, message)?,
        }
        Ok(None)
    }
}

impl Migrate for LinKv {
    const VERSION: u32 = 1;
}

guest_sdk::export!(LinKv, migrate);

#[cfg(test)]
mod tests;
