//! `wit/node.wit` on the host's side: its types, its imports, and whether a component fits.

use std::fmt;

use wasmtime::StoreContextMut;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentType, Lift, Linker, Lower, WasmStr};
use wasmtime::{Engine, Result};

use super::instance::State;
use super::{Host, Origin};

/// The contract this host offers: `glomers:node@0.1.1`. Guests of the same track (0.1.x) fit.
pub(super) const PACKAGE: &str = "glomers:node";
const TRACK: &str = "0.1.";
const VERSION: &str = "0.1.1";

/// Which key-value service: `kv.store`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
pub enum Store {
    /// `lin-kv`
    #[component(name = "linearizable")]
    Linearizable,
    /// `seq-kv`
    #[component(name = "sequential")]
    Sequential,
    /// `lww-kv`
    #[component(name = "last-write-wins")]
    LastWriteWins,
}

impl Store {
    /// The service's node id.
    pub fn service(self) -> &'static str {
        match self {
            Store::Linearizable => "lin-kv",
            Store::Sequential => "seq-kv",
            Store::LastWriteWins => "lww-kv",
        }
    }
}

/// How much a log line matters: `host.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
pub enum Level {
    /// Every step.
    #[component(name = "trace")]
    Trace,
    /// What a developer wants to see while looking for a fault.
    #[component(name = "debug")]
    Debug,
    /// What happens rarely and is as it should be.
    #[component(name = "info")]
    Info,
    /// What should not happen but does no harm.
    #[component(name = "warn")]
    Warn,
    /// What does harm.
    #[component(name = "error")]
    Error,
}

impl Level {
    /// The word in a log line.
    pub fn name(self) -> &'static str {
        match self {
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        }
    }
}

/// An error in both directions: `types.failure`.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Failure {
    /// By Maelstrom's table.
    pub code: u32,
    /// For people.
    pub text: String,
}

/// A message on its way in: `types.message`.
#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub struct Message<'a> {
    /// The sender.
    pub src: &'a str,
    /// Present when an answer is wanted.
    pub request: Option<u64>,
    /// The body as it stands.
    pub body: &'a str,
}

/// What a node learns when it starts: `types.context`.
#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub struct Context<'a> {
    /// Its name.
    #[component(name = "node-id")]
    pub node_id: &'a str,
    /// All nodes of the cluster.
    #[component(name = "node-ids")]
    pub node_ids: &'a [&'a str],
    /// Settings for the plugin.
    pub settings: &'a [(&'a str, &'a str)],
}

/// The state of a guest, for its successor: `migrate.saved`.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Saved {
    /// Which form the bytes have.
    pub version: u32,
    /// The state in that form.
    pub bytes: Vec<u8>,
}

/// Why a file is no plugin for this host, in one line: what was found, and what is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected(String);

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Rejected {}

impl Rejected {
    fn found(found: impl fmt::Display) -> Rejected {
        Rejected(format!("{found}; this host needs a WebAssembly component for {PACKAGE}@{VERSION}"))
    }
}

/// Tells by the first bytes what a file is, when it is not a component.
pub(super) fn check_magic(bytes: &[u8]) -> Result<(), Rejected> {
    // The eight bytes are magic, version and layer: layer 1 is a component, layer 0 a core module.
    match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(Rejected::found("this is a core WebAssembly module")),
        [] => Err(Rejected::found("this file is empty")),
        [0, b'a', b's', b'm', ..] => {
            Err(Rejected::found("this is WebAssembly of an unknown version, or truncated"))
        }
        bytes if std::str::from_utf8(&bytes[..bytes.len().min(256)]).is_ok() => {
            Err(Rejected::found("this is a text file"))
        }
        _ => Err(Rejected::found("this is not WebAssembly")),
    }
}

/// An error of the compiler as a verdict on the file.
pub(super) fn reject_invalid(error: &wasmtime::Error) -> Rejected {
    let reason = format!("{error:#}");
    let is_truncated = reason.contains("unexpected end") || reason.contains("out of bounds (bound");
    let what = if is_truncated { "truncated" } else { "invalid" };
    Rejected::found(format!("this component is {what} ({})", reason.lines().next().unwrap_or_default()))
}

/// Names of the contract's interfaces as a component exports them.
#[derive(Clone, Default)]
pub(super) struct Exports {
    pub node: String,
    pub events: Option<String>,
    pub expiry: Option<String>,
    pub migrate: Option<String>,
}

/// Checks names and versions of all imports and exports.
pub(super) fn check(engine: &Engine, component: &Component) -> Result<Exports, Rejected> {
    let ty = component.component_type();
    for (name, _) in ty.imports(engine) {
        check_import(name)?;
    }
    let mut exports = Exports::default();
    let mut other = None;
    for (name, _) in ty.exports(engine) {
        match split(name) {
            Some((PACKAGE, interface, version)) if version.starts_with(TRACK) => match interface {
                "node" => exports.node = name.to_owned(),
                "events" => exports.events = Some(name.to_owned()),
                "expiry" => exports.expiry = Some(name.to_owned()),
                "migrate" => exports.migrate = Some(name.to_owned()),
                _ => {}
            },
            Some((PACKAGE, _, version)) => other = Some(version.to_owned()),
            _ => {}
        }
    }
    match (exports.node.is_empty(), other) {
        (false, _) => Ok(exports),
        (true, Some(version)) => Err(wrong_version(&version)),
        (true, None) => {
            Err(Rejected::found(format!("this component does not export {PACKAGE}/node@{VERSION}")))
        }
    }
}

fn check_import(name: &str) -> Result<(), Rejected> {
    match split(name) {
        Some((PACKAGE, _, version)) if version.starts_with(TRACK) => Ok(()),
        Some((PACKAGE, _, version)) => Err(wrong_version(version)),
        Some((package, ..)) if package.starts_with("wasi:") => Ok(()),
        _ => {
            Err(Rejected::found(format!("this component imports {name}, which no host of this kind offers")))
        }
    }
}

fn wrong_version(version: &str) -> Rejected {
    Rejected::found(format!("this component was built for {PACKAGE}@{version}"))
}

/// `a:b/c@1.2.3` as package, interface and version.
pub(super) fn split(name: &str) -> Option<(&str, &str, &str)> {
    let (package, rest) = name.split_once('/')?;
    let (interface, version) = rest.split_once('@')?;
    Some((package, interface, version))
}

/// An import that does not fit by type as a verdict on the file.
pub(super) fn reject_unlinkable(error: &wasmtime::Error) -> Rejected {
    let reason = format!("{error:#}").lines().collect::<Vec<_>>().join(" ");
    Rejected::found(format!("this component does not fit the contract ({reason})"))
}

/// Finds out what a component would be told about a missing or mistyped export.
pub(super) fn reject_export(interface: &str, function: &str, error: &wasmtime::Error) -> Rejected {
    Rejected::found(format!("the export {function} of {interface} does not fit the contract ({error:#})"))
}

/// Offers the contract's imports at the versions the component asks for.
pub(super) fn link<H: Host>(
    linker: &mut Linker<State<H>>,
    engine: &Engine,
    component: &Component,
) -> Result<()> {
    for (name, item) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(_) = item.ty else { continue };
        match split(name) {
            Some((PACKAGE, "host", _)) => link_host(linker, name)?,
            Some((PACKAGE, "kv", _)) => link_kv(linker, name)?,
            Some((PACKAGE, "oracle", _)) => link_oracle(linker, name)?,
            _ => {}
        }
    }
    Ok(())
}

/// Lends the host state to `act` together with the store, so that strings can be read where they lie in guest memory.
fn with_host<H: Host, R>(
    store: &mut StoreContextMut<'_, State<H>>,
    act: impl FnOnce(&mut H, &StoreContextMut<'_, State<H>>) -> Result<R>,
) -> Result<R> {
    let mut host = store.data_mut().take_host();
    let result = act(&mut host, store);
    store.data_mut().put_host(host);
    result
}

type Cx<'a, H> = StoreContextMut<'a, State<H>>;

fn link_host<H: Host>(linker: &mut Linker<State<H>>, name: &str) -> Result<()> {
    let mut host = linker.instance(name)?;
    host.func_wrap("send", |mut cx: Cx<'_, H>, (dest, body): (WasmStr, WasmStr)| {
        with_host(&mut cx, |host, cx| host.send(&dest.to_str(cx)?, &body.to_str(cx)?))
    })?;
    host.func_wrap("reply", |mut cx: Cx<'_, H>, (to, body): (u64, WasmStr)| {
        with_host(&mut cx, |host, cx| host.reply(to, &body.to_str(cx)?))
    })?;
    host.func_wrap("fail", |mut cx: Cx<'_, H>, (to, failure): (u64, Failure)| {
        cx.data_mut().host().fail(to, &failure)
    })?;
    host.func_wrap("call", |mut cx: Cx<'_, H>, (dest, body, timeout_ms): (WasmStr, WasmStr, u32)| {
        let call =
            with_host(&mut cx, |host, cx| host.call(&dest.to_str(cx)?, &body.to_str(cx)?, timeout_ms))?;
        Ok((call,))
    })?;
    host.func_wrap("set-timer", |mut cx: Cx<'_, H>, (after_ms,): (u32,)| {
        Ok((cx.data_mut().host().set_timer(after_ms)?,))
    })?;
    host.func_wrap("cancel-timer", |mut cx: Cx<'_, H>, (timer,): (u64,)| {
        cx.data_mut().host().cancel_timer(timer);
        Ok(())
    })?;
    host.func_wrap("now", |mut cx: Cx<'_, H>, ()| Ok((cx.data_mut().host().now_ns(),)))?;
    host.func_wrap("random", |mut cx: Cx<'_, H>, ()| Ok((cx.data_mut().host().random(),)))?;
    host.func_wrap("log", |mut cx: Cx<'_, H>, (level, text): (Level, WasmStr)| {
        let text = with_host(&mut cx, |host, cx| {
            let text = text.to_str(cx)?;
            host.log(level, Origin::Plugin, &text);
            Ok(text.into_owned())
        })?;
        let words = cx.data_mut().words();
        if level == Level::Error {
            words.add(&text)
        } else {
            words.remark(&text)
        }
        Ok(())
    })?;
    Ok(())
}

fn link_kv<H: Host>(linker: &mut Linker<State<H>>, name: &str) -> Result<()> {
    let mut kv = linker.instance(name)?;
    kv.func_wrap("read", |mut cx: Cx<'_, H>, (store, key, timeout_ms): (Store, WasmStr, u32)| {
        let call = with_host(&mut cx, |host, cx| host.kv_read(store, &key.to_str(cx)?, timeout_ms))?;
        Ok((call,))
    })?;
    kv.func_wrap(
        "write",
        |mut cx: Cx<'_, H>, (store, key, value, timeout_ms): (Store, WasmStr, WasmStr, u32)| {
            let call = with_host(&mut cx, |host, cx| {
                host.kv_write(store, &key.to_str(cx)?, &value.to_str(cx)?, timeout_ms)
            })?;
            Ok((call,))
        },
    )?;
    kv.func_wrap("cas", |mut cx: Cx<'_, H>, args: (Store, WasmStr, WasmStr, WasmStr, bool, u32)| {
        let (store, key, from, to, create, timeout_ms) = args;
        let call = with_host(&mut cx, |host, cx| {
            let (key, from, to) = (key.to_str(cx)?, from.to_str(cx)?, to.to_str(cx)?);
            host.kv_cas(store, &key, &from, &to, create, timeout_ms)
        })?;
        Ok((call,))
    })?;
    Ok(())
}

fn link_oracle<H: Host>(linker: &mut Linker<State<H>>, name: &str) -> Result<()> {
    let mut oracle = linker.instance(name)?;
    oracle.func_wrap("timestamp", |mut cx: Cx<'_, H>, (timeout_ms,): (u32,)| {
        Ok((cx.data_mut().host().timestamp(timeout_ms)?,))
    })?;
    Ok(())
}
