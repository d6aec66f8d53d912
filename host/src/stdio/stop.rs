//! What ends a node from outside: SIGTERM, SIGINT, and the end of whoever reads its output.
//!
//! A node that waits for input and for nothing else does so in `read`, which none of these interrupts. But it has nothing
//! in hand then, so they may end the process, and do.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGINT, SIGTERM};

/// Stack of a thread that does no more than wait.
const WATCHER_STACK: usize = 64 << 10;

/// Whether the node is to end, and whether it may be ended from outside.
pub(super) struct Stop {
    /// Becomes readable on a signal.
    signals: UnixStream,
    signalled: Arc<AtomicBool>,
    unread: Arc<AtomicBool>,
    idle: Arc<AtomicBool>,
    is_watching_reader: bool,
}

impl Stop {
    /// From now on signals are noted. A second one ends the process at once, should an event of the guest take too long
    /// for the user's patience.
    pub fn on_signals() -> io::Result<Stop> {
        let (signals, sender) = UnixStream::pair()?;
        let (signalled, idle) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        for signal in [SIGTERM, SIGINT] {
            signal_hook::flag::register_conditional_shutdown(signal, 1, signalled.clone())?;
            signal_hook::flag::register(signal, signalled.clone())?;
            signal_hook::flag::register_conditional_shutdown(signal, 0, idle.clone())?;
            signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
        }
        Ok(Stop { signals, signalled, unread: Arc::default(), idle, is_watching_reader: false })
    }

    /// Becomes readable on a signal.
    pub fn signals(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }

    /// Waits in a call that nothing interrupts; `None` if the node is to end instead. Either who wants the node to end
    /// sees that it is idle, or the node sees that it is to end: each first says its part and then looks.
    pub fn while_idle<R>(&mut self, wait: impl FnOnce() -> io::Result<R>) -> io::Result<Option<R>> {
        if !self.is_watching_reader {
            self.watch_reader()?;
        }
        self.idle.store(true, SeqCst);
        if self.signalled.load(SeqCst) || self.unread.load(SeqCst) {
            return Ok(None);
        }
        let result = wait();
        self.idle.store(false, SeqCst);
        result.map(Some)
    }

    /// Starts a thread that waits for the end of whoever reads our output.
    fn watch_reader(&mut self) -> io::Result<()> {
        let (unread, idle) = (self.unread.clone(), self.idle.clone());
        thread::Builder::new().name("reader".into()).stack_size(WATCHER_STACK).spawn(move || {
            let mut stdout = [PollFd::from_borrowed_fd(rustix::stdio::stdout(), PollFlags::empty())];
            while poll(&mut stdout, None) == Err(Errno::INTR) {}
            if stdout[0].revents().contains(PollFlags::ERR) {
                unread.store(true, SeqCst);
                if idle.load(SeqCst) {
                    signal_hook::low_level::exit(0);
                }
            }
        })?;
        self.is_watching_reader = true;
        Ok(())
    }
}
