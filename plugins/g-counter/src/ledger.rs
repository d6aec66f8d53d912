//! What a node knows of the counter and what its clients wait for, without any communication. Writes and views are
//! numbered: whoever asks for one waits for the next that has not begun.

use std::collections::BTreeMap;

use guest_sdk::Notify;
use serde::{Deserialize, Serialize};

/// A node's total, as the store has it under the node's name. No two writes make the same one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Total {
    /// The sum of all additions made through this node.
    pub sum: u64,
    /// The life of the node in which this was written.
    pub life: u64,
    /// The number of the write in this life.
    pub write: u64,
}

/// Additions and views: done, under way, and wanted.
#[derive(Default, Serialize, Deserialize)]
pub struct Ledger {
    /// This node's total, as far as it is known to be in the store.
    own: Total,
    others: BTreeMap<String, u64>,
    /// Added, but in no write yet.
    pending: u64,
    writes: Progress,
    views: Progress,
    /// Whether the last view is recent enough to answer from.
    is_fresh: bool,
    /// Tells that something is wanted.
    #[serde(skip)]
    pub work: Notify,
    /// Tells that something is done.
    #[serde(skip)]
    pub progress: Notify,
}

/// Consecutive actions of one kind, by number; the first is 1.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    wanted: u64,
    begun: u64,
    done: u64,
}

impl Progress {
    /// Asks for an action that has not begun. Returns its number.
    fn want(&mut self) -> u64 {
        self.wanted = self.begun + 1;
        self.wanted
    }

    /// Begins the next action, if it is wanted. Returns its number.
    fn begin(&mut self) -> Option<u64> {
        let is_wanted = self.wanted > self.begun;
        self.begun = self.wanted;
        is_wanted.then_some(self.begun)
    }
}

impl Ledger {
    /// The counter, by all this node knows.
    pub fn value(&self) -> u128 {
        self.others.values().chain([&self.own.sum]).map(|&sum| u128::from(sum)).sum()
    }

    /// Adds, if only 0, to the next write. Returns the number of that write.
    pub fn add(&mut self, delta: u32) -> u64 {
        self.pending += u64::from(delta);
        self.work.notify();
        self.writes.want()
    }

    /// Begins a write, if one is wanted. Returns its number and what it is to add.
    pub fn begin_write(&mut self) -> Option<(u64, u64)> {
        let write = self.writes.begin()?;
        Some((write, std::mem::take(&mut self.pending)))
    }

    /// This node's total, as far as it is known.
    pub fn own(&self) -> &Total {
        &self.own
    }

    /// Takes note of this node's total in the store.
    pub fn set_own(&mut self, total: Total) {
        self.own = total;
    }

    /// The write that has begun is in the store.
    pub fn end_write(&mut self) {
        self.writes.done = self.writes.begun;
        self.progress.notify();
    }

    /// Whether a write is in the store.
    pub fn has_committed(&self, write: u64) -> bool {
        self.writes.done >= write
    }

    /// Asks for a view that is fresh. Returns the number of that view.
    pub fn want_view(&mut self) -> u64 {
        if self.is_fresh {
            return self.views.done;
        }
        self.work.notify();
        self.views.want()
    }

    /// Begins a view, if one is wanted.
    pub fn begin_view(&mut self) -> bool {
        self.views.begin().is_some()
    }

    /// Takes note of another node's total.
    pub fn learn(&mut self, node: &str, sum: u64) {
        let known = self.others.entry(node.to_owned()).or_default();
        *known = sum.max(*known);
    }

    /// All other totals are known as of the time when the view began, or later.
    pub fn end_view(&mut self) {
        self.views.done = self.views.begun;
        self.is_fresh = true;
        self.progress.notify();
    }

    /// The last view is too old by now.
    pub fn expire_view(&mut self) {
        self.is_fresh = false;
    }

    /// Whether a view has been taken.
    pub fn has_viewed(&self, view: u64) -> bool {
        self.views.done >= view
    }
}
