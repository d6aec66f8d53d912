//! `host check`: judges histories made elsewhere.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde::Serialize;

use crate::checker::Valid;
use crate::checker::history::{Recorded, read_histories};
use crate::checker::verdict::Finding;
use crate::workload::{self, Checked, Errors, Topology, Workload};

use super::test::{BAD_ARGUMENTS, INTERNAL_ERROR, status};

/// How many findings are told of each history; `--json` has the rest.
const MAX_FINDINGS: usize = 5;

/// Judge histories made elsewhere.
///
/// Reads Jepsen's history.edn, a history.jsonl of `host test`, or JSON lines with a whole history each; compressed by
/// gzip or not. Exit status: 0 valid, 1 invalid, 2 unknown, 254 bad arguments, 255 damaged input.
#[derive(Args)]
pub(super) struct Arguments {
    /// The file; `-` for standard input.
    #[arg(value_name = "HISTORY")]
    history: PathBuf,

    /// The workload the history comes from; not needed where the file itself says it.
    #[arg(short, long, value_name = "NAME")]
    workload: Option<String>,

    /// What transactions must live up to, comma separated.
    #[arg(long, value_name = "M,M", default_value = "strict-serializable")]
    consistency_models: String,

    /// Print one line of JSON for each history, and nothing else.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    if let Some(Err(error)) = arguments.workload.as_deref().map(|name| arguments.judge(name)) {
        eprintln!("host: {error:#}");
        return ExitCode::from(BAD_ARGUMENTS);
    }
    match judge_all(arguments) {
        Ok(valid) => status(valid),
        Err(error) => {
            eprintln!("host: {error:#}");
            ExitCode::from(INTERNAL_ERROR)
        }
    }
}

/// One line of `--json`.
#[derive(Serialize)]
struct Judged<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    workload: &'a str,
    result: &'a Checked,
    violations: &'a [Finding],
    errors: &'a Errors,
    warnings: &'a [Finding],
    #[serde(rename = "valid?")]
    valid: Valid,
}

fn judge_all(arguments: &Arguments) -> Result<Valid> {
    let name = arguments.history.display();
    let mut worst = Valid::True;
    for recorded in read_histories(open(&arguments.history)?) {
        let recorded = recorded.with_context(|| format!("cannot read {name}"))?;
        let workload = arguments.workload.as_deref().or(recorded.workload.as_deref());
        let workload =
            workload.with_context(|| format!("{name} does not say its workload; say it with -w"))?;
        let checked = arguments.judge(workload)?.check(&recorded.history);
        worst = worst.max(checked.valid);
        tell(arguments, &recorded, workload, &checked)?;
    }
    Ok(worst)
}

fn open(path: &Path) -> Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    Ok(Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?))
}

impl Arguments {
    /// The workload as a judge. Of its options only the models matter for that.
    fn judge(&self, name: &str) -> Result<Box<dyn Workload>> {
        let options = workload::Options {
            nodes: vec!["n1".to_owned()],
            concurrency: 2,
            topology: Topology::default(),
            latency_ms: 0,
            key_count: 1,
            max_txn_length: 1,
            max_writes_per_key: 1,
            consistency_models: self.consistency_models.clone(),
        };
        workload::named(name, &options).map_err(|error| anyhow!(error))
    }
}

fn tell(arguments: &Arguments, recorded: &Recorded, workload: &str, checked: &Checked) -> Result<()> {
    let mut out = io::stdout().lock();
    let errors = Errors::of(&recorded.history, checked.valid, &[]);
    let id = recorded.id.as_deref();
    if arguments.json {
        let Checked { valid, violations, warnings, .. } = checked;
        let judged =
            Judged { id, workload, result: checked, violations, errors: &errors, warnings, valid: *valid };
        serde_json::to_writer(&mut out, &judged)?;
        return Ok(writeln!(out)?);
    }
    let verdict = match checked.valid {
        Valid::True => "valid",
        Valid::False => "INVALID",
        Valid::Unknown => "UNKNOWN",
    };
    writeln!(out, "{}{workload}: {verdict}", id.map(|id| format!("{id} ")).unwrap_or_default())?;
    for finding in checked.violations.iter().take(MAX_FINDINGS).chain(&errors.findings) {
        writeln!(out, "  {}", finding.text)?;
    }
    for finding in checked.warnings.iter().take(MAX_FINDINGS) {
        writeln!(out, "  warning: {}", finding.text)?;
    }
    Ok(())
}
