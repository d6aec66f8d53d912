//! What shows an anomaly: the operations, Elle's fields, and the reason in words. Cycles are laid out so that they can
//! be drawn as well as read: `ops` are the nodes, `steps` the labelled edges.

use std::fmt::Write;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::super::verdict::{Finding, seconds};
use super::super::{History, Op, Value};
use super::anomaly::Anomaly;
use super::cycle::{CutShort, FoundCycle, Naming};
use super::existence::CycleExists;
use super::graph::Dependency;

/// One instance of an anomaly.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// Transactions that would each have to precede the next.
    Cycle(Cycle),
    /// A cyclic sub-graph in which no cycle was named.
    CycleExists(CycleExists),
    /// Anything but a cycle.
    Case(Case),
    /// A search that ran out of steps.
    CutShort(CutShort),
    /// There was nothing to infer a dependency from.
    EmptyGraph,
}

/// A cycle with its proof.
#[derive(Clone, Debug, Serialize)]
pub struct Cycle {
    /// Its class.
    #[serde(rename = "type")]
    pub anomaly: Anomaly,
    /// The completions, by index.
    #[serde(rename = "cycle")]
    pub ops: Vec<usize>,
    /// `steps[i]` leads from `ops[i]` to `ops[i + 1]`, the last one back to the first.
    pub steps: Vec<Step>,
    /// The proof in words, in several lines.
    pub explanation: String,
    #[serde(skip)]
    sentence: String,
}

/// Why one transaction of a cycle precedes the next.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// The kind of dependency.
    #[serde(rename = "type", serialize_with = "dependency_name")]
    pub dependency: Dependency,
    /// What data dependencies come from; none for time.
    #[serde(flatten)]
    pub data: Option<DataStep>,
}

/// Where in two transactions a data dependency shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DataStep {
    /// The key that both touched.
    pub key: Value,
    /// What the first wrote or read; `null` is the initial state.
    pub value: Value,
    /// What the second wrote; none if it read what the first wrote.
    #[serde(rename = "value'", skip_serializing_if = "Option::is_none")]
    pub next_value: Option<Value>,
    /// The place of the micro-operation in the first transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a_mop_index: Option<usize>,
    /// The place of the micro-operation in the second transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b_mop_index: Option<usize>,
}

fn dependency_name<S: Serializer>(dependency: &Dependency, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(dependency.name())
}

/// A checker that can say why it put a data dependency into the graph.
pub(super) trait Explainer {
    /// The history it looks at.
    fn history(&self) -> &History;

    /// By which of several dependencies an edge is named.
    fn naming(&self) -> Naming;

    /// Where the dependency between two completions shows.
    fn data_step(&self, from: usize, to: usize, dependency: Dependency) -> Option<DataStep>;

    /// The reason in words, with `a` and `b` as the names of the two transactions.
    fn because(&self, dependency: Dependency, step: &DataStep, a: &str, b: &str) -> String;
}

/// Adds to a cycle what its edges come from, and tells it as a proof in Elle's manner.
pub(super) fn explain_cycle(found: FoundCycle, explainer: &impl Explainer) -> Cycle {
    let history = explainer.history();
    let successors = found.ops.iter().cycle().skip(1);
    let edges: Vec<_> =
        found.ops.iter().zip(successors).zip(&found.by).map(|((a, b), by)| (*a, *b, *by)).collect();
    let step = |&(a, b, dependency): &(usize, usize, Dependency)| Step {
        dependency,
        data: explainer.data_step(a, b, dependency),
    };
    let steps: Vec<Step> = edges.iter().map(step).collect();
    let reason = |place: usize, a: &str, b: &str| match (&steps[place].data, edges[place]) {
        (Some(data), (_, _, dependency)) => explainer.because(dependency, data, a, b),
        (None, (from, to, dependency)) => time_reason(history, (from, to), dependency, a, b),
    };
    let explanation = proof(&found.ops, history, &reason);
    let sentence = sentence(&found.ops, history, &reason);
    Cycle { anomaly: found.anomaly, ops: found.ops, steps, explanation, sentence }
}

fn time_reason(history: &History, (from, to): (usize, usize), by: Dependency, a: &str, b: &str) -> String {
    let ended = &history.ops()[from];
    if by == Dependency::Process {
        return format!("process {} executed {a} before {b}", ended.process);
    }
    let Some(began) = history.invocation_of(to) else { return format!("{a} ended before {b} began") };
    let gap = seconds(began.time_ns.saturating_sub(ended.time_ns));
    format!(
        "{a} completed at index {}, {gap} before the invocation of {b}, at index {}",
        ended.index, began.index
    )
}

fn proof(ops: &[usize], history: &History, reason: &impl Fn(usize, &str, &str) -> String) -> String {
    let mut text = "Let:\n".to_owned();
    for (place, op) in ops.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  T{} = {}", place + 1, in_full(&history.ops()[*op]));
    }
    text.push_str("\nThen:\n");
    for place in 0..ops.len() {
        let (a, b) = (format!("T{}", place + 1), format!("T{}", (place + 1) % ops.len() + 1));
        let because = reason(place, &a, &b);
        let _ = match place + 1 == ops.len() {
            true => write!(text, "  - However, {a} < {b}, because {because}: a contradiction!"),
            false => writeln!(text, "  - {a} < {b}, because {because}."),
        };
    }
    text
}

fn sentence(ops: &[usize], history: &History, reason: &impl Fn(usize, &str, &str) -> String) -> String {
    let introduced: Vec<_> = ops.iter().map(|op| named(history, *op)).collect();
    let reasons = (0..ops.len()).map(|place| {
        let (a, b) = (ops[place], ops[(place + 1) % ops.len()]);
        reason(place, &format!("operation {a}"), &format!("operation {b}"))
    });
    let reasons: Vec<_> = reasons.collect();
    format!("no order fits {}: {}", introduced.join(", "), reasons.join("; "))
}

fn in_full(op: &Op) -> String {
    let kind = op.kind.as_str();
    format!(
        "{{index {}, time {}, process {}, {kind}, value {}}}",
        op.index,
        seconds(op.time_ns),
        op.process,
        op.value.told()
    )
}

/// An operation as findings name it: by index, process and time.
pub(super) fn named(history: &History, op: usize) -> String {
    let op = &history.ops()[op];
    format!("operation {} (process {}, {})", op.index, op.process, seconds(op.time_ns))
}

/// An anomaly that is not a cycle.
#[derive(Clone, Debug)]
pub struct Case {
    /// The operation where it shows, if it shows in one.
    pub op: Option<usize>,
    /// Elle's fields.
    pub fields: Vec<(&'static str, Field)>,
    /// What happened, in one sentence.
    pub text: String,
}

/// A field of a [`Case`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Field {
    /// An operation, by index.
    Op(usize),
    /// Operations, by index.
    Ops(Vec<usize>),
    /// Anything else.
    Value(Value),
}

/// Elle's fields, in which operations stand as indices, and an `explanation` in words.
impl Serialize for Evidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = match self {
            Evidence::Cycle(cycle) => return cycle.serialize(serializer),
            _ => serializer.serialize_map(None)?,
        };
        match self {
            Evidence::Case(case) => {
                for (name, field) in &case.fields {
                    map.serialize_entry(name, field)?;
                }
            }
            Evidence::CycleExists(existing) => {
                map.serialize_entry("type", &existing.requirement.anomaly)?;
                map.serialize_entry("not", &existing.requirement.model)?;
                map.serialize_entry("subgraph", &existing.requirement.edge_names())?;
                map.serialize_entry("scc-size", &existing.scc.len())?;
                map.serialize_entry("scc", &existing.scc)?;
            }
            Evidence::CutShort(search) => {
                map.serialize_entry("anomaly-spec-type", &search.sought)?;
                map.serialize_entry("scc-size", &search.scc_size)?;
            }
            Evidence::Cycle(_) | Evidence::EmptyGraph => {}
        }
        map.serialize_entry("explanation", &self.sentence())?;
        map.end()
    }
}

impl Evidence {
    /// What was found, in one sentence without a full stop.
    pub fn sentence(&self) -> String {
        match self {
            Evidence::Cycle(cycle) => cycle.sentence.clone(),
            Evidence::Case(case) => case.text.clone(),
            Evidence::CycleExists(existing) => existence_sentence(existing),
            Evidence::CutShort(search) => format!(
                "the search for {} among {} transactions was given up after a fixed number of steps",
                search.sought, search.scc_size
            ),
            Evidence::EmptyGraph => {
                "no dependency between transactions could be inferred, so the history proves nothing"
                    .to_owned()
            }
        }
    }

    /// The same for a list of findings, placed where the anomaly shows.
    pub(super) fn finding(&self, anomaly: Anomaly, history: &History) -> Finding {
        let op = match self {
            Evidence::Cycle(cycle) => cycle.ops.iter().min().copied(),
            Evidence::CycleExists(existing) => existing.scc.first().copied(),
            Evidence::Case(case) => case.op,
            Evidence::CutShort(_) | Evidence::EmptyGraph => None,
        };
        let text = format!("{anomaly}: {}", self.sentence());
        let finding = match op.and_then(|op| history.ops().get(op)) {
            Some(op) => Finding::at(op, text),
            None => Finding::overall(text),
        };
        finding.involving(self.parts())
    }

    /// The operations that have a part in it, with the names the explanation gives them.
    pub fn parts(&self) -> Vec<(usize, String)> {
        let numbered = |ops: &[usize]| {
            ops.iter().enumerate().map(|(place, op)| (*op, format!("T{}", place + 1))).collect()
        };
        match self {
            Evidence::Cycle(cycle) => numbered(&cycle.ops),
            Evidence::CycleExists(existing) => numbered(&existing.scc),
            Evidence::Case(case) => case.parts(),
            Evidence::CutShort(_) | Evidence::EmptyGraph => Vec::new(),
        }
    }
}

impl Case {
    fn parts(&self) -> Vec<(usize, String)> {
        let mut parts: Vec<(usize, String)> = Vec::new();
        let mut add = |op: usize, role: String| {
            if parts.iter().all(|(known, _)| *known != op) {
                parts.push((op, role));
            }
        };
        for (name, field) in &self.fields {
            match field {
                Field::Op(op) if *name == "op" => add(*op, "here".to_owned()),
                Field::Op(op) => add(*op, (*name).to_owned()),
                Field::Ops(ops) => (1..).zip(ops).for_each(|(place, op)| add(*op, format!("T{place}"))),
                Field::Value(_) => {}
            }
        }
        self.op.into_iter().for_each(|op| add(op, "here".to_owned()));
        parts
    }
}

fn existence_sentence(existing: &CycleExists) -> String {
    let ops: Vec<_> = existing.scc.iter().map(usize::to_string).collect();
    let requirement = existing.requirement;
    let (ops, edges) = (ops.join(", "), requirement.edge_names().join(", "));
    format!(
        "operations {ops} depend on each other in a cycle of {edges} edges, which {} forbids",
        requirement.model
    )
}
