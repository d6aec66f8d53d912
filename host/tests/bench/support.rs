//! Running `host test` and looking at what came out.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// A finished run of `host test`.
pub struct Finished {
    /// The store it wrote to.
    pub store: TempDir,
    /// Exit status and output.
    pub output: Output,
}

impl Finished {
    /// The exit status.
    pub fn status(&self) -> i32 {
        self.output.status.code().expect("it ended by itself")
    }

    /// Standard output.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// A file of the run.
    pub fn file(&self, name: &str) -> String {
        let path = self.store.path().join("latest").join(name);
        std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", path.display(), self.stderr()))
    }

    /// `results.json`.
    pub fn results(&self) -> Value {
        serde_json::from_str(&self.file("results.json")).expect("results are JSON")
    }
}

/// The plugins of the workspace, built once, and where those of the tests are.
pub fn plugins() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let host = Path::new(env!("CARGO_MANIFEST_DIR"));
        host::build::workspace(host).expect("the plugins compile");
        let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugins");
        host::build::one(&host.join("tests/plugins/saboteur"), Some(&place)).expect("the saboteur compiles");
        place
    })
}

/// Runs `host test` with these words, in a store of its own.
pub fn test(words: &str) -> Finished {
    test_with(&words.split_whitespace().collect::<Vec<_>>())
}

/// The same, when a word contains white space.
pub fn test_with(words: &[&str]) -> Finished {
    plugins();
    let store = tempfile::tempdir().expect("a directory");
    let output = Command::new(env!("CARGO_BIN_EXE_host"))
        .args(["test", "--store"])
        .arg(store.path())
        .args(words)
        .env("GLOMERS_PLUGINS", plugins())
        .current_dir(&store)
        .output()
        .expect("the host runs");
    Finished { store, output }
}
