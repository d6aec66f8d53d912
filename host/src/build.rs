//! From plugin crates to `plugins/<name>.wasm`: compiled by cargo for `wasm32-wasip2`, checked against the contract, put
//! in place. `host build`, `cargo demo` and the tests all come through here.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;

use crate::guest::{Cache, Plugin, Sandbox};
use crate::node::Core;
use crate::stdio::Process;

/// The target whose output is a component.
const TARGET: &str = "wasm32-wasip2";

/// The guest's stack is part of every instance and every snapshot. serde_json at its depth limit needs 64 KiB; twice that
/// leaves room for what the plugin itself does there.
const STACK_FLAGS: &str = r#"target.wasm32-wasip2.rustflags=["-Clink-arg=-zstack-size=131072"]"#;

/// A plugin that has been built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The crate's name.
    pub name: String,
    /// The component.
    pub wasm: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it differs from what was there before.
    pub is_new: bool,
}

/// Builds every plugin crate of the workspace that `dir` lies in: all members below its `plugins` directory.
pub fn workspace(dir: &Path) -> Result<Vec<Built>> {
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
    crates_of(&root, &crates, &plugins)
}

/// Builds the plugin crate in a directory. The component goes to `place`, or else to `plugins` in the crate's workspace.
pub fn one(dir: &Path, place: Option<&Path>) -> Result<Built> {
    ensure!(dir.join("Cargo.toml").is_file(), "{} is not a crate: it has no Cargo.toml", dir.display());
    let root = workspace_root(dir)?;
    let plugins = root.join("plugins");
    let built = crates_of(&root, &[dir.to_owned()], place.unwrap_or(&plugins))?;
    built.into_iter().next().context("cargo made nothing")
}

/// Builds crates of one workspace with one call of cargo.
fn crates_of(root: &Path, crates: &[PathBuf], place: &Path) -> Result<Vec<Built>> {
    ensure_target(root)?;
    let mut cargo = cargo(root);
    cargo.args(["build", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    cargo.args(["--config", STACK_FLAGS]);
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
    let sandbox =
        Sandbox::new().map_err(|error| anyhow!("cannot start the WebAssembly engine: {error:#}"))?;
    artefacts.iter().map(|artefact| install(&sandbox, place, artefact)).collect()
}

/// A component as cargo made it.
struct Artefact {
    name: String,
    wasm: PathBuf,
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

/// Checks a component and copies it to where plugins are looked up, unless it is there already.
fn install(sandbox: &Sandbox, plugins: &Path, artefact: &Artefact) -> Result<Built> {
    let wasm =
        fs::read(&artefact.wasm).with_context(|| format!("cannot read {}", artefact.wasm.display()))?;
    let place = plugins.join(format!("{}.wasm", artefact.name));
    let is_new = fs::read(&place).map_or(true, |old| old != wasm);
    if is_new {
        Plugin::<Core<Process>>::load(sandbox, &Cache::for_user(), &wasm)
            .with_context(|| format!("{} is not a plugin", artefact.name))?;
        // A node that starts meanwhile must find the old file or the new one, never half of one.
        fs::create_dir_all(plugins)?;
        let mut file = tempfile::NamedTempFile::new_in(plugins)?;
        std::io::Write::write_all(&mut file, &wasm)?;
        make_readable(file.as_file())?;
        file.persist(&place).with_context(|| format!("cannot write {}", place.display()))?;
    }
    Ok(Built { name: artefact.name.clone(), wasm: place, bytes: wasm.len() as u64, is_new })
}

/// Gives a temporary file, which only its owner can read, the rights of an ordinary one.
fn make_readable(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
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

fn workspace_root(dir: &Path) -> Result<PathBuf> {
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
    profile: toml::Table,
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

fn package_name(dir: &Path) -> Result<String> {
    let package = manifest(dir)?.package;
    Ok(package.with_context(|| format!("{} has no package", dir.display()))?.name)
}

/// Whether the workspace says how plugins are to be optimised; without that they are built for release.
fn defines_plugin_profile(root: &Path) -> bool {
    manifest(root).is_ok_and(|manifest| manifest.profile.contains_key("plugin"))
}
