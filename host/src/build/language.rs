//! The languages plugins are written in, and how a plugin's directory tells which one it is.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::toolchain::Tool;
use super::{c, cpp, go, js, project, python, rust, zig};

/// All that the frame needs to know of a language. Each language defines its own in its own file.
pub struct Language {
    /// As in `host new --lang`.
    pub name: &'static str,
    /// As people write it.
    pub title: &'static str,
    /// The file that marks a plugin's directory as one of this language.
    pub marker: &'static str,
    /// What it takes to build a plugin.
    pub tools: &'static [&'static Tool],
    /// The command that runs a new plugin's own test, in its directory. `{{name}}` stands for the plugin's name.
    pub own_test: &'static str,
    /// Makes a component of a plugin's sources.
    pub(super) compile: fn(&Source) -> Result<Vec<u8>>,
    /// The files of a new plugin, by their paths in its directory.
    pub(super) template: fn(&project::Place) -> Result<Vec<project::File>>,
}

/// Every language there is. In the order shown to people.
pub const LANGUAGES: &[&Language] =
    &[&rust::RUST, &c::C, &cpp::CPP, &zig::ZIG_LANGUAGE, &go::GO, &js::JS, &python::PYTHON];

/// A plugin's sources.
pub struct Source {
    /// The directory, as an absolute path.
    pub dir: PathBuf,
    /// What the plugin is called.
    pub name: String,
}

impl Source {
    /// A directory for what is made on the way, inside the plugin's own: `build`.
    pub fn scratch(&self) -> Result<PathBuf> {
        let scratch = self.dir.join("build");
        std::fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
        Ok(scratch)
    }

    /// Keeps other builds of the same plugin waiting while the file is open. They would write to the same directory.
    fn lock(&self) -> Result<File> {
        let path = self.scratch()?.join("lock");
        let locked = File::create(&path).and_then(|file| file.lock().map(|()| file));
        locked.with_context(|| format!("cannot lock {}", path.display()))
    }
}

impl Language {
    /// The language of this name, as in `--lang`.
    pub fn named(name: &str) -> Option<&'static Language> {
        LANGUAGES.iter().find(|language| language.name == name).copied()
    }

    /// The language whose marker a directory bears. The first in the list counts.
    pub fn marked(dir: &Path) -> Option<&'static Language> {
        LANGUAGES.iter().find(|language| dir.join(language.marker).is_file()).copied()
    }

    /// The same, and an error that tells what was looked for.
    pub(super) fn of(dir: &Path) -> Result<&'static Language> {
        if let Some(language) = Language::marked(dir) {
            return Ok(language);
        }
        let markers: Vec<_> =
            LANGUAGES.iter().map(|language| format!("{} ({})", language.marker, language.title)).collect();
        bail!("{} is not a plugin's directory: it holds none of {}", dir.display(), markers.join(", "));
    }

    /// What the plugin in a directory is called: as its package is, and where there are none, as its directory.
    pub(super) fn name_of(&self, dir: &Path) -> Result<String> {
        if self.name == "rust" {
            return rust::package_name(dir);
        }
        let name = dir.file_name().and_then(|name| name.to_str());
        Ok(name.with_context(|| format!("{} has no usable name", dir.display()))?.to_owned())
    }

    /// Where the component of a plugin goes: for a crate `plugins` in its workspace; for others the nearest directory of
    /// that name they lie in, or else one of their own.
    pub(super) fn place(&self, dir: &Path) -> Result<PathBuf> {
        if self.name == "rust" {
            return Ok(rust::workspace_root(dir)?.join("plugins"));
        }
        let around = dir.ancestors().skip(1).find(|dir| dir.ends_with("plugins"));
        Ok(around.map_or_else(|| dir.join("plugins"), Path::to_owned))
    }

    pub(super) fn compile(&self, source: &Source) -> Result<Vec<u8>> {
        // cargo sees to that itself.
        let _alone = (self.name != "rust").then(|| source.lock()).transpose()?;
        (self.compile)(source)
    }
}
