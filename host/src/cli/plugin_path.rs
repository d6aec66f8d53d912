//! Where a plugin is. Maelstrom starts nodes in the system's temp directory, so a relative path is looked up in more
//! places than the working directory.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// Finds the file that `--plugin` means. The error lists every place tried.
pub(super) fn find(plugin: &str) -> Result<PathBuf> {
    let executable = env::current_exe().unwrap_or_default();
    let tried = candidates(plugin, env::var_os("GLOMERS_PLUGINS").map(PathBuf::from).as_deref(), &executable);
    if let Some(found) = tried.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    let tried: Vec<_> = tried.iter().map(|path| path.display().to_string()).collect();
    bail!("no plugin {plugin}; tried {}", tried.join(", "));
}

fn candidates(plugin: &str, plugins_dir: Option<&Path>, executable: &Path) -> Vec<PathBuf> {
    let path = if is_bare_name(plugin) {
        PathBuf::from(format!("plugins/{plugin}.wasm"))
    } else {
        PathBuf::from(plugin)
    };
    if path.is_absolute() {
        return vec![path];
    }
    let mut candidates = vec![path.clone()];
    if let Some(dir) = plugins_dir {
        candidates.push(dir.join(&path));
        // `plugins/x.wasm` in a directory that is itself the plugins directory.
        candidates.extend(path.strip_prefix("plugins").ok().map(|rest| dir.join(rest)));
    }
    candidates.extend(executable.ancestors().skip(1).map(|dir| dir.join(&path)));
    candidates
}

fn is_bare_name(plugin: &str) -> bool {
    !plugin.contains(std::path::is_separator) && Path::new(plugin).extension().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(plugin: &str) -> Vec<String> {
        let found = candidates(plugin, Some(Path::new("/p")), Path::new("/a/target/host"));
        found.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_bare_name_means_a_file_in_plugins() {
        let expected = [
            "plugins/x.wasm",
            "/p/plugins/x.wasm",
            "/p/x.wasm",
            "/a/target/plugins/x.wasm",
            "/a/plugins/x.wasm",
            "/plugins/x.wasm",
        ];
        assert_eq!(tried("x"), expected);
        assert_eq!(tried("plugins/x.wasm"), expected);
    }

    #[test]
    fn other_paths_are_taken_as_they_are() {
        assert_eq!(tried("/abs/x.wasm"), ["/abs/x.wasm"]);
        assert_eq!(
            tried("y/x.wasm"),
            ["y/x.wasm", "/p/y/x.wasm", "/a/target/y/x.wasm", "/a/y/x.wasm", "/y/x.wasm"]
        );
        assert_eq!(tried("x.wasm")[0], "x.wasm");
    }
}
