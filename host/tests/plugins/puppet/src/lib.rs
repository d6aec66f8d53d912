//! A plugin on strings, written against the bare contract: each message is a list of imports to call or misdeeds to
//! try, and every event is told to the node `observer`. What the host does with it is seen without any SDK between.
#![cfg(target_arch = "wasm32")]

mod migration;
mod misdeeds;

use serde::Deserialize;
use serde_json::json;

use bindings::exports::glomers::node::{events, expiry, node};
use bindings::glomers::node::host::Level;
use bindings::glomers::node::kv::Store;
use bindings::glomers::node::{host, kv, oracle};

#[allow(missing_docs)]
mod bindings {
    wit_bindgen::generate!({
        inline: "package test:puppet; world puppet {
            include glomers:node/plugin@0.1.1;
            include glomers:node/expirable@0.1.1;
            include glomers:node/migratable@0.1.1;
        }",
        path: "../../../../wit",
        world: "test:puppet/puppet",
        generate_all,
    });
}

struct Puppet;

/// One thing to do. `request` is the one that came with the message, unless another is named.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
enum Deed {
    Send {
        dest: String,
        body: String,
    },
    Reply {
        request: Option<u64>,
        body: String,
    },
    Fail {
        code: u32,
        text: String,
    },
    Call {
        dest: String,
        body: String,
        timeout_ms: u32,
    },
    SetTimer {
        after_ms: u32,
    },
    CancelTimer {
        timer: u64,
    },
    Read {
        store: String,
        key: String,
        timeout_ms: u32,
    },
    Write {
        store: String,
        key: String,
        value: String,
        timeout_ms: u32,
    },
    Cas {
        store: String,
        key: String,
        from: String,
        to: String,
        create: bool,
        timeout_ms: u32,
    },
    Timestamp {
        timeout_ms: u32,
    },
    Log {
        level: String,
        text: String,
    },
    /// Tells the observer what there is between the quotes of the body, to see that nothing was changed.
    Quote,
    Misdeed {
        name: String,
    },
    /// Decides what the next `save` says.
    Keep(migration::Keep),
}

#[derive(Deserialize)]
struct Script {
    #[serde(default)]
    script: Vec<Deed>,
}

fn tell(event: serde_json::Value) {
    host::send("observer", &event.to_string());
}

fn store(name: &str) -> Store {
    match name {
        "lin-kv" => Store::Linearizable,
        "seq-kv" => Store::Sequential,
        "lww-kv" => Store::LastWriteWins,
        other => panic!("no store {other}"),
    }
}

fn level(name: &str) -> Level {
    match name {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "info" => Level::Info,
        "warn" => Level::Warn,
        "error" => Level::Error,
        other => panic!("no level {other}"),
    }
}

fn perform(deed: Deed, request: Option<u64>, body: &str) {
    let wanted = || request.expect("the message has a msg_id");
    let mut call = None;
    match deed {
        Deed::Send { dest, body } => host::send(&dest, &body),
        Deed::Reply { request, body } => host::reply(request.unwrap_or_else(wanted), &body),
        Deed::Fail { code, text } => host::fail(wanted(), &host::Failure { code, text }),
        Deed::Call { dest, body, timeout_ms } => call = Some(host::call(&dest, &body, timeout_ms)),
        Deed::SetTimer { after_ms } => tell(json!({"timer": host::set_timer(after_ms)})),
        Deed::CancelTimer { timer } => host::cancel_timer(timer),
        Deed::Read { store: name, key, timeout_ms } => call = Some(kv::read(store(&name), &key, timeout_ms)),
        Deed::Write { store: name, key, value, timeout_ms } => {
            call = Some(kv::write(store(&name), &key, &value, timeout_ms));
        }
        Deed::Cas { store: name, key, from, to, create, timeout_ms } => {
            call = Some(kv::cas(store(&name), &key, &from, &to, create, timeout_ms));
        }
        Deed::Timestamp { timeout_ms } => call = Some(oracle::timestamp(timeout_ms)),
        Deed::Log { level: name, text } => host::log(level(&name), &text),
        Deed::Quote => tell(json!({"body": body, "request": request})),
        Deed::Keep(keep) => migration::keep(keep),
        Deed::Misdeed { name } => tell(json!({"misdeed": name, "result": misdeeds::attempt(&name)})),
    }
    if let Some(call) = call {
        tell(json!({"call": call}));
    }
}

impl node::Guest for Puppet {
    fn init(context: node::Context) -> Result<(), String> {
        let setting = |name: &str| {
            context.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
        };
        if let Some(reason) = setting("refuse") {
            return Err(reason.to_owned());
        }
        if setting("tell") == Some("yes") {
            tell(json!({"init": context.node_id, "nodes": context.node_ids, "settings": context.settings}));
        }
        if let Some(deeds) = setting("do") {
            let script: Script = serde_json::from_str(&format!(r#"{{"script":[{deeds}]}}"#)).expect("deeds");
            script.script.into_iter().for_each(|deed| perform(deed, None, ""));
        }
        Ok(())
    }

    // Not inlined, for the tests that look for it in a backtrace.
    #[inline(never)]
    fn on_message(message: node::Message) {
        let script: Script = serde_json::from_str(&message.body).expect("a script");
        for deed in script.script {
            perform(deed, message.request, &message.body);
        }
    }
}

impl events::Guest for Puppet {
    fn on_reply(call: u64, outcome: Result<String, events::Failure>) {
        match outcome {
            Ok(body) => tell(json!({"answered": call, "body": body})),
            Err(failure) => tell(json!({"failed": call, "code": failure.code, "text": failure.text})),
        }
    }

    fn on_timer(timer: u64) {
        tell(json!({"fired": timer}));
    }
}

impl expiry::Guest for Puppet {
    fn on_expired(request: u64) {
        tell(json!({"expired": request}));
    }
}

bindings::export!(Puppet with_types_in bindings);
