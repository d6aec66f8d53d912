//! `lin-kv`, `seq-kv`, `lww-kv` and `lin-tso` of a test cluster, all of them linearizable.

use serde_json::Value;

use crate::error::{Error, ErrorCode, Result};
use crate::host::{Operation, Outcome, Store};

/// The content of all services.
#[derive(Default)]
pub(super) struct Services {
    /// In the order in which keys were made. A test has few keys; a list keeps the comparison by structure plain.
    entries: Vec<(Store, Value, Value)>,
    next_timestamp: u64,
}

/// The name of the service that an operation goes to. Requests go to nodes.
pub(super) fn name(operation: &Operation) -> &'static str {
    match operation {
        Operation::Read { store, .. } | Operation::Write { store, .. } | Operation::Cas { store, .. } => {
            match store {
                Store::Linearizable => "lin-kv",
                Store::Sequential => "seq-kv",
                Store::LastWriteWins => "lww-kv",
            }
        }
        Operation::Timestamp => "lin-tso",
        Operation::Request { .. } => unreachable!("requests go to nodes"),
    }
}

impl Services {
    pub(super) fn get(&self, store: Store, key: &Value) -> Option<&Value> {
        self.entries.iter().find(|entry| entry.0 == store && entry.1 == *key).map(|entry| &entry.2)
    }

    /// Makes an operation happen.
    pub(super) fn apply(&mut self, operation: &Operation) -> Outcome {
        match operation {
            Operation::Read { store, key } => {
                self.get(*store, &json(key)).map(Value::to_string).ok_or_else(missing)
            }
            Operation::Write { store, key, value } => Ok(self.set(*store, json(key), json(value))),
            Operation::Cas { store, key, from, to, create } => {
                self.compare_and_set(*store, json(key), &json(from), json(to), *create)
            }
            Operation::Timestamp => {
                self.next_timestamp += 1;
                Ok((self.next_timestamp - 1).to_string())
            }
            Operation::Request { .. } => unreachable!("requests go to nodes"),
        }
    }

    fn compare_and_set(
        &mut self,
        store: Store,
        key: Value,
        from: &Value,
        to: Value,
        create: bool,
    ) -> Outcome {
        match self.get(store, &key) {
            Some(current) if current == from => Ok(self.set(store, key, to)),
            Some(current) => Err(Error::new(
                ErrorCode::PreconditionFailed,
                format!("current value {current} is not {from}"),
            )),
            None if create && store != Store::LastWriteWins => Ok(self.set(store, key, to)),
            None => Err(missing()),
        }
    }

    fn set(&mut self, store: Store, key: Value, value: Value) -> String {
        match self.entries.iter_mut().find(|entry| entry.0 == store && entry.1 == key) {
            Some(entry) => entry.2 = value,
            None => self.entries.push((store, key, value)),
        }
        "null".to_owned()
    }
}

fn missing() -> Error {
    Error::new(ErrorCode::KeyDoesNotExist, "key does not exist")
}

fn json(text: &str) -> Value {
    let parsed: Result<Value, _> = serde_json::from_str(text);
    parsed.expect("the SDK writes JSON")
}
