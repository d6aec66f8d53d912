//! History → verdict. A checker reads the history of what clients saw and says whether the system kept its
//! promise. Nothing here knows wasm, networks or clocks: a history made elsewhere is judged just the same.

pub mod availability;
pub mod counter;
pub mod echo;
pub mod history;
pub mod kafka;
pub mod linear;
pub mod set_full;
pub mod stats;
pub mod txn;
pub mod unique_ids;
pub mod value;
pub mod verdict;

pub use history::{History, Kind, Op, Process};
pub use value::Value;
pub use verdict::Valid;
