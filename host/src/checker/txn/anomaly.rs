//! The anomalies a transactional history can show, by the names Elle gives them, and which of them imply which
//! (spec §13.3, §13.5). Adya's predicate classes (G-single, G2, …) are left out: neither workload has predicates,
//! so each would only ever be reached through its `-item` case.

use std::fmt;

use serde::{Serialize, Serializer};

/// What a cycle is made of, from the most to the least severe (spec §13.3; Adya's thesis, chapter 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CycleClass {
    /// Write dependencies only.
    G0,
    /// Write and read dependencies, at least one read dependency: circular information flow.
    G1c,
    /// Exactly one anti-dependency.
    GSingleItem,
    /// Two or more anti-dependencies, no two of them adjacent.
    GNonadjacentItem,
    /// Two or more anti-dependencies, at least two of them adjacent.
    G2Item,
}

impl CycleClass {
    /// From the most to the least severe.
    pub const ALL: [CycleClass; 5] = [
        CycleClass::G0,
        CycleClass::G1c,
        CycleClass::GSingleItem,
        CycleClass::GNonadjacentItem,
        CycleClass::G2Item,
    ];
}

/// Which edges beside the data dependencies a cycle needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// None: data dependencies alone are cyclic.
    Data,
    /// The order of operations within a process (a session).
    Process,
    /// Real time: one operation ended before another began.
    Realtime,
}

impl Strength {
    /// From the most to the least severe.
    pub const ALL: [Strength; 3] = [Strength::Data, Strength::Process, Strength::Realtime];
}

macro_rules! anomalies {
    ($($(#[$doc:meta])* $variant:ident $name:literal => [$($implied:ident)*],)*) => {
        /// One kind of anomaly.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Anomaly {
            $($(#[$doc])* $variant,)*
        }

        impl Anomaly {
            /// Every anomaly.
            pub const ALL: &[Anomaly] = &[$(Anomaly::$variant),*];

            /// Elle's name.
            pub fn name(self) -> &'static str {
                match self { $(Anomaly::$variant => $name,)* }
            }

            /// The anomalies that this one is also an instance of, one step away.
            fn directly_implied(self) -> &'static [Anomaly] {
                match self { $(Anomaly::$variant => &[$(Anomaly::$implied),*],)* }
            }
        }
    };
}

anomalies! {
    /// A cycle of write dependencies.
    G0 "G0" => [G1c G0Process],
    /// G0 with at least one process edge.
    G0Process "G0-process" => [G1cProcess G0Realtime],
    /// G0 with at least one real-time edge.
    G0Realtime "G0-realtime" => [G1cRealtime],
    /// A read of something a failed transaction wrote.
    G1a "G1a" => [],
    /// A read of something its transaction overwrote later.
    G1b "G1b" => [],
    /// A cycle of write and read dependencies.
    G1c "G1c" => [G1cProcess],
    /// G1c with at least one process edge.
    G1cProcess "G1c-process" => [G1cRealtime],
    /// G1c with at least one real-time edge.
    G1cRealtime "G1c-realtime" => [],
    /// A cycle with exactly one anti-dependency: read skew.
    GSingleItem "G-single-item" => [GSingleItemProcess GNonadjacentItem],
    /// G-single-item with at least one process edge.
    GSingleItemProcess "G-single-item-process" => [GSingleItemRealtime GNonadjacentItemProcess],
    /// G-single-item with at least one real-time edge.
    GSingleItemRealtime "G-single-item-realtime" => [GNonadjacentItemRealtime],
    /// A cycle with several anti-dependencies, none adjacent to another.
    GNonadjacentItem "G-nonadjacent-item" => [G2Item GNonadjacentItemProcess],
    /// G-nonadjacent-item with at least one process edge.
    GNonadjacentItemProcess "G-nonadjacent-item-process" => [G2ItemProcess GNonadjacentItemRealtime],
    /// G-nonadjacent-item with at least one real-time edge.
    GNonadjacentItemRealtime "G-nonadjacent-item-realtime" => [G2ItemRealtime],
    /// A cycle with adjacent anti-dependencies: write skew.
    G2Item "G2-item" => [G2ItemProcess],
    /// G2-item with at least one process edge.
    G2ItemProcess "G2-item-process" => [G2ItemRealtime],
    /// G2-item with at least one real-time edge.
    G2ItemRealtime "G2-item-realtime" => [],
    /// A read that contradicts what its own transaction read or wrote before.
    Internal "internal" => [],
    /// Two reads of one key of which neither is a prefix of the other.
    IncompatibleOrder "incompatible-order" => [G1a],
    /// A read of something its own transaction writes later.
    FutureRead "future-read" => [G1c],
    /// A committed write on top of a failed one.
    DirtyUpdate "dirty-update" => [G1a],
    /// Two transactions that read the same version of a key and both replaced it.
    LostUpdate "lost-update" => [G2Item],
    /// One read that shows an element twice.
    DuplicateElements "duplicate-elements" => [],
    /// A read of something that nobody tried to write. Not Elle's, which gives no verdict then.
    UnwrittenRead "unwritten-read" => [],
    /// The inferred order of a key's versions is cyclic.
    CyclicVersions "cyclic-versions" => [],
    /// Write dependencies are cyclic, and no cycle was named.
    Pl1CycleExists "PL-1-cycle-exists" => [],
    /// Write and read dependencies are cyclic, and no cycle was named.
    Pl2CycleExists "PL-2-cycle-exists" => [],
    /// There is a cycle without adjacent anti-dependencies, and none was named.
    PlSiCycleExists "PL-SI-cycle-exists" => [],
    /// Data dependencies are cyclic, and no cycle was named.
    Pl3CycleExists "PL-3-cycle-exists" => [],
    /// Like PL-1-cycle-exists, with process edges.
    StrongSessionPl1CycleExists "strong-session-PL-1-cycle-exists" => [],
    /// Like PL-2-cycle-exists, with process edges.
    StrongSessionPl2CycleExists "strong-session-PL-2-cycle-exists" => [],
    /// Like PL-SI-cycle-exists, with process edges.
    StrongSessionSiCycleExists "strong-session-snapshot-isolation-cycle-exists" => [],
    /// Like PL-3-cycle-exists, with process edges.
    StrongSessionSerializableCycleExists "strong-session-serializable-cycle-exists" => [],
    /// Like PL-1-cycle-exists, with real-time edges.
    StrongPl1CycleExists "strong-PL-1-cycle-exists" => [],
    /// Like PL-2-cycle-exists, with real-time edges.
    StrongPl2CycleExists "strong-PL-2-cycle-exists" => [],
    /// Like PL-SI-cycle-exists, with real-time edges.
    StrongSiCycleExists "strong-snapshot-isolation-cycle-exists" => [],
    /// Like PL-3-cycle-exists, with real-time edges.
    PlSsCycleExists "PL-SS-cycle-exists" => [],
    /// No dependency at all could be inferred, so the history proves nothing.
    EmptyTransactionGraph "empty-transaction-graph" => [],
    /// The search for a class of cycles ran out of steps before it was complete.
    CycleSearchTimeout "cycle-search-timeout" => [],
}

impl Anomaly {
    /// The anomaly that a cycle of this class is.
    pub fn of_cycle(class: CycleClass, strength: Strength) -> Anomaly {
        use Anomaly::*;
        let variants = match class {
            CycleClass::G0 => [G0, G0Process, G0Realtime],
            CycleClass::G1c => [G1c, G1cProcess, G1cRealtime],
            CycleClass::GSingleItem => [GSingleItem, GSingleItemProcess, GSingleItemRealtime],
            CycleClass::GNonadjacentItem => {
                [GNonadjacentItem, GNonadjacentItemProcess, GNonadjacentItemRealtime]
            }
            CycleClass::G2Item => [G2Item, G2ItemProcess, G2ItemRealtime],
        };
        variants[strength as usize]
    }

    /// All cycle anomalies of this strength.
    pub fn cycles_of(strength: Strength) -> AnomalySet {
        CycleClass::ALL.into_iter().map(|class| Anomaly::of_cycle(class, strength)).collect()
    }

    /// Whether this only says that some cycle exists.
    pub fn is_cycle_exists(self) -> bool {
        (Anomaly::Pl1CycleExists..=Anomaly::PlSsCycleExists).contains(&self)
    }

    /// Whether this makes a result unknown rather than invalid: it is no fault of the system.
    pub fn is_inconclusive(self) -> bool {
        matches!(self, Anomaly::EmptyTransactionGraph | Anomaly::CycleSearchTimeout)
    }

    /// This anomaly and everything it implies.
    pub fn implied(self) -> AnomalySet {
        let mut reached = AnomalySet::default();
        let mut open = vec![self];
        while let Some(anomaly) = open.pop() {
            if reached.insert(anomaly) {
                open.extend(anomaly.directly_implied());
            }
        }
        reached
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Anomaly {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A set of anomalies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnomalySet(u64);

const _: () = assert!(Anomaly::ALL.len() <= 64);

impl AnomalySet {
    /// Adds one; says whether it was missing.
    pub fn insert(&mut self, anomaly: Anomaly) -> bool {
        let before = self.0;
        self.0 |= 1 << anomaly as u8;
        self.0 != before
    }

    /// Whether it is in.
    pub fn contains(self, anomaly: Anomaly) -> bool {
        self.0 & (1 << anomaly as u8) != 0
    }

    /// Whether the two have any in common.
    pub fn intersects(self, other: AnomalySet) -> bool {
        self.0 & other.0 != 0
    }

    /// Those in either.
    pub fn union(self, other: AnomalySet) -> AnomalySet {
        AnomalySet(self.0 | other.0)
    }

    /// The members, in the order of [`Anomaly::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Anomaly> {
        Anomaly::ALL.iter().copied().filter(move |anomaly| self.contains(*anomaly))
    }

    /// Everything that is, or implies, a member.
    pub fn implying(self) -> AnomalySet {
        Anomaly::ALL.iter().copied().filter(|anomaly| anomaly.implied().intersects(self)).collect()
    }
}

impl FromIterator<Anomaly> for AnomalySet {
    fn from_iter<I: IntoIterator<Item = Anomaly>>(anomalies: I) -> AnomalySet {
        let mut set = AnomalySet::default();
        for anomaly in anomalies {
            set.insert(anomaly);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_implies_its_process_and_realtime_variants() {
        for class in CycleClass::ALL {
            let [data, process, realtime] = Strength::ALL.map(|strength| Anomaly::of_cycle(class, strength));
            assert!(data.implied().contains(process) && process.implied().contains(realtime), "{data}");
            assert!(!realtime.implied().contains(process) && !process.implied().contains(data), "{data}");
        }
    }

    #[test]
    fn implications_follow_the_specification() {
        let implies = |a: Anomaly, b: Anomaly| a.implied().contains(b);
        assert!(implies(Anomaly::G0, Anomaly::G1c));
        assert!(
            implies(Anomaly::IncompatibleOrder, Anomaly::G1a) && implies(Anomaly::DirtyUpdate, Anomaly::G1a)
        );
        assert!(implies(Anomaly::FutureRead, Anomaly::G1c));
        assert!(implies(Anomaly::GSingleItem, Anomaly::GNonadjacentItem));
        assert!(implies(Anomaly::GNonadjacentItem, Anomaly::G2Item));
        assert!(implies(Anomaly::LostUpdate, Anomaly::G2Item));
        assert!(!implies(Anomaly::G1c, Anomaly::G2Item));
    }

    #[test]
    fn what_implies_an_anomaly_is_the_inverse_of_what_it_implies() {
        for &anomaly in Anomaly::ALL {
            let implying = AnomalySet::from_iter([anomaly]).implying();
            for &other in Anomaly::ALL {
                assert_eq!(implying.contains(other), other.implied().contains(anomaly), "{other} {anomaly}");
            }
        }
    }
}
