//! What a program wrote right before it died, and what of it is the reason. Every language says it in a form of its own;
//! here, and nowhere else, these forms are known. Whatever has none of them is taken at its last line.

use std::collections::VecDeque;

use super::{backtrace, machinery};
use crate::protocol::excerpt;

/// Lines kept of what is written in one event. Go's dump of a goroutine is the longest of them.
const MAX_LINES: usize = 512;

/// Bytes kept of a line.
const MAX_LINE: usize = 2 << 10;

/// Letters of a reason that are shown.
const MAX_REASON: usize = 300;

/// What a program wrote, oldest first.
#[derive(Debug, Default)]
pub struct LastWords {
    /// Each log record with its lines; a line on standard error is a record too.
    records: VecDeque<Vec<String>>,
    lines: usize,
    /// The last line of what is no complaint. Whoever then ends the program may have meant it as one.
    remark: String,
}

/// What of it is the reason.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// In one line, with file and line if they were told.
    pub reason: Option<String>,
    /// The author's own functions, innermost first, if they were told.
    pub frames: Vec<String>,
}

impl LastWords {
    /// Adds a log record, or a line on standard error.
    pub fn add(&mut self, record: &str) {
        let cut = |line: &str| line[..line.floor_char_boundary(MAX_LINE)].to_owned();
        let record: Vec<String> = record.lines().take(MAX_LINES).map(cut).collect();
        self.lines += record.len();
        self.records.push_back(record);
        while self.lines > MAX_LINES
            && let Some(oldest) = self.records.pop_front()
        {
            self.lines -= oldest.len();
        }
    }

    /// Adds something that was written and is no complaint by itself.
    pub(super) fn remark(&mut self, text: &str) {
        let line = text.lines().next_back().unwrap_or_default();
        self.remark.clear();
        self.remark.push_str(&line[..line.floor_char_boundary(MAX_LINE)]);
    }

    /// The last thing that was said, as a complaint or not.
    pub(super) fn last_remark(&self) -> Option<String> {
        Some(tidy(&self.remark)).filter(|remark| !remark.is_empty())
    }

    /// Forgets what was written: another event begins.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.lines = 0;
        self.remark.clear();
    }

    /// The reason for the end that came next.
    pub fn tell(&self) -> Told {
        let count = self.records.iter().position(|record| is_of_engine(record)).filter(|&count| count > 0);
        let count = count.unwrap_or(self.records.len());
        let records = self.records.range(..count);
        let lines: Vec<&str> = records.clone().flatten().map(String::as_str).collect();
        let told = go(&lines).or_else(|| python(&lines)).or_else(|| rust(&lines));
        let mut told = told.or_else(|| stack(&self.records, count)).unwrap_or_else(|| last(records));
        told.reason = told.reason.map(|reason| tidy(&reason)).filter(|reason| !reason.is_empty());
        told.frames = backtrace::counted(told.frames.iter().map(|frame| tidy(frame)));
        told
    }
}

/// What the engine says when an exception of JavaScript has gone through it. It is the last thing it says.
fn is_of_engine(record: &[String]) -> bool {
    record.iter().any(|line| machinery::is_line_of_quickjs(line))
}

/// A reason with lines `at FUNCTION (FILE:LINE)` below it, as engines of JavaScript, our SDKs and our own nodes write it:
/// in one record, or line by line. Only the first so many records count.
fn stack(records: &VecDeque<Vec<String>>, count: usize) -> Option<Told> {
    let has_frames = |record: &Vec<String>| record.iter().any(|line| is_frame(line));
    let last = records.range(..count).rposition(has_frames)?;
    let is_only_frames = |record: &Vec<String>| record.iter().all(|line| is_frame(line));
    let first = records.range(..=last).rposition(|record| !is_only_frames(record))?;
    let reason = records[first].iter().take_while(|line| !is_frame(line));
    let frames = records.range(first..=last).flatten().filter(|line| is_frame(line));
    Some(Told {
        reason: Some(reason.map(String::as_str).collect::<Vec<_>>().join(" ")),
        frames: frames.map(|line| line.trim().trim_start_matches("at ").to_owned()).collect(),
    })
}

/// The last record that says something.
fn last<'r>(records: impl DoubleEndedIterator<Item = &'r Vec<String>>) -> Told {
    let says = |record: &&Vec<String>| record.iter().any(|line| !line.trim().is_empty());
    let reason = records.rev().find(says).map(|record| record.join(" "));
    Told { reason, frames: Vec::new() }
}

fn is_frame(line: &str) -> bool {
    line.starts_with([' ', '\t']) && line.trim_start().starts_with("at ")
}

/// Go's runtime: `panic: TEXT` or `fatal error: TEXT`, then the goroutine, a function and its place on two lines each.
fn go(lines: &[&str]) -> Option<Told> {
    let goroutine = lines.iter().position(|line| line.starts_with("goroutine ") && line.ends_with(':'))?;
    let is_reason = |line: &&&str| line.starts_with("panic: ") || line.starts_with("fatal error: ");
    let reason = lines[..goroutine].iter().find(is_reason)?;
    let mut frames = Vec::new();
    for pair in lines[goroutine + 1..].windows(2) {
        let [function, place] = pair else { continue };
        if function.is_empty() || function.starts_with("goroutine ") {
            break;
        }
        let Some(place) = place.strip_prefix('\t') else { continue };
        // Who started the goroutine is no function that it is in.
        if function.starts_with("created by ") || machinery::is_of_go(function) {
            continue;
        }
        let name = function.rsplit_once('(').map_or(*function, |(name, _arguments)| name);
        let place = place.split_once(" +0x").map_or(place, |(place, _offset)| place);
        frames.push(format!("{} ({})", short_go_name(name), short_path(place)));
    }
    Some(Told { reason: Some((*reason).to_owned()), frames })
}

/// `example.org/a/b.(*T).f` without the path of its package.
fn short_go_name(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_path, name)| name)
}

/// Python: a traceback, whose last line is the reason and whose frames are outermost first.
fn python(lines: &[&str]) -> Option<Told> {
    let begin =
        lines.iter().rposition(|line| line.trim_start().starts_with("Traceback (most recent call last)"))?;
    let mut frames = Vec::new();
    let mut reason = None;
    for line in &lines[begin + 1..] {
        if let Some(frame) = line.trim_start().strip_prefix("File \"") {
            frames.extend(python_frame(frame));
        } else if !line.is_empty() && !line.starts_with([' ', '\t']) {
            reason = Some((*line).to_owned());
            break;
        }
    }
    frames.reverse();
    Some(Told { reason: Some(reason?), frames })
}

/// `plugin.py", line 3, in echo`; none of the SDK's and the library's own.
fn python_frame(frame: &str) -> Option<String> {
    let (file, rest) = frame.split_once("\", line ")?;
    let (line, function) = rest.split_once(", in ").unwrap_or((rest, "<module>"));
    (!machinery::is_file_of_python(file))
        .then(|| format!("{function} ({}:{line})", file.rsplit("/0/").next().unwrap_or(file)))
}

/// Rust's own hook, for programs that use no SDK: the place on one line, the text on the next ones, perhaps a note.
fn rust(lines: &[&str]) -> Option<Told> {
    let is_begin = |line: &&str| line.starts_with("thread '") && line.contains(" panicked at ");
    let begin = lines.iter().rposition(is_begin)?;
    let place = lines[begin].split_once(" panicked at ")?.1;
    let is_end = |line: &&&str| {
        line.starts_with("note: ") || line.starts_with("stack backtrace:") || line.starts_with("Rust panic")
    };
    let text: Vec<&str> = lines[begin + 1..].iter().take_while(|line| !is_end(line)).copied().collect();
    Some(Told { reason: Some(format!("panicked at {place} {}", text.join(" "))), frames: Vec::new() })
}

/// One line that a terminal shows as it is, not too long, without the hashes and homes that paths may have.
fn tidy(text: &str) -> String {
    let words = text.split_whitespace().map(short_path).collect::<Vec<_>>().join(" ");
    excerpt(&words, MAX_REASON)
}

/// A path without where a registry or a toolchain keeps it: `/rustc/<hash>/library/std/…`, `…/registry/src/<index>/…`.
fn short_path(path: &str) -> &str {
    for home in ["/rustc/", "/registry/src/"] {
        if let Some((before, rest)) = path.split_once(home)
            && !before.contains(' ')
            && let Some((_, rest)) = rest.split_once('/')
        {
            return rest;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(records: &[&str]) -> Told {
        let mut words = LastWords::default();
        records.iter().for_each(|record| words.add(record));
        words.tell()
    }

    fn reason(records: &[&str]) -> String {
        told(records).reason.unwrap_or_default()
    }

    #[test]
    fn the_last_record_counts_with_all_its_lines() {
        assert_eq!(
            reason(&[
                "earlier",
                "panicked at src/lib.rs:4:9: assertion `left == right` failed\n  left: 1\n right: 2"
            ]),
            "panicked at src/lib.rs:4:9: assertion `left == right` failed left: 1 right: 2"
        );
        assert_eq!(
            reason(&["Assertion failed: n < 3 (plugin.c: on_echo: 17)", ""]),
            "Assertion failed: n < 3 (plugin.c: on_echo: 17)"
        );
        assert_eq!(told(&[]), Told::default());
        assert_eq!(told(&["", " "]), Told::default());
    }

    #[test]
    fn rust_s_own_hook_needs_several_lines() {
        let lines = [
            "",
            "thread 'main' (1) panicked at src/lib.rs:7:5:",
            "no café",
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
        ];
        assert_eq!(reason(&lines), "panicked at src/lib.rs:7:5: no café");
    }

    #[test]
    fn go_tells_its_goroutine() {
        let lines = "panic: no such key: 7\n\ngoroutine 35 [running]:\nmain.lookup(...)\n\tparrot/plugin.go:12\n\
            main.main.func1({0x1, 0x2})\n\tparrot/plugin.go:21 +0x5\nglomers.(*Node).handle(0x1)\n\tglomers/node.go:1 +0x3\n\
            runtime.goexit({})\n\truntime/asm_wasm.s:434 +0x7\ncreated by glomers.spawn in goroutine 1\n\tglomers/spawn.go:21 +0x8";
        let told = told(&lines.lines().collect::<Vec<_>>());
        assert_eq!(told.reason.unwrap(), "panic: no such key: 7");
        assert_eq!(
            told.frames,
            ["main.lookup (parrot/plugin.go:12)", "main.main.func1 (parrot/plugin.go:21)"]
        );
    }

    #[test]
    fn a_panic_that_only_looks_like_go_is_taken_as_it_is() {
        assert_eq!(
            reason(&["panic: index out of bounds: index 7, len 0"]),
            "panic: index out of bounds: index 7, len 0"
        );
    }

    #[test]
    fn a_traceback_is_told_from_its_end() {
        let record = "a handler failed\nTraceback (most recent call last):\n  File \"/0/glomers/node.py\", line 9, in handle\n    await x\n\
            \x20 File \"/0/plugin.py\", line 12, in echo\n    return look(up)\n           ~~~~\n  File \"/0/deep/table.py\", line 3, in look\n    nxt\n\
            NameError: name 'nxt' is not defined";
        let told = told(&[record]);
        assert_eq!(told.reason.unwrap(), "NameError: name 'nxt' is not defined");
        assert_eq!(told.frames, ["look (deep/table.py:3)", "echo (plugin.py:12)"]);
    }

    #[test]
    fn a_stack_is_told_from_its_beginning() {
        let told = told(&[
            "log",
            "ReferenceError: nxt is not defined\n    at look (plugin.js:3:9)\n    at plugin.js:12\n",
        ]);
        assert_eq!(told.reason.unwrap(), "ReferenceError: nxt is not defined");
        assert_eq!(told.frames, ["look (plugin.js:3:9)", "plugin.js:12"]);
        let lines = ["TypeError: no", "    at look (a.js:3:9)", "    at a.js:12", "", "Node.js v26.0.0"];
        let by_line = self::told(&lines);
        assert_eq!(by_line.reason.unwrap(), "TypeError: no");
        assert_eq!(by_line.frames, ["look (a.js:3:9)", "a.js:12"]);
    }

    #[test]
    fn what_an_engine_says_after_its_program_is_left_out() {
        let engine = [
            "thread '<unnamed>' (1) panicked at crates/runtime/src/interpreter.rs:51:31:",
            "Failed to call 'onMessage'",
            "note: run",
        ];
        for (own, expected) in [
            ("uncaught no such table", "uncaught no such table"),
            ("uncaught E: x\n    at f (a.js:1)", "uncaught E: x"),
        ] {
            assert_eq!(reason(&[&[own][..], &engine[..]].concat()), expected);
        }
    }

    #[test]
    fn what_is_shown_harms_no_terminal_and_has_no_hashes() {
        assert_eq!(reason(&["red \u{1b}[31m \u{202e}x"]), r"red \u{1b}[31m \u{202e}x");
        assert_eq!(
            reason(&["panicked at /rustc/0123456789abcdef/library/std/src/thread/mod.rs:1:2: no threads"]),
            "panicked at library/std/src/thread/mod.rs:1:2: no threads"
        );
        assert_eq!(reason(&["x".repeat(1 << 20).as_str()]).chars().count(), MAX_REASON + 1);
    }

    #[test]
    fn of_much_the_end_is_kept() {
        let mut words = LastWords::default();
        (0..100_000).for_each(|number| words.add(&format!("line {number}")));
        assert!(words.lines <= MAX_LINES && words.records.len() <= MAX_LINES);
        assert_eq!(words.tell().reason.unwrap(), "line 99999");
    }
}
