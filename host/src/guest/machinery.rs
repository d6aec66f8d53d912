//! What of a guest's functions and files is machinery, language by language: everything that its author has not written.
//! Lists of names are words with white space between them.

/// Whether a name begins with one of these words.
pub(super) fn begins(name: &str, words: &str) -> bool {
    words.split_whitespace().any(|word| name.starts_with(word))
}

fn is_one_of(name: &str, words: &str) -> bool {
    words.split_whitespace().any(|word| word == name)
}

/// Exports of the contract and of the canonical ABI, whatever the language.
pub(super) fn is_export(name: &str) -> bool {
    name.contains('#') || begins(name, "glomers: glomers_node_ cabi_ wasi: wit-component: _initialize _start")
}

/// What bridges WASI preview 1 to 0.2, in components of every language.
pub(super) fn is_adapter(name: &str) -> bool {
    const IMPORTS: &str =
        "proc_exit fd_write fd_read fd_close fd_seek fd_fdstat_get clock_time_get random_get environ_get
        environ_sizes_get args_get args_sizes_get poll_oneoff sched_yield";
    is_one_of(name, IMPORTS)
        || rustc_demangle::demangle(name).to_string().starts_with("wasi_snapshot_preview1")
}

/// Functions of CPython, of the tool that binds it, and of QuickJS.
pub(super) const INTERPRETERS: &str =
    "_PyEval _PyObject _PyFunction PyObject_ PyEval_ PyRun_ pyo3:: componentize_py JS_Call JS_Eval
    JS_Execute rquickjs";

// Rust

/// Crates and functions that are between a Rust plugin's author and the host, or between a panic and its end.
const RUST: &str =
    "std:: core:: alloc:: guest_sdk:: wit_bindgen:: wasi:: wasip1:: wasip2:: dlmalloc:: compiler_builtins::
    hashbrown:: panic_abort:: rustc_demangle:: rust_ __";

/// The library, the SDK, the binding to the contract; and what is no Rust in a Rust plugin.
pub(super) fn is_of_rust(name: &str) -> bool {
    // `<alloc::vec::Vec<T> as Trait>::f` is the library's too, `<alloc::vec::Vec<T> as mine::Trait>::f` is not.
    let is_library = match name.strip_prefix('<').and_then(split_implementation) {
        Some((of, Some(interface))) => begins(of, RUST) && begins(interface, RUST),
        Some((of, None)) => begins(of, RUST),
        None => begins(name, RUST) || is_binding(name),
    };
    is_library || is_of_c(name)
}

/// What `export!` and wit-bindgen put into an author's crate.
fn is_binding(name: &str) -> bool {
    ["::_::", "_export_", "bindings::exports", "::exports::glomers"].iter().any(|part| name.contains(part))
}

/// Of `A as B>::f` the type A and, if there is one, the trait B.
fn split_implementation(rest: &str) -> Option<(&str, Option<&str>)> {
    let mut depth = 0usize;
    let mut interface = None;
    for (at, letter) in rest.char_indices() {
        match letter {
            '<' => depth += 1,
            // An arrow of a function's type.
            '>' if at > 0 && rest.as_bytes()[at - 1] == b'-' => {}
            '>' if depth == 0 => {
                let of = &rest[..interface.unwrap_or(at)];
                return Some((of.trim(), interface.map(|from| &rest[from + " as ".len()..at])));
            }
            '>' => depth -= 1,
            ' ' if depth == 0 && rest[at..].starts_with(" as ") && interface.is_none() => {
                interface = Some(at)
            }
            _ => {}
        }
    }
    None
}

// Zig

/// Zig's library as its names begin, the SDK's files, and the root of the program.
const ZIG: &str = "std. debug. builtin. start. glomers. json. mem. fmt. heap. hash_map. array_hash_map. array_list. math. sort.
    unicode. process. posix. os. Io. log. meta. Random. ascii. static_string_map. memory. waiting. migrate. contract.
    compiler_rt. zig_ panic root.panic memcpy memmove memset __";

pub(super) fn is_of_zig(name: &str) -> bool {
    begins(name, ZIG)
}

// Go

/// Go's runtime and library, and the SDK.
const GO: &str = "runtime. runtime/ internal/ reflect. sync. sync/ syscall. syscall/ os. fmt. encoding/ log. log/ strconv. strings.
    bytes. sort. slices. maps. math. math/ time. context. errors. io. bufio. unicode/ container/ iter. unique. regexp.
    regexp/ unsafe. glomers. panic( _rt0_ wasm_ go: gogo memeqbody cmpbody";

pub(super) fn is_of_go(name: &str) -> bool {
    let function = name.split('(').next().unwrap_or_default();
    begins(name, GO) || name == "panic" || function.contains("/glomers.")
}

// C and C++

/// The C library's functions that end a program or are on the way there, and those that trap on a wrong pointer.
const C: &str = "abort exit exit_exit raise malloc calloc realloc free dlmalloc dlfree dlcalloc dlrealloc internal_memalign
    memcpy memmove memset memcmp strlen strcmp strcpy strdup strchr printf fprintf vfprintf snprintf vsnprintf vasprintf
    fputs puts fwrite writev sbrk unreachable";

/// Names that C reserves, the SDKs of C and C++, and of C++ its library.
const C_PREFIXES: &str =
    "__ _Exit _exit glomers_ contract_ cJSON_ glomers:: std:: nlohmann:: undefined_weak: signature_mismatch:";

/// Zig's C library is written in Zig, whose names have dots.
pub(super) fn is_of_c(name: &str) -> bool {
    // In there are the author's handlers.
    let is_plugin = name.starts_with("glomers::plugin()::");
    is_one_of(name, C)
        || begins(name, C_PREFIXES) && !is_plugin
        || ["operator new", "operator delete"].iter().any(|operator| name.starts_with(operator))
        || name.contains('.') && is_of_zig(name)
}

// Python

/// Parts of paths of Python files: the SDK, what binds it, the library.
const PYTHON: &str = "/glomers/ wit_world componentize_py /python3. /lib/python <frozen";

/// Whether a file of Python is none of its author's.
pub(super) fn is_file_of_python(path: &str) -> bool {
    PYTHON.split_whitespace().any(|part| path.contains(part))
}

// JavaScript

/// Whether a line is QuickJS's binding saying that an exception went through it: the same again, in Rust's words.
pub(super) fn is_line_of_quickjs(line: &str) -> bool {
    line.starts_with("thread '") && line.contains(" panicked at crates/runtime/src/interpreter.rs:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_implementation_is_the_library_s_if_both_its_sides_are() {
        for machinery in [
            "<core::pin::Pin<alloc::boxed::Box<dyn F>> as core::future::future::Future>::poll",
            "<alloc::vec::Vec<T>>::push",
            "core::ops::function::FnOnce::call_once{{vtable.shim}}",
            "<guest_sdk::wasm::Component<parrot::State> as guest_sdk::wasm::bindings::exports::glomers::node::node::Guest>::init",
            "parrot::_::on_message",
        ] {
            assert!(is_of_rust(machinery), "{machinery}");
        }
        for own in [
            "<alloc::vec::Vec<u8> as parrot::Sum>::sum",
            "<parrot::State as core::fmt::Display>::fmt",
            "<parrot::Node as parrot::bindings::exports::glomers::node::node::Guest>::on_message",
            "<fn(u8) -> u8 as parrot::Call>::call",
            "parrot::core::tick",
        ] {
            assert!(!is_of_rust(own), "{own}");
        }
    }
}
