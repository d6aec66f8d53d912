//! C++: as C, with nlohmann::json from the package registry, and without exceptions, which WASI's C++ library does not
//! have.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::c::{self, ZIG};
use super::language::{Language, Source};
use super::project::{File, Place};
use super::toolchain::{Registry, Tool};

/// C++, as the frame knows it.
pub(super) const CPP: Language = Language {
    name: "cpp",
    title: "C++",
    marker: "plugin.cpp",
    tools: &[&ZIG, &NLOHMANN_JSON],
    own_test: c::CONVERSATION,
    compile,
    template,
};

/// Headers in a Python package: too large to vendor, and what C++ programmers know.
const NLOHMANN_JSON: Tool = Tool {
    name: "nlohmann-json",
    registry: Registry::PyPi,
    package: "nlohmann-json",
    version: "3.12.0",
    also_tried: &[],
    commands: &[&["python3"]],
    version_arguments: &["-c", "from importlib.metadata import version; print(version('nlohmann-json'))"],
};

const COMPILE_FLAGS: &[&str] = &["-std=c++20", "-fno-exceptions", "-O2", "-UNDEBUG", "-Wall", "-Wextra"];

fn compile(source: &Source) -> Result<Vec<u8>> {
    let zig = ZIG.require(CPP.name, CPP.title)?;
    let json = json_headers()?;
    let sdk = c::sdk_of(source, FOLDERS)?;
    let module = source.scratch()?.join(format!("{}.core.wasm", source.name));
    let mut cxx = zig.command();
    cxx.args(["c++", "--target=wasm32-wasi"]).args(COMPILE_FLAGS).args(c::LINK_FLAGS);
    cxx.arg("-I").arg(&sdk).arg("-isystem").arg(json);
    cxx.arg(c::relative_places(source));
    cxx.args(c::sources(&source.dir, "cpp")?).args(c::sources(&sdk, "cpp")?);
    // The one file that is C and C++ alike.
    cxx.args(["-x", "c++"]).arg(sdk.join("memory.c"));
    c::compile_module(cxx.arg("-o").arg(&module), source, &module)
}

/// The contract as C sees it, and the SDK that stands on it.
const FOLDERS: &[&str] = &["abi", "cpp"];

/// Where the package keeps its headers.
fn json_headers() -> Result<PathBuf> {
    let mut python = NLOHMANN_JSON.require(CPP.name, CPP.title)?.command();
    let where_is_it = "import nlohmann_json, os; print(os.path.join(nlohmann_json.__path__[0], 'include'))";
    let output = python.args(["-c", where_is_it]).output().context("cannot run python3")?;
    let dir = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    ensure!(dir.join("nlohmann/json.hpp").is_file(), "the package nlohmann-json holds no nlohmann/json.hpp");
    Ok(dir)
}

fn template(place: &Place) -> Result<Vec<File>> {
    c::project(place, FOLDERS)
}
