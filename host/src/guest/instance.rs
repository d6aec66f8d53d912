//! Plugins and running guests.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{ComponentNamedList, Instance, InstancePre, Lift, Linker, Lower, TypedFunc};
use wasmtime::{Result, Store};

use super::cache::Cache;
use super::contract::{self, Context, Exports, Failure, Message, Rejected, Saved};
use super::engine::{self, Sandbox};
use super::last_words::LastWords;
use super::limits::{Limits, Meter};
use super::{Fault, Host, wasi};

/// A component, compiled, checked and linked: everything instances share.
pub struct Plugin<H: Host> {
    pre: InstancePre<State<H>>,
    exports: Exports,
}

impl<H: Host> Plugin<H> {
    /// Compiles a component, or takes it from the cache, and checks that it fits the contract.
    pub fn load(sandbox: &Sandbox, cache: &Cache, wasm: &[u8]) -> Result<Plugin<H>, Rejected> {
        contract::check_magic(wasm)?;
        let engine = sandbox.engine();
        let component = cache.component(engine, wasm).map_err(|error| contract::reject_invalid(&error))?;
        let exports = contract::check(engine, &component)?;
        let mut linker = Linker::new(engine);
        let pre = contract::link(&mut linker, engine, &component)
            .and_then(|()| wasi::link(&mut linker, engine, &component))
            .and_then(|()| linker.instantiate_pre(&component))
            .map_err(|error| contract::reject_unlinkable(&error))?;
        check_export_types(&pre, &exports)?;
        Ok(Plugin { pre, exports })
    }

    /// Whether its instances can hand over and take over a state.
    pub fn can_migrate(&self) -> bool {
        self.exports.migrate.is_some()
    }
}

impl<H: Host> Clone for Plugin<H> {
    fn clone(&self) -> Plugin<H> {
        Plugin { pre: self.pre.clone(), exports: self.exports.clone() }
    }
}

/// Checks the types of the exports, so that a misfit is found when a plugin is loaded and not when it is first called.
fn check_export_types<T>(pre: &InstancePre<T>, exports: &Exports) -> Result<(), Rejected> {
    check_export::<T, (Context<'_>,), (Result<(), String>,)>(pre, &exports.node, "init")?;
    check_export::<T, (Message<'_>,), ()>(pre, &exports.node, "on-message")?;
    if let Some(events) = &exports.events {
        check_export::<T, (u64, Result<&str, &Failure>), ()>(pre, events, "on-reply")?;
        check_export::<T, (u64,), ()>(pre, events, "on-timer")?;
    }
    if let Some(expiry) = &exports.expiry {
        check_export::<T, (u64,), ()>(pre, expiry, "on-expired")?;
    }
    if let Some(migrate) = &exports.migrate {
        check_export::<T, (), (Result<Option<Saved>, String>,)>(pre, migrate, "save")?;
        check_export::<T, (Context<'_>, &Saved), (Result<(), String>,)>(pre, migrate, "load")?;
    }
    Ok(())
}

fn check_export<T, Params, Return>(pre: &InstancePre<T>, interface: &str, name: &str) -> Result<(), Rejected>
where
    T: 'static,
    Params: ComponentNamedList + Lower,
    Return: ComponentNamedList + Lift,
{
    let (engine, ty) = (pre.engine(), pre.component().component_type());
    let item = ty.get_export(engine, interface).map(|export| export.ty);
    let function = match &item {
        Some(ComponentItem::ComponentInstance(instance)) => {
            instance.get_export(engine, name).map(|export| export.ty)
        }
        _ => None,
    };
    let checked = match function {
        Some(ComponentItem::ComponentFunc(function)) => {
            function.typecheck::<Params, Return>(&pre.instance_type())
        }
        _ => Err(wasmtime::format_err!("it is missing")),
    };
    checked.map_err(|error| contract::reject_export(interface, name, &error))
}

/// What a store holds for its guest.
pub(super) struct State<H> {
    /// Absent only while it is lent out; see `contract::with_host`.
    host: Option<Box<H>>,
    meter: Meter,
    streams: wasi::Streams,
}

impl<H> State<H> {
    pub(super) fn host(&mut self) -> &mut H {
        self.host.as_mut().expect("the host is lent out only within one import")
    }

    pub(super) fn take_host(&mut self) -> Box<H> {
        self.host.take().expect("imports do not nest")
    }

    pub(super) fn put_host(&mut self, host: Box<H>) {
        self.host = Some(host);
    }

    /// What the guest has said in the event in hand that may be its last words.
    pub(super) fn words(&mut self) -> &mut LastWords {
        &mut self.streams.words
    }
}

impl<H: Host> State<H> {
    pub(super) fn host_and_streams(&mut self) -> (&mut H, &mut wasi::Streams) {
        (self.host.as_mut().expect("the host is lent out only within one import"), &mut self.streams)
    }

    /// Logs what the guest printed without a line break at its end.
    fn flush_streams(&mut self) {
        let (host, streams) = self.host_and_streams();
        streams.flush(host);
    }
}

/// A running instance of a plugin. After a [`Fault`] it must not be called again.
pub struct Guest<H: Host> {
    store: Store<State<H>>,
    limits: Limits,
    functions: Functions,
}

/// The guest's exports. The lifetimes stand for any: `TypedFunc` is covariant in its parameters.
struct Functions {
    init: TypedFunc<(Context<'static>,), (Result<(), String>,)>,
    on_message: TypedFunc<(Message<'static>,), ()>,
    events: Option<Events>,
    on_expired: Option<TypedFunc<(u64,), ()>>,
    migrate: Option<Migrate>,
}

#[derive(Clone, Copy)]
struct Migrate {
    save: TypedFunc<(), (Result<Option<Saved>, String>,)>,
    load: TypedFunc<(Context<'static>, &'static Saved), (Result<(), String>,)>,
}

struct Events {
    on_reply: TypedFunc<(u64, Result<&'static str, &'static Failure>), ()>,
    on_timer: TypedFunc<(u64,), ()>,
}

impl<H: Host> Guest<H> {
    /// Makes a fresh instance. It has run its language's start-up code, but not yet `init`.
    pub fn new(plugin: &Plugin<H>, host: H, limits: Limits) -> Result<Guest<H>, Fault> {
        Guest::around(plugin, Box::new(host), limits).map_err(|(fault, _)| fault)
    }

    /// A fresh instance around a host, which comes back if that fails.
    fn around(plugin: &Plugin<H>, host: Box<H>, limits: Limits) -> Result<Guest<H>, (Fault, Box<H>)> {
        let state = State { host: Some(host), meter: Meter::new(&limits), streams: Default::default() };
        let mut store = Store::new(plugin.pre.engine(), state);
        store.limiter(|state| &mut state.meter);
        store.set_epoch_deadline(engine::ticks(limits.event_timeout));
        let functions = plugin
            .pre
            .instantiate(&mut store)
            .and_then(|instance| Functions::find(&instance, &mut store, &plugin.exports));
        match functions {
            Ok(functions) => Ok(Guest { store, limits, functions }),
            Err(error) => {
                let fault = fault(&mut store, &error, &limits);
                Err((fault, store.into_data().take_host()))
            }
        }
    }

    /// Makes a fresh instance that takes this guest's host away from it. Until it [gives the host
    /// back](Guest::give_back), this guest must not be called.
    pub fn successor(&mut self, plugin: &Plugin<H>) -> Result<Guest<H>, Fault> {
        let host = self.store.data_mut().take_host();
        Guest::around(plugin, host, self.limits).map_err(|(fault, host)| {
            self.store.data_mut().put_host(host);
            fault
        })
    }

    /// Ends this guest and gives its host to the one it was to succeed.
    pub fn give_back(self, predecessor: &mut Guest<H>) {
        let host = self.store.into_data().take_host();
        predecessor.store.data_mut().put_host(host);
    }

    /// Whether this guest can hand over and take over a state.
    pub fn can_migrate(&self) -> bool {
        self.functions.migrate.is_some()
    }

    /// `migrate.save`: the state, nothing as yet, or the guest's reason not to. A guest that exports no `migrate` has
    /// none of these to say, so do not ask it.
    pub fn save(&mut self) -> Result<Result<Option<Saved>, String>, Fault> {
        let Some(Migrate { save, .. }) = self.functions.migrate else { return Ok(Ok(None)) };
        self.enter(|store| save.call(store, ())).map(|(result,)| result)
    }

    /// `migrate.load`. The inner error is the guest's own refusal.
    pub fn load(&mut self, context: Context<'_>, saved: &Saved) -> Result<Result<(), String>, Fault> {
        let Some(Migrate { load, .. }) = self.functions.migrate else {
            return Ok(Err("it does not export migrate".to_owned()));
        };
        self.enter(|store| load.call(store, (context, saved))).map(|(result,)| result)
    }

    /// `node.init`. The inner error is the guest's own refusal to start.
    pub fn init(&mut self, context: Context<'_>) -> Result<Result<(), String>, Fault> {
        let init = self.functions.init;
        self.enter(|store| init.call(store, (context,))).map(|(result,)| result)
    }

    /// `node.on-message`
    pub fn on_message(&mut self, message: Message<'_>) -> Result<(), Fault> {
        let on_message = self.functions.on_message;
        self.enter(|store| on_message.call(store, (message,)))
    }

    /// `events.on-reply`. A guest that exports no `events` does not hear of it.
    pub fn on_reply(&mut self, call: u64, outcome: Result<&str, &Failure>) -> Result<(), Fault> {
        let Some(Events { on_reply, .. }) = self.functions.events else { return Ok(()) };
        self.enter(|store| on_reply.call(store, (call, outcome)))
    }

    /// `events.on-timer`. A guest that exports no `events` does not hear of it.
    pub fn on_timer(&mut self, timer: u64) -> Result<(), Fault> {
        let Some(Events { on_timer, .. }) = self.functions.events else { return Ok(()) };
        self.enter(|store| on_timer.call(store, (timer,)))
    }

    /// `expiry.on-expired`. A guest that exports no `expiry` does not hear of it.
    pub fn on_expired(&mut self, request: u64) -> Result<(), Fault> {
        let Some(on_expired) = self.functions.on_expired else { return Ok(()) };
        self.enter(|store| on_expired.call(store, (request,)))
    }

    /// The guest's host.
    pub fn host(&mut self) -> &mut H {
        self.store.data_mut().host()
    }

    /// Runs one event within the guest's limits.
    fn enter<R>(
        &mut self,
        event: impl FnOnce(&mut Store<State<H>>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        self.store.set_epoch_deadline(engine::ticks(self.limits.event_timeout));
        self.store.data_mut().words().clear();
        let result = event(&mut self.store);
        self.store.data_mut().flush_streams();
        result.map_err(|error| fault(&mut self.store, &error, &self.limits))
    }

    /// A refusal of the guest's as the end of its node, with what it has said before.
    pub fn refusal(&mut self, reason: impl Into<String>) -> Fault {
        Fault::refusal(reason, self.store.data_mut().words())
    }
}

/// How the guest died whose event failed with this error.
fn fault<H: Host>(store: &mut Store<State<H>>, error: &wasmtime::Error, limits: &Limits) -> Fault {
    store.data_mut().flush_streams();
    let words = std::mem::take(store.data_mut().words());
    Fault::of(error, &words, limits.event_timeout, store)
}

impl Functions {
    fn find<H: Host>(
        instance: &Instance,
        store: &mut Store<State<H>>,
        exports: &Exports,
    ) -> Result<Functions> {
        let events = match &exports.events {
            None => None,
            Some(events) => Some(Events {
                on_reply: function(instance, store, events, "on-reply")?,
                on_timer: function(instance, store, events, "on-timer")?,
            }),
        };
        let on_expired = match &exports.expiry {
            None => None,
            Some(expiry) => Some(function(instance, store, expiry, "on-expired")?),
        };
        let migrate = match &exports.migrate {
            None => None,
            Some(migrate) => Some(Migrate {
                save: function(instance, store, migrate, "save")?,
                load: function(instance, store, migrate, "load")?,
            }),
        };
        Ok(Functions {
            init: function(instance, store, &exports.node, "init")?,
            on_message: function(instance, store, &exports.node, "on-message")?,
            events,
            on_expired,
            migrate,
        })
    }
}

fn function<H: Host, Params, Return>(
    instance: &Instance,
    store: &mut Store<State<H>>,
    interface: &str,
    name: &str,
) -> Result<TypedFunc<Params, Return>>
where
    Params: ComponentNamedList + Lower,
    Return: ComponentNamedList + Lift,
{
    let interface = instance.get_export_index(&mut *store, None, interface);
    let export =
        interface.and_then(|interface| instance.get_export_index(&mut *store, Some(&interface), name));
    let export = export.ok_or_else(|| wasmtime::format_err!("the export {name} is missing"))?;
    instance.get_typed_func(store, export)
}
