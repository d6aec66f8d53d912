//! Driver: one node on standard input and output, in real time (spec §3.1, §4).
//!
//! One thread and one loop: wait for input or the next alarm, handle, write. All complete lines of a read are handled
//! before one write, so batching costs no latency: nothing is held back while the node waits. A node that waits for
//! nothing but input waits in `read`: two system calls a batch.

mod input;
mod reload;
mod stop;
mod wake;
mod watch;

use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::guest::{Fault, Level, Limits, Origin, Plugin};
use crate::node::{Core, Environment, Node, Timeouts, log_prefix};
use crate::protocol::Envelope;

use self::input::{Input, Line};
pub use self::reload::{Load, Reload};
use self::stop::Stop;

/// How a node is run.
pub struct Options {
    /// Bounds on the guest.
    pub limits: Limits,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Settings for the plugin.
    pub settings: Vec<(String, String)>,
    /// Log lines below this level are not written.
    pub log_level: Level,
    /// Other versions of the plugin that the node is to take up while it runs.
    pub reload: Reload,
}

/// How a node ended.
#[derive(Debug)]
pub enum End {
    /// End of input, a signal, or nobody reads its output any more.
    Finished,
    /// The plugin died. It has been reported on standard error.
    Faulted,
}

/// Runs a node until end of input, SIGTERM or SIGINT, the end of its reader, or its plugin's death.
pub fn run(plugin: &Plugin<Core<Process>>, options: Options) -> io::Result<End> {
    let mut stop = Stop::on_signals()?;
    let process = Process { started: Instant::now(), log_level: options.log_level };
    let mut node = match Node::new(plugin, process, options.limits, options.timeouts, options.settings) {
        Ok(node) => node,
        Err(fault) => {
            Process { started: Instant::now(), log_level: options.log_level }.report(
                "",
                "while it started",
                &fault,
            );
            return Ok(End::Faulted);
        }
    };
    match serve(&mut node, &mut stop, &options.reload) {
        Ok(end) => Ok(end),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(End::Finished),
        Err(error) => Err(error),
    }
}

/// The loop.
fn serve(node: &mut Node<Process>, stop: &mut Stop, reload: &Reload) -> io::Result<End> {
    let mut input = Input::default();
    let mut woken = Woken::Alarm;
    loop {
        let handled = match woken {
            Woken::Version => swap(node, reload),
            _ => Ok(()),
        };
        let handled = handled.and_then(|()| handle_lines(node, &mut input)).and_then(|()| fire(node));
        write_all(rustix::stdio::stdout(), node.outbox().bytes())?;
        node.outbox().clear();
        if let Err((occasion, fault)) = handled {
            let id = node.id().to_owned();
            node.environment().report(&id, &occasion, &fault);
            return Ok(End::Faulted);
        }
        if input.has_ended() {
            return Ok(End::Finished);
        }
        if waits_for_input_only(node, reload) {
            match stop.while_idle(|| input.read(rustix::stdio::stdin()))? {
                None => return Ok(End::Finished),
                Some(true) => continue,
                Some(false) => {}
            }
        }
        woken = wait(node, stop, reload)?;
        match woken {
            Woken::Input => drop(input.read(rustix::stdio::stdin())?),
            Woken::Alarm | Woken::Version => {}
            Woken::Stop => return Ok(End::Finished),
        }
    }
}

/// Takes up a new version of the plugin, or says why not.
fn swap(node: &mut Node<Process>, reload: &Reload) -> Result<(), (String, Fault)> {
    let plugin = match reload.take() {
        None => return Ok(()),
        Some(Ok(plugin)) => plugin,
        Some(Err(error)) => {
            node.log(
                Level::Error,
                &format!("the plugin was not swapped, the old plugin keeps running: {error:#}"),
            );
            return Ok(());
        }
    };
    let now_ns = node.environment().now_ns();
    node.swap(now_ns, &plugin, reload.otherwise).map_err(|fault| ("while it was swapped".to_owned(), fault))
}

/// Hands every complete line to the node. A fault comes with what the node was doing.
fn handle_lines(node: &mut Node<Process>, input: &mut Input) -> Result<(), (String, Fault)> {
    while let Some(Line { number, text }) = input.next_line() {
        let message = match text.map(Envelope::parse) {
            Some(Ok(message)) => message,
            Some(Err(reason)) => {
                node.log(Level::Warn, &format!("input line {number} dropped: {reason}"));
                continue;
            }
            None => {
                let limit = input::MAX_LINE >> 20;
                node.log(Level::Warn, &format!("input line {number} dropped: {limit} MiB or longer"));
                continue;
            }
        };
        let now_ns = node.environment().now_ns();
        node.receive(now_ns, &message)
            .map_err(|fault| (format!("on input line {number}, from {}", message.src), fault))?;
    }
    Ok(())
}

fn fire(node: &mut Node<Process>) -> Result<(), (String, Fault)> {
    if node.next_alarm_ns().is_none() {
        return Ok(());
    }
    let now_ns = node.environment().now_ns();
    node.fire(now_ns).map_err(|fault| ("on a timer".to_owned(), fault))
}

/// Before `init` a node is in no hurry, and need not watch its reader from another thread.
fn waits_for_input_only(node: &mut Node<Process>, reload: &Reload) -> bool {
    !reload.is_ready() && node.next_alarm_ns().is_none() && !node.id().is_empty()
}

enum Woken {
    Input,
    Alarm,
    /// There is a new version of the plugin.
    Version,
    Stop,
}

/// Waits for input, the next alarm, a new version of the plugin, a signal, or the end of whoever reads our output.
fn wait(node: &mut Node<Process>, stop: &Stop, reload: &Reload) -> io::Result<Woken> {
    let timeout = node.next_alarm_ns().map(|alarm_ns| {
        let wait_ns = alarm_ns.saturating_sub(node.environment().now_ns());
        Timespec { tv_sec: (wait_ns / 1_000_000_000) as i64, tv_nsec: (wait_ns % 1_000_000_000) as i64 }
    });
    let mut fds = [
        PollFd::from_borrowed_fd(rustix::stdio::stdin(), PollFlags::IN),
        PollFd::from_borrowed_fd(stop.signals(), PollFlags::IN),
        PollFd::from_borrowed_fd(rustix::stdio::stdout(), PollFlags::empty()),
        PollFd::from_borrowed_fd(reload.ready(), PollFlags::IN),
    ];
    match poll(&mut fds, timeout.as_ref()) {
        Ok(0) | Err(Errno::INTR) => return Ok(Woken::Alarm),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let [stdin, signals, stdout, version] = fds.map(|fd| fd.revents());
    if !signals.is_empty() || stdout.contains(PollFlags::ERR) {
        return Ok(Woken::Stop);
    }
    if !version.is_empty() {
        return Ok(Woken::Version);
    }
    Ok(if stdin.is_empty() { Woken::Alarm } else { Woken::Input })
}

fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The real world: the operating system's clocks and random numbers, and standard error for the log.
pub struct Process {
    started: Instant,
    log_level: Level,
}

impl Process {
    fn report(&mut self, node: &str, occasion: &str, fault: &Fault) {
        let mut log = |line: &str| self.log(node, Level::Error, Origin::Host, line);
        log(&format!("the plugin died {occasion}:"));
        log(&fault.reason);
        fault.frames.iter().for_each(|frame| log(&format!("    at {frame}")));
    }
}

impl Environment for Process {
    fn now_ns(&mut self) -> u64 {
        // 584 years of uptime fit.
        self.started.elapsed().as_nanos() as u64
    }

    fn wall_clock_ns(&mut self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
    }

    fn random(&mut self) -> u64 {
        getrandom::u64().expect("the operating system has random numbers")
    }

    /// One line a line of text: node, level, origin, text. Whoever closed standard error does not want to know.
    fn log(&mut self, node: &str, level: Level, origin: Origin, text: &str) {
        if level < self.log_level {
            return;
        }
        let prefix = log_prefix(node, level, origin);
        let mut stderr = io::stderr().lock();
        for line in text.lines() {
            let _ = writeln!(stderr, "{prefix}{line}");
        }
    }
}
