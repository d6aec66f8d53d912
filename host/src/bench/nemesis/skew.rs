//! A clock that is wrong.

use rand::RngExt;

use crate::bench::random::Stream;

/// How wrong a node's clock is: it has jumped, and runs too fast or too slow since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// The jump, from 4 ms to about four minutes, forwards or backwards, as far as Jepsen's clock nemesis
    /// bumps clocks.
    pub offset_ms: i64,
    /// How many microseconds the clock gains in each second; down to minus and up to plus 100,000, a tenth.
    pub gain_ppm: i64,
}

impl Skew {
    /// A random skew: small jumps are as likely as large ones.
    pub fn draw(rng: &mut Stream) -> Skew {
        let least_ms = 1 << rng.random_range(2..18);
        let offset_ms = rng.random_range(least_ms..2 * least_ms);
        let sign = if rng.random() { 1 } else { -1 };
        Skew { offset_ms: sign * offset_ms, gain_ppm: rng.random_range(-100_000..=100_000) }
    }

    /// What a clock shows that should show `now_ns` and has been wrong since it should have shown `since_ns`.
    /// No clock goes below 0.
    pub fn reading_ns(self, now_ns: u64, since_ns: u64) -> u64 {
        let elapsed_ns = i128::from(now_ns.saturating_sub(since_ns));
        let error_ns =
            i128::from(self.offset_ms) * 1_000_000 + elapsed_ns * i128::from(self.gain_ppm) / 1_000_000;
        let reading_ns = (i128::from(now_ns) + error_ns).max(0);
        u64::try_from(reading_ns).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::random::Seed;

    const S: u64 = 1_000_000_000;

    #[test]
    fn a_skewed_clock_jumps_and_then_drifts() {
        let skew = Skew { offset_ms: 2000, gain_ppm: -100_000 };
        assert_eq!(skew.reading_ns(100 * S, 100 * S), 102 * S);
        assert_eq!(skew.reading_ns(110 * S, 100 * S), 111 * S);
    }

    #[test]
    fn a_clock_stays_within_its_range() {
        let (back, forth) =
            (Skew { offset_ms: -5000, gain_ppm: 0 }, Skew { offset_ms: 5000, gain_ppm: 100_000 });
        assert_eq!(back.reading_ns(S, S), 0);
        assert_eq!(forth.reading_ns(u64::MAX, 0), u64::MAX);
    }

    #[test]
    fn skews_go_both_ways_and_stay_within_their_bounds() {
        let mut rng = Seed(1).stream("test", 0);
        let skews: Vec<_> = (0..1000).map(|_| Skew::draw(&mut rng)).collect();
        assert!(
            skews.iter().all(|s| (4..1 << 18).contains(&s.offset_ms.abs()) && s.gain_ppm.abs() <= 100_000)
        );
        let forwards = skews.iter().filter(|skew| skew.offset_ms > 0).count();
        let fast = skews.iter().filter(|skew| skew.gain_ppm > 0).count();
        let small = skews.iter().filter(|skew| skew.offset_ms.abs() < 1024).count();
        assert!(
            [forwards, fast, small].iter().all(|count| count.abs_diff(500) < 60),
            "{forwards} {fast} {small}"
        );
    }
}
