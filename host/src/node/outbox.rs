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

/// What stands in a line behind the body.
const LINE_END: &[u8] = b"}\n";

/// One message in an [`Outbox`].
#[derive(Clone, Debug)]
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

    /// Takes out what came since the mark.
    pub(super) fn split_off(&mut self, mark: Mark) -> Outbox {
        let mut tail = Outbox {
            bytes: self.bytes.split_off(mark.bytes),
            names: self.names.split_off(mark.names),
            sent: self.sent.split_off(mark.sent),
        };
        for Sent { dest, body } in &mut tail.sent {
            *dest = dest.start - mark.names..dest.end - mark.names;
            *body = body.start - mark.bytes..body.end - mark.bytes;
        }
        tail
    }

    /// Adds those messages of another outbox whose receivers are wanted.
    pub(super) fn append(&mut self, other: &Outbox, is_wanted: impl Fn(&str) -> bool) {
        let mut line_start = 0;
        for Sent { dest, body } in &other.sent {
            let (line, name) = (line_start..body.end + LINE_END.len(), &other.names[dest.clone()]);
            line_start = line.end;
            if is_wanted(name) {
                let (start, to) = (self.bytes.len() + body.start - line.start, self.names.len());
                self.bytes.extend_from_slice(&other.bytes[line]);
                self.names.push_str(name);
                self.sent.push(Sent { dest: to..self.names.len(), body: start..start + body.len() });
            }
        }
    }

    pub(super) fn rewind(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.names.truncate(mark.names);
        self.sent.truncate(mark.sent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(messages: &[(&str, &str)]) -> Outbox {
        let mut outbox = Outbox::default();
        for (dest, body) in messages {
            outbox.post("n1", dest, body, Stamp::Request(7)).expect("a body is an object");
        }
        outbox
    }

    #[test]
    fn what_is_split_off_and_appended_again_in_parts_is_the_same_bytes() {
        let messages = [("c1", "{}"), ("n\"2", r#"{"é":1}"#), ("c2", r#"{"a":[]}"#), ("lin-kv", "{ }")];
        let mut all = outbox(&messages);
        let mark = outbox(&messages[..1]).mark();
        let tail = all.split_off(mark);
        assert_eq!(tail.bytes(), outbox(&messages[1..]).bytes());
        assert!(tail.messages().eq(outbox(&messages[1..]).messages()));
        all.append(&tail, |dest| dest.starts_with('c'));
        all.append(&tail, |dest| !dest.starts_with('c'));
        let expected = outbox(&[0, 2, 1, 3].map(|at| messages[at]));
        assert_eq!(all.bytes(), expected.bytes());
        assert!(all.messages().eq(expected.messages()));
    }
}
