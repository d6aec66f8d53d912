//! The SDKs and the templates of new plugins: `guest-sdk/`, embedded, so that `host new` and `host build` need no network
//! and no checkout. A language's SDK is in the folder of its name, its template in `template` below that; the Rust SDK
//! is the folder itself.

use anyhow::{Context, Result};
use include_dir::{Dir, DirEntry, include_dir};

use super::project::File;

static SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../guest-sdk");

/// The files below a folder of `guest-sdk`, by their paths in it.
pub(super) fn folder(path: &str) -> Result<Vec<File>> {
    let dir = SDK.get_dir(path).with_context(|| format!("this host carries no guest-sdk/{path}"))?;
    let mut files = Vec::new();
    collect(dir, path, &mut files)?;
    Ok(files)
}

/// One file of `guest-sdk`.
pub(super) fn text(path: &str) -> Result<String> {
    let file = SDK.get_file(path).with_context(|| format!("this host carries no guest-sdk/{path}"))?;
    Ok(file.contents_utf8().context("the SDK is text")?.to_owned())
}

/// The template of a new plugin. `{{name}}` in it stands for the plugin's name.
pub(super) fn template(path: &str, name: &str) -> Result<Vec<File>> {
    let mut files = folder(path)?;
    for file in &mut files {
        file.text = file.text.replace("{{name}}", name);
    }
    Ok(files)
}

fn collect(dir: &Dir<'_>, root: &str, files: &mut Vec<File>) -> Result<()> {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => collect(dir, root, files)?,
            DirEntry::File(file) => {
                let path = file.path().strip_prefix(root)?.to_owned();
                let text = file.contents_utf8().context("the SDK is text")?;
                files.push(File { path, text: text.to_owned() });
            }
        }
    }
    Ok(())
}
