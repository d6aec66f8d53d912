//! Anomalies that one transaction shows by itself.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::super::super::Value;
use super::super::evidence::{Case, Field, named};
use super::super::phenomena::{committed_reads, internal};
use super::super::transaction::{Action, Key, MicroOp, Seen, Transaction, Transactions, Version};

/// Reads that show an element more than once.
pub(super) fn duplicate_elements(transactions: &Transactions) -> Vec<Case> {
    committed_reads(transactions)
        .filter_map(|(reader, read, seen)| duplicates(transactions, reader, read, seen))
        .collect()
}

fn duplicates(transactions: &Transactions, reader: &Transaction, read: MicroOp, seen: Seen) -> Option<Case> {
    let elements = transactions.elements(seen);
    let mut count_of: FxHashMap<Version, i64> =
        FxHashMap::with_capacity_and_hasher(elements.len(), Default::default());
    for &element in elements {
        *count_of.entry(element).or_default() += 1;
    }
    if count_of.len() == elements.len() {
        return None;
    }
    let repeated = count_of.into_iter().filter(|(_, count)| *count > 1);
    let repeated: BTreeMap<_, _> =
        repeated.map(|(element, count)| (transactions.value(element), count)).collect();
    let times: Vec<_> = repeated
        .iter()
        .map(|(element, count)| format!("{element} {count} times", element = element.told()))
        .collect();
    let key = transactions.key_value(read.key);
    let text = format!(
        "{} read key {key} and found {}",
        named(transactions.history, reader.op),
        times.join(", "),
        key = key.told()
    );
    let entries = repeated.into_iter().map(|(element, count)| (element.clone(), Value::Int(count)));
    let fields = vec![
        ("op", Field::Op(reader.op)),
        ("mop", Field::Value(transactions.micro_op_value(read))),
        ("duplicates", Field::Value(Value::Map(entries.collect()))),
    ];
    Some(Case { op: Some(reader.op), fields, text })
}

/// Transactions that read something which they append only later.
pub(super) fn future_reads(transactions: &Transactions) -> Vec<Case> {
    transactions.committed().filter_map(|(_, transaction)| future_read(transactions, transaction)).collect()
}

fn future_read(transactions: &Transactions, transaction: &Transaction) -> Option<Case> {
    let micro_ops = transactions.micro_ops(transaction);
    let last_append = micro_ops.iter().rposition(|micro_op| matches!(micro_op.action, Action::Write(_)))?;
    let mut first_read_of: FxHashMap<Version, MicroOp> = FxHashMap::default();
    for micro_op in &micro_ops[..=last_append] {
        let version = match micro_op.action {
            Action::Write(version) => version,
            Action::Read(seen) => {
                for &version in transactions.elements(seen) {
                    first_read_of.entry(version).or_insert(*micro_op);
                }
                continue;
            }
        };
        if let Some(read) = first_read_of.get(&version) {
            let element = transactions.value(version).clone();
            let read = transactions.micro_op_value(*read);
            let text = format!(
                "{} read {element} in {read} before it appended {element} itself",
                named(transactions.history, transaction.op),
                element = element.told(),
                read = read.told()
            );
            let op = Field::Op(transaction.op);
            let fields = vec![("op", op), ("mop", Field::Value(read)), ("element", Field::Value(element))];
            return Some(Case { op: Some(transaction.op), fields, text });
        }
    }
    None
}

/// What a transaction knows of a key by its own steps.
#[derive(Clone, Debug)]
enum Known {
    /// It was `null`.
    Nothing,
    /// It was exactly this.
    Whole(Vec<Version>),
    /// It ended with this; what came before is unknown.
    Ending(Vec<Version>),
}

/// Committed transactions with a read that contradicts their own earlier reads and appends; the first such read each.
pub(super) fn internal_contradictions(transactions: &Transactions) -> Vec<Case> {
    transactions.committed().filter_map(|(_, transaction)| contradiction(transactions, transaction)).collect()
}

fn contradiction(transactions: &Transactions, transaction: &Transaction) -> Option<Case> {
    let micro_ops = transactions.micro_ops(transaction);
    if micro_ops.len() < 2 {
        return None;
    }
    let mut known: FxHashMap<Key, Known> = FxHashMap::default();
    for micro_op in micro_ops {
        match micro_op.action {
            Action::Write(version) => {
                known.entry(micro_op.key).or_insert(Known::Ending(Vec::new())).append(version)
            }
            Action::Read(seen) => {
                let shown = transactions.elements(seen);
                if let Some(contradicted) =
                    known.get(&micro_op.key).filter(|known| !known.allows(seen, shown))
                {
                    let (expected, should) = contradicted.told(transactions);
                    return Some(internal(transactions, transaction.op, *micro_op, expected, &should));
                }
                let now = if seen == Seen::Nothing { Known::Nothing } else { Known::Whole(shown.to_vec()) };
                known.insert(micro_op.key, now);
            }
        }
    }
    None
}

impl Known {
    fn append(&mut self, version: Version) {
        match self {
            Known::Nothing => *self = Known::Whole(vec![version]),
            Known::Whole(versions) | Known::Ending(versions) => versions.push(version),
        }
    }

    /// Whether a read may show this. Elle lets anything follow a `null`.
    fn allows(&self, seen: Seen, shown: &[Version]) -> bool {
        match self {
            Known::Nothing => true,
            Known::Whole(versions) => seen != Seen::Nothing && versions == shown,
            Known::Ending(versions) => shown.ends_with(versions),
        }
    }

    /// In Elle's notation, and in words.
    fn told(&self, transactions: &Transactions) -> (Value, String) {
        let (unknown, versions): (&[&str], &[Version]) = match self {
            Known::Nothing => (&[], &[]),
            Known::Whole(versions) => (&[], versions),
            Known::Ending(versions) => (&["..."], versions),
        };
        let prefix = unknown.iter().map(|dots| Value::from(*dots));
        let known = versions.iter().map(|version| transactions.value(*version).clone());
        let notation: Value = prefix.chain(known).collect();
        let list = transactions.list(versions);
        let words = if unknown.is_empty() {
            list.told().to_string()
        } else {
            format!("a list ending with {}", list.told())
        };
        (notation, words)
    }
}
