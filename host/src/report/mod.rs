//! What people and programs read about a run: the verdict on the terminal, the files of the store, and the report. It
//! knows results, not how they came about.

pub mod abort;
mod columns;
mod counted;
mod faults;
mod lamport;
mod logs;
pub mod messages;
pub mod page;
mod participants;
mod plots;
pub mod recording;
pub mod store;
pub mod trace;
pub mod verdict;
