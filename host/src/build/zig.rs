//! Zig: `plugin.zig` is a module beside the SDK's, and the SDK's `start.zig` the root of the program. No libc.

use anyhow::Result;

use super::c::{self, ZIG};
use super::language::{Language, Source};
use super::project::{File, Place};

/// Zig, as the frame knows it.
pub(super) const ZIG_LANGUAGE: Language = Language {
    name: "zig",
    title: "Zig",
    marker: "plugin.zig",
    tools: &[&ZIG],
    own_test: c::CONVERSATION,
    compile,
    template,
};

/// Zig needs no header of the contract.
const FOLDERS: &[&str] = &["zig"];

/// What each module is compiled with. With safety checks: a trap with a message instead of a wrong answer, for 3 to 13 %
/// more time an event of echo, and half as much code again. SIMD is in every engine that runs components, and Zig's
/// library searches text with it.
const MODULE_FLAGS: &[&str] = &["-target", "wasm32-wasi", "-mcpu=lime1+simd128", "-O", "safe"];

/// The same stack as in C.
const PROGRAM_FLAGS: &[&str] = &["-mexec-model=reactor", "-fno-entry", "-rdynamic", "--stack", "131072"];

fn compile(source: &Source) -> Result<Vec<u8>> {
    let zig = ZIG.require(ZIG_LANGUAGE.name, ZIG_LANGUAGE.title)?;
    let sdk = c::sdk_of(source, FOLDERS)?;
    let scratch = source.scratch()?;
    let module = scratch.join(format!("{}.core.wasm", source.name));
    let mut build = zig.command();
    build.args(["build-exe", "--name", &source.name]).args(PROGRAM_FLAGS);
    build.arg("--cache-dir").arg(scratch.join("zig-cache"));
    for (name, file, imports) in [
        ("root", sdk.join("start.zig"), &["glomers", "plugin"][..]),
        ("glomers", sdk.join("glomers.zig"), &[]),
        ("plugin", source.dir.join("plugin.zig"), &["glomers"]),
    ] {
        build.args(MODULE_FLAGS).args(imports.iter().flat_map(|import| ["--dep", import]));
        build.arg(format!("-M{name}={}", file.display()));
    }
    let emit = format!("-femit-bin={}", module.display());
    c::compile_module(build.arg(emit), source, &module)
}

fn template(place: &Place) -> Result<Vec<File>> {
    c::project(place, FOLDERS)
}
