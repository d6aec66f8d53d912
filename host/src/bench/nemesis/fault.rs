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
            format!("`{text}` is not a fault; there are {known}, swap=FILE")
        })
    }
}

/// A set of faults, and the plugin that nodes are swapped for while they run; as text a comma list, in which the plugin
/// stands as `swap=FILE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    faults: Vec<Fault>,
    successor: Option<String>,
}

/// What stands before the plugin in a comma list of faults.
const SWAP: &str = "swap=";

impl Faults {
    /// Whether this fault is among them.
    pub fn contain(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// The plugin for which each node's own is swapped, one node at a time.
    pub fn successor(&self) -> Option<&str> {
        self.successor.as_deref()
    }
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Faults, String> {
        let (mut named, mut successor) = (Vec::new(), None);
        for name in text.split(',').map(str::trim) {
            match name.strip_prefix(SWAP) {
                Some("") => return Err("`swap=` needs a plugin: swap=FILE".to_owned()),
                Some(file) => successor = Some(file.to_owned()),
                None => named.push(name.parse()?),
            }
        }
        Ok(Faults {
            faults: Fault::ALL.into_iter().filter(|fault| named.contains(fault)).collect(),
            successor,
        })
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.faults.iter().map(|fault| fault.as_str().to_owned());
        let swap = self.successor.iter().map(|file| format!("{SWAP}{file}"));
        f.write_str(&names.chain(swap).collect::<Vec<_>>().join(","))
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
        let all = Fault::ALL.map(Fault::as_str).join(",") + ",swap=plugins/next.wasm";
        assert_eq!(all.parse::<Faults>().unwrap().to_string(), all);
    }

    #[test]
    fn a_swap_names_its_plugin() {
        let faults: Faults = "swap=raft2,pause".parse().unwrap();
        assert_eq!((faults.successor(), faults.contain(Fault::Pause)), (Some("raft2"), true));
        assert_eq!("swap=".parse::<Faults>().unwrap_err(), "`swap=` needs a plugin: swap=FILE");
    }

    #[test]
    fn an_unknown_fault_is_told_the_known_ones() {
        for (text, unknown) in [("partition,crash", "crash"), ("", ""), ("kill,", "")] {
            assert_eq!(
                text.parse::<Faults>().unwrap_err(),
                format!(
                    "`{unknown}` is not a fault; there are partition, one-way, kill, pause, loss, duplicate, \
                     slow, skew, swap=FILE"
                )
            );
        }
    }
}
