//! One node's logs: clients' requests and peers' changes go in, answers and changes come out.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use delta_stream::{Audience, Exchange};
use serde::{Deserialize, Serialize};

/// Of one log a poll returns at most so many messages; the next poll returns more.
const MOST_POLLED: usize = 1000;

/// The number of a message on its way to a foreign owner; those of one node go up.
pub type Ticket = u64;

/// What a client's message has become.
#[derive(Debug, PartialEq, Eq)]
pub enum Placement {
    /// It has its offset: this node owns the log.
    Here { offset: u64 },
    /// It goes to the owner of the log.
    Forwarded { owner: usize, ticket: Ticket },
}

/// What peers must be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Item {
    /// A message in a log that this node owns.
    Message { key: Arc<str>, offset: usize },
    /// How far a log has been processed.
    Committed { key: Arc<str> },
    /// A message for a log that a peer owns.
    Send { ticket: Ticket, key: Arc<str>, message: i64 },
    /// Where a peer's message is.
    Placed { peer: usize, ticket: Ticket, offset: u64 },
}

/// The same, as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Message { key: String, offset: usize, message: i64 },
    Committed { key: String, offset: u64 },
    Send { ticket: Ticket, key: String, message: i64 },
    Placed { ticket: Ticket, offset: u64 },
}

/// The state of one node.
#[derive(Serialize, Deserialize)]
pub struct Broker {
    me: usize,
    /// So many nodes own logs: the first ones.
    owners: NonZeroU32,
    /// A message's offset is its place. Of a foreign log this is a beginning.
    logs: BTreeMap<Arc<str>, Vec<i64>>,
    committed: BTreeMap<Arc<str>, u64>,
    next_ticket: Ticket,
    /// For each node the lowest ticket that it has not used yet.
    unused_tickets: Vec<Ticket>,
    pub exchange: Exchange<Item>,
}

impl Broker {
    /// A node without memory: number `me` of `nodes`, of which the first `owners`, or all, own logs.
    pub fn new(me: usize, nodes: usize, owners: NonZeroU32, interval_ms: u64) -> Self {
        Broker {
            me,
            owners,
            logs: BTreeMap::new(),
            committed: BTreeMap::new(),
            next_ticket: 0,
            unused_tickets: vec![0; nodes],
            exchange: Exchange::new(me, nodes, interval_ms),
        }
    }

    /// Takes a message from a client.
    pub fn send(&mut self, key: &str, message: i64) -> Placement {
        let owner = self.owner(key);
        if owner == self.me {
            return Placement::Here { offset: self.append(key, message) };
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.exchange.push(Item::Send { ticket, key: key.into(), message }, Audience::Only(owner));
        Placement::Forwarded { owner, ticket }
    }

    /// A message that comes now gets this ticket, if it goes to a foreign owner.
    pub fn next_ticket(&self) -> Ticket {
        self.next_ticket
    }

    /// For each key the messages from an offset on, as far as this node has them. Keys without any are left out.
    pub fn poll(&self, offsets: BTreeMap<String, u64>) -> BTreeMap<String, Vec<(u64, i64)>> {
        let polled = offsets.into_iter().map(|(key, from)| {
            let log = self.logs.get(&*key).map_or(&[][..], Vec::as_slice);
            let known = (0..).zip(log.iter().copied());
            let skipped = usize::try_from(from).unwrap_or(usize::MAX);
            (key, known.skip(skipped).take(MOST_POLLED).collect::<Vec<_>>())
        });
        polled.filter(|(_, messages)| !messages.is_empty()).collect()
    }

    /// Takes note of offsets that a client commits.
    pub fn commit(&mut self, offsets: &BTreeMap<String, u64>) {
        for (key, offset) in offsets {
            if self.raise(key, *offset) {
                self.exchange.push(Item::Committed { key: key.as_str().into() }, Audience::All);
            }
        }
    }

    /// The committed offsets of these keys, if they have any.
    pub fn committed(&self, keys: Vec<String>) -> BTreeMap<String, u64> {
        let offsets = keys.into_iter().filter_map(|key| Some((self.committed.get(&*key).copied()?, key)));
        offsets.map(|(offset, key)| (key, offset)).collect()
    }

    /// The changes that a batch to a peer must contain.
    pub fn changes(&self, peer: usize) -> Vec<Change> {
        self.exchange.content(peer).map(|item| self.change(item)).collect()
    }

    /// Takes a change from a peer, if it is new. Returns where the message with a ticket of this node's is.
    pub fn apply(&mut self, peer: usize, change: Change) -> Option<(Ticket, u64)> {
        match change {
            Change::Message { key, offset, message } => self.copy(peer, &key, offset, message),
            Change::Committed { key, offset } => drop(self.raise(&key, offset)),
            Change::Send { ticket, key, message } => self.place(peer, ticket, &key, message),
            Change::Placed { ticket, offset } => return Some((ticket, offset)),
        }
        None
    }

    /// A peer has lost its memory: its logs begin anew, and so do its tickets.
    pub fn forget(&mut self, peer: usize) {
        let owners = self.owners();
        self.logs.retain(|key, _| owner(key, owners) != peer);
        self.unused_tickets[peer] = 0;
    }

    fn owners(&self) -> usize {
        let nodes = self.unused_tickets.len();
        usize::try_from(self.owners.get()).map_or(nodes, |owners| owners.min(nodes))
    }

    fn owner(&self, key: &str) -> usize {
        owner(key, self.owners())
    }

    /// Appends to a log that this node owns. Returns the offset.
    fn append(&mut self, key: &str, message: i64) -> u64 {
        let key: Arc<str> = key.into();
        let log = self.logs.entry(key.clone()).or_default();
        let offset = log.len();
        log.push(message);
        self.exchange.push(Item::Message { key, offset }, Audience::All);
        offset as u64
    }

    /// Copies a message of a peer's log. Its offset tells whether it is here already.
    fn copy(&mut self, peer: usize, key: &str, offset: usize, message: i64) {
        if self.owner(key) != peer {
            return;
        }
        let log = self.logs.entry(key.into()).or_default();
        if log.len() == offset {
            log.push(message);
        }
    }

    /// Appends a peer's message. Its ticket tells whether that has been done already.
    fn place(&mut self, peer: usize, ticket: Ticket, key: &str, message: i64) {
        if ticket < self.unused_tickets[peer] || self.owner(key) != self.me {
            return;
        }
        self.unused_tickets[peer] = ticket + 1;
        let offset = self.append(key, message);
        self.exchange.push(Item::Placed { peer, ticket, offset }, Audience::Only(peer));
    }

    /// Whether an offset is higher than what was committed.
    fn raise(&mut self, key: &str, offset: u64) -> bool {
        if self.committed.get(key).is_some_and(|committed| *committed >= offset) {
            return false;
        }
        self.committed.insert(key.into(), offset);
        true
    }

    fn change(&self, item: &Item) -> Change {
        match item {
            Item::Message { key, offset } => {
                Change::Message { key: key.to_string(), offset: *offset, message: self.logs[key][*offset] }
            }
            Item::Committed { key } => {
                Change::Committed { key: key.to_string(), offset: self.committed[key] }
            }
            Item::Send { ticket, key, message } => {
                Change::Send { ticket: *ticket, key: key.to_string(), message: *message }
            }
            Item::Placed { ticket, offset, .. } => Change::Placed { ticket: *ticket, offset: *offset },
        }
    }
}

/// Which of so many owners a key's log has: by FNV-1a, stirred as MurmurHash3 does at its end, because short keys that
/// differ little have hashes that differ little.
fn owner(key: &str, owners: usize) -> usize {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    usize::try_from((hash ^ (hash >> 33)) % owners as u64).unwrap_or(0)
}
