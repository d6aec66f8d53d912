//! A node between two events: its host, its tasks, the outcomes they wait for. [`Instance`] is the entrance for events;
//! [`Runtime`] is what a node's handles and futures share.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::executor::{Executor, lock};
use crate::handler::{Handler, Origin};
use crate::host::{CallId, Context, Host, Level, Operation, Outcome, RequestId, TimerId};
use crate::mailbox::Mailbox;
use crate::message::{from_body, to_body};
use crate::migrate::{self, Migrate, Saved};
use crate::node::Node;

/// A message as it came in.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Who sent it.
    pub src: String,
    /// Present when the sender wants an answer.
    pub request: Option<RequestId>,
    /// The body, an object, as the sender wrote it.
    pub body: String,
}

/// A node at work: a [`Handler`] on a [`Host`]. `export!` makes one inside a component; with a host of your own you can
/// drive one by hand.
pub struct Instance<S: Handler> {
    node: Node<S>,
}

impl<S: Handler> Instance<S> {
    /// Starts a node.
    pub fn start(host: impl Host, context: Context) -> Result<Self> {
        let state = S::init(&context)?;
        Ok(Instance::begin(Runtime::new(host, context), state, S::start))
    }

    /// Starts a node with the state of its predecessor.
    pub fn load(host: impl Host, context: Context, saved: &Saved) -> Result<Self>
    where
        S: Migrate,
    {
        let runtime = Runtime::new(host, context);
        let state = migrate::load(&runtime, saved)?;
        Ok(Instance::begin(runtime, state, S::resume))
    }

    /// The state for a successor, or nothing while the node is not at rest.
    pub fn save(&self) -> Result<Option<Saved>>
    where
        S: Migrate,
    {
        if !self.node.runtime().executor.is_at_rest() {
            return Ok(None);
        }
        migrate::save(&*self.node.state()).map(Some)
    }

    fn begin(runtime: Arc<Runtime>, state: S, start: fn(&Node<S>)) -> Self {
        let node = Node::new(runtime, state);
        node.runtime().is_starting.store(true, Ordering::Relaxed);
        start(&node);
        node.runtime().is_starting.store(false, Ordering::Relaxed);
        node.runtime().executor.run();
        Instance { node }
    }

    /// The node.
    pub fn node(&self) -> &Node<S> {
        &self.node
    }

    /// Handles a message, as far as it goes before it waits.
    pub fn on_message(&self, message: Incoming) {
        let runtime = self.node.runtime();
        match from_body::<S::Request>(&message.body) {
            Ok(request) => runtime.executor.run_with(Box::pin(answer(self.node.clone(), request, message))),
            Err(error) => runtime.refuse(&ReplyTo::sender_of(&message), &error),
        }
    }

    /// Takes the outcome of a call.
    pub fn on_reply(&self, call: CallId, outcome: Outcome) {
        self.node.runtime().calls.deliver(call, outcome);
        self.node.runtime().executor.run();
    }

    /// Takes the firing of a timer.
    pub fn on_timer(&self, timer: TimerId) {
        self.node.runtime().timers.deliver(timer, ());
        self.node.runtime().executor.run();
    }

    /// Takes note that a client has given up.
    pub fn on_expired(&self, request: RequestId) {
        self.node.runtime().expired_until.fetch_max(request, Ordering::Relaxed);
        S::expired(&self.node, request);
        self.node.runtime().executor.run();
    }
}

impl<S: Handler> Drop for Instance<S> {
    /// Tasks hold handles to the node, the node holds its tasks: the circle has to be cut.
    fn drop(&mut self) {
        self.node.runtime().executor.clear();
    }
}

async fn answer<S: Handler>(node: Node<S>, request: S::Request, message: Incoming) {
    let runtime = node.runtime().clone();
    let reply_to = ReplyTo::sender_of(&message);
    match S::handle(node, request, Origin::new(runtime.clone(), message)).await {
        Ok(response) => runtime.reply(&reply_to, &response),
        Err(error) => runtime.refuse(&reply_to, &error),
    }
}

/// Who gets the answer to a message.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReplyTo {
    Request(RequestId),
    Nobody { src: String },
}

impl ReplyTo {
    pub(crate) fn sender_of(message: &Incoming) -> Self {
        match message.request {
            Some(request) => ReplyTo::Request(request),
            None => ReplyTo::Nobody { src: message.src.clone() },
        }
    }
}

/// What a node's handles and futures share.
pub(crate) struct Runtime {
    pub(crate) host: Box<dyn Host>,
    pub(crate) context: Context,
    pub(crate) executor: Executor,
    pub(crate) calls: Mailbox<Outcome>,
    pub(crate) timers: Mailbox<()>,
    /// What is spawned meanwhile is a resident.
    is_starting: AtomicBool,
    /// Clients' requests up to this one have expired, unless they were answered: that goes in the order in which they came.
    expired_until: AtomicU64,
    /// Bodies are written here, one after the other, and handed to the host from here.
    buffer: Mutex<Vec<u8>>,
}

impl Runtime {
    fn new(host: impl Host, context: Context) -> Arc<Self> {
        Arc::new(Runtime {
            host: Box::new(host),
            context,
            executor: Executor::default(),
            calls: Mailbox::default(),
            timers: Mailbox::default(),
            is_starting: AtomicBool::new(false),
            expired_until: AtomicU64::new(0),
            buffer: Mutex::default(),
        })
    }

    /// Adds a task, a resident if the node is just starting.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.executor.spawn(Box::pin(task), self.is_starting.load(Ordering::Relaxed));
    }

    /// Adds a task that may be ended where it waits.
    pub(crate) fn spawn_resident(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.executor.spawn(Box::pin(task), true);
    }

    /// Whether a client's request has waited too long, if it was not answered.
    pub(crate) fn has_expired(&self, request: RequestId) -> bool {
        request <= self.expired_until.load(Ordering::Relaxed)
    }

    /// Writes a body and hands it to `use_it`; `None` and `()` are no body and are not handed on.
    pub(crate) fn with_body<T: Serialize + ?Sized, R>(
        &self,
        body: &T,
        use_it: impl FnOnce(&str) -> R,
    ) -> Result<Option<R>> {
        let mut buffer = lock(&self.buffer);
        buffer.clear();
        if !to_body(body, &mut buffer)? {
            return Ok(None);
        }
        // SAFETY: all that is in the buffer was written by serde_json since `clear`. It writes UTF-8 only, as its own
        // `to_string` relies on: strings of Rust, `RawValue`s, which are strings, and ASCII.
        let text = unsafe { std::str::from_utf8_unchecked(&buffer) };
        Ok(Some(use_it(text)))
    }

    /// Answers a message, unless nobody wants an answer or the response is no body.
    pub(crate) fn reply<T: Serialize>(&self, to: &ReplyTo, response: &T) {
        let ReplyTo::Request(request) = to else { return };
        if let Err(error) = self.with_body(response, |body| self.host.reply(*request, body)) {
            self.host.fail(*request, &error);
        }
    }

    /// Answers a message with an error, or logs the error if nobody wants an answer.
    pub(crate) fn refuse(&self, to: &ReplyTo, error: &Error) {
        match to {
            ReplyTo::Request(request) => self.host.fail(*request, error),
            ReplyTo::Nobody { src } => {
                self.host.log(Level::Warn, &format!("message from {src} dropped: {error}"))
            }
        }
    }

    /// Waits for the outcome of an operation.
    pub(crate) async fn call(self: &Arc<Self>, operation: &Operation, timeout: Duration) -> Outcome {
        let call = self.host.call(operation, millis(timeout));
        self.calls.expect(call);
        Waiting { runtime: self.clone(), call }.await
    }

    /// Waits for a time.
    pub(crate) fn sleep(self: &Arc<Self>, duration: Duration) -> Sleep {
        let timer = self.host.set_timer(millis(duration));
        self.timers.expect(timer);
        Sleep { runtime: self.clone(), timer }
    }
}

/// Whole milliseconds, rounded up; no more than the contract can carry, 49 days.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

/// The future of a call. Dropped, it forgets the call; the host's outcome then goes nowhere.
struct Waiting {
    runtime: Arc<Runtime>,
    call: CallId,
}

impl Future for Waiting {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        self.runtime.calls.poll(self.call, cx)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.runtime.calls.forget(self.call);
    }
}

/// The future of [`Node::sleep`]. Dropped, it withdraws its timer.
#[must_use = "a sleep lasts only as long as it is awaited"]
pub struct Sleep {
    runtime: Arc<Runtime>,
    timer: TimerId,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        self.runtime.timers.poll(self.timer, cx)
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if self.runtime.timers.forget(self.timer) {
            self.runtime.host.cancel_timer(self.timer);
        }
    }
}
