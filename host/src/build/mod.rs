//! From a plugin's directory to `<name>.wasm`: find out its language, call that language's toolchain, check the component
//! against the contract, put it in place. `host build`, `host new`, `cargo demo` and the tests all come through here.
//! What is particular to a language is said in its own file, and nowhere else.

mod c;
mod component;
mod cpp;
mod go;
mod install;
mod js;
pub mod language;
pub mod project;
mod python;
mod rust;
mod sdk;
mod source_map;
pub mod toolchain;
mod zig;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context, Result, ensure};

pub use self::component::componentize;
pub use self::install::Built;
use self::language::{Language, Source};

/// Builds every plugin crate of the workspace that `dir` lies in: all members below its `plugins` directory.
pub fn workspace(dir: &Path) -> Result<Vec<Built>> {
    rust::workspace(dir)
}

/// Builds the plugin in a directory, whatever its language. The component goes to `place`, or else to where
/// [`Language::place`] says.
pub fn one(dir: &Path, place: Option<&Path>) -> Result<Built> {
    let dir = fs::canonicalize(dir).with_context(|| format!("cannot find {}", dir.display()))?;
    let language = Language::of(&dir)?;
    let name = language.name_of(&dir)?;
    let place = place.map_or_else(|| language.place(&dir), |place| Ok(place.to_owned()))?;
    let wasm = language.compile(&Source { dir, name: name.clone() })?;
    install::install(&install::sandbox()?, &place, &name, &wasm)
}

/// Plugins of the workspace around `dir` that are not crates: the directories below its `plugins`, two levels deep, that
/// bear a language's marker.
pub fn other_languages(dir: &Path) -> Result<Vec<(PathBuf, &'static Language)>> {
    let plugins = rust::workspace_root(dir)?.join("plugins");
    let mut found = Vec::new();
    for dir in subdirectories(&plugins)? {
        for dir in std::iter::once(dir.clone()).chain(subdirectories(&dir)?) {
            if let Some(language) = Language::marked(&dir).filter(|language| language.name != "rust") {
                found.push((dir, language));
            }
        }
    }
    Ok(found)
}

/// Whether a directory is one plugin, rather than a workspace of them or something else.
pub fn is_plugin(dir: &Path) -> bool {
    Language::marked(dir).is_some_and(|language| language.name != "rust" || rust::is_plugin(dir))
}

fn subdirectories(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut found: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    found.sort();
    Ok(found)
}

/// Runs a compiler; its messages go to standard error. `what` is the plugin's name, for the error when it fails.
pub fn run(command: &mut std::process::Command, what: &str) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    // Standard output is for the results of `host`; a compiler's chatter goes where its errors go.
    let status = command.stdin(std::process::Stdio::null()).stdout(std::io::stderr()).status();
    let status = status.with_context(|| format!("cannot run {program}"))?;
    check(status, &program, what)
}

fn check(status: ExitStatus, program: &str, what: &str) -> Result<()> {
    ensure!(status.success(), "{what} does not compile; the messages of {program} are above");
    Ok(())
}

/// The same for one that talks even when there is nothing to say. When it fails, `relevant` picks what is shown.
fn run_quietly(
    command: &mut std::process::Command,
    what: &str,
    relevant: impl FnOnce(&str) -> String,
) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(std::process::Stdio::null()).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        eprintln!("{}", relevant(&String::from_utf8_lossy(&output.stderr)).trim_end());
    }
    check(output.status, &program, what)
}

/// A key for [`crate::guest::Cache::component_once`]: what would give different components has different ones.
fn key<'a>(language: &Language, parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    format!("{}-{}", language.name, hasher.finalize().to_hex())
}
