//! Waking a thread that waits in `read` and in no other way could be told that there is something to do.

use std::{io, mem, ptr};

/// Nobody else sends it, and it does nothing to a process that does not expect it.
const SIGNAL: libc::c_int = libc::SIGURG;

/// A thread that may wait in a system call.
#[derive(Clone, Copy)]
pub(super) struct Sleeper(libc::pthread_t);

impl Sleeper {
    /// The calling thread, which must not end before the process does.
    pub fn this_thread() -> io::Result<Sleeper> {
        extern "C" fn nothing(_: libc::c_int) {}
        // SAFETY: all zeroes are a valid `sigaction`: no flags, an empty mask. Without SA_RESTART a system call that is
        // interrupted ends with EINTR, which is all that is wanted. The handler does nothing.
        let installed = unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
            libc::sigaction(SIGNAL, &raw const action, ptr::null_mut())
        };
        if installed != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it has no preconditions.
        Ok(Sleeper(unsafe { libc::pthread_self() }))
    }

    /// Interrupts the system call that the thread waits in, if it does.
    pub fn interrupt(self) {
        // SAFETY: the thread lives as long as the process, by the contract of `this_thread`.
        unsafe { libc::pthread_kill(self.0, SIGNAL) };
    }
}
