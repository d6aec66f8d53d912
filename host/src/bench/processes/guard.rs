//! What remains when the bench is killed with SIGKILL, which nobody can answer: a shell that reads from a pipe which
//! nodes live, and kills their process groups when the pipe ends. The kernel has killed the nodes themselves then; this
//! is for what they have started.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::Pid;

const SCRIPT: &str = r#"
trap '' HUP INT TERM
live=' '
while read -r change leader; do
    case $change in
        +) live="$live$leader " ;;
        -) live="${live%% $leader *} ${live#* $leader }" ;;
    esac
done
for leader in $live; do kill -9 "-$leader"; done
"#;

/// The shell; none where there is no shell to be had.
pub(super) struct Guard(Option<Child>);

impl Guard {
    pub fn start() -> Guard {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SCRIPT]).current_dir("/").stdin(Stdio::piped());
        shell.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Guard(shell.spawn().ok())
    }

    pub fn id(&self) -> Option<Pid> {
        self.0.as_ref().map(Pid::from_child)
    }

    pub fn watch(&mut self, leader: Pid) {
        self.tell('+', leader);
    }

    pub fn forget(&mut self, leader: Pid) {
        self.tell('-', leader);
    }

    fn tell(&mut self, change: char, leader: Pid) {
        if let Some(stdin) = self.0.as_mut().and_then(|shell| shell.stdin.as_mut()) {
            // If somebody has killed it there is no guard any more.
            let _ = writeln!(stdin, "{change} {}", leader.as_raw_nonzero());
        }
    }
}
