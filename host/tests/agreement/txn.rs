//! txn-list-append and txn-rw-register: each history is held against eight models. Verdicts and the models ruled out are
//! compared exactly, and so are all anomalies but cycles, of which any may be shown.

use std::collections::BTreeSet;

use host::checker::history::Recorded;
use host::checker::txn::anomaly::{Anomaly, AnomalySet};
use host::checker::txn::evidence::{Evidence, Field};
use host::checker::txn::{Options, TxnResult};
use host::checker::{History, Value};

use super::{Deviation, expected, value_of};

/// Histories whose cycles we name otherwise under some model, because Elle's search is incomplete. The verdict and the
/// models ruled out are the same, and what Elle names is implied by what we name.
const NAMED_OTHERWISE: &[(&str, &str)] = &[
    ("la-G-single-item-process-032", "Elle overlooks a G-single-item-realtime beside the G1c-realtime"),
    (
        "la-bug-element-vanishes-169",
        "we name the G0-realtime for which Elle has only strong-PL-1-cycle-exists",
    ),
    ("la-bug-reordered-165", "we name the G0-realtime for which Elle has only strong-PL-1-cycle-exists"),
    ("la-iso-psi-122", "we name what Elle has only as strong(-session)-snapshot-isolation-cycle-exists"),
    ("rw-lost-update-077", "Elle overlooks a G-single-item-realtime beside the G2-item"),
];

/// Where we disagree on purpose about the verdict.
pub const DEVIATIONS: &[Deviation] = &[(
    "la-hand-179",
    "Elle's assertion fails on a read of an element that nobody appended, and the verdict is unknown. That is proof enough: \
     invalid, as `unwritten-read`.",
)];

/// What differs between Elle's results and those of one of our two checkers.
pub fn differences(recorded: &Recorded, check: fn(&History, &Options) -> TxnResult) -> Vec<String> {
    let models = expected(recorded, "models").as_map().expect("verdicts by model");
    let mut differences = Vec::new();
    let mut same_names = true;
    for (model, theirs) in models {
        let model = model.as_str().expect("a model's name");
        let ours = check(&recorded.history, &model.parse().expect("a known model"));
        let mut of_model = verdict_differences(theirs, &ours);
        if theirs.get("error").is_none() {
            same_names &= names(&ours) == listed(theirs);
            of_model.extend(name_differences(recorded, theirs, &ours));
            of_model.extend(case_differences(recorded, model, &ours));
        }
        differences.extend(of_model.into_iter().map(|difference| format!("{model}: {difference}")));
    }
    if same_names && is_named_otherwise(recorded) {
        differences.push("listed as named otherwise, but is named alike".to_owned());
    }
    differences
}

fn is_named_otherwise(recorded: &Recorded) -> bool {
    NAMED_OTHERWISE.iter().any(|(id, _)| Some(*id) == recorded.id.as_deref())
}

/// If the original threw, only the verdict is compared.
fn verdict_differences(theirs: &Value, ours: &TxnResult) -> Vec<String> {
    let mut compared = vec![("valid", value_of(&ours.valid))];
    if theirs.get("error").is_none() {
        compared.extend([("not", value_of(&ours.not)), ("also-not", value_of(&ours.also_not))]);
    }
    let differing = compared.into_iter().filter(|(key, ours)| theirs.get(key) != Some(ours));
    differing.map(|(key, ours)| format!("`{key}` is {ours}, should be {:?}", theirs.get(key))).collect()
}

fn names(ours: &TxnResult) -> BTreeSet<&str> {
    ours.anomaly_types.iter().map(|anomaly| anomaly.name()).collect()
}

fn listed(theirs: &Value) -> BTreeSet<&str> {
    let types = theirs.get("anomaly-types").and_then(Value::as_list).expect("a list of anomalies");
    types.iter().map(|name| name.as_str().expect("an anomaly's name")).collect()
}

fn name_differences(recorded: &Recorded, theirs: &Value, ours: &TxnResult) -> Option<String> {
    let (our_names, their_names) = (names(ours), listed(theirs));
    let is_cycle = |name: &&&str| is_cycle_name(name);
    let implied =
        ours.anomaly_types.iter().map(|it| it.implied()).fold(AnomalySet::default(), AnomalySet::union);
    let is_implied = |name: &&str| Anomaly::ALL.iter().any(|it| it.name() == *name && implied.contains(*it));
    let may_differ = is_named_otherwise(recorded)
        && our_names
            .iter()
            .filter(|name| !is_cycle(name))
            .eq(their_names.iter().filter(|name| !is_cycle(name)))
        && their_names.iter().all(|name| name.ends_with("-cycle-exists") || is_implied(name));
    let differs = our_names != their_names && !may_differ;
    differs.then(|| format!("the anomalies are {our_names:?}, should be {their_names:?}"))
}

fn is_cycle_name(name: &str) -> bool {
    name.starts_with("G0")
        || name.starts_with("G1c")
        || name.starts_with("G-")
        || name.starts_with("G2")
        || name.ends_with("-cycle-exists")
}

/// Compares the anomalies that are not cycles, under the model for which the vectors list them.
fn case_differences(recorded: &Recorded, model: &str, ours: &TxnResult) -> Vec<String> {
    let all = expected(recorded, "anomalies").as_map().into_iter().flatten();
    let of_model = all.filter(|(_, listed)| listed.get("model").and_then(Value::as_str) == Some(model));
    let mut differences = Vec::new();
    for (name, listed) in of_model {
        let name = name.as_str().expect("an anomaly's name");
        let Some(theirs) = listed.get("list").and_then(Value::as_list).filter(|_| !is_cycle_name(name))
        else {
            continue;
        };
        let ours = ours.anomalies.iter().find(|(anomaly, _)| anomaly.name() == name);
        let ours = ours.into_iter().flat_map(|(_, cases)| cases).map(fields_of);
        let (ours, theirs) = (comparable(name, ours), comparable(name, theirs.iter().cloned()));
        if ours != theirs {
            differences.push(format!("{name} shows in {ours:?}, should show in {theirs:?}"));
        }
    }
    differences
}

fn fields_of(evidence: &Evidence) -> Value {
    let Evidence::Case(case) = evidence else { return Value::Null };
    let entry = |(name, field): &(&'static str, Field)| (Value::from(*name), value_of(field));
    Value::Map(case.fields.iter().map(entry).collect())
}

/// Cases in any order; without the `...` that Elle puts between two operations, without the order of its sets, and of
/// incompatible orders only the keys, because among reads of equal length its choice is arbitrary.
fn comparable(anomaly: &str, cases: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut cases: Vec<Value> = cases.map(|case| comparable_case(anomaly, &case)).collect();
    cases.sort_unstable();
    cases
}

fn comparable_case(anomaly: &str, case: &Value) -> Value {
    let is_compared = |name: &Value| anomaly != "incompatible-order" || name.as_str() == Some("key");
    let entries = case.as_map().into_iter().flatten().filter(|(name, _)| is_compared(name));
    let comparable = entries.map(|(name, value)| match (name.as_str(), value) {
        (Some("txns" | "scc"), Value::List(elements)) => {
            let mut elements: Vec<_> =
                elements.iter().filter(|it| it.as_str() != Some("...")).cloned().collect();
            elements.sort_unstable();
            (name.clone(), Value::List(elements))
        }
        _ => (name.clone(), value.clone()),
    });
    Value::Map(comparable.collect())
}
