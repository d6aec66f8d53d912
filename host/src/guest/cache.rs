//! Compiled plugins on disk, so that only the first start pays the compiler; and components that are expensive to make.
//!
//! An entry is `<key>/<checksum>.cwasm`. The key covers the plugin's bytes and everything that decides whether an
//! artefact fits this engine; the checksum, in the name, covers the artefact. An entry appears whole through a rename
//! and is checked before use, so a reader meets it complete or not at all; a damaged one is compiled anew. One process
//! compiles under a file lock while the others wait for its result. The oldest entries go when the directory grows
//! beyond its bound.
//!
//! The entry of a component that was only made, not compiled, has a key of its maker's, begun with the language's name;
//! its `.cwasm` holds the component as it is.

use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Enough for some thousand Rust plugins, or ten in Python.
const DEFAULT_MAX_BYTES: u64 = 1 << 30;

/// A directory of compiled plugins, or none.
#[derive(Clone, Debug)]
pub struct Cache {
    dir: Option<PathBuf>,
    max_bytes: u64,
}

impl Cache {
    /// The user's cache: `$GLOMERS_CACHE`, or `glomers` in the platform's cache directory. Never fails: where there
    /// is no place to write, every start compiles.
    pub fn for_user() -> Cache {
        let dir = std::env::var_os("GLOMERS_CACHE")
            .map(PathBuf::from)
            .or_else(|| dirs::cache_dir().map(|dir| dir.join("glomers")));
        Cache { dir, max_bytes: DEFAULT_MAX_BYTES }
    }

    /// A cache in a given directory with a given bound in bytes.
    pub fn at(dir: impl Into<PathBuf>, max_bytes: u64) -> Cache {
        Cache { dir: Some(dir.into()), max_bytes }
    }

    /// A component that takes long to make, and need not come out the same: the one made earlier under this key, or one
    /// made now and put there. Only one process makes it.
    pub fn component_once(
        &self,
        key: &str,
        make: impl FnOnce() -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<Vec<u8>> {
        let Some(dir) = &self.dir else { return make() };
        let entry = Entry { dir: dir.join(key) };
        let Ok(_lock) = entry.lock() else { return make() };
        if let Some(wasm) = entry.load_bytes() {
            return Ok(wasm);
        }
        let wasm = make()?;
        self.keep(dir, &entry, &wasm);
        Ok(wasm)
    }

    /// The component's compiled form: from the cache, or compiled now and put there.
    pub(super) fn component(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
        let Some(dir) = &self.dir else { return Component::new(engine, wasm) };
        let entry = Entry { dir: dir.join(key(engine, wasm)) };
        if let Some(component) = entry.load(engine) {
            return Ok(component);
        }
        // Whatever stands in the way of caching (a full disk, a read-only home) costs time, not the start.
        let Ok(_lock) = entry.lock() else { return Component::new(engine, wasm) };
        if let Some(component) = entry.load(engine) {
            return Ok(component);
        }
        let artefact = engine.precompile_component(wasm)?;
        self.keep(dir, &entry, &artefact);
        // SAFETY: the artefact comes from this very engine.
        unsafe { Component::deserialize(engine, &artefact) }
    }

    fn keep(&self, dir: &Path, entry: &Entry, artefact: &[u8]) {
        if entry.store(artefact).is_ok() {
            let _ = evict(dir, self.max_bytes, &entry.dir);
        }
    }
}

fn key(engine: &Engine, wasm: &[u8]) -> String {
    let mut hasher = Blake3(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    hasher.0.update(wasm);
    hasher.0.finalize().to_hex().to_string()
}

struct Blake3(blake3::Hasher);

impl Hasher for Blake3 {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the digest is taken from the inner hasher")
    }
}

/// One key's directory.
struct Entry {
    dir: PathBuf,
}

impl Entry {
    /// The component, if there is an undamaged artefact that fits the engine. Others are removed.
    fn load(&self, engine: &Engine) -> Option<Component> {
        let path = self.undamaged()?;
        // SAFETY: the checksum shows that these are the bytes a host wrote after compiling for an engine of this key;
        // only someone who can write to the user's own cache directory can forge that, and could replace the host too.
        let component = unsafe { Component::deserialize_file(engine, &path) }.ok();
        if component.is_none() {
            let _ = fs::remove_file(&path);
        }
        component
    }

    /// The bytes of an undamaged artefact.
    fn load_bytes(&self) -> Option<Vec<u8>> {
        fs::read(self.undamaged()?).ok()
    }

    /// The artefact, if it is undamaged. A damaged one is removed.
    fn undamaged(&self) -> Option<PathBuf> {
        let path = artefacts(&self.dir).ok()?.next()?;
        let checked = Entry::check(&path);
        if checked.is_none() {
            let _ = fs::remove_file(&path);
        }
        checked.map(|()| path)
    }

    fn check(path: &Path) -> Option<()> {
        let file = File::open(path).ok()?;
        let expected = path.file_stem()?.to_str()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&file).ok()?;
        if hasher.finalize().to_hex().as_str() != expected {
            return None;
        }
        // When it was used last decides what is evicted first.
        let _ = file.set_modified(SystemTime::now());
        Some(())
    }

    /// Waits until no other process compiles this entry.
    fn lock(&self) -> io::Result<File> {
        fs::create_dir_all(&self.dir)?;
        let file = File::create(self.dir.join("lock"))?;
        file.lock()?;
        Ok(file)
    }

    fn store(&self, artefact: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(artefact)?;
        let name = format!("{}.cwasm", blake3::hash(artefact).to_hex());
        file.persist(self.dir.join(name))?;
        Ok(())
    }
}

fn artefacts(dir: &Path) -> io::Result<impl Iterator<Item = PathBuf>> {
    let paths = fs::read_dir(dir)?.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")))
}

/// Removes the entries that have gone unused for longest until the rest fits; `keep` stays.
fn evict(dir: &Path, max_bytes: u64, keep: &Path) -> io::Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let (mut bytes, mut used) = (0, SystemTime::UNIX_EPOCH);
        for file in fs::read_dir(&path)? {
            let metadata = file?.metadata()?;
            bytes += metadata.len();
            used = used.max(metadata.modified()?);
        }
        entries.push((used, bytes, path));
    }
    entries.sort();
    let mut total: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in entries {
        if total <= max_bytes {
            break;
        }
        if path != keep {
            fs::remove_dir_all(&path)?;
            total -= bytes;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::engine::Sandbox;
    use super::*;

    const A: &[u8] = b"(component)";
    const B: &[u8] = b"(component (component))";

    fn wasm(text: &[u8]) -> Vec<u8> {
        wat::parse_bytes(text).unwrap().into_owned()
    }

    fn entries(dir: &Path) -> Vec<PathBuf> {
        let dirs = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        dirs.flat_map(|dir| artefacts(&dir).unwrap().collect::<Vec<_>>()).collect()
    }

    #[test]
    fn a_second_start_finds_the_first_one_s_work() {
        let (dir, sandbox) = (tempfile::tempdir().unwrap(), Sandbox::new().unwrap());
        let cache = Cache::at(dir.path(), u64::MAX);
        let wasm = wasm(A);
        cache.component(sandbox.engine(), &wasm).unwrap();
        let entry = Entry { dir: dir.path().join(key(sandbox.engine(), &wasm)) };
        assert!(entry.load(sandbox.engine()).is_some());
    }

    #[test]
    fn a_damaged_entry_is_compiled_anew() {
        let (dir, sandbox) = (tempfile::tempdir().unwrap(), Sandbox::new().unwrap());
        let cache = Cache::at(dir.path(), u64::MAX);
        for damage in [&b""[..], b"garbage", &[0x7f; 4096]] {
            cache.component(sandbox.engine(), &wasm(A)).unwrap();
            let [path] = entries(dir.path()).try_into().unwrap();
            let good = fs::read(&path).unwrap();
            fs::write(&path, damage).unwrap();
            cache.component(sandbox.engine(), &wasm(A)).unwrap();
            assert_eq!(fs::read(&entries(dir.path())[0]).unwrap(), good);
        }
    }

    #[test]
    fn what_was_made_once_is_not_made_again_unless_it_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path(), u64::MAX);
        let made = |bytes: &'static [u8]| cache.component_once("key", || Ok(bytes.to_vec())).unwrap();
        assert_eq!(made(b"first"), b"first");
        assert_eq!(made(b"second"), b"first");
        fs::write(&entries(dir.path())[0], "fir").unwrap();
        assert_eq!(made(b"third"), b"third");
        let error = cache.component_once("other", || anyhow::bail!("no compiler"));
        assert_eq!(error.unwrap_err().to_string(), "no compiler");
    }

    #[test]
    fn the_directory_stays_within_its_bound() {
        let (dir, sandbox) = (tempfile::tempdir().unwrap(), Sandbox::new().unwrap());
        let cache = Cache::at(dir.path(), 1);
        cache.component(sandbox.engine(), &wasm(A)).unwrap();
        cache.component(sandbox.engine(), &wasm(B)).unwrap();
        assert_eq!(entries(dir.path()).len(), 1, "the older entry is gone, the newest stays");
    }

    #[test]
    fn no_place_to_write_means_no_cache_but_no_error() {
        let sandbox = Sandbox::new().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        Cache::at(file.path(), u64::MAX).component(sandbox.engine(), &wasm(A)).unwrap();
    }
}
