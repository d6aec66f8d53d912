//! Python: the plugin's directory and the SDK, made a component by componentize-py: CPython, with all modules imported, as
//! it lies in memory.
//!
//! The same sources give another component each time: CPython draws its hash seed, and the tool the order of its maps,
//! from the operating system (bytecodealliance/componentize-py#247), and neither can be told otherwise. So a component is
//! kept in the cache, and used again until something that it was made from changes. That saves compiling it too, which
//! takes as long again and is cached by content.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::c::{self, CONVERSATION, SDK_DIR};
use super::component::CONTRACT;
use super::language::{Language, Source};
use super::project::{File, Place};
use super::sdk;
use super::toolchain::{Found, Registry, Tool};
use crate::guest::Cache;

/// Python, as the frame knows it.
pub(super) const PYTHON: Language = Language {
    name: "python",
    title: "Python",
    marker: "plugin.py",
    tools: &[&COMPONENTIZE],
    own_test: CONVERSATION,
    compile,
    template,
};

/// CPython 3.14 for WebAssembly, and what links a plugin to it.
const COMPONENTIZE: Tool = Tool {
    name: "componentize-py",
    registry: Registry::PyPi,
    package: "componentize-py",
    version: "0.25.1",
    also_tried: &["0.25.0", "0.24.0", "0.23.0", "0.22.1"],
    commands: &[&["componentize-py"]],
    version_arguments: &["--version"],
};

/// Where `guest-sdk` has the SDK.
const FOLDER: &str = "python";

/// The module of the SDK that exports what the contract asks for.
const ENTRY: &str = "glomers.component";

/// What `host` itself writes into a project.
const RESULTS: &[&str] = &["build", "plugins", "store"];

fn compile(source: &Source) -> Result<Vec<u8>> {
    let tool = COMPONENTIZE.require(PYTHON.name, PYTHON.title)?;
    let inputs = inputs(source)?;
    let key = fingerprint(&tool, &inputs);
    Cache::for_user().component_once(&key, || componentize(&tool, source, &inputs))
}

/// A file a component is made from.
struct Input {
    /// Where Python finds it.
    path: PathBuf,
    bytes: Vec<u8>,
}

/// Every file of the project, and the SDK: the project's own copy, or else this host's.
fn inputs(source: &Source) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    collect(&source.dir, Path::new(""), &mut inputs)?;
    if !source.dir.join(SDK_DIR).is_dir() {
        let sdk = sdk::folder(FOLDER)?.into_iter().filter(c::is_sdk);
        inputs.extend(sdk.map(|File { path, text }| Input {
            path: Path::new(SDK_DIR).join(path),
            bytes: text.into_bytes(),
        }));
    }
    inputs.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(inputs)
}

fn collect(dir: &Path, path: &Path, inputs: &mut Vec<Input>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let (from, path) = (entry.path(), path.join(&name));
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        let is_result = RESULTS.iter().any(|result| path == Path::new(result));
        let is_environment = from.join("pyvenv.cfg").is_file();
        if is_hidden || is_result || is_environment || name == "__pycache__" {
            continue;
        }
        if from.is_dir() {
            collect(&from, &path, inputs)?;
        } else {
            let bytes = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
            inputs.push(Input { path, bytes });
        }
    }
    Ok(())
}

/// Tells apart what would give different components.
fn fingerprint(tool: &Found, inputs: &[Input]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    add(tool.version.as_bytes());
    add(CONTRACT.as_bytes());
    for Input { path, bytes } in inputs {
        add(path.as_os_str().as_encoded_bytes());
        add(bytes);
    }
    format!("python-{}", hasher.finalize().to_hex())
}

/// Runs the tool on a copy, because Python leaves compiled modules beside the sources.
fn componentize(tool: &Found, source: &Source, inputs: &[Input]) -> Result<Vec<u8>> {
    let work = tempfile::tempdir().context("cannot make a temporary directory")?;
    let place = |path: &Path, bytes: &[u8]| {
        let path = work.path().join(path);
        fs::create_dir_all(path.parent().context("a file lies in a directory")?)?;
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    place(Path::new("node.wit"), CONTRACT.as_bytes())?;
    for Input { path, bytes } in inputs {
        place(&Path::new("python").join(path), bytes)?;
    }
    // Without an environment it would take what else is installed with the Python it finds.
    let no_packages = work.path().join("environment");
    fs::create_dir_all(no_packages.join("lib/site-packages"))?;
    let wasm = work.path().join("plugin.wasm");
    let mut command = tool.command();
    command.current_dir(work.path()).env("VIRTUAL_ENV", no_packages).env_remove("RUST_BACKTRACE");
    command.args(["--quiet", "--wit-path", "node.wit", "--world", "plugin", "componentize", ENTRY]);
    command.args(["--python-path", "python", "--output"]).arg(&wasm);
    run(&mut command, &source.name)?;
    fs::read(&wasm).with_context(|| format!("cannot read {}", wasm.display()))
}

/// As [`super::run`], but of what the tool says on failure only what Python said is shown.
fn run(command: &mut Command, what: &str) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().context("cannot run componentize-py")?;
    if !output.status.success() {
        eprintln!("{}", traceback(&String::from_utf8_lossy(&output.stderr)));
        bail!("{what} does not compile; the messages of componentize-py are above");
    }
    Ok(())
}

/// The plugin's own traceback, with paths as in its directory. The tool's error has a frame of the tool itself before it
/// and the last line again after it.
fn traceback(said: &str) -> String {
    let said = said.split_once("AssertionError: ").map_or(said, |(_, rest)| rest);
    let said = said.split_once("\n\n\nCaused by:").map_or(said, |(first, _)| first);
    said.trim_end().replace("\"/0/", "\"")
}

fn template(place: &Place) -> Result<Vec<File>> {
    let mut files = c::project(place, &[FOLDER])?;
    for ignored in files.iter_mut().filter(|file| file.path == Path::new(".gitignore")) {
        ignored.text += "__pycache__/\n";
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_tool_s_error_the_plugin_s_part_is_shown() {
        let said = "Traceback (most recent call last):\n  File \"/x/bin/componentize-py\", line 8, in <module>\n\
            AssertionError: Traceback (most recent call last):\n  File \"/0/plugin.py\", line 1, in <module>\n\
            NameError: name 'nod' is not defined\n\n\nCaused by:\n    NameError: name 'nod' is not defined\n";
        let shown = "Traceback (most recent call last):\n  File \"plugin.py\", line 1, in <module>\n\
            NameError: name 'nod' is not defined";
        assert_eq!(traceback(said), shown);
        assert_eq!(traceback("no such world\n"), "no such world");
    }
}
