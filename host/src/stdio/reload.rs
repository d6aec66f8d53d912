//! New versions of a plugin's file. A thread of its own waits for changes and for SIGHUP, and compiles: the node's
//! thread only hears of plugins that are ready to run, and goes on answering meanwhile.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;

use super::Process;
use crate::guest::Plugin;
use crate::node::{Core, Otherwise};

/// A file is read when nothing in its directory has changed for so long: whoever writes it is done by then. If not, the
/// half of it is rejected, and the rest is one more change.
const SETTLE: Duration = Duration::from_millis(100);

/// Compiles what is in the plugin's file.
pub type Load = Box<dyn Fn(&[u8]) -> Result<Plugin<Core<Process>>> + Send>;

/// The versions of a plugin's file that come after the first.
pub struct Reload {
    /// What becomes of a state that cannot be handed over.
    pub otherwise: Otherwise,
    ready: UnixStream,
    versions: Receiver<Result<Plugin<Core<Process>>>>,
    /// Dropping it ends the watch.
    _watcher: RecommendedWatcher,
}

/// Why to look at the file.
enum Reason {
    /// Something in its directory has changed.
    Change,
    /// SIGHUP: someone wants it read whether it has changed or not.
    Hangup,
}

impl Reload {
    /// Watches the file that had these contents. From now on SIGHUP means to read it again.
    pub fn watch(path: &Path, contents: &[u8], load: Load, otherwise: Otherwise) -> Result<Reload> {
        let (reason, reasons) = channel();
        let watcher = watch_directory(path, reason.clone())
            .with_context(|| format!("cannot watch the directory of {}", path.display()))?;
        let mut hangups = Signals::new([SIGHUP])?;
        thread::Builder::new().name("hangup".into()).spawn(move || {
            for _ in hangups.forever() {
                if reason.send(Reason::Hangup).is_err() {
                    return;
                }
            }
        })?;
        let (ready, announce) = UnixStream::pair()?;
        ready.set_nonblocking(true)?;
        let (version, versions) = channel();
        let file = File { path: path.to_owned(), seen: blake3::hash(contents), load };
        thread::Builder::new()
            .name("reload".into())
            .spawn(move || file.follow(&reasons, &version, announce))?;
        Ok(Reload { otherwise, ready, versions, _watcher: watcher })
    }

    /// Becomes readable when there is a version.
    pub(super) fn ready(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }

    /// The newest version, compiled, or why it cannot be used.
    pub(super) fn take(&self) -> Option<Result<Plugin<Core<Process>>>> {
        let _ = (&self.ready).read(&mut [0; 64]);
        self.versions.try_iter().last()
    }
}

/// Watches the directory and not the file, because a file that is replaced is another file.
fn watch_directory(path: &Path, reason: Sender<Reason>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the file is no change; without this each look at it would be the reason for the next.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            let _ = reason.send(Reason::Change);
        }
    })?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    watcher.watch(directory.unwrap_or(Path::new(".")), RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// A plugin's file, as it was when it was looked at last.
struct File {
    path: PathBuf,
    seen: blake3::Hash,
    load: Load,
}

impl File {
    /// Compiles every version, for as long as someone wants to know.
    fn follow(
        mut self,
        reasons: &Receiver<Reason>,
        version: &Sender<Result<Plugin<Core<Process>>>>,
        mut announce: UnixStream,
    ) {
        while let Ok(reason) = reasons.recv() {
            let mut is_wanted = matches!(reason, Reason::Hangup);
            while let Ok(reason) = reasons.recv_timeout(SETTLE) {
                is_wanted |= matches!(reason, Reason::Hangup);
            }
            let Some(plugin) = self.look(is_wanted) else { continue };
            if version.send(plugin).is_err() || announce.write_all(&[0]).is_err() {
                return;
            }
        }
    }

    /// The file's plugin, if it has changed or is wanted anyway.
    fn look(&mut self, is_wanted: bool) -> Option<Result<Plugin<Core<Process>>>> {
        let contents = match fs::read(&self.path) {
            Ok(contents) => contents,
            // Between the old file and the new one there may be none.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_wanted => return None,
            Err(error) => {
                return Some(Err(error).with_context(|| format!("cannot read {}", self.path.display())));
            }
        };
        let hash = blake3::hash(&contents);
        if hash == self.seen && !is_wanted {
            return None;
        }
        self.seen = hash;
        let plugin = (self.load)(&contents);
        Some(plugin.with_context(|| format!("cannot use {}", self.path.display())))
    }
}
