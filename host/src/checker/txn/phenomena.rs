//! Anomalies that both workloads share and that need no graph: reads of aborted and of intermediate writes, and lost
//! updates (spec §13.3).

use rustc_hash::FxHashMap;

use super::super::Value;
use super::evidence::{Case, Field, named};
use super::transaction::{Action, Key, MicroOp, Outcome, Seen, Shape, Transaction, Transactions, Version};

const NOBODY: u32 = u32::MAX;

/// For each version a transaction that wrote it in some way.
struct Writers(Vec<u32>);

impl Writers {
    fn none(transactions: &Transactions) -> Writers {
        Writers(vec![NOBODY; transactions.version_count()])
    }

    fn set(&mut self, version: Version, number: usize) {
        self.0[version as usize] = number as u32;
    }

    fn get(&self, version: Version) -> Option<usize> {
        let number = self.0[version as usize];
        (number != NOBODY).then_some(number as usize)
    }
}

/// G1a: committed reads of what a failed transaction wrote; in a list, of any element.
pub(super) fn aborted_reads(transactions: &Transactions) -> Vec<Case> {
    let mut aborted = Writers::none(transactions);
    for (number, transaction) in transactions.iter().filter(|(_, it)| it.outcome == Outcome::Fail) {
        for version in writes(transactions.micro_ops(transaction)) {
            aborted.set(version, number);
        }
    }
    let mut cases = Vec::new();
    for (reader, micro_op, seen) in committed_reads(transactions) {
        for &version in transactions.elements(seen) {
            if let Some(writer) = aborted.get(version) {
                let writer = transactions.get(writer).op;
                let what = "which has failed";
                cases.push(dirty_read(transactions, reader, micro_op, version, writer, what));
            }
        }
    }
    cases
}

/// G1b: committed reads of what another transaction wrote and then overwrote; in a list, of the last element.
pub(super) fn intermediate_reads(transactions: &Transactions) -> Vec<Case> {
    let mut intermediate = Writers::none(transactions);
    for (number, transaction) in transactions.iter() {
        let mut final_write = FxHashMap::default();
        for micro_op in transactions.micro_ops(transaction) {
            let Action::Write(version) = micro_op.action else { continue };
            if let Some(overwritten) = final_write.insert(micro_op.key, version) {
                intermediate.set(overwritten, number);
            }
        }
    }
    let mut cases = Vec::new();
    for (reader, micro_op, seen) in committed_reads(transactions) {
        let Some(&version) = transactions.elements(seen).last() else { continue };
        let writer = intermediate.get(version).map(|writer| transactions.get(writer).op);
        if let Some(writer) = writer.filter(|writer| *writer != reader.op) {
            let what = "which wrote that key again later";
            cases.push(dirty_read(transactions, reader, micro_op, version, writer, what));
        }
    }
    cases
}

fn dirty_read(
    transactions: &Transactions,
    reader: &Transaction,
    micro_op: MicroOp,
    version: Version,
    writer: usize,
    what: &str,
) -> Case {
    let mut fields = vec![
        ("op", Field::Op(reader.op)),
        ("mop", Field::Value(transactions.micro_op_value(micro_op))),
        ("writer", Field::Op(writer)),
    ];
    if transactions.shape == Shape::List {
        fields.push(("element", Field::Value(transactions.value(version).clone())));
    }
    let text = format!(
        "{} read {} of key {}, written by {}, {what}",
        named(transactions.history, reader.op),
        transactions.value(version).told(),
        transactions.key_value(micro_op.key).told(),
        named(transactions.history, writer),
    );
    Case { op: Some(reader.op), fields, text }
}

/// Two or more committed transactions that read the same state of a key and then wrote the key.
pub(super) fn lost_updates(transactions: &Transactions) -> Vec<Case> {
    let mut group_of: FxHashMap<(Key, Option<&[Version]>), usize> = FxHashMap::default();
    let mut groups: Vec<(Key, Seen, Vec<usize>)> = Vec::new();
    for (_, transaction) in transactions.committed() {
        for (key, seen) in updated(transactions.micro_ops(transaction)) {
            let state = (seen != Seen::Nothing).then(|| transactions.elements(seen));
            let group = *group_of.entry((key, state)).or_insert_with(|| {
                groups.push((key, seen, Vec::new()));
                groups.len() - 1
            });
            groups[group].2.push(transaction.op);
        }
    }
    let lost = groups.into_iter().filter(|(_, _, ops)| ops.len() > 1);
    lost.map(|(key, seen, ops)| lost_update(transactions, key, seen, ops)).collect()
}

/// The keys that a transaction wrote after reading them, with what it read first.
fn updated(micro_ops: &[MicroOp]) -> Vec<(Key, Seen)> {
    let mut updated = Vec::new();
    let mut first_read: FxHashMap<Key, Option<Seen>> = FxHashMap::default();
    for micro_op in micro_ops {
        match micro_op.action {
            Action::Read(seen) => {
                first_read.entry(micro_op.key).or_insert(Some(seen));
            }
            Action::Write(_) => {
                let read = first_read.get_mut(&micro_op.key).and_then(Option::take);
                updated.extend(read.map(|seen| (micro_op.key, seen)));
            }
        }
    }
    updated
}

fn lost_update(transactions: &Transactions, key: Key, seen: Seen, ops: Vec<usize>) -> Case {
    let key = transactions.key_value(key).clone();
    let value = transactions.seen_value(seen);
    let names: Vec<_> = ops.iter().map(|op| named(transactions.history, *op)).collect();
    let text = format!(
        "{} each read key {key} as {value} and then wrote it",
        names.join(", "),
        key = key.told(),
        value = value.told()
    );
    let op = ops.last().copied();
    let fields = vec![("key", Field::Value(key)), ("value", Field::Value(value)), ("txns", Field::Ops(ops))];
    Case { op, fields, text }
}

/// What micro-operations write.
pub(super) fn writes(micro_ops: &[MicroOp]) -> impl Iterator<Item = Version> {
    micro_ops.iter().filter_map(|micro_op| match micro_op.action {
        Action::Write(version) => Some(version),
        Action::Read(_) => None,
    })
}

/// All reads of committed transactions.
pub(super) fn committed_reads<'t>(
    transactions: &'t Transactions,
) -> impl Iterator<Item = (&'t Transaction, MicroOp, Seen)> {
    transactions.committed().flat_map(|(_, transaction)| {
        let reads = transactions.micro_ops(transaction).iter().filter_map(|micro_op| match micro_op.action {
            Action::Read(seen) => Some((*micro_op, seen)),
            Action::Write(_) => None,
        });
        reads.map(move |(micro_op, seen)| (transaction, micro_op, seen))
    })
}

/// A read that should have shown something else; `expected` is that in Elle's notation, `should` in words.
pub(super) fn internal(
    transactions: &Transactions,
    op: usize,
    micro_op: MicroOp,
    expected: Value,
    should: &str,
) -> Case {
    let text = format!(
        "{} read {}, though by its own earlier steps it should have seen {should}",
        named(transactions.history, op),
        transactions.micro_op_value(micro_op).told(),
    );
    let fields = vec![
        ("op", Field::Op(op)),
        ("mop", Field::Value(transactions.micro_op_value(micro_op))),
        ("expected", Field::Value(expected)),
    ];
    Case { op: Some(op), fields, text }
}
