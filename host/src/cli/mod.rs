//! The command line: what can be said, and who does it. One file a subcommand.

mod build;
mod node;
mod plugin_path;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs distributed-systems nodes as sandboxed WebAssembly plugins, under Maelstrom's protocol.
///
/// Without a subcommand: run one node on standard input and output until end of input or a signal.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
#[command(subcommand_precedence_over_arg = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    node: Option<node::Arguments>,
}

#[derive(Subcommand)]
enum Command {
    Build(build::Arguments),
}

/// Parses the command line, does what it says, and reports an error in one line.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match (arguments.command, arguments.node) {
        (Some(Command::Build(build)), _) => build::run(&build),
        (None, Some(node)) => node::run(node),
        (None, None) => unreachable!("clap asks for arguments"),
    };
    done.unwrap_or_else(|error| {
        eprintln!("host: {error:#}");
        ExitCode::FAILURE
    })
}
