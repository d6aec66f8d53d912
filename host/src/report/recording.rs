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
use crate::checker::history::read_histories;

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
        let results = read_text(folder, store::RESULTS)?;
        // What stands in the file goes into the page as it is, so it had better be JSON.
        serde_json::from_str::<&RawValue>(&results).with_context(|| damaged(folder, store::RESULTS))?;
        let logs = about.nodes.iter().map(|node| read_text(folder, &store::log_name(node)));
        Ok(Recording {
            logs: logs.collect::<Result<_>>()?,
            history: read_history(folder)?,
            messages: read_journal(folder)?,
            results,
            about,
        })
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
    if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        return Ok(History::default()); // The run could not begin.
    }
    let recorded = read_histories(file).next().context("there is no history")?;
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
