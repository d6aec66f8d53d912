//! `host inspect`: what a component is, and whether and why it fits.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use bytesize::ByteSize;
use clap::Args;
use serde::Serialize;

use crate::guest::anatomy::{Anatomy, Memory, Producer, WasiImport};
use crate::guest::{Cache, Plugin, Sandbox};
use crate::node::Core;
use crate::stdio::Process;

use super::plugin_path;

/// Show what a component imports and exports, its contract, size and memory, and whether and why it fits.
///
/// Exit status 1 when it does not fit.
#[derive(Args)]
pub(super) struct Arguments {
    /// The component: a path, or a bare name (`echo` for `plugins/echo.wasm`).
    #[arg(value_name = "FILE")]
    file: String,

    /// Print the same as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: PathBuf,
    fits: bool,
    /// Why not.
    reason: Option<String>,
    #[serde(flatten)]
    anatomy: Anatomy,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let file = plugin_path::find(&arguments.file)?;
    let wasm = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let sandbox =
        Sandbox::new().map_err(|error| anyhow!("cannot start the WebAssembly engine: {error:#}"))?;
    let rejected = Plugin::<Core<Process>>::load(&sandbox, &Cache::for_user(), &wasm).err();
    let report = Report {
        file,
        fits: rejected.is_none(),
        reason: rejected.map(|rejected| rejected.to_string()),
        anatomy: Anatomy::of::<Core<Process>>(&wasm),
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", text(&report));
    }
    Ok(if report.fits { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(report: &Report) -> String {
    let Report { file, reason, anatomy, .. } = report;
    let contract =
        anatomy.contract.as_deref().map_or(String::new(), |version| format!(" glomers:node@{version}"));
    let verdict = match reason {
        None => format!("fits{contract}"),
        Some(reason) => format!("does not fit: {reason}"),
    };
    let mut text = format!("{}: {verdict}\n", file.display());
    let mut row = |name: &str, lines: Vec<String>| {
        for (number, line) in lines.iter().enumerate() {
            text += &format!("  {:9}{line}\n", if number == 0 { name } else { "" });
        }
    };
    row("size", vec![ByteSize(anatomy.bytes).to_string()]);
    row("memory", memory(&anatomy.memory).into_iter().collect());
    row("exports", anatomy.exports.clone());
    row("imports", anatomy.imports.clone());
    row("WASI", anatomy.wasi.iter().map(wasi).collect());
    row("made by", anatomy.producers.iter().map(producer).collect());
    text
}

fn memory(memory: &Memory) -> Option<String> {
    if memory.initial == 0 {
        return None;
    }
    let maximum = memory
        .maximum
        .map_or("no bound of its own".to_owned(), |bytes| format!("at most {}", ByteSize(bytes)));
    let stack = memory.stack.map_or(String::new(), |bytes| format!(", {} of it stack", ByteSize(bytes)));
    Some(format!("{} at the start{stack}; {maximum}", ByteSize(memory.initial)))
}

fn wasi(import: &WasiImport) -> String {
    format!("{}{}", import.interface, if import.granted { "" } else { " (traps when called)" })
}

fn producer(Producer { role, name, version }: &Producer) -> String {
    format!("{name} {version} ({role})").replace("  ", " ")
}
