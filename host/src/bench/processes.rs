//! A cluster of native processes on pipes, in real time, as Maelstrom has it (spec §4). Whatever a process does, the
//! bench goes on: each pipe has a thread of its own, queues are bounded, and what cannot be used is an offence.

use std::borrow::Cow;
mod descent;
mod format;
mod guard;
mod kin;
mod pipes;
mod program;

use std::collections::VecDeque;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::cluster::{Cluster, Death, Delivery, Output, Written};
use super::nemesis::Skew;
use super::offence;
use crate::protocol::{Envelope, json, quote};

use self::kin::Kin;
use self::pipes::Log;

pub use self::kin::end_on_signals;
pub use self::program::{CannotRun, Program};

/// Lines that wait to be written to one process. One that stops reading loses what comes after.
const MAX_UNREAD: usize = 1 << 14;

/// Lines of all processes that wait to be looked at. A process that writes faster than the bench reads must wait.
const MAX_UNSEEN: usize = 1 << 12;

/// Lines looked at before time is looked at again.
const BATCH: usize = 256;

/// Lines a process may write in a second; far more than any workload asks for.
const MAX_LINES_PER_SECOND: usize = 50_000;

/// How long a process may take to end, and to write what it holds back.
const PATIENCE: Duration = Duration::from_millis(500);

/// Processes as nodes.
pub struct Processes {
    program: Program,
    names: Vec<String>,
    nodes: Vec<Slot>,
    began: Instant,
    heard: Receiver<Heard>,
    tell: SyncSender<Heard>,
    /// What has been heard and not yet handed over.
    pending: VecDeque<Heard>,
}

struct Slot {
    child: Option<(Child, Kin)>,
    /// Lines for its standard input.
    input: Option<SyncSender<Vec<u8>>>,
    /// How often it has been started; what an earlier life still says does not count.
    life: u64,
    log: Arc<Log>,
    /// Reads its standard error to the end.
    log_keeper: Option<thread::JoinHandle<()>>,
    lines: u64,
    flood: Flood,
}

/// Lines in the current second.
struct Flood {
    second: u64,
    lines: usize,
}

struct Heard {
    node: usize,
    life: u64,
    what: What,
}

enum What {
    Line(Vec<u8>),
    /// Its output has ended.
    End,
    /// It could not be started.
    NoStart(io::Error),
    /// It does not read its input.
    Deaf,
}

impl Processes {
    /// A cluster of these nodes, none of them started.
    pub fn new(program: Program, names: Vec<String>) -> Processes {
        let (tell, heard) = sync_channel(MAX_UNSEEN);
        let slot = |_: &String| Slot {
            child: None,
            input: None,
            life: 0,
            log: Arc::default(),
            log_keeper: None,
            lines: 0,
            flood: Flood { second: 0, lines: 0 },
        };
        let nodes = names.iter().map(slot).collect();
        Processes { program, nodes, names, began: Instant::now(), heard, tell, pending: VecDeque::new() }
    }

    fn now_ns(&self) -> u64 {
        // 584 years fit.
        self.began.elapsed().as_nanos() as u64
    }

    /// Starts the process and the threads on its pipes.
    fn spawn(&mut self, node: usize) -> io::Result<()> {
        let mut command = Command::new(&self.program.file);
        command
            .args(&self.program.arguments)
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let life = self.nodes[node].life;
        let (mut child, kin) = Kin::spawn(&mut command, &format!("{node}-{life}"))?;
        let log = Arc::new(self.nodes[node].log.of_next_life());
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (input, lines) = sync_channel::<Vec<u8>>(MAX_UNREAD);
        thread::spawn(move || pipes::feed(stdin, &lines));
        let (name, echo, kept) = (self.names[node].clone(), self.program.echo_stderr, Arc::clone(&log));
        let keeper = thread::spawn(move || pipes::keep_log(stderr, &kept, echo.then_some(&name)));
        let (tell, kept) = (self.tell.clone(), Arc::clone(&log));
        thread::spawn(move || {
            let tell = |what| tell.send(Heard { node, life, what }).is_ok();
            pipes::listen(stdout, &kept, |line| tell(What::Line(line)));
            tell(What::End);
        });
        let slot = &mut self.nodes[node];
        (slot.child, slot.input) = (Some((child, kin)), Some(input));
        (slot.log, slot.log_keeper) = (log, Some(keeper));
        Ok(())
    }

    fn signal(&self, node: usize, signal: Signal) {
        if let Some((_, kin)) = &self.nodes[node].child {
            kin.signal(signal);
        }
    }

    fn hear(&mut self, heard: Heard) {
        if self.nodes[heard.node].life == heard.life {
            self.pending.push_back(heard);
        }
    }

    /// Whether a node writes more than anyone can want to read.
    fn is_flooding(&mut self, node: usize) -> bool {
        let second = self.began.elapsed().as_secs();
        let flood = &mut self.nodes[node].flood;
        if flood.second != second {
            *flood = Flood { second, lines: 0 };
        }
        flood.lines += 1;
        flood.lines > MAX_LINES_PER_SECOND
    }

    fn hand_over(&mut self, Heard { node, life, what }: Heard, take: &mut dyn FnMut(usize, Output<'_>)) {
        if self.nodes[node].life != life {
            return;
        }
        let line = match what {
            What::Line(line) => line,
            What::NoStart(error) => {
                let reason = self.program.cannot_start(&error);
                return take(node, Output::Death(Death { reason, details: Vec::new() }));
            }
            What::Deaf => {
                let text =
                    format!("it does not read its input; what comes after {MAX_UNREAD} messages is lost");
                return take(node, Output::Offence { kind: offence::Kind::Deaf, text, quote: None });
            }
            What::End => {
                let death = self.bury(node);
                return take(node, Output::Death(death));
            }
        };
        self.nodes[node].lines += 1;
        if self.is_flooding(node) {
            let text =
                format!("it writes more than {MAX_LINES_PER_SECOND} lines in a second; the rest is dropped");
            return take(node, Output::Offence { kind: offence::Kind::Flood, text, quote: None });
        }
        if let Some(fault) = read_line(&line, &mut |output| take(node, output)) {
            self.nodes[node].log.add_junk(&line, &fault);
        }
    }

    /// How a process whose output has ended died. One that only closed its output is killed.
    fn bury(&mut self, node: usize) -> Death {
        self.nodes[node].input = None;
        let status = self.await_exit(node, PATIENCE);
        self.kill(node);
        let reason = match status {
            None => "it closed its output".to_owned(),
            Some(status) => match status.signal() {
                Some(signal) => format!("it was ended by signal {signal}"),
                None => format!("it exited with status {}", status.code().unwrap_or_default()),
            },
        };
        let log = &self.nodes[node].log;
        let words = log.last_words(&self.names[node]).map(|words| format!("; it said last: {words}"));
        let note = self.program.note().map(|note| format!("note: {note}"));
        let details = note.into_iter().chain(log.written().tail).collect();
        Death { reason: reason + &words.unwrap_or_default(), details }
    }

    /// Waits until what a dead process wrote last has been read; not for a child of its own that holds the stream open.
    fn await_log(&mut self, node: usize, patience: Duration) {
        let Some(keeper) = self.nodes[node].log_keeper.take() else { return };
        let began = Instant::now();
        while !keeper.is_finished() && began.elapsed() < patience {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn await_exit(&mut self, node: usize, patience: Duration) -> Option<ExitStatus> {
        let (child, _) = self.nodes[node].child.as_mut()?;
        let began = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Some(status),
                _ if began.elapsed() > patience => return None,
                _ => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

/// What a line of a process's output amounts to (spec §3.1, §3.4), and why it is no message, if it is none.
fn read_line(line: &[u8], take: &mut dyn FnMut(Output<'_>)) -> Option<String> {
    let text = String::from_utf8_lossy(line);
    let offend = |take: &mut dyn FnMut(Output<'_>), kind, reason: String| {
        take(Output::Offence { kind, text: reason, quote: Some(quote(&text)) });
    };
    if matches!(text, Cow::Owned(_)) {
        offend(take, offence::Kind::NotUtf8, "a line of its output is not UTF-8".to_owned());
    }
    let fault = match Envelope::parse_output(&text) {
        Ok((Envelope { src, dest, body, .. }, stray)) => {
            take(Output::Message { src: &src, dest: &dest, body });
            stray.map(|key| format!("`{key}` does not belong beside src, dest and body"))
        }
        Err(reason) => Some(reason.to_string()),
    }?;
    offend(take, offence::Kind::NotAMessage, format!("a line of its output is not a message: {fault}"));
    Some(fault)
}

impl Cluster for Processes {
    fn start(&mut self, node: usize, _now_ns: u64) {
        self.nodes[node].life += 1;
        if let Err(error) = self.spawn(node) {
            let life = self.nodes[node].life;
            self.pending.push_back(Heard { node, life, what: What::NoStart(error) });
        }
    }

    fn kill(&mut self, node: usize) {
        let slot = &mut self.nodes[node];
        slot.input = None;
        slot.life += 1;
        if let Some((mut child, kin)) = slot.child.take() {
            kin.kill(&mut child);
            self.await_log(node, PATIENCE);
        }
    }

    fn pause(&mut self, node: usize, paused: bool) {
        self.signal(node, if paused { Signal::STOP } else { Signal::CONT });
    }

    /// Processes share our clock. The command line refuses this fault for them.
    fn skew(&mut self, _node: usize, _skew: Option<Skew>, _now_ns: u64) {}

    /// Whoever starts processes asks for no swaps.
    fn swap(&mut self, _node: usize, _again: bool, _now_ns: u64) {}

    fn deliver(&mut self, node: usize, _now_ns: u64, message: Delivery<'_>) {
        let Delivery { id, src, dest, body } = message;
        let slot = &mut self.nodes[node];
        let Some(input) = &slot.input else { return };
        let mut line = format!(r#"{{"id":{id},"src":"#).into_bytes();
        json::write_string(&mut line, src);
        line.extend_from_slice(br#","dest":"#);
        json::write_string(&mut line, dest);
        line.extend_from_slice(br#","body":"#);
        line.extend_from_slice(body.as_bytes());
        line.extend_from_slice(b"}\n");
        if let Err(TrySendError::Full(_)) = input.try_send(line) {
            self.pending.push_back(Heard { node, life: slot.life, what: What::Deaf });
        }
    }

    fn fire(&mut self, _node: usize, _now_ns: u64) {}

    fn next_alarm_ns(&mut self, _node: usize) -> Option<u64> {
        None
    }

    fn drain(&mut self, take: &mut dyn FnMut(usize, Output<'_>)) {
        while let Some(heard) = self.pending.pop_front() {
            self.hand_over(heard, take);
        }
    }

    fn wait(&mut self, until_ns: u64) -> u64 {
        if self.pending.is_empty() {
            let patience = Duration::from_nanos(until_ns.saturating_sub(self.now_ns()));
            if let Ok(heard) = self.heard.recv_timeout(patience) {
                self.hear(heard);
            }
        }
        for _ in 0..BATCH {
            let Ok(heard) = self.heard.try_recv() else { break };
            self.hear(heard);
        }
        self.now_ns()
    }

    fn written(&mut self, node: usize) -> Written {
        self.nodes[node].log.written()
    }

    fn end_input(&mut self, node: usize) {
        self.nodes[node].input = None;
        let began = Instant::now();
        while !self.nodes[node].log.has_output_ended() && began.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn stop(&mut self) -> Vec<String> {
        drop(kin::kill_descendants());
        for node in 0..self.nodes.len() {
            self.kill(node);
        }
        self.nodes.iter().map(|slot| slot.log.stderr()).collect()
    }
}

impl Drop for Processes {
    /// No process outlives the bench, not even when it panics.
    fn drop(&mut self) {
        for node in 0..self.nodes.len() {
            self.kill(node);
        }
    }
}
