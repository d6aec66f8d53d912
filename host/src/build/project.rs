//! A new plugin: a directory with a handler to fill in, a README and a test, that builds as it is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::language::Language;
use super::rust;

/// A file of a project.
pub(super) struct File {
    /// Where it is, from the project's directory.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// Where a new plugin comes to stand.
pub(super) struct Place {
    /// The plugin's name.
    pub name: String,
    /// Its directory, which does not exist yet.
    pub dir: PathBuf,
    /// The workspace with the SDK it lies in, if it does.
    pub workspace: Option<PathBuf>,
}

impl Place {
    /// How files of the plugin name the SDK's folder of `guest-sdk`: beside them, or in the workspace.
    pub fn sdk(&self, folder: &str) -> String {
        match &self.workspace {
            None => "./glomers".to_owned(),
            Some(root) if self.dir.parent() == Some(&*root.join("plugins/lang")) => {
                format!("../../../guest-sdk/{folder}")
            }
            Some(root) => root.join("guest-sdk").join(folder).display().to_string(),
        }
    }
}

/// Writes a file, in directories that need not exist.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::create_dir_all(path.parent().context("a file lies in a directory")?)?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Has git ignore one more thing in a new project.
pub(super) fn ignore(files: &mut [File], line: &str) {
    for file in files.iter_mut().filter(|file| file.path == Path::new(".gitignore")) {
        file.text += line;
        file.text += "\n";
    }
}

/// Makes a plugin's directory and returns it. A bare name means a directory in the working directory; inside a workspace
/// with the SDK, one in its `plugins`. Refuses a directory that exists; leaves nothing behind when it fails.
pub fn create(path: &Path, language: &Language) -> Result<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str()).context("a plugin needs a name")?;
    check_name(name)?;
    let place = place(path, name, language)?;
    ensure!(!place.dir.exists(), "{} is there already; nothing was changed", place.dir.display());
    let parent = place.dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let unfinished = tempfile::Builder::new()
        .prefix(".new-plugin")
        .tempdir_in(parent)
        .with_context(|| format!("cannot write in {}", parent.display()))?;
    for File { path, text } in (language.template)(&place)? {
        write(&unfinished.path().join(path), text.as_bytes())?;
    }
    make_accessible(unfinished.path())?;
    fs::rename(unfinished.path(), &place.dir)
        .with_context(|| format!("cannot make {}", place.dir.display()))?;
    let _ = unfinished.keep();
    let here = std::env::current_dir().unwrap_or_default();
    Ok(place.dir.strip_prefix(&here).map(Path::to_owned).unwrap_or(place.dir))
}

/// Names that every language's packages may have.
fn check_name(name: &str) -> Result<()> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    if !starts_well || !name.split('-').all(is_word) {
        bail!(
            "{name:?} cannot be a plugin's name: use lower-case letters, digits and single hyphens, as in tree-broadcast"
        );
    }
    Ok(())
}

fn place(path: &Path, name: &str, language: &Language) -> Result<Place> {
    let is_bare = path.parent().is_none_or(|parent| parent.as_os_str().is_empty());
    let start = if is_bare { Path::new(".") } else { existing_ancestor(path) };
    let workspace = rust::workspace_with_sdk(start);
    let dir = match &workspace {
        Some(root) if is_bare && language.name == "rust" => root.join("plugins").join(name),
        Some(root) if is_bare => root.join("plugins/lang").join(name),
        _ => path.to_owned(),
    };
    Ok(Place { name: name.to_owned(), dir, workspace })
}

fn existing_ancestor(path: &Path) -> &Path {
    let found = path.ancestors().find(|dir| dir.is_dir());
    found.unwrap_or(Path::new("."))
}

/// Gives a temporary directory, which only its owner can read, the rights of an ordinary one.
fn make_accessible(dir: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_such_that_every_language_s_packages_may_have_them() {
        for good in ["echo", "tree-broadcast", "x2"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "Echo", "2x", "a_b", "a--b", "-a", "a-", "é", "a b", ".."] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
