//! The final phase of the workloads that end with one `read` for each worker (spec §11.3).

use super::{Final, Invocation};
use crate::checker::Value;

/// Which workers have been given their final read.
#[derive(Debug)]
pub(super) struct FinalReads {
    is_given: Vec<bool>,
}

impl FinalReads {
    pub fn new(workers: usize) -> FinalReads {
        FinalReads { is_given: vec![false; workers] }
    }

    pub fn next(&mut self, worker: usize) -> Final {
        if std::mem::replace(&mut self.is_given[worker], true) {
            return Final::Done;
        }
        Final::Invoke(Invocation::new("read", Value::Null), 0)
    }
}
