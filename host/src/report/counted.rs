//! What the report takes for granted in `results.json`, beside which anything may stand.

use std::collections::BTreeMap;

use anyhow::ensure;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::store;

/// The figures that the page shows of every run.
#[derive(Deserialize)]
#[allow(dead_code, reason = "the page reads most of this, from the text")]
pub(super) struct Counted {
    #[serde(rename = "valid?")]
    valid: Verdict,
    stats: Stats,
    availability: Availability,
    net: Net,
    perf: Perf,
    nodes: Judged,
    workload: Judged,
    #[serde(default)]
    violations: Vec<Told>,
    #[serde(default)]
    unjudged: Vec<Told>,
    #[serde(default)]
    warnings: Vec<Told>,
}

/// `true`, `false` or `"unknown"`.
struct Verdict;

impl<'de> Deserialize<'de> for Verdict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Verdict, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(_) => Ok(Verdict),
            Value::String(text) if text == "unknown" => Ok(Verdict),
            _ => Err(D::Error::custom("`valid?` must be true, false or \"unknown\"")),
        }
    }
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Judged {
    #[serde(rename = "valid?")]
    valid: Verdict,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Told {
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code)]
struct Stats {
    count: usize,
    fail_count: usize,
    info_count: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code)]
struct Availability {
    ok_fraction: f64,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Net {
    all: Messages,
    servers: Messages,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code)]
struct Messages {
    send_count: usize,
    msg_count: usize,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Perf {
    latencies: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Counted {
    /// From the text of `results.json`. Fails with what is missing or of another type.
    pub fn of(results: &str) -> anyhow::Result<Counted> {
        ensure!(!results.trim().is_empty(), "it is empty");
        // To serde, a list may be a struct too.
        ensure!(results.trim_start().starts_with('{'), "it is not a JSON object");
        Ok(serde_json::from_str(results)?)
    }

    /// Fails if the other files hold more or less than there was when the run was judged.
    pub fn compare(&self, completions: usize, messages: usize) -> anyhow::Result<()> {
        let files = [
            (store::HISTORY, "completed operations", self.stats.count, completions),
            (store::JOURNAL, "messages", self.net.all.send_count, messages),
        ];
        for (name, things, counted, found) in files {
            let results = store::RESULTS;
            ensure!(
                counted == found,
                "{name} holds {found} {things}, but {results} counts {counted}: it is cut short, or of another run"
            );
        }
        Ok(())
    }
}
