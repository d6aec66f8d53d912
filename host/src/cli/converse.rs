//! `host converse`: a written conversation with a plugin, held to the letter.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::conversation;
use crate::guest::Limits;
use crate::node::Timeouts;

use super::node::{duration_or_zero, setting};
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

    /// How long after init to hold what the plugin sends to nodes and services, unless a message comes before.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration_or_zero)]
    cluster_wait: Duration,

    /// How long a client's request may wait for its answer.
    #[arg(long, value_name = "TIME", default_value = "4900ms", value_parser = duration_or_zero)]
    request_timeout: Duration,
}

pub(super) fn run(arguments: Arguments) -> Result<ExitCode> {
    let Arguments { file, plugin, settings, cluster_wait, request_timeout } = arguments;
    let timeouts = Timeouts { cluster_wait, request_timeout };
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let plugin = test::load(&plugin_path::find(&plugin)?)?;
    let messages = conversation::hold(&plugin, Limits::default(), timeouts, settings, &text)
        .with_context(|| file.display().to_string())?;
    println!("{}: as written, {messages} messages from the node", file.display());
    Ok(ExitCode::SUCCESS)
}
