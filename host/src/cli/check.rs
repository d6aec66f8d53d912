//! `host check`: judges histories made elsewhere.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde::Serialize;

use crate::checker::history::{Recorded, read_histories};
use crate::checker::verdict::Finding;
use crate::checker::{History, Valid};
use crate::protocol::quote;
use crate::workload::{self, Checked, Errors, Topology, Workload};

use super::test::{BAD_ARGUMENTS, INTERNAL_ERROR, status};

/// How many findings of a kind are told of each history; `--json` has the rest.
const MAX_FINDINGS: usize = 5;

/// Judge histories made elsewhere.
///
/// Reads Jepsen's history.edn, a history.jsonl of `host test`, and what other tools make of them: operations in EDN or
/// JSON, in any arrangement, in one list or not; or records with a whole history each. Compressed by gzip or not. The
/// content shows what it is. Operations may lack their index, time, process and, if they are transactions, f.
///
/// Exit status: 0 valid, 1 invalid, 2 unknown, 254 bad arguments, 255 damaged or empty input.
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

    /// Take warnings for violations where they tell of what no system should show, though the original checkers let it
    /// pass: a read of what nobody wrote, elements nobody added, a counter without a final read.
    #[arg(long)]
    strict: bool,

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
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unjudged: &'a [Finding],
    errors: &'a Errors,
    warnings: &'a [Finding],
    #[serde(rename = "valid?")]
    valid: Valid,
}

fn judge_all(arguments: &Arguments) -> Result<Valid> {
    let name = arguments.history.display();
    let mut worst = None;
    for recorded in read_histories(open(&arguments.history)?) {
        let recorded = recorded.with_context(|| format!("cannot read {name}"))?;
        let workload = arguments.workload.as_deref().or(recorded.workload.as_deref());
        let workload =
            workload.with_context(|| format!("{name} does not say its workload; say it with -w"))?;
        let judge = arguments.judge(workload)?;
        let mut checked = judge.check(&recorded.history);
        if let Some(text) = nothing_to_judge(&recorded.history, &*judge) {
            checked.warnings.push(Finding::overall(text).strictly());
        }
        if arguments.strict {
            checked.hold_strictly();
        }
        worst = worst.max(Some(checked.valid));
        tell(arguments, &recorded, workload, &checked)?;
    }
    worst.with_context(|| format!("{name} holds no history: there is no operation in it"))
}

/// Why a history says nothing about the workload, if it does not.
fn nothing_to_judge(history: &History, judge: &dyn Workload) -> Option<String> {
    let Some(first) = history.client_ops().next() else {
        return Some("no client did anything, so nothing was judged".to_owned());
    };
    let operations = judge.operations();
    if history.client_ops().any(|op| operations.contains(&&*op.f)) {
        return None;
    }
    let (wanted, found) = (operations.join("`, `"), quote(&first.f));
    Some(format!(
        "nothing was judged: the history has none of this workload's operations (`{wanted}`), but `{found}`; is -w right?"
    ))
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
        let Checked { valid, violations, unjudged, warnings, .. } = checked;
        let (result, errors, valid) = (checked, &errors, *valid);
        let judged = Judged { id, workload, result, violations, unjudged, errors, warnings, valid };
        serde_json::to_writer(&mut out, &judged)?;
        return Ok(writeln!(out)?);
    }
    let verdict = match checked.valid {
        Valid::True => "valid",
        Valid::False => "INVALID",
        Valid::Unknown => "UNKNOWN",
    };
    writeln!(out, "{}{workload}: {verdict}", id.map(|id| format!("{id} ")).unwrap_or_default())?;
    let kinds = [
        ("", &checked.violations),
        ("", &errors.findings),
        ("could not be judged: ", &checked.unjudged),
        ("warning: ", &checked.warnings),
    ];
    for (kind, findings) in kinds {
        for finding in findings.iter().take(MAX_FINDINGS) {
            writeln!(out, "  {kind}{}", finding.text)?;
        }
        if findings.len() > MAX_FINDINGS {
            writeln!(out, "  {kind}… and {} more", findings.len() - MAX_FINDINGS)?;
        }
    }
    Ok(())
}
