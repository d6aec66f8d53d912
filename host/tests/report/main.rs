//! The report as its readers meet it: in a browser, and as files.

#[path = "../bench/support.rs"]
#[allow(dead_code)]
mod support;

mod files;
