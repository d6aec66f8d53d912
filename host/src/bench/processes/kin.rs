//! Which processes belong to a node, and their end. A node leads a session of its own; what it starts is found by the
//! session, by descent, and by a mark in its environment where it has left both, as daemons do. The bench takes in
//! every orphan among them (Linux' subreaper), so that none is out of its sight.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::descent::{self, Process};
use super::guard::Guard;

/// The variable in which a node's processes carry its mark.
const MARK: &str = "GLOMERS_NODE";

/// How often is looked for processes that those just killed have started. More is a fork bomb.
const MAX_ROUNDS: usize = 64;

/// The nodes that live. Whoever holds this decides whether there will be more.
static NODES: Mutex<Nodes> = Mutex::new(Nodes { leaders: Vec::new(), guard: None });

struct Nodes {
    /// The processes that the bench has started, each the leader of its session.
    leaders: Vec<Pid>,
    guard: Option<Guard>,
}

fn nodes() -> MutexGuard<'static, Nodes> {
    NODES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A node's processes.
#[derive(Debug)]
pub(super) struct Kin {
    leader: Pid,
    mark: String,
}

impl Kin {
    /// Starts a node's first process. `mark` distinguishes it from all others of this bench.
    pub fn spawn(command: &mut Command, mark: &str) -> io::Result<(Child, Kin)> {
        let mark = format!("{}-{mark}", std::process::id());
        command.env(MARK, &mark);
        lead_a_session(command);
        let mut nodes = nodes();
        descent::take_in_orphans();
        let child = command.spawn()?;
        let leader = Pid::from_child(&child);
        nodes.leaders.push(leader);
        nodes.guard.get_or_insert_with(Guard::start).watch(leader);
        Ok((child, Kin { leader, mark: format!("{MARK}={mark}") }))
    }

    fn has(&self, process: &Process) -> bool {
        process.session == Some(self.leader)
            || process.ancestors.contains(&self.leader)
            || descent::has_in_environment(process.id, &self.mark)
    }

    /// Stops all of them, or lets them go on.
    pub fn signal(&self, signal: Signal) {
        // Who has ended by itself needs no signal.
        let _ = kill_process_group(self.leader, signal);
        for process in descent::descendants().iter().filter(|process| self.has(process)) {
            let _ = kill_process(process.id, signal);
        }
    }

    /// Kills all of them, and what they start meanwhile.
    pub fn kill(&self, child: &mut Child) {
        let _ = kill_process_group(self.leader, Signal::KILL);
        kill_all(|process| self.has(process));
        // In a session or group of another: what the kernel would not let it leave.
        let _ = child.kill();
        let _ = child.wait();
        let mut nodes = nodes();
        nodes.leaders.retain(|leader| *leader != self.leader);
        if let Some(guard) = &mut nodes.guard {
            guard.forget(self.leader);
        }
        descent::reap(&nodes.leaders);
    }
}

/// Kills every process that this one has started and all that they have, whether anything tells whose it is or not.
/// No other is started as long as the caller keeps what is returned.
pub(super) fn kill_descendants() -> impl Drop {
    let nodes = nodes();
    let guard = nodes.guard.as_ref().and_then(Guard::id);
    for leader in &nodes.leaders {
        let _ = kill_process_group(*leader, Signal::KILL);
    }
    kill_all(|process| Some(process.id) != guard);
    nodes
}

/// From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT kill all nodes and end this process with 128 and the signal's number, as a
/// shell tells it. `say` is given the signal's name. A signal that is ignored, as under `nohup`, stays so.
pub fn end_on_signals(say: impl FnOnce(&str) + Send + 'static) -> io::Result<()> {
    let wanted =
        [SIGINT, SIGTERM, SIGHUP, SIGQUIT].into_iter().filter(|signal| !descent::is_ignored(*signal));
    let mut signals = Signals::new(wanted)?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        let _nodes = kill_descendants();
        say(signal_hook::low_level::signal_name(signal).unwrap_or("a signal"));
        signal_hook::low_level::exit(128 + signal);
    })?;
    Ok(())
}

/// Kills all descendants of this kind, and again those that they have started meanwhile.
fn kill_all(is_meant: impl Fn(&Process) -> bool) {
    let mut killed = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let mut living = descent::descendants();
        living.retain(|process| !process.is_dead && !killed.contains(&process.id) && is_meant(process));
        if living.is_empty() {
            return;
        }
        for process in living {
            let _ = kill_process(process.id, Signal::KILL);
            killed.push(process.id);
        }
    }
}

/// The process will lead a session, and be killed by the kernel when this one dies, however it dies.
fn lead_a_session(command: &mut Command) {
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe functions may be called. It makes
    // two system calls, allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            #[cfg(target_os = "linux")]
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            Ok(())
        });
    }
}
