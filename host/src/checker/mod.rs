//! History → verdict. A checker reads the history of what clients saw and says whether the system kept its
//! promise. Nothing here knows wasm, networks or clocks: a history made elsewhere is judged just the same.
//!
//! Verdicts are those of the original checkers (Maelstrom's, Jepsen's, Knossos and Elle), of which `tests/vectors` is the
//! proof, except where the original gives none though the history proves an anomaly, because it fails on something
//! else in it. There we say *invalid*, and what could not be judged is told beside it:
//!
//! | Checker | What the history shows | Original | Here |
//! |---|---|---|---|
//! | unique-ids | an id handed out twice, among ids that Clojure cannot compare | unknown | invalid |
//! | broadcast, g-set | a lost element, and a read that is no list | unknown | invalid |
//! | g-counter, pn-counter | a final read that is no integer, and a delta that is none or too large | unknown | invalid |
//! | lin-kv | a key that is not linearizable, and one whose search was given up | unknown where the search came first | invalid |
//! | lin-kv | a read or compare-and-set of what nobody can have written, among too many crashed operations to search | unknown | invalid |
//! | txn-list-append | an element that nobody tried to append | unknown | invalid: `unwritten-read` |
//! | txn-list-append | an anomaly on one key, an element appended twice on another, or a malformed operation | unknown | invalid |
//! | txn-rw-register | an anomaly on one key, a value that was written twice and read on another, or a malformed operation | unknown | invalid |
//! | kafka | a polled message that nobody tried to send | unknown | invalid: `unwritten-read` |
//! | kafka | errors beside polls that list a key without messages, a negative offset, or a malformed operation | unknown | invalid |
//!
//! Two more differences are no matter of the verdict:
//!
//! | Checker | Difference |
//! |---|---|
//! | txn, kafka | A cycle that goes by two names, because an edge has several reasons, has the stronger name here; Elle's search is incomplete, so that it may know it only by a weaker one, such as a `-realtime` variant, or only as `X-cycle-exists`. |
//! | all | Warnings tell of what the originals let pass. `--strict` takes some of them for violations: see [`Finding::is_strict`](verdict::Finding::is_strict). |

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
