//! What a node knows about one peer: how far the peer has its log, how far it has the peer's, and whether the peer still
//! answers. All times are milliseconds of this node's clock.

use serde::{Deserialize, Serialize};

use crate::log::Log;
use crate::part::Part;

/// How long a sender waits for an acknowledgement that comes by itself, with the next batch, before it asks for one.
const PATIENCE_MS: u64 = 1000;

/// How old the oldest unacknowledged part may get while there are always newer ones to send.
const OLDEST_UNACKED_MS: u64 = 4000;

/// A parent that has been silent for so long is asked whether it still lives.
const KEEPALIVE_MS: u64 = 5000;

/// The pause before a question for confirmation is repeated grows up to this, or to one and a half round trips.
const LONGEST_RETRY_MS: u64 = 800;

/// The shortest such pause.
const SHORTEST_RETRY_MS: u64 = 100;

/// The round trip assumed as long as none has been measured.
const UNKNOWN_RTT_MS: u64 = 250;

/// The longest round trip believed. A clock that is set forward between a question and its answer makes it seem hours,
/// and for hours nothing would be asked again.
const LONGEST_RTT_MS: u64 = 2000;

/// A peer that has not answered a question for so long (and for four round trips) is suspected to be dead or cut off.
const SUSPECT_AFTER_MS: u64 = 4000;

/// A part of the sender's log, and the sender's knowledge of the receiver's.
///
/// A plugin has a message of this content, of the type `batch`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Batch<P> {
    /// Drawn when the sender started: another number means that it has lost its memory since.
    pub(crate) incarnation: u64,
    /// Positions `from..upto` of the sender's log are in here; those before `from` the receiver has confirmed.
    pub(crate) from: u64,
    /// See [`from`](Self::from).
    pub(crate) upto: u64,
    /// The parts at these positions, without those that came from the receiver.
    pub(crate) parts: Vec<P>,
    /// How far the sender has the receiver's log.
    pub(crate) ack: Option<Ack>,
    /// Whether the sender relies on the receiver to pass values on to it.
    pub(crate) child: bool,
    /// Whether the sender wants a batch in return at once.
    pub(crate) confirm: bool,
    /// The sender's clock.
    pub(crate) at: u64,
    /// The receiver's clock, as the sender saw it last, and for how long the sender has held it.
    pub(crate) echo: Option<Echo>,
    /// After how long the sender will send its next batches.
    pub(crate) next_flush_in: u64,
}

/// How far the sender of a batch has the receiver's log.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ack {
    /// Which life of the receiver this is about.
    pub incarnation: u64,
    /// All positions before this one.
    pub upto: u64,
}

/// A clock reading on its way back, as in NTP.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Echo {
    /// What the clock said.
    pub at: u64,
    /// How long ago its batch arrived.
    pub held: u64,
}

/// One peer.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Link {
    /// The peer has this node's log before this position.
    pub acked: u64,
    /// Before this position there is nothing that the peer has not confirmed or sent itself.
    pub settled: u64,
    /// This node's log before this position has been sent, perhaps in vain.
    pub sent: u64,
    /// When the oldest part sent but not acknowledged went out.
    unacked_since: Option<u64>,
    last_sent: u64,
    /// How far this node has the peer's log.
    pub heard: Option<Ack>,
    pub last_heard: u64,
    /// Whether the peer relies on this node.
    pub is_child: bool,
    /// Whether the peer has been told that this node relies on it.
    told_child: bool,
    /// The question for confirmation that is open.
    pub question: Option<Question>,
    /// The peer's clock in its last batch, and when that came.
    peer_clock: Option<(u64, u64)>,
    /// Eight times the smoothed round-trip time (Jacobson, 1988).
    rtt_times_8: Option<u64>,
}

/// A question for confirmation, repeated until it is answered.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Question {
    /// When it was asked first.
    since: u64,
    /// When it is to be asked again.
    pub retry_at: u64,
    /// How long it has been from the last time to then.
    pause: u64,
}

impl Link {
    /// Whether the peer has left a question unanswered for too long to be relied on, as of the last time it was asked.
    pub fn is_suspect(&self) -> bool {
        let patience = SUSPECT_AFTER_MS.max(4 * self.rtt().unwrap_or(0));
        self.question.is_some_and(|question| self.last_sent.saturating_sub(question.since) >= patience)
    }

    /// Whether it is time to ask what has become of what was sent.
    pub fn is_unconfirmed(&self, now: u64) -> bool {
        self.unacked_since.is_some_and(|since| {
            now.saturating_sub(since) >= OLDEST_UNACKED_MS
                || now.saturating_sub(self.last_sent) >= PATIENCE_MS
        })
    }

    /// Whether it is time to ask a parent for a sign of life, or to tell it that it is one.
    pub fn is_silent(&self, now: u64) -> bool {
        !self.told_child || now.saturating_sub(self.last_heard) >= KEEPALIVE_MS
    }

    /// Passes over what needs no sending, or no confirmation, because the peer sent it itself.
    pub fn skip_known<P: Part>(&mut self, log: &Log<P>, peer: usize) {
        self.settled = log.skip_known_to(peer, self.settled);
        self.sent = log.skip_known_to(peer, self.sent.max(self.settled));
        if self.settled == self.sent {
            self.unacked_since = None;
        }
    }

    /// Takes note that the log up to a position goes to the peer now.
    pub fn note_sent(&mut self, upto: u64, as_child: bool, now: u64) {
        if self.settled < upto {
            self.unacked_since.get_or_insert(now);
        }
        self.sent = upto;
        self.last_sent = now;
        self.told_child = as_child;
    }

    /// The smoothed round-trip time, once there is one.
    pub fn rtt(&self) -> Option<u64> {
        self.rtt_times_8.map(|times_8| times_8 / 8)
    }

    /// Opens a question for confirmation, or repeats the open one.
    pub fn ask(&mut self, now: u64) {
        let shortest = SHORTEST_RETRY_MS.max(self.rtt().unwrap_or(UNKNOWN_RTT_MS) * 3 / 2);
        let longest = LONGEST_RETRY_MS.max(shortest);
        let (since, pause) = match self.question {
            Some(open) => (open.since, (2 * open.pause).min(longest)),
            None => (now, shortest),
        };
        self.question = Some(Question { since, retry_at: now + pause, pause });
    }

    /// Takes note of the clocks in a batch: the round trip, and whether the peer has heard this node's question.
    pub fn note_clocks<P>(&mut self, batch: &Batch<P>, now: u64) {
        self.last_heard = now;
        self.peer_clock = Some((batch.at, now));
        let Some(echo) = batch.echo else { return };
        let sample = now.saturating_sub(echo.at).saturating_sub(echo.held).min(LONGEST_RTT_MS);
        self.rtt_times_8 =
            Some(self.rtt_times_8.map_or(8 * sample, |times_8| times_8 - times_8 / 8 + sample));
        self.question = self.question.filter(|question| echo.at < question.since);
    }

    /// The peer's clock, to be sent back.
    pub fn echo(&self, now: u64) -> Option<Echo> {
        self.peer_clock.map(|(at, received)| Echo { at, held: now.saturating_sub(received) })
    }

    /// Takes note of how far the peer has this node's log. The peer's word counts even if it takes an earlier one back:
    /// then it has lost its memory, and what it lacks is to be sent anew.
    pub fn note_ack(&mut self, upto: u64, now: u64) {
        if upto < self.acked {
            self.settled = upto;
            self.sent = upto;
        }
        if upto != self.acked {
            self.unacked_since = Some(now);
        }
        self.acked = upto;
        self.settled = self.settled.max(upto);
        self.sent = self.sent.max(upto);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_forward_does_not_put_off_the_next_question_for_long() {
        let mut link = Link::default();
        let batch = Batch::<i64> {
            incarnation: 1,
            from: 0,
            upto: 0,
            parts: Vec::new(),
            ack: None,
            child: false,
            confirm: false,
            at: 0,
            echo: Some(Echo { at: 1000, held: 0 }),
            next_flush_in: 0,
        };
        let an_hour_later = 3_601_000;
        link.note_clocks(&batch, an_hour_later);
        link.ask(an_hour_later);
        let retry_at = link.question.map(|question| question.retry_at);
        assert_eq!(retry_at, Some(an_hour_later + LONGEST_RTT_MS * 3 / 2));
    }
}
