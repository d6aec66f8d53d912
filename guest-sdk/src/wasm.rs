//! The component: the contract's exports drive one [`Instance`], the contract's imports are its [`Host`].

use std::any::Any;
use std::marker::PhantomData;
use std::sync::OnceLock;

use bindings::exports::glomers::node::{events, expiry, node};
use bindings::glomers::node::types::{Context as Introduction, Failure};
use bindings::glomers::node::{host as imports, kv, oracle};
use migration::exports::glomers::node::migrate;

use crate::allocator::Lists;
use crate::error::Error;
use crate::handler::Handler;
use crate::host::{CallId, Context, Host, Level, Operation, Outcome, RequestId, Store, TimerId};
use crate::migrate::{Migrate, Saved};
use crate::runtime::{Incoming, Instance};
use crate::settings::Settings;

/// Generated from `wit/node.wit`.
#[allow(missing_docs, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "expirable-plugin",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "guest_sdk::wasm::bindings",
    });
}

/// Generated from `wit/node.wit`, for plugins that can be swapped.
#[allow(missing_docs, clippy::all)]
pub mod migration {
    wit_bindgen::generate!({
        path: "../wit",
        world: "migratable",
        pub_export_macro: true,
        export_macro_name: "export_migration",
        default_bindings_module: "guest_sdk::wasm::migration",
        with: { "glomers:node/types@0.1.1": super::bindings::glomers::node::types },
    });
}

#[global_allocator]
static ALLOCATOR: Lists = Lists::new();

/// The exports, over the one node of this component, an `S`.
pub struct Component<S>(PhantomData<S>);

/// An [`Instance`] whose type the exports need not know.
trait Events: Any + Send + Sync {
    fn on_message(&self, message: Incoming);
    fn on_reply(&self, call: CallId, outcome: Outcome);
    fn on_timer(&self, timer: TimerId);
    fn on_expired(&self, request: RequestId);
}

impl<S: Handler> Events for Instance<S> {
    fn on_message(&self, message: Incoming) {
        self.on_message(message);
    }

    fn on_reply(&self, call: CallId, outcome: Outcome) {
        self.on_reply(call, outcome);
    }

    fn on_timer(&self, timer: TimerId) {
        self.on_timer(timer);
    }

    fn on_expired(&self, request: RequestId) {
        self.on_expired(request);
    }
}

static INSTANCE: OnceLock<Box<dyn Events>> = OnceLock::new();

fn instance() -> &'static dyn Events {
    INSTANCE.get().expect("the host calls init first").as_ref()
}

impl<S: Handler> node::Guest for Component<S> {
    fn init(context: node::Context) -> Result<(), String> {
        begin(context, |context| Instance::<S>::start(Imports, context))
    }

    fn on_message(message: node::Message) {
        instance().on_message(Incoming { src: message.src, request: message.request, body: message.body });
    }
}

/// Makes the one node of this component.
fn begin<S: Handler>(
    context: Introduction,
    start: impl FnOnce(Context) -> crate::error::Result<Instance<S>>,
) -> Result<(), String> {
    std::panic::set_hook(Box::new(log_panic));
    let context = Context {
        node_id: context.node_id,
        node_ids: context.node_ids,
        settings: Settings::new(context.settings),
    };
    let instance = start(context).map_err(|error| error.text)?;
    INSTANCE.set(Box::new(instance)).map_err(|_| "the node has been started already".to_owned())
}

impl<S: Migrate> migrate::Guest for Component<S> {
    fn save() -> Result<Option<migrate::Saved>, String> {
        let instance: &dyn Any = instance();
        let instance = instance.downcast_ref::<Instance<S>>().expect("there is one handler in a component");
        let saved = instance.save().map_err(|error| error.text)?;
        Ok(saved.map(|Saved { version, bytes }| migrate::Saved { version, bytes }))
    }

    fn load(context: Introduction, saved: migrate::Saved) -> Result<(), String> {
        let saved = Saved { version: saved.version, bytes: saved.bytes };
        begin(context, |context| Instance::<S>::load(Imports, context, &saved))
    }
}

impl<S: Handler> events::Guest for Component<S> {
    fn on_reply(call: CallId, outcome: Result<String, Failure>) {
        instance().on_reply(call, outcome.map_err(|failure| Error::new(failure.code, failure.text)));
    }

    fn on_timer(timer: TimerId) {
        instance().on_timer(timer);
    }
}

impl<S: Handler> expiry::Guest for Component<S> {
    fn on_expired(request: RequestId) {
        instance().on_expired(request);
    }
}

/// A panic ends in a trap that says no more than "unreachable"; this line in the log says what it was.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let reason = panic.payload_as_str().unwrap_or("no reason given");
    let text = match panic.location() {
        Some(location) => format!("panicked at {location}: {reason}"),
        None => format!("panicked: {reason}"),
    };
    imports::log(imports::Level::Error, &text);
}

/// The host beyond the component's imports.
struct Imports;

impl Host for Imports {
    fn send(&self, dest: &str, body: &str) {
        imports::send(dest, body);
    }

    fn reply(&self, to: RequestId, body: &str) {
        imports::reply(to, body);
    }

    fn fail(&self, to: RequestId, error: &Error) {
        imports::fail(to, &Failure { code: error.code.number(), text: error.text.clone() });
    }

    fn call(&self, operation: &Operation, timeout_ms: u32) -> CallId {
        match operation {
            Operation::Request { dest, body } => imports::call(dest, body, timeout_ms),
            Operation::Read { store, key } => kv::read(service(*store), key, timeout_ms),
            Operation::Write { store, key, value } => kv::write(service(*store), key, value, timeout_ms),
            Operation::Cas { store, key, from, to, create } => {
                kv::cas(service(*store), key, from, to, *create, timeout_ms)
            }
            Operation::Timestamp => oracle::timestamp(timeout_ms),
        }
    }

    fn set_timer(&self, after_ms: u32) -> TimerId {
        imports::set_timer(after_ms)
    }

    fn cancel_timer(&self, timer: TimerId) {
        imports::cancel_timer(timer);
    }

    fn now(&self) -> u64 {
        imports::now()
    }

    fn random(&self) -> u64 {
        imports::random()
    }

    fn log(&self, level: Level, text: &str) {
        let level = match level {
            Level::Trace => imports::Level::Trace,
            Level::Debug => imports::Level::Debug,
            Level::Info => imports::Level::Info,
            Level::Warn => imports::Level::Warn,
            Level::Error => imports::Level::Error,
        };
        imports::log(level, text);
    }
}

fn service(store: Store) -> kv::Store {
    match store {
        Store::Linearizable => kv::Store::Linearizable,
        Store::Sequential => kv::Store::Sequential,
        Store::LastWriteWins => kv::Store::LastWriteWins,
    }
}
