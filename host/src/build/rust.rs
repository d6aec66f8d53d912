//! Rust: plugin crates, compiled by cargo for `wasm32-wasip2`. A whole workspace is built with one call of cargo.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::component::CONTRACT;
use super::install::{self, Built};
use super::language::{Language, Source};
use super::project::{File, Place};
use super::sdk;
use super::toolchain::{Registry, Tool};

/// Rust, as the frame knows it.
pub(super) const RUST: Language = Language {
    name: "rust",
    title: "Rust",
    marker: "Cargo.toml",
    tools: &[&RUSTC],
    own_test: "cargo test",
    compile,
    template,
};

const RUSTC: Tool = Tool {
    name: "Rust",
    registry: Registry::Rustup,
    package: "stable",
    version: "1.95.0",
    also_tried: &[],
    commands: &[&["rustc"]],
    version_arguments: &["--version"],
};

/// The target whose output is a component.
const TARGET: &str = "wasm32-wasip2";

/// The guest's stack is part of every instance and every snapshot. serde_json at its depth limit needs 64 KiB; twice that
/// leaves room for what the plugin itself does there. Vector instructions (the deterministic ones) find the end of a long
/// string in a fraction of the time.
const FLAGS: &str =
    r#"target.wasm32-wasip2.rustflags=["-Clink-arg=-zstack-size=131072", "-Ctarget-feature=+simd128"]"#;

/// Builds every plugin crate of the workspace that `dir` lies in: all members below its `plugins` directory.
pub(super) fn workspace(dir: &Path) -> Result<Vec<Built>> {
    let root = workspace_root(dir)?;
    let plugins = root.join("plugins");
    let mut crates = Vec::new();
    for entry in fs::read_dir(&plugins).with_context(|| format!("cannot read {}", plugins.display()))? {
        let path = entry?.path();
        if path.join("Cargo.toml").is_file() {
            crates.push(path);
        }
    }
    crates.sort();
    ensure!(!crates.is_empty(), "there is no plugin crate in {}", plugins.display());
    let sandbox = install::sandbox()?;
    let artefacts = cargo_build(&root, &crates)?;
    artefacts
        .iter()
        .map(|artefact| install::install(&sandbox, &plugins, &artefact.name, &artefact.read()?))
        .collect()
}

fn compile(source: &Source) -> Result<Vec<u8>> {
    let root = workspace_root(&source.dir)?;
    let artefacts = cargo_build(&root, std::slice::from_ref(&source.dir))?;
    artefacts.first().context("cargo made nothing")?.read()
}

/// Whether a directory is a crate that makes a plugin.
pub(super) fn is_plugin(dir: &Path) -> bool {
    manifest(dir).is_ok_and(|manifest| {
        manifest.package.is_some() && manifest.lib.crate_type.iter().any(|kind| kind == "cdylib")
    })
}

/// Builds crates of one workspace with one call of cargo.
fn cargo_build(root: &Path, crates: &[PathBuf]) -> Result<Vec<Artefact>> {
    ensure_target(root)?;
    let mut cargo = cargo(root);
    cargo.args(["build", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    cargo.args(["--config", FLAGS]);
    if defines_plugin_profile(root) {
        cargo.args(["--profile", "plugin"]);
    } else {
        cargo.arg("--release");
    }
    for dir in crates {
        cargo.arg("--package").arg(package_name(dir)?);
    }
    let artefacts = run_cargo(cargo)?;
    ensure!(
        !artefacts.is_empty(),
        "cargo made no {TARGET} component; does the crate have crate-type = [\"cdylib\"]?"
    );
    Ok(artefacts)
}

/// A component as cargo made it.
struct Artefact {
    name: String,
    wasm: PathBuf,
}

impl Artefact {
    fn read(&self) -> Result<Vec<u8>> {
        fs::read(&self.wasm).with_context(|| format!("cannot read {}", self.wasm.display()))
    }
}

/// The lines of cargo's JSON output that matter here.
#[derive(Deserialize)]
struct CargoMessage {
    reason: String,
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

fn run_cargo(mut cargo: Command) -> Result<Vec<Artefact>> {
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut artefacts = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let Ok(message) = serde_json::from_str::<CargoMessage>(&line?) else { continue };
        let wasm = message.filenames.iter().find(|file| file.extension().is_some_and(|ext| ext == "wasm"));
        if let ("compiler-artifact", Some(wasm), Some(manifest)) =
            (&*message.reason, wasm, &message.manifest_path)
        {
            let dir = manifest.parent().context("cargo named a manifest without a directory")?;
            artefacts.push(Artefact { name: package_name(dir)?, wasm: wasm.clone() });
        }
    }
    ensure!(child.wait()?.success(), "the plugins do not compile; cargo's messages are above");
    Ok(artefacts)
}

/// Adds the target through rustup when the toolchain lacks it.
fn ensure_target(root: &Path) -> Result<()> {
    let libdir = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(root)
        .output()
        .context("cannot run rustc; install Rust through rustup")?;
    if libdir.status.success() && Path::new(String::from_utf8_lossy(&libdir.stdout).trim()).is_dir() {
        return Ok(());
    }
    eprintln!("adding the target {TARGET} through rustup");
    let added = Command::new("rustup").args(["target", "add", TARGET]).current_dir(root).status();
    if added.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    bail!("this Rust toolchain cannot compile for {TARGET}; run `rustup target add {TARGET}`");
}

fn cargo(dir: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(dir).stdin(Stdio::null());
    cargo
}

pub(super) fn workspace_root(dir: &Path) -> Result<PathBuf> {
    let output = cargo(dir)
        .args(["locate-project", "--workspace", "--message-format", "plain"])
        .output()
        .context("cannot run cargo; install Rust through rustup")?;
    ensure!(output.status.success(), "{} lies in no cargo project", dir.display());
    let manifest = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    manifest.parent().map(Path::to_owned).context("cargo named a manifest without a directory")
}

/// The parts of a manifest that matter here.
#[derive(Deserialize)]
struct Manifest {
    package: Option<Package>,
    #[serde(default)]
    lib: Lib,
    #[serde(default)]
    profile: toml::Table,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Lib {
    #[serde(default)]
    crate_type: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

fn manifest(dir: &Path) -> Result<Manifest> {
    let path = dir.join("Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))
}

pub(super) fn package_name(dir: &Path) -> Result<String> {
    let package = manifest(dir)?.package;
    Ok(package.with_context(|| format!("{} has no package", dir.display()))?.name)
}

/// Whether the workspace says how plugins are to be optimised; without that they are built for release.
fn defines_plugin_profile(root: &Path) -> bool {
    manifest(root).is_ok_and(|manifest| manifest.profile.contains_key("plugin"))
}

/// The workspace around a directory, if it is one that holds the SDK as well as plugins.
pub(super) fn workspace_with_sdk(dir: &Path) -> Option<PathBuf> {
    let is_it = |root: &&Path| root.join("guest-sdk/Cargo.toml").is_file() && root.join("plugins").is_dir();
    let dir = fs::canonicalize(dir).ok()?;
    dir.ancestors().find(is_it).map(Path::to_owned)
}

/// A crate: in a workspace with the SDK a member of it, elsewhere a workspace of its own with a copy of the SDK, so that
/// nothing is needed but crates.io.
fn template(place: &Place) -> Result<Vec<File>> {
    let mut files = sdk::template("template", &place.name)?;
    if let Some(root) = &place.workspace {
        let around = place.dir.parent().map(fs::canonicalize).and_then(Result::ok);
        ensure!(
            around.as_deref() == Some(&*root.join("plugins")),
            "a crate of this workspace goes to {}",
            root.join("plugins").join(&place.name).display()
        );
        return Ok(files);
    }
    for file in &mut files {
        if file.path == Path::new("Cargo.toml") {
            file.text = file.text.replace("../../guest-sdk", "guest-sdk") + "\n" + &own_workspace()?;
        }
    }
    files.push(File { path: ".gitignore".into(), text: "/target\n/store\n/plugins/*.wasm\n".to_owned() });
    files.push(File { path: "wit/node.wit".into(), text: CONTRACT.to_owned() });
    for file in sdk::folder("src")? {
        files.push(File { path: Path::new("guest-sdk/src").join(file.path), ..file });
    }
    files.push(File { path: "guest-sdk/Cargo.toml".into(), text: sdk::text("Cargo.toml")? });
    Ok(files)
}

/// What a crate and a copy of the SDK inherit from this workspace, as a workspace of their own.
fn own_workspace() -> Result<String> {
    let ours: toml::Table = toml::from_str(include_str!("../../../Cargo.toml"))?;
    let mut workspace = ours["workspace"].as_table().cloned().context("a workspace is a table")?;
    workspace.retain(|key, _| matches!(key, "resolver" | "package" | "dependencies" | "lints"));
    if let Some(dependencies) = workspace.get_mut("dependencies").and_then(toml::Value::as_table_mut) {
        dependencies.retain(|name, _| matches!(name, "serde" | "serde_json" | "wit-bindgen"));
    }
    let mut own = toml::Table::new();
    own.insert("workspace".to_owned(), workspace.into());
    let mut profile = ours["profile"].as_table().cloned().context("profiles are a table")?;
    profile.retain(|name, _| name == "plugin");
    own.insert("profile".to_owned(), profile.into());
    Ok(toml::to_string(&own)?)
}
