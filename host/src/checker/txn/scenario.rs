//! Small histories for tests, a line a transaction.

use super::super::{History, Op, Value};

/// `(begin, end, process, outcome, micro-operations)`: when it was invoked and completed, on a common clock on which
/// no two events coincide; `r 1 [2]; append 1 3`.
pub(super) type Line<'l> = (u64, u64, u64, &'l str, &'l str);

/// The history of these transactions. Invocations show nothing that was read.
pub(super) fn history(lines: &[Line]) -> History {
    let mut records = Vec::new();
    for &(begin, end, process, outcome, micro_ops) in lines {
        records.push((begin, record(begin, "invoke", process, micro_ops, false)));
        records.push((end, record(end, outcome, process, micro_ops, outcome == "ok")));
    }
    records.sort_by_key(|(time, _)| *time);
    let ops = records
        .into_iter()
        .enumerate()
        .map(|(position, (_, record))| Op::from_value(record, position).unwrap());
    History::new(ops.collect()).unwrap()
}

fn record(time_ms: u64, kind: &str, process: u64, micro_ops: &str, shows_reads: bool) -> Value {
    let micro_ops: Vec<String> =
        micro_ops.split(';').map(|text| micro_op(text.trim(), shows_reads)).collect();
    let (time_ns, value) = (time_ms * 1_000_000, micro_ops.join(","));
    let record =
        format!(r#"{{"time":{time_ns},"type":"{kind}","process":{process},"f":"txn","value":[{value}]}}"#);
    Value::from_json(&record).unwrap()
}

fn micro_op(text: &str, shows_reads: bool) -> String {
    let mut words = text.splitn(3, ' ');
    let [f, key, value] = [(); 3].map(|()| words.next().unwrap());
    let value = if f == "r" && !shows_reads { "null" } else { value };
    format!(r#"["{f}",{key},{value}]"#)
}
