//! Transactions that write and read registers: what txn-rw-register checks, with Maelstrom's options and its reading of
//! the result (spec §9.10, §13.4). A read shows only one version, so little is known of the order of versions: the
//! initial state came first, and what a transaction read before it wrote the same key came before what it wrote.

mod versions;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::verdict::Finding;
use super::super::{History, Valid, Value};
use super::anomaly::Anomaly;
use super::cycle::{Naming, READS_FIRST};
use super::evidence::{Case, DataStep, Explainer, named};
use super::graph::{Dependency, GraphBuilder};
use super::model::forbidden_by;
use super::transaction::{Action, Key, MicroOp, Shape, Transactions, Unjudgeable, Version};
use super::{Anomalies, Options, TxnResult, phenomena};
use versions::{Externals, VersionGraph};

/// Judges a history of register transactions as Maelstrom does: whatever anomaly Elle reports makes it invalid, even
/// that no dependency could be inferred, except that a search was given up.
pub fn check(history: &History, options: &Options) -> TxnResult {
    let forbidden = forbidden_by(&options.consistency_models);
    let (mut transactions, mut obstacles) = Transactions::read(history, Shape::Register);
    let is_whole = obstacles.is_empty();
    let mut externals = Externals::of(&transactions);
    let ambiguous = ambiguous_keys(&transactions, &externals, &mut obstacles);
    if !ambiguous.is_empty() {
        transactions.leave_out(&ambiguous);
        externals = Externals::of(&transactions);
    }
    let mut anomalies = Anomalies::default();
    anomalies.add_all(Anomaly::Internal, internal_contradictions(&transactions));
    anomalies.add_all(Anomaly::G1a, phenomena::aborted_reads(&transactions));
    anomalies.add_all(Anomaly::G1b, phenomena::intermediate_reads(&transactions));
    anomalies.add_all(Anomaly::LostUpdate, phenomena::lost_updates(&transactions));
    let (versions, cyclic) = VersionGraph::infer(&transactions, &externals);
    anomalies.add_all(Anomaly::CyclicVersions, cyclic);
    let registers = Registers { transactions: &transactions, externals: &externals, versions: &versions };
    let (dependencies, is_linked) = registers.dependencies();
    anomalies.add_cycles(dependencies, is_linked, forbidden, &registers);
    let result = TxnResult::of(anomalies, forbidden, history).beside(obstacles, history);
    let mut result = as_maelstrom_reads_it(result, history);
    if is_whole {
        result.warnings = unwritten_reads(&transactions);
    }
    result
}

/// An empty graph counts against the history, a search that was given up does not count.
fn as_maelstrom_reads_it(mut result: TxnResult, history: &History) -> TxnResult {
    let is_cut_short = |anomaly| anomaly == Anomaly::CycleSearchTimeout;
    result.summarize(history, is_cut_short);
    result.anomalies.retain(|anomaly, _| !is_cut_short(*anomaly));
    result.anomaly_types.retain(|anomaly| !is_cut_short(*anomaly));
    result.valid = match (result.anomalies.is_empty(), result.error.is_none()) {
        (false, _) => Valid::False,
        (true, true) => Valid::True,
        (true, false) => Valid::Unknown,
    };
    result
}

/// The keys with a value that several committed transactions wrote and one read: whose write it was cannot be told.
fn ambiguous_keys(
    transactions: &Transactions,
    externals: &Externals,
    obstacles: &mut Vec<Unjudgeable>,
) -> FxHashSet<Key> {
    let mut keys = FxHashSet::default();
    for version in 0..transactions.version_count() as Version {
        let ([first, second, ..], [_, ..]) = (externals.writers(version), externals.readers(version)) else {
            continue;
        };
        let key = transactions.key_of_version(version);
        if keys.insert(key) {
            let [first, second] = [*first, *second].map(|number| transactions.get(number as usize).op);
            let (key, value) = (transactions.key_value(key).told(), transactions.value(version).told());
            let reason = format!(
                "writes {value} to key {key}, as operation {first} does, so a read of it is ambiguous"
            );
            obstacles.push(Unjudgeable { op: second, reason });
        }
    }
    keys
}

/// How many reads of values that nobody wrote are told.
const UNWRITTEN_TOLD: usize = 8;

/// Committed reads of values that no transaction wrote, whatever became of it: the first read of each. Elle lets them
/// pass.
fn unwritten_reads(transactions: &Transactions) -> Vec<Finding> {
    let mut is_known = vec![false; transactions.version_count()];
    for (_, transaction) in transactions.iter() {
        phenomena::writes(transactions.micro_ops(transaction))
            .for_each(|version| is_known[version as usize] = true);
    }
    let (attempts, _) = transactions.attempts();
    let mut warnings = Vec::new();
    for (reader, read, seen) in phenomena::committed_reads(transactions) {
        let Some(&version) = transactions.elements(seen).first() else { continue };
        let (key, value) = (transactions.key_value(read.key), transactions.value(version));
        if std::mem::replace(&mut is_known[version as usize], true) || attempts.contain(key, value) {
            continue;
        }
        let reader = reader.op;
        let text = format!(
            "{} read {} from key {}, which nobody tried to write",
            named(transactions.history, reader),
            value.told(),
            key.told()
        );
        warnings.push(Finding::at(&transactions.history.ops()[reader], text).strictly());
    }
    let more = warnings.len().saturating_sub(UNWRITTEN_TOLD);
    warnings.truncate(UNWRITTEN_TOLD);
    if more > 0 {
        let text = format!("{more} more values were read that nobody tried to write");
        warnings.push(Finding::overall(text).strictly());
    }
    warnings
}

/// Committed transactions with a read that contradicts their own earlier reads and writes; the first such read each.
fn internal_contradictions(transactions: &Transactions) -> Vec<Case> {
    let contradiction = |micro_ops: &[MicroOp], op: usize| {
        let mut known: FxHashMap<Key, Version> = FxHashMap::default();
        for micro_op in micro_ops {
            let seen = match micro_op.action {
                Action::Write(version) => Some(version),
                Action::Read(seen) => transactions.elements(seen).first().copied(),
            };
            let before = known.get(&micro_op.key).copied();
            if let (Action::Read(_), Some(expected), true) = (micro_op.action, before, before != seen) {
                let expected = transactions.value(expected).clone();
                let should = expected.told().to_string();
                return Some(phenomena::internal(transactions, op, *micro_op, expected, &should));
            }
            if let Some(version) = seen {
                known.insert(micro_op.key, version);
            }
        }
        None
    };
    let committed = transactions.committed();
    committed
        .filter_map(|(_, transaction)| contradiction(transactions.micro_ops(transaction), transaction.op))
        .collect()
}

/// Infers the dependencies and explains them.
struct Registers<'t, 'h> {
    transactions: &'t Transactions<'h>,
    externals: &'t Externals,
    versions: &'t VersionGraph,
}

impl<'h> Registers<'_, 'h> {
    /// The dependencies, and whether there were any, even if only of transactions on themselves.
    fn dependencies(&self) -> (GraphBuilder<'h>, bool) {
        let mut graph = GraphBuilder::new(self.transactions.history);
        let mut is_linked = false;
        for version in 0..self.transactions.version_count() as Version {
            let writers = self.externals.writers(version);
            let readers = self.externals.readers(version);
            is_linked |= self.link(&mut graph, writers, readers, Dependency::Wr);
            for &next in self.versions.after(version) {
                let next_writers = self.externals.writers(next);
                is_linked |= self.link(&mut graph, writers, next_writers, Dependency::Ww);
                is_linked |= self.link(&mut graph, readers, next_writers, Dependency::Rw);
            }
        }
        for key in 0..self.transactions.key_count() as Key {
            let readers = self.externals.readers_of_initial(key);
            is_linked |= self.link(&mut graph, readers, self.externals.writers_of_key(key), Dependency::Rw);
        }
        (graph, is_linked)
    }

    fn link(&self, graph: &mut GraphBuilder, from: &[u32], to: &[u32], dependency: Dependency) -> bool {
        if from.is_empty() || to.is_empty() {
            return false;
        }
        let ops = |numbers: &[u32]| -> Vec<usize> {
            numbers.iter().map(|number| self.transactions.get(*number as usize).op).collect()
        };
        graph.add_all(&ops(from), &ops(to), dependency);
        true
    }

    fn micro_ops(&self, op: usize) -> &[MicroOp] {
        let number = self.transactions.number_of(op);
        number.map_or(&[], |number| self.transactions.micro_ops(self.transactions.get(number)))
    }

    fn place_of_write(&self, op: usize, version: Version) -> Option<usize> {
        self.micro_ops(op).iter().position(|micro_op| micro_op.action == Action::Write(version))
    }

    /// Where an operation first read a version, or with none the initial state.
    fn place_of_read(&self, op: usize, key: Key, version: Option<Version>) -> Option<usize> {
        self.micro_ops(op).iter().position(|micro_op| match micro_op.action {
            Action::Read(seen) => {
                micro_op.key == key && self.transactions.elements(seen).first().copied() == version
            }
            Action::Write(_) => false,
        })
    }
}

impl Explainer for Registers<'_, '_> {
    fn history(&self) -> &History {
        self.transactions.history
    }

    fn naming(&self) -> Naming {
        READS_FIRST
    }

    fn data_step(&self, from: usize, to: usize, dependency: Dependency) -> Option<DataStep> {
        let (from_number, to_number) = (self.transactions.number_of(from)?, self.transactions.number_of(to)?);
        let sources: Vec<(Key, Option<Version>)> = match dependency {
            Dependency::Rw => self.externals.read_by(from_number).to_vec(),
            _ => self
                .externals
                .written_by(from_number)
                .iter()
                .map(|(key, version)| (*key, Some(*version)))
                .collect(),
        };
        let (key, value, next) = sources.into_iter().find_map(|(key, version)| {
            if dependency == Dependency::Wr {
                let read = self.externals.read_by(to_number).contains(&(key, version));
                return read.then_some((key, version, None));
            }
            let written = self.externals.written_by(to_number);
            let follows = |next: Version| match version {
                None => true,
                Some(version) => self.versions.after(version).contains(&next),
            };
            let next = written.iter().find(|(written_key, next)| *written_key == key && follows(*next));
            next.map(|(_, next)| (key, version, Some(*next)))
        })?;
        let value_of = |version: Version| self.transactions.value(version).clone();
        Some(DataStep {
            key: self.transactions.key_value(key).clone(),
            value: value.map_or(Value::Null, value_of),
            next_value: next.map(value_of),
            a_mop_index: match (dependency, value) {
                (Dependency::Ww | Dependency::Wr, Some(version)) => self.place_of_write(from, version),
                _ => self.place_of_read(from, key, value),
            },
            b_mop_index: match next {
                Some(next) => self.place_of_write(to, next),
                None => self.place_of_read(to, key, value),
            },
        })
    }

    fn because(&self, dependency: Dependency, step: &DataStep, a: &str, b: &str) -> String {
        let DataStep { key, value, .. } = step;
        let next = step.next_value.clone().unwrap_or_default();
        match dependency {
            Dependency::Wr => format!(
                "{a} wrote key {key} = {value}, which was read by {b}",
                key = key.told(),
                value = value.told()
            ),
            Dependency::Ww => {
                format!(
                    "{a} set key {key} to {value}, and {b} set it to {next}, which came later in the version order",
                    key = key.told(),
                    value = value.told(),
                    next = next.told()
                )
            }
            _ => format!(
                "{a} read key {key} = {value}, and {b} set it to {next}, which came later in the version order",
                key = key.told(),
                value = value.told(),
                next = next.told()
            ),
        }
    }
}

#[cfg(test)]
mod tests;
