//! The host of one test node: it writes down what the node wants, for the cluster to carry out after the event.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::error::Error;
use crate::executor::lock;
use crate::host::{CallId, Host, Level, Operation, Outcome, RequestId, TimerId};

use super::network::Random;

/// Something a node wants.
pub(super) enum Effect {
    Send { dest: String, body: String },
    Answer { to: RequestId, outcome: Outcome },
    Call { id: CallId, operation: Operation, timeout: Duration },
    Timer { id: TimerId, after: Duration },
}

pub(super) struct SimHost {
    now: Arc<AtomicU64>,
    random: Mutex<Random>,
    next_id: AtomicU64,
    effects: Mutex<Vec<Effect>>,
    log: Mutex<Vec<(Level, String)>>,
}

impl SimHost {
    pub(super) fn new(now: Arc<AtomicU64>, seed: u64) -> Self {
        SimHost {
            now,
            random: Mutex::new(Random(seed)),
            next_id: AtomicU64::new(1),
            effects: Mutex::default(),
            log: Mutex::default(),
        }
    }

    pub(super) fn take_effects(&self) -> Vec<Effect> {
        std::mem::take(&mut *lock(&self.effects))
    }

    pub(super) fn logged(&self) -> Vec<(Level, String)> {
        lock(&self.log).clone()
    }

    fn want(&self, effect: Effect) {
        lock(&self.effects).push(effect);
    }

    fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}

impl Host for Arc<SimHost> {
    fn send(&self, dest: &str, body: &str) {
        self.want(Effect::Send { dest: dest.to_owned(), body: body.to_owned() });
    }

    fn reply(&self, to: RequestId, body: &str) {
        self.want(Effect::Answer { to, outcome: Ok(body.to_owned()) });
    }

    fn fail(&self, to: RequestId, error: &Error) {
        self.want(Effect::Answer { to, outcome: Err(error.clone()) });
    }

    fn call(&self, operation: &Operation, timeout_ms: u32) -> CallId {
        let id = self.new_id();
        let timeout = Duration::from_millis(timeout_ms.into());
        self.want(Effect::Call { id, operation: operation.clone(), timeout });
        id
    }

    fn set_timer(&self, after_ms: u32) -> TimerId {
        let id = self.new_id();
        self.want(Effect::Timer { id, after: Duration::from_millis(after_ms.into()) });
        id
    }

    /// A timer that fires after it was withdrawn finds nobody who waits for it: nothing to do.
    fn cancel_timer(&self, _: TimerId) {}

    fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    fn random(&self) -> u64 {
        lock(&self.random).next()
    }

    fn log(&self, level: Level, text: &str) {
        lock(&self.log).push((level, text.to_owned()));
    }
}
