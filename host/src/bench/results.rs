//! What a run amounts to: every checker's result under Maelstrom's keys (spec §14), the verdict over all, and the
//! findings in words.

use std::collections::BTreeMap;

use serde::Serialize;

use super::journal::NetStats;
use super::offence::{MUTED, Offence};
use super::{Aborted, Crash, Run, Swap, Test};
use crate::checker::availability::{self, AvailabilityResult};
use crate::checker::stats::{self, StatsResult};
use crate::checker::verdict::{Explain, Finding, seconds};
use crate::checker::{History, Kind, Valid};
use crate::workload::{Checked, Errors, Workload};

/// Lines told of a death; a process may have written many.
const MAX_DETAILS: usize = 10;

/// `results.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Results {
    /// Latencies of operations. Always valid.
    pub perf: Perf,
    /// What clients could make nothing of. Always valid.
    pub exceptions: Exceptions,
    /// Counts of operations.
    pub stats: StatsResult,
    /// The share of operations that succeeded.
    pub availability: AvailabilityResult,
    /// Counts of messages.
    pub net: NetStats,
    /// Nodes that died or misbehaved. Beyond Maelstrom, which gives no verdict when a node has died.
    pub nodes: Nodes,
    /// What nodes answered instead of what they were asked. Beyond Maelstrom; no part of the verdict.
    pub errors: Errors,
    /// The workload's own checker.
    pub workload: Checked,
    /// Why the run could not begin, if it could not. Nothing was judged then, and all verdicts are unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aborted: Option<Aborted>,
    /// What the run was drawn from.
    pub seed: u64,
    /// The worst verdict of all parts.
    #[serde(rename = "valid?")]
    pub valid: Valid,
    /// Why it is not valid, in words. Empty unless it is invalid.
    pub violations: Vec<Finding>,
    /// What could not be judged, in words, whatever the verdict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unjudged: Vec<Finding>,
    /// What is suspicious, in words.
    pub warnings: Vec<Finding>,
}

/// Quantiles of the latencies of operations that succeeded, in milliseconds, by operation.
#[derive(Debug, Serialize)]
pub struct Perf {
    /// For each operation a map from quantile to milliseconds.
    pub latencies: BTreeMap<String, BTreeMap<&'static str, f64>>,
    #[serde(rename = "valid?")]
    valid: bool,
}

/// Operations that ended with an exception.
#[derive(Debug, Serialize)]
pub struct Exceptions {
    /// Each kind of exception with how often it happened and an example.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
    #[serde(rename = "valid?")]
    valid: bool,
}

/// One kind of exception.
#[derive(Debug, Serialize)]
pub struct Exception {
    /// How often.
    pub count: usize,
    /// The message.
    pub class: String,
    /// The index of the first operation it happened to.
    pub example: usize,
}

/// What became of the nodes.
#[derive(Debug, Serialize)]
pub struct Nodes {
    /// Nodes that died by themselves, with the reason, the time in nanoseconds since the load began, and what is known.
    pub crashes: Vec<CrashReport>,
    /// What nodes did that they should not.
    pub offences: Vec<OffenceReport>,
    /// Swaps of plugins, done and refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub swaps: Vec<SwapReport>,
    #[serde(rename = "valid?")]
    valid: Valid,
}

/// How a node died.
#[derive(Debug, Serialize)]
pub struct CrashReport {
    /// Its name.
    pub node: String,
    /// Nanoseconds since the load began; negative before.
    pub time: i64,
    /// The reason in one line.
    pub reason: String,
    /// The author's own functions, innermost first (`at FUNCTION`), or the last lines of a process.
    pub details: Vec<String>,
}

/// A node's plugin that was to be swapped.
#[derive(Debug, Serialize)]
pub struct SwapReport {
    /// The node's name.
    pub node: String,
    /// Nanoseconds since the load began; negative before.
    pub time: i64,
    /// Whether it was swapped.
    pub done: bool,
    /// With what, or why not.
    pub text: String,
}

/// What a node did that it should not.
#[derive(Debug, Serialize)]
pub struct OffenceReport {
    /// Its name.
    pub node: String,
    /// The first time, in nanoseconds since the load began; negative before.
    pub time: i64,
    /// What kind of misbehaviour.
    pub kind: &'static str,
    /// Whether Maelstrom would read nothing further from the node.
    #[serde(rename = "fatal-under-maelstrom")]
    pub is_fatal: bool,
    /// Whether it makes the run invalid under `--strict`.
    #[serde(skip)]
    is_invalid_if_strict: bool,
    /// What, the first time, in words.
    pub text: String,
    /// The beginning of what it wrote, the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// How often.
    pub count: usize,
}

impl Results {
    /// Judges a run, or says why there is nothing to be judged.
    pub fn of(test: &Test, workload: &dyn Workload, run: &Run) -> Results {
        let judged = Results::judged(test, workload, run);
        match &run.aborted {
            Some(aborted) => judged.without_run(aborted),
            None => judged,
        }
    }

    /// The results of a run that could not begin: what there is of it proves nothing, neither good nor bad.
    fn without_run(mut self, aborted: &Aborted) -> Results {
        let reason = [vec![aborted.reason()], aborted.failure.advice()].concat().join("; ");
        let reason = format!("the test cannot begin: {reason}");
        self.violations = vec![Finding::at_time(aborted.time_ns, reason)];
        (self.valid, self.stats.total.valid, self.availability.valid) =
            (Valid::Unknown, Valid::Unknown, Valid::Unknown);
        (self.workload, self.aborted) = (Checked::unknown(), Some(aborted.clone()));
        self
    }

    fn judged(test: &Test, workload: &dyn Workload, run: &Run) -> Results {
        let history = &run.history;
        let stats = stats::check(history, workload.never_succeed());
        let availability = availability::check(history, test.availability);
        let nodes = Nodes::of(run, test.strict);
        let mut checked = workload.check(history);
        if test.strict {
            checked.hold_strictly();
        }
        let valid = Valid::worst([stats.total.valid, availability.valid, nodes.valid, checked.valid]);
        let (misdeeds, oddities): (Vec<_>, Vec<_>) =
            nodes.offences.iter().partition(|offence| test.strict && offence.is_invalid_if_strict);
        let mut violations = nodes.deaths();
        violations.extend(offence_findings(&misdeeds));
        violations.extend(checked.violations.iter().cloned());
        violations.extend_from_slice(availability.violations());
        violations.extend_from_slice(stats.violations());
        let refused = nodes.swaps.iter().filter(|swap| !swap.done).map(SwapReport::finding);
        let offences = offence_findings(&oddities).chain(refused);
        let exceptions = Exceptions::of(history);
        let warnings =
            offences.chain(exceptions.findings(history)).chain(checked.warnings.iter().cloned()).collect();
        let unjudged = checked.unjudged.clone();
        Results {
            perf: Perf::of(history),
            exceptions,
            stats,
            availability,
            net: run.journal.net_stats(history.invocations().count()),
            errors: Errors::of(history, valid, &nodes.reasons()),
            nodes,
            workload: checked,
            aborted: None,
            seed: test.seed.0,
            valid,
            violations,
            unjudged,
            warnings,
        }
    }

    /// Why the run is not valid, in a line: the first reason, and what nodes answered instead.
    pub fn reason(&self) -> String {
        let first = self.violations.iter().chain(&self.unjudged).next();
        let reasons: Vec<_> = first
            .into_iter()
            .chain(self.errors.findings.first())
            .map(|finding| finding.text.as_str())
            .collect();
        if reasons.is_empty() { "no reason is known".to_owned() } else { reasons.join("; ") }
    }

    /// A figure of the workload's own result, by its path.
    pub fn figure(&self, path: &[&str]) -> Option<f64> {
        let mut value = &serde_json::from_str::<serde_json::Value>(self.workload.result.get()).ok()?;
        for key in path {
            value = value.get(key)?;
        }
        value.as_f64()
    }
}

impl Perf {
    fn of(history: &History) -> Perf {
        let mut latencies: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for completion in history.completions().filter(|op| op.kind == Kind::Ok) {
            let Some(invocation) = history.invocation_of(completion.index) else { continue };
            let latency_ns = completion.time_ns.saturating_sub(invocation.time_ns);
            latencies.entry(completion.f.to_string()).or_default().push(latency_ns);
        }
        let latencies = latencies.into_iter().map(|(f, samples)| (f, quantiles(samples))).collect();
        Perf { latencies, valid: true }
    }
}

/// Jepsen's quantiles (spec §12.1), in milliseconds.
fn quantiles(mut samples_ns: Vec<u64>) -> BTreeMap<&'static str, f64> {
    samples_ns.sort_unstable();
    let at = |fraction: f64| {
        let index = (samples_ns.len() as f64 * fraction) as usize;
        samples_ns[index.min(samples_ns.len() - 1)] as f64 / 1e6
    };
    [("0", 0.0), ("0.5", 0.5), ("0.95", 0.95), ("0.99", 0.99), ("1", 1.0)]
        .map(|(name, q)| (name, at(q)))
        .into()
}

impl Exceptions {
    fn of(history: &History) -> Exceptions {
        let mut exceptions: Vec<Exception> = Vec::new();
        for op in history.completions() {
            let Some(text) = &op.exception else { continue };
            match exceptions.iter_mut().find(|exception| *exception.class == **text) {
                Some(exception) => exception.count += 1,
                None => exceptions.push(Exception { count: 1, class: text.to_string(), example: op.index }),
            }
        }
        Exceptions { exceptions, valid: true }
    }

    fn findings(&self, history: &History) -> Vec<Finding> {
        let finding = |exception: &Exception| {
            let op = &history.ops()[exception.example];
            let Exception { count, class, .. } = exception;
            let times = if *count == 1 { String::new() } else { format!(" ({count} times)") };
            Finding::at(
                op,
                format!("`{}` of process {} at {}: {class}{times}", op.f, op.process, seconds(op.time_ns)),
            )
        };
        self.exceptions.iter().map(finding).collect()
    }
}

impl Nodes {
    /// `is_strict`: whether what Maelstrom stops listening to a node for makes the run invalid.
    fn of(run: &Run, is_strict: bool) -> Nodes {
        let time = |time_ns: u64| time_ns as i64 - run.load_began_ns as i64;
        let crash = |crash: &Crash| CrashReport {
            node: crash.node.clone(),
            time: time(crash.time_ns),
            reason: crash.death.reason.clone(),
            details: crash.death.details.clone(),
        };
        let offence = |offence: &Offence| OffenceReport {
            node: offence.culprit.clone(),
            time: time(offence.time_ns),
            kind: offence.kind.name(),
            is_fatal: offence.kind.is_fatal_under_maelstrom(),
            is_invalid_if_strict: offence.kind.is_invalid_if_strict(),
            text: offence.text.clone(),
            quote: offence.quote.clone(),
            count: offence.count,
        };
        let swap = |swap: &Swap| SwapReport {
            node: swap.node.clone(),
            time: time(swap.time_ns),
            done: swap.outcome.is_ok(),
            text: swap.outcome.clone().unwrap_or_else(|reason| reason),
        };
        let is_strictly_invalid =
            is_strict && run.offences.iter().any(|offence| offence.kind.is_invalid_if_strict());
        Nodes {
            crashes: run.crashes.iter().map(crash).collect(),
            offences: run.offences.iter().map(offence).collect(),
            swaps: run.swaps.iter().map(swap).collect(),
            valid: Valid::from(run.crashes.is_empty() && !is_strictly_invalid),
        }
    }

    /// Why nodes died.
    fn reasons(&self) -> Vec<&str> {
        self.crashes.iter().map(|crash| crash.reason.as_str()).collect()
    }

    /// The deaths, those of one reason together.
    fn deaths(&self) -> Vec<Finding> {
        let mut alike: Vec<Vec<&CrashReport>> = Vec::new();
        for crash in &self.crashes {
            match alike.iter_mut().find(|known| known[0].reason == crash.reason) {
                Some(known) => known.push(crash),
                None => alike.push(vec![crash]),
            }
        }
        alike.iter().map(|crashes| CrashReport::finding(crashes)).collect()
    }
}

impl CrashReport {
    /// Deaths of the same reason, the first of them first.
    fn finding(alike: &[&CrashReport]) -> Finding {
        let first = alike[0];
        let time_ns = |crash: &CrashReport| u64::try_from(crash.time).unwrap_or_default();
        let others =
            alike[1..].iter().map(|crash| format!(", {} at {}", crash.node, seconds(time_ns(crash))));
        let (node, time, others) = (&first.node, seconds(time_ns(first)), others.collect::<String>());
        let text = format!("node {node} died at {time}{others}: {}", first.reason);
        // Of frames there are few; of a process's lines the last ones tell most.
        let details = first.details.iter().skip(first.details.len().saturating_sub(MAX_DETAILS));
        Finding { details: details.cloned().collect(), ..Finding::at_time(time_ns(first), text) }
    }
}

impl SwapReport {
    fn finding(&self) -> Finding {
        let time_ns = u64::try_from(self.time).unwrap_or_default();
        let text = format!("{} was not swapped at {}: {}", self.node, seconds(time_ns), self.text);
        Finding::at_time(time_ns, text)
    }
}

/// What nodes did, one finding for each kind: the first node is told of, the others are named.
fn offence_findings<'o>(offences: &'o [&'o OffenceReport]) -> impl Iterator<Item = Finding> + 'o {
    /// So many nodes are named beside the first.
    const NAMED: usize = 4;
    let is_first = |at: usize| offences[..at].iter().all(|earlier| earlier.kind != offences[at].kind);
    let firsts = (0..offences.len()).filter(move |at| is_first(*at));
    firsts.map(|at| {
        let first = offences[at];
        let others: Vec<_> = offences[at + 1..]
            .iter()
            .filter(|other| other.kind == first.kind)
            .map(|other| &*other.node)
            .collect();
        let mut also = others[..others.len().min(NAMED)].join(", ");
        if others.len() > NAMED {
            also += &format!(" and {} more", others.len() - NAMED);
        }
        first.finding(&also)
    })
}

impl OffenceReport {
    /// `also` names other nodes that did the same.
    fn finding(&self, also: &str) -> Finding {
        let when = match u64::try_from(self.time) {
            Ok(time_ns) => format!("at {}", seconds(time_ns)),
            Err(_) => format!("{} before the load began", seconds(self.time.unsigned_abs())),
        };
        let mut text = format!("{} {when}: {}", self.node, self.text);
        if self.is_fatal {
            text += &format!("; {MUTED}");
        }
        if self.count > 1 {
            text += &format!(" ({} times)", self.count);
        }
        if !also.is_empty() {
            text += &format!("; also {also}");
        }
        if let Some(quote) = self.quote.as_ref().filter(|quote| !quote.is_empty()) {
            text += &format!(": {quote}");
        }
        Finding::at_time(u64::try_from(self.time).unwrap_or_default(), text)
    }
}
