//! A server on a node of the SDK: the clock, the network and the clients around a [`Raft`].

use std::collections::BTreeMap;
use std::time::Duration;

use guest_sdk::{Context, Deferred, Error, ErrorCode, Node, Origin, Result};
use serde::{Deserialize, Serialize};

use crate::core::{Input, Output, Raft, Refusal, Ticket};
use crate::members::Slot;
use crate::message::Message;
use crate::{Millis, StateMachine};

/// Time is counted in timers, because the clock of a node may be wrong and may even go backwards.
const TICK_MS: Millis = 10;

/// 53 bits, so that any JSON parser on the way keeps them.
const SHIFT_TO_53_BITS: u32 = 11;

/// A server and the clients that wait for it.
#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = ""))]
pub struct Server<M: StateMachine, R> {
    raft: Raft<M>,
    now: Millis,
    next_ticket: Ticket,
    clients: BTreeMap<Ticket, Deferred<R>>,
}

/// What servers send each other, as a body of type `raft`.
#[derive(Serialize)]
#[serde(rename_all = "snake_case", bound(serialize = ""))]
enum Wire<'m, M: StateMachine> {
    Raft(&'m Message<M>),
}

/// State that has a server in it.
pub trait HasServer<M: StateMachine, R>: Send + 'static {
    /// The server.
    fn server(&mut self) -> &mut Server<M, R>;
}

impl<M, R> Server<M, R>
where
    M: StateMachine<Answer = Result<R>>,
    R: Serialize + 'static,
{
    /// A server for the node that starts. Its life begins with [`start`].
    pub fn new(context: &Context) -> Self {
        let me = context.node_ids.iter().take_while(|name| **name != context.node_id).count();
        Server {
            raft: Raft::new(me, context.node_ids.len()),
            now: 0,
            next_ticket: 0,
            clients: BTreeMap::new(),
        }
    }

    /// The server proper.
    pub fn raft(&self) -> &Raft<M> {
        &self.raft
    }

    fn admit(&mut self, client: Deferred<R>) -> Ticket {
        self.next_ticket += 1;
        self.clients.insert(self.next_ticket, client);
        self.next_ticket
    }

    /// Handles an input; answers clients, and returns what is to be sent.
    fn step(&mut self, input: Input<M>) -> Vec<(Slot, Message<M>)> {
        let mut messages = Vec::new();
        for output in self.raft.step(self.now, input) {
            match output {
                Output::Send(to, message) => messages.push((to, message)),
                Output::Answer(ticket, answer) => self.answer(ticket, answer),
                Output::Refuse(ticket, refusal) => self.answer(ticket, Err(error_of(refusal))),
            }
        }
        messages
    }

    fn answer(&mut self, ticket: Ticket, answer: Result<R>) {
        if let Some(client) = self.clients.remove(&ticket) {
            client.answer(answer);
        }
    }
}

fn error_of(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Unavailable => Error::new(ErrorCode::TemporarilyUnavailable, "no leader is known"),
        Refusal::Unknown => Error::new(ErrorCode::Timeout, "no outcome is known; it may still take effect"),
    }
}

/// Begins the life of the server, unless it has begun before the node was swapped: draws its incarnation; and sets its
/// clock going.
pub fn start<M, R, H>(node: &Node<H>)
where
    M: StateMachine<Answer = Result<R>>,
    R: Serialize + 'static,
    H: HasServer<M, R>,
{
    let (incarnation, seed) = ((node.random() >> SHIFT_TO_53_BITS).max(1), node.random());
    if !node.state().server().raft.has_begun() {
        node.state().server().raft.begin(incarnation, seed);
    }
    node.spawn(tick(node.clone()));
}

async fn tick<M, R, H>(node: Node<H>)
where
    M: StateMachine<Answer = Result<R>>,
    R: Serialize + 'static,
    H: HasServer<M, R>,
{
    loop {
        node.sleep(Duration::from_millis(TICK_MS)).await;
        node.state().server().now += TICK_MS;
        step(&node, Input::Tick);
    }
}

/// Takes a message of another server.
pub fn receive<M, R, H>(node: &Node<H>, origin: &Origin, message: Message<M>) -> Result<()>
where
    M: StateMachine<Answer = Result<R>>,
    R: Serialize + 'static,
    H: HasServer<M, R>,
{
    let stranger = || Error::new(ErrorCode::MalformedRequest, "only nodes of this cluster send this");
    let from = node.nodes().iter().position(|name| name == origin.src()).ok_or_else(stranger)?;
    step(node, Input::Receive(from, message));
    Ok(())
}

/// Has a command carried out for a client, who is answered when that is done.
pub fn propose<M, R, H>(node: &Node<H>, client: Deferred<R>, command: M::Command)
where
    M: StateMachine<Answer = Result<R>>,
    R: Serialize + 'static,
    H: HasServer<M, R>,
{
    let ticket = node.state().server().admit(client);
    step(node, Input::Propose(ticket, command));
}

/// Has a query answered for a client.
pub fn query<M, R, H>(node: &Node<H>, client: Deferred<R>, query: M::Query)
where
    M: StateMachine<Answer = Result<R>>,
    R: Serialize + 'static,
    H: HasServer<M, R>,
{
    let ticket = node.state().server().admit(client);
    step(node, Input::Query(ticket, query));
}

fn step<M, R, H>(node: &Node<H>, input: Input<M>)
where
    M: StateMachine<Answer = Result<R>>,
    R: Serialize + 'static,
    H: HasServer<M, R>,
{
    let messages = node.state().server().step(input);
    for (to, message) in messages {
        node.send(&node.nodes()[to], &Wire::Raft(&message));
    }
}
