//! All the randomness of a run: one seed, and from it a stream of its own for each purpose, so that a draw
//! added in one place reshuffles nothing elsewhere. The samplers use integers only and give the same numbers
//! on every machine. To choose and to shuffle, use rand's `IndexedRandom` and `SliceRandom`.

use std::fmt;
use std::str::FromStr;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A source of random numbers for one purpose.
pub type Stream = ChaCha8Rng;

/// What a whole run is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream for a purpose, such as `latency` or `nemesis/partition`, and a number that tells equals
    /// apart, such as a node's. The same arguments give the same stream; any other arguments an independent
    /// one.
    pub fn stream(self, purpose: &str, index: u64) -> Stream {
        let mut key = blake3::Hasher::new();
        key.update(&self.0.to_le_bytes()).update(&index.to_le_bytes()).update(purpose.as_bytes());
        Stream::from_seed(*key.finalize().as_bytes())
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Seed, String> {
        text.parse().map(Seed).map_err(|_| "a seed is a whole number from 0 to 2^64 - 1".to_owned())
    }
}

/// Uniform in [0, 2 × mean): the gaps between operations and between faults (spec §10.1, §11.1). In the unit
/// of the mean; 0 when that is 0.
pub fn uniform(rng: &mut Stream, mean: u64) -> u64 {
    if mean == 0 { 0 } else { rng.random_range(0..mean.saturating_mul(2)) }
}

/// Exponential with this mean, rounded down, in the unit of the mean. By von Neumann's method ("Various
/// techniques used in connection with random digits", 1951), which compares uniform numbers and needs no
/// logarithm, whose last digits differ from one mathematical library to the next.
pub fn exponential(rng: &mut Stream, mean: u64) -> u64 {
    let mut whole = 0_u64;
    loop {
        let fraction = rng.next_u64();
        if has_odd_falling_run(rng, fraction) {
            let part = (u128::from(fraction) * u128::from(mean)) >> 64;
            return whole.saturating_mul(mean).saturating_add(part as u64);
        }
        whole += 1;
    }
}

/// Whether the falling run of uniform numbers that begins with `first` = x × 2⁶⁴ has odd length: with
/// probability e⁻ˣ.
fn has_odd_falling_run(rng: &mut Stream, first: u64) -> bool {
    let (mut last, mut is_odd) = (first, true);
    loop {
        let next = rng.next_u64();
        if next >= last {
            return is_odd;
        }
        (last, is_odd) = (next, !is_odd);
    }
}

/// A probability: a number from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Probability(f64);

impl Probability {
    /// Of what does not happen.
    pub const NEVER: Probability = Probability(0.0);

    /// So many times in a hundred, at most 100.
    pub const fn percent(percent: u8) -> Probability {
        assert!(percent <= 100);
        Probability(percent as f64 / 100.0)
    }

    /// The number, if it is one from 0 to 1.
    pub fn new(number: f64) -> Option<Probability> {
        (0.0..=1.0).contains(&number).then_some(Probability(number))
    }

    /// As a number from 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The higher of the two.
    pub fn max(self, other: Probability) -> Probability {
        Probability(self.0.max(other.0))
    }

    /// Whether it happens this time. Draws nothing for [`Probability::NEVER`].
    pub fn happens(self, rng: &mut Stream) -> bool {
        self != Probability::NEVER && rng.random_bool(self.0)
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Probability {
    type Err = String;

    fn from_str(text: &str) -> Result<Probability, String> {
        let number = text.parse().ok().and_then(Probability::new);
        number.ok_or_else(|| format!("`{text}` is not a number from 0 to 1"))
    }
}

#[cfg(test)]
mod tests {
    use rand::seq::{IndexedRandom, SliceRandom};

    use super::*;

    fn numbers<const N: usize>(mut stream: Stream) -> [u64; N] {
        std::array::from_fn(|_| stream.next_u64())
    }

    /// A seed that somebody wrote down must replay the same run years later, on any machine.
    #[test]
    fn the_numbers_of_a_seed_never_change() {
        assert_eq!(numbers(Seed(1).stream("latency", 0)), [7745764076742516564, 12948770128052690038]);
        let mut rng = Seed(42).stream("test", 7);
        assert_eq!(std::array::from_fn(|_| uniform(&mut rng, 50)), [98, 73, 96, 84]);
        assert_eq!(
            std::array::from_fn(|_| exponential(&mut rng, 1_000_000)),
            [455_270, 204_601, 694_625, 400_237, 534_796, 349_991, 2_084_834, 1_788_475]
        );
        assert_eq!(
            std::array::from_fn(|_| Probability::percent(50).happens(&mut rng)),
            [false, true, true, false]
        );
        let mut order = [0, 1, 2, 3, 4, 5, 6, 7];
        order.shuffle(&mut rng);
        assert_eq!(order, [2, 7, 1, 6, 3, 5, 0, 4]);
        assert_eq!(order.choose(&mut rng), Some(&7));
    }

    #[test]
    fn each_purpose_and_index_and_seed_has_its_own_stream() {
        let base: [u64; 4] = numbers(Seed(1).stream("load", 0));
        assert_eq!(numbers(Seed(1).stream("load", 0)), base);
        for other in [Seed(2).stream("load", 0), Seed(1).stream("loads", 0), Seed(1).stream("load", 1 << 40)]
        {
            assert_ne!(numbers(other), base);
        }
    }

    #[test]
    fn uniform_covers_its_range_and_keeps_its_mean() {
        let mut rng = Seed(3).stream("test", 0);
        let draws: Vec<_> = (0..10_000).map(|_| uniform(&mut rng, 50)).collect();
        assert_eq!((draws.iter().min(), draws.iter().max()), (Some(&0), Some(&99)));
        let mean = draws.iter().sum::<u64>() as f64 / 10_000.0;
        assert!((mean - 49.5).abs() < 1.0, "mean {mean}");
    }

    #[test]
    fn exponential_has_the_distribution_it_is_named_for() {
        let (mut rng, mean) = (Seed(4).stream("test", 0), 1_000_000);
        let draws: Vec<_> = (0..100_000).map(|_| exponential(&mut rng, mean)).collect();
        let average = draws.iter().sum::<u64>() as f64 / 1e5;
        assert!((average / 1e6 - 1.0).abs() < 0.01, "average {average}");
        for multiple in [0.1, 0.5, 1.0, 2.0, 5.0] {
            let above = draws.iter().filter(|&&draw| draw as f64 > multiple * 1e6).count() as f64 / 1e5;
            let expected = f64::exp(-multiple);
            assert!((above - expected).abs() < 0.005, "{above} beyond {multiple} means, not {expected}");
        }
    }

    #[test]
    fn extreme_means_neither_panic_nor_overflow() {
        let mut rng = Seed(5).stream("test", 0);
        for mean in [0, 1, u64::MAX / 2 + 1, u64::MAX] {
            let drawn = (uniform(&mut rng, mean), exponential(&mut rng, mean));
            assert!(mean != 0 || drawn == (0, 0));
        }
    }

    #[test]
    fn a_probability_is_a_number_from_0_to_1() {
        assert_eq!("0.25".parse(), Ok(Probability(0.25)));
        for text in ["-0.1", "1.01", "NaN", "inf", "x", ""] {
            assert_eq!(text.parse::<Probability>(), Err(format!("`{text}` is not a number from 0 to 1")));
        }
    }

    #[test]
    fn certainty_and_impossibility_are_exact() {
        let mut rng = Seed(6).stream("test", 0);
        assert!((0..1000).all(|_| Probability::percent(100).happens(&mut rng)));
        assert!(!(0..1000).any(|_| Probability::NEVER.happens(&mut rng)));
        let third = (0..10_000).filter(|_| Probability::percent(30).happens(&mut rng)).count();
        assert!(third.abs_diff(3000) < 150, "{third} of 10,000");
    }
}
