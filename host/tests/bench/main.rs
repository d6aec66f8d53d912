//! `host test` as its users meet it: verdicts, files, exit statuses, and what it does with bad systems.

mod check;
mod determinism;
mod diagnosis;
mod faults;
#[cfg(target_os = "linux")]
mod kin;
mod native;
mod network;
mod offences;
mod programs;
mod readiness;
mod sabotage;
mod support;
mod swap;
mod sweep;
mod verdicts;
