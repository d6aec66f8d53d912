//! Swapping a plugin while its node runs: the state goes from one version, or one algorithm, to the next.
//!
//! ```
//! use guest_sdk::{Context, Handler, Migrate, Node, Origin, Result};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Counter {
//!     sum: u64,
//!     /// New in version 2. A field with a default needs no new version; this one, for the example's sake, does.
//!     additions: u64,
//! }
//!
//! #[derive(Deserialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Request {
//!     Add { delta: u64 },
//! }
//!
//! #[derive(Serialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Response {
//!     AddOk,
//! }
//!
//! impl Handler for Counter {
//!     type Request = Request;
//!     type Response = Response;
//!
//!     fn init(_: &Context) -> Result<Self> {
//!         Ok(Counter { sum: 0, additions: 0 })
//!     }
//!
//!     async fn handle(node: Node<Self>, Request::Add { delta }: Request, _: Origin) -> Result<Response> {
//!         let mut state = node.state();
//!         state.sum += delta;
//!         state.additions += 1;
//!         Ok(Response::AddOk)
//!     }
//! }
//!
//! impl Migrate for Counter {
//!     const VERSION: u32 = 2;
//!
//!     fn convert(_: &Context, version: u32, saved: &str) -> Result<Self> {
//!         #[derive(Deserialize)]
//!         struct Version1 {
//!             sum: u64,
//!         }
//!         match version {
//!             1 => guest_sdk::from_saved(saved).map(|Version1 { sum }| Counter { sum, additions: 0 }),
//!             other => Err(guest_sdk::unknown_version::<Self>(other)),
//!         }
//!     }
//! }
//!
//! guest_sdk::export!(Counter, migrate);
//! ```
//!
//! A node is swapped when it is at rest: no handler is under way, and no task that one has spawned. Only residents may be
//! waiting, the tasks spawned in [`Handler::start`] or by [`Node::spawn_resident`]: they end there, and
//! [`Migrate::resume`] starts their successors. So what must not be forgotten belongs into the state, not into a task.
//! Requests whose answers were [deferred](crate::Origin::defer) stay open: a [`Deferred`](crate::Deferred) in the state
//! is saved with it.

use std::cell::RefCell;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorCode, Result};
use crate::handler::Handler;
use crate::host::Context;
use crate::node::Node;
use crate::runtime::Runtime;

/// A handler whose state can be handed to a successor and taken over from a predecessor. Saved states are JSON, as
/// serde makes it of `Self`. See the [module](self) for when that happens.
pub trait Migrate: Handler + Serialize + DeserializeOwned {
    /// Which form the state is saved in. Count up when what older versions saved can no longer be read as it is.
    const VERSION: u32;

    /// Makes a state of one that was saved in another form: by an older version, or by another algorithm whose place
    /// this one takes. An error leaves the predecessor running. Without this method every other form is one.
    fn convert(context: &Context, version: u32, saved: &str) -> Result<Self> {
        let _ = (context, saved);
        Err(unknown_version::<Self>(version))
    }

    /// Starts what the node does by itself, after it has taken over a state: unless it is told otherwise, the same as at
    /// a first [start](Handler::start).
    fn resume(node: &Node<Self>) {
        Self::start(node);
    }
}

/// Reads what a predecessor saved.
pub fn from_saved<T: DeserializeOwned>(saved: &str) -> Result<T> {
    serde_json::from_str(saved).map_err(|error| {
        Error::new(ErrorCode::MalformedRequest, format!("its state cannot be read: {error}"))
    })
}

/// The error of [`Migrate::convert`] for a form that is not known.
pub fn unknown_version<S: Migrate>(version: u32) -> Error {
    let text = match version > S::VERSION {
        true => format!("its state has version {version}; this plugin knows versions up to {}", S::VERSION),
        false => format!("its state has version {version}, which this plugin does not know"),
    };
    Error::new(ErrorCode::NotSupported, text)
}

/// A state on its way from one guest to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Which form it has.
    pub version: u32,
    /// The state in that form.
    pub bytes: Vec<u8>,
}

pub(crate) fn save<S: Migrate>(state: &S) -> Result<Saved> {
    let bytes = serde_json::to_vec(state)
        .map_err(|error| Error::new(ErrorCode::Crash, format!("the state cannot be saved: {error}")))?;
    Ok(Saved { version: S::VERSION, bytes })
}

pub(crate) fn load<S: Migrate>(runtime: &Arc<Runtime>, saved: &Saved) -> Result<S> {
    let text = std::str::from_utf8(&saved.bytes)
        .map_err(|_| Error::new(ErrorCode::MalformedRequest, "its state cannot be read: it is not text"))?;
    let _loading = Loading::begin(runtime);
    if saved.version == S::VERSION {
        from_saved(text)
    } else {
        S::convert(&runtime.context, saved.version, text)
    }
}

thread_local! {
    /// The runtime of the node whose state is being read. Handles in a state, such as `Deferred`, attach to it.
    static LOADING: RefCell<Option<Arc<Runtime>>> = const { RefCell::new(None) };
}

/// The runtime of the node whose state is being read, if one is.
pub(crate) fn loading() -> Option<Arc<Runtime>> {
    LOADING.with_borrow(Clone::clone)
}

struct Loading;

impl Loading {
    fn begin(runtime: &Arc<Runtime>) -> Loading {
        LOADING.set(Some(runtime.clone()));
        Loading
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        LOADING.set(None);
    }
}
