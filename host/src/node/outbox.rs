//! Messages on their way out: the very bytes for the wire, and where in them each message stands.

use std::ops::Range;

use crate::protocol::json::SyntaxError;
use crate::protocol::{Stamp, write_message};

/// What a node has sent since the driver last looked, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// The receivers' names, one after the other: in `bytes` they may have escapes.
    names: String,
    sent: Vec<Sent>,
}

/// One message in an [`Outbox`].
#[derive(Debug)]
struct Sent {
    /// Where in `names` the receiver stands.
    dest: Range<usize>,
    /// Where in `bytes` the body stands.
    body: Range<usize>,
}

/// A state of an outbox to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    bytes: usize,
    names: usize,
    sent: usize,
}

impl Outbox {
    /// All messages as lines for the wire.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All messages, with their bodies as text.
    pub fn messages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sent.iter().map(|sent| {
            let body = std::str::from_utf8(&self.bytes[sent.body.clone()]);
            (&self.names[sent.dest.clone()], body.expect("bodies are copied from strings"))
        })
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Forgets all messages, keeping the room they took.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.names.clear();
        self.sent.clear();
    }

    pub(super) fn post(
        &mut self,
        src: &str,
        dest: &str,
        body: &str,
        stamp: Stamp<'_>,
    ) -> Result<(), SyntaxError> {
        let body = write_message(&mut self.bytes, src, dest, body, stamp)?;
        let start = self.names.len();
        self.names.push_str(dest);
        self.sent.push(Sent { dest: start..self.names.len(), body });
        Ok(())
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), names: self.names.len(), sent: self.sent.len() }
    }

    pub(super) fn bytes_since(&self, mark: Mark) -> usize {
        self.bytes.len() - mark.bytes
    }

    pub(super) fn rewind(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.names.truncate(mark.names);
        self.sent.truncate(mark.sent);
    }
}
