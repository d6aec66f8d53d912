//! Transactions that append to lists and read them whole: what txn-list-append checks (spec §9.9, §13.3). Since a read
//! shows every append before it, the order of a key's versions can be read off, and with it all dependencies.

mod order;
mod within;

use rustc_hash::FxHashMap;

use super::super::{History, Value};
use super::anomaly::Anomaly;
use super::cycle::{Naming, WRITES_FIRST};
use super::evidence::{Case, DataStep, Evidence, Explainer, Field, named};
use super::graph::{Dependency, GraphBuilder};
use super::model::forbidden_by;
use super::transaction::{Action, Key, MicroOp, Outcome, Shape, Transactions, Unjudgeable, Version};
use super::{Anomalies, Options, TxnResult, phenomena};
use order::{State, VersionOrders};

/// Judges a history of list-append transactions.
pub fn check(history: &History, options: &Options) -> TxnResult {
    let forbidden = forbidden_by(&options.consistency_models);
    let (mut transactions, mut obstacles) = Transactions::read(history, Shape::List);
    let is_whole = obstacles.is_empty();
    let (attempts, repeated) = transactions.attempts();
    let ambiguous = repeated.iter().filter_map(|(key, _)| transactions.number_of_key(key)).collect();
    transactions.leave_out(&ambiguous);
    obstacles.extend(repeated.into_iter().map(|(_, reason)| reason));
    let orders = VersionOrders::infer(&transactions);
    let mut anomalies = Anomalies::default();
    anomalies.add_all(Anomaly::DuplicateElements, within::duplicate_elements(&transactions));
    anomalies.add_all(Anomaly::Internal, within::internal_contradictions(&transactions));
    anomalies.add_all(Anomaly::FutureRead, within::future_reads(&transactions));
    anomalies.add_all(Anomaly::G1a, phenomena::aborted_reads(&transactions));
    anomalies.add_all(Anomaly::G1b, phenomena::intermediate_reads(&transactions));
    anomalies.add_all(Anomaly::LostUpdate, phenomena::lost_updates(&transactions));
    anomalies.add_all(Anomaly::IncompatibleOrder, orders.incompatible(&transactions));
    anomalies.add_all(Anomaly::DirtyUpdate, dirty_updates(&transactions, &orders));
    for (key, version, op) in orders.unwritten() {
        let (key, element) = (transactions.key_value(key), transactions.value(version));
        if is_whole && !attempts.contain(key, element) {
            anomalies.add(Anomaly::UnwrittenRead, Evidence::Case(unwritten_read(history, op, key, element)));
        } else {
            let (key, element) = (key.told(), element.told());
            let reason = format!("shows {element} in key {key}, which no completed operation appended");
            obstacles.push(Unjudgeable { op, reason });
        }
    }
    let appends = Appends { transactions: &transactions, orders: &orders };
    anomalies.add_cycles(appends.dependencies(), false, forbidden, &appends);
    TxnResult::of(anomalies, forbidden, history).beside(obstacles, history)
}

fn unwritten_read(history: &History, op: usize, key: &Value, element: &Value) -> Case {
    let reader = named(history, op);
    let text =
        format!("{reader} read {} of key {}, which nobody tried to append", element.told(), key.told());
    let fields = vec![
        ("op", Field::Op(op)),
        ("key", Field::Value(key.clone())),
        ("element", Field::Value(element.clone())),
    ];
    Case { op: Some(op), fields, text }
}

/// Dirty updates: in the order of a key's versions, a committed append follows a failed one.
fn dirty_updates(transactions: &Transactions, orders: &VersionOrders) -> Vec<Case> {
    let mut cases = Vec::new();
    for order in orders.all() {
        let mut failed: Option<usize> = None;
        let mut since_failure: Vec<Version> = Vec::new();
        for &version in order {
            let Some(writer) = orders.writer(version).map(|number| transactions.get(number)) else {
                continue;
            };
            match (writer.outcome, failed) {
                (Outcome::Fail, None) => {
                    failed = Some(writer.op);
                    since_failure = vec![version];
                }
                (Outcome::Ok, Some(failed_op)) => {
                    since_failure.push(version);
                    cases.push(dirty_update(transactions, &since_failure, failed_op, writer.op));
                    failed = None;
                }
                _ => since_failure.push(version),
            }
        }
    }
    cases
}

fn dirty_update(transactions: &Transactions, versions: &[Version], failed: usize, committed: usize) -> Case {
    let key = transactions.key_value(transactions.key_of_version(versions[0])).clone();
    let values = transactions.list(versions);
    let text = format!(
        "{} appended to key {key} on top of what {} appended, which has failed; the key shows {values}",
        named(transactions.history, committed),
        named(transactions.history, failed),
        key = key.told(),
        values = values.told()
    );
    let fields = vec![
        ("key", Field::Value(key)),
        ("values", Field::Value(values)),
        ("txns", Field::Ops(vec![failed, committed])),
    ];
    Case { op: Some(committed), fields, text }
}

/// Infers the dependencies and explains them.
struct Appends<'t, 'h> {
    transactions: &'t Transactions<'h>,
    orders: &'t VersionOrders,
}

impl<'h> Appends<'_, 'h> {
    fn dependencies(&self) -> GraphBuilder<'h> {
        let mut graph = GraphBuilder::new(self.transactions.history);
        let mut unseen: FxHashMap<Key, Vec<usize>> = FxHashMap::default();
        for (_, transaction) in self.transactions.iter().filter(|(_, it)| it.outcome.is_possible()) {
            let op = transaction.op;
            for micro_op in self.transactions.micro_ops(transaction) {
                match micro_op.action {
                    Action::Write(version) => {
                        self.add_append(&mut graph, version, op);
                        if !self.orders.was_seen(version) {
                            unseen.entry(micro_op.key).or_default().push(op);
                        }
                    }
                    Action::Read(_) if transaction.outcome == Outcome::Ok => {
                        self.add_read(&mut graph, *micro_op, op)
                    }
                    Action::Read(_) => {}
                }
            }
        }
        for (key, mut appenders) in unseen {
            appenders.dedup();
            graph.add_all(&self.readers(self.orders.last(key)), &appenders, Dependency::Rw);
        }
        graph
    }

    fn add_append(&self, graph: &mut GraphBuilder, version: Version, op: usize) {
        let before = self.orders.before(version, self.transactions);
        if self.orders.was_seen(version) {
            graph.add_all(&self.readers(before), &[op], Dependency::Rw);
        }
        if let Some(writer) = self.possible_writer(before) {
            graph.add(writer, op, Dependency::Ww);
        }
    }

    /// The completions of the transactions that read a state.
    fn readers(&self, state: State) -> Vec<usize> {
        self.orders.readers(state).iter().map(|reader| self.transactions.get(*reader as usize).op).collect()
    }

    fn add_read(&self, graph: &mut GraphBuilder, read: MicroOp, op: usize) {
        let state = State::seen(read, self.transactions);
        if let Some(writer) = self.possible_writer(state) {
            graph.add(writer, op, Dependency::Wr);
        }
    }

    /// The completion of the transaction that brought a key into a state. A failed one is no part of the graph.
    fn possible_writer(&self, state: State) -> Option<usize> {
        let State::After(version) = state else { return None };
        let writer = self.transactions.get(self.orders.possible_writer(version)?);
        Some(writer.op)
    }

    fn micro_ops(&self, op: usize) -> &[MicroOp] {
        let number = self.transactions.number_of(op);
        number.map_or(&[], |number| self.transactions.micro_ops(self.transactions.get(number)))
    }

    fn place_of_write(&self, op: usize, version: Version) -> Option<usize> {
        self.micro_ops(op).iter().position(|micro_op| micro_op.action == Action::Write(version))
    }

    fn place_of_read(&self, op: usize, state: State) -> Option<usize> {
        self.micro_ops(op).iter().position(|micro_op| {
            matches!(micro_op.action, Action::Read(_)) && State::seen(*micro_op, self.transactions) == state
        })
    }

    /// What the second transaction did to depend on the first in this way.
    fn find_step(
        &self,
        from: usize,
        to: usize,
        dependency: Dependency,
    ) -> Option<(State, Option<Version>, usize)> {
        let steps = self.micro_ops(to).iter().enumerate();
        let mut relevant = steps.filter_map(|(place, micro_op)| match (dependency, micro_op.action) {
            (Dependency::Wr, Action::Read(_)) => {
                Some((State::seen(*micro_op, self.transactions), None, place))
            }
            (Dependency::Ww | Dependency::Rw, Action::Write(version)) => {
                Some((self.orders.before(version, self.transactions), Some(version), place))
            }
            _ => None,
        });
        relevant.find(|(state, _, _)| match dependency {
            Dependency::Rw => self.place_of_read(from, *state).is_some(),
            _ => self.possible_writer(*state) == Some(from),
        })
    }
}

impl Explainer for Appends<'_, '_> {
    fn history(&self) -> &History {
        self.transactions.history
    }

    fn naming(&self) -> Naming {
        WRITES_FIRST
    }

    fn data_step(&self, from: usize, to: usize, dependency: Dependency) -> Option<DataStep> {
        let (state, next, b_mop_index) = self.find_step(from, to, dependency)?;
        let (key, value) = match state {
            State::Initial(key) => (key, Value::Null),
            State::After(version) => {
                (self.transactions.key_of_version(version), self.transactions.value(version).clone())
            }
        };
        let a_mop_index = match (dependency, state) {
            (Dependency::Ww | Dependency::Wr, State::After(version)) => self.place_of_write(from, version),
            _ => self.place_of_read(from, state),
        };
        Some(DataStep {
            key: self.transactions.key_value(key).clone(),
            value,
            next_value: next.map(|version| self.transactions.value(version).clone()),
            a_mop_index,
            b_mop_index: Some(b_mop_index),
        })
    }

    fn because(&self, dependency: Dependency, step: &DataStep, a: &str, b: &str) -> String {
        let DataStep { key, value, .. } = step;
        let next = step.next_value.clone().unwrap_or_default();
        match dependency {
            Dependency::Ww => format!(
                "{b} appended {next} after {a} appended {value} to key {key}",
                next = next.told(),
                value = value.told(),
                key = key.told()
            ),
            Dependency::Wr => format!(
                "{b} observed {a}'s append of {value} to key {key}",
                value = value.told(),
                key = key.told()
            ),
            _ if value.is_null() => {
                format!(
                    "{a} observed the initial state of key {key}, to which {b} appended {next}",
                    key = key.told(),
                    next = next.told()
                )
            }
            _ => format!(
                "{a} did not observe {b}'s append of {next} to key {key}",
                next = next.told(),
                key = key.told()
            ),
        }
    }
}

#[cfg(test)]
mod tests;
