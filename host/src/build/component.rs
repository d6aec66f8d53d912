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

/// What every export of the contract's optional `migrate` begins with.
const MIGRATE: &str = "glomers:node/migrate@";

/// Makes a component of a core module that exports a world of the contract (`responder` or `plugin`) by the canonical
/// ABI: `glomers:node/node@0.1.0#init` and so on. A module that exports functions of `migrate` has the world `migratable`
/// added. Imports of WASI preview 1 are bridged to WASI 0.2; imports of the world that the module does not use are left
/// out. Errors name the first function that is missing or has the wrong type.
pub fn componentize(module: &[u8], world: &str) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("node.wit", CONTRACT).context("the contract does not parse")?;
    let mut module = without_dwarf(module).context("the module cannot be read")?;
    let migratable = exports_migrate(&module)?.then_some("migratable");
    for world in [world].into_iter().chain(migratable) {
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

fn exports_migrate(module: &[u8]) -> Result<bool> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ExportSection(exports) = payload? {
            for export in exports {
                if export?.name.starts_with(MIGRATE) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
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
        assert!(error.contains("glomers:node/node@0.1.0"), "{error}");
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
                (func (export "glomers:node/node@0.1.0#init") (param i32 i32 i32 i32 i32 i32) (result i32) unreachable)
                (func (export "glomers:node/node@0.1.0#on-message") (param i32 i32 i32 i64 i32 i32))
                (func (export "glomers:node/migrate@0.1.0#save") (result i32) unreachable))"#,
        );
        let error = format!("{:#}", componentize(&module.unwrap(), "responder").unwrap_err());
        assert!(error.contains("load") && error.contains("glomers:node/migrate@0.1.0"), "{error}");
    }

    #[test]
    fn a_world_that_the_contract_does_not_have_is_refused() {
        let module = wat::parse_str("(module)").unwrap();
        assert!(componentize(&module, "solar-system").is_err());
    }
}
