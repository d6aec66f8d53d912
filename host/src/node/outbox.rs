//! Messages on their way out: the very bytes for the wire, and where in them each message stands.

use std::ops::Range;

use smol_str::SmolStr;

use crate::protocol::json::SyntaxError;
use crate::protocol::{Stamp, write_message};

/// What a node has sent since the driver last looked, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    sent: Vec<Sent>,
}

/// One message in an [`Outbox`].
#[derive(Clone, Debug)]
pub struct Sent {
    /// The receiver.
    pub dest: SmolStr,
    /// Where in [`Outbox::bytes`] the body stands.
    pub body: Range<usize>,
}

/// A state of an outbox to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    bytes: usize,
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
            (sent.dest.as_str(), body.expect("bodies are copied from strings"))
        })
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Forgets all messages, keeping the room they took.
    pub fn clear(&mut self) {
        self.bytes.clear();
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
        self.sent.push(Sent { dest: dest.into(), body });
        Ok(())
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), sent: self.sent.len() }
    }

    pub(super) fn bytes_since(&self, mark: Mark) -> usize {
        self.bytes.len() - mark.bytes
    }

    pub(super) fn rewind(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.sent.truncate(mark.sent);
    }
}
