//! How long a message between servers travels (spec §5.2).

use std::fmt;
use std::str::FromStr;

use crate::bench::random::{Stream, exponential, uniform};

/// The shape of latencies around their mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distribution {
    /// Always the mean.
    #[default]
    Constant,
    /// Uniform in [0, 2 × mean).
    Uniform,
    /// Exponential, unbounded.
    Exponential,
}

impl Distribution {
    /// All of them.
    pub const ALL: [Distribution; 3] =
        [Distribution::Constant, Distribution::Uniform, Distribution::Exponential];

    /// As on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Distribution::Constant => "constant",
            Distribution::Uniform => "uniform",
            Distribution::Exponential => "exponential",
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Distribution {
    type Err = String;

    fn from_str(text: &str) -> Result<Distribution, String> {
        let known = Distribution::ALL.into_iter().find(|distribution| distribution.as_str() == text);
        known.ok_or_else(|| {
            format!("`{text}` is not a latency distribution; there are constant, uniform and exponential")
        })
    }
}

/// One-way latency of messages neither end of which is a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Its mean in milliseconds; 0 is allowed with each distribution.
    pub mean_ms: u64,
    /// Its distribution.
    pub distribution: Distribution,
}

impl Latency {
    /// One latency, in whole milliseconds as in Maelstrom.
    pub fn draw_ms(self, rng: &mut Stream) -> u64 {
        match self.distribution {
            Distribution::Constant => self.mean_ms,
            Distribution::Uniform => uniform(rng, self.mean_ms),
            Distribution::Exponential => exponential(rng, self.mean_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::random::Seed;

    #[test]
    fn each_distribution_keeps_its_mean() {
        for (distribution, expected, tolerance) in [
            (Distribution::Constant, 100.0, 0.0),
            (Distribution::Uniform, 99.5, 2.0),
            (Distribution::Exponential, 99.5, 3.0),
        ] {
            let mut rng = Seed(1).stream("test", 0);
            let latency = Latency { mean_ms: 100, distribution };
            let total: u64 = (0..10_000).map(|_| latency.draw_ms(&mut rng)).sum();
            let mean = total as f64 / 10_000.0;
            assert!((mean - expected).abs() <= tolerance, "{distribution}: {mean}");
        }
    }

    #[test]
    fn only_exponential_latency_exceeds_twice_its_mean() {
        for (distribution, least, most) in [
            (Distribution::Constant, 100..101, 100..101),
            (Distribution::Uniform, 0..3, 197..200),
            (Distribution::Exponential, 0..3, 500..u64::MAX),
        ] {
            let mut rng = Seed(2).stream("test", 0);
            let latency = Latency { mean_ms: 100, distribution };
            let draws: Vec<u64> = (0..1000).map(|_| latency.draw_ms(&mut rng)).collect();
            let (min, max) = (draws.iter().min().unwrap(), draws.iter().max().unwrap());
            assert!(least.contains(min) && most.contains(max), "{distribution}: {min} to {max}");
        }
    }

    #[test]
    fn a_mean_of_zero_is_no_latency() {
        let mut rng = Seed(1).stream("test", 0);
        for distribution in Distribution::ALL {
            assert_eq!(Latency { mean_ms: 0, distribution }.draw_ms(&mut rng), 0);
        }
    }

    #[test]
    fn a_distribution_is_known_by_its_name() {
        for distribution in Distribution::ALL {
            assert_eq!(distribution.to_string().parse(), Ok(distribution));
        }
        let error = "gauss".parse::<Distribution>().unwrap_err();
        assert_eq!(
            error,
            "`gauss` is not a latency distribution; there are constant, uniform and exponential"
        );
    }
}
