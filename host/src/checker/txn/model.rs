//! The consistency models Elle knows, which of them is stronger than which, and what each forbids (spec §13.5;
//! Adya's thesis; Bailis et al., "Highly Available Transactions"; Cerone, Bernardi and Gotsman, "A Framework for
//! Transactional Consistency Models with Atomic Visibility"; Daudjee and Salem, "Lazy Database Replication").

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::anomaly::{Anomaly, AnomalySet};

macro_rules! models {
    ($($variant:ident [$name:literal $($synonym:literal)*] => [$($weaker:ident)*], [$($anomaly:ident)*];)*) => {
        /// A consistency model, under the name that results use for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each is a term of art; the module names the sources")]
        pub enum Model {
            $($variant,)*
        }

        impl Model {
            /// Every model.
            pub const ALL: &[Model] = &[$(Model::$variant),*];

            /// The name results use.
            pub fn name(self) -> &'static str {
                match self { $(Model::$variant => $name,)* }
            }

            /// The other accepted names: synonyms and Adya's levels.
            fn synonyms(self) -> &'static [&'static str] {
                match self { $(Model::$variant => &[$($synonym),*],)* }
            }

            /// Models that every history of this model satisfies as well, one step away.
            fn directly_weaker(self) -> &'static [Model] {
                match self { $(Model::$variant => &[$(Model::$weaker),*],)* }
            }

            /// What this model forbids beyond the weaker ones.
            fn directly_forbidden(self) -> &'static [Anomaly] {
                match self { $(Model::$variant => &[$(Anomaly::$anomaly),*],)* }
            }
        }
    };
}

models! {
    ReadUncommitted ["read-uncommitted" "PL-1"] => [],
        [G0 DuplicateElements UnwrittenRead CyclicVersions Pl1CycleExists];
    ReadCommitted ["read-committed" "PL-2"] => [ReadUncommitted],
        [G1a G1b G1c Pl2CycleExists];
    MonotonicView ["monotonic-view" "PL-2L"] => [ReadCommitted], [];
    MonotonicSnapshotRead ["monotonic-snapshot-read" "PL-MSR"] => [ReadCommitted], [];
    CursorStability ["cursor-stability" "PL-CS"] => [ReadCommitted], [LostUpdate];
    ConsistentView ["consistent-view" "PL-2+"] => [CursorStability MonotonicView], [GSingleItem];
    ForwardConsistentView ["forward-consistent-view" "PL-FCV"] => [ConsistentView], [];
    UpdateSerializable ["update-serializable" "PL-3U"] => [ForwardConsistentView], [];
    MonotonicAtomicView ["monotonic-atomic-view"] => [ReadCommitted], [];
    ReadAtomic ["read-atomic"] => [MonotonicAtomicView], [Internal G1a FutureRead];
    UpdateAtomic ["update-atomic"] => [ReadAtomic], [LostUpdate];
    CausalCerone ["causal-cerone"] => [ReadAtomic], [];
    Prefix ["prefix"] => [CausalCerone], [];
    ParallelSnapshotIsolation ["parallel-snapshot-isolation"] => [CausalCerone UpdateAtomic], [];
    RepeatableRead ["repeatable-read" "PL-2.99"] => [CursorStability MonotonicAtomicView], [G2Item LostUpdate];
    SnapshotIsolation ["snapshot-isolation" "PL-SI"] =>
        [ForwardConsistentView MonotonicAtomicView MonotonicSnapshotRead ParallelSnapshotIsolation Prefix],
        [Internal GNonadjacentItem PlSiCycleExists];
    Serializable ["serializable" "conflict-serializable" "PL-3"] =>
        [RepeatableRead UpdateSerializable SnapshotIsolation ViewSerializable],
        [G2Item LostUpdate Pl3CycleExists];
    StrongSessionReadUncommitted ["strong-session-read-uncommitted" "strong-session-PL-1"] => [ReadUncommitted],
        [G0Process StrongSessionPl1CycleExists];
    StrongSessionReadCommitted ["strong-session-read-committed" "strong-session-PL-2"] =>
        [ReadCommitted StrongSessionReadUncommitted],
        [G1cProcess StrongSessionPl2CycleExists];
    StrongSessionSnapshotIsolation ["strong-session-snapshot-isolation"] =>
        [SnapshotIsolation StrongSessionReadCommitted],
        [GNonadjacentItemProcess StrongSessionSiCycleExists];
    StrongSessionSerializable ["strong-session-serializable"] => [Serializable StrongSessionSnapshotIsolation],
        [G2ItemProcess StrongSessionSerializableCycleExists];
    StrongReadUncommitted ["strong-read-uncommitted" "strong-PL-1"] => [StrongSessionReadUncommitted],
        [G0Realtime StrongPl1CycleExists];
    StrongReadCommitted ["strong-read-committed" "strong-PL-2"] =>
        [StrongSessionReadCommitted StrongReadUncommitted],
        [G1cRealtime StrongPl2CycleExists];
    StrongSnapshotIsolation ["strong-snapshot-isolation"] =>
        [StrongSessionSnapshotIsolation StrongReadCommitted],
        [GNonadjacentItemRealtime StrongSiCycleExists];
    StrictSerializable ["strong-serializable" "strict-serializable" "PL-SS"] =>
        [Serializable StrongSnapshotIsolation StrongSessionSerializable Linearizable SessionSerializable],
        [G2ItemRealtime PlSsCycleExists];
    ViewSerializable ["view-serializable"] => [], [];
    SessionSerializable ["session-serializable"] => [OneCopySerializable], [];
    OneCopySerializable ["1SR"] => [], [];
    Linearizable ["linearizable"] => [Sequential], [];
    Sequential ["sequential"] => [Causal], [];
    Causal ["causal"] => [WritesFollowReads Pram], [];
    WritesFollowReads ["writes-follow-reads"] => [], [];
    Pram ["PRAM"] => [MonotonicReads MonotonicWrites ReadYourWrites], [];
    MonotonicReads ["monotonic-reads"] => [], [];
    MonotonicWrites ["monotonic-writes"] => [], [];
    ReadYourWrites ["read-your-writes"] => [], [];
}

impl Model {
    /// Every name it goes by, that of results first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name()).chain(self.synonyms().iter().copied())
    }

    /// This model and all weaker ones.
    pub fn weaker(self) -> ModelSet {
        let mut reached = ModelSet::default();
        let mut open = vec![self];
        while let Some(model) = open.pop() {
            if reached.insert(model) {
                open.extend(model.directly_weaker());
            }
        }
        reached
    }

    /// This model and all stronger ones: what falls with it.
    pub fn stronger(self) -> ModelSet {
        Model::ALL.iter().copied().filter(|model| model.weaker().contains(self)).collect()
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Model {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A name that stands for no consistency model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownModel(String);

impl fmt::Display for UnknownModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut known: Vec<_> = Model::ALL.iter().flat_map(|model| model.names()).collect();
        known.sort_unstable();
        write!(f, "unknown consistency model {:?}; known are {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownModel {}

impl FromStr for Model {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Model, UnknownModel> {
        let goes_by_it = |model: &Model| model.names().any(|known| known == name);
        Model::ALL.iter().copied().find(goes_by_it).ok_or_else(|| UnknownModel(name.to_owned()))
    }
}

/// A set of models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelSet(u64);

const _: () = assert!(Model::ALL.len() <= 64);

impl ModelSet {
    /// Adds one; says whether it was missing.
    pub fn insert(&mut self, model: Model) -> bool {
        let before = self.0;
        self.0 |= 1 << model as u8;
        self.0 != before
    }

    /// Whether it is in.
    pub fn contains(self, model: Model) -> bool {
        self.0 & (1 << model as u8) != 0
    }

    /// Those in either.
    pub fn union(self, other: ModelSet) -> ModelSet {
        ModelSet(self.0 | other.0)
    }

    /// The members, in the order of [`Model::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Model> {
        Model::ALL.iter().copied().filter(move |model| self.contains(*model))
    }

    fn intersects(self, other: ModelSet) -> bool {
        self.0 & other.0 != 0
    }

    fn without(self, other: ModelSet) -> ModelSet {
        ModelSet(self.0 & !other.0)
    }
}

impl FromIterator<Model> for ModelSet {
    fn from_iter<I: IntoIterator<Item = Model>>(models: I) -> ModelSet {
        let mut set = ModelSet::default();
        for model in models {
            set.insert(model);
        }
        set
    }
}

/// Everything that must not occur if all these models are to hold.
pub fn forbidden_by(models: &[Model]) -> AnomalySet {
    let all = models.iter().map(|model| model.weaker()).fold(ModelSet::default(), ModelSet::union);
    all.iter().flat_map(Model::directly_forbidden).copied().collect::<AnomalySet>().implying()
}

/// The models that cannot hold if these anomalies occurred.
pub fn ruled_out_by(anomalies: AnomalySet) -> ModelSet {
    let implied = anomalies.iter().map(Anomaly::implied).fold(AnomalySet::default(), AnomalySet::union);
    let forbids_one =
        |model: &Model| model.directly_forbidden().iter().any(|anomaly| implied.contains(*anomaly));
    let fallen = Model::ALL.iter().copied().filter(forbids_one);
    fallen.map(Model::stronger).fold(ModelSet::default(), ModelSet::union)
}

/// Splits models that cannot hold into the weakest among them (`not`) and the rest (`also-not`), each sorted by name.
pub fn boundary(ruled_out: ModelSet) -> (Vec<Model>, Vec<Model>) {
    let is_weakest = |model: Model| {
        let strictly_weaker = model.weaker().without(ModelSet::from_iter([model]));
        !strictly_weaker.intersects(ruled_out)
    };
    let (mut not, mut also_not): (Vec<_>, Vec<_>) = ruled_out.iter().partition(|model| is_weakest(*model));
    not.sort_unstable_by_key(|model| model.name());
    also_not.sort_unstable_by_key(|model| model.name());
    (not, also_not)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of spec §13.5, a row an anomaly: the base models that forbid it.
    const TABLE: &[(&[Anomaly], &[&str])] = {
        use Anomaly::*;
        &[
            (
                &[G0, DuplicateElements, UnwrittenRead, CyclicVersions],
                &[RU, RC, MAV, RA, CS, CV, RR, PSI, SI, SER],
            ),
            (
                &[G1a, G1b, G1c, IncompatibleOrder, DirtyUpdate, FutureRead],
                &[RC, MAV, RA, CS, CV, RR, PSI, SI, SER],
            ),
            (&[Internal], &[RA, PSI, SI, SER]),
            (&[LostUpdate], &[CS, CV, RR, PSI, SI, SER]),
            (&[GSingleItem], &[CV, RR, SI, SER]),
            (&[GNonadjacentItem], &[RR, SI, SER]),
            (&[G2Item], &[RR, SER]),
        ]
    };
    const COLUMNS: [&str; 10] = [RU, RC, MAV, RA, CS, CV, RR, PSI, SI, SER];
    const RU: &str = "read-uncommitted";
    const RC: &str = "read-committed";
    const MAV: &str = "monotonic-atomic-view";
    const RA: &str = "read-atomic causal-cerone prefix";
    const CS: &str = "cursor-stability";
    const CV: &str = "consistent-view update-serializable forward-consistent-view";
    const RR: &str = "repeatable-read";
    const PSI: &str = "parallel-snapshot-isolation";
    const SI: &str = "snapshot-isolation";
    const SER: &str = "serializable conflict-serializable strict-serializable strong-serializable";

    #[test]
    fn each_base_model_forbids_what_the_table_says() {
        for (anomalies, forbidding) in TABLE {
            for column in COLUMNS {
                for name in column.split(' ') {
                    let forbidden = forbidden_by(&[name.parse().unwrap()]);
                    for &anomaly in *anomalies {
                        assert_eq!(
                            forbidden.contains(anomaly),
                            forbidding.contains(&column),
                            "{name}: {anomaly}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn session_and_strong_models_add_the_variants_of_their_base() {
        use Strength::*;
        let rows = [
            ("strong-session-read-uncommitted", "read-uncommitted", Process),
            ("strong-session-read-committed", "read-committed", Process),
            ("strong-session-snapshot-isolation", "snapshot-isolation", Process),
            ("strong-session-serializable", "serializable", Process),
            ("strong-read-uncommitted", "read-uncommitted", Realtime),
            ("strong-read-committed", "read-committed", Realtime),
            ("strong-snapshot-isolation", "snapshot-isolation", Realtime),
            ("strict-serializable", "serializable", Realtime),
        ];
        for (name, base, strength) in rows {
            let forbidden = forbidden_by(&[name.parse().unwrap()]);
            let base = forbidden_by(&[base.parse().unwrap()]);
            for class in CycleClass::ALL {
                let expected = base.contains(Anomaly::of_cycle(class, Data));
                assert_eq!(
                    forbidden.contains(Anomaly::of_cycle(class, strength)),
                    expected,
                    "{name}: {class:?}"
                );
            }
            assert_eq!(forbidden.intersects(Anomaly::cycles_of(Realtime)), strength == Realtime, "{name}");
        }
    }

    #[test]
    fn models_of_single_objects_and_views_forbid_nothing() {
        for name in [
            "linearizable",
            "sequential",
            "causal",
            "PRAM",
            "view-serializable",
            "session-serializable",
            "1SR",
        ] {
            assert_eq!(forbidden_by(&[name.parse().unwrap()]), AnomalySet::default(), "{name}");
        }
    }

    #[test]
    fn every_name_and_synonym_is_accepted() {
        for &model in Model::ALL {
            for name in model.names() {
                assert_eq!(name.parse(), Ok(model), "{name}");
            }
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "serialisable".parse::<Model>().unwrap_err().to_string();
        assert!(
            error.starts_with("unknown consistency model \"serialisable\"; known are 1SR, PL-1,"),
            "{error}"
        );
        assert!(error.ends_with("view-serializable, writes-follow-reads"), "{error}");
    }

    #[test]
    fn the_boundary_names_the_weakest_models_first() {
        let (not, also_not) = boundary(ruled_out_by(AnomalySet::from_iter([Anomaly::GSingleItem])));
        assert_eq!(not, [Model::ConsistentView, Model::RepeatableRead]);
        assert!(also_not.contains(&Model::StrictSerializable) && !also_not.contains(&Model::RepeatableRead));
    }

    use super::super::anomaly::{CycleClass, Strength};
}
