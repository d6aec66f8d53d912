//! The little of WASI 0.2 a guest gets: clocks, random numbers, standard streams that lead to the log, an empty
//! environment. Whatever else a component imports is there but traps when called: no file system, no network. All of
//! it is synchronous, and deterministic as far as the [`Host`] is.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType,
};
use wasmtime::{Engine, Result, StoreContextMut, bail};

use super::fault::Exited;
use super::instance::State;
use super::last_words::LastWords;
use super::{Host, Level, Origin};

/// Longest line of guest output logged in one piece.
const MAX_LINE: usize = 8 << 10;

/// Most random bytes handed out by one call; the guest must have room for them.
const MAX_RANDOM_BYTES: u64 = 1 << 20;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Output that waits for the end of its line.
#[derive(Default)]
pub(super) struct Streams {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// What was written to standard error, and logged as an error, in the event in hand.
    pub words: LastWords,
}

impl Streams {
    fn write(&mut self, host: &mut impl Host, stream: u32, bytes: &[u8]) {
        let pending = if stream == STDERR { &mut self.stderr } else { &mut self.stdout };
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            for piece in piece.chunks(MAX_LINE) {
                pending.extend_from_slice(piece);
                if pending.ends_with(b"\n") || pending.len() >= MAX_LINE {
                    log_line(host, stream, pending, &mut self.words);
                }
            }
        }
    }

    /// Logs unfinished lines.
    pub(super) fn flush(&mut self, host: &mut impl Host) {
        for (stream, pending) in [(STDOUT, &mut self.stdout), (STDERR, &mut self.stderr)] {
            if !pending.is_empty() {
                log_line(host, stream, pending, &mut self.words);
            }
        }
    }
}

fn log_line(host: &mut impl Host, stream: u32, line: &mut Vec<u8>, words: &mut LastWords) {
    let (level, origin) =
        if stream == STDERR { (Level::Warn, Origin::Stderr) } else { (Level::Info, Origin::Stdout) };
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\n', '\r']);
    host.log(level, origin, text);
    if origin == Origin::Stderr {
        words.add(text)
    } else {
        words.remark(text)
    }
    line.clear();
}

/// Representations of the two output streams.
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

// Resources of WASI. Their representations say all there is to them, so they need no table.
struct InputStream;
struct OutputStream;
struct IoError;
struct Pollable;
struct TerminalInput;
struct TerminalOutput;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct DateTime {
    seconds: u64,
    nanoseconds: u32,
}

/// Defines every WASI import of a component, at the version it asks for.
pub(super) fn link<H: Host>(
    linker: &mut Linker<State<H>>,
    engine: &Engine,
    component: &Component,
) -> Result<()> {
    for (name, item) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(ty) = item.ty else { continue };
        let Some(rest) = name.strip_prefix("wasi:") else { continue };
        let mut instance = linker.instance(name)?;
        for (name, item) in ty.exports(engine) {
            if let ComponentItem::Resource(_) = item.ty {
                instance.resource(name, resource(name), |_, _| Ok(()))?;
            }
        }
        if let Some(define) = definition(interface_of(rest)) {
            define(&mut instance)?;
        }
    }
    linker.define_unknown_imports_as_traps(component)
}

/// Whether an import, named as in `wasi:io/streams@0.2.6`, does what it should. The rest traps when it is called.
pub(super) fn is_granted<H: Host>(import: &str) -> bool {
    import.strip_prefix("wasi:").is_some_and(|rest| definition::<H>(interface_of(rest)).is_some())
}

/// `io/streams@0.2.6` without its version.
fn interface_of(name: &str) -> &str {
    name.split_once('@').map_or(name, |(interface, _version)| interface)
}

/// How an interface is defined, if it is one that guests get.
fn definition<H: Host>(interface: &str) -> Option<Define<H>> {
    Some(match interface {
        "io/poll" => link_poll,
        "io/error" => link_error,
        "io/streams" => link_streams,
        "cli/environment" => link_environment,
        "cli/exit" => link_exit,
        "cli/stdin" => link_stdin,
        "cli/stdout" => link_stdout,
        "cli/stderr" => link_stderr,
        // These two have nothing to call: they only name what the three below never give.
        "cli/terminal-input" | "cli/terminal-output" => |_| Ok(()),
        "cli/terminal-stdin" => link_terminal_stdin,
        "cli/terminal-stdout" => link_terminal_stdout,
        "cli/terminal-stderr" => link_terminal_stderr,
        "clocks/monotonic-clock" => link_monotonic_clock,
        "clocks/wall-clock" => link_wall_clock,
        "random/random" => link_random,
        "random/insecure" => link_insecure_random,
        "random/insecure-seed" => link_insecure_seed,
        "filesystem/preopens" => link_preopens,
        _ => return None,
    })
}

type Define<H> = fn(&mut Interface<'_, H>) -> Result<()>;

type Cx<'a, H> = StoreContextMut<'a, State<H>>;
type Interface<'a, H> = LinkerInstance<'a, State<H>>;

/// The type of a resource, the same in the interface that defines it and in those that only use it. Those of which no
/// function is granted are all alike.
fn resource(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<InputStream>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        "error" => ResourceType::host::<IoError>(),
        "pollable" => ResourceType::host::<Pollable>(),
        "terminal-input" => ResourceType::host::<TerminalInput>(),
        "terminal-output" => ResourceType::host::<TerminalOutput>(),
        _ => ResourceType::host::<()>(),
    }
}

/// A guest cannot block: whatever it waits for is ready at once, and time does not pass.
fn link_poll<H: Host>(poll: &mut Interface<'_, H>) -> Result<()> {
    poll.func_wrap("[method]pollable.ready", |_: Cx<'_, H>, (_,): (Resource<Pollable>,)| Ok((true,)))?;
    poll.func_wrap("[method]pollable.block", |_: Cx<'_, H>, (_,): (Resource<Pollable>,)| Ok(()))?;
    poll.func_wrap("poll", |_: Cx<'_, H>, (list,): (Vec<Resource<Pollable>>,)| {
        Ok(((0..list.len() as u32).collect::<Vec<u32>>(),))
    })
}

fn link_error<H: Host>(error: &mut Interface<'_, H>) -> Result<()> {
    error.func_wrap("[method]error.to-debug-string", |_: Cx<'_, H>, (_,): (Resource<IoError>,)| {
        Ok(("not available in the sandbox".to_owned(),))
    })
}

fn link_streams<H: Host>(streams: &mut Interface<'_, H>) -> Result<()> {
    for name in ["[method]input-stream.read", "[method]input-stream.blocking-read"] {
        streams.func_wrap(name, |_: Cx<'_, H>, (_, _): (Resource<InputStream>, u64)| {
            Ok((Err::<Vec<u8>, _>(StreamError::Closed),))
        })?;
    }
    for name in ["[method]input-stream.skip", "[method]input-stream.blocking-skip"] {
        streams.func_wrap(name, |_: Cx<'_, H>, (_, _): (Resource<InputStream>, u64)| {
            Ok((Err::<u64, _>(StreamError::Closed),))
        })?;
    }
    streams.func_wrap("[method]input-stream.subscribe", |_: Cx<'_, H>, (_,): (Resource<InputStream>,)| {
        Ok((Resource::<Pollable>::new_own(0),))
    })?;
    streams
        .func_wrap("[method]output-stream.check-write", |_: Cx<'_, H>, (_,): (Resource<OutputStream>,)| {
            Ok((Ok::<u64, StreamError>(1 << 20),))
        })?;
    for name in ["[method]output-stream.write", "[method]output-stream.blocking-write-and-flush"] {
        streams.func_wrap(
            name,
            |mut cx: Cx<'_, H>, (stream, bytes): (Resource<OutputStream>, Vec<u8>)| {
                let (host, streams) = cx.data_mut().host_and_streams();
                streams.write(host, stream.rep(), &bytes);
                Ok((Ok::<(), StreamError>(()),))
            },
        )?;
    }
    for name in ["[method]output-stream.flush", "[method]output-stream.blocking-flush"] {
        streams.func_wrap(name, |_: Cx<'_, H>, (_,): (Resource<OutputStream>,)| {
            Ok((Ok::<(), StreamError>(()),))
        })?;
    }
    streams.func_wrap("[method]output-stream.subscribe", |_: Cx<'_, H>, (_,): (Resource<OutputStream>,)| {
        Ok((Resource::<Pollable>::new_own(0),))
    })
}

fn link_environment<H: Host>(environment: &mut Interface<'_, H>) -> Result<()> {
    environment.func_wrap("get-environment", |_: Cx<'_, H>, ()| Ok((Vec::<(String, String)>::new(),)))?;
    environment.func_wrap("get-arguments", |_: Cx<'_, H>, ()| Ok((Vec::<String>::new(),)))?;
    environment.func_wrap("initial-cwd", |_: Cx<'_, H>, ()| Ok((None::<String>,)))
}

fn link_exit<H: Host>(exit: &mut Interface<'_, H>) -> Result<()> {
    exit.func_wrap("exit", |_: Cx<'_, H>, (status,): (Result<(), ()>,)| -> Result<()> {
        Err(Exited { is_success: status.is_ok() }.into())
    })
}

fn link_stdin<H: Host>(stdin: &mut Interface<'_, H>) -> Result<()> {
    stdin.func_wrap("get-stdin", |_: Cx<'_, H>, ()| Ok((Resource::<InputStream>::new_own(0),)))
}

fn link_stdout<H: Host>(stdout: &mut Interface<'_, H>) -> Result<()> {
    stdout.func_wrap("get-stdout", |_: Cx<'_, H>, ()| Ok((Resource::<OutputStream>::new_own(STDOUT),)))
}

fn link_stderr<H: Host>(stderr: &mut Interface<'_, H>) -> Result<()> {
    stderr.func_wrap("get-stderr", |_: Cx<'_, H>, ()| Ok((Resource::<OutputStream>::new_own(STDERR),)))
}

fn link_terminal_stdin<H: Host>(terminal: &mut Interface<'_, H>) -> Result<()> {
    terminal.func_wrap("get-terminal-stdin", |_: Cx<'_, H>, ()| Ok((None::<Resource<TerminalInput>>,)))
}

fn link_terminal_stdout<H: Host>(terminal: &mut Interface<'_, H>) -> Result<()> {
    terminal.func_wrap("get-terminal-stdout", |_: Cx<'_, H>, ()| Ok((None::<Resource<TerminalOutput>>,)))
}

fn link_terminal_stderr<H: Host>(terminal: &mut Interface<'_, H>) -> Result<()> {
    terminal.func_wrap("get-terminal-stderr", |_: Cx<'_, H>, ()| Ok((None::<Resource<TerminalOutput>>,)))
}

/// A simulated node starts at zero, which the runtime of Go takes for a clock that does not work. Where this clock begins
/// is arbitrary, so it begins a second later.
fn link_monotonic_clock<H: Host>(clock: &mut Interface<'_, H>) -> Result<()> {
    clock
        .func_wrap("now", |mut cx: Cx<'_, H>, ()| Ok((cx.data_mut().host().now_ns() + NANOS_PER_SECOND,)))?;
    clock.func_wrap("resolution", |_: Cx<'_, H>, ()| Ok((1u64,)))?;
    for name in ["subscribe-instant", "subscribe-duration"] {
        clock.func_wrap(name, |_: Cx<'_, H>, (_,): (u64,)| Ok((Resource::<Pollable>::new_own(0),)))?;
    }
    Ok(())
}

fn link_wall_clock<H: Host>(clock: &mut Interface<'_, H>) -> Result<()> {
    clock.func_wrap("now", |mut cx: Cx<'_, H>, ()| {
        let now = cx.data_mut().host().wall_clock_ns();
        let nanoseconds = (now % NANOS_PER_SECOND) as u32;
        Ok((DateTime { seconds: now / NANOS_PER_SECOND, nanoseconds },))
    })?;
    clock.func_wrap("resolution", |_: Cx<'_, H>, ()| Ok((DateTime { seconds: 0, nanoseconds: 1 },)))
}

fn link_random<H: Host>(random: &mut Interface<'_, H>) -> Result<()> {
    link_random_functions(random, "get-random-bytes", "get-random-u64")
}

fn link_insecure_random<H: Host>(random: &mut Interface<'_, H>) -> Result<()> {
    link_random_functions(random, "get-insecure-random-bytes", "get-insecure-random-u64")
}

fn link_random_functions<H: Host>(random: &mut Interface<'_, H>, bytes: &str, word: &str) -> Result<()> {
    random.func_wrap(bytes, |mut cx: Cx<'_, H>, (count,): (u64,)| {
        if count > MAX_RANDOM_BYTES {
            bail!("the plugin asked for {count} random bytes at once; {MAX_RANDOM_BYTES} are the limit");
        }
        let host = cx.data_mut().host();
        let words = (0..count.div_ceil(8)).map(|_| host.random().to_le_bytes());
        let bytes: Vec<u8> = words.flatten().take(count as usize).collect();
        Ok((bytes,))
    })?;
    random.func_wrap(word, |mut cx: Cx<'_, H>, ()| Ok((cx.data_mut().host().random(),)))
}

fn link_insecure_seed<H: Host>(seed: &mut Interface<'_, H>) -> Result<()> {
    seed.func_wrap("insecure-seed", |mut cx: Cx<'_, H>, ()| {
        let host = cx.data_mut().host();
        Ok(((host.random(), host.random()),))
    })
}

/// No directory is open, so opening a file fails in the guest like a missing one. The type of a descriptor is a stub,
/// made with the rest of the file system.
fn link_preopens<H: Host>(preopens: &mut Interface<'_, H>) -> Result<()> {
    preopens.func_wrap("get-directories", |_: Cx<'_, H>, ()| Ok((Vec::<(Resource<()>, String)>::new(),)))
}
