//! Python: the plugin's directory and the SDK, made a component by componentize-py: CPython, with all modules imported, as
//! it lies in memory.
//!
//! The same sources give another component each time: CPython draws its hash seed, and the tool the order of its maps,
//! from the operating system (bytecodealliance/componentize-py#247), and neither can be told otherwise. So a component is
//! kept in the cache, and used again until something that it was made from changes. That saves compiling it too, which
//! takes as long again and is cached by content.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::c::{self, CONVERSATION, SDK_DIR};
use super::component::CONTRACT;
use super::language::{Language, Source};
use super::project::{self, File, Place};
use super::toolchain::{Found, Registry, Tool};
use super::{key, run_quietly, sdk};
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

/// The same, as a file of the SDK.
const ENTRY_FILE: &str = "component.py";

/// How the tool is called, in a directory that holds all of this.
fn arguments(world: &'static str) -> [&'static str; 11] {
    [
        "--quiet",
        "--wit-path",
        "node.wit",
        "--world",
        world,
        "componentize",
        ENTRY,
        "--python-path",
        "python",
        "--output",
        "plugin.wasm",
    ]
}

/// What the SDK exports. A project's own copy may be older than `expiry`.
fn world(inputs: &[Input]) -> &'static str {
    let entry = inputs.iter().find(|input| input.path == Path::new(SDK_DIR).join(ENTRY_FILE));
    let is_expirable =
        entry.is_none_or(|entry| String::from_utf8_lossy(&entry.bytes).contains("exports.Expiry"));
    if is_expirable { "expirable-plugin" } else { "plugin" }
}

/// What `host` itself writes into a project.
const RESULTS: &[&str] = &["build", "plugins", "store"];

fn compile(source: &Source) -> Result<Vec<u8>> {
    let tool = COMPONENTIZE.require(PYTHON.name, PYTHON.title)?;
    let inputs = inputs(source)?;
    Cache::for_user().component_once(&key_of(&tool, &inputs), || componentize(&tool, source, &inputs))
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
    collect(&source.dir, Path::new(""), &[], &mut inputs)?;
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

/// `above` are the directories this one lies in: a link to one of them would lead in a circle.
fn collect(dir: &Path, path: &Path, above: &[PathBuf], inputs: &mut Vec<Input>) -> Result<()> {
    let unreadable = |path: &Path| format!("cannot read {}", path.display());
    let here = fs::canonicalize(dir).with_context(|| unreadable(dir))?;
    if above.contains(&here) {
        return Ok(());
    }
    let above = [above, &[here]].concat();
    for entry in fs::read_dir(dir).with_context(|| unreadable(dir))? {
        let entry = entry?;
        let name = entry.file_name();
        let (from, path) = (entry.path(), path.join(&name));
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        let is_environment = from.join("pyvenv.cfg").is_file();
        if is_hidden || is_environment || name == "__pycache__" {
            continue;
        }
        if RESULTS.iter().any(|result| path == Path::new(result)) {
            let is_package = from.is_dir() && !c::sources(&from, "py")?.is_empty();
            ensure!(!is_package, "{name:?} is where host puts what it makes: the package needs another name");
        } else if from.is_dir() {
            collect(&from, &path, &above, inputs)?;
        } else if from.is_file() {
            // Nothing else, such as a pipe, is a source, and reading it might never end.
            inputs.push(Input { path, bytes: fs::read(&from).with_context(|| unreadable(&from))? });
        }
    }
    Ok(())
}

/// Tells apart what would give different components.
fn key_of(tool: &Found, inputs: &[Input]) -> String {
    let arguments = arguments(world(inputs)).join(" ");
    let tool = [tool.version.as_bytes(), arguments.as_bytes(), CONTRACT.as_bytes()];
    let inputs = inputs.iter().flat_map(|Input { path, bytes }| [path.as_os_str().as_encoded_bytes(), bytes]);
    key(&PYTHON, tool.into_iter().chain(inputs))
}

/// Runs the tool on a copy, because Python leaves compiled modules beside the sources.
fn componentize(tool: &Found, source: &Source, inputs: &[Input]) -> Result<Vec<u8>> {
    let work = tempfile::tempdir().context("cannot make a temporary directory")?;
    project::write(&work.path().join("node.wit"), CONTRACT.as_bytes())?;
    for Input { path, bytes } in inputs {
        project::write(&work.path().join("python").join(path), bytes)?;
    }
    // Without an environment it would take what else is installed with the Python it finds.
    let no_packages = work.path().join("environment");
    fs::create_dir_all(no_packages.join("lib/site-packages"))?;
    let mut command = tool.command();
    command.current_dir(work.path()).env("VIRTUAL_ENV", no_packages).env_remove("RUST_BACKTRACE");
    run_quietly(command.args(arguments(world(inputs))), &source.name, traceback)?;
    fs::read(work.path().join("plugin.wasm")).context("componentize-py has made nothing")
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
    project::ignore(&mut files, "__pycache__/");
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

    /// The paths of what a project in this directory is made from, without the SDK.
    fn found(dir: &Path) -> Result<Vec<String>> {
        fs::create_dir_all(dir.join(SDK_DIR)).unwrap();
        let source = Source { dir: dir.to_owned(), name: "trial".to_owned() };
        Ok(inputs(&source)?.iter().map(|input| input.path.display().to_string()).collect())
    }

    fn write(dir: &Path, path: &str) {
        fs::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
        fs::write(dir.join(path), path).unwrap();
    }

    #[test]
    fn sources_are_files_and_what_links_lead_to_once() {
        let (place, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let dir = place.path();
        for path in ["plugin.py", "package/a.py", "__pycache__/a.pyc", ".git/a.py", "environment/pyvenv.cfg"]
        {
            write(dir, path);
        }
        write(elsewhere.path(), "shared.py");
        let link = |to: &Path, path: &str| std::os::unix::fs::symlink(to, dir.join(path)).unwrap();
        link(Path::new("."), "a");
        link(Path::new(".."), "package/b");
        link(Path::new("nowhere"), "c");
        link(elsewhere.path(), "common");
        let made = std::process::Command::new("mkfifo").arg(dir.join("pipe")).status().unwrap();
        assert!(made.success());
        assert_eq!(found(dir).unwrap(), ["common/shared.py", "package/a.py", "plugin.py"]);
    }

    #[test]
    fn what_host_makes_is_no_source_and_a_package_in_its_place_is_refused() {
        for name in RESULTS {
            let place = tempfile::tempdir().unwrap();
            for path in
                ["plugin.py", "package/store/a.py", &format!("{name}/result"), &format!("{name}/b/c.py")]
            {
                write(place.path(), path);
            }
            assert_eq!(found(place.path()).unwrap(), ["package/store/a.py", "plugin.py"]);
            write(place.path(), &format!("{name}/__init__.py"));
            let refused = found(place.path()).unwrap_err().to_string();
            let said = format!("{name:?} is where host puts what it makes: the package needs another name");
            assert_eq!(refused, said);
        }
    }

    #[test]
    fn every_part_of_a_key_counts() {
        let keys = [&[&b"ab"[..], b"c"][..], &[b"a", b"bc"], &[b"abc"], &[b"ab", b"d"]];
        let keys = keys.map(|parts| key(&PYTHON, parts.iter().copied()));
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }
}
