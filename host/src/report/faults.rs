//! The faults of a run as spans of time, from the fault injector's records: two of each action, what was wanted and
//! what was done (spec §10.2).

use serde::Serialize;
use serde_json::value::RawValue;

use crate::checker::{History, Op, Process, Value};

/// A fault from its beginning to its end.
#[derive(Debug, Serialize)]
pub struct Fault {
    /// What kind of fault: `partition`, `kill`, …
    pub family: String,
    /// When it began, in nanoseconds since the load began.
    pub from: u64,
    /// When it ended; the time it began if it has no length, none if it lasted to the end of the run.
    pub to: Option<u64>,
    /// What was done, as the history tells it.
    pub value: Box<RawValue>,
    /// The nodes it hit, if it hit some by name.
    pub nodes: Vec<String>,
}

/// What a record of the fault injector does to faults of a family.
enum Act<'a> {
    Begin(&'a str),
    End(&'a str),
    /// Over as soon as it has begun.
    Moment(&'a str),
}

impl Act<'_> {
    fn of(f: &str) -> Act<'_> {
        match f {
            "kill" | "pause" => Act::Begin(f),
            "start" => Act::End("kill"),
            "resume" => Act::End("pause"),
            _ => match (f.strip_prefix("start-"), f.strip_prefix("stop-")) {
                (Some(family), _) => Act::Begin(family),
                (_, Some(family)) => Act::End(family),
                _ => Act::Moment(f),
            },
        }
    }
}

/// The records that say what was done.
pub fn effects(history: &History) -> impl Iterator<Item = &Op> {
    history.ops().iter().filter(|op| op.process == Process::Nemesis).skip(1).step_by(2)
}

/// All faults, in the order in which they began.
pub fn faults(history: &History) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    for op in effects(history) {
        let is_open = |fault: &&mut Fault, family: &str| fault.family == family && fault.to.is_none();
        match Act::of(&op.f) {
            Act::End(family) => {
                if let Some(fault) = faults.iter_mut().rev().find(|fault| is_open(fault, family)) {
                    fault.to = Some(op.time_ns);
                }
            }
            Act::Moment(family) => faults.push(Fault::new(family, op, Some(op.time_ns))),
            Act::Begin(family) if faults.iter_mut().any(|fault| is_open(&fault, family)) => {}
            Act::Begin(family) => faults.push(Fault::new(family, op, None)),
        }
    }
    faults
}

impl Fault {
    fn new(family: &str, op: &Op, to: Option<u64>) -> Fault {
        let by_node = op.value.as_list().and_then(|list| list.get(1)).unwrap_or(&op.value);
        let nodes = by_node.as_map().unwrap_or_default().iter().filter_map(|(node, _)| node.as_str());
        Fault {
            family: family.to_owned(),
            from: op.time_ns,
            to,
            nodes: nodes.map(str::to_owned).collect(),
            value: raw(&op.value),
        }
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).expect("a value is written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::history::written;

    #[test]
    fn faults_last_from_their_start_to_their_stop() {
        let history = written(&[
            r#"nemesis info start-partition "one""#,
            r#"nemesis info start-partition ["isolated",{"n1":["n2"]}]"#,
            r#"nemesis info kill "one""#,
            r#"nemesis info kill {"n2":"killed"}"#,
            r#"nemesis info stop-partition null"#,
            r#"nemesis info stop-partition "network-healed""#,
            r#"nemesis info swap null"#,
            r#"nemesis info swap {"n1":"swapped"}"#,
        ]);
        let faults = faults(&history);
        let told: Vec<_> = faults
            .iter()
            .map(|fault| (&*fault.family, fault.from, fault.to, fault.nodes.join(" ")))
            .collect();
        let ms = 1_000_000;
        let expected = [
            ("partition", ms, Some(5 * ms), "n1".to_owned()),
            ("kill", 3 * ms, None, "n2".to_owned()),
            ("swap", 7 * ms, Some(7 * ms), "n1".to_owned()),
        ];
        assert_eq!(told, expected);
    }
}
