//! A single node for every workload: honest, or broken in the way that `--set fault=…` says. Each checker must accept
//! the one and catch the other.
#![cfg(target_arch = "wasm32")]

mod server;

use std::cell::RefCell;

use serde_json::Value;

use bindings::exports::glomers::node::{events, node};
use bindings::glomers::node::host;
use server::{Refused, Server};

#[allow(missing_docs)]
mod bindings {
    wit_bindgen::generate!({ path: "../../../../wit", world: "plugin" });
}

thread_local! {
    static SERVER: RefCell<Server> = RefCell::default();
}

struct Saboteur;

impl node::Guest for Saboteur {
    fn init(context: node::Context) -> Result<(), String> {
        let fault = context.settings.into_iter().find(|(key, _)| key == "fault").map(|(_, value)| value);
        SERVER.with_borrow_mut(|server| server.fault = fault.unwrap_or_default());
        Ok(())
    }

    fn on_message(message: node::Message) {
        let Some(request) = message.request else { return };
        let body: Value = serde_json::from_str(&message.body).expect("a body is JSON");
        match SERVER.with_borrow_mut(|server| server.handle(&body)) {
            Ok(Some(reply)) => host::reply(request, &reply.to_string()),
            Ok(None) => {}
            Err(Refused(code, text)) => host::fail(request, &host::Failure { code, text: text.to_owned() }),
        }
    }
}

impl events::Guest for Saboteur {
    fn on_reply(_: u64, _: Result<String, events::Failure>) {}

    fn on_timer(_: u64) {}
}

bindings::export!(Saboteur with_types_in bindings);
