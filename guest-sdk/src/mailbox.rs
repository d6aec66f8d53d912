//! Where a future waits for the event that carries its outcome: of a call, or of a timer.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use crate::executor::lock;

/// Outcomes expected, by the id under which the host will deliver them.
pub(crate) struct Mailbox<T>(Mutex<BTreeMap<u64, Letter<T>>>);

enum Letter<T> {
    Expected(Option<Waker>),
    Arrived(T),
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Mailbox(Mutex::default())
    }
}

impl<T> Mailbox<T> {
    /// Makes room for an outcome.
    pub(crate) fn expect(&self, id: u64) {
        lock(&self.0).insert(id, Letter::Expected(None));
    }

    /// Stores an outcome and wakes who waits for it. One that nobody expects any more is dropped.
    pub(crate) fn deliver(&self, id: u64, outcome: T) {
        let previous =
            lock(&self.0).get_mut(&id).map(|letter| std::mem::replace(letter, Letter::Arrived(outcome)));
        if let Some(Letter::Expected(Some(waker))) = previous {
            waker.wake();
        }
    }

    /// Takes an outcome, or remembers whom to wake.
    pub(crate) fn poll(&self, id: u64, cx: &Context<'_>) -> Poll<T> {
        let mut letters = lock(&self.0);
        match letters.get_mut(&id) {
            // A future that waits for many is polled whenever one of them comes: then the others stay as they are.
            Some(Letter::Expected(Some(waker))) => waker.clone_from(cx.waker()),
            Some(Letter::Expected(waker)) => *waker = Some(cx.waker().clone()),
            _ => match letters.remove(&id) {
                Some(Letter::Arrived(outcome)) => return Poll::Ready(outcome),
                _ => drop(letters.insert(id, Letter::Expected(Some(cx.waker().clone())))),
            },
        }
        Poll::Pending
    }

    /// Stops to expect an outcome. True if it had not arrived.
    pub(crate) fn forget(&self, id: u64) -> bool {
        matches!(lock(&self.0).remove(&id), Some(Letter::Expected(_)))
    }
}
