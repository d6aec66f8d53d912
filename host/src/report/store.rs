//! `store/<workload>/<time>/`: everything about a run, on disk (spec §14).

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::bench::Run;
use crate::bench::results::Results;

/// What was tested; the other files make sense with it.
pub const TEST: &str = "test.json";
/// The verdict.
pub const RESULTS: &str = "results.json";
/// What the clients saw, one operation a line.
pub const HISTORY: &str = "history.jsonl";
/// What was sent, one event of a message a line.
pub const JOURNAL: &str = "journal.jsonl";

/// Where a node's log is in the folder of a run.
pub fn log_name(node: &str) -> String {
    format!("node-logs/{}.log", file_name(node))
}

/// Writes a run's files and points `latest` at them, in the store and in the workload's folder. Returns the folder.
///
/// `results.json`, `history.jsonl` (one operation a line), `journal.jsonl` (one event of a message a line),
/// `node-logs/<node>.log`.
pub fn write(
    store: &Path,
    workload: &str,
    nodes: &[String],
    run: &Run,
    results: &Results,
) -> io::Result<PathBuf> {
    let folder = create_folder(&store.join(workload))?;
    let mut out = create(&folder, RESULTS)?;
    serde_json::to_writer_pretty(&mut out, results)?;
    out.write_all(b"\n")?;
    out.flush()?;
    let mut out = create(&folder, HISTORY)?;
    for op in run.history.ops() {
        write_line(&mut out, op)?;
    }
    out.flush()?;
    let mut out = create(&folder, JOURNAL)?;
    run.journal.write(&mut out)?;
    out.flush()?;
    fs::create_dir(folder.join("node-logs"))?;
    for (node, log) in nodes.iter().zip(&run.logs) {
        fs::write(folder.join(log_name(node)), log)?;
    }
    link(&store.join("latest"), &folder)?;
    link(&store.join(workload).join("latest"), &folder)?;
    Ok(folder)
}

/// A folder named for this moment, which nobody else has.
fn create_folder(parent: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(parent)?;
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%.3fZ").to_string();
    let mut name = now.clone();
    for attempt in 1.. {
        match fs::create_dir(parent.join(&name)) {
            Ok(()) => break,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => name = format!("{now}-{attempt}"),
            Err(error) => return Err(error),
        }
    }
    fs::canonicalize(parent.join(name))
}

fn create(folder: &Path, name: &str) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(1 << 18, File::create(folder.join(name))?))
}

fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// A node's name as a file name: whatever could leave the folder is replaced.
fn file_name(node: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    node.chars().map(safe).collect()
}

/// Points a symbolic link at a folder, replacing the old one in one step.
fn link(link: &Path, target: &Path) -> io::Result<()> {
    let new = link.with_extension(format!("{}.new", std::process::id()));
    let _ = fs::remove_file(&new);
    std::os::unix::fs::symlink(target, &new)?;
    fs::rename(&new, link)
}
