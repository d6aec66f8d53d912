//! What a leader remembers: of each follower, of reads that wait, and of what it has to send.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::log::Index;
use crate::members::{Incarnation, Slot};
use crate::message::Grant;
use crate::timing::Millis;

/// The state of a term of office.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Leadership {
    /// The index of the first entry of the term.
    pub(crate) first: Index,
    /// By slot; the leader's own is not used.
    pub(crate) followers: Vec<Follower>,
    /// Numbers the messages to followers.
    pub(crate) round: u64,
    /// Reads that wait for a majority to confirm the leader, oldest first.
    pub(crate) reads: VecDeque<Reads>,
    /// Whether there is something that a majority has to hear of.
    pub(crate) dirty: bool,
    /// Before this time no new batch is sent.
    pub(crate) next_batch_at: Millis,
    /// When something was last committed or confirmed, or nothing was waiting for that.
    pub(crate) progress_at: Millis,
    /// Until then everyone gets everything at once, not only the nearest majority.
    pub(crate) generous_until: Millis,
}

/// What a leader knows of a follower.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Follower {
    /// The life that answered last.
    pub(crate) incarnation: Option<Incarnation>,
    /// The next entry to send.
    pub(crate) next: Index,
    /// How far its log is known to agree.
    pub(crate) matched: Index,
    /// The latest round that it has answered.
    pub(crate) acked: u64,
    /// Conflicts in earlier rounds are settled already.
    pub(crate) rewound_in: u64,
    pub(crate) heard_at: Millis,
    /// When it was last sent something that wants an answer.
    pub(crate) asked_at: Millis,
    pub(crate) rtt_ms: Option<Millis>,
    /// Whether it waits for news: a commit index or a grant.
    pub(crate) wants_news: bool,
    pub(crate) grant: Option<Grant>,
}

/// Reads of one node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reads {
    pub(crate) slot: Slot,
    pub(crate) grant: Grant,
    /// The first round that was sent after they had come.
    pub(crate) confirmed_by: u64,
}

impl Leadership {
    pub(crate) fn new(slots: usize, first: Index, now: Millis) -> Self {
        let follower = || Follower {
            incarnation: None,
            next: first,
            matched: 0,
            acked: 0,
            rewound_in: 0,
            heard_at: now,
            asked_at: now,
            rtt_ms: None,
            wants_news: false,
            grant: None,
        };
        Leadership {
            first,
            followers: (0..slots).map(|_| follower()).collect(),
            round: 0,
            reads: VecDeque::new(),
            dirty: false,
            next_batch_at: now,
            progress_at: now,
            generous_until: now,
        }
    }
}

impl Follower {
    /// Starts from nothing with another life of the node.
    pub(crate) fn meet(&mut self, incarnation: Incarnation, acked: u64) {
        self.incarnation = Some(incarnation);
        self.matched = 0;
        self.acked = acked;
        self.grant = None;
    }
}
