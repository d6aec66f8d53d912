//! `host toolchains`: what languages need, what is there, and how to get the rest.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use comfy_table::{Table, presets};

use crate::build::language::{LANGUAGES, Language};
use crate::build::toolchain::{self, Registry, Tool};

use super::new;

/// Show what each language needs, and what of it is here; or install it.
///
/// Tools are looked up in PATH and in a directory of the host's own, $GLOMERS_TOOLCHAINS or glomers/toolchains in the
/// user's data directory. --install writes only there.
#[derive(Args)]
pub(super) struct Arguments {
    /// Only these languages; without any, all.
    #[arg(value_name = "LANG", value_parser = new::languages())]
    languages: Vec<String>,

    /// Install what is missing, at the versions that are tested.
    #[arg(long)]
    install: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let chosen: Vec<_> = LANGUAGES
        .iter()
        .filter(|language| {
            arguments.languages.is_empty() || arguments.languages.iter().any(|name| name == language.name)
        })
        .collect();
    if arguments.install {
        install(&chosen)?;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["language", "tool", "tested with", "here"]);
    let mut is_complete = true;
    for language in chosen {
        for tool in language.tools {
            let found = tool.find();
            is_complete &= found.is_some();
            let here =
                found.map_or_else(|| format!("missing: {}", tool.install_line()), |found| found.version);
            table.add_row([language.title, tool.name, &tested(tool), &here]);
        }
    }
    println!("{table}");
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tested(tool: &Tool) -> String {
    let versions = std::iter::once(tool.version).chain(tool.also_tried.iter().copied());
    versions.collect::<Vec<_>>().join(", ")
}

/// Installs every tool of these languages that is missing or of a version that was not tested, each once.
fn install(languages: &[&&Language]) -> Result<()> {
    for language in languages {
        for tool in language.tools {
            let is_tested = |found: toolchain::Found| tool.was_tried(&found.version);
            if tool.registry != Registry::Rustup && !tool.find().is_some_and(is_tested) {
                tool.install().with_context(|| format!("cannot install {}", tool.name))?;
            }
        }
    }
    Ok(())
}
