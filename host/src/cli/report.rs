//! `host report`: the report of a run that is over, made anew from its files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::report::page;
use crate::report::recording::Recording;
use crate::report::store;

/// Make the report of a stored run again, from the files `host test` left.
#[derive(Args)]
pub(super) struct Arguments {
    /// The folder of the run, such as store/latest.
    #[arg(value_name = "STORE_DIR")]
    folder: PathBuf,

    /// Open the report in the browser.
    #[arg(long)]
    open: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let folder = &arguments.folder;
    ensure!(folder.is_dir(), "{} is no folder of a run", folder.display());
    ensure!(
        folder.join(store::TEST).is_file(),
        "{} holds no {}: it is not the folder of a run, or one of an older version",
        folder.display(),
        store::TEST
    );
    let folder = std::fs::canonicalize(folder)?;
    let recording = Recording::read(&folder)?;
    let page = page::write(&recording, &folder)
        .with_context(|| format!("cannot write the report into {}", folder.display()))?;
    println!("{}", page.display());
    if arguments.open {
        open(&page);
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows a page in the user's browser. That there is none is no failure of what was asked for.
pub(super) fn open(page: &Path) {
    if let Err(error) = open::that_detached(page) {
        eprintln!("host: cannot open {} in a browser: {error}", page.display());
    }
}
