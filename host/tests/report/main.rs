//! The report as its readers meet it: in a browser, and as files.

mod browser;
mod chromium;
mod files;
#[path = "../bench/support.rs"]
#[allow(dead_code)]
mod support;
mod trace;
