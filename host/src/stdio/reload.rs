//! New versions of a plugin's file. A thread of its own waits for changes and for SIGHUP, and compiles: the node's
//! thread only hears of plugins that are ready to run, and goes on answering meanwhile.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;

use super::Process;
use super::wake::Sleeper;
use super::watch::Watch;
use crate::guest::Plugin;
use crate::node::{Core, Otherwise};

/// A file is read when it has not changed for so long: whoever writes it is done by then. If not, the half of it is
/// rejected, and the rest is one more change.
const SETTLE: Duration = Duration::from_millis(100);

/// A file that keeps changing is read so long after the first change.
const MAX_SETTLE: Duration = Duration::from_secs(1);

/// How often the node's thread is woken until it has taken up a version: it may just be about to wait.
const WAKE_INTERVAL: Duration = Duration::from_millis(10);

/// Compiles what is in the plugin's file.
pub type Load = Box<dyn Fn(&[u8]) -> Result<Plugin<Core<Process>>> + Send>;

/// The versions of a plugin's file that come after the first.
pub struct Reload {
    /// What becomes of a state that cannot be handed over.
    pub otherwise: Otherwise,
    ready: UnixStream,
    versions: Receiver<Version>,
    is_ready: Arc<AtomicBool>,
}

/// A plugin that is ready to run, or why there is none.
type Version = Result<Plugin<Core<Process>>>;

/// Why to look at the file.
enum Reason {
    /// It may have changed.
    Change,
    /// SIGHUP: someone wants it read whether it has changed or not.
    Hangup,
}

impl Reload {
    /// From now on SIGHUP means to read the file again. It had these contents. To be called by the node's thread.
    pub fn on_hangup(path: &Path, contents: &[u8], load: Load, otherwise: Otherwise) -> Result<Reload> {
        let (reason, reasons) = channel();
        let file = File { path: path.to_owned(), seen: blake3::hash(contents), load, watch: None };
        Reload::start(file, reason, reasons, otherwise)
    }

    /// The same, and every change of the file means it, too.
    pub fn watch(path: &Path, contents: &[u8], load: Load, otherwise: Otherwise) -> Result<Reload> {
        let (reason, reasons) = channel();
        let change = reason.clone();
        let watch = Watch::start(path, move || drop(change.send(Reason::Change)))
            .with_context(|| format!("cannot watch the directory of {}", path.display()))?;
        let file = File { path: path.to_owned(), seen: blake3::hash(contents), load, watch: Some(watch) };
        Reload::start(file, reason, reasons, otherwise)
    }

    fn start(
        file: File,
        reason: Sender<Reason>,
        reasons: Receiver<Reason>,
        otherwise: Otherwise,
    ) -> Result<Reload> {
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
        let is_ready = Arc::<AtomicBool>::default();
        let announcer =
            Announcer { version, announce, is_ready: is_ready.clone(), node: Sleeper::this_thread()? };
        thread::Builder::new().name("reload".into()).spawn(move || file.follow(&reasons, announcer))?;
        Ok(Reload { otherwise, ready, versions, is_ready })
    }

    /// Whether there is a version. If one comes while the node waits in `read`, it is woken.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready.load(SeqCst)
    }

    /// Becomes readable when there is a version.
    pub(super) fn ready(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }

    /// The newest version, compiled, or why it cannot be used.
    pub(super) fn take(&self) -> Option<Version> {
        self.is_ready.store(false, SeqCst);
        let _ = (&self.ready).read(&mut [0; 64]);
        self.versions.try_iter().last()
    }
}

/// Tells the node's thread of versions.
struct Announcer {
    version: Sender<Version>,
    announce: UnixStream,
    is_ready: Arc<AtomicBool>,
    node: Sleeper,
}

impl Announcer {
    /// Returns when the node has taken it; false if nobody wants it.
    fn tell(&mut self, version: Version) -> bool {
        if self.version.send(version).is_err() {
            return false;
        }
        // Before the byte: the node may take the version as soon as it is there, and clears this.
        self.is_ready.store(true, SeqCst);
        if self.announce.write_all(&[0]).is_err() {
            return false;
        }
        while self.is_ready.load(SeqCst) {
            self.node.interrupt();
            thread::sleep(WAKE_INTERVAL);
        }
        true
    }
}

/// A plugin's file, as it was when it was looked at last.
struct File {
    path: PathBuf,
    seen: blake3::Hash,
    load: Load,
    watch: Option<Watch>,
}

impl File {
    /// Compiles every version, for as long as someone wants to know.
    fn follow(mut self, reasons: &Receiver<Reason>, mut announcer: Announcer) {
        while let Ok(reason) = reasons.recv() {
            let is_wanted = matches!(reason, Reason::Hangup) || is_wanted_soon(reasons);
            if let Some(watch) = &mut self.watch {
                // What is not there now is watched when it comes.
                let _ = watch.follow();
            }
            let Some(version) = self.look(is_wanted) else { continue };
            if !announcer.tell(version) {
                return;
            }
        }
    }

    /// The file's plugin, if it has changed or is wanted anyway.
    fn look(&mut self, is_wanted: bool) -> Option<Version> {
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

/// Waits until a file that has changed is likely to be whole. True if someone wants it read as it is.
fn is_wanted_soon(reasons: &Receiver<Reason>) -> bool {
    let began = Instant::now();
    loop {
        let patience = SETTLE.min(MAX_SETTLE.saturating_sub(began.elapsed()));
        match reasons.recv_timeout(patience) {
            Ok(Reason::Change) if !patience.is_zero() => {}
            Ok(Reason::Change) | Err(_) => return false,
            Ok(Reason::Hangup) => return true,
        }
    }
}
