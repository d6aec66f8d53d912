//! A component's last steps: checked against the contract, then put in place whole.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use crate::guest::{Cache, Plugin, Sandbox};
use crate::node::Core;
use crate::stdio::Process;

/// A plugin that has been built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The plugin's name.
    pub name: String,
    /// The component.
    pub wasm: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it differs from what was there before.
    pub is_new: bool,
}

pub(super) fn sandbox() -> Result<Sandbox> {
    Sandbox::new().map_err(|error| anyhow!("cannot start the WebAssembly engine: {error:#}"))
}

/// Checks a component and writes it to where plugins are looked up, unless it is there already.
pub(super) fn install(sandbox: &Sandbox, plugins: &Path, name: &str, wasm: &[u8]) -> Result<Built> {
    let place = plugins.join(format!("{name}.wasm"));
    let is_new = fs::read(&place).map_or(true, |old| old != wasm);
    if is_new {
        Plugin::<Core<Process>>::load(sandbox, &Cache::for_user(), wasm)
            .with_context(|| format!("{name} is not a plugin"))?;
        // A node that starts meanwhile must find the old file or the new one, never half of one.
        fs::create_dir_all(plugins).with_context(|| format!("cannot make {}", plugins.display()))?;
        let mut file = tempfile::NamedTempFile::new_in(plugins)?;
        std::io::Write::write_all(&mut file, wasm)?;
        make_readable(file.as_file())?;
        file.persist(&place).with_context(|| format!("cannot write {}", place.display()))?;
    }
    Ok(Built { name: name.to_owned(), wasm: place, bytes: wasm.len() as u64, is_new })
}

/// Gives a temporary file, which only its owner can read, the rights of an ordinary one.
fn make_readable(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}
