//! A single node for every workload: honest, or broken in the way that `--set fault=…` says. Each checker must accept
//! the one and catch the other.
#![cfg(target_arch = "wasm32")]

mod lean;
mod server;

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use bindings::exports::glomers::node::{events, node};
use bindings::glomers::node::host;
use lean::Lean;
use server::{Refused, Server};

#[allow(missing_docs)]
mod bindings {
    wit_bindgen::generate!({ path: "../../../../wit", world: "plugin" });
}

thread_local! {
    static SERVER: RefCell<Server> = RefCell::default();
    /// Answers that come late: the request and the answer, by timer.
    static LATE: RefCell<BTreeMap<u64, (u64, String)>> = RefCell::default();
    static LEAN: RefCell<Option<Lean>> = RefCell::default();
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
        if fault == "lean on lww-kv" {
            LEAN.set(Some(Lean::default()));
            Lean::start();
        }
        SERVER.with_borrow_mut(|server| server.fault = fault);
        Ok(())
    }

    fn on_message(message: node::Message) {
        let Some(request) = message.request else { return };
        let body: Value = serde_json::from_str(&message.body).expect("a body is JSON");
        if LEAN.with_borrow_mut(|lean| lean.as_mut().map(|lean| lean.handle(request, &body))).is_some() {
            return;
        }
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
    fn on_reply(call: u64, outcome: Result<String, events::Failure>) {
        LEAN.with_borrow_mut(|lean| lean.as_mut().map(|lean| lean.on_reply(call, outcome)));
    }

    fn on_timer(timer: u64) {
        let late = LATE.with_borrow_mut(|late| late.remove(&timer));
        match late {
            Some((request, reply)) => host::reply(request, &reply),
            None => Lean::on_timer(),
        }
    }
}

bindings::export!(Saboteur with_types_in bindings);
