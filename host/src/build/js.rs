//! JavaScript: esbuild makes one module of the plugin, the SDK and packages from npm; componentize-qjs runs its top level
//! in QuickJS and makes a component of what is then in memory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::component::contract_at;
use super::language::{Language, Source};
use super::project::{self, File, Place};
use super::source_map::Places;
use super::toolchain::{Found, Registry, Tool};
use super::{c, key, run, run_quietly};
use crate::guest::Cache;

/// JavaScript, as the frame knows it.
pub(super) const JS: Language = Language {
    name: "js",
    title: "JavaScript",
    marker: "plugin.js",
    tools: &[&ESBUILD, &COMPONENTIZE],
    own_test: c::CONVERSATION,
    compile,
    template,
};

/// Bundles modules.
const ESBUILD: Tool = Tool {
    name: "esbuild",
    registry: Registry::Npm,
    package: "esbuild",
    version: "0.28.2",
    also_tried: &["0.28.1", "0.27.7", "0.25.12"],
    commands: &[&["esbuild"]],
    version_arguments: &["--version"],
};

/// QuickJS as a component, and what puts a program into it.
const COMPONENTIZE: Tool = Tool {
    name: "componentize-qjs",
    registry: Registry::Npm,
    package: "componentize-qjs",
    version: "0.4.5",
    also_tried: &["0.4.4", "0.4.3"],
    commands: &[&["componentize-qjs"]],
    version_arguments: &[],
};

/// The SDK.
const FOLDERS: &[&str] = &["js"];

/// One module for QuickJS, which knows the language of today. Only what waits for promises becomes generators that wait
/// for those of the SDK: nothing runs the jobs of QuickJS's own once the component is made.
const BUNDLE_FLAGS: &[&str] = &[
    "--bundle",
    "--format=esm",
    "--platform=neutral",
    "--main-fields=module,main",
    "--external:glomers:node/*",
    "--target=esnext",
    "--supported:async-await=false",
    "--supported:async-generator=false",
    "--supported:for-await=false",
    "--supported:top-level-await=false",
    "--charset=utf8",
    "--log-level=warning",
    // Where each line comes from, for stacks.
    "--sourcemap=external",
    "--sources-content=false",
];

/// The runtime without the component model's own async, which this host has switched off.
const COMPONENT_FLAGS: &[&str] = &["--sync", "--world"];

/// What the SDK exports. A project's own copy may be of an older version.
fn world(version: &str) -> &'static str {
    if version == "0.1.0" { "plugin" } else { "expirable-plugin" }
}

/// The version of the contract that the SDK in a bundle was made for.
fn version(bundle: &str) -> Option<&str> {
    let (_, import) = bundle.split_once("glomers:node/host@")?;
    import.split(['"', '\'']).next()
}

fn compile(source: &Source) -> Result<Vec<u8>> {
    let esbuild = ESBUILD.require(JS.name, JS.title)?;
    let componentize = COMPONENTIZE.require(JS.name, JS.title)?;
    let bundle = bundle(source, &esbuild)?;
    component(source, &componentize, &bundle)
}

/// One module of everything. The SDK comes first, for it replaces what the engine has, and last, for it exports what the
/// contract asks for.
fn bundle(source: &Source, esbuild: &Found) -> Result<PathBuf> {
    let scratch = source.scratch()?;
    let sdk = c::sdk_of(source, FOLDERS)?;
    let entry = "import 'glomers/globals.js';\nimport '../plugin.js';\nexport * from 'glomers/exports.js';\n";
    let bundle = scratch.join(format!("{}.js", source.name));
    let mut command = esbuild.command();
    command.args(BUNDLE_FLAGS).arg(format!("--alias:glomers={}", sdk.display()));
    command.arg(write(scratch.join("main.js"), entry)?).arg(format!("--outfile={}", bundle.display()));
    run(command.current_dir(&source.dir), &source.name)?;
    add_places(source, &sdk, &bundle)?;
    Ok(bundle)
}

/// Has the bundle say, behind everything else, where its lines come from.
fn add_places(source: &Source, sdk: &Path, bundle: &Path) -> Result<()> {
    let read =
        |path: &Path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let map = read(&bundle.with_extension("js.map"))?;
    let scratch = source.scratch()?;
    let is_own = |path: &Path| !path.starts_with(sdk) && !path.starts_with(&scratch);
    let places = Places::read(&map, &scratch, &source.dir, is_own)?;
    let text =
        format!("{}\nglobalThis.glomersPlaces = {};\n", read(bundle)?, serde_json::to_string(&places)?);
    write(bundle.to_owned(), &text)?;
    Ok(())
}

/// The component of a bundle. No two are alike, for the moment it was made at is in it; so that a plugin that has not
/// changed stays the same, and compiled, one is made only of something new.
fn component(source: &Source, componentize: &Found, bundle: &Path) -> Result<Vec<u8>> {
    let text = fs::read_to_string(bundle).with_context(|| format!("cannot read {}", bundle.display()))?;
    let version = version(&text).context("the SDK imports nothing of the contract")?;
    let (contract, world) = (contract_at(version), world(version));
    let flags = format!("{COMPONENT_FLAGS:?} {world}");
    let parts = [&componentize.version, &flags, &contract, &text].map(|part| part.as_bytes());
    let key = key(&JS, parts);
    Cache::for_user().component_once(&key, || {
        let scratch = source.scratch()?;
        let component = scratch.join(format!("{}.wasm", source.name));
        let mut command = componentize.command();
        command.args(COMPONENT_FLAGS).arg(world);
        command.arg("--wit").arg(write(scratch.join("node.wit"), &contract)?);
        command.arg("--js").arg(bundle).arg("--output").arg(&component);
        run_quietly(command.current_dir(&source.dir), &source.name, str::to_owned)?;
        fs::read(&component).with_context(|| format!("cannot read {}", component.display()))
    })
}

fn write(path: PathBuf, text: &str) -> Result<PathBuf> {
    project::write(&path, text.as_bytes())?;
    Ok(path)
}

fn template(place: &Place) -> Result<Vec<File>> {
    let mut files = c::project(place, FOLDERS)?;
    project::ignore(&mut files, "/node_modules");
    Ok(files)
}
