//! Typed clients of the key-value services (spec §8).

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::error::{Error, ErrorCode};
use crate::host::{Operation, Outcome, Store};
use crate::message::from_value;
use crate::runtime::Runtime;

/// A client of one key-value service. Keys and values are anything that serialises to JSON; the service compares them
/// by structure, so that the keys `1` and `"1"` differ.
///
/// # Panics
/// Every method panics if a key or value has no form in JSON, such as a map whose keys are no strings.
#[derive(Clone)]
pub struct Kv {
    runtime: Arc<Runtime>,
    store: Store,
}

impl Kv {
    pub(crate) fn new(runtime: Arc<Runtime>, store: Store) -> Self {
        Kv { runtime, store }
    }

    /// Reads a key. Error 20 if it does not exist, 13 if its value is no `T`.
    pub fn read<T: DeserializeOwned>(&self, key: impl Serialize) -> Call<T> {
        self.start(Operation::Read { store: self.store, key: json(&key) }, |outcome| from_value(&outcome?))
    }

    /// Reads a key that need not exist. Error 13 if its value is no `T`.
    pub fn read_optional<T: DeserializeOwned>(&self, key: impl Serialize) -> Call<Option<T>> {
        self.start(Operation::Read { store: self.store, key: json(&key) }, |outcome| match outcome {
            Err(Error { code: ErrorCode::KeyDoesNotExist, .. }) => Ok(None),
            outcome => from_value(&outcome?).map(Some),
        })
    }

    /// Sets a key.
    pub fn write(&self, key: impl Serialize, value: impl Serialize) -> Call<()> {
        self.start(Operation::Write { store: self.store, key: json(&key), value: json(&value) }, nothing)
    }

    /// Sets a key to `to` if it holds `from`. Error 22 if it holds something else, 20 if it does not exist.
    pub fn cas(&self, key: impl Serialize, from: impl Serialize, to: impl Serialize) -> Call<()> {
        self.compare_and_set(&key, &from, &to, false)
    }

    /// Sets a key to `to` if it holds `from` or does not exist. Error 22 if it holds something else. (`lww-kv` does not
    /// create keys: there a missing one is error 20.)
    pub fn cas_or_create(&self, key: impl Serialize, from: impl Serialize, to: impl Serialize) -> Call<()> {
        self.compare_and_set(&key, &from, &to, true)
    }

    fn compare_and_set(
        &self,
        key: &impl Serialize,
        from: &impl Serialize,
        to: &impl Serialize,
        create: bool,
    ) -> Call<()> {
        let (key, from, to) = (json(key), json(from), json(to));
        self.start(Operation::Cas { store: self.store, key, from, to, create }, nothing)
    }

    fn start<T>(&self, operation: Operation, decode: fn(Outcome) -> crate::Result<T>) -> Call<T> {
        Call::new(self.runtime.clone(), operation, decode)
    }
}

fn nothing(outcome: Outcome) -> crate::Result<()> {
    outcome.map(drop)
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a key or value in JSON")
}
