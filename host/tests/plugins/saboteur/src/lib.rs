//! A single node for every workload: honest, or broken in the way that `--set fault=…` says. Each checker must accept
//! the one and catch the other.
#![cfg(target_arch = "wasm32")]

mod server;

use std::cell::RefCell;
use std::collections::BTreeMap;

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
    /// Answers that come late: the request and the answer, by timer.
    static LATE: RefCell<BTreeMap<u64, (u64, String)>> = RefCell::default();
}

/// Longer than any client waits.
const LATE_MS: u32 = 6_000;

struct Saboteur;

impl node::Guest for Saboteur {
    fn init(context: node::Context) -> Result<(), String> {
        let fault = context.settings.into_iter().find(|(key, _)| key == "fault").map(|(_, value)| value);
        let fault = fault.unwrap_or_default();
        if fault == "early" {
            context.node_ids.iter().for_each(|node| host::send(node, "{}"));
        }
        SERVER.with_borrow_mut(|server| server.fault = fault);
        Ok(())
    }

    fn on_message(message: node::Message) {
        let Some(request) = message.request else { return };
        let body: Value = serde_json::from_str(&message.body).expect("a body is JSON");
        match SERVER.with_borrow_mut(|server| server.handle(&body)) {
            Ok(Some(reply)) if SERVER.with_borrow(|server| server.fails("late")) => {
                let timer = host::set_timer(LATE_MS);
                LATE.with_borrow_mut(|late| late.insert(timer, (request, reply.to_string())));
            }
            Ok(Some(reply)) => host::reply(request, &reply.to_string()),
            Ok(None) => {}
            Err(Refused(code, text)) => host::fail(request, &host::Failure { code, text: text.to_owned() }),
        }
    }
}

impl events::Guest for Saboteur {
    fn on_reply(_: u64, _: Result<String, events::Failure>) {}

    fn on_timer(timer: u64) {
        let late = LATE.with_borrow_mut(|late| late.remove(&timer));
        late.into_iter().for_each(|(request, reply)| host::reply(request, &reply));
    }
}

bindings::export!(Saboteur with_types_in bindings);
