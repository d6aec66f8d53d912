//! `host new`, `host build`, the plugin's own test, `host test`: in a fresh directory, for every language.

use std::fs;
use std::path::Path;
use std::process::Command;

use host::build::language::Language;

use super::support::{call, host, host_ok, new_project};

super::each_language!(from_nothing_to_a_tested_plugin);

fn from_nothing_to_a_tested_plugin(language: &'static Language) {
    let place = tempfile::tempdir().unwrap();
    let dir = new_project(place.path(), "parrot", language.name);
    assert!(dir.join(language.marker).is_file());
    let readme = fs::read_to_string(dir.join("README.md")).unwrap();
    assert!(readme.lines().count() <= 6, "a README of about five lines:\n{readme}");
    assert!(!readme.contains("{{"), "{readme}");

    let built = host_ok(&dir, &["build"]);
    assert!(built.starts_with("plugins/parrot.wasm ("), "{built}");
    own_test(language, &dir);
    let verdict = host_ok(&dir, &["test", "-w", "echo", "--plugin", "parrot", "--time-limit", "5"]);
    assert!(verdict.contains("Everything looks good"), "{verdict}");
}

/// Runs the command that `host new` tells to run.
fn own_test(language: &Language, dir: &Path) {
    let command = language.own_test.replace("{{name}}", "parrot");
    let words: Vec<_> = command.split_whitespace().collect();
    let (program, words) = words.split_first().expect("a command has a program");
    let program = if *program == "host" { env!("CARGO_BIN_EXE_host") } else { program };
    let output = call(program, dir, words);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command}\n{stdout}\n{stderr}");
}

#[test]
fn inside_the_workspace_the_sdk_is_where_a_new_plugin_says_it_is() {
    let place = tempfile::tempdir().unwrap();
    for dir in ["guest-sdk", "plugins/lang", "elsewhere"] {
        fs::create_dir_all(place.path().join(dir)).unwrap();
    }
    fs::write(place.path().join("guest-sdk/Cargo.toml"), "").unwrap();
    let root = fs::canonicalize(place.path()).unwrap();
    for (language, file, named) in [
        ("go", "go.mod", "go/\n"),
        ("js", "jsconfig.json", "js/index.js\""),
        ("js", "README.md", "js/index.js`"),
        ("python", "README.md", "python/__init__.py`"),
    ] {
        for (path, dir, sdk) in [
            ("beside", "plugins/lang/beside", "../../../guest-sdk"),
            ("./elsewhere/far", "elsewhere/far", root.join("guest-sdk").to_str().unwrap()),
        ] {
            host_ok(&root, &["new", path, "--lang", language]);
            let text = fs::read_to_string(root.join(dir).join(file)).unwrap();
            assert!(text.contains(&format!("{sdk}/{named}")) && !text.contains("./glomers/"), "{text}");
            assert!(!root.join(dir).join("glomers").exists());
            fs::remove_dir_all(root.join(dir)).unwrap();
        }
    }
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let place = tempfile::tempdir().unwrap();
    for name in ["full", "empty"] {
        fs::create_dir(place.path().join(name)).unwrap();
    }
    fs::write(place.path().join("full/plugin.c"), "mine").unwrap();
    fs::write(place.path().join("file"), "mine").unwrap();
    for name in ["full", "empty", "file"] {
        let output = host(place.path(), &["new", name, "--lang", "c"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said, format!("host: {name} is there already; nothing was changed\n"));
    }
    assert_eq!(fs::read_to_string(place.path().join("full/plugin.c")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(place.path().join("file")).unwrap(), "mine");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 3);
}

#[test]
fn a_name_that_no_package_may_have_is_refused_before_anything_is_made() {
    let place = tempfile::tempdir().unwrap();
    for name in ["Parrot", "a b", "-x", "1st", "..", "a_b"] {
        let output = host(place.path(), &["new", "--lang", "c", "--", name]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1, "{name}");
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_directory_without_a_plugin_is_told_what_would_mark_one() {
    let place = tempfile::tempdir().unwrap();
    let output = host(place.path(), &["build", "."]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("Cargo.toml (Rust), plugin.c (C)"), "{said}");
}

#[test]
fn a_tool_that_is_missing_is_named_with_the_command_that_installs_it() {
    let place = tempfile::tempdir().unwrap();
    let dir = new_project(place.path(), "parrot", "c");
    let output = Command::new(env!("CARGO_BIN_EXE_host"))
        .args(["build", "."])
        .current_dir(&dir)
        .env("PATH", "/nonexistent")
        .env("GLOMERS_TOOLCHAINS", "/nonexistent/tools")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.starts_with("host: C plugins need zig, which is not here; run `host toolchains --install c`"),
        "{said}"
    );
    assert!(said.trim_end().ends_with("pip install ziglang==0.17.1"), "{said}");
    assert_eq!(said.lines().count(), 1);
    assert!(!dir.join("plugins").exists());
}

#[test]
fn a_plugin_that_does_not_compile_leaves_the_one_that_is_there() {
    super::support::when_installed("c", |_| {
        let place = tempfile::tempdir().unwrap();
        let dir = new_project(place.path(), "parrot", "c");
        host_ok(&dir, &["build"]);
        let before = fs::read(dir.join("plugins/parrot.wasm")).unwrap();
        fs::write(dir.join("plugin.c"), "this is not C").unwrap();
        let output = host(&dir, &["build"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("plugin.c:1:"), "the compiler's own message: {said}");
        let last = said.lines().last().unwrap();
        assert!(last.starts_with("host: parrot does not compile"), "{said}");
        // A plugin without what the contract asks for links, but is no plugin.
        fs::write(dir.join("plugin.c"), "#include \"glomers.h\"\n").unwrap();
        assert_eq!(host(&dir, &["build"]).status.code(), Some(1));
        assert_eq!(fs::read(dir.join("plugins/parrot.wasm")).unwrap(), before);
    });
}
