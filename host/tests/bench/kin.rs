//! What nodes start does not outlive them, nor the bench.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

use super::native::INIT_OK;

/// A bench whose one node has started others: one in its own session, one in another, one that also forgot whose it is.
struct Family {
    bench: Child,
    folder: TempDir,
    members: Vec<Pid>,
}

/// Each writes its number into a file of its own.
const MEMBERS: [&str; 3] = ["child", "stranger", "orphan"];

fn family(more: &[&str]) -> Family {
    let folder = tempfile::tempdir().unwrap();
    let node = format!(
        r#"cd {}; echo $$ >> nodes
        sh -c 'echo $$ >> child; exec sleep 1000' &
        setsid sh -c 'echo $$ >> stranger; exec sleep 1000' &
        (env -i PATH="$PATH" setsid sh -c 'echo $$ >> orphan; exec sleep 1000' &)
        {INIT_OK} while read line; do :; done"#,
        folder.path().display()
    );
    let bench = Command::new(env!("CARGO_BIN_EXE_host"))
        .args(["test", "-w", "echo", "--nodes", "n1", "--bin", "/bin/sh", "--no-report", "--store"])
        .arg(folder.path())
        .args(more)
        .args(["--", "-c", &node])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut members: Vec<Pid> = MEMBERS.iter().map(|name| first(&folder.path().join(name))).collect();
    members.push(first(&folder.path().join("nodes")));
    Family { bench, folder, members }
}

/// The first number in a file, as soon as it is there.
fn first(file: &Path) -> Pid {
    wait_for(|| {
        let text = std::fs::read_to_string(file).ok()?;
        Pid::from_raw(text.split_once('\n')?.0.parse().ok()?)
    })
}

/// Asks until there is an answer; a test that never gets one hangs, and is ended by its runner.
fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    loop {
        match ask() {
            Some(answer) => return answer,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn is_alive(process: Pid) -> bool {
    // Who has ended and is not yet taken note of is dead enough.
    let stat =
        std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    test_kill_process(process).is_ok() && !stat.contains(") Z ")
}

impl Family {
    fn end_with(mut self, signal: Signal) -> (ExitStatus, String) {
        kill_process(Pid::from_child(&self.bench), signal).unwrap();
        let status = self.bench.wait().unwrap();
        let mut stderr = String::new();
        std::io::Read::read_to_string(&mut self.bench.stderr.take().unwrap(), &mut stderr).unwrap();
        (status, stderr)
    }
}

const LONG: &[&str] = &["--time-limit", "1000", "--rate", "1"];

#[test]
fn a_bench_that_is_ended_by_a_signal_takes_everyone_with_it_and_says_so() {
    for (signal, name, status) in
        [(Signal::INT, "SIGINT", 130), (Signal::TERM, "SIGTERM", 143), (Signal::HUP, "SIGHUP", 129)]
    {
        let family = family(LONG);
        let members = family.members.clone();
        let (ended, stderr) = family.end_with(signal);
        assert_eq!(ended.code(), Some(status));
        let line = format!("host: ended by {name} before there was a verdict; all nodes have been killed\n");
        assert_eq!(stderr, line);
        wait_for(|| (!members.iter().any(|member| is_alive(*member))).then_some(()));
    }
}

#[test]
fn a_bench_that_ends_leaves_nobody_behind() {
    let mut family = family(&["--time-limit", "1"]);
    family.bench.wait().unwrap();
    wait_for(|| (!family.members.iter().any(|member| is_alive(*member))).then_some(()));
}

#[test]
fn a_node_that_is_killed_takes_with_it_what_it_has_started() {
    let family = family(&["--time-limit", "1000", "--nemesis", "kill", "--nemesis-interval", "0.1"]);
    let [child, stranger, _, node] = family.members[..] else { panic!("four of them") };
    wait_for(|| (!is_alive(node)).then_some(()));
    wait_for(|| (!is_alive(child) && !is_alive(stranger)).then_some(()));
    let nodes = family.folder.path().join("nodes");
    wait_for(|| (std::fs::read_to_string(&nodes).ok()?.lines().count() > 1).then_some(()));
    family.end_with(Signal::TERM);
}

#[test]
fn a_bench_that_is_killed_outright_takes_the_groups_of_its_nodes_with_it() {
    let family = family(LONG);
    let [child, stranger, orphan, node] = family.members[..] else { panic!("four of them") };
    family.end_with(Signal::KILL);
    wait_for(|| (!is_alive(node) && !is_alive(child)).then_some(()));
    // Nobody is left who could know these.
    for stray in [stranger, orphan] {
        let _ = kill_process(stray, Signal::KILL);
    }
}
