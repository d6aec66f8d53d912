//! What is told of a run that could not begin, in the place of a verdict.

use std::fmt::Write;

use crate::bench::Aborted;

/// Why, in one line.
pub fn headline(aborted: &Aborted) -> String {
    format!("the test cannot begin: {}", aborted.reason())
}

/// What to do about it, and the last that is known of the node.
pub fn details(aborted: &Aborted) -> String {
    let mut text = String::new();
    for advice in aborted.failure.advice() {
        writeln!(text, "  {advice}").expect("a string takes everything");
    }
    for line in &aborted.details {
        writeln!(text, "      {line}").expect("a string takes everything");
    }
    text
}
