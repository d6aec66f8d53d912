//! A grow-only set that leans on `lww-kv`: each element is a key of its own, written once, and nothing is remembered
//! here but which keys there are. It is right if the store's replicas come to agree, and wrong if they never do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::bindings::exports::glomers::node::events::Failure;
use crate::bindings::glomers::node::host;
use crate::bindings::glomers::node::kv::{self, Store};

const PATIENCE_MS: u32 = 1000;

/// The store is asked so often even if no client asks, so that its replicas have occasion to agree.
const INTERVAL_MS: u32 = 50;

#[derive(Default)]
pub struct Lean {
    keys: Vec<Value>,
    /// For each call what it is for: a request, and the element, if it reads one.
    calls: BTreeMap<u64, (u64, Option<Value>)>,
    /// For each request to read: how many answers are still to come, and what has been found.
    reads: BTreeMap<u64, (usize, Vec<Value>)>,
}

impl Lean {
    pub fn start() {
        host::set_timer(INTERVAL_MS);
    }

    pub fn handle(&mut self, request: u64, body: &Value) {
        if body["type"] == "add" {
            let element = body["element"].clone();
            let call = kv::write(Store::LastWriteWins, &element.to_string(), "true", PATIENCE_MS);
            self.calls.insert(call, (request, None));
            self.keys.push(element);
            return;
        }
        self.reads.insert(request, (self.keys.len(), Vec::new()));
        for key in &self.keys {
            let call = kv::read(Store::LastWriteWins, &key.to_string(), PATIENCE_MS);
            self.calls.insert(call, (request, Some(key.clone())));
        }
        self.finish(request);
    }

    pub fn on_reply(&mut self, call: u64, outcome: Result<String, Failure>) {
        match self.calls.remove(&call) {
            None => {}
            Some((request, None)) => host::reply(request, r#"{"type":"add_ok"}"#),
            Some((request, Some(element))) => {
                let (open, found) = self.reads.get_mut(&request).expect("a read is in hand");
                *open -= 1;
                found.extend(outcome.is_ok().then_some(element));
                self.finish(request);
            }
        }
    }

    pub fn on_timer() {
        kv::read(Store::LastWriteWins, "0", PATIENCE_MS);
        host::set_timer(INTERVAL_MS);
    }

    fn finish(&mut self, request: u64) {
        if self.reads[&request].0 == 0 {
            let (_, found) = self.reads.remove(&request).expect("it was there");
            host::reply(request, &json!({"type": "read_ok", "value": found}).to_string());
        }
    }
}
