//! A bounded collection of cases: a broken log can offend millions of times, and a few examples tell enough.

use super::super::txn::evidence::Case;

/// The cases of one kind. All are counted, the first ones kept.
#[derive(Default)]
pub(super) struct Cases {
    pub count: usize,
    pub kept: Vec<Case>,
}

/// Cases kept of one kind. Jepsen shows 8 or 32 of them, the worst ones.
const KEPT_CASES: usize = 256;

impl Cases {
    /// Adds a case; `describe` is called if it is kept.
    pub fn add(&mut self, describe: impl FnOnce() -> Case) {
        self.count += 1;
        if self.kept.len() < KEPT_CASES {
            self.kept.push(describe());
        }
    }
}
