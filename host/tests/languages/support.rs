//! Running `host`, and leaving out what cannot be run here.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use host::build::language::{LANGUAGES, Language};

/// How a conversation begins: one node starts.
pub const INIT: &str = r#"> {"src":"c1","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}
< {"src":"n1","dest":"c1","body":{"type":"init_ok","in_reply_to":1}}
"#;

/// Lists in lists.
pub fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

/// The workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// A call of a program in a directory. What cargo compiles there for new projects is kept from one run to the next.
pub fn call(program: &str, dir: &Path, words: &[&str]) -> Output {
    Command::new(program)
        .args(words)
        .current_dir(dir)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects"))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {program}: {error}"))
}

/// A call of `host` in a directory.
pub fn host(dir: &Path, words: &[&str]) -> Output {
    call(env!("CARGO_BIN_EXE_host"), dir, words)
}

/// The same; it must succeed. Returns standard output.
pub fn host_ok(dir: &Path, words: &[&str]) -> String {
    let output = host(dir, words);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "host {words:?}\n{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    stdout
}

/// A new project, by `host new`. Returns its directory.
pub fn new_project(place: &Path, name: &str, language: &str) -> PathBuf {
    host_ok(place, &["new", name, "--lang", language]);
    place.join(name)
}

/// Runs a check if the language's tools are here. On a machine of CI they have to be.
pub fn when_installed(language: &str, check: impl FnOnce(&'static Language)) {
    let language = Language::named(language).expect("a language");
    let missing = language.tools.iter().find_map(|tool| tool.require(language.name, language.title).err());
    match missing {
        None => check(language),
        Some(missing) if std::env::var_os("CI").is_some() => panic!("{missing}"),
        // Written past the test harness, which keeps what passing tests print to itself.
        Some(missing) => writeln!(std::io::stderr(), "skipped: {missing}").expect("stderr is open"),
    }
}

/// Every language has to be in the list.
pub fn assert_known(tested: &[&str]) {
    let known: Vec<_> = LANGUAGES.iter().map(|language| language.name).collect();
    assert_eq!(tested, known);
}
