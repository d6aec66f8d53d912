//! Lets a task wait until another one has changed something.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::executor::lock;

/// Wakes tasks that wait for a change of the state. Keep one in the state; a clone is another handle to the same.
#[derive(Clone, Default)]
pub struct Notify(Arc<Mutex<Changes>>);

#[derive(Default)]
struct Changes {
    count: u64,
    waiting: Vec<Waker>,
}

impl Notify {
    /// Wakes everyone who waits.
    pub fn notify(&self) {
        let mut changes = lock(&self.0);
        changes.count += 1;
        let waiting = std::mem::take(&mut changes.waiting);
        drop(changes);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Waits for the first [`notify`](Self::notify) after this call. Call it before you look at the state: then no change
    /// falls in between.
    pub fn changed(&self) -> Changed {
        Changed { seen: lock(&self.0).count, changes: self.0.clone() }
    }
}

/// The future of [`Notify::changed`].
#[must_use = "a change is waited for only as long as this is awaited"]
pub struct Changed {
    seen: u64,
    changes: Arc<Mutex<Changes>>,
}

impl Future for Changed {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut changes = lock(&self.changes);
        if changes.count != self.seen {
            return Poll::Ready(());
        }
        if !changes.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            changes.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}
