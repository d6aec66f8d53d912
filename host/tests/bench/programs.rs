//! Programs that the system cannot run: what is wrong is said once, before anything is started, with the remedy.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::support::{Finished, test_with};

/// Tests a file with these contents as a program of three nodes.
fn program(contents: &[u8], mode: u32) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node");
    fs::write(&file, contents).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    run(&file)
}

fn run(file: &Path) -> Finished {
    test_with(&["-w", "echo", "--node-count", "3", "--time-limit", "1", "--bin", file.to_str().unwrap()])
}

#[track_caller]
fn refused(run: &Finished, words: &[&str]) {
    let stderr = run.stderr();
    assert_eq!(run.status(), 254, "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("host: cannot run /"), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word}: {stderr}");
    }
}

#[test]
fn an_interpreter_that_is_not_there_is_named() {
    refused(&program(b"#!/bin/python-nope\n", 0o755), &["the file is there", "/bin/python-nope", "is not"]);
    refused(&program(b"#! /bin/nope -x\nrest", 0o755), &["interpreter", "/bin/nope,"]);
    refused(&program(b"#!/usr/bin/env nope-at-all\n", 0o755), &["env for nope-at-all, which is not in PATH"]);
    refused(&program(b"#!/usr/bin/env -S nope-at-all -u\n", 0o755), &["env for nope-at-all,"]);
    refused(&program(b"#!/tmp\n", 0o755), &["interpreter", "it is a directory"]);
}

#[cfg(target_os = "linux")]
#[test]
fn words_that_env_takes_for_one_are_shown_with_the_remedy() {
    refused(&program(b"#!/usr/bin/env sh -e\n", 0o755), &["`sh -e`, as one word", "#!/usr/bin/env -S sh -e"]);
}

#[test]
fn a_missing_run_bit_is_told_with_chmod() {
    refused(&program(b"#!/bin/sh\n", 0o644), &["it has no permission to run; say: chmod +x /"]);
}

#[test]
fn text_that_was_saved_on_windows_is_told_with_the_remedy() {
    refused(&program(b"#!/bin/sh\r\necho\r\n", 0o755), &["carriage return", r"`/bin/sh\r`", "sed -i"]);
    refused(&program(b"#!/usr/bin/env sh\r\necho\r\n", 0o755), &["carriage return", r"`sh\r`"]);
    refused(&program(b"\xef\xbb\xbf#!/bin/sh\n", 0o755), &["byte-order mark stands before its #!"]);
}

#[test]
fn what_is_no_program_is_called_what_it_is() {
    refused(&run(&std::env::temp_dir()), &["it is a directory; name the program in it"]);
    refused(&run(Path::new("/dev/null")), &["it is not a regular file"]);
    refused(&program(b"", 0o755), &["it is empty"]);
    refused(&program(b"\0asm\x0d\0\x01\0", 0o755), &["it is WebAssembly; --plugin runs it"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_is_not_whole_is_told_so() {
    let own = fs::read("/proc/self/exe").unwrap();
    refused(&program(&own[..30], 0o755), &["it is the beginning of a program"]);
}

#[test]
fn a_script_without_a_first_line_runs_and_that_is_said_when_it_dies() {
    let run = program(b"import sys\n", 0o755);
    assert_eq!(run.status(), 255, "{}", run.stderr());
    assert!(
        run.stderr().contains("does not begin with #!, so the system had /bin/sh run it"),
        "{}",
        run.stderr()
    );
    assert_eq!(run.stderr().matches("host: ").count(), 1, "{}", run.stderr());
}
