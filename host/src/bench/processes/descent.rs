//! Who descends from whom, as `/proc` tells it (proc(5)). Where there is none nobody is known, and a node's process
//! group has to do.

use std::fs;

use rustc_hash::FxHashMap;
use rustix::process::{Pid, WaitOptions, waitpid};

/// A process that descends from this one.
#[derive(Debug)]
pub(super) struct Process {
    pub id: Pid,
    pub session: Option<Pid>,
    /// Its parent, the parent of that, and so on, up to a child of this process.
    pub ancestors: Vec<Pid>,
    /// It has ended, and its parent has not asked for its status yet.
    pub is_dead: bool,
}

/// What `/proc/<id>/stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: Option<Pid>,
    session: Option<Pid>,
    is_dead: bool,
}

/// Children whose parent dies become children of this process, and not of the system's first.
pub(super) fn take_in_orphans() {
    #[cfg(target_os = "linux")]
    // An old kernel cannot; then a daemon is not found.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// All processes that descend from this one.
pub(super) fn descendants() -> Vec<Process> {
    let stats = all();
    let this = rustix::process::getpid();
    stats.iter().filter_map(|(id, stat)| process(*id, stat, this, &stats)).collect()
}

fn all() -> FxHashMap<Pid, Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return FxHashMap::default() };
    let stat = |entry: fs::DirEntry| {
        let id = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        // A process may end while we look.
        Some((id, parse(&fs::read_to_string(entry.path().join("stat")).ok()?)?))
    };
    entries.filter_map(|entry| stat(entry.ok()?)).collect()
}

/// Reads `1234 (any name) S 1 2 3 …`: state, parent, group, session.
fn parse(stat: &str) -> Option<Stat> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    let mut number = || fields.next()?.parse().ok().map(Pid::from_raw);
    let (parent, _group, session) = (number()?, number()?, number()?);
    Some(Stat { parent, session, is_dead: matches!(state, "Z" | "X") })
}

fn process(id: Pid, stat: &Stat, this: Pid, stats: &FxHashMap<Pid, Stat>) -> Option<Process> {
    let mut ancestors = Vec::new();
    let mut parent = stat.parent?;
    while parent != this {
        // What is read while it changes may go in a circle.
        if ancestors.contains(&parent) {
            return None;
        }
        ancestors.push(parent);
        parent = stats.get(&parent)?.parent?;
    }
    Some(Process { id, session: stat.session, ancestors, is_dead: stat.is_dead })
}

/// Whether a process was started with this, `NAME=value`, in its environment.
pub(super) fn has_in_environment(id: Pid, variable: &str) -> bool {
    let environment = fs::read(format!("/proc/{}/environ", id.as_raw_nonzero())).unwrap_or_default();
    environment.split(|&byte| byte == 0).any(|entry| entry == variable.as_bytes())
}

/// Takes note that orphans have ended. The status of others is for whoever has started them.
pub(super) fn reap(others: &[Pid]) {
    for process in descendants() {
        if process.is_dead && process.ancestors.is_empty() && !others.contains(&process.id) {
            let _ = waitpid(Some(process.id), WaitOptions::NOHANG);
        }
    }
}

/// Whether this process ignores a signal.
pub(super) fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim);
    let mask = mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or_default();
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(id: i32) -> Pid {
        Pid::from_raw(id).unwrap()
    }

    #[test]
    fn a_process_may_have_any_name() {
        let stat = parse("77 (a) R 1 (b) Z 12 77 70 0 -1 4194560").unwrap();
        assert_eq!(stat, Stat { parent: Some(pid(12)), session: Some(pid(70)), is_dead: true });
        assert_eq!(parse("77 (a"), None);
    }

    #[test]
    fn descent_ends_at_this_process_and_circles_end_at_all() {
        let stat = |parent| Stat { parent: Pid::from_raw(parent), session: None, is_dead: false };
        let stats: FxHashMap<Pid, Stat> = [(10, 5), (11, 10), (12, 11), (20, 1), (1, 0), (30, 31), (31, 30)]
            .map(|(id, parent)| (pid(id), stat(parent)))
            .into_iter()
            .collect();
        let ancestors = |id| process(pid(id), &stats[&pid(id)], pid(5), &stats).map(|found| found.ancestors);
        assert_eq!(ancestors(10), Some(vec![]));
        assert_eq!(ancestors(12), Some(vec![pid(11), pid(10)]));
        assert_eq!((ancestors(20), ancestors(30)), (None, None));
    }
}
