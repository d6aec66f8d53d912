//! From a core module, which is what most compilers make, to a component: the last step of every toolchain that does not
//! know components itself.

use anyhow::{Context, Result};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The contract's text.
pub(super) const CONTRACT: &str = include_str!("../../../wit/node.wit");

/// The contract's package, as names of its interfaces begin.
const PACKAGE: &str = "glomers:node/";

/// What adds an optional interface to a module's world: an export of it.
const OPTIONAL: [(&str, &str); 2] = [("expiry", "expirable"), ("migrate", "migratable")];

/// The contract's text, under an older version if need be: a project has an SDK of its own, which names the version that it
/// was made for, and a component keeps that name. Within 0.1 a version lacks nothing that an older one has.
pub(super) fn contract_at(version: &str) -> String {
    let (before, package) = CONTRACT.split_once("package glomers:node@").expect("the contract has a package");
    let (_, after) = package.split_once(';').expect("a package is declared by a statement");
    format!("{before}package glomers:node@{version};{after}")
}

/// Makes a component of a core module that exports a world of the contract (`responder` or `plugin`) by the canonical
/// ABI: `glomers:node/node@0.1.1#init` and so on. A module that exports functions of `migrate` or `expiry` has the world
/// `migratable` or `expirable` added. Imports of WASI preview 1 are bridged to WASI 0.2; imports of the world that the module does not use are left
/// out. Errors name the first function that is missing or has the wrong type.
pub fn componentize(module: &[u8], world: &str) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let mut module = without_dwarf(module).context("the module cannot be read")?;
    let exports = exports(&module)?;
    let version =
        exports.iter().find_map(|(_, version)| Some(version.as_str()).filter(|text| is_version(text)));
    let contract = version.map_or_else(|| CONTRACT.to_owned(), contract_at);
    let package = resolve.push_str("node.wit", &contract).context("the contract does not parse")?;
    let has = |interface: &str| exports.iter().any(|(exported, _)| exported == interface);
    let added = OPTIONAL.into_iter().filter(|(interface, _)| has(interface)).map(|(_, world)| world);
    for world in [world].into_iter().chain(added) {
        let world = resolve.select_world(&[package], Some(world)).context("no such world in the contract")?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    }
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| {
            encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        })
        .and_then(|encoder| encoder.validate(true).encode())
        .context("the module does not fit the contract")
}

/// The interfaces of the contract of which the module exports functions, with the version that each is named by.
fn exports(module: &[u8]) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ExportSection(exports) = payload? {
            for export in exports {
                let interface = export?.name.strip_prefix(PACKAGE).and_then(|name| name.split_once('#'));
                let named = interface.and_then(|(interface, _)| interface.split_once('@'));
                found.extend(named.map(|(interface, version)| (interface.to_owned(), version.to_owned())));
            }
        }
    }
    Ok(found)
}

/// Whether this is a version of the track that this host knows. Any other would not do, and is better told what is needed.
fn is_version(text: &str) -> bool {
    text.strip_prefix("0.1.").is_some_and(|patch| patch.parse::<u32>().is_ok())
}

/// The module without its DWARF sections, of which nothing here makes use and which are many times as long as the code.
/// The names of functions are in a section of their own, and stay for backtraces. Not every linker can do this.
fn without_dwarf(module: &[u8]) -> Result<Vec<u8>> {
    let mut kept = Vec::with_capacity(module.len());
    let mut start = 0;
    for payload in Parser::new(0).parse_all(module) {
        let (end, is_dwarf) = match payload? {
            Payload::Version { range, .. } => (range.end, false),
            Payload::CustomSection(custom) => (custom.range().end, custom.name().starts_with(".debug_")),
            other => match other.as_section() {
                Some((_, range)) => (range.end, false),
                None => continue,
            },
        };
        if !is_dwarf {
            kept.extend_from_slice(&module[start..end]);
        }
        start = end;
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_without_the_exports_of_the_world_is_told_what_it_lacks() {
        let module = wat::parse_str("(module (memory (export \"memory\") 1))").unwrap();
        let error = format!("{:#}", componentize(&module, "responder").unwrap_err());
        assert!(error.contains("glomers:node/node@0.1.1"), "{error}");
    }

    #[test]
    fn only_dwarf_is_left_out() {
        let with = |sections: &str| {
            wat::parse_str(format!("(module (func $named) (memory 1) {sections} (data (i32.const 0) \"x\"))"))
                .unwrap()
        };
        let module = with("(@custom \".debug_info\" \"long\") (@custom \"other\" \"kept\")");
        assert_eq!(without_dwarf(&module).unwrap(), with("(@custom \"other\" \"kept\")"));
        assert!(without_dwarf(&module[..module.len() - 1]).is_err());
    }

    #[test]
    fn a_module_with_half_of_migrate_is_told_the_other_half() {
        let module = wat::parse_str(
            r#"(module
                (memory (export "memory") 1)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "glomers:node/node@0.1.1#init") (param i32 i32 i32 i32 i32 i32) (result i32) unreachable)
                (func (export "glomers:node/node@0.1.1#on-message") (param i32 i32 i32 i64 i32 i32))
                (func (export "glomers:node/migrate@0.1.1#save") (result i32) unreachable))"#,
        );
        let error = format!("{:#}", componentize(&module.unwrap(), "responder").unwrap_err());
        assert!(error.contains("load") && error.contains("glomers:node/migrate@0.1.1"), "{error}");
    }

    /// Projects have a copy of the SDK that was there when they were made.
    #[test]
    fn a_module_made_for_an_older_version_becomes_a_component_of_that_version() {
        let module = |version: &str| {
            let text = r#"(module
                (import "glomers:node/host@VERSION" "now" (func (result i64)))
                (memory (export "memory") 1)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "glomers:node/node@VERSION#init") (param i32 i32 i32 i32 i32 i32) (result i32) unreachable)
                (func (export "glomers:node/node@VERSION#on-message") (param i32 i32 i32 i64 i32 i32)))"#;
            wat::parse_str(text.replace("VERSION", version)).unwrap()
        };
        let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        for (version, other) in [("0.1.0", "0.1.1"), ("0.1.1", "0.1.0")] {
            let component = componentize(&module(version), "responder").unwrap();
            for interface in ["node", "host"] {
                assert!(holds(&component, &format!("glomers:node/{interface}@{version}")), "{version}");
                assert!(!holds(&component, &format!("glomers:node/{interface}@{other}")), "{version}");
            }
        }
        assert!(componentize(&module("0.2.0"), "responder").is_err());
    }

    #[test]
    fn a_world_that_the_contract_does_not_have_is_refused() {
        let module = wat::parse_str("(module)").unwrap();
        assert!(componentize(&module, "solar-system").is_err());
    }
}
