//! What the comparisons of all workloads share: reading the judged histories, counting agreement, and admitting no
//! deviation that is not listed with its reason.

pub mod counter;
pub mod kafka;
pub mod lin_kv;
pub mod set_full;
pub mod txn;
pub mod unique_ids;

use std::fs::File;
use std::path::Path;

use host::checker::Value;
use host::checker::history::{Recorded, read_histories};
use serde::Serialize;

/// A history on which we disagree on purpose: its id and the reason.
pub type Deviation = (&'static str, &'static str);

/// Judges every history of a workload and compares. `differences` says in words where our result is not the
/// recorded one. Fails with all differences, except those of histories in `deviations`, which must differ.
pub fn agree(workload: &str, deviations: &[Deviation], differences: impl Fn(&Recorded) -> Vec<String>) {
    let mut failures = Vec::new();
    let mut differed = 0;
    let histories = histories(workload);
    for recorded in &histories {
        let id = recorded.id.as_deref().expect("a judged history has an id");
        let differences = differences(recorded);
        differed += usize::from(!differences.is_empty());
        let is_listed = deviations.iter().any(|(listed, _)| *listed == id);
        match (differences.is_empty(), is_listed) {
            (true, true) => failures.push(format!("{id}: listed as a deviation, but agrees")),
            (false, false) => failures.extend(differences.into_iter().map(|text| format!("{id}: {text}"))),
            _ => {}
        }
    }
    println!(
        "{workload:16} {:4} histories {:4} agreed {differed:4} differed",
        histories.len(),
        histories.len() - differed
    );
    for (id, reason) in deviations {
        println!("  {id}: {reason}");
    }
    assert!(!histories.is_empty(), "no histories of {workload}");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn histories(workload: &str) -> Vec<Recorded> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/{workload}.jsonl.gz"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let histories: Result<Vec<Recorded>, _> = read_histories(file).collect();
    let histories = histories.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(histories.iter().all(|recorded| recorded.workload.as_deref() == Some(workload)));
    histories
}

/// What the original checker found under `key`; `null` if nothing.
pub fn expected<'r>(recorded: &'r Recorded, key: &str) -> &'r Value {
    let expect = recorded.expect.as_ref().expect("a judged history has a verdict");
    expect.get(key).unwrap_or(&Value::Null)
}

/// Says so if `ours`, as JSON, is not what the original checker found under `key`.
pub fn difference(recorded: &Recorded, key: &str, ours: &impl Serialize) -> Option<String> {
    let (ours, theirs) = (value_of(ours), expected(recorded, key));
    (ours != *theirs).then(|| format!("`{key}` is {ours}, should be {theirs}"))
}

/// A result as the value its JSON stands for.
pub fn value_of(result: &impl Serialize) -> Value {
    let text = serde_json::to_string(result).expect("results can be written");
    Value::from_json(&text).expect("what was written can be read")
}
