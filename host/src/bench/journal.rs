//! Every message that was sent, and what became of it (spec §5.5). The figures people compare are counted here.

use std::io::{self, Write};
use std::ops::Range;

use serde::Serialize;

use crate::protocol::{is_client, json};

/// The number of a message in a [`Journal`].
pub type MessageId = u32;

/// What can happen to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was accepted.
    Send,
    /// It was handed over to its receiver. A duplicated message is received twice.
    Recv,
    /// It will not be received, and why.
    Drop(&'static str),
}

/// One line of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, in nanoseconds on the run's clock.
    pub time_ns: u64,
    /// What.
    pub event: Event,
    /// Which message.
    pub message: MessageId,
}

/// A message in the journal.
#[derive(Clone, Debug)]
struct Record {
    src: u32,
    dest: u32,
    body: Range<usize>,
}

/// All messages of a run and all that happened to them, in order. Names are kept once, bodies one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    names: Vec<String>,
    number_of: rustc_hash::FxHashMap<String, u32>,
    bodies: String,
    messages: Vec<Record>,
    entries: Vec<Entry>,
}

impl Journal {
    /// Notes that a message has been accepted.
    pub fn send(&mut self, time_ns: u64, src: &str, dest: &str, body: &str) -> MessageId {
        let (src, dest) = (self.number(src), self.number(dest));
        let start = self.bodies.len();
        self.bodies.push_str(body);
        let message =
            MessageId::try_from(self.messages.len()).expect("fewer than four thousand million messages");
        self.messages.push(Record { src, dest, body: start..self.bodies.len() });
        self.entries.push(Entry { time_ns, event: Event::Send, message });
        message
    }

    /// Notes that a message has been handed over.
    pub fn recv(&mut self, time_ns: u64, message: MessageId) {
        self.entries.push(Entry { time_ns, event: Event::Recv, message });
    }

    /// Notes that a message will not arrive.
    pub fn drop(&mut self, time_ns: u64, message: MessageId, reason: &'static str) {
        self.entries.push(Entry { time_ns, event: Event::Drop(reason), message });
    }

    /// All messages, in the order in which they were sent.
    pub fn messages(&self) -> Range<MessageId> {
        // `send` sees to it that they can be counted.
        0..self.messages.len() as MessageId
    }

    /// Who sent a message.
    pub fn src(&self, message: MessageId) -> &str {
        &self.names[self.messages[message as usize].src as usize]
    }

    /// To whom.
    pub fn dest(&self, message: MessageId) -> &str {
        &self.names[self.messages[message as usize].dest as usize]
    }

    /// Its body as it was sent.
    pub fn body(&self, message: MessageId) -> &str {
        &self.bodies[self.messages[message as usize].body.clone()]
    }

    /// All entries in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Writes the journal as JSON lines.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut line = Vec::new();
        for entry in &self.entries {
            line.clear();
            self.write_entry(&mut line, entry);
            out.write_all(&line)?;
        }
        Ok(())
    }

    /// One entry as a line of JSON.
    pub fn line(&self, entry: &Entry) -> String {
        let mut line = Vec::new();
        self.write_entry(&mut line, entry);
        String::from_utf8(line).expect("written from strings").trim_end().to_owned()
    }

    fn write_entry(&self, line: &mut Vec<u8>, entry: &Entry) {
        let Entry { time_ns, event, message } = *entry;
        let written = match event {
            Event::Send => write!(line, r#"{{"time":{time_ns},"type":"send","id":{message}"#),
            Event::Recv => write!(line, r#"{{"time":{time_ns},"type":"recv","id":{message}"#),
            Event::Drop(reason) => {
                write!(line, r#"{{"time":{time_ns},"type":"drop","id":{message},"reason":"{reason}""#)
            }
        };
        written.expect("memory takes everything");
        if event == Event::Send {
            line.extend_from_slice(br#","src":"#);
            json::write_string(line, self.src(message));
            line.extend_from_slice(br#","dest":"#);
            json::write_string(line, self.dest(message));
            line.extend_from_slice(br#","body":"#);
            line.extend_from_slice(self.body(message).as_bytes());
        }
        line.extend_from_slice(b"}\n");
    }

    /// A hash of everything in the journal: equal for equal runs.
    pub fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        self.write(&mut hasher).expect("a hasher takes everything");
        hasher.finalize()
    }

    /// Message counts (spec §12.4). `invocations` are the clients' operations.
    pub fn net_stats(&self, invocations: usize) -> NetStats {
        let (mut all, mut clients, mut servers) = (Counts::default(), Counts::default(), Counts::default());
        for Entry { event, message, .. } in &self.entries {
            let group = if is_client(self.src(*message)) || is_client(self.dest(*message)) {
                &mut clients
            } else {
                &mut servers
            };
            for counts in [&mut all, group] {
                counts.add(*event);
            }
        }
        let per_op =
            |counts: &Counts| (invocations > 0).then(|| counts.msg_count as f64 / invocations as f64);
        (all.msgs_per_op, servers.msgs_per_op) = (per_op(&all), per_op(&servers));
        NetStats { all, clients, servers, valid: true }
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.number_of.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.number_of.insert(name.to_owned(), number);
        number
    }
}

/// The net checker's result, with Maelstrom's keys.
#[derive(Clone, Debug, Serialize)]
pub struct NetStats {
    /// Every message.
    pub all: Counts,
    /// From or to a client.
    pub clients: Counts,
    /// All others: between nodes, and between nodes and services.
    pub servers: Counts,
    #[serde(rename = "valid?")]
    valid: bool,
}

/// Counts of one group of messages.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Accepted.
    pub send_count: usize,
    /// Handed over.
    pub recv_count: usize,
    /// Distinct messages.
    pub msg_count: usize,
    /// Distinct messages for each operation of the clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msgs_per_op: Option<f64>,
}

impl Counts {
    fn add(&mut self, event: Event) {
        match event {
            Event::Send => {
                self.send_count += 1;
                self.msg_count += 1;
            }
            Event::Recv => self.recv_count += 1,
            Event::Drop(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        let mut journal = Journal::default();
        let request = journal.send(0, "c1", "n1", r#"{"a":1.0}"#);
        journal.recv(0, request);
        let gossip = journal.send(5, "n1", "n2", "{}");
        journal.drop(7, gossip, "partition");
        journal.send(8, "n1", "seq-kv", "{}");
        journal
    }

    #[test]
    fn services_count_as_servers_and_drops_are_not_received() {
        let stats = serde_json::to_value(journal().net_stats(2)).unwrap();
        let expected = serde_json::json!({
            "all": {"send-count": 3, "recv-count": 1, "msg-count": 3, "msgs-per-op": 1.5},
            "clients": {"send-count": 1, "recv-count": 1, "msg-count": 1},
            "servers": {"send-count": 2, "recv-count": 0, "msg-count": 2, "msgs-per-op": 1.0},
            "valid?": true,
        });
        assert_eq!(stats, expected);
        assert_eq!(journal().net_stats(0).all.msgs_per_op, None);
    }

    #[test]
    fn every_entry_is_a_line_and_bodies_stand_as_they_were_sent() {
        let mut text = Vec::new();
        journal().write(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let expected = [
            r#"{"time":0,"type":"send","id":0,"src":"c1","dest":"n1","body":{"a":1.0}}"#,
            r#"{"time":0,"type":"recv","id":0}"#,
            r#"{"time":5,"type":"send","id":1,"src":"n1","dest":"n2","body":{}}"#,
            r#"{"time":7,"type":"drop","id":1,"reason":"partition"}"#,
            r#"{"time":8,"type":"send","id":2,"src":"n1","dest":"seq-kv","body":{}}"#,
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn equal_journals_hash_equally_and_others_do_not() {
        assert_eq!(journal().hash(), journal().hash());
        let mut other = journal();
        other.recv(9, 1);
        assert_ne!(journal().hash(), other.hash());
    }
}
