//! Write a node of a distributed system as `async` handlers; run it in a sandboxed component, test it natively.
//!
//! The node below is a grow-only counter, kept in `seq-kv`, which may answer from the past.
//!
//! ```
//! use std::time::Duration;
//!
//! use guest_sdk::{Context, ErrorCode, Handler, Node, Origin, Result};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default)]
//! struct Counter {
//!     /// What the counter was when this node last heard of it.
//!     last_known: u64,
//! }
//!
//! // A variant's name is the `type` of the message, its fields are the other fields of the body.
//! #[derive(Deserialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Request {
//!     Add { delta: u64 },
//!     Read,
//! }
//!
//! #[derive(Serialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Response {
//!     AddOk,
//!     ReadOk { value: u64 },
//! }
//!
//! impl Handler for Counter {
//!     type Request = Request;
//!     type Response = Response;
//!
//!     fn init(_: &Context) -> Result<Self> {
//!         Ok(Counter::default())
//!     }
//!
//!     async fn handle(node: Node<Self>, request: Request, _: Origin) -> Result<Response> {
//!         match request {
//!             Request::Add { delta } => add(&node, delta).await,
//!             Request::Read => read(&node).await,
//!         }
//!     }
//! }
//!
//! /// Adds to what the counter is believed to be; if it is something else, asks and tries again.
//! async fn add(node: &Node<Counter>, delta: u64) -> Result<Response> {
//!     let kv = node.seq_kv();
//!     loop {
//!         let known = node.state().last_known;
//!         match kv.cas_or_create("counter", known, known + delta).await {
//!             Ok(()) => break,
//!             Err(error) if error.code == ErrorCode::PreconditionFailed => {
//!                 node.state().last_known = kv.read("counter").await?;
//!             }
//!             Err(error) => return Err(error),
//!         }
//!     }
//!     Ok(Response::AddOk)
//! }
//!
//! async fn read(node: &Node<Counter>) -> Result<Response> {
//!     let kv = node.seq_kv();
//!     // Writing a value that is new to the store brings this node up to date, so that the read is fresh.
//!     kv.write("barrier", node.random()).await?;
//!     let value: Option<u64> = kv.read_optional("counter").await?;
//!     Ok(Response::ReadOk { value: value.unwrap_or(0) })
//! }
//!
//! guest_sdk::export!(Counter);
//!
//! // A unit test: three nodes and the key-value services in memory, in virtual time.
//! use guest_sdk::testing::Cluster;
//! use serde_json::json;
//!
//! let mut cluster = Cluster::<Counter>::new(3);
//! cluster.set_latency(Duration::from_millis(10));
//! cluster.request("n1", json!({"type": "add", "delta": 2}))?;
//! cluster.request("n2", json!({"type": "add", "delta": 3}))?;
//! let reply = cluster.request("n3", json!({"type": "read"}))?;
//! assert_eq!(reply, json!({"type": "read_ok", "value": 5}));
//! # Ok::<(), guest_sdk::Error>(())
//! ```
//!
//! # How it runs
//!
//! A node has one thread. The host delivers one event at a time; handlers and tasks run until each of them waits, then
//! the event is over. So handlers interleave only where they `await`, and a [`State`] cannot be held across an `await`:
//!
//! ```compile_fail
//! # use guest_sdk::{Context, Handler, Node, Origin, Result};
//! # struct Counter { added: u64 }
//! # impl Handler for Counter {
//! #     type Request = ();
//! #     type Response = ();
//! #     fn init(_: &Context) -> Result<Self> { Ok(Counter { added: 0 }) }
//! async fn handle(node: Node<Self>, _: (), _: Origin) -> Result<()> {
//!     let mut state = node.state();
//!     state.added = node.timestamp().await?; // error: future is not `Send`
//!     Ok(())
//! }
//! # }
//! ```
//!
//! # Messages
//!
//! Requests and responses are plain serde enums, read straight from the text. A field of type
//! `Box<serde_json::value::RawValue>` carries any JSON unchanged. The host numbers messages and matches answers: never
//! write `msg_id` or `in_reply_to`.
//!
//! # Memory
//!
//! A component gets this crate's allocator, which keeps free pieces of up to 512 bytes for pieces of the same size, and so
//! cannot have another.

#![deny(missing_docs)]

#[cfg(any(target_arch = "wasm32", test))]
mod allocator;
mod call;
mod error;
mod executor;
mod handler;
mod host;
mod kv;
mod log;
mod mailbox;
mod message;
pub mod migrate;
mod node;
mod notify;
mod runtime;
mod settings;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
#[cfg(target_arch = "wasm32")]
pub mod wasm;

pub use call::{Backoff, Call, DEFAULT_TIMEOUT, PATIENCE};
pub use error::{Error, ErrorCode, Result};
pub use handler::{Deferred, Handler, Origin};
pub use host::{CallId, Context, Host, Level, Operation, Outcome, RequestId, Store, TimerId};
pub use kv::Kv;
pub use migrate::{Migrate, Saved, from_saved, unknown_version};
pub use node::{Node, State};
pub use notify::{Changed, Notify};
pub use runtime::{Incoming, Instance, Sleep};
pub use settings::Settings;

/// Makes a [`Handler`] the node of this component. Once per component; a native build only checks the type.
///
/// With `migrate` behind it, `export!(Counter, migrate)`, a [`Migrate`] whose node can be swapped while it runs.
#[macro_export]
macro_rules! export {
    ($handler:ty, migrate) => {
        $crate::export!($handler);
        const _: () = {
            const fn is_migrate<S: $crate::Migrate>() {}
            is_migrate::<$handler>();
        };
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::wasm::Component<$handler>;
    $crate::wasm::migration::export_migration!(Exported with_types_in $crate::wasm::migration);
        };
    };
    ($handler:ty) => {
        const _: () = {
            const fn is_handler<S: $crate::Handler>() {}
            is_handler::<$handler>();
        };
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::wasm::Component<$handler>;
    $crate::wasm::bindings::export_component!(Exported with_types_in $crate::wasm::bindings);
        };
    };
}
