//! `host inspect`.

use std::fs;

use serde_json::Value;

use super::support::{host, host_ok, root, when_installed};

fn echo() -> std::path::PathBuf {
    host::build::one(&root().join("plugins/echo"), None).expect("the plugin compiles").wasm
}

#[test]
fn a_plugin_is_shown_with_all_that_it_needs() {
    let place = tempfile::tempdir().unwrap();
    let echo = echo();
    let text = host_ok(place.path(), &["inspect", &echo.display().to_string()]);
    assert!(text.starts_with(&format!("{}: fits glomers:node@0.1.1\n", echo.display())), "{text}");
    for part in
        ["128.0 KiB of it stack", "glomers:node/events@0.1.1", "glomers:node/host@0.1.1", "Rust (language)"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let json = host_ok(place.path(), &["inspect", "--json", &echo.display().to_string()]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["fits"], true);
    assert_eq!(json["contract"], "0.1.1");
    assert_eq!(json["bytes"], fs::metadata(&echo).unwrap().len());
    assert_eq!(json["memory"]["stack"], 128 << 10);
    let streams =
        json["wasi"].as_array().unwrap().iter().find(|wasi| wasi["interface"] == "wasi:io/streams@0.2.6");
    assert_eq!(streams.expect("Rust imports streams")["granted"], true);
}

#[test]
fn a_file_that_does_not_fit_is_shown_as_far_as_it_can_be_read_and_why() {
    let place = tempfile::tempdir().unwrap();
    let whole = fs::read(echo()).unwrap();
    let other = wat::parse_str(
        r#"(component (import "wasi:sockets/tcp@0.2.0" (instance)) (import "a:b/c@1.0.0" (instance)))"#,
    )
    .unwrap();
    for (bytes, reason) in [
        (&whole[..whole.len() / 2], "this component is truncated"),
        (&wat::parse_str("(module)").unwrap(), "this is a core WebAssembly module"),
        (b"hello", "this is a text file"),
        (b"", "this file is empty"),
        (&other, "this component imports a:b/c@1.0.0"),
    ] {
        let file = place.path().join("x.wasm");
        fs::write(&file, bytes).unwrap();
        let output = host(place.path(), &["inspect", "x.wasm"]);
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(&format!("x.wasm: does not fit: {reason}")), "{text}");
        let json = host(place.path(), &["inspect", "x.wasm", "--json"]);
        assert_eq!(json.status.code(), Some(1));
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert!(json["reason"].as_str().unwrap().starts_with(reason), "{json}");
    }
    let text = String::from_utf8(host(place.path(), &["inspect", "x.wasm"]).stdout).unwrap();
    assert!(text.contains("wasi:sockets/tcp@0.2.0 (traps when called)"), "{text}");
}

#[test]
fn a_component_without_wasi_shows_none() {
    when_installed("c", |_| {
        let place = tempfile::tempdir().unwrap();
        let echo =
            host::build::one(&root().join("plugins/lang/echo-c"), Some(place.path())).expect("it compiles");
        let text = host_ok(place.path(), &["inspect", &echo.wasm.display().to_string()]);
        assert!(!text.contains("WASI"), "{text}");
    });
}
