//! Contradictions between what was polled and the order of time: a poll cannot return what is sent only after it
//! (spec §9.8, §13.3).

use super::super::txn::cycle::{FoundCycle, WRITES_FIRST, find_cycles};
use super::super::txn::evidence::{Case, Evidence, Field};
use super::super::txn::graph::{Dependency, GraphBuilder};
use super::super::{History, Value};
use super::logs::Logs;
use super::records::{MessageId, Placed, Record, Records};
use super::{Errors, Options};

/// What the search found.
pub(super) struct Cycles {
    pub errors: Vec<Errors>,
    /// Whether it looked everywhere.
    pub is_complete: bool,
}

/// Searches the dependencies between all completed sends and polls.
pub(super) fn find(history: &History, records: &Records, logs: &Logs, options: &Options) -> Cycles {
    let mut graph = GraphBuilder::new(history);
    let dependencies = Dependencies { records, logs };
    dependencies.add_reads(&mut graph);
    if options.ww_deps {
        dependencies.add_writes(&mut graph);
    }
    graph.add_realtime_order_of(|op| matches!(&*op.f, "send" | "poll" | "txn"));
    let mut errors: Vec<Errors> = Vec::new();
    let mut add =
        |name: &'static str, case: Evidence| match errors.iter_mut().find(|errors| errors.name == name) {
            Some(errors) => {
                errors.count += 1;
                errors.cases.push(case);
            }
            None => errors.push(Errors { name, count: 1, cases: vec![case] }),
        };
    if graph.is_empty() && history.client_ops().next().is_some() {
        add(super::EMPTY_GRAPH, Evidence::EmptyGraph);
    }
    let found = find_cycles(&graph.build(), WRITES_FIRST);
    for cycle in &found.cycles {
        add(cycle.anomaly.name(), Evidence::Case(dependencies.case(cycle)));
    }
    for existing in found.existing {
        add(existing.requirement.anomaly.name(), Evidence::CycleExists(existing));
    }
    Cycles { errors, is_complete: found.cut_short.is_empty() }
}

/// Which operation must come before which because of the messages in them.
struct Dependencies<'a> {
    records: &'a Records<'a>,
    logs: &'a Logs,
}

/// The messages because of which one operation must come before another.
struct Step {
    /// Sent by the first.
    message: MessageId,
    /// The next one in the log, sent by the second; none if the second polled `message`.
    next: Option<MessageId>,
}

impl<'a> Dependencies<'a> {
    /// A send comes before every poll of its message.
    fn add_reads(&self, graph: &mut GraphBuilder) {
        for reader in &self.records.ops {
            for writer in reader.polled().filter_map(|polled| self.writer(polled.message)) {
                graph.add(writer.op.index, reader.op.index, Dependency::Wr);
            }
        }
    }

    /// A send comes before the send of the next message in the log.
    fn add_writes(&self, graph: &mut GraphBuilder) {
        for (message, (key, _)) in self.records.messages.iter().enumerate() {
            let previous = self.logs.previous(*key, message).and_then(|previous| self.writer(previous));
            if let (Some(first), Some(second)) = (previous, self.writer(message)) {
                graph.add(first.op.index, second.op.index, Dependency::Ww);
            }
        }
    }

    fn writer(&self, message: MessageId) -> Option<&'a Record<'a>> {
        Some(&self.records.ops[self.records.writer_of[message]?])
    }

    fn is_writer(&self, record: &Record, message: MessageId) -> bool {
        self.writer(message).is_some_and(|writer| writer.op.index == record.op.index)
    }

    /// Where a dependency shows; none if it is one of time.
    fn step(&self, from: &Record, to: &Record, dependency: Dependency) -> Option<Step> {
        match dependency {
            Dependency::Wr => {
                let polled = to.polled().find(|polled| self.is_writer(from, polled.message))?;
                Some(Step { message: polled.message, next: None })
            }
            Dependency::Ww => to.sends.iter().find_map(|(key, placed)| {
                let previous = |sent: &Placed| Some((self.logs.previous(*key, sent.message)?, sent.message));
                let mut pairs = placed.iter().filter_map(previous);
                let (message, next) = pairs.find(|(previous, _)| self.is_writer(from, *previous))?;
                Some(Step { message, next: Some(next) })
            }),
            Dependency::Rw | Dependency::Process | Dependency::Realtime => None,
        }
    }

    fn case(&self, cycle: &FoundCycle) -> Case {
        let record = |index: &usize| {
            let place = self.records.ops.partition_point(|record| record.op.index < *index);
            &self.records.ops[place]
        };
        let next = cycle.ops.iter().cycle().skip(1);
        let edges = cycle.ops.iter().map(record).zip(next.map(record)).zip(&cycle.by);
        let explained = edges.map(|((from, to), by)| {
            let step = self.step(from, to, *by);
            (self.step_value(*by, step.as_ref()), self.reason(from, to, step.as_ref()))
        });
        let (steps, reasons): (Vec<Value>, Vec<String>) = explained.unzip();
        let fields = vec![
            ("cycle", Field::Ops(cycle.ops.clone())),
            ("steps", Field::Value(Value::List(steps))),
            ("type", Field::Value(Value::from(cycle.anomaly.name()))),
        ];
        let text = format!("no order fits: {}", reasons.join("; "));
        Case { op: cycle.ops.iter().min().copied(), fields, text }
    }

    /// `[dependency, key, message, next message]`; only the first for time.
    fn step_value(&self, dependency: Dependency, step: Option<&Step>) -> Value {
        let name = Value::from(dependency.name());
        let Some(step) = step else { return Value::List(vec![name]) };
        let next = step.next.map_or(Value::Null, |next| self.records.value(next).clone());
        Value::List(vec![name, self.key(step).clone(), self.records.value(step.message).clone(), next])
    }

    fn reason(&self, from: &Record, to: &Record, step: Option<&Step>) -> String {
        let (from, to) = (from.name(), to.name());
        let Some(step) = step else { return format!("{from} had ended before {to} began") };
        let sent = format!(
            "{from} sent message {} of key {}",
            self.records.value(step.message).told(),
            self.key(step).told()
        );
        match step.next {
            None => format!("{sent}, which {to} polled"),
            Some(next) => {
                format!("{sent}, right before {}, which {to} sent", self.records.value(next).told())
            }
        }
    }

    fn key(&self, step: &Step) -> &'a Value {
        self.records.keys[self.records.messages[step.message].0]
    }
}
