//! What an author implements, and what a handler is told about the message it handles.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Result;
use crate::host::{Context, RequestId};
use crate::migrate;
use crate::node::Node;
use crate::runtime::{Incoming, ReplyTo, Runtime};

/// An algorithm: the state of one node, and how it handles messages.
pub trait Handler: Sized + Send + 'static {
    /// The messages it understands: an enum whose variants are named like their `type`, with
    /// `#[serde(rename_all = "snake_case")]`. An unknown `type` is answered with error 10, a body that does not parse
    /// with error 12; without a request to answer, either is logged.
    type Request: DeserializeOwned + Send + 'static;

    /// Its answers: an enum like [`Request`](Self::Request) if every message is answered, `Option<…>` of one if only
    /// some are, `()` if none is. To a message that wants no answer none is sent.
    type Response: Serialize;

    /// Makes the state when the node starts. An error ends the node, with its text as the reason.
    fn init(context: &Context) -> Result<Self>;

    /// Starts what the node does by itself, with [`Node::spawn`]. Called once, right after [`init`](Self::init).
    fn start(node: &Node<Self>) {
        let _ = node;
    }

    /// Handles a message; write it as an `async fn`. An error becomes the answer. Several calls may be under way at
    /// once; they interleave only where they `await`.
    ///
    /// A client waits 5 s for its answer, and one that comes later must not be sent (see [`expired`](Self::expired)). What
    /// may take that long is bounded with [`Node::timeout`] and [`PATIENCE`](crate::PATIENCE): then the client learns that
    /// the outcome is not known.
    ///
    /// The future is `Send` although a node has one thread, because that makes the compiler refuse a
    /// [`State`](crate::State) that is held across an `await`.
    fn handle(
        node: Node<Self>,
        request: Self::Request,
        origin: Origin,
    ) -> impl Future<Output = Result<Self::Response>> + Send;

    /// A client's request has not been answered for so long (4.9 s, see `host --request-timeout`) that the client has given
    /// up: an answer that comes now is dropped. Its handler goes on, since it may have begun what must be ended; it can ask
    /// [`Origin::is_expired`]. Here goes what is kept for the client elsewhere, such as a [`Deferred`].
    fn expired(node: &Node<Self>, request: RequestId) {
        let _ = (node, request);
    }
}

/// Where a message came from, and how to answer it later.
pub struct Origin {
    runtime: Arc<Runtime>,
    message: Incoming,
}

impl Origin {
    pub(crate) fn new(runtime: Arc<Runtime>, message: Incoming) -> Self {
        Origin { runtime, message }
    }

    /// Who sent the message.
    pub fn src(&self) -> &str {
        &self.message.src
    }

    /// Whether the sender wants an answer.
    pub fn is_request(&self) -> bool {
        self.message.request.is_some()
    }

    /// Which request this is, if the sender wants an answer.
    pub fn request(&self) -> Option<RequestId> {
        self.message.request
    }

    /// Whether this is a request of a client that has waited so long that it has given up: nobody wants the answer any more.
    /// Other nodes do not give up.
    pub fn is_expired(&self) -> bool {
        let is_client = self.message.src.starts_with('c');
        is_client && self.message.request.is_some_and(|request| self.runtime.has_expired(request))
    }

    /// The body as the sender wrote it, for passing it on.
    pub fn body(&self) -> &str {
        &self.message.body
    }

    /// Keeps the right to answer for later, in another task or another event. The handler itself then returns
    /// `Ok(None)`; whatever is answered first counts.
    pub fn defer<T: Serialize>(&self) -> Deferred<T> {
        let reply_to = ReplyTo::sender_of(&self.message);
        Deferred { runtime: self.runtime.clone(), reply_to, of: PhantomData }
    }
}

/// The right to answer a request, from [`Origin::defer`]. Dropped without an answer it leaves the sender waiting.
#[must_use = "the sender waits for an answer"]
pub struct Deferred<T> {
    runtime: Arc<Runtime>,
    reply_to: ReplyTo,
    of: PhantomData<fn(T)>,
}

impl<T> Deferred<T> {
    /// Which request it answers, if its sender wants an answer.
    pub fn request(&self) -> Option<RequestId> {
        match self.reply_to {
            ReplyTo::Request(request) => Some(request),
            ReplyTo::Nobody { .. } => None,
        }
    }
}

impl<T: Serialize> Deferred<T> {
    /// Answers the request.
    pub fn answer(self, outcome: Result<T>) {
        match outcome {
            Ok(response) => self.runtime.reply(&self.reply_to, &response),
            Err(error) => self.runtime.refuse(&self.reply_to, &error),
        }
    }
}

/// What is saved is which request it answers.
impl<T> Serialize for Deferred<T> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> std::result::Result<Z::Ok, Z::Error> {
        self.reply_to.serialize(serializer)
    }
}

/// Can be read only as part of a state that a node [takes over](crate::Migrate).
impl<'de, T> Deserialize<'de> for Deferred<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let reply_to = ReplyTo::deserialize(deserializer)?;
        let runtime = migrate::loading().ok_or_else(|| {
            de::Error::custom("the right to answer can be read by a node that takes over only")
        })?;
        Ok(Deferred { runtime, reply_to, of: PhantomData })
    }
}
