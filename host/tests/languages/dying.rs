//! How a node's death is told, in every language: the author's own words and places, and nothing of the machinery.

use std::fs;
use std::path::{Path, PathBuf};

use host::build;
use host::build::language::Language;

use super::support::{INIT, host, host_ok, new_project};

/// What a request leads to: the reason, and each of the frames in their order. `*` stands for any text.
type Death = (&'static str, &'static str, &'static [&'static str]);

const OVERFLOW: &str = "stack overflow: a recursion without end, or more on the stack than fits there";
const MEMORY: &str = "the plugin needs more than its memory limit of 256 MiB (--max-memory)";
const EXIT: &str =
    "the plugin called exit(0); a node runs until the host ends it, so return from the event instead";
const FAIL: &str = "no such table; then the plugin called exit";
const ABORT: &str = "the plugin aborted (abort() or a trap instruction) and did not say why; log a line before it to find the place";
const STRAY: &str = "the plugin trapped: wasm trap: out of bounds memory access (a wrong pointer or index)";

/// The files of the plugin that dies, and where they go; how it dies; and how it dies in its `init`.
fn cases(
    language: &str,
) -> (&'static [(&'static str, &'static str)], &'static [Death], Option<&'static str>) {
    match language {
        // A project of its own would have all that the SDK needs compiled again.
        "rust" => (
            &[],
            &[
                (
                    "panic",
                    "panicked at host/tests/plugins/mortal/src/lib.rs:27:31: called `Result::unwrap()` on an `Err` value: \"seq-kv said no: 7\"",
                    &["mortal::look_up"],
                ),
                ("thread", "panicked at library/std/src/thread/*: failed to spawn thread: *", &[]),
                (
                    "borrow",
                    "panicked at host/tests/plugins/mortal/src/lib.rs:*: the node's state is borrowed already*",
                    &[],
                ),
                ("abort", ABORT, &[]),
                ("overflow", OVERFLOW, &["mortal::dig, * times"]),
                ("stray", STRAY, &["mortal::stray"]),
                ("exit", EXIT, &[]),
                ("fail", FAIL, &[]),
                ("memory", MEMORY, &[]),
            ],
            Some("panicked at host/tests/plugins/mortal/src/lib.rs:67:13: no good setting: café"),
        ),
        "c" => (
            &[("plugin.c", "plugin.c")],
            &[
                ("panic", "Assertion failed: key < 3 (plugin.c: look_up: 9)", &["look_up", "on_panic"]),
                ("abort", ABORT, &["give_up", "on_abort"]),
                ("overflow", OVERFLOW, &["dig, * times", "on_overflow"]),
                ("stray", STRAY, &["on_stray"]),
                ("exit", EXIT, &["on_exit_"]),
                ("fail", FAIL, &["on_fail"]),
                ("memory", MEMORY, &["on_memory"]),
            ],
            Some("Assertion failed: key < 3 (plugin.c: look_up: 9)"),
        ),
        "cpp" => (
            &[("plugin.cpp", "plugin.cpp")],
            &[
                (
                    "panic",
                    "uncaught exception: [json.exception.type_error.302] type must be string, but is number",
                    &["table::look_up"],
                ),
                ("vector", "*vector*", &["table::pick"]),
                ("overflow", OVERFLOW, &["table::dig, * times"]),
                ("exit", EXIT, &[]),
                ("memory", MEMORY, &[]),
            ],
            Some("Assertion failed: context.settings.empty() (plugin.cpp: *: *)"),
        ),
        "zig" => (
            &[("plugin.zig", "plugin.zig")],
            &[
                ("panic", "panic: index out of bounds: index 7, len 3", &["plugin.lookUp"]),
                ("abort", ABORT, &[]),
                ("overflow", OVERFLOW, &["plugin.dig, * times"]),
                ("exit", EXIT, &[]),
                ("memory", MEMORY, &[]),
            ],
            Some("panic: no settings here"),
        ),
        "go" => (
            &[("plugin.go", "plugin.go")],
            &[
                (
                    "panic",
                    "panic: runtime error: index out of range [7] with length 0",
                    &["main.(*table).lookUp (*plugin.go:14)", "main.main.func3 (*plugin.go:40)"],
                ),
                ("goroutine", "panic: alone", &["main.main.func4.1 (*plugin.go:42)"]),
                (
                    "nil",
                    "panic: runtime error: invalid memory address or nil pointer dereference",
                    &["main.(*table).lookUp (*plugin.go:14)"],
                ),
                ("overflow", OVERFLOW, &["main.dig, * times"]),
                ("exit", EXIT, &[]),
                ("fail", FAIL, &[]),
                ("memory", MEMORY, &[]),
            ],
            Some("panic: no settings here"),
        ),
        "js" => (
            &[("plugin.js", "plugin.js"), ("table.js", "table.js")],
            &[
                (
                    "panic",
                    "uncaught ReferenceError: nxt is not defined",
                    &["lookUp (table.js:5)", "<anonymous> (plugin.js:10)"],
                ),
                (
                    "later",
                    "uncaught ReferenceError: nxt is not defined",
                    &["lookUp (table.js:5)", "<anonymous> (plugin.js:15)"],
                ),
                ("string", "uncaught no such table", &[]),
                ("overflow", OVERFLOW, &[]),
                ("memory", MEMORY, &[]),
            ],
            Some("the plugin refused to start: ReferenceError: nxt is not defined"),
        ),
        "python" => (
            &[("plugin.py", "plugin.py"), ("table.py", "table.py")],
            &[
                ("exit", "SystemExit: 3", &["exit (plugin.py:31)"]),
                ("abort", ABORT, &[]),
                ("memory", MEMORY, &[]),
            ],
            Some("the plugin refused to start: NameError: name 'nxt' is not defined (table.py:6 in look_up)"),
        ),
        other => panic!("no node dies in {other}"),
    }
}

/// Whether a text is as expected.
fn is(text: &str, expected: &str) -> bool {
    let mut rest = text;
    let mut parts = expected.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    let parts: Vec<&str> = parts.collect();
    for (place, part) in parts.iter().enumerate() {
        let found = if place + 1 == parts.len() {
            rest.ends_with(part).then(|| rest.len() - part.len())
        } else {
            rest.find(part)
        };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    !parts.is_empty() || rest.is_empty()
}

/// The plugin `trial` of a language, built in this directory.
fn trial(place: &Path, language: &str, files: &[(&str, &str)]) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/languages/dying");
    let dir = new_project(place, "trial", language);
    for (from, to) in files {
        fs::copy(sources.join(from), dir.join(to)).unwrap();
    }
    host_ok(&dir, &["build"]);
    dir
}

/// What is told of the death of a node that gets this conversation: its reason and its frames.
fn told(dir: &Path, talk: &str, words: &[&str]) -> (String, Vec<String>, String) {
    fs::write(dir.join("talk.txt"), talk).unwrap();
    let output = host(dir, &[&["converse", "talk.txt", "--plugin", "trial"], words].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let (_, death) = said.rsplit_once("the node died: ").unwrap_or_else(|| panic!("nobody died:\n{said}"));
    let mut lines = death.lines();
    let reason = lines.next().unwrap_or_default().to_owned();
    let frames = lines.map(|line| line.trim().trim_start_matches("at ").to_owned()).collect();
    (reason, frames, said)
}

/// The plugin of the tests in Rust, which dies of its third request.
fn mortal(place: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugins/mortal");
    let built = build::one(&source, Some(&place.join("plugins"))).expect("it compiles");
    fs::rename(built.wasm, place.join("plugins/trial.wasm")).unwrap();
    place.to_owned()
}

fn say(body: &str) -> String {
    format!("> {{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{{{body},\"msg_id\":2}}}}\n")
}

fn deaths_are_told(language: &Language) {
    let (files, deaths, at_start) = cases(language.name);
    let is_rust = language.name == "rust";
    let place = tempfile::tempdir().unwrap();
    let dir = if is_rust { mortal(place.path()) } else { trial(place.path(), language.name, files) };
    for (request, reason, frames) in deaths {
        let echo = say(r#""type":"echo","echo":1"#);
        let heard = "< {\"src\":\"n1\",\"dest\":\"c1\",\"body\":\"*\"}\n";
        let (talk, setting) = if is_rust {
            (format!("{INIT}{echo}{heard}{echo}{heard}{echo}"), format!("die={request}"))
        } else {
            (format!("{INIT}{}+ 1s\n", say(&format!("\"type\":\"{request}\""))), String::new())
        };
        let settings = ["--set", &setting];
        let (found, own, said) = told(&dir, &talk, if is_rust { &settings } else { &[] });
        assert!(is(&found, reason), "{request}: {found}\nexpected: {reason}\n{said}");
        for (place, frame) in frames.iter().enumerate() {
            assert!(
                own.get(place).is_some_and(|own| is(own, frame)),
                "{request}: {own:?}\nexpected: {frames:?}\n{said}"
            );
        }
        for machinery in
            ["std::", "core::", "runtime.", "glomers", "wasi", "exit::", "abort", "function ", "__"]
        {
            assert!(!own.iter().any(|own| own.starts_with(machinery)), "{request}: {own:?}");
        }
    }
    if let Some(reason) = at_start {
        let (found, _, said) = told(&dir, INIT, &["--set", "die=init"]);
        assert!(is(&found, reason), "init: {found}\nexpected: {reason}\n{said}");
    }
}

super::each_language!(deaths_are_told);
