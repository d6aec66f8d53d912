//! The handle through which an algorithm sees its node: who it is, its state, and everything it can cause.

use std::fmt::Display;
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::task::Poll;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::error::{Error, ErrorCode, Result};
use crate::host::{Level, Operation, Store};
use crate::kv::Kv;
use crate::message::{from_body, from_value};
use crate::runtime::{Runtime, Sleep};
use crate::settings::Settings;

/// A handle to the node; a clone is another handle to the same node.
pub struct Node<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    runtime: Arc<Runtime>,
    state: Mutex<S>,
}

impl<S> Clone for Node<S> {
    fn clone(&self) -> Self {
        Node { shared: self.shared.clone() }
    }
}

impl<S> Node<S> {
    pub(crate) fn new(runtime: Arc<Runtime>, state: S) -> Self {
        Node { shared: Arc::new(Shared { runtime, state: Mutex::new(state) }) }
    }

    pub(crate) fn runtime(&self) -> &Arc<Runtime> {
        &self.shared.runtime
    }

    /// This node's name.
    pub fn id(&self) -> &str {
        &self.runtime().context.node_id
    }

    /// The names of all nodes, this one included, in the same order on every node.
    pub fn nodes(&self) -> &[String] {
        &self.runtime().context.node_ids
    }

    /// The names of all other nodes, in the same order.
    pub fn peers(&self) -> impl Iterator<Item = &str> {
        self.nodes().iter().map(String::as_str).filter(|name| *name != self.id())
    }

    /// The plugin's settings.
    pub fn settings(&self) -> &Settings {
        &self.runtime().context.settings
    }

    /// Borrows the state. Keep the borrow short: it cannot be held across an `await` (the compiler says "future is not
    /// `Send`"), and while it lives there must be no second one.
    ///
    /// # Panics
    /// If the state is borrowed already.
    #[track_caller]
    pub fn state(&self) -> State<'_, S> {
        match self.shared.state.try_lock() {
            Ok(guard) => State(guard),
            Err(TryLockError::Poisoned(poisoned)) => State(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                panic!("the node's state is borrowed already: end that borrow first")
            }
        }
    }

    /// Sends a message that expects no answer. It may be lost; nobody is told.
    ///
    /// # Panics
    /// If the body is not an object.
    #[track_caller]
    pub fn send<B: Serialize + ?Sized>(&self, dest: &str, body: &B) {
        match self.runtime().with_body(body, |text| self.runtime().host.send(dest, text)) {
            Ok(Some(())) => {}
            Ok(None) => panic!("a message needs a body"),
            Err(error) => panic!("{}", error.text),
        }
    }

    /// Sends a request, when awaited, and waits for its answer. See [`Call`] for timeout and retry.
    ///
    /// # Panics
    /// If the body is not an object.
    #[track_caller]
    pub fn call<T: DeserializeOwned, B: Serialize + ?Sized>(&self, dest: &str, body: &B) -> Call<T> {
        let body = match self.runtime().with_body(body, str::to_owned) {
            Ok(Some(body)) => body,
            Ok(None) => panic!("a message needs a body"),
            Err(error) => panic!("{}", error.text),
        };
        Call::new(self.runtime().clone(), Operation::Request { dest: dest.to_owned(), body }, |outcome| {
            let body = outcome?;
            from_body(&body)
                .map_err(|error| Error::new(ErrorCode::Crash, format!("unexpected answer: {}", error.text)))
        })
    }

    /// A client of a key-value service.
    pub fn kv(&self, store: Store) -> Kv {
        Kv::new(self.runtime().clone(), store)
    }

    /// A client of `lin-kv`, the linearizable store.
    pub fn lin_kv(&self) -> Kv {
        self.kv(Store::Linearizable)
    }

    /// A client of `seq-kv`, the sequentially consistent store.
    pub fn seq_kv(&self) -> Kv {
        self.kv(Store::Sequential)
    }

    /// A client of `lww-kv`, where the last write wins.
    pub fn lww_kv(&self) -> Kv {
        self.kv(Store::LastWriteWins)
    }

    /// The next timestamp of `lin-tso`: greater than every one handed out before.
    pub fn timestamp(&self) -> Call<u64> {
        Call::new(self.runtime().clone(), Operation::Timestamp, |outcome| from_value(&outcome?))
    }

    /// Runs a task beside the handlers. It starts when the present task waits or ends.
    ///
    /// A node that can be [swapped](crate::migrate) is swapped when it is done, unless it was spawned in
    /// [`Handler::start`](crate::Handler::start): then it is a [resident](Node::spawn_resident).
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime().spawn(task);
    }

    /// Runs a task that is ended where it waits when the node is [swapped](crate::migrate). What it does has to follow
    /// from the state, so that [`Migrate::resume`](crate::Migrate::resume) can start it again.
    pub fn spawn_resident(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime().spawn_resident(task);
    }

    /// Waits at least `duration`, in whole milliseconds, rounded up. The time runs from this call on.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.runtime().sleep(duration)
    }

    /// Gives a future `limit` to finish; if it does not, drops it and returns error 0. With [`PATIENCE`](crate::PATIENCE)
    /// around what a handler waits for, its client is answered before it gives up.
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output> {
        let mut future = pin!(future);
        let mut sleep = pin!(self.sleep(limit));
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            sleep
                .as_mut()
                .poll(cx)
                .map(|()| Err(Error::new(ErrorCode::Timeout, format!("not done in {limit:?}"))))
        })
        .await
    }

    /// The node's monotonic clock: the time since an arbitrary moment.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.runtime().host.now())
    }

    /// 64 uniformly distributed random bits.
    pub fn random(&self) -> u64 {
        self.runtime().host.random()
    }

    /// Writes a line to the node's log. The macros [`info!`](crate::info) and so on are shorter.
    pub fn log(&self, level: Level, text: impl Display) {
        self.runtime().host.log(level, &text.to_string());
    }
}

/// A borrow of a node's state, from [`Node::state`].
pub struct State<'n, S>(MutexGuard<'n, S>);

impl<S> Deref for State<'_, S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}

impl<S> DerefMut for State<'_, S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.0
    }
}
