//! `host build`: plugin crates to components in place.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use bytesize::ByteSize;
use clap::Args;

use crate::build::{self, Built};

/// Compile plugin crates to components, check them and put them in plugins/.
#[derive(Args)]
pub(super) struct Arguments {
    /// Directories of plugin crates; without any, all in the plugins directory of the workspace.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let built = match &*arguments.paths {
        [] => build::workspace(Path::new("."))?,
        paths => paths.iter().map(|path| build::one(path, None)).collect::<Result<_>>()?,
    };
    for Built { wasm, bytes, is_new, .. } in built {
        let state = if is_new { "" } else { ", unchanged" };
        println!("{} ({}{state})", wasm.display(), ByteSize(bytes));
    }
    Ok(ExitCode::SUCCESS)
}
