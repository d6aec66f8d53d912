//! How long to wait for what, derived from the measured round trip. Wrong values cost time, never correctness.

use serde::{Deserialize, Serialize};

/// Milliseconds on a server's own time. It may run fast, slow or in jumps; nothing but the liveness depends on it.
pub type Millis = u64;

/// Assumed until measured: Maelstrom's usual latency of 100 ms, there and back.
const ASSUMED_RTT_MS: Millis = 200;
/// What an election timeout allows for besides messages: long against scheduling delays of an ordinary machine.
const ELECTION_MARGIN_MS: Millis = 300;
/// Longest election timeout: a bound against absurd measurements.
const MAX_ELECTION_MS: Millis = 10_000;
/// Longest pause between two batches: short against the patience of a client.
const MAX_PACE_MS: Millis = 50;

/// The round trip, and what follows from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Timing {
    rtt_ms: Option<Millis>,
    random: u64,
}

impl Timing {
    /// Nothing is measured yet; `seed` decides all that is random.
    pub fn new(seed: u64) -> Self {
        Timing { rtt_ms: None, random: seed }
    }

    /// The round trip to the nearest majority.
    pub fn rtt(&self) -> Millis {
        self.rtt_ms.unwrap_or(ASSUMED_RTT_MS)
    }

    /// Takes a round trip measured by the leader.
    pub fn learn(&mut self, rtt_ms: Millis) {
        self.rtt_ms = Some(rtt_ms.min(MAX_ELECTION_MS));
    }

    /// The shortest time without a leader after which there may be an election. A ballot, which takes two round trips,
    /// is over by then too.
    pub fn election(&self) -> Millis {
        (2 * self.rtt() + ELECTION_MARGIN_MS).min(MAX_ELECTION_MS)
    }

    /// The same plus up to as much again, so that seldom two servers stand at once.
    pub fn random_election(&mut self) -> Millis {
        let shortest = self.election();
        shortest + self.next_random() % shortest
    }

    /// The time between heartbeats: three fit into an election timeout.
    pub fn heartbeat(&self) -> Millis {
        self.election() / 3
    }

    /// After how long an answer is overdue.
    pub fn overdue(&self) -> Millis {
        self.rtt() * 3 / 2 + 20
    }

    /// After how long a forwarded request is sent again: when all is well it takes two round trips and waits for a batch.
    pub fn resend(&self) -> Millis {
        2 * self.rtt() + self.pace() + 30
    }

    /// The least time between two batches in one direction.
    pub fn pace(&self) -> Millis {
        (self.rtt() / 4).min(MAX_PACE_MS)
    }

    /// SplitMix64 (Steele, Lea, Flood, 2014).
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A smoothed round trip: up at once, down slowly, because a timeout that is too short does more harm.
pub fn smoothed(previous: Option<Millis>, sample: Millis) -> Millis {
    previous.map_or(sample, |previous| sample.max((7 * previous + sample) / 8))
}
