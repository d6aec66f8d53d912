//! The links between the nodes of a test cluster: latency, loss, duplication, cuts.

use std::collections::BTreeSet;
use std::time::Duration;

/// How messages between nodes fare.
pub(super) struct Network {
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    /// How late a node may be to look at what has come, or at a timer.
    pub(super) scheduling_delay: Duration,
    pub(super) loss: f64,
    pub(super) duplication: f64,
    /// Links that are cut: from, to.
    pub(super) cut: BTreeSet<(String, String)>,
    random: Random,
}

impl Network {
    pub(super) fn new(latency: Duration, seed: u64) -> Self {
        let cut = BTreeSet::new();
        let (jitter, scheduling_delay) = (Duration::ZERO, Duration::ZERO);
        Network { latency, jitter, scheduling_delay, loss: 0.0, duplication: 0.0, cut, random: Random(seed) }
    }

    /// How late a node is this time.
    pub(super) fn scheduling_delay(&mut self) -> Duration {
        if self.scheduling_delay.is_zero() {
            return Duration::ZERO;
        }
        self.scheduling_delay.mul_f64(self.random.fraction())
    }

    pub(super) fn is_cut(&self, src: &str, dest: &str) -> bool {
        !self.cut.is_empty() && self.cut.contains(&(src.to_owned(), dest.to_owned()))
    }

    /// How long one message is under way.
    pub(super) fn delay(&mut self) -> Duration {
        self.latency + self.jitter.mul_f64(self.random.fraction())
    }

    /// After how long a message between two nodes arrives: not at all, once, or twice.
    pub(super) fn deliveries(&mut self, src: &str, dest: &str) -> Vec<Duration> {
        if self.is_cut(src, dest) || self.random.fraction() < self.loss {
            return Vec::new();
        }
        let copies = if self.random.fraction() < self.duplication { 2 } else { 1 };
        (0..copies).map(|_| self.delay()).collect()
    }
}

/// SplitMix64 (Steele, Lea, Flood, 2014): small, fast, and good enough to choose faults.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in [0, 1).
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A seed for one incarnation of one node (FNV-1a, stirred).
pub(super) fn hash(name: &str, incarnation: u64) -> u64 {
    let bytes = name.bytes().chain(incarnation.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Random(hash).next()
}
