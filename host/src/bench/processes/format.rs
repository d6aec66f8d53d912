//! What a file that is no script is: a native program of this system, of another, or none at all.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A file that the system cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// A native program for another kind of processor, or of another size.
    Processor,
    /// An object file, a library or a dump.
    NotLinked,
    /// It ends in the middle of its header.
    Damaged,
    Windows,
    MacOs,
    Java,
    WebAssembly,
    Archive,
    Utf16,
    Unknown,
}

/// Why a file cannot be run.
#[derive(Debug)]
pub(super) enum Refused {
    Foreign(Foreign),
    /// A native program whose loader is not there.
    NoLoader(PathBuf),
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Foreign::Processor => "it was built for another kind of processor; build it for this one",
            Foreign::NotLinked => "it is an object file and no program; link it",
            Foreign::Damaged => "it is the beginning of a program; was it built or copied to the end?",
            Foreign::Windows => "it is a program for Windows; build it for this system",
            Foreign::MacOs => "it is a program for macOS; build it for this system",
            Foreign::Java => "it is a Java class; name a script that calls java",
            Foreign::WebAssembly => "it is WebAssembly; --plugin runs it",
            Foreign::Archive => "it is an archive; unpack it, or name a script that calls java -jar",
            Foreign::Utf16 => "it is text in UTF-16; save it as UTF-8 without a byte-order mark",
            Foreign::Unknown => "it is neither a script nor a program for this system",
        })
    }
}

/// What foreign files begin with.
const SIGNATURES: &[(&[u8], Foreign)] = &[
    (b"MZ", Foreign::Windows),
    (b"\xcf\xfa\xed\xfe", Foreign::MacOs),
    (b"\xce\xfa\xed\xfe", Foreign::MacOs),
    (b"\xca\xfe\xba\xbe\0\0\0\x02", Foreign::MacOs),
    (b"\xca\xfe\xba\xbe", Foreign::Java),
    (b"\0asm", Foreign::WebAssembly),
    (b"PK\x03\x04", Foreign::Archive),
    (b"\x1f\x8b", Foreign::Archive),
    (b"!<arch>\n", Foreign::NotLinked),
    (b"\xff\xfe", Foreign::Utf16),
    (b"\xfe\xff", Foreign::Utf16),
];

/// Whether a file is a native program, of whatever system.
pub(super) fn is_native(head: &[u8]) -> bool {
    head.starts_with(ELF) || SIGNATURES.iter().any(|(signature, _)| head.starts_with(signature))
}

/// Whether the system can run a file that begins like this. What it cannot, it hands to `/bin/sh`, if it is text.
#[cfg(target_os = "linux")]
pub(super) fn check(head: &[u8], file: &Path) -> Result<(), Refused> {
    let refused = if head.starts_with(ELF) {
        check_elf(head, &fs::read("/proc/self/exe").unwrap_or_default()).err()
    } else {
        let signature = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature));
        let is_binary = head.split(|&byte| byte == b'\n').next().is_some_and(|line| line.contains(&0));
        let unknown = is_binary.then_some(Foreign::Unknown);
        signature.map(|(_, foreign)| *foreign).or(unknown).map(Refused::Foreign)
    };
    match refused {
        Some(refused) if !has_handler(head, file) => Err(refused),
        _ => Ok(()),
    }
}

/// Elsewhere the system's own words have to do.
#[cfg(not(target_os = "linux"))]
pub(super) fn check(_head: &[u8], _file: &Path) -> Result<(), Refused> {
    Ok(())
}

const ELF: &[u8] = b"\x7fELF";

/// Compares a native program with this one (elf(5)).
fn check_elf(head: &[u8], own: &[u8]) -> Result<(), Refused> {
    const OBJECT: u64 = 1;
    const CORE: u64 = 4;
    let damaged = || Refused::Foreign(Foreign::Damaged);
    let (elf, own) = (Elf::of(head).ok_or_else(damaged)?, Elf::of(own));
    if matches!(elf.kind, OBJECT | CORE) {
        return Err(Refused::Foreign(Foreign::NotLinked));
    }
    if own.is_some_and(|own| !own.runs(&elf)) {
        return Err(Refused::Foreign(Foreign::Processor));
    }
    match elf.loader(head) {
        Some(loader) if !loader.exists() => Err(Refused::NoLoader(loader)),
        _ => Ok(()),
    }
}

/// The header of a native program.
struct Elf {
    is_64_bit: bool,
    is_little_endian: bool,
    kind: u64,
    machine: u64,
}

impl Elf {
    fn of(head: &[u8]) -> Option<Elf> {
        let mut elf =
            Elf { is_64_bit: *head.get(4)? == 2, is_little_endian: *head.get(5)? == 1, kind: 0, machine: 0 };
        elf.kind = elf.number(head, 16, 2)?;
        elf.machine = elf.number(head, 18, 2)?;
        (head.len() >= if elf.is_64_bit { 64 } else { 52 }).then_some(elf)
    }

    /// Whether a system that runs this program runs the other.
    fn runs(&self, other: &Elf) -> bool {
        const I386: u64 = 3;
        const ARM: u64 = 40;
        const X86_64: u64 = 62;
        const AARCH64: u64 = 183;
        let is_smaller = matches!((self.machine, other.machine), (X86_64, I386) | (AARCH64, ARM));
        self.is_little_endian == other.is_little_endian && (self.machine == other.machine || is_smaller)
    }

    fn number(&self, head: &[u8], at: usize, bytes: usize) -> Option<u64> {
        let digits = head.get(at..at.checked_add(bytes)?)?.iter();
        let add = |number, digit: &u8| number << 8 | u64::from(*digit);
        Some(if self.is_little_endian { digits.rev().fold(0, add) } else { digits.fold(0, add) })
    }

    /// The loader that it asks for: the contents of its `PT_INTERP`.
    fn loader(&self, head: &[u8]) -> Option<PathBuf> {
        const PT_INTERP: u64 = 3;
        let of_size = |at_64, at_32| if self.is_64_bit { (at_64, 8) } else { (at_32, 4) };
        let field = |base: usize, (at, bytes): (usize, usize)| {
            usize::try_from(self.number(head, base.checked_add(at)?, bytes)?).ok()
        };
        let table = field(0, of_size(32, 28))?;
        let (size, count) = if self.is_64_bit { (54, 56) } else { (42, 44) };
        let (size, count) = (field(0, (size, 2))?, field(0, (count, 2))?);
        let entries = (0..count).map(|entry| table.saturating_add(entry * size));
        let interpreter = entries
            .filter(|entry| self.number(head, *entry, 4) == Some(PT_INTERP))
            .find_map(|entry| Some((field(entry, of_size(8, 4))?, field(entry, of_size(32, 16))?)))?;
        let (at, length) = interpreter;
        let name = head.get(at..at.checked_add(length)?)?.split(|&byte| byte == 0).next()?;
        Some(PathBuf::from(std::str::from_utf8(name).ok()?))
    }
}

/// Whether the system has been told how to run such files (`binfmt_misc`), as it is for emulators.
fn has_handler(head: &[u8], file: &Path) -> bool {
    let Ok(entries) = fs::read_dir("/proc/sys/fs/binfmt_misc") else { return false };
    entries.flatten().any(|entry| {
        let entry = fs::read_to_string(entry.path()).unwrap_or_default();
        handles(&entry, head, file.extension().and_then(|extension| extension.to_str()))
    })
}

fn handles(entry: &str, head: &[u8], extension: Option<&str>) -> bool {
    let mut lines = entry.lines();
    if lines.next() != Some("enabled") {
        return false;
    }
    let field = |name: &str| entry.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    if let Some(known) = field("extension") {
        return extension.is_some_and(|extension| known.strip_prefix('.') == Some(extension));
    }
    let Some(magic) = field("magic").and_then(from_hex) else { return false };
    let offset = field("offset").and_then(|offset| offset.parse().ok()).unwrap_or(0);
    let mask = field("mask").and_then(from_hex).unwrap_or_else(|| vec![0xff; magic.len()]);
    let Some(found) = head.get(offset..).and_then(|head| head.get(..magic.len())) else { return false };
    magic.iter().zip(&mask).zip(found).all(|((magic, mask), found)| magic & mask == found & mask)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of 64 bits whose loader is at this path.
    fn elf(kind: u8, machine: u8, loader: &str) -> Vec<u8> {
        let mut elf = vec![0; 64 + 56];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (elf[16], elf[18], elf[32], elf[54], elf[56]) = (kind, machine, 64, 56, 1);
        (elf[64], elf[64 + 8], elf[64 + 32]) = (3, 120, u8::try_from(loader.len()).unwrap() + 1);
        elf.extend_from_slice(loader.as_bytes());
        elf.push(0);
        elf
    }

    fn refused(head: &[u8]) -> String {
        match check_elf(head, &elf(2, 62, "")) {
            Ok(()) => "good".to_owned(),
            Err(Refused::Foreign(foreign)) => format!("{foreign:?}"),
            Err(Refused::NoLoader(loader)) => format!("no {}", loader.display()),
        }
    }

    #[test]
    fn a_native_program_must_fit_processor_and_loader() {
        assert_eq!(refused(&elf(2, 62, "/")), "good");
        assert_eq!(refused(&elf(3, 3, "/")), "good");
        assert_eq!(refused(&elf(2, 183, "/")), "Processor");
        assert_eq!(refused(&elf(1, 62, "/")), "NotLinked");
        assert_eq!(refused(&elf(2, 62, "/lib/no-such-loader")), "no /lib/no-such-loader");
        assert_eq!(refused(&elf(2, 62, "/")[..40]), "Damaged");
        assert_eq!(refused(b"\x7fELF"), "Damaged");
    }

    #[test]
    fn a_header_that_points_anywhere_does_no_harm() {
        let mut broken = elf(2, 62, "/");
        for at in 32..64 + 56 {
            broken[at] = 0xff;
            refused(&broken);
        }
    }

    #[test]
    fn a_registered_handler_is_known_by_magic_and_mask() {
        let qemu = "enabled\ninterpreter /usr/bin/qemu\nflags: F\noffset 0\nmagic 7f454c46\nmask ffffff00\n";
        assert!(handles(qemu, b"\x7fELX and more", None));
        assert!(!handles(qemu, b"\x7fEL", None));
        assert!(!handles(&qemu.replace("enabled", "disabled"), b"\x7fELF", None));
        assert!(handles("enabled\ninterpreter /x\nflags: \nextension .jar\n", b"", Some("jar")));
    }
}
