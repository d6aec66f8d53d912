//! `host converse`: a written conversation with a plugin, held to the letter.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::conversation;
use crate::guest::Limits;

use super::node::setting;
use super::{plugin_path, test};

/// Hold a written conversation with one node, and see whether it answers as written.
///
/// In the file, `> MESSAGE` is said to the node and `< MESSAGE` is what it has to say next; `+ 500ms` lets time pass, which
/// takes none; `#` begins a comment. Messages are whole lines of Maelstrom's protocol, compared by structure; "*" stands
/// for any value. Exit status 1 when it goes another way.
#[derive(Args)]
pub(super) struct Arguments {
    /// The conversation.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The plugin: a path, or a bare name (`echo` for `plugins/echo.wasm`).
    #[arg(long, value_name = "FILE")]
    plugin: String,

    /// A setting for the plugin. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
}

pub(super) fn run(arguments: Arguments) -> Result<ExitCode> {
    let Arguments { file, plugin, settings } = arguments;
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let plugin = test::load(&plugin_path::find(&plugin)?)?;
    let messages = conversation::hold(&plugin, Limits::default(), settings, &text)
        .with_context(|| file.display().to_string())?;
    println!("{}: as written, {messages} messages from the node", file.display());
    Ok(ExitCode::SUCCESS)
}
