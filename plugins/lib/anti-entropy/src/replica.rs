//! One node's part of the algorithm, as a state machine: time and batches go in, batches come out.

use serde::{Deserialize, Serialize};

use crate::link::{Ack, Batch, Link};
use crate::log::Log;
use crate::part::Part;

/// A child that has been silent for so long is forgotten; it will call again.
const LEASE_MS: u64 = 12_000;

/// How long before its parent's flush a batch should arrive, so that it goes on at once, whatever the interval.
const LEAST_MARGIN_MS: u64 = 10;

/// The longest such time: each of two nodes that are 50 ms late, the sender to send and the parent to look at the batch.
const MOST_MARGIN_MS: u64 = 100;

/// A phase that seems later than it was counts for one part in so many.
const PHASE_SMOOTHING: u64 = 64;

/// The state of one node.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Replica<P: Part> {
    me: usize,
    incarnation: u64,
    log: Log<P>,
    /// One for each node, this one included.
    links: Vec<Link>,
    flush_every: u64,
    next_flush: u64,
    /// When, modulo `flush_every`, a flush arrives at the parent just before the parent's own.
    phase: Option<u64>,
    /// Which life of which parent that is the phase of.
    #[serde(default)]
    in_step_with: Option<(usize, u64)>,
}

impl<P: Part> Replica<P> {
    /// A node without memory: number `me` of `nodes`, flushing every `flush_every` milliseconds.
    pub fn new(me: usize, nodes: usize, flush_every: u64) -> Self {
        Replica {
            me,
            incarnation: 0,
            log: Log::default(),
            links: (0..nodes).map(|_| Link::default()).collect(),
            flush_every,
            next_flush: 0,
            phase: None,
            in_step_with: None,
        }
    }

    /// Starts the clock of a node in a new life.
    pub fn start(&mut self, incarnation: u64, now: u64) {
        self.incarnation = incarnation;
        self.next_flush = now;
    }

    /// The number of this life of the node.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// All parts known.
    pub fn parts(&self) -> impl Iterator<Item = &P> {
        self.log.parts()
    }

    /// Joins a part of this node's own.
    pub fn join(&mut self, part: P) {
        self.log.join(part, None);
    }

    /// Takes a batch. Returns the batch to send back at once, if one is.
    pub fn receive(&mut self, peer: usize, batch: &Batch<P>, now: u64) -> Option<Batch<P>> {
        let position = match self.links[peer].heard {
            Some(heard) if heard.incarnation == batch.incarnation => heard.upto,
            _ => {
                self.log.forget_source(peer);
                self.links[peer].settled = 0;
                self.links[peer].sent = 0;
                0
            }
        };
        for part in &batch.parts {
            self.log.join(part.clone(), Some(peer));
        }
        let gap = batch.from > position;
        let upto = if gap { position } else { position.max(batch.upto) };
        let link = &mut self.links[peer];
        link.heard = Some(Ack { incarnation: batch.incarnation, upto });
        link.is_child = batch.child;
        link.note_clocks(batch, now);
        let acked = batch.ack.filter(|ack| ack.incarnation == self.incarnation).map_or(0, |ack| ack.upto);
        link.note_ack(acked.min(self.log.end()), now);
        if self.parent() == Some(peer) {
            self.align((peer, batch.incarnation), batch.next_flush_in, now);
        }
        (batch.confirm || gap).then(|| self.batch(peer, now))
    }

    /// What is to be sent by now.
    pub fn due(&mut self, now: u64) -> Vec<(usize, Batch<P>)> {
        let flush = now >= self.next_flush;
        if flush {
            self.schedule_flush(now, self.flush_every / 2);
        }
        let mut due = Vec::new();
        for peer in 0..self.links.len() {
            if !self.is_active(peer, now) {
                self.links[peer].question = None;
            } else if self.is_due(peer, flush, now) {
                due.push((peer, self.batch(peer, now)));
            }
        }
        due
    }

    /// When [`due`](Self::due) is to be called next.
    pub fn next_due(&self) -> u64 {
        let retries = self.links.iter().filter_map(|link| link.question).map(|question| question.retry_at);
        retries.fold(self.next_flush, u64::min)
    }

    /// Whether something must go to an active peer now. Opens or repeats a question where one is due.
    fn is_due(&mut self, peer: usize, flush: bool, now: u64) -> bool {
        let upstream = self.is_upstream(peer);
        let link = &mut self.links[peer];
        link.skip_known(&self.log, peer);
        let fresh = flush && link.sent < self.log.end();
        let ask = match link.question {
            Some(question) => now >= question.retry_at,
            None => flush && (link.is_unconfirmed(now) || upstream && link.is_silent(now)),
        };
        if ask {
            link.ask(now);
        }
        fresh || ask
    }

    /// All that a peer has not confirmed, and all that it should know besides.
    fn batch(&mut self, peer: usize, now: u64) -> Batch<P> {
        let child = self.is_upstream(peer);
        let upto = self.log.end();
        let link = &mut self.links[peer];
        let parts = self.log.unknown_to(peer, link.acked);
        link.note_sent(upto, child, now);
        Batch {
            incarnation: self.incarnation,
            from: link.acked,
            upto,
            parts,
            ack: link.heard,
            child,
            confirm: link.question.is_some(),
            at: now,
            echo: link.echo(now),
            next_flush_in: self.next_flush.saturating_sub(now),
        }
    }

    /// The node that passes parts on to this one: the first in the cluster's order that answers, if it comes before
    /// this one.
    fn parent(&self) -> Option<usize> {
        (0..self.me).find(|&peer| !self.links[peer].is_suspect())
    }

    /// Whether a peer is the parent, or one that would be if it answered: those are asked again and again.
    fn is_upstream(&self, peer: usize) -> bool {
        peer < self.me && self.parent().is_none_or(|parent| peer <= parent)
    }

    fn is_active(&self, peer: usize, now: u64) -> bool {
        let link = &self.links[peer];
        self.is_upstream(peer) || link.is_child && now.saturating_sub(link.last_heard) < LEASE_MS
    }

    /// Takes the parent's rhythm: half a round trip ago it was to flush in `next_flush_in`, and half a round trip before
    /// that flush is when this node should.
    fn align(&mut self, parent: (usize, u64), next_flush_in: u64, now: u64) {
        let Some(rtt) = self.links[parent.0].rtt() else { return };
        let late = (rtt + margin_ms(self.flush_every)) % self.flush_every;
        let phase = (now + next_flush_in % self.flush_every + self.flush_every - late) % self.flush_every;
        let is_in_step = self.in_step_with.replace(parent) == Some(parent);
        match self.phase.filter(|_| is_in_step) {
            Some(known) => self.phase = Some(self.earlier(known, phase)),
            None => {
                self.phase = Some(phase);
                self.schedule_flush(now, 0);
            }
        }
    }

    /// Of two phases the one that comes first. A batch may have been looked at late, so a later one counts for little: as
    /// much as it takes to follow a parent whose rhythm shifts.
    fn earlier(&self, known: u64, new: u64) -> u64 {
        let period = self.flush_every;
        let later_by = (new + period - known) % period;
        if later_by > period / 2 { new } else { (known + later_by.div_ceil(PHASE_SMOOTHING)) % period }
    }

    /// The next flush is the first moment in phase that is not too close to the present one.
    fn schedule_flush(&mut self, now: u64, shortest_gap: u64) {
        let period = self.flush_every;
        let earliest = now + shortest_gap;
        // Without a parent the rhythm is this node's own, and being late once does not shift it.
        let phase = self.phase.unwrap_or(self.next_flush % period);
        self.next_flush = earliest + (phase + period - earliest % period) % period;
    }
}

/// What misses the parent's flush waits for another interval; so the longer that is, the more it is worth not to.
fn margin_ms(interval_ms: u64) -> u64 {
    (interval_ms / 10).clamp(LEAST_MARGIN_MS, MOST_MARGIN_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Echo;

    #[test]
    fn a_batch_that_claims_nonsense_does_no_harm() {
        const MOST: u64 = u64::MAX;
        let mut replica = Replica::new(1, 3, 320);
        replica.start(7, 1000);
        replica.join(1);
        replica.due(1000);
        for (from, upto) in [(0, MOST), (MOST, 0), (MOST, MOST)] {
            let ack = Some(Ack { incarnation: 7, upto: MOST });
            let echo = Some(Echo { at: MOST, held: MOST });
            let batch = Batch {
                incarnation: 3,
                from,
                upto,
                parts: vec![2],
                ack,
                child: true,
                confirm: true,
                at: MOST,
                echo,
                next_flush_in: MOST,
            };
            assert!(replica.receive(0, &batch, 1100).is_some());
            replica.due(replica.next_due());
        }
        assert!(replica.parts().eq(&[1, 2]));
        assert!(replica.next_due() < 5000);
    }
}
