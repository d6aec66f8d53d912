//! Load on one node: a process, its pipes, and requests through them.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::process;

const INIT: &str =
    r#"{"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1"],"msg_id":1}}"#;

/// Requests without an answer at any time, where many are.
const OUTSTANDING: usize = 1_000;

/// Most bytes of requests kept to be sent again and again.
const MAX_REQUEST_BYTES: usize = 1 << 20;

/// Messages of one size, and how many of them.
pub struct Size {
    pub body_bytes: usize,
    pub round_trips: usize,
    pub pipelined: usize,
}

impl Size {
    /// A request line. All numbers of four digits give lines of the same length.
    fn request(&self, msg_id: usize) -> String {
        format!("{{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{}}}\n", self.body(msg_id))
    }

    fn body(&self, msg_id: usize) -> String {
        let frame = r#"{"type":"echo","echo":"","msg_id":1000}"#.len();
        let payload: String = "Please echo 35. ".chars().cycle().take(self.body_bytes - frame).collect();
        format!(r#"{{"type":"echo","echo":"{payload}","msg_id":{msg_id}}}"#)
    }
}

/// A node that has been initialised.
pub struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    /// Starts a node and waits for its `init_ok`.
    pub fn start(command: &[String], cache: &Path) -> Running {
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .env("GLOMERS_CACHE", cache)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", command[0]));
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let mut stdout = BufReader::with_capacity(1 << 16, child.stdout.take().expect("stdout is piped"));
        stdin.write_all(format!("{INIT}\n").as_bytes()).expect("the node reads");
        let mut reply = String::new();
        stdout.read_line(&mut reply).expect("the node answers");
        assert!(reply.contains("init_ok"), "{} answered {reply}", command[0]);
        Running { child, stdin, stdout }
    }

    /// How long each request takes when it is the only one.
    pub fn round_trips(&mut self, size: &Size) -> Vec<Duration> {
        let request = size.request(1000);
        let payload =
            serde_json::from_str::<serde_json::Value>(&request).expect("JSON")["body"]["echo"].take();
        let mut reply = String::new();
        let mut trips = Vec::with_capacity(size.round_trips);
        for _ in 0..size.round_trips {
            let sent = Instant::now();
            self.stdin.write_all(request.as_bytes()).expect("the node reads");
            reply.clear();
            self.stdout.read_line(&mut reply).expect("the node answers");
            trips.push(sent.elapsed());
        }
        let body =
            serde_json::from_str::<serde_json::Value>(&reply).expect("an answer is JSON")["body"].take();
        assert_eq!((&body["type"], &body["in_reply_to"]), (&"echo_ok".into(), &1000.into()), "{reply}");
        assert_eq!(body["echo"], payload);
        trips
    }

    /// Keeps [`OUTSTANDING`] requests under way until all are answered. One thread that blocks only when it can neither
    /// write nor read: it must not be what is measured.
    pub fn pipeline(&mut self, size: &Size) -> Duration {
        let line = size.request(1000).len();
        let lines = OUTSTANDING.min(MAX_REQUEST_BYTES / line);
        let requests: String = (0..lines).map(|number| size.request(1000 + number)).collect();
        let mut chunk = vec![0; 1 << 16];
        let (mut written, mut answered) = (0, 0);
        rustix::io::ioctl_fionbio(&self.stdin, true).expect("a pipe need not block");
        rustix::io::ioctl_fionbio(self.stdout.get_ref(), true).expect("a pipe need not block");
        let started = Instant::now();
        while answered < size.pipelined {
            let may_write = (answered + OUTSTANDING).min(size.pipelined) * line - written;
            let at = written % requests.len();
            let wrote = write(&self.stdin, &requests.as_bytes()[at..(at + may_write).min(requests.len())]);
            let read = read(self.stdout.get_ref(), &mut chunk);
            written += wrote;
            answered += memchr::memchr_iter(b'\n', &chunk[..read]).count();
            if wrote == 0 && read == 0 {
                self.wait(may_write > 0);
            }
        }
        let elapsed = started.elapsed();
        rustix::io::ioctl_fionbio(&self.stdin, false).expect("a pipe can block");
        rustix::io::ioctl_fionbio(self.stdout.get_ref(), false).expect("a pipe can block");
        elapsed
    }

    fn wait(&self, may_write: bool) {
        let writable = if may_write { PollFlags::OUT } else { PollFlags::empty() };
        let mut fds = [
            PollFd::from_borrowed_fd(self.stdout.get_ref().as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.stdin.as_fd(), writable),
        ];
        poll(&mut fds, None).expect("pipes can be waited for");
    }

    /// CPU time of all threads so far, where the system tells.
    pub fn cpu_time(&self) -> Option<Duration> {
        let mut total = Duration::ZERO;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()? {
            let stat = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            total += Duration::from_nanos(stat.split_whitespace().next()?.parse().ok()?);
        }
        Some(total)
    }

    /// The most memory it has had resident, in bytes, where the system tells.
    pub fn peak_memory(&self) -> Option<u64> {
        process::peak_memory(self.child.id())
    }

    pub fn stop(self) {
        let Running { mut child, stdin, stdout } = self;
        drop((stdin, stdout));
        child.wait().expect("the node ends");
    }
}

fn write(fd: impl AsFd, bytes: &[u8]) -> usize {
    if bytes.is_empty() { 0 } else { transferred(rustix::io::write(fd, bytes)) }
}

fn read(mut from: impl AsFd, chunk: &mut [u8]) -> usize {
    match rustix::io::read(&mut from, chunk) {
        Ok(0) => panic!("the node ended early"),
        read => transferred(read),
    }
}

fn transferred(result: Result<usize, Errno>) -> usize {
    match result {
        Ok(count) => count,
        Err(Errno::AGAIN | Errno::INTR) => 0,
        Err(error) => panic!("the node is gone: {}", io::Error::from(error)),
    }
}
