//! C: every `.c` file of the directory and the SDK, compiled by `zig cc` for WASI as a reactor, and made a component.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::component::componentize;
use super::language::{Language, Source};
use super::project::{self, File, Place};
use super::toolchain::{Registry, Tool};
use super::{run, sdk};

/// C, as the frame knows it.
pub(super) const C: Language = Language {
    name: "c",
    title: "C",
    marker: "plugin.c",
    tools: &[&ZIG],
    own_test: CONVERSATION,
    compile,
    template,
};

/// A conversation tests the component itself, whatever it was compiled from.
pub(super) const CONVERSATION: &str = "host converse conversation.txt --plugin {{name}}";

/// Compiles C, C++ and Zig, and brings their libraries for WASI along.
pub(super) const ZIG: Tool = Tool {
    name: "zig",
    registry: Registry::PyPi,
    package: "ziglang",
    version: "0.17.1",
    also_tried: &[],
    commands: &[&["python3", "-m", "ziglang"], &["zig"]],
    version_arguments: &["version"],
};

/// The contract as C sees it, and the SDK that stands on it.
const FOLDERS: &[&str] = &["abi", "c"];

/// Where a project keeps its copy of the SDK. A directory without one gets the SDK of this host.
pub(super) const SDK_DIR: &str = "glomers";

/// The guest's stack is part of every instance and every snapshot, as in Rust. zig puts it below the data, so an overflow
/// traps. Without debug information zig leaves out the names of functions, which backtraces need; the rest of it goes
/// when the component is made.
pub(super) const LINK_FLAGS: &[&str] = &["-mexec-model=reactor", "-Wl,-z,stack-size=131072", "-g"];

/// For speed, with the warnings that find mistakes. zig takes `-O2` for a wish to have no `assert`.
const COMPILE_FLAGS: &[&str] = &["-std=c17", "-O2", "-UNDEBUG", "-Wall", "-Wextra"];

fn compile(source: &Source) -> Result<Vec<u8>> {
    let zig = ZIG.require(C.name, C.title)?;
    let sdk = sdk_of(source, FOLDERS)?;
    let module = source.scratch()?.join(format!("{}.core.wasm", source.name));
    let mut cc = zig.command();
    cc.args(["cc", "--target=wasm32-wasi"]).args(COMPILE_FLAGS).args(LINK_FLAGS);
    // What cJSON goes down into must fit on the stack.
    cc.arg("-DCJSON_NESTING_LIMIT=128").arg("-I").arg(&sdk);
    cc.arg(relative_places(source));
    cc.args(sources(&source.dir, "c")?)
        .args(sources(&sdk, "c")?)
        .args(sources(&sdk.join("third_party"), "c")?);
    compile_module(cc.arg("-o").arg(&module), source, &module)
}

/// Has `assert` name files by their paths in the plugin's directory: the same sources give the same bytes, wherever they lie.
pub(super) fn relative_places(source: &Source) -> String {
    format!("-fmacro-prefix-map={}/=", source.dir.display())
}

/// Runs a compiler that makes a core module, and makes that a component.
pub(super) fn compile_module(compiler: &mut Command, source: &Source, module: &Path) -> Result<Vec<u8>> {
    run(compiler.current_dir(&source.dir), &source.name)?;
    let module = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    componentize(&module, "plugin")
}

/// The directory of the SDK to use: the project's own copy, or else this host's, written to the scratch directory.
pub(super) fn sdk_of(source: &Source, folders: &[&str]) -> Result<PathBuf> {
    let own = source.dir.join(SDK_DIR);
    if own.is_dir() {
        return Ok(own);
    }
    let place = source.scratch()?.join(SDK_DIR);
    for folder in folders {
        for File { path, text } in sdk::folder(folder)?.into_iter().filter(is_sdk) {
            let path = place.join(path);
            // A file that stays as it is need not be compiled again.
            if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
                project::write(&path, text.as_bytes())?;
            }
        }
    }
    Ok(place)
}

/// A language's folder holds the template of new plugins too.
pub(super) fn is_sdk(file: &File) -> bool {
    !file.path.starts_with("template")
}

/// The files of a directory with this extension, in order.
pub(super) fn sources(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<_> = files.filter(|path| path.extension() == Some(OsStr::new(extension))).collect();
    found.sort();
    Ok(found)
}

fn template(place: &Place) -> Result<Vec<File>> {
    project(place, FOLDERS)
}

/// A template with the SDK beside it, in `./glomers/`. Inside the workspace there is no need for a copy, and what the
/// template says of that directory is said of the workspace's.
pub(super) fn project(place: &Place, folders: &[&str]) -> Result<Vec<File>> {
    let language = folders.last().context("a template has a language")?;
    let mut files = sdk::template(&format!("{language}/template"), &place.name)?;
    for file in &mut files {
        file.text = file.text.replace("./glomers/", &format!("{}/", place.sdk(language)));
    }
    files.push(File { path: ".gitignore".into(), text: "/build\n/store\n/plugins/*.wasm\n".to_owned() });
    if place.workspace.is_none() {
        for folder in folders {
            let sdk = sdk::folder(folder)?.into_iter().filter(is_sdk);
            files.extend(sdk.map(|file| File { path: Path::new(SDK_DIR).join(file.path), ..file }));
        }
    }
    Ok(files)
}
