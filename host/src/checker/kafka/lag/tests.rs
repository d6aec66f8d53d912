//! The worst lag against its definition.

use proptest::prelude::*;

use super::super::super::history::written;
use super::*;

fn worst_of(history: &History) -> Option<Lag> {
    worst(history, &Records::of(history))
}

#[test]
fn keys_that_nobody_sends_to_count_for_the_lag() {
    let lag = worst_of(&written(&[
        r#"0 invoke assign ["5"]"#,
        r#"0 ok assign ["5"]"#,
        r#"0 invoke poll [["poll"]]"#,
        r#"0 ok poll [["poll",{}]]"#,
    ]));
    let lag = lag.expect("a key is assigned");
    assert_eq!((lag.time_ns, lag.lag_ns, lag.key), (2_000_000, 0, Value::from("5")));
}

/// The lag of every key at every poll, as its definition has it, and the worst of all.
fn lag_by_definition(history: &History) -> Option<(u64, u64)> {
    let records = Records::of(history);
    let mut worst: Option<(u64, u64)> = None;
    let mut seen: std::collections::HashMap<Process, std::collections::HashMap<usize, i64>> =
        Default::default();
    let growth = |key: usize, offset: i64| {
        let reached = |record: &&Record| {
            let lists = record.polls.iter().chain(&record.sends).filter(|(other, _)| *other == key);
            let highest = lists.flat_map(|(_, placed)| placed).filter_map(|placed| placed.offset).max();
            record.op.kind != Kind::Fail && highest.is_some_and(|highest| highest > offset)
        };
        records.ops.iter().find(reached).map(|record| record.op.time_ns)
    };
    for op in history.completions().filter(|op| op.kind == Kind::Ok) {
        let seen = seen.entry(op.process).or_default();
        if &*op.f == "assign" {
            let keys: Vec<usize> = (0..records.keys.len())
                .filter(|key| op.value.as_list().unwrap().contains(records.keys[*key]))
                .collect();
            *seen = keys.into_iter().map(|key| (key, seen.get(&key).copied().unwrap_or(-1))).collect();
            continue;
        }
        let record = records.ops.iter().find(|record| record.op.index == op.index).unwrap();
        if &*op.f != "poll" {
            continue;
        }
        for (key, placed) in &record.polls {
            let highest = placed.iter().filter_map(|placed| placed.offset).max().unwrap_or(-1);
            let seen = seen.entry(*key).or_insert(highest);
            *seen = highest.max(*seen);
        }
        let began = history.invocation_of(op.index).unwrap().time_ns;
        let lag = |(key, offset): (&usize, &i64)| {
            growth(*key, *offset).map_or(0, |since| began.saturating_sub(since))
        };
        let of_poll = seen.iter().map(lag).max();
        if let Some(lag) = of_poll.filter(|lag| worst.is_none_or(|(_, worst)| *lag > worst)) {
            worst = Some((began, lag));
        }
    }
    worst
}

proptest! {
    #[test]
    fn the_worst_lag_is_what_its_definition_says(
        steps in prop::collection::vec((0..3u64, 0..5u8, 0..3u8, 0..4i64, 0..3u64), 0..60),
    ) {
        let mut ops = Vec::new();
        let mut time = 5;
        for (process, what, key, offset, passed) in steps {
            let (f, asked, done) = match what {
                0 => ("assign", format!(r#"["{key}"]"#), format!(r#"["{key}"]"#)),
                1 => ("assign", format!(r#"["{key}","1"]"#), format!(r#"["{key}","1"]"#)),
                2 => ("send", format!(r#"[["send","{key}",{offset}]]"#), format!(r#"[["send","{key}",[{offset},{offset}]]]"#)),
                3 => ("poll", r#"[["poll"]]"#.to_owned(), r#"[["poll",{}]]"#.to_owned()),
                _ => ("poll", r#"[["poll"]]"#.to_owned(), format!(r#"[["poll",{{"{key}":[[{offset},{offset}]]}}]]"#)),
            };
            for (kind, value) in [("invoke", asked), ("ok", done)] {
                let record = format!(r#"{{"time":{time},"type":"{kind}","process":{process},"f":"{f}","value":{value}}}"#);
                ops.push(Op::from_value(Value::from_json(&record).unwrap(), ops.len()).unwrap());
                time += passed;
            }
            // A clock that was set back.
            time = if passed == 0 && what == 3 { time.saturating_sub(3) } else { time };
        }
        let history = History::new(ops).unwrap();
        prop_assert_eq!(worst_of(&history).map(|lag| (lag.time_ns, lag.lag_ns)), lag_by_definition(&history));
    }
}
