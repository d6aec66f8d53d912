//! Which files are plugins.

use std::path::Path;

use super::conversation::{host, plugin};

const NEEDS: &str = "; this host needs a WebAssembly component for glomers:node@0.1.1";

/// What the host says of a file that it cannot use; always one line.
fn rejection(bytes: &[u8]) -> String {
    let file = tempfile::Builder::new().suffix(".wasm").tempfile().unwrap();
    std::fs::write(&file, bytes).unwrap();
    let output = host().arg("--plugin").arg(file.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let start = format!("host: cannot use {}: ", file.path().display());
    stderr.trim_end().strip_prefix(&start).unwrap_or_else(|| panic!("{stderr}")).to_owned()
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn files_that_are_no_component_are_told_apart() {
    assert_eq!(rejection(b""), format!("this file is empty{NEEDS}"));
    assert_eq!(rejection(b"(component)"), format!("this is a text file{NEEDS}"));
    assert_eq!(rejection(&[0xff; 64]), format!("this is not WebAssembly{NEEDS}"));
    assert_eq!(rejection(&component("(module)")), format!("this is a core WebAssembly module{NEEDS}"));
}

#[test]
fn a_truncated_component_is_called_so() {
    let whole = std::fs::read(plugin("echo")).unwrap();
    for length in [whole.len() - 1, whole.len() / 2, 100, 9] {
        let reason = rejection(&whole[..length]);
        assert!(reason.starts_with("this component is truncated") && reason.ends_with(NEEDS), "{reason}");
    }
    let reason = rejection(&whole[..6]);
    assert!(reason.contains("truncated"), "{reason}");
}

#[test]
fn a_component_without_the_contract_s_exports_is_no_plugin() {
    assert_eq!(
        rejection(&component("(component)")),
        format!("this component does not export glomers:node/node@0.1.1{NEEDS}")
    );
}

#[test]
fn another_version_of_the_contract_is_named() {
    let other = r#"(component (instance $i) (export "glomers:node/node@0.2.0" (instance $i)))"#;
    assert_eq!(
        rejection(&component(other)),
        format!("this component was built for glomers:node@0.2.0{NEEDS}")
    );
    let other = r#"(component (import "glomers:node/host@1.0.0" (instance)))"#;
    assert_eq!(
        rejection(&component(other)),
        format!("this component was built for glomers:node@1.0.0{NEEDS}")
    );
}

#[test]
fn an_import_that_nobody_offers_is_named() {
    let other = r#"(component (import "wild:west/guns@1.0.0" (instance)))"#;
    let reason = rejection(&component(other));
    assert!(reason.starts_with("this component imports wild:west/guns@1.0.0"), "{reason}");
}

#[test]
fn an_export_of_the_wrong_type_is_named() {
    let other = r#"(component (instance $i) (export "glomers:node/node@0.1.0" (instance $i)))"#;
    let reason = rejection(&component(other));
    assert!(reason.starts_with("the export init of glomers:node/node@0.1.0 does not fit"), "{reason}");
}

#[test]
fn a_file_that_cannot_be_read_is_reported() {
    let output = host().args(["--plugin", "/nonexistent/x.wasm"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!Path::new("/nonexistent").exists());
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "host: no plugin /nonexistent/x.wasm; tried /nonexistent/x.wasm\n"
    );
}

#[test]
fn many_nodes_may_start_at_once_with_an_empty_cache() {
    let cache = tempfile::tempdir().unwrap();
    let nodes: Vec<_> = (0..25)
        .map(|_| {
            let mut node = host();
            node.arg("--plugin").arg(plugin("echo")).env("GLOMERS_CACHE", cache.path());
            node.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for node in nodes {
        let output = node.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let entries: Vec<_> = std::fs::read_dir(cache.path()).unwrap().collect();
    assert_eq!(entries.len(), 1, "compiled once, for all");
}
