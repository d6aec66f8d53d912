//! A WebAssembly plugin host for distributed-systems nodes under Maelstrom, and a bench to test them in.
//!
//! The path of a message: `stdio` reads a line, `protocol` finds the envelope, `node` decides whose event it is, `guest`
//! runs the sandboxed plugin; effects come back through `node` into its outbox, and `stdio` writes them.
//!
//! Comments that cite "spec §5.1" mean that section of `host/docs/maelstrom.md`, which says what Maelstrom does exactly.

pub mod bench;
pub mod build;
pub mod checker;
pub mod cli;
pub mod conversation;
pub mod guest;
pub mod node;
pub mod protocol;
pub mod report;
pub mod stdio;
pub mod workload;
