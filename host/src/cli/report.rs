//! `host report`: the report of a run that is over, made anew from its files.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::report::page;
use crate::report::recording::Recording;
use crate::report::store;
use crate::report::trace::{self, Shown};

use super::test::INTERNAL_ERROR;

/// Make the report of a stored run again, from the files `host test` left. Exit status: 0 done, 255 damaged files.
#[derive(Args)]
pub(super) struct Arguments {
    /// The folder of the run, such as store/latest.
    #[arg(value_name = "STORE_DIR")]
    folder: PathBuf,

    /// Open the report in the browser.
    #[arg(long, conflicts_with = "trace")]
    open: bool,

    #[command(flatten)]
    trace: TraceArguments,

    /// Trace only what is sent or received by these, comma separated.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "trace", help_heading = "Trace")]
    node: Vec<String>,
}

/// What of a run is shown on the terminal, one event a line.
#[derive(Args, Clone, Debug)]
pub(super) struct TraceArguments {
    /// Print every message when it is sent and when it is received or lost, and every fault: one line each.
    #[arg(long, help_heading = "Trace")]
    pub trace: bool,

    /// Trace nothing before this time, in seconds since the load began.
    #[arg(long, value_name = "S", requires = "trace", allow_negative_numbers = true, help_heading = "Trace")]
    from: Option<f64>,

    /// Trace nothing after this time, in seconds since the load began.
    #[arg(long, value_name = "S", requires = "trace", allow_negative_numbers = true, help_heading = "Trace")]
    to: Option<f64>,

    /// Trace only messages of these types, comma separated.
    #[arg(
        long = "type",
        value_name = "TYPES",
        value_delimiter = ',',
        requires = "trace",
        help_heading = "Trace"
    )]
    types: Vec<String>,
}

impl TraceArguments {
    /// Prints the trace of a recording, of these nodes or of all, cut to the terminal's width.
    pub fn print(&self, recording: &Recording, nodes: &[String]) -> io::Result<()> {
        let shown = Shown {
            from: self.from,
            to: self.to,
            nodes: nodes.to_vec(),
            types: self.types.clone(),
            width: terminal_size::terminal_size().map(|(width, _)| width.0.into()),
            ..Shown::default()
        };
        let mut out = BufWriter::new(anstream::AutoStream::auto(io::stdout().lock()));
        match trace::write(recording, &shown, &mut out).and_then(|()| out.flush()) {
            // Whoever reads has seen enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => done,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    make(arguments).unwrap_or_else(|error| {
        eprintln!("host: {error:#}");
        ExitCode::from(INTERNAL_ERROR)
    })
}

fn make(arguments: &Arguments) -> Result<ExitCode> {
    let folder = &arguments.folder;
    ensure!(folder.is_dir(), "{} is not the folder of a run", folder.display());
    ensure!(
        folder.join(store::TEST).is_file(),
        "{} holds no {}: it is not the folder of a run, or one of an older version",
        folder.display(),
        store::TEST
    );
    let folder = std::fs::canonicalize(folder)?;
    let recording = Recording::read(&folder)?;
    if arguments.trace.trace {
        arguments.trace.print(&recording, &arguments.node)?;
        return Ok(ExitCode::SUCCESS);
    }
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
