//! A host process to talk to, line by line.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Long enough for a loaded machine to compile a plugin; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running host.
pub struct Conversation {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    logged: Arc<Mutex<Vec<u8>>>,
    stderr: Option<JoinHandle<()>>,
}

/// What was left when a host had ended.
pub struct Ending {
    /// How it ended.
    pub status: ExitStatus,
    /// Lines it wrote that nobody had read.
    pub stdout: Vec<String>,
    /// All it wrote to standard error.
    pub stderr: String,
}

/// The host binary, with its working directory far away from the project, as Maelstrom has it.
pub fn host() -> Command {
    let mut host = Command::new(env!("CARGO_BIN_EXE_host"));
    host.current_dir(std::env::temp_dir());
    host
}

/// A component built from a crate of the workspace, `plugins/<name>` or `host/tests/plugins/<name>`.
pub fn plugin(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let place = BUILT.get_or_init(|| {
        let host = Path::new(env!("CARGO_MANIFEST_DIR"));
        host::build::workspace(host).expect("the plugins compile");
        let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugins");
        for name in ["puppet", "saboteur"] {
            host::build::one(&host.join("tests/plugins").join(name), Some(&place)).expect("it compiles");
        }
        place
    });
    let of_tests = place.join(format!("{name}.wasm"));
    let of_users = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../plugins/{name}.wasm"));
    if of_tests.exists() { of_tests } else { of_users }
}

impl Conversation {
    /// Starts a node with a plugin and more arguments.
    pub fn with(name: &str, arguments: &[&str]) -> Conversation {
        Conversation::start(host().arg("--plugin").arg(plugin(name)).args(arguments))
    }

    /// Starts a node with a plugin and sends it `init` as node n1 of n1, n2, n3.
    pub fn initialised(name: &str, arguments: &[&str]) -> Conversation {
        let mut node = Conversation::with(name, arguments);
        node.say(r#"{"id":0,"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1","n2","n3"],"msg_id":1}}"#);
        node.expect(r#"{"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}"#);
        node
    }

    /// Starts a command.
    pub fn start(command: &mut Command) -> Conversation {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the host starts");
        let (lines, stdout) = channel();
        let reader = BufReader::new(child.stdout.take().expect("stdout is piped"));
        thread::spawn(move || reader.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
        let mut stderr = child.stderr.take().expect("stderr is piped");
        let logged = Arc::new(Mutex::new(Vec::new()));
        let log = logged.clone();
        let stderr = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut chunk) {
                log.lock().expect("nobody panics with the log").extend_from_slice(&chunk[..count]);
            }
        });
        Conversation { stdin: child.stdin.take(), child, stdout, logged, stderr: Some(stderr) }
    }

    /// What the host has written to standard error so far.
    pub fn logged(&self) -> String {
        String::from_utf8_lossy(&self.logged.lock().expect("nobody panics with the log")).into_owned()
    }

    /// Sends one line.
    pub fn say(&mut self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }

    /// Sends bytes as they are. A host that has died is noticed elsewhere.
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("the input is open");
        let _ = stdin.write_all(bytes);
    }

    /// Sends a request of client c1 to n1; `body` has no `msg_id`.
    pub fn request(&mut self, msg_id: u64, body: &str) {
        let fields = body.strip_prefix('{').expect("an object");
        self.say(&format!(r#"{{"src":"c1","dest":"n1","body":{{"msg_id":{msg_id},{fields}}}"#));
    }

    /// Sends the puppet what to do, as a message without `msg_id`.
    pub fn script(&mut self, deeds: &str) {
        self.say(&format!(r#"{{"src":"c1","dest":"n1","body":{{"script":[{deeds}]}}}}"#));
    }

    /// The next line of output.
    pub fn hear(&mut self) -> String {
        match self.stdout.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(reason) => {
                let _ = self.child.kill();
                panic!("no output ({reason}); standard error:\n{}", self.logged());
            }
        }
    }

    /// The next line of output must be this.
    #[track_caller]
    pub fn expect(&mut self, line: &str) {
        assert_eq!(self.hear(), line);
    }

    /// The next line of output must be this body for c1, from n1.
    #[track_caller]
    pub fn expect_reply(&mut self, body: &str) {
        self.expect(&format!(r#"{{"src":"n1","dest":"c1","body":{body}}}"#));
    }

    /// The next line of output must be this event, as the puppet tells it.
    #[track_caller]
    pub fn expect_told(&mut self, event: &str) {
        self.expect(&format!(r#"{{"src":"n1","dest":"observer","body":{event}}}"#));
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("a process id"), signal).expect("the host still runs");
    }

    /// Ends the input and waits for the host to end.
    pub fn finish(mut self) -> Ending {
        drop(self.stdin.take());
        self.wait()
    }

    /// Waits for the host to end by itself.
    pub fn wait(mut self) -> Ending {
        let stdout = self.stdout.iter().collect();
        let status = self.child.wait().expect("the host can be waited for");
        self.stderr.take().expect("stderr is read once").join().expect("the reader ends");
        Ending { status, stdout, stderr: self.logged() }
    }
}

impl Drop for Conversation {
    /// A failed test leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
