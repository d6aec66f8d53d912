//! Transactional histories: which isolation anomalies they show and which consistency models those rule out. This is
//! Elle (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations", VLDB 2020),
//! with its two workloads [`list_append`] and [`rw_register`]; [`graph`] and [`cycle`] serve other checkers too.
//!
//! A history becomes transactions, these a [`graph`] of dependencies, its contradictions [cycles](cycle) of some
//! [`anomaly`], which the [models](model) permit or forbid.

pub mod anomaly;
pub mod cycle;
pub mod evidence;
pub mod existence;
pub mod graph;
pub mod list_append;
pub mod model;
mod nonadjacent;
mod paths;
mod phenomena;
#[cfg(test)]
mod properties;
pub mod rw_register;
#[cfg(test)]
mod scenario;
mod transaction;

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;

use self::anomaly::{Anomaly, AnomalySet};
use self::evidence::{Evidence, Explainer, explain_cycle};
use self::graph::GraphBuilder;
use self::model::{Model, UnknownModel, boundary, ruled_out_by};
pub use self::transaction::Unjudgeable;
use super::verdict::{Explain, Finding};
use super::{History, Valid};

/// What a history is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The models it should satisfy. Anomalies that all of them permit are not reported.
    pub consistency_models: Vec<Model>,
}

impl Default for Options {
    fn default() -> Options {
        Options { consistency_models: vec![Model::StrictSerializable] }
    }
}

/// Names of models with commas between them.
impl FromStr for Options {
    type Err = UnknownModel;

    fn from_str(names: &str) -> Result<Options, UnknownModel> {
        let models = names.split(',').map(|name| name.trim().parse());
        Ok(Options { consistency_models: models.collect::<Result<_, _>>()? })
    }
}

/// What Elle says of a history (spec §13.5).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TxnResult {
    /// Whether the models hold as far as one can tell.
    #[serde(rename = "valid?")]
    pub valid: Valid,
    /// The kinds of anomalies that are reported, sorted by name.
    pub anomaly_types: Vec<Anomaly>,
    /// Every reported anomaly.
    pub anomalies: BTreeMap<Anomaly, Vec<Evidence>>,
    /// The weakest models that do not hold, sorted by name.
    pub not: Vec<Model>,
    /// The stronger ones that therefore do not hold either.
    pub also_not: Vec<Model>,
    /// The first reason why something cannot be judged.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub error: Option<Unjudgeable>,
    #[serde(skip)]
    obstacles: Vec<Unjudgeable>,
    #[serde(skip)]
    findings: Vec<Finding>,
    #[serde(skip)]
    unjudged: Vec<Finding>,
    #[serde(skip)]
    warnings: Vec<Finding>,
}

fn as_text<S: serde::Serializer>(error: &Option<Unjudgeable>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&error.as_ref().map(Unjudgeable::to_string).unwrap_or_default())
}

impl Explain for TxnResult {
    fn violations(&self) -> &[Finding] {
        &self.findings
    }

    fn unjudged(&self) -> &[Finding] {
        &self.unjudged
    }

    fn warnings(&self) -> &[Finding] {
        &self.warnings
    }
}

/// Findings in words, which are counted where not all of them are shown; `anomalies` has them all.
const FINDINGS_SHOWN: usize = 1000;

impl TxnResult {
    /// The result when this, besides, could not be judged: what was found stays, but nothing more is known to be right.
    fn beside(mut self, obstacles: Vec<Unjudgeable>, history: &History) -> TxnResult {
        if obstacles.is_empty() {
            return self;
        }
        // There may be dependencies in what was left out.
        if self.anomalies.remove(&Anomaly::EmptyTransactionGraph).is_some() {
            (self.not, self.also_not) = boundary(ruled_out_by(self.anomalies.keys().copied().collect()));
        }
        self.valid = self.valid.max(Valid::Unknown);
        self.error = obstacles.first().cloned();
        self.obstacles = obstacles;
        self.summarize(history, Anomaly::is_inconclusive);
        self
    }

    /// Keeps what the models forbid of the anomalies found, and what leaves the question open.
    fn of(anomalies: Anomalies, forbidden: AnomalySet, history: &History) -> TxnResult {
        let present = anomalies.kinds();
        let mut reported = anomalies.0;
        reported.retain(|anomaly, _| forbidden.contains(*anomaly) || anomaly.is_inconclusive());
        let named = reported.keys().copied().filter(|anomaly| !anomaly.is_cycle_exists()).collect();
        let ruled_out_by_named = ruled_out_by(named);
        reported.retain(|anomaly, _| {
            let requirement =
                existence::REQUIREMENTS.iter().find(|requirement| requirement.anomaly == *anomaly);
            requirement.is_none_or(|requirement| !ruled_out_by_named.contains(requirement.model))
        });
        let is_forbidden = reported.keys().any(|anomaly| !anomaly.is_inconclusive());
        let valid = match reported.is_empty() {
            true => Valid::True,
            false if is_forbidden => Valid::False,
            false => Valid::Unknown,
        };
        let (not, also_not) = match reported.is_empty() {
            true => (Vec::new(), Vec::new()),
            false => boundary(ruled_out_by(present)),
        };
        let mut result = TxnResult {
            valid,
            anomaly_types: Vec::new(),
            anomalies: reported,
            not,
            also_not,
            error: None,
            obstacles: Vec::new(),
            findings: Vec::new(),
            unjudged: Vec::new(),
            warnings: Vec::new(),
        };
        result.summarize(history, Anomaly::is_inconclusive);
        result
    }

    /// Brings what is derived from the anomalies up to date with them.
    fn summarize(&mut self, history: &History, is_inconclusive: fn(Anomaly) -> bool) {
        self.anomaly_types = self.anomalies.keys().copied().collect();
        self.anomaly_types.sort_unstable_by_key(|anomaly| anomaly.name());
        (self.findings, self.unjudged) = (Vec::new(), Vec::new());
        for (anomaly, cases) in &self.anomalies {
            let found = cases.iter().map(|case| case.finding(*anomaly, history));
            match is_inconclusive(*anomaly) {
                true => self.unjudged.extend(found),
                false => self.findings.extend(found),
            }
        }
        for findings in [&mut self.findings, &mut self.unjudged] {
            // What is about the history as a whole, such as that it proves nothing, comes after what happened in it.
            findings.sort_by_key(|finding| (finding.time_ns.is_none(), finding.time_ns));
            findings.truncate(FINDINGS_SHOWN);
        }
        let told = |obstacle: &Unjudgeable| match history.ops().get(obstacle.op) {
            Some(op) => Finding::at(op, obstacle.to_string()),
            None => Finding::overall(obstacle.to_string()),
        };
        self.unjudged.extend(self.obstacles.iter().take(FINDINGS_SHOWN).map(told));
    }
}

/// Everything found in a history, whether or not a model forbids it.
#[derive(Debug, Default)]
struct Anomalies(BTreeMap<Anomaly, Vec<Evidence>>);

impl Anomalies {
    fn add(&mut self, anomaly: Anomaly, evidence: Evidence) {
        self.0.entry(anomaly).or_default().push(evidence);
    }

    fn add_all(&mut self, anomaly: Anomaly, cases: impl IntoIterator<Item = evidence::Case>) {
        for case in cases {
            self.add(anomaly, Evidence::Case(case));
        }
    }

    fn kinds(&self) -> AnomalySet {
        self.0.keys().copied().collect()
    }

    /// Adds process or real-time order to the data dependencies if a forbidden class needs it, and searches for cycles.
    /// `is_linked` says that data dependencies were found, even if only from transactions to themselves.
    fn add_cycles(
        &mut self,
        mut dependencies: GraphBuilder,
        is_linked: bool,
        forbidden: AnomalySet,
        explainer: &impl Explainer,
    ) {
        use self::anomaly::Strength;
        if forbidden.intersects(Anomaly::cycles_of(Strength::Realtime)) {
            dependencies.add_realtime_order();
        } else if forbidden.intersects(Anomaly::cycles_of(Strength::Process)) {
            dependencies.add_process_order();
        }
        if dependencies.is_empty() && !is_linked {
            self.add(Anomaly::EmptyTransactionGraph, Evidence::EmptyGraph);
        }
        let found = cycle::find_cycles(&dependencies.build(), explainer.naming());
        for cycle in found.cycles {
            self.add(cycle.anomaly, Evidence::Cycle(explain_cycle(cycle, explainer)));
        }
        for existing in found.existing {
            self.add(existing.requirement.anomaly, Evidence::CycleExists(existing));
        }
        for search in found.cut_short.into_iter().filter(|search| forbidden.contains(search.sought)) {
            self.add(Anomaly::CycleSearchTimeout, Evidence::CutShort(search));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_given_as_names_with_commas_between_them() {
        let options: Options = "read-committed, strong-session-serializable".parse().unwrap();
        assert_eq!(options.consistency_models, [Model::ReadCommitted, Model::StrongSessionSerializable]);
        assert_eq!("strict-serializable".parse(), Ok(Options::default()));
    }

    #[test]
    fn an_unknown_model_or_none_is_an_error() {
        for names in ["", "serializable,", "serializable;read-committed", "Serializable"] {
            let error = names.parse::<Options>().unwrap_err().to_string();
            assert!(error.starts_with("unknown consistency model \""), "{error}");
        }
    }
}
