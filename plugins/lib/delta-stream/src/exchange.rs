//! One node's part of the algorithm, as a state machine: intervals, changes and headers go in, headers come out.

use guest_sdk::Notify;
use serde::{Deserialize, Serialize};

use crate::changes::{Audience, Changes};
use crate::link::{Ack, Header, Link, Patience};

/// What one node has to tell its peers, and has been told.
#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Ord + Clone + Deserialize<'de>"))]
pub struct Exchange<T> {
    me: usize,
    incarnation: u64,
    changes: Changes<T>,
    /// One for each node, this one included.
    links: Vec<Link>,
    patience: Patience,
    /// How many intervals have passed; the rests do not count.
    now: u64,
    #[serde(skip)]
    pub(crate) news: Notify,
}

/// What to do with a batch that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The peer has lost its memory since it was heard last.
    pub is_reborn: bool,
    /// This life of the node has everything that the batch relies on: only then may its content be taken.
    pub is_next: bool,
}

impl<T: Ord + Clone> Exchange<T> {
    /// For node number `me` of `nodes`, which sends a peer at most one batch each `interval_ms` (1 at least).
    pub fn new(me: usize, nodes: usize, interval_ms: u64) -> Self {
        Exchange {
            me,
            incarnation: 0,
            changes: Changes::new(),
            links: (0..nodes).map(|_| Link::default()).collect(),
            patience: Patience::of(interval_ms.max(1)),
            now: 0,
            news: Notify::default(),
        }
    }

    /// Begins a new life of the node.
    pub fn start(&mut self, incarnation: u64) {
        self.incarnation = incarnation;
    }

    /// The number of this life of the node.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// An item has changed. What concerns one peer alone is dropped once that has confirmed it.
    pub fn push(&mut self, item: T, audience: Audience) {
        self.changes.push(item, audience);
        self.news.notify();
    }

    /// An interval has passed, or a rest has ended: the peers to whom a batch must go now.
    pub fn due(&mut self) -> Vec<usize> {
        self.now += 1;
        let Exchange { me, changes, links, patience, now, .. } = self;
        let peers = links.iter_mut().enumerate().filter(|(peer, _)| peer != me);
        let due = peers.filter_map(|(peer, link)| {
            link.skip(|position| changes.next_for(peer, position));
            link.is_due(changes.end(), *now, *patience).then_some(peer)
        });
        due.collect()
    }

    /// Whether [`due`](Self::due) will find nothing before something changes or comes.
    pub fn is_at_rest(&self) -> bool {
        (0..self.links.len()).filter(|peer| *peer != self.me).all(|peer| self.has_nothing_for(peer))
    }

    fn has_nothing_for(&self, peer: usize) -> bool {
        let link = &self.links[peer];
        let nothing_new = self.changes.next_for(peer, link.settled) == self.changes.end();
        nothing_new && !link.owes_ack && link.heard.is_some()
    }

    /// The items that a batch to a peer must contain.
    pub fn content(&self, peer: usize) -> impl Iterator<Item = &T> {
        self.changes.since(self.links[peer].acked, peer)
    }

    /// The header of a batch to a peer. The batch counts as sent.
    pub fn header(&mut self, peer: usize) -> Header {
        let end = self.changes.end();
        let link = &mut self.links[peer];
        let confirm = link.settled < end;
        link.note_sent(end, self.now);
        Header { incarnation: self.incarnation, from: link.acked, upto: end, ack: link.heard, confirm }
    }

    /// Takes note of the header of a batch from a peer.
    pub fn receive(&mut self, peer: usize, header: &Header) -> Receipt {
        let link = &mut self.links[peer];
        let known = link.heard.filter(|heard| heard.incarnation == header.incarnation);
        let is_reborn = known.is_none() && link.heard.is_some();
        if is_reborn {
            *link = Link::default();
            self.changes.forget(peer);
        }
        let own = header.ack.filter(|ack| ack.incarnation == self.incarnation);
        // A batch for a former life of this node leaves out what that one knew.
        let is_for_this_life = own.is_some() || header.ack.is_none();
        let position = known.map_or(0, |heard| heard.upto);
        let is_next = is_for_this_life && header.from <= position;
        let upto = if is_next { position.max(header.upto) } else { position };
        link.heard = Some(Ack { incarnation: header.incarnation, upto });
        let confirmed = own.map_or(0, |ack| ack.upto.min(self.changes.end()));
        if confirmed > link.acked {
            self.changes.drop_confirmed(peer, link.acked..confirmed);
        }
        link.note_ack(confirmed, self.now);
        if header.confirm || own.is_none() {
            link.owes_ack = true;
        }
        if !self.has_nothing_for(peer) {
            self.news.notify();
        }
        Receipt { is_reborn, is_next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL_MS: u64 = 50;
    const SECOND: u64 = 1000 / INTERVAL_MS;

    /// Two nodes that tell each other letters, and what each has heard.
    struct Pair {
        nodes: [Exchange<char>; 2],
        heard: [String; 2],
        batches: u64,
    }

    impl Pair {
        fn new() -> Self {
            let nodes = [node(0, 100), node(1, 101)];
            Pair { nodes, heard: Default::default(), batches: 0 }
        }

        /// Lets intervals pass; `arrives` says of each batch, given its sender, whether it does.
        fn run(&mut self, intervals: u64, arrives: impl Fn(usize) -> bool) {
            for _ in 0..intervals {
                for (from, to) in [(0, 1), (1, 0)] {
                    if self.nodes[from].due() != [to] {
                        continue;
                    }
                    self.batches += 1;
                    let content: String = self.nodes[from].content(to).collect();
                    let header = self.nodes[from].header(to);
                    if arrives(from) && self.nodes[to].receive(from, &header).is_next {
                        let heard = &mut self.heard[to];
                        content.chars().for_each(|item| {
                            if !heard.contains(item) {
                                heard.push(item)
                            }
                        });
                    }
                }
            }
        }

        fn tell(&mut self, from: usize, items: &str) {
            items.chars().for_each(|item| self.nodes[from].push(item, Audience::All));
        }

        /// How many batches are sent while intervals pass.
        fn batches_in(&mut self, intervals: u64, arrives: impl Fn(usize) -> bool) -> u64 {
            let before = self.batches;
            self.run(intervals, arrives);
            self.batches - before
        }
    }

    fn node(me: usize, incarnation: u64) -> Exchange<char> {
        let mut exchange = Exchange::new(me, 2, INTERVAL_MS);
        exchange.start(incarnation);
        exchange
    }

    #[test]
    fn what_is_told_is_heard_in_order_within_an_interval() {
        let mut pair = Pair::new();
        pair.run(3, |_| true);
        pair.tell(0, "abc");
        pair.tell(1, "xy");
        pair.run(1, |_| true);
        assert_eq!(pair.heard, ["xy", "abc"]);
    }

    #[test]
    fn nodes_with_nothing_to_say_are_silent() {
        let mut pair = Pair::new();
        pair.tell(0, "abc");
        pair.run(10, |_| true);
        assert!(pair.nodes.iter().all(Exchange::is_at_rest));
        assert_eq!(pair.batches_in(60 * SECOND, |_| true), 0);
        pair.tell(0, "d");
        assert!(!pair.nodes[0].is_at_rest());
        assert_eq!(pair.batches_in(60 * SECOND, |_| true), 2, "one batch and its acknowledgement");
    }

    #[test]
    fn while_both_talk_acknowledgements_cost_nothing() {
        let mut pair = Pair::new();
        pair.run(3, |_| true);
        let before = pair.batches;
        for item in 'a'..='z' {
            pair.tell(0, &item.to_string());
            pair.tell(1, &item.to_string());
            pair.run(1, |_| true);
        }
        assert_eq!(pair.batches - before, 2 * 26);
    }

    #[test]
    fn a_lost_batch_is_made_good_by_the_next() {
        let mut pair = Pair::new();
        pair.run(3, |_| true);
        pair.tell(0, "abc");
        pair.run(1, |_| false);
        pair.tell(0, "d");
        pair.run(1, |_| true);
        assert_eq!(pair.heard[1], "abcd");
    }

    #[test]
    fn a_peer_that_confirms_nothing_gets_one_batch_a_second() {
        for deaf in [0, 1] {
            let mut pair = Pair::new();
            pair.tell(0, "a");
            pair.tell(1, "b");
            pair.run(5 * SECOND, |from| from == deaf);
            pair.tell(0, "c");
            pair.tell(1, "d");
            let batches = pair.batches_in(60 * SECOND, |from| from == deaf);
            assert!(batches <= 3 * 60, "{batches}: one each, and answers from the one that hears");
            pair.run(2 * SECOND, |_| true);
            assert_eq!(pair.heard, ["bd", "ac"]);
        }
    }

    #[test]
    fn nothing_is_taken_past_a_gap() {
        let mut pair = Pair::new();
        pair.tell(0, "ab");
        pair.run(5, |_| true);
        pair.nodes[1] = node(1, 102);
        pair.heard[1].clear();
        pair.tell(0, "c");
        let header = pair.nodes[0].header(1);
        assert_eq!(pair.nodes[1].receive(0, &header), Receipt { is_reborn: false, is_next: false });
        pair.run(5, |_| true);
        assert_eq!(pair.heard[1], "abc");
    }

    #[test]
    fn a_peer_that_lost_its_memory_is_recognised_and_told_everything() {
        let mut pair = Pair::new();
        pair.tell(0, "ab");
        pair.nodes[0].push('x', Audience::Only(1));
        pair.nodes[0].push('y', Audience::AllBut(1));
        pair.run(5, |_| true);
        assert_eq!(pair.heard[1], "abx");
        pair.nodes[1] = node(1, 102);
        pair.heard[1].clear();
        pair.nodes[1].due();
        let hello = pair.nodes[1].header(0);
        assert_eq!(pair.nodes[0].receive(1, &hello), Receipt { is_reborn: true, is_next: true });
        pair.run(5, |_| true);
        assert_eq!(pair.heard[1], "aby");
    }

    #[test]
    fn a_batch_for_a_former_life_is_not_taken() {
        let mut pair = Pair::new();
        pair.run(1, |from| from == 1);
        pair.nodes[0].push('y', Audience::AllBut(1));
        pair.nodes[0].push('z', Audience::All);
        let header = pair.nodes[0].header(1);
        assert_eq!((header.from, header.ack.map(|ack| ack.incarnation)), (0, Some(101)));
        pair.nodes[1] = node(1, 102);
        assert!(!pair.nodes[1].receive(0, &header).is_next, "it lacks `y`, which the former life knew");
        pair.run(5, |_| true);
        assert_eq!(pair.heard[1], "yz");
    }

    #[test]
    fn a_header_that_claims_nonsense_does_no_harm() {
        const MOST: u64 = u64::MAX;
        for (from, upto) in [(0, MOST), (MOST, 0), (MOST, MOST)] {
            let mut pair = Pair::new();
            pair.tell(0, "ab");
            let ack = Some(Ack { incarnation: 100, upto: MOST });
            let nonsense = Header { incarnation: 7, from, upto, ack, confirm: true };
            pair.nodes[0].receive(1, &nonsense);
            pair.run(5 * SECOND, |_| true);
            pair.tell(0, "c");
            pair.run(1, |_| true);
            assert!(pair.heard[1].ends_with('c'), "{:?}", pair.heard);
        }
    }
}
