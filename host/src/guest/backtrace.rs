//! Which of the functions on a dead guest's stack are its author's. The rest is machinery: what a language's panic, its
//! runtime, its standard library, an SDK or the binding to the contract put there.

use std::fmt::Write;

use super::machinery;
use crate::protocol::excerpt;

/// Frames shown. Nobody reads more.
const MAX_FRAMES: usize = 8;

/// Letters of a function's name that are shown.
const MAX_NAME: usize = 160;

/// The author's own functions of a backtrace, innermost first, each once. `None` stands for a function without a name.
pub(super) fn own<'n>(names: impl IntoIterator<Item = Option<&'n str>>) -> Vec<String> {
    let names: Vec<&str> = names.into_iter().flatten().filter(|name| !machinery::is_adapter(name)).collect();
    let language = Language::of(&names);
    counted(names.into_iter().filter_map(|name| language.own(name)))
}

/// Each frame once, in the order of its first appearance, with how often it is there: a recursion is short.
pub(super) fn counted(frames: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut distinct: Vec<(String, usize)> = Vec::new();
    for frame in frames {
        match distinct.iter_mut().find(|(known, _)| *known == frame) {
            Some((_, count)) => *count += 1,
            None => distinct.push((frame, 1)),
        }
    }
    let more = distinct.len().saturating_sub(MAX_FRAMES);
    let frame = |(mut frame, count): (String, usize)| {
        if count > 1 {
            write!(frame, ", {count} times").expect("a string takes everything");
        }
        frame
    };
    let mut frames: Vec<String> = distinct.into_iter().take(MAX_FRAMES).map(frame).collect();
    if more > 0 {
        frames.push(format!("… and {more} more"));
    }
    frames
}

/// Whose names these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Rust,
    Zig,
    Go,
    /// C, C++ and whatever else names its functions as C does.
    C,
    /// An interpreter: none of its functions is the author's.
    Interpreter,
}

impl Language {
    fn of(names: &[&str]) -> Language {
        let has = |words: &str| names.iter().any(|name| machinery::begins(name, words));
        if has(machinery::INTERPRETERS) {
            Language::Interpreter
        } else if has("runtime. _rt0_wasm wasm_export_") {
            Language::Go
        } else if names.iter().any(|name| is_rust(name)) {
            Language::Rust
        } else if has("plugin. start. debug.FullPanic builtin.panic") {
            Language::Zig
        } else {
            Language::C
        }
    }

    /// The function's name as its author wrote it, if it is the author's.
    fn own(self, name: &str) -> Option<String> {
        if machinery::is_export(name) {
            return None;
        }
        self.plain(name).map(|plain| excerpt(&plain, MAX_NAME))
    }

    fn plain(self, name: &str) -> Option<String> {
        match self {
            Language::Interpreter => None,
            Language::Rust => {
                let name = format!("{:#}", rustc_demangle::demangle(name));
                (!machinery::is_of_rust(&name)).then_some(name)
            }
            Language::Zig => {
                let name = without_anonymous(name);
                (!machinery::is_of_zig(&name)).then_some(name)
            }
            Language::Go => (!machinery::is_of_go(name)).then(|| name.to_owned()),
            Language::C => {
                let name = cpp(name);
                (!machinery::is_of_c(&name)).then_some(name)
            }
        }
    }
}

/// Rust's names have a hash at the end, or begin with `_R`.
fn is_rust(name: &str) -> bool {
    rustc_demangle::try_demangle(name).is_ok() || machinery::begins(name, "rust_panic __rust_ __rustc")
}

/// `on.value__anon_1234` as its author calls it.
fn without_anonymous(name: &str) -> String {
    for mark in ["__anon_", "__struct_", "__func_"] {
        if let Some((before, rest)) = name.split_once(mark) {
            let rest = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
            return without_anonymous(&format!("{before}{rest}"));
        }
    }
    name.to_owned()
}

/// A function of C++ without its parameters, return type and arguments of templates. Linkers have demangled it.
fn cpp(name: &str) -> String {
    const NAMELESS: &str = "(anonymous namespace)";
    let mut plain = String::new();
    let mut depth = 0usize;
    let mut rest = name;
    while let Some(letter) = rest.chars().next() {
        if depth == 0 && rest.starts_with(NAMELESS) {
            plain += NAMELESS;
            rest = &rest[NAMELESS.len()..];
            continue;
        }
        let is_operator = plain.ends_with("operator");
        match letter {
            '(' if depth == 0 && !is_operator => {
                // A function in which something is defined goes on; everything else ends with its parameters.
                let Some((_parameters, inner)) = rest.split_once(")::") else { break };
                plain += "()::";
                rest = inner;
                continue;
            }
            '<' if !is_operator => depth += 1,
            '>' if depth > 0 => depth -= 1,
            // What stands before it is the type that is returned.
            ' ' if depth == 0 && !is_operator && !plain.ends_with("anonymous") => plain.clear(),
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
        rest = &rest[letter.len_utf8()..];
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_of(names: &[&str]) -> Vec<String> {
        own(names.iter().copied().map(Some))
    }

    #[test]
    fn of_a_panic_in_rust_the_author_s_functions_are_left() {
        let names = [
            "_ZN3std3sys3pal4wasi7helpers14abort_internal17h0123456789abcdefE",
            "abort",
            "__rust_start_panic",
            "rust_panic",
            "_ZN3std9panicking20rust_panic_with_hook17h0123456789abcdefE",
            "_ZN4core9panicking9panic_fmt17h0123456789abcdefE",
            "_ZN4core6result13unwrap_failed17h0123456789abcdefE",
            "_ZN6parrot6lookup17h0123456789abcdefE",
            "_ZN61_$LT$parrot..State$u20$as$u20$guest_sdk..handler..Handler$GT$6handle28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE",
            "_ZN9guest_sdk8executor8Executor4poll17h0123456789abcdefE",
            "glomers:node/node@0.1.0#on-message",
        ];
        assert_eq!(
            own_of(&names),
            ["parrot::lookup", "<parrot::State as guest_sdk::handler::Handler>::handle::{{closure}}"]
        );
    }

    #[test]
    fn a_recursion_is_told_once_with_its_depth() {
        let mut names = Vec::new();
        for _ in 0..100 {
            names.extend(["_ZN6parrot4even17h0123456789abcdefE", "_ZN6parrot3odd17h0123456789abcdefE"]);
        }
        names.push("_ZN6parrot5begin17h0123456789abcdefE");
        assert_eq!(own_of(&names), ["parrot::even, 100 times", "parrot::odd, 100 times", "parrot::begin"]);
    }

    #[test]
    fn of_c_and_cpp_neither_library_nor_sdk_is_shown() {
        let names = [
            "abort",
            "__assert_fail",
            "lookup",
            "on_echo",
            "glomers_dispatch",
            "glomers:node/node@0.1.0#on-message",
        ];
        assert_eq!(own_of(&names), ["lookup", "on_echo"]);
        let names = [
            "std::__1::__libcpp_verbose_abort(char const*, ...)",
            "void nlohmann::json_abi_v3_12_0::detail::from_json<nlohmann::basic_json<std::__1::map> >(int, bool&)",
            "heap.BrkAllocator.alloc",
            "table::lookup(std::__1::basic_string<char, std::__1::allocator<char> > const&)",
            "glomers::(anonymous namespace)::settle(unsigned long long, glomers::Outcome const&)",
            "contract_on_message",
        ];
        assert_eq!(own_of(&names), ["table::lookup"]);
        for (name, plain) in [
            ("lookup", "lookup"),
            ("(anonymous namespace)::pick(int)", "(anonymous namespace)::pick"),
            ("std::vector<int> table<int, (char)1>::rows<long>(long) const", "table::rows"),
            ("plugin()::$_0::operator()(glomers::Message const&) const", "plugin()::$_0::operator()"),
            ("key::operator()(int) const", "key::operator()"),
            ("operator<(key const&, key const&)", "operator<"),
        ] {
            assert_eq!(cpp(name), plain, "{name}");
        }
    }

    #[test]
    fn of_zig_and_go_neither_library_nor_sdk_is_shown() {
        let exit = [
            "_RNvNtNtNtNtCs14sKlJVk3jl_22wasi_snapshot_preview18bindings4wasi3cli4exit4exit",
            "proc_exit",
            "process.exit",
            "start.handle__func_105",
            "start.glomers:node/node@0.1.0#on-message",
        ];
        assert_eq!(own_of(&exit), [""; 0]);
        let names = [
            "start.panic__struct_7.tell",
            "debug.FullPanic((function 'tell')).outOfBounds",
            "plugin.lookup__anon_12",
            "plugin.on.index",
            "start.handle__anon_99",
        ];
        assert_eq!(own_of(&names), ["plugin.lookup", "plugin.on.index"]);
        let names = ["runtime.gopanic", "main.lookup", "main.main.func1", "glomers.work", "runtime.goexit"];
        assert_eq!(own_of(&names), ["main.lookup", "main.main.func1"]);
    }

    #[test]
    fn an_interpreter_s_functions_and_those_without_a_name_say_nothing() {
        assert_eq!(own_of(&["lookdict", "_PyEval_EvalFrameDefault", "PyObject_Call"]), [""; 0]);
        assert_eq!(own([None, None]), [""; 0]);
    }

    #[test]
    fn there_are_never_too_many() {
        let names: Vec<String> = (0..100).map(|number| format!("f{number}")).collect();
        let frames = own(names.iter().map(|name| Some(name.as_str())));
        assert_eq!((frames.len(), frames[8].as_str()), (9, "… and 92 more"));
    }
}
