//! The program that nodes run, and whether the system can run it. What keeps every node from starting is found here,
//! once and before the first: the system's own words for it name neither the culprit nor the remedy.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::format;

/// How far into a file is looked for what it is.
const HEAD: u64 = 4096;

/// An interpreter may be a script itself, so deep (`execve(2)`).
const MAX_DEPTH: usize = 4;

/// How nodes are started.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable.
    pub file: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Whether what nodes write to standard error goes to ours, too.
    pub echo_stderr: bool,
}

/// Why the system cannot run a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannotRun {
    file: PathBuf,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Missing,
    Directory,
    /// A socket, a pipe, a device.
    NoFile,
    Empty,
    NoRunBit,
    /// It has one, but not for this user or not on this file system.
    Forbidden,
    ByteOrderMark,
    /// This word of the first line ends with a carriage return.
    CarriageReturn(String),
    /// What the first line names cannot be run itself.
    Interpreter(Box<CannotRun>),
    /// What the first line asks `env` for is not in `PATH`.
    NotInPath(String),
    /// `env` is handed these words as one.
    OneWord(String),
    /// The loader that a native program asks for is not there.
    NoLoader(PathBuf),
    /// What the file is instead of a program for this system.
    Foreign(format::Foreign),
}

impl Program {
    /// Whether the system can run it, as far as the file tells.
    pub fn check(&self) -> Result<(), CannotRun> {
        check(&self.file, 0)
    }

    /// What is to be known about a program that runs, and does not do what it should.
    pub(super) fn note(&self) -> Option<String> {
        let head = head(&self.file)?;
        let file = self.file.display();
        match first_line(&head) {
            Some(line) if line.ends_with(b"\r") => {
                Some(format!("the first line of {file} ends with a carriage return, as on Windows"))
            }
            Some(_) => None,
            None if format::is_native(&head) => None,
            None => Some(format!("{file} does not begin with #!, so the system had /bin/sh run it")),
        }
    }

    /// Why it has not started.
    pub(super) fn cannot_start(&self, error: &io::Error) -> String {
        match self.check() {
            Err(reason) => reason.to_string(),
            Ok(()) => format!("cannot run {}: {error}", self.file.display()),
        }
    }
}

fn check(file: &Path, depth: usize) -> Result<(), CannotRun> {
    let cannot = |why| Err(CannotRun { file: file.to_owned(), why });
    let Ok(metadata) = fs::metadata(file) else { return cannot(Why::Missing) };
    if metadata.is_dir() {
        return cannot(Why::Directory);
    }
    if !metadata.is_file() {
        return cannot(Why::NoFile);
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return cannot(Why::NoRunBit);
    }
    if access(file, Access::EXEC_OK).is_err() {
        return cannot(Why::Forbidden);
    }
    // A native program need not be readable.
    let Some(head) = head(file) else { return Ok(()) };
    if head.is_empty() {
        return cannot(Why::Empty);
    }
    if head.starts_with(b"\xef\xbb\xbf#!") {
        return cannot(Why::ByteOrderMark);
    }
    match first_line(&head) {
        Some(line) => match check_interpreter(line, depth) {
            Err(why) => cannot(why),
            Ok(()) => Ok(()),
        },
        None => match format::check(&head, file) {
            Err(format::Refused::Foreign(foreign)) => cannot(Why::Foreign(foreign)),
            Err(format::Refused::NoLoader(loader)) => cannot(Why::NoLoader(loader)),
            Ok(()) => Ok(()),
        },
    }
}

fn head(file: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    File::open(file).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    Some(head)
}

/// What stands behind `#!`.
fn first_line(head: &[u8]) -> Option<&[u8]> {
    head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()
}

/// Looks at the interpreter of a first line, and at the program that it asks `env` for.
fn check_interpreter(line: &[u8], depth: usize) -> Result<(), Why> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let begin = line.iter().position(|byte| !is_blank(byte)).unwrap_or(line.len());
    let line = &line[begin..];
    let end = line.iter().position(is_blank).unwrap_or(line.len());
    let (name, argument) = (&line[..end], line[end..].trim_ascii_start());
    if name.is_empty() {
        return Ok(()); // The system has /bin/sh run it.
    }
    if depth >= MAX_DEPTH {
        return Ok(()); // The system's own words have to do.
    }
    // Relative to where nodes run.
    let interpreter = std::env::temp_dir().join(OsStr::from_bytes(name));
    if let Err(reason) = check(&interpreter, depth + 1) {
        return Err(if name.contains(&b'\r') {
            Why::CarriageReturn(lossy(name))
        } else {
            Why::Interpreter(Box::new(reason))
        });
    }
    if interpreter.file_name() == Some(OsStr::new("env")) { check_env(&lossy(argument)) } else { Ok(()) }
}

/// Looks for the program that `env` is asked for. The system hands it one argument, whatever there is in the line.
fn check_env(argument: &str) -> Result<(), Why> {
    let word = argument.trim_end_matches([' ', '\t']);
    if word.is_empty() {
        return Ok(());
    }
    let split = word.strip_prefix("-S").or_else(|| word.strip_prefix("--split-string="));
    let program = match split {
        // What needs a shell's eye is left to env.
        Some(words) if words.contains(['\'', '"', '\\', '$']) => return Ok(()),
        Some(words) => {
            let is_program = |word: &&str| !word.starts_with('-') && !word.contains('=');
            let mut words = words.split([' ', '\t']).filter(|word| !word.is_empty());
            match words.next() {
                Some(first) if is_program(&first) => first,
                _ => return Ok(()),
            }
        }
        None if word.starts_with('-') => return Ok(()),
        None => word,
    };
    if is_in_path(program) {
        return Ok(());
    }
    Err(if program.contains('\r') {
        Why::CarriageReturn(program.to_owned())
    } else if cfg!(target_os = "linux") && program.contains([' ', '\t']) {
        Why::OneWord(program.to_owned())
    } else {
        Why::NotInPath(program.to_owned())
    })
}

/// Whether the system finds a program by this name.
fn is_in_path(name: &str) -> bool {
    let is_program = |file: &Path| file.is_file() && access(file, Access::EXEC_OK).is_ok();
    if name.contains('/') {
        return is_program(&std::env::temp_dir().join(name));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| is_program(&folder.join(name)))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl fmt::Display for CannotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        write!(f, "cannot run {file}: ")?;
        match &self.why {
            Why::Missing => write!(f, "there is no such file"),
            Why::Directory => write!(f, "it is a directory; name the program in it"),
            Why::NoFile => write!(f, "it is not a regular file; name a program"),
            Why::Empty => write!(f, "it is empty; was it built or written to the end?"),
            Why::NoRunBit => write!(f, "it has no permission to run; say: chmod +x {file}"),
            Why::Forbidden => {
                write!(
                    f,
                    "this user has no permission to run it, or not from that file system; see ls -l and mount"
                )
            }
            Why::ByteOrderMark => {
                write!(
                    f,
                    "a byte-order mark stands before its #!, so that the system does not see it; save it as UTF-8 without a byte-order mark"
                )
            }
            Why::CarriageReturn(word) => {
                let word = word.trim_end_matches('\r');
                write!(
                    f,
                    "its lines end with a carriage return as on Windows, so that the system looks for `{word}\\r`; save it with Unix line ends, for instance with: sed -i 's/\\r$//' {file}"
                )
            }
            Why::Interpreter(reason) => match reason.why {
                Why::Missing => write!(
                    f,
                    "the file is there, but the interpreter that its first line names, {}, is not; install it or name another in that line",
                    reason.file.display()
                ),
                _ => write!(f, "the interpreter that its first line names is of no use: {reason}"),
            },
            Why::NotInPath(program) => {
                write!(
                    f,
                    "its first line asks env for {program}, which is not in PATH; install it or name another in that line"
                )
            }
            Why::OneWord(words) => {
                write!(
                    f,
                    "its first line has env look for a program `{words}`, as one word; write: #!/usr/bin/env -S {words}"
                )
            }
            Why::NoLoader(loader) => {
                write!(
                    f,
                    "the file is there, but the loader that it was linked for, {}, is not; build it for this system, or link it statically",
                    loader.display()
                )
            }
            Why::Foreign(foreign) => write!(f, "{foreign}"),
        }
    }
}

impl std::error::Error for CannotRun {}
