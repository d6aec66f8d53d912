//! The threads on a process's pipes, and what is kept of what they read. Each pipe has one; they end with it.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::bench::cluster::{Partial, Pipe, Written};
use crate::guest::{LastWords, Level, Origin};
use crate::node::log_prefix;
use crate::protocol;

/// Longest line that is read in one piece.
const MAX_LINE: usize = 64 << 20;

/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// Last lines kept of each process, to tell how it died (spec §3.4).
const TAIL: usize = 32;

/// Letters of a line that are kept there.
const MAX_EXCERPT: usize = 400;

/// Bytes of standard error kept of each process.
const MAX_LOG: usize = 64 << 20;

/// What is kept of what a process has written.
#[derive(Default)]
pub(super) struct Log(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Standard error, of this life and those before.
    stderr: String,
    /// Last lines of both streams.
    tail: VecDeque<String>,
    pipe: Pipe,
    /// How standard error ends, if that is not with a line break.
    partial_stderr: Option<Partial>,
    has_output_ended: bool,
}

impl Log {
    /// The log of a process that is started again: nothing but what it wrote to standard error is kept.
    pub fn of_next_life(&self) -> Log {
        Log(Mutex::new(Kept { stderr: std::mem::take(&mut self.kept().stderr), ..Kept::default() }))
    }

    /// A process that panicked in the middle of this left nothing half done.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Standard error.
    pub fn stderr(&self) -> String {
        self.kept().stderr.clone()
    }

    /// A line of standard output was no message.
    pub fn add_junk(&self, line: &[u8], reason: &str) {
        self.kept().pipe.junk.get_or_insert_with(|| (excerpt(line), reason.to_owned()));
    }

    pub fn has_output_ended(&self) -> bool {
        self.kept().has_output_ended
    }

    /// What a dead process had to say of its end.
    pub fn last_words(&self, node: &str) -> Option<String> {
        let ours = log_prefix(node, Level::Error, Origin::Host);
        let mut words = LastWords::default();
        for line in self.kept().tail.iter().filter_map(|line| line.strip_prefix("stderr: ")) {
            words.add(line.strip_prefix(&ours).unwrap_or(line));
        }
        words.tell().reason
    }

    pub fn written(&self) -> Written {
        let kept = self.kept();
        let streams = [("stdout", &kept.pipe.partial), ("stderr", &kept.partial_stderr)];
        let partial = streams.into_iter().filter_map(|(stream, partial)| {
            Some(format!("{stream}: {} (no line break yet)", partial.as_ref()?.begin))
        });
        Written { tail: kept.tail.iter().cloned().chain(partial).collect(), pipe: Some(kept.pipe.clone()) }
    }
}

impl Kept {
    fn add(&mut self, stream: &str, line: &[u8]) {
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(format!("{stream}: {}", excerpt(line)));
    }
}

fn excerpt(line: &[u8]) -> String {
    // A letter has up to four bytes.
    let line = String::from_utf8_lossy(&line[..line.len().min(4 * MAX_EXCERPT)]);
    protocol::excerpt(line.trim_end_matches('\r'), MAX_EXCERPT)
}

fn partial(rest: &[u8]) -> Option<Partial> {
    (!rest.is_empty()).then(|| Partial { bytes: rest.len(), begin: excerpt(rest) })
}

/// Writes lines to a process until it or the bench is through.
pub(super) fn feed(mut stdin: impl Write, lines: &Receiver<Vec<u8>>) {
    while let Ok(line) = lines.recv() {
        if stdin.write_all(&line).is_err() {
            return;
        }
    }
}

/// Reads lines from a process and passes them on, until nobody wants them.
pub(super) fn listen(stdout: impl Read, log: &Log, mut tell: impl FnMut(Vec<u8>) -> bool) {
    read_lines(stdout, |read| {
        match read {
            Piece::Bytes(count) => log.kept().pipe.bytes += count as u64,
            Piece::Rest(rest) => log.kept().pipe.partial = partial(rest),
            Piece::Line(line) => {
                let mut kept = log.kept();
                kept.pipe.partial = None;
                kept.add("stdout", &line);
                drop(kept);
                return tell(line);
            }
        }
        true
    });
    log.kept().has_output_ended = true;
}

/// Keeps what a process writes to standard error, and passes it on to ours under a name, if there is one.
pub(super) fn keep_log(stderr: impl Read, log: &Log, echo_as: Option<&String>) {
    read_lines(stderr, |read| {
        match read {
            Piece::Bytes(_) => {}
            Piece::Rest(rest) => log.kept().partial_stderr = partial(rest),
            Piece::Line(line) => {
                let mut kept = log.kept();
                kept.partial_stderr = None;
                kept.add("stderr", &line);
                let line = String::from_utf8_lossy(&line);
                if kept.stderr.len() < MAX_LOG {
                    kept.stderr.push_str(&line);
                    kept.stderr.push('\n');
                }
                drop(kept);
                if let Some(name) = echo_as {
                    // Whoever closed our standard error does not want to know.
                    let _ = writeln!(io::stderr(), "{name}: {line}");
                }
            }
        }
        true
    });
}

/// What a look at a stream brings.
enum Piece<'a> {
    /// So many bytes have come.
    Bytes(usize),
    /// A line, without its line break. What is too long comes in pieces.
    Line(Vec<u8>),
    /// What stands behind the last line break.
    Rest(&'a [u8]),
}

/// Reads a stream to its end, or until nobody wants more of it.
fn read_lines(mut stream: impl Read, mut take: impl FnMut(Piece<'_>) -> bool) {
    let mut chunk = vec![0; CHUNK];
    let mut rest = Vec::new();
    loop {
        let count = match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        take(Piece::Bytes(count));
        let mut read = &chunk[..count];
        while let Some(at) = memchr::memchr(b'\n', read) {
            rest.extend_from_slice(&read[..at]);
            read = &read[at + 1..];
            if !take(Piece::Line(std::mem::take(&mut rest))) {
                return;
            }
        }
        rest.extend_from_slice(read);
        if rest.len() >= MAX_LINE && !take(Piece::Line(std::mem::take(&mut rest))) {
            return;
        }
        take(Piece::Rest(&rest));
    }
    // As for Maelstrom, the end of the stream ends the last line, too.
    if !rest.is_empty() {
        take(Piece::Line(std::mem::take(&mut rest)));
        take(Piece::Rest(&[]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that comes in these pieces.
    struct Pieces(VecDeque<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(piece) = self.0.pop_front() else { return Ok(0) };
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut() {
        let log = Log::default();
        let mut lines = Vec::new();
        listen(Pieces([b"on".as_slice(), b"e\n\ntw", b"o", b"\nthr", b"ee"].into()), &log, |line| {
            lines.push(String::from_utf8(line).unwrap());
            true
        });
        assert_eq!(lines, ["one", "", "two", "three"]);
        let written = log.written();
        assert_eq!(written.tail, ["stdout: one", "stdout: ", "stdout: two", "stdout: three"]);
        assert_eq!(written.pipe, Some(Pipe { bytes: 14, ..Pipe::default() }));
    }

    /// A stream that asks, each time it is read, what is known so far.
    struct Asking<'l>(Pieces, &'l Log, Vec<Option<Partial>>);

    impl Read for &mut Asking<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.2.push(self.1.written().pipe.unwrap_or_default().partial);
            self.0.read(buffer)
        }
    }

    #[test]
    fn a_line_that_is_not_ended_is_known_while_it_grows() {
        let log = Log::default();
        let mut stream = Asking(Pieces([&b"first\n{\"a"[..], b"\":", b"1}\n"].into()), &log, Vec::new());
        listen(&mut stream, &log, |_| true);
        let partial = |begin: &str| Some(Partial { bytes: begin.len(), begin: begin.to_owned() });
        assert_eq!(stream.2, [None, partial(r#"{"a"#), partial(r#"{"a":"#), None]);
    }

    #[test]
    fn the_end_of_a_line_that_is_not_ended_is_marked() {
        let log = Log::default();
        log.kept().pipe.partial = partial(b"{\"src\":");
        log.kept().partial_stderr = partial(b"Traceback");
        let tail = [r#"stdout: {"src": (no line break yet)"#, "stderr: Traceback (no line break yet)"];
        assert_eq!(log.written().tail, tail);
    }
}
