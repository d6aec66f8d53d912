//! What people and programs read about a run: the verdict on the terminal and the files of the store. It knows
//! results, not how they came about.

pub mod store;
pub mod verdict;
