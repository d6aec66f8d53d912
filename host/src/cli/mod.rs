//! The command line: what can be said, and who does it. One file a subcommand.

mod build;
mod challenges;
mod check;
mod converse;
mod inspect;
mod new;
mod node;
mod plugin_path;
mod report;
mod sweep;
mod test;
mod toolchains;

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
    Challenges(challenges::Arguments),
    Check(check::Arguments),
    Converse(converse::Arguments),
    Inspect(inspect::Arguments),
    New(new::Arguments),
    Report(report::Arguments),
    Test(Box<test::Arguments>),
    Toolchains(toolchains::Arguments),
}

/// Parses the command line, does what it says, and reports an error in one line.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; for what stands in for Maelstrom, its status for bad arguments.
            let is_test = std::env::args().nth(1).is_some_and(|word| word == "test" || word == "check");
            let _ = error.print();
            let status =
                if error.use_stderr() && is_test { test::BAD_ARGUMENTS } else { error.exit_code() as u8 };
            return ExitCode::from(status);
        }
    };
    let done = match (arguments.command, arguments.node) {
        (Some(Command::Build(build)), _) => build::run(&build),
        (Some(Command::Challenges(challenges)), _) => challenges::run(&challenges),
        (Some(Command::Check(check)), _) => Ok(check::run(&check)),
        (Some(Command::Converse(converse)), _) => converse::run(converse),
        (Some(Command::Inspect(inspect)), _) => inspect::run(&inspect),
        (Some(Command::New(new)), _) => new::run(&new),
        (Some(Command::Toolchains(toolchains)), _) => toolchains::run(&toolchains),
        (Some(Command::Report(report)), _) => Ok(report::run(&report)),
        (Some(Command::Test(test)), _) => Ok(test::run(&test)),
        (None, Some(node)) => node::run(node),
        (None, None) => unreachable!("clap asks for arguments"),
    };
    done.unwrap_or_else(|error| {
        eprintln!("host: {error:#}");
        ExitCode::FAILURE
    })
}
