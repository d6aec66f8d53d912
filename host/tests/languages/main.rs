//! Plugins in every language: from an empty directory to a tested plugin, and the guests of the tree in their challenges.

mod conversations;
mod dying;
mod failing;
mod go;
mod guests;
mod inspect;
mod javascript;
mod patient;
mod projects;
mod python;
mod support;
mod swaps;
mod written;

/// One test for each language: `check` is run with the language's name.
macro_rules! each_language {
    ($check:ident) => {
        super::each_language!($check: rust c cpp zig go js python);

        #[test]
        fn no_language_is_forgotten() {
            super::support::assert_known(&TESTED);
        }
    };
    ($check:ident: $($language:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($language)),*];

        $(#[test]
        fn $language() {
            super::support::when_installed(stringify!($language), $check);
        })*
    };
}
use each_language;
