//! One node's registers: transactions and peers' registers go in, changed registers come out.

use std::collections::BTreeMap;

use delta_stream::{Audience, Exchange};
use serde::{Deserialize, Serialize};

/// When a register was written: all writes of one transaction have the same version, those of two never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// Lamport's logical time.
    pub time: u64,
    /// The life of the node that executed the transaction.
    pub incarnation: u64,
}

/// What a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versioned {
    pub value: i64,
    pub version: Version,
}

/// A step of a transaction. A read has a value once it has been executed, unless the register was never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MicroOp {
    Read { key: i64, value: Option<i64> },
    Write { key: i64, value: i64 },
}

/// The registers of one node.
#[derive(Serialize, Deserialize)]
pub struct Registers {
    by_key: BTreeMap<i64, Versioned>,
    /// The latest time seen.
    clock: u64,
    /// An item is the key of a register that changed.
    pub exchange: Exchange<i64>,
}

impl Registers {
    pub fn new(exchange: Exchange<i64>) -> Self {
        Registers { by_key: BTreeMap::new(), clock: 0, exchange }
    }

    pub fn get(&self, key: i64) -> Option<Versioned> {
        self.by_key.get(&key).copied()
    }

    /// Executes a transaction, and fills in what it reads.
    pub fn execute(&mut self, mut micro_ops: Vec<MicroOp>) -> Vec<MicroOp> {
        self.clock = self.clock.saturating_add(1);
        let version = Version { time: self.clock, incarnation: self.exchange.incarnation() };
        for micro_op in &mut micro_ops {
            match micro_op {
                MicroOp::Read { key, value } => *value = self.get(*key).map(|register| register.value),
                MicroOp::Write { key, value } => {
                    self.by_key.insert(*key, Versioned { value: *value, version });
                    self.exchange.push(*key, Audience::All);
                }
            }
        }
        micro_ops
    }

    /// Takes over what is newer in a peer's registers. The whole batch belongs in one call: what lies between two of
    /// its registers is no snapshot.
    pub fn join(&mut self, registers: Vec<(i64, Versioned)>, peer: usize) {
        for (key, theirs) in registers {
            self.clock = self.clock.max(theirs.version.time);
            if self.get(key).is_none_or(|ours| ours.version < theirs.version) {
                self.by_key.insert(key, theirs);
                self.exchange.push(key, Audience::AllBut(peer));
            }
        }
    }

    /// The registers that a batch to a peer must contain.
    pub fn changed(&self, peer: usize) -> Vec<(i64, Versioned)> {
        self.exchange.content(peer).map(|key| (*key, self.by_key[key])).collect()
    }
}
