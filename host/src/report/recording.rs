//! Everything the report shows about one run, as plain data. It comes from a run that has just ended or from the files
//! of an old one, and is the same either way.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::bench::journal::{self, Event};
use crate::checker::History;
use crate::checker::history::{Recorded, read_histories};

use super::counted::Counted;
use super::messages::{Fate, Messages};
use super::store;

/// `test.json`: what was tested, and how to do it again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct About {
    /// The workload's name.
    pub workload: String,
    /// What was put to the test: a plugin's or a program's file name.
    pub subject: String,
    /// The nodes, in the cluster's order.
    pub nodes: Vec<String>,
    /// Client workers. Worker `w` talks to node `w mod n`; its processes are `w`, `w + concurrency`, and so on.
    pub concurrency: usize,
    /// What everything was drawn from.
    pub seed: u64,
    /// The command that does the same again.
    pub replay: String,
    /// What else shaped the run, by the names of the command line.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// When the load began, in nanoseconds on the run's clock; histories count from here.
    pub load_began_ns: u64,
    /// When the run ended, in nanoseconds on the run's clock.
    pub ended_ns: u64,
}

impl About {
    /// Writes `test.json` into the folder of a run.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(store::TEST);
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A run, ready to be shown.
pub struct Recording {
    /// `test.json`.
    pub about: About,
    /// The text of `results.json`.
    pub results: String,
    /// What the clients saw.
    pub history: History,
    /// What was sent.
    pub messages: Messages,
    /// What each node logged, in the cluster's order.
    pub logs: Vec<String>,
}

impl Recording {
    /// The recording of a run whose files are in `folder`. Fails with what is missing or damaged, and where.
    pub fn read(folder: &Path) -> Result<Recording> {
        let about = read_text(folder, store::TEST)?;
        let about: About = serde_json::from_str(&about).with_context(|| damaged(folder, store::TEST))?;
        if about.concurrency == 0 || about.nodes.is_empty() {
            return Err(anyhow!("there must be clients and nodes")).context(damaged(folder, store::TEST));
        }
        let results = read_text(folder, store::RESULTS)?;
        let counted = Counted::of(&results).with_context(|| damaged(folder, store::RESULTS))?;
        let (history, messages) = (read_history(folder)?, read_journal(folder)?);
        counted.compare(history.completions().count(), messages.len())?;
        let logs = about.nodes.iter().map(|node| read_text(folder, &store::log_name(node)));
        Ok(Recording { logs: logs.collect::<Result<_>>()?, history, messages, results, about })
    }
}

fn damaged(folder: &Path, name: &str) -> String {
    format!("cannot read {}", folder.join(name).display())
}

fn read_text(folder: &Path, name: &str) -> Result<String> {
    let bytes = fs::read(folder.join(name)).with_context(|| damaged(folder, name))?;
    // A native node's log may hold anything.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_history(folder: &Path) -> Result<History> {
    let file = File::open(folder.join(store::HISTORY)).with_context(|| damaged(folder, store::HISTORY))?;
    // A run that could not begin has no operations.
    let recorded = read_histories(file).next().unwrap_or(Ok(Recorded::default()));
    Ok(recorded.with_context(|| damaged(folder, store::HISTORY))?.history)
}

/// A line of `journal.jsonl`.
#[derive(Deserialize)]
struct Line<'a> {
    time: u64,
    #[serde(rename = "type")]
    event: &'a str,
    id: u32,
    #[serde(default, borrow)]
    reason: std::borrow::Cow<'a, str>,
    #[serde(default, borrow)]
    src: std::borrow::Cow<'a, str>,
    #[serde(default, borrow)]
    dest: std::borrow::Cow<'a, str>,
    #[serde(default, borrow)]
    body: Option<&'a RawValue>,
}

fn read_journal(folder: &Path) -> Result<Messages> {
    let name = store::JOURNAL;
    let file = File::open(folder.join(name)).with_context(|| damaged(folder, name))?;
    let mut lines = BufReader::with_capacity(1 << 18, file);
    let mut messages = Messages::default();
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        if lines.read_line(&mut line).with_context(|| damaged(folder, name))? == 0 {
            break;
        }
        add_line(&mut messages, &line)
            .with_context(|| format!("{}, line {number}", damaged(folder, name)))?;
    }
    Ok(messages)
}

fn add_line(messages: &mut Messages, line: &str) -> Result<()> {
    let line: Line = serde_json::from_str(line)?;
    match line.event {
        "send" => {
            let body = line.body.context("a message without a body")?;
            if line.id as usize != messages.len() {
                return Err(anyhow!("message {} is out of order", line.id));
            }
            messages.sent(line.time, &line.src, &line.dest, body.get());
        }
        _ if line.id as usize >= messages.len() => {
            return Err(anyhow!("message {} was never sent", line.id));
        }
        "recv" => messages.ended(line.time, line.id, Fate::Received),
        "drop" => messages.ended(line.time, line.id, Fate::Lost(&line.reason)),
        other => return Err(anyhow!("there is no event `{other}`")),
    }
    Ok(())
}

impl From<&journal::Journal> for Messages {
    fn from(journal: &journal::Journal) -> Messages {
        let mut messages = Messages::default();
        for entry in journal.entries() {
            let message = entry.message;
            match entry.event {
                Event::Send => {
                    let (src, dest) = (journal.src(message), journal.dest(message));
                    messages.sent(entry.time_ns, src, dest, journal.body(message));
                }
                Event::Recv => messages.ended(entry.time_ns, message, Fate::Received),
                Event::Drop(reason) => messages.ended(entry.time_ns, message, Fate::Lost(reason)),
            }
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::trace::{self, Shown};
    use super::super::{lamport, page, plots};
    use super::*;

    const ABOUT: &str = r#"{"workload":"echo","subject":"echo","nodes":["n0","n1"],"concurrency":2,"seed":7,
        "replay":"host test","options":{"rate":5.0},"load-began-ns":1000000,"ended-ns":900000000}"#;

    const RESULTS: &str = r#"{"valid?":false,"violations":[{"text":"no","op-index":1,"time-ns":5,"involved":[]}],
        "stats":{"valid?":true,"count":2,"ok-count":1,"fail-count":0,"info-count":1},"availability":{"ok-fraction":0.5},
        "net":{"all":{"send-count":2,"msg-count":2},"servers":{"send-count":1,"msg-count":1}},
        "perf":{"latencies":{"echo":{"0.5":1.0}}},"nodes":{"valid?":true},"workload":{"valid?":"unknown"}}"#;

    const HISTORY: &str = r#"{"index":0,"time":5,"type":"invoke","process":0,"f":"echo","value":"a"}
{"index":1,"time":6,"type":"info","process":"nemesis","f":"kill","value":"one"}
{"index":2,"time":7,"type":"info","process":"nemesis","f":"kill","value":{"n1":"killed"}}
{"index":3,"time":800000000,"type":"ok","process":0,"f":"echo","value":{"echo":"a"}}
{"index":4,"time":800000001,"type":"invoke","process":1,"f":"echo","value":"b","final?":true}
{"index":5,"time":800000002,"type":"info","process":1,"f":"echo","value":"b","error":["net-timeout"]}
"#;

    const JOURNAL: &str = r#"{"time":0,"type":"send","id":0,"src":"c1","dest":"n1","body":{"type":"echo"}}
{"time":0,"type":"recv","id":0}
{"time":5,"type":"send","id":1,"src":"n1","dest":"n0","body":{}}
{"time":7,"type":"drop","id":1,"reason":"partition"}
"#;

    const LOG: &str = "0.100 s n0 INFO plugin: a\n";

    const FILES: [(&str, &str); 6] = [
        (store::TEST, ABOUT),
        (store::RESULTS, RESULTS),
        (store::HISTORY, HISTORY),
        (store::JOURNAL, JOURNAL),
        ("node-logs/n0.log", LOG),
        ("node-logs/n1.log", ""),
    ];

    fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("node-logs")).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    /// Everything that is made of a recording.
    fn show(recording: &Recording) {
        let mut out = Vec::new();
        page::write_to(recording, &mut out).unwrap();
        lamport::write(recording, &mut out).unwrap();
        trace::write(recording, &Shown::default(), &mut out).unwrap();
        plots::latency(recording).unwrap();
        plots::rate(recording).unwrap();
    }

    fn whole() -> Vec<(&'static str, Vec<u8>)> {
        FILES.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn the_files_of_a_run_are_read_and_shown() {
        let recording = Recording::read(folder(&whole()).path()).unwrap();
        assert_eq!((recording.history.ops().len(), recording.messages.len()), (6, 2));
        show(&recording);
    }

    #[test]
    fn a_file_that_lacks_its_last_lines_is_noticed() {
        for (place, kept, complaint) in
            [(2, 4, "history.jsonl holds 1 completed operations"), (3, 2, "journal.jsonl holds 1 messages")]
        {
            let mut files = whole();
            let lines: Vec<&str> = FILES[place].1.lines().take(kept).collect();
            files[place].1 = lines.join("\n").into_bytes();
            let error = format!("{:#}", Recording::read(folder(&files).path()).err().unwrap());
            assert!(error.starts_with(complaint), "{error}");
        }
    }

    /// Numbers that are at the edge of what can be counted with.
    const NUMBERS: [&str; 8] = [
        "0",
        "1",
        "-1",
        "1e308",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "null",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn no_damage_makes_the_report_panic(
            file in 0..FILES.len(),
            bytes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            numbers in prop::collection::vec((any::<prop::sample::Index>(), 0..NUMBERS.len()), 0..4),
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let mut files = whole();
            let mut text = FILES[file].1.to_owned();
            for (place, number) in numbers {
                let starts: Vec<usize> = text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
                if starts.is_empty() { continue }
                let at = starts[place.index(starts.len())];
                let end = text[at..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |length| at + length);
                text.replace_range(at..end, NUMBERS[number]);
            }
            let mut damaged = text.into_bytes();
            for (place, byte) in bytes.iter().filter(|_| !FILES[file].1.is_empty()) {
                *place.get_mut(&mut damaged) = *byte;
            }
            if let Some(cut) = cut.filter(|_| !damaged.is_empty()) {
                damaged.truncate(cut.index(damaged.len()));
            }
            files[file].1 = damaged;
            match Recording::read(folder(&files).path()) {
                Ok(recording) => show(&recording),
                Err(error) => prop_assert_eq!(format!("{error:#}").lines().count(), 1),
            }
        }
    }
}
