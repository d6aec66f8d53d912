//! What clients committed, and what nodes answer to `list_committed_offsets`. Maelstrom does not look at it, and its
//! history does not show it; so it is followed here, and what cannot be right becomes a warning.

use super::{BTreeMap, Offsets, Op, Value};
use crate::checker::verdict::{Finding, seconds};

/// How many warnings are told.
const TOLD: usize = 8;

/// All commits of a run, each key for itself, and the questions that are open.
pub(super) struct Commits {
    /// Counts requests and acknowledgements, as a clock.
    now: u64,
    /// Those that the last word of may still be, for each key.
    current: BTreeMap<String, Vec<Commit>>,
    /// The highest offset of each key that anybody tried to commit.
    highest: Offsets,
    /// For each worker the commit it waits for: since when, and of what.
    pending: Vec<Option<(u64, Offsets)>>,
    /// For each worker, while it waits for a list, the keys and the lowest offset that each may have.
    asked: Vec<Option<BTreeMap<String, Option<i64>>>>,
    /// For each worker what was wrong with the answer to the operation in hand.
    unplaced: Vec<Vec<String>>,
    warnings: Vec<Finding>,
    more: usize,
}

/// One commit of one key.
struct Commit {
    offset: i64,
    began: u64,
    acknowledged: Option<u64>,
}

impl Commits {
    pub fn new(workers: usize) -> Commits {
        Commits {
            now: 0,
            current: BTreeMap::new(),
            highest: Offsets::new(),
            pending: vec![None; workers],
            asked: vec![None; workers],
            unplaced: vec![Vec::new(); workers],
            warnings: Vec::new(),
            more: 0,
        }
    }

    /// A worker sends a commit.
    pub fn begin(&mut self, worker: usize, offsets: &Offsets) {
        self.now += 1;
        for (key, offset) in offsets {
            let commit = Commit { offset: *offset, began: self.now, acknowledged: None };
            self.current.entry(key.clone()).or_default().push(commit);
            for floor in self.asked.iter_mut().flatten().filter_map(|asked| asked.get_mut(key)?.as_mut()) {
                *floor = (*floor).min(*offset);
            }
        }
        super::raise(&mut self.highest, offsets);
        self.pending[worker] = Some((self.now, offsets.clone()));
    }

    /// A worker's commit is acknowledged: whatever was acknowledged before it began is no more the last word.
    pub fn acknowledge(&mut self, worker: usize) {
        self.now += 1;
        let Some((began, offsets)) = self.pending[worker].take() else { return };
        for key in offsets.keys() {
            let Some(commits) = self.current.get_mut(key) else { continue };
            commits.retain(|commit| commit.acknowledged.is_none_or(|acknowledged| acknowledged > began));
            for commit in commits.iter_mut().filter(|commit| commit.began == began) {
                commit.acknowledged = Some(self.now);
            }
        }
    }

    /// A worker asks for the committed offsets of these keys.
    pub fn ask<'k>(&mut self, worker: usize, keys: impl Iterator<Item = &'k str>) {
        let floor = |key: &str| {
            let commits = self.current.get(key)?;
            let is_known = commits.iter().any(|commit| commit.acknowledged.is_some());
            commits.iter().map(|commit| commit.offset).min().filter(|_| is_known)
        };
        self.asked[worker] = Some(keys.map(|key| (key.to_owned(), floor(key))).collect());
    }

    /// The answer. It may be any commit that can have been the last one, or anything higher that was committed.
    pub fn answer(&mut self, worker: usize, listed: &Value) {
        for (key, floor) in self.asked[worker].take().unwrap_or_default() {
            let offset = listed.get(&key).and_then(Value::as_i64);
            let highest = self.highest.get(&key).copied();
            let told = Value::from(key.as_str());
            let told = told.told();
            let text = match (offset, floor) {
                // Where none was committed, 0 says so as well: it is where a client begins.
                (Some(offset), _) if offset > highest.unwrap_or(0) => match highest {
                    Some(highest) => format!(
                        "offset {offset} as the committed one of key {told}, beyond {highest}, the highest that was committed"
                    ),
                    None => format!(
                        "offset {offset} as the committed one of key {told}, of which none was committed"
                    ),
                },
                (Some(offset), Some(floor)) if offset < floor => format!(
                    "offset {offset} as the committed one of key {told}, though {floor} had been committed: it ran back"
                ),
                (None, Some(floor)) => {
                    format!("no committed offset of key {told}, though {floor} had been committed")
                }
                _ => continue,
            };
            self.unplaced[worker].push(text);
        }
    }

    /// A worker's operation is over, and so it is known which one it was.
    pub fn place(&mut self, worker: usize, completion: &Op) {
        for text in self.unplaced[worker].drain(..) {
            if self.warnings.len() == TOLD {
                self.more += 1;
                continue;
            }
            let (process, time) = (completion.process, seconds(completion.time_ns));
            let text = format!("process {process} was told at {time} {text}");
            self.warnings.push(Finding::at(completion, text));
        }
    }

    pub fn warnings(&self) -> impl Iterator<Item = Finding> {
        let more = (self.more > 0).then(|| {
            Finding::overall(format!("{} more answers about committed offsets cannot be right", self.more))
        });
        self.warnings.iter().cloned().chain(more)
    }
}
