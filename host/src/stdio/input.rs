//! Lines from a file descriptor, numbered, with a bound on their length.

use std::io;
use std::ops::Range;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;

/// A line this long or longer is dropped: larger than any message, and small enough to hold.
pub(super) const MAX_LINE: usize = 64 << 20;

/// Room for one read, and for the batch of lines that is answered with one write.
const CHUNK: usize = 64 << 10;

/// Bytes that have been read, and how far they have been looked at.
#[derive(Default)]
pub(super) struct Input {
    buffer: Vec<u8>,
    /// What has been read and not yet returned as a line.
    filled: Range<usize>,
    /// Up to here there is no line break in `filled`.
    searched: usize,
    /// In the middle of a line that is too long.
    skipping: bool,
    lines: u64,
    ended: bool,
}

/// A line of input.
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Without its line break; `None` when it was too long.
    pub text: Option<&'a [u8]>,
}

impl Input {
    /// Reads what is there, once, or waits for it. Call it when no complete line is left. False if there is nothing and
    /// the descriptor does not block, or after a signal.
    pub fn read(&mut self, fd: BorrowedFd<'_>) -> io::Result<bool> {
        self.make_room();
        match rustix::io::read(fd, &mut self.buffer[self.filled.end..]) {
            Ok(0) => self.ended = true,
            Ok(count) => self.filled.end += count,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    /// Whether all input has been read and returned.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next complete line. At the end of input the rest counts as a line.
    pub fn next_line(&mut self) -> Option<Line<'_>> {
        loop {
            let start = self.filled.start;
            let line_break = memchr::memchr(b'\n', &self.buffer[self.searched..self.filled.end]);
            let (end, next) = match line_break {
                Some(at) => (self.searched + at, self.searched + at + 1),
                None if self.ended && !self.filled.is_empty() => (self.filled.end, self.filled.end),
                None => {
                    self.searched = self.filled.end;
                    return self.give_up_long_line();
                }
            };
            self.filled.start = next;
            self.searched = next;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            self.lines += 1;
            let text = Some(&self.buffer[start..end]).filter(|text| text.len() < MAX_LINE);
            return Some(Line { number: self.lines, text });
        }
    }

    /// Drops what there is of a line that has become too long, and reports it once.
    fn give_up_long_line(&mut self) -> Option<Line<'_>> {
        if self.skipping {
            self.filled.start = self.filled.end;
            return None;
        }
        if self.filled.len() < MAX_LINE {
            return None;
        }
        self.filled.start = self.filled.end;
        self.skipping = true;
        self.lines += 1;
        Some(Line { number: self.lines, text: None })
    }

    /// Moves the unfinished line to the front and makes room for a read behind it.
    fn make_room(&mut self) {
        self.buffer.copy_within(self.filled.clone(), 0);
        self.searched -= self.filled.start;
        self.filled = 0..self.filled.len();
        if self.filled.is_empty() && self.buffer.len() > CHUNK {
            self.buffer = Vec::new();
        }
        if self.buffer.len() - self.filled.end < CHUNK / 2 {
            let size = (self.buffer.len() * 2).clamp(CHUNK, MAX_LINE + CHUNK);
            self.buffer.resize(size, 0);
        }
    }
}
