//! The tools that languages need: how each is found, which version everything here is tested with, and the command that
//! installs it. The one place where versions are pinned: `host build`, `host toolchains` and the tests all read it here.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A tool from a package registry.
#[derive(Debug)]
pub struct Tool {
    /// What people call it.
    pub name: &'static str,
    /// Where it comes from.
    pub registry: Registry,
    /// Its name there.
    pub package: &'static str,
    /// The version that is installed, and that the tests run with.
    pub version: &'static str,
    /// Other versions that were seen to work.
    pub also_tried: &'static [&'static str],
    /// Command lines that may be this tool, the best first. Programs are looked up in [`directory`], then in `PATH`.
    pub commands: &'static [&'static [&'static str]],
    /// Arguments that make it say its version. None: it cannot, and the manifest of its npm package is read.
    pub version_arguments: &'static [&'static str],
}

/// Where packages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registry {
    /// PyPI, through pip, into a virtual environment of its own.
    PyPi,
    /// npm, into a prefix of its own.
    Npm,
    /// rustup, which looks after itself.
    Rustup,
}

/// A tool that is there.
#[derive(Clone, Debug)]
pub struct Found {
    program: PathBuf,
    arguments: &'static [&'static str],
    /// What it says its version is.
    pub version: String,
}

impl Found {
    /// A call of the tool, to which arguments can be added.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.arguments).env("PATH", search_path());
        command
    }

    /// The program, as a path.
    pub fn program(&self) -> &Path {
        &self.program
    }
}

/// A tool that is not there. Says in one line what is missing and what to run.
#[derive(Debug)]
pub struct Missing {
    tool: &'static str,
    language: &'static str,
    title: &'static str,
    install: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Missing { tool, language, title, install } = self;
        write!(
            f,
            "{title} plugins need {tool}, which is not here; run `host toolchains --install {language}`, that is: {install}"
        )
    }
}

impl std::error::Error for Missing {}

impl Tool {
    /// Looks for the tool. The first candidate that can say its version counts, one of a version that was tried before
    /// others.
    pub fn find(&self) -> Option<Found> {
        let candidates = self.commands.iter().flat_map(|command| {
            let (program, arguments) = command.split_first().expect("a command has a program");
            programs(program).into_iter().map(move |program| (program, arguments))
        });
        let mut other = None;
        for (program, arguments) in candidates {
            let Some(version) = self.version_of(&program, arguments) else { continue };
            let found = Found { program, arguments, version };
            if self.was_tried(&found.version) {
                return Some(found);
            }
            other = other.or(Some(found));
        }
        other
    }

    /// The same, for a language that needs it.
    pub fn require(&self, language: &'static str, title: &'static str) -> Result<Found> {
        self.find()
            .ok_or_else(|| Missing { tool: self.name, language, title, install: self.install_line() }.into())
    }

    /// Whether this version is one that was tried.
    pub fn was_tried(&self, version: &str) -> bool {
        version == self.version || self.also_tried.contains(&version)
    }

    /// The command that installs it, for a person to run.
    pub fn install_line(&self) -> String {
        let steps: Vec<_> = self.install_steps().iter().map(|step| shell_words(step)).collect();
        match self.registry {
            Registry::Rustup => "see https://rustup.rs".to_owned(),
            Registry::PyPi | Registry::Npm => steps.join(" && "),
        }
    }

    /// Installs it into [`directory`].
    pub fn install(&self) -> Result<()> {
        ensure!(self.registry != Registry::Rustup, "Rust is installed by rustup: see https://rustup.rs");
        for step in self.install_steps() {
            let line = shell_words(&step);
            eprintln!("{line}");
            let status = Command::new(&step[0])
                .args(&step[1..])
                .stdin(Stdio::null())
                .stdout(std::io::stderr())
                .status();
            let status = status.with_context(|| format!("cannot run {}", step[0].display()))?;
            ensure!(status.success(), "`{line}` failed; its messages are above");
        }
        ensure!(self.find().is_some(), "{} was installed but does not run", self.name);
        Ok(())
    }

    fn install_steps(&self) -> Vec<Vec<OsString>> {
        let place = directory();
        let words =
            |words: &[&std::ffi::OsStr]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        match self.registry {
            Registry::PyPi => {
                let python = place.join("python");
                let make = words(&["python3".as_ref(), "-m".as_ref(), "venv".as_ref(), python.as_ref()]);
                let package = format!("{}=={}", self.package, self.version);
                let pip = python.join("bin/pip");
                let install = words(&[pip.as_ref(), "install".as_ref(), package.as_ref()]);
                if pip.is_file() { vec![install] } else { vec![make, install] }
            }
            Registry::Npm => {
                let prefix = place.join("node");
                let package = format!("{}@{}", self.package, self.version);
                vec![words(&[
                    "npm".as_ref(),
                    "install".as_ref(),
                    "--no-audit".as_ref(),
                    "--no-fund".as_ref(),
                    "--prefix".as_ref(),
                    prefix.as_ref(),
                    package.as_ref(),
                ])]
            }
            Registry::Rustup => Vec::new(),
        }
    }

    fn version_of(&self, program: &Path, arguments: &[&str]) -> Option<String> {
        if self.version_arguments.is_empty() {
            return version_of_package(program, self.package);
        }
        let mut command = Command::new(program);
        command.args(arguments).args(self.version_arguments).stdin(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        version_in(&String::from_utf8_lossy(&output.stdout))
    }
}

/// Where tools are installed: `$GLOMERS_TOOLCHAINS`, or `glomers/toolchains` in the platform's data directory.
pub fn directory() -> PathBuf {
    std::env::var_os("GLOMERS_TOOLCHAINS").map(PathBuf::from).unwrap_or_else(|| {
        dirs::data_dir().unwrap_or_else(|| PathBuf::from(".")).join("glomers").join("toolchains")
    })
}

/// Every file of this name that may be the program, the best first.
fn programs(name: &str) -> Vec<PathBuf> {
    let path = search_path();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name));
    found.filter(|path| path.is_file()).collect()
}

/// `PATH`, and before it the directories that [`Tool::install`] fills.
fn search_path() -> OsString {
    let ours = [directory().join("python/bin"), directory().join("node/node_modules/.bin")];
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(ours.into_iter().chain(std::env::split_paths(&path))).unwrap_or(path)
}

/// The version of the npm package that a program belongs to, by its manifest.
fn version_of_package(program: &Path, package: &str) -> Option<String> {
    // What npm puts into `.bin` are links into the package.
    let program = std::fs::canonicalize(program).ok()?;
    let manifests = program.ancestors().filter_map(|dir| std::fs::read(dir.join("package.json")).ok());
    let mut manifests = manifests.filter_map(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    let manifest = manifests.find(|manifest| manifest["name"] == package)?;
    manifest["version"].as_str().map(str::to_owned)
}

/// The first word that looks like a version: digits and dots at least, as in `go version go1.27.3 linux/amd64`.
fn version_in(text: &str) -> Option<String> {
    let words = text.split(|letter: char| letter.is_whitespace() || letter == ',' || letter == '(');
    let numbers = words.map(|word| word.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()));
    let found = numbers
        .into_iter()
        .find(|word| word.contains('.') && word.starts_with(|first: char| first.is_ascii_digit()));
    found.map(str::to_owned)
}

/// A command as a line for the shell. Words with special characters are quoted.
fn shell_words(words: &[OsString]) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=@:+~".contains(&byte);
    let quoted = words.iter().map(|word| {
        let word = word.to_string_lossy();
        if word.bytes().all(is_plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_say() {
        for (said, version) in [
            ("0.17.1\n", Some("0.17.1")),
            ("go version go1.27.3 linux/amd64\n", Some("1.27.3")),
            ("v22.1.0", Some("22.1.0")),
            ("rustc 1.95.0 (f2d3ce0bd 2026-03-21)", Some("1.95.0")),
            ("no version here", None),
        ] {
            assert_eq!(version_in(said).as_deref(), version);
        }
    }

    #[test]
    fn a_tool_that_does_not_say_its_version_is_known_by_its_package() {
        let place = tempfile::tempdir().unwrap();
        let package = place.path().join("node_modules/tool");
        std::fs::create_dir_all(package.join("bin")).unwrap();
        std::fs::write(package.join("package.json"), r#"{"name":"tool","version":"1.2.3"}"#).unwrap();
        std::fs::write(package.join("bin/run"), "").unwrap();
        let link = place.path().join("tool");
        std::os::unix::fs::symlink(package.join("bin/run"), &link).unwrap();
        assert_eq!(version_of_package(&link, "tool").as_deref(), Some("1.2.3"));
        assert_eq!(version_of_package(&link, "other"), None);
    }

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        let words = ["pip", "install", "a==1", "it's here"].map(OsString::from);
        assert_eq!(shell_words(&words), r"pip install a==1 'it'\''s here'");
    }
}
