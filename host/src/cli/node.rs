//! `host --plugin FILE`: one node on standard input and output.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytesize::ByteSize;
use clap::{Args, ValueEnum};

use crate::guest::{Cache, Level, Limits, Plugin, Sandbox};
use crate::node::{Otherwise, Timeouts};
use crate::stdio::{self, End, Reload};

use super::plugin_path;

#[derive(Args)]
pub(super) struct Arguments {
    /// The component to run: a path, or a bare name (`broadcast` for `plugins/broadcast.wasm`). Looked up in the
    /// working directory, in $GLOMERS_PLUGINS, and in each directory above this program.
    #[arg(long, value_name = "FILE")]
    plugin: String,

    /// Memory the plugin may use, such as 64MiB.
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    max_memory: ByteSize,

    /// Time one event may take, such as 500ms or 5s.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    event_timeout: Duration,

    /// How long after init to hold what the plugin sends to nodes and services, unless a message comes before: the first
    /// one that is not init tells that the cluster is up. Maelstrom mutes for good a node that writes to one that is not
    /// there yet. 0s: hold nothing.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration_or_zero)]
    cluster_wait: Duration,

    /// How long a client's request may wait for its answer. Then it is forgotten, and an answer that comes later dropped:
    /// Maelstrom's clients give up after 5s, and it mutes for good a node that writes to one that is gone. 0s: for ever.
    #[arg(long, value_name = "TIME", default_value = "4900ms", value_parser = duration_or_zero)]
    request_timeout: Duration,

    /// The least important log lines to write to standard error.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LogLevel,

    /// A setting for the plugin, delivered with init. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,

    /// Take up a new version of the plugin whenever the file changes, without losing anything: what the plugin knows goes
    /// to its successor. One that does not fit or does not accept it leaves the old one running. SIGHUP does the same
    /// once and at once, with and without this.
    #[arg(long)]
    watch: bool,

    /// Where a version cannot hand over or take over what the plugin knows, start the new one from nothing.
    #[arg(long)]
    swap_fresh: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Level {
        match level {
            LogLevel::Trace => Level::Trace,
            LogLevel::Debug => Level::Debug,
            LogLevel::Info => Level::Info,
            LogLevel::Warn => Level::Warn,
            LogLevel::Error => Level::Error,
        }
    }
}

/// A time with its unit; a bare number is seconds.
pub(super) fn duration_or_zero(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.map_or_else(|| humantime::parse_duration(text).map_err(|error| error.to_string()), Ok)
}

/// The same, but for zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let time = duration_or_zero(text)?;
    if time.is_zero() { Err("must be longer than zero".to_owned()) } else { Ok(time) }
}

pub(super) fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must have the form KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(super) fn run(arguments: Arguments) -> Result<ExitCode> {
    let path = plugin_path::find(&arguments.plugin)?;
    let wasm = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let sandbox =
        Sandbox::new().map_err(|error| anyhow!("cannot start the WebAssembly engine: {error:#}"))?;
    let plugin = Plugin::load(&sandbox, &Cache::for_user(), &wasm)
        .with_context(|| format!("cannot use {}", path.display()))?;
    let otherwise = if arguments.swap_fresh { Otherwise::StartCold } else { Otherwise::Refuse };
    let load = Box::new(move |wasm: &[u8]| Ok(Plugin::load(&sandbox, &Cache::for_user(), wasm)?));
    let reload = if arguments.watch {
        Reload::watch(&path, &wasm, load, otherwise)?
    } else {
        Reload::on_hangup(&path, &wasm, load, otherwise)?
    };
    let memory_bytes = usize::try_from(arguments.max_memory.as_u64()).unwrap_or(usize::MAX);
    let options = stdio::Options {
        limits: Limits { memory_bytes, event_timeout: arguments.event_timeout },
        timeouts: Timeouts {
            cluster_wait: arguments.cluster_wait,
            request_timeout: arguments.request_timeout,
        },
        settings: arguments.settings,
        log_level: arguments.log_level.into(),
        reload,
    };
    match stdio::run(&plugin, options).context("cannot read or write messages")? {
        End::Finished => Ok(ExitCode::SUCCESS),
        End::Faulted => Ok(ExitCode::FAILURE),
    }
}
