//! Sets of slots: a few machine words, because few calls are pending at a time.

/// A set of small numbers below a bound fixed at its making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlotSet(Box<[u64]>);

impl SlotSet {
    /// The empty set of numbers below `bound`.
    pub fn new(bound: usize) -> SlotSet {
        SlotSet(vec![0; bound.div_ceil(64)].into())
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn insert(&mut self, slot: usize) {
        self.0[slot / 64] |= 1 << (slot % 64);
    }

    pub fn remove(&mut self, slot: usize) {
        self.0[slot / 64] &= !(1 << (slot % 64));
    }

    pub fn contains(&self, slot: usize) -> bool {
        self.0[slot / 64] >> (slot % 64) & 1 == 1
    }

    pub fn subtract(&mut self, other: &SlotSet) {
        for (word, theirs) in self.0.iter_mut().zip(&other.0) {
            *word &= !theirs;
        }
    }

    pub fn is_subset(&self, other: &SlotSet) -> bool {
        self.0.iter().zip(&other.0).all(|(word, theirs)| word & !theirs == 0)
    }
}
