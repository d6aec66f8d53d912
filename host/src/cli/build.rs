//! `host build`: plugins to components in place.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use bytesize::ByteSize;
use clap::Args;

use crate::build::toolchain::Missing;
use crate::build::{self, Built};

/// Compile plugins to components, check them and put them in plugins/.
///
/// A file in a plugin's directory tells its language: Cargo.toml and so on. What a language needs, `host toolchains` tells.
#[derive(Args)]
pub(super) struct Arguments {
    /// Directories of plugins. Without any: the one in the working directory, or else every plugin crate of the workspace.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Build the plugins in other languages too, those whose tools are here.
    #[arg(long, conflicts_with = "paths")]
    all: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let here = Path::new(".");
    if !arguments.paths.is_empty() {
        arguments.paths.iter().try_for_each(|path| build::one(path, None).map(report))?;
    } else if build::is_plugin(here) && !arguments.all {
        report(build::one(here, None)?);
    } else {
        build::workspace(here)?.into_iter().for_each(report);
    }
    if arguments.all {
        build_other_languages(here)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whoever has not installed a language wants the others all the same; a plugin that does not compile is an error.
fn build_other_languages(here: &Path) -> Result<()> {
    for (dir, language) in build::other_languages(here)? {
        match build::one(&dir, None) {
            Ok(built) => report(built),
            Err(error) if error.is::<Missing>() => {
                eprintln!("host: {} is skipped: {error:#}", dir.display());
            }
            Err(error) => return Err(error.context(format!("{} ({})", dir.display(), language.title))),
        }
    }
    Ok(())
}

fn report(Built { wasm, bytes, is_new, .. }: Built) {
    let state = if is_new { "" } else { ", unchanged" };
    let here = std::env::current_dir().unwrap_or_default();
    let place = wasm.strip_prefix(&here).unwrap_or(&wasm);
    println!("{} ({}{state})", place.display(), ByteSize(bytes));
}
