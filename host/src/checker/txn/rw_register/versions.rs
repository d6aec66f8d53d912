//! What transactions did to registers as seen from outside, and what that says of the order of versions.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::super::Value;
use super::super::evidence::{Case, Field};
use super::super::graph::Graph;
use super::super::transaction::{Action, Key, MicroOp, Outcome, Transactions, Version};

/// External reads (the first of a key, unless the transaction wrote it before) and external writes (the last of a key)
/// of each transaction, and the committed transactions by what they read and wrote.
pub(super) struct Externals {
    reads: Vec<(Key, Option<Version>)>,
    writes: Vec<(Key, Version)>,
    /// The reads and writes of transaction `t` end at `ends[t]`.
    ends: Vec<(u32, u32)>,
    writers: Vec<Vec<u32>>,
    readers: Vec<Vec<u32>>,
    readers_of_initial: Vec<Vec<u32>>,
    writers_of_key: Vec<Vec<u32>>,
}

impl Externals {
    pub(super) fn of(transactions: &Transactions) -> Externals {
        let mut externals = Externals {
            reads: Vec::new(),
            writes: Vec::new(),
            ends: Vec::new(),
            writers: vec![Vec::new(); transactions.version_count()],
            readers: vec![Vec::new(); transactions.version_count()],
            readers_of_initial: vec![Vec::new(); transactions.key_count()],
            writers_of_key: vec![Vec::new(); transactions.key_count()],
        };
        for (number, transaction) in transactions.iter() {
            externals.add(transactions.micro_ops(transaction), transactions);
            if transaction.outcome == Outcome::Ok {
                externals.index(number);
            }
        }
        externals
    }

    fn add(&mut self, micro_ops: &[MicroOp], transactions: &Transactions) {
        let mut touched = FxHashSet::default();
        let mut written = FxHashSet::default();
        for micro_op in micro_ops {
            let is_first = touched.insert(micro_op.key);
            if let (Action::Read(seen), true) = (micro_op.action, is_first) {
                self.reads.push((micro_op.key, transactions.elements(seen).first().copied()));
            }
        }
        for micro_op in micro_ops.iter().rev() {
            if let Action::Write(version) = micro_op.action
                && written.insert(micro_op.key)
            {
                self.writes.push((micro_op.key, version));
            }
        }
        self.ends.push((self.reads.len() as u32, self.writes.len() as u32));
    }

    fn index(&mut self, number: usize) {
        let (reads, writes) = self.ranges(number);
        for &(key, version) in &self.reads[reads] {
            match version {
                Some(version) => self.readers[version as usize].push(number as u32),
                None => self.readers_of_initial[key as usize].push(number as u32),
            }
        }
        for &(key, version) in &self.writes[writes] {
            self.writers[version as usize].push(number as u32);
            self.writers_of_key[key as usize].push(number as u32);
        }
    }

    fn ranges(&self, number: usize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let (reads_from, writes_from) = if number == 0 { (0, 0) } else { self.ends[number - 1] };
        let (reads_to, writes_to) = self.ends[number];
        (reads_from as usize..reads_to as usize, writes_from as usize..writes_to as usize)
    }

    /// What a transaction read; with no version the initial state.
    pub(super) fn read_by(&self, number: usize) -> &[(Key, Option<Version>)] {
        &self.reads[self.ranges(number).0]
    }

    /// What a transaction wrote.
    pub(super) fn written_by(&self, number: usize) -> &[(Key, Version)] {
        &self.writes[self.ranges(number).1]
    }

    /// The committed transactions that wrote a version.
    pub(super) fn writers(&self, version: Version) -> &[u32] {
        &self.writers[version as usize]
    }

    /// The committed transactions that read a version.
    pub(super) fn readers(&self, version: Version) -> &[u32] {
        &self.readers[version as usize]
    }

    /// The committed transactions that wrote a key: all of them came after its initial state.
    pub(super) fn writers_of_key(&self, key: Key) -> &[u32] {
        &self.writers_of_key[key as usize]
    }

    /// The committed transactions that found a key in its initial state.
    pub(super) fn readers_of_initial(&self, key: Key) -> &[u32] {
        &self.readers_of_initial[key as usize]
    }
}

/// Which version of a key is known to have followed which. That every version followed the initial state goes without
/// saying.
pub(super) struct VersionGraph {
    after: FxHashMap<Version, Vec<Version>>,
}

impl VersionGraph {
    /// Assumes that in a committed transaction writes follow reads. If that makes the order of any key cyclic, it is
    /// not to be trusted for the others either: then only the initial states are known, and each cycle is an anomaly.
    pub(super) fn infer(transactions: &Transactions, externals: &Externals) -> (VersionGraph, Vec<Case>) {
        let mut edges = Vec::new();
        for (number, _) in transactions.committed() {
            for &(key, read) in externals.read_by(number) {
                let written =
                    externals.written_by(number).iter().find(|(written_key, _)| *written_key == key);
                if let (Some(read), Some(&(_, written))) = (read, written) {
                    edges.push((read, written));
                }
            }
        }
        edges.retain(|(before, after)| before != after);
        let cyclic = Graph::of_pairs(transactions.version_count(), &edges).components();
        let mut after: FxHashMap<Version, Vec<Version>> = FxHashMap::default();
        if cyclic.is_empty() {
            edges.sort_unstable();
            edges.dedup();
            for (before, next) in edges {
                after.entry(before).or_default().push(next);
            }
        }
        let cases = cyclic.into_iter().map(|versions| cyclic_versions(transactions, &versions)).collect();
        (VersionGraph { after }, cases)
    }

    /// The versions that directly followed this one.
    pub(super) fn after(&self, version: Version) -> &[Version] {
        self.after.get(&version).map_or(&[], Vec::as_slice)
    }
}

fn cyclic_versions(transactions: &Transactions, versions: &[Version]) -> Case {
    let key = transactions.key_value(transactions.key_of_version(versions[0])).clone();
    let mut values: Vec<Value> =
        versions.iter().map(|version| transactions.value(*version).clone()).collect();
    values.sort_unstable();
    let scc = Value::List(values);
    let text = format!(
        "if writes follow reads in each transaction, the values {scc} of key {key} each came before the others",
        scc = scc.told(),
        key = key.told()
    );
    let sources = vec!["initial-state", "wfr-keys"].into();
    let fields =
        vec![("key", Field::Value(key)), ("scc", Field::Value(scc)), ("sources", Field::Value(sources))];
    Case { op: None, fields, text }
}
