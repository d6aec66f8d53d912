//! What a node knows about one peer: how far the peer has this node's changes, how far this node has the peer's, and
//! when the next batch is due. All times are counts of intervals.

use serde::{Deserialize, Serialize};

/// Which changes of its sender a batch covers, and what the sender has of the receiver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The sender's life: another number means that it has lost its memory since.
    pub incarnation: u64,
    /// The batch covers the positions `from..upto`; what is before `from` the receiver has confirmed.
    pub from: u64,
    /// See [`from`](Self::from).
    pub upto: u64,
    /// How far the sender has the receiver's changes, if it has ever heard from it.
    pub ack: Option<Ack>,
    /// Whether there is something in here that the receiver should confirm.
    pub confirm: bool,
}

/// How far the sender of a batch has the receiver's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Which life of the receiver this is about.
    pub incarnation: u64,
    /// All positions before this one.
    pub upto: u64,
}

/// How many intervals to wait for what.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Patience {
    /// Before the same is sent again, when there is nothing new.
    pub repeat: u64,
    /// Before a peer that confirms nothing is taken to be cut off.
    pub suspect: u64,
    /// Between batches to such a peer, or to one that has never been heard.
    pub probe: u64,
}

impl Patience {
    pub fn of(interval_ms: u64) -> Self {
        let at_least = |ms: u64, intervals: u64| ms.div_ceil(interval_ms).max(intervals);
        Patience { repeat: at_least(200, 2), suspect: at_least(2000, 4), probe: at_least(1000, 1) }
    }
}

/// One peer.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Link {
    /// The peer has this node's changes before this position.
    pub acked: u64,
    /// Before this position there is nothing that the peer needs.
    pub settled: u64,
    /// What is before this position has been sent, perhaps in vain.
    pub sent: u64,
    /// Since when the peer has confirmed nothing of what was sent.
    waiting_since: Option<u64>,
    last_sent: Option<u64>,
    /// How far this node has the peer's changes.
    pub heard: Option<Ack>,
    /// Whether the peer waits for an acknowledgement.
    pub owes_ack: bool,
}

impl Link {
    /// Whether a batch must go now, given where this node's changes end.
    pub fn is_due(&self, end: u64, now: u64, patience: Patience) -> bool {
        let paused = |intervals| self.last_sent.is_none_or(|last| now - last >= intervals);
        let is_suspect = self.waiting_since.is_some_and(|since| now - since >= patience.suspect);
        let pause = match self.sent < end {
            _ if is_suspect => patience.probe,
            true => 1,
            false => patience.repeat,
        };
        self.owes_ack && paused(1)
            || self.settled < end && paused(pause)
            || self.heard.is_none() && paused(patience.probe)
    }

    /// Takes note that everything up to `end` goes to the peer now.
    pub fn note_sent(&mut self, end: u64, now: u64) {
        if self.settled < end {
            self.waiting_since.get_or_insert(now);
        }
        self.sent = end;
        self.last_sent = Some(now);
        self.owes_ack = false;
    }

    /// Passes over what does not concern the peer, given the next position from another one on that does.
    pub fn skip(&mut self, next: impl Fn(u64) -> u64) {
        self.settled = next(self.settled);
        self.sent = next(self.sent.max(self.settled));
        if self.settled == self.sent {
            self.waiting_since = None;
        }
    }

    /// Takes note of how far the peer has this node's changes. The peer's word counts even if it takes an earlier one
    /// back: then a life of it has ended, and what it lacks is to be sent anew.
    pub fn note_ack(&mut self, upto: u64, now: u64) {
        if upto < self.acked {
            self.settled = upto;
            self.sent = upto;
        }
        if upto != self.acked {
            self.waiting_since = Some(now);
        }
        self.acked = upto;
        self.settled = self.settled.max(upto);
        self.sent = self.sent.max(upto);
    }
}
