//! What a component is made of, read from its bytes alone: for people who wonder why it does not fit, or what it will
//! cost. Whether it fits is not decided here; see [`super::Plugin::load`].

use serde::Serialize;
use wasmparser::{DataKind, KnownCustom, MemoryType, Operator, Parser, Payload, TypeRef};

use super::contract::{PACKAGE, split};
use super::{Host, wasi};

/// Pages of linear memory have 64 KiB.
const PAGE_BYTES: u64 = 1 << 16;

/// A component's parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Anatomy {
    /// Size of the file.
    pub bytes: u64,
    /// The version of the contract it was built for, if it names one.
    pub contract: Option<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it imports, but for WASI.
    pub imports: Vec<String>,
    /// What it imports of WASI.
    pub wasi: Vec<WasiImport>,
    /// All its linear memories together.
    pub memory: Memory,
    /// What made it: kind (`language`, `processed-by`, `sdk`), name, version.
    pub producers: Vec<Producer>,
}

/// An interface of WASI that a component imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WasiImport {
    /// Its name.
    pub interface: String,
    /// Whether it works in the sandbox; otherwise its functions trap when they are called.
    pub granted: bool,
}

/// Linear memory, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// At the start.
    pub initial: u64,
    /// What the component itself allows at most, if it says so.
    pub maximum: Option<u64>,
    /// How much of the initial memory is stack, if that can be told: when it lies below all data.
    pub stack: Option<u64>,
}

/// A tool that had a hand in making a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Producer {
    /// What it did.
    pub role: String,
    /// Its name.
    pub name: String,
    /// Its version; may be empty.
    pub version: String,
}

impl Anatomy {
    /// Takes a component apart, as far as it can be read: from a damaged file, what stands before the damage.
    pub fn of<H: Host>(wasm: &[u8]) -> Anatomy {
        let mut anatomy = Anatomy { bytes: wasm.len() as u64, ..Anatomy::default() };
        let _damage = anatomy.read::<H>(wasm);
        anatomy
    }

    fn read<H: Host>(&mut self, wasm: &[u8]) -> wasmparser::Result<()> {
        let mut depth = 0usize;
        let mut module = Module::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => {
                    self.add(&std::mem::take(&mut module));
                    depth = depth.saturating_sub(1);
                }
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    for import in imports {
                        self.import::<H>(import?.name.name);
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    for export in exports {
                        self.export(export?.name.name);
                    }
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Producers(producers) = section.as_known() {
                        self.made_by(producers)?;
                    }
                }
                other => module.read(other)?,
            }
        }
        Ok(())
    }

    fn import<H: Host>(&mut self, name: &str) {
        self.note_contract(name);
        if name.starts_with("wasi:") {
            let granted = wasi::is_granted::<H>(name);
            self.wasi.push(WasiImport { interface: name.to_owned(), granted });
        } else {
            self.imports.push(name.to_owned());
        }
    }

    fn export(&mut self, name: &str) {
        self.note_contract(name);
        self.exports.push(name.to_owned());
    }

    fn note_contract(&mut self, name: &str) {
        if let Some((PACKAGE, _, version)) = split(name) {
            self.contract.get_or_insert_with(|| version.to_owned());
        }
    }

    /// Each part of a component says who made it; most say the same.
    fn made_by(&mut self, fields: wasmparser::ProducersSectionReader<'_>) -> wasmparser::Result<()> {
        for field in fields {
            let field = field?;
            for value in field.values {
                let value = value?;
                let (name, version) = (value.name.to_owned(), value.version.to_owned());
                let producer = Producer { role: field.name.to_owned(), name, version };
                if !self.producers.contains(&producer) {
                    self.producers.push(producer);
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, module: &Module) {
        for memory in &module.memories {
            self.memory.initial += memory.initial * PAGE_BYTES;
            let maximum = memory.maximum.map(|pages| pages * PAGE_BYTES);
            self.memory.maximum = self.memory.maximum.into_iter().chain(maximum).reduce(|a, b| a + b);
        }
        if !module.memories.is_empty() {
            self.memory.stack = self.memory.stack.or(module.stack());
        }
    }
}

/// What matters of a core module.
#[derive(Default)]
struct Module {
    memories: Vec<MemoryType>,
    imported_globals: usize,
    /// Where the first global begins, when it is a mutable `i32`: compilers keep the stack pointer there.
    stack_pointer: Option<u64>,
    /// Where the lowest data segment lies.
    lowest_data: Option<u64>,
}

impl Module {
    fn read(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    self.imported_globals += usize::from(matches!(import?.ty, TypeRef::Global(_)));
                }
            }
            Payload::MemorySection(memories) => {
                self.memories = memories.into_iter().collect::<wasmparser::Result<_>>()?;
            }
            Payload::GlobalSection(globals) if self.imported_globals == 0 => {
                if let Some(global) = globals.into_iter().next() {
                    let global = global?;
                    self.stack_pointer = constant(&global.init_expr).filter(|_| global.ty.mutable);
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    if let DataKind::Active { offset_expr, .. } = segment?.kind {
                        let offset = constant(&offset_expr);
                        self.lowest_data = self.lowest_data.into_iter().chain(offset).min();
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn stack(&self) -> Option<u64> {
        let (stack_pointer, data) = (self.stack_pointer?, self.lowest_data?);
        (stack_pointer > 0 && data >= stack_pointer).then_some(stack_pointer)
    }
}

/// The value of an expression that is one constant.
fn constant(expression: &wasmparser::ConstExpr<'_>) -> Option<u64> {
    match expression.get_operators_reader().read().ok()? {
        Operator::I32Const { value } => Some(u64::from(value.cast_unsigned())),
        _ => None,
    }
}
