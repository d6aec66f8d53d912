//! What a replicated state consists of.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// An independent part of a state: parts of one key are joined, parts of different keys stand side by side. So a state
/// is a map from keys to values of a join-semilattice, and its join is that of the values, key by key.
pub trait Part: Clone + PartialEq + Serialize + DeserializeOwned + Send + 'static {
    /// Tells a part from others.
    type Key: Ord + Send;

    /// Which part of the state this is.
    fn key(&self) -> Self::Key;

    /// Becomes the least upper bound of itself and another part of the same key. Idempotent, commutative, associative.
    fn join(&mut self, other: &Self);
}

/// An element of a grow-only set: it is there, or not.
impl Part for i64 {
    type Key = i64;

    fn key(&self) -> i64 {
        *self
    }

    fn join(&mut self, _: &i64) {}
}
