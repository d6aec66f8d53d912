//! The faults that can be asked for on the command line.

use std::fmt;
use std::str::FromStr;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Cuts links between nodes, in one of Maelstrom's four ways (spec §10.2).
    Partition,
    /// Cuts links in one direction.
    OneWay,
    /// Kills nodes, which lose their memory, and restarts them (spec §10.3).
    Kill,
    /// Stops nodes for a while (spec §10.3).
    Pause,
    /// Loses messages between nodes.
    Loss,
    /// Delivers messages between nodes twice.
    Duplicate,
    /// Slows down links between nodes.
    Slow,
    /// Moves the clocks of nodes.
    Skew,
}

impl Fault {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Fault; 8] = [
        Fault::Partition,
        Fault::OneWay,
        Fault::Kill,
        Fault::Pause,
        Fault::Loss,
        Fault::Duplicate,
        Fault::Slow,
        Fault::Skew,
    ];

    /// As on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Partition => "partition",
            Fault::OneWay => "one-way",
            Fault::Kill => "kill",
            Fault::Pause => "pause",
            Fault::Loss => "loss",
            Fault::Duplicate => "duplicate",
            Fault::Slow => "slow",
            Fault::Skew => "skew",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Fault, String> {
        Fault::ALL.into_iter().find(|fault| fault.as_str() == text).ok_or_else(|| {
            let known = Fault::ALL.map(Fault::as_str).join(", ");
            format!("`{text}` is not a fault; there are {known}")
        })
    }
}

/// A set of faults; as text a comma list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Whether this fault is among them.
    pub fn contain(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Faults {
        let named: Vec<Fault> = faults.into_iter().collect();
        Faults(Fault::ALL.into_iter().filter(|fault| named.contains(fault)).collect())
    }
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Faults, String> {
        text.split(',').map(|name| name.trim().parse()).collect()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|fault| fault.as_str()).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_list_is_a_set_of_faults() {
        let faults: Faults = "kill, partition,kill".parse().unwrap();
        assert_eq!(faults.to_string(), "partition,kill");
        assert!(faults.contain(Fault::Kill) && !faults.contain(Fault::Pause));
        let all = Fault::ALL.map(Fault::as_str).join(",");
        assert_eq!(all.parse::<Faults>().unwrap().to_string(), all);
    }

    #[test]
    fn an_unknown_fault_is_told_the_known_ones() {
        for (text, unknown) in [("partition,crash", "crash"), ("", ""), ("kill,", "")] {
            assert_eq!(
                text.parse::<Faults>().unwrap_err(),
                format!(
                    "`{unknown}` is not a fault; there are partition, one-way, kill, pause, loss, duplicate, \
                     slow, skew"
                )
            );
        }
    }
}
