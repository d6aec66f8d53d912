//! Whether a set keeps what it was given (spec §12.1), for broadcast and g-set: the port of Jepsen's `set-full`. It
//! looks only at the latest reads and only at elements that were added; whatever else is odd becomes a warning.

mod elements;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

use self::scan::{Scan, Sightings, scan};
use super::verdict::{Explain, Finding, seconds};
use super::{History, Kind, Valid, Value};

/// How many of the most stale elements the result lists.
const LISTED: usize = 8;

/// How many lost elements are put into words, and so counted where not all of them are shown.
const TOLD: usize = 1000;

/// The verdict on a set's history. Latencies are in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SetFullResult {
    /// False if an element was lost; else unknown if none is stable, or if a read was no list.
    #[serde(rename = "valid?")]
    pub valid: Valid,
    /// The elements that took longest to become visible everywhere, slowest first; of equally slow ones the largest.
    pub worst_stale: Vec<Element>,
    /// Always 0: Maelstrom's comparison is inverted. The warnings tell of duplicates.
    pub duplicated_count: usize,
    /// Different elements that somebody tried to add.
    pub attempt_count: usize,
    /// Lost elements in ascending order.
    pub lost: Vec<Value>,
    /// How many elements are lost.
    pub lost_count: usize,
    /// How many elements are stable.
    pub stable_count: usize,
    /// How many stable elements took at least 1 ms to become visible everywhere.
    pub stale_count: usize,
    /// Those, in ascending order.
    pub stale: Vec<Value>,
    /// How many elements are neither stable nor lost.
    pub never_read_count: usize,
    /// Those, in ascending order.
    pub never_read: Vec<Value>,
    /// How long stable elements took to become visible everywhere; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable_latencies: Option<Quantiles>,
    /// How many elements took how many milliseconds: what those quantiles are taken from. Not Maelstrom's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stable_latency_counts: BTreeMap<u64, usize>,
    /// How long lost elements were visible; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_latencies: Option<Quantiles>,
    /// Always empty, as `duplicated_count` is 0.
    #[serde(serialize_with = "empty_map")]
    pub duplicated: (),
    /// Why the checker could not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Every attempted element, in the order of the first attempts to add them.
    #[serde(skip)]
    pub elements: Vec<Element>,
    #[serde(skip)]
    violations: Vec<Finding>,
    #[serde(skip)]
    unjudged: Vec<Finding>,
    #[serde(skip)]
    warnings: Vec<Finding>,
}

/// What became of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The latest reads contain it.
    Stable,
    /// It was known to exist, and the latest reads do not contain it.
    Lost,
    /// Neither: nothing shows that it exists, or nobody read late enough.
    NeverRead,
}

/// An element somebody tried to add. Operations are named by their indices.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Element {
    /// The element itself.
    pub element: Value,
    /// What became of it.
    pub outcome: Outcome,
    /// If stable: milliseconds from being known to the last read that missed it.
    pub stable_latency: Option<u64>,
    /// If lost: milliseconds from being known to the last read that contained it.
    pub lost_latency: Option<u64>,
    /// The completion that first proved its existence.
    pub known: Option<usize>,
    /// The invocation of the latest-invoked read that missed it.
    pub last_absent: Option<usize>,
    /// The invocation of the latest-invoked read that contained it.
    #[serde(skip)]
    pub last_present: Option<usize>,
}

/// The quantiles 0, 0.5, 0.95, 0.99 and 1 of some latencies in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles(pub [u64; 5]);

const QUANTILES: [(&str, f64); 5] = [("0", 0.0), ("0.5", 0.5), ("0.95", 0.95), ("0.99", 0.99), ("1", 1.0)];

impl Quantiles {
    /// `None` if there are no latencies.
    fn of(mut latencies: Vec<u64>) -> Option<Quantiles> {
        latencies.sort_unstable();
        let last = latencies.len().checked_sub(1)?;
        let rank = |quantile: f64| last.min((latencies.len() as f64 * quantile).floor() as usize);
        Some(Quantiles(QUANTILES.map(|(_, quantile)| latencies[rank(quantile)])))
    }
}

impl Serialize for Quantiles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(QUANTILES.iter().map(|(name, _)| name).zip(&self.0))
    }
}

fn empty_map<S: Serializer>(_: &(), serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_map(Some(0))?.end()
}

/// Judges a history of `read`s, whose values are lists, and of operations named `add`, whose values are elements:
/// `broadcast` for the broadcast workload, `add` for g-set. A read of `null` is one of an empty list.
pub fn check(history: &History, add: &str) -> SetFullResult {
    judge(history, scan(history, add))
}

fn judge(history: &History, scan: Scan) -> SetFullResult {
    let outcome = |(element, sightings): &(&Value, Sightings)| Element::judged(history, element, sightings);
    let elements: Vec<Element> = scan.attempted.iter().map(outcome).collect();
    let select = |outcome: Outcome| sorted(elements.iter().filter(|element| element.outcome == outcome));
    let (lost, never_read) = (select(Outcome::Lost), select(Outcome::NeverRead));
    let mut most_stale: Vec<&Element> = elements.iter().filter(|element| element.is_stale()).collect();
    most_stale.sort_by(|a, b| (b.stable_latency, &b.element).cmp(&(a.stable_latency, &a.element)));
    let stale = sorted(most_stale.iter().copied());
    let stable_count = elements.len() - lost.len() - never_read.len();
    let mut unjudged = scan.unjudged;
    let error = unjudged.first().map(|finding| finding.text.clone());
    if stable_count == 0 && lost.is_empty() {
        unjudged.push(Finding::overall(nothing_stable(elements.len())));
    }
    let valid = match (lost.is_empty(), unjudged.is_empty()) {
        (false, _) => Valid::False,
        (true, true) => Valid::True,
        (true, false) => Valid::Unknown,
    };
    SetFullResult {
        valid,
        worst_stale: most_stale.into_iter().take(LISTED).cloned().collect(),
        attempt_count: elements.len(),
        lost_count: lost.len(),
        lost,
        stable_count,
        stale_count: stale.len(),
        stale,
        never_read_count: never_read.len(),
        never_read,
        stable_latency_counts: counts(&elements),
        stable_latencies: Quantiles::of(
            elements.iter().filter_map(|element| element.stable_latency).collect(),
        ),
        lost_latencies: Quantiles::of(elements.iter().filter_map(|element| element.lost_latency).collect()),
        violations: losses(history, &elements),
        error,
        unjudged,
        warnings: scan.oddities.warnings(),
        elements,
        ..SetFullResult::default()
    }
}

fn counts(elements: &[Element]) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for latency in elements.iter().filter_map(|element| element.stable_latency) {
        *counts.entry(latency).or_default() += 1;
    }
    counts
}

fn sorted<'e>(elements: impl Iterator<Item = &'e Element>) -> Vec<Value> {
    let mut values: Vec<Value> = elements.map(|element| element.element.clone()).collect();
    values.sort_unstable();
    values
}

impl Element {
    fn judged(history: &History, element: &Value, sightings: &Sightings) -> Element {
        let Sightings { known, last_present, last_absent } = *sightings;
        let outcome = match (last_present, last_absent, known) {
            (Some(_), _, _) if last_present > last_absent => Outcome::Stable,
            (_, Some(_), Some(_)) if last_absent > last_present && last_absent > known => Outcome::Lost,
            _ => Outcome::NeverRead,
        };
        let time_of = |index: usize| history.ops()[index].time_ns;
        let latency = |until: Option<usize>| {
            let end_ns = until.map_or(0, |index| time_of(index) + 1);
            Some(end_ns.saturating_sub(time_of(known?)) / 1_000_000)
        };
        Element {
            element: element.clone(),
            outcome,
            stable_latency: latency(last_absent).filter(|_| outcome == Outcome::Stable),
            lost_latency: latency(last_present).filter(|_| outcome == Outcome::Lost),
            known,
            last_absent,
            last_present,
        }
    }

    fn is_stale(&self) -> bool {
        self.stable_latency.is_some_and(|latency| latency > 0)
    }

    /// How it was lost: who knew of it, who still saw it, who was the first to miss it.
    fn loss(&self, history: &History) -> Option<Finding> {
        let ops = history.ops();
        let known = &ops[self.known?];
        let source = if known.f == "read" { "first read by" } else { "acknowledged to" };
        let begin = format!(
            "element {}, {source} process {} at {},",
            self.element.told(),
            known.process,
            seconds(known.time_ns)
        );
        let from = self.known.max(self.last_present)?;
        let missed = ops[from..].iter().find(|op| {
            let completion = history.completion_of(op.index);
            op.f == "read"
                && op.index > from
                && completion.is_some_and(|completion| completion.kind == Kind::Ok)
        })?;
        let middle = match self.last_present {
            None => "never appears in any read".to_owned(),
            Some(present) => {
                format!("is missing from every read begun after {}", seconds(ops[present].time_ns))
            }
        };
        let end =
            format!("first from that of process {} begun at {}", missed.process, seconds(missed.time_ns));
        let proof = (known.index, if known.f == "read" { "first read" } else { "acknowledged" });
        let seen = self
            .last_present
            .filter(|present| history.completion_of(*present).is_some_and(|op| op.index != known.index));
        let parts =
            [Some(proof), seen.map(|present| (present, "last seen")), Some((missed.index, "missing"))];
        let finding = Finding::at(missed, format!("{begin} {middle}, {end}"));
        Some(finding.involving(parts.into_iter().flatten()))
    }
}

fn nothing_stable(attempted: usize) -> String {
    match attempted {
        0 => "nobody tried to add anything".to_owned(),
        count => format!("no read shows whether any of the {count} added elements is there to stay"),
    }
}

fn losses(history: &History, elements: &[Element]) -> Vec<Finding> {
    let mut lost: Vec<&Element> =
        elements.iter().filter(|element| element.outcome == Outcome::Lost).collect();
    lost.sort_by_key(|element| element.known.max(element.last_present));
    lost.into_iter().take(TOLD).filter_map(|element| element.loss(history)).collect()
}

impl Explain for SetFullResult {
    fn violations(&self) -> &[Finding] {
        &self.violations
    }

    fn unjudged(&self) -> &[Finding] {
        &self.unjudged
    }

    fn warnings(&self) -> &[Finding] {
        &self.warnings
    }
}
