//! In which order the versions of each key came: that of the longest list anyone read.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::evidence::{Case, Field, named};
use super::super::phenomena::{committed_reads, writes};
use super::super::transaction::{Action, Key, MicroOp, Outcome, Seen, Transactions, Version};

/// A state of one key: empty, or as the append of some version left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Before the first append.
    Initial(Key),
    /// After the append of this version.
    After(Version),
}

impl State {
    /// The state that a read showed.
    pub(super) fn seen(read: MicroOp, transactions: &Transactions) -> State {
        let last = match read.action {
            Action::Read(seen) => transactions.elements(seen).last(),
            Action::Write(_) => None,
        };
        last.map_or(State::Initial(read.key), |version| State::After(*version))
    }
}

/// A committed, non-empty read.
#[derive(Clone, Copy)]
struct Read {
    key: Key,
    seen: Seen,
    op: usize,
}

const NOWHERE: u32 = u32::MAX;

/// The order of every key's versions, and who wrote and read which.
pub(super) struct VersionOrders {
    of_key: Vec<Vec<Version>>,
    /// Where a version is in its key's order; [`NOWHERE`] if no read shows it.
    place_of: Vec<u32>,
    writer_of: Vec<u32>,
    possible_writer_of: Vec<u32>,
    /// The transactions that read each state, those of state `s` from `starts[s]` up to `starts[s + 1]`.
    starts: Vec<u32>,
    readers: Vec<u32>,
    /// Two reads of one key of which neither continues the other.
    incompatible: Vec<(Read, Read)>,
    /// Elements without a writer, and a read that shows each.
    unwritten: Vec<(Read, Version)>,
}

impl VersionOrders {
    /// Takes the longest read of each key for the order of its versions.
    pub(super) fn infer(transactions: &Transactions) -> VersionOrders {
        let (starts, readers) = readers(transactions);
        let mut orders = VersionOrders {
            of_key: vec![Vec::new(); transactions.key_count()],
            place_of: vec![NOWHERE; transactions.version_count()],
            writer_of: vec![NOWHERE; transactions.version_count()],
            possible_writer_of: vec![NOWHERE; transactions.version_count()],
            starts,
            readers,
            incompatible: Vec::new(),
            unwritten: Vec::new(),
        };
        orders.find_writers(transactions);
        orders.order_by_reads(transactions);
        orders.order_single_appends(transactions);
        orders
    }

    fn find_writers(&mut self, transactions: &Transactions) {
        for (number, transaction) in transactions.iter() {
            for version in writes(transactions.micro_ops(transaction)) {
                if transaction.outcome != Outcome::Pending {
                    self.writer_of[version as usize] = number as u32;
                }
                if transaction.outcome.is_possible() {
                    self.possible_writer_of[version as usize] = number as u32;
                }
            }
        }
    }

    fn order_by_reads(&mut self, transactions: &Transactions) {
        let read =
            |(transaction, micro_op, seen): (&super::super::transaction::Transaction, MicroOp, Seen)| Read {
                key: micro_op.key,
                seen,
                op: transaction.op,
            };
        let mut reads: Vec<Read> = committed_reads(transactions).map(read).collect();
        reads.retain(|read| !transactions.elements(read.seen).is_empty());
        reads.sort_by_key(|read| (read.key, transactions.elements(read.seen).len()));
        for of_one_key in reads.chunk_by(|a, b| a.key == b.key) {
            let broken = of_one_key.windows(2).find(|pair| {
                let [shorter, longer] = [pair[0], pair[1]].map(|read| transactions.elements(read.seen));
                !longer.starts_with(shorter)
            });
            self.incompatible.extend(broken.map(|pair| (pair[0], pair[1])));
            let longest = of_one_key[of_one_key.len() - 1];
            self.set_order(longest, transactions);
        }
    }

    fn set_order(&mut self, longest: Read, transactions: &Transactions) {
        let order = &mut self.of_key[longest.key as usize];
        for &version in transactions.elements(longest.seen) {
            if self.writer_of[version as usize] == NOWHERE {
                self.unwritten.push((longest, version));
            }
            if self.place_of[version as usize] == NOWHERE {
                self.place_of[version as usize] = order.len() as u32;
                order.push(version);
            }
        }
    }

    /// The elements of version orders that no completed transaction appended: the key, the element, and the read that
    /// shows it.
    pub(super) fn unwritten(&self) -> impl Iterator<Item = (Key, Version, usize)> {
        self.unwritten.iter().map(|(read, version)| (read.key, *version, read.op))
    }

    /// A key that nobody saw filled, but with just one append, needs no read to be ordered.
    fn order_single_appends(&mut self, transactions: &Transactions) {
        let mut appends_to: FxHashMap<Key, Vec<Version>> = FxHashMap::default();
        for (_, transaction) in transactions.iter().filter(|(_, it)| it.outcome.is_possible()) {
            for version in writes(transactions.micro_ops(transaction)) {
                appends_to.entry(transactions.key_of_version(version)).or_default().push(version);
            }
        }
        for (key, versions) in appends_to {
            let order = &mut self.of_key[key as usize];
            if let ([version], true) = (versions.as_slice(), order.is_empty()) {
                self.place_of[*version as usize] = 0;
                order.push(*version);
            }
        }
    }

    /// The order of each key.
    pub(super) fn all(&self) -> &[Vec<Version>] {
        &self.of_key
    }

    /// The completed transaction that appended a version, whatever became of it.
    pub(super) fn writer(&self, version: Version) -> Option<usize> {
        number(self.writer_of[version as usize])
    }

    /// The transaction that appended a version, unless it failed.
    pub(super) fn possible_writer(&self, version: Version) -> Option<usize> {
        number(self.possible_writer_of[version as usize])
    }

    /// The state in which a version's append found its key. Of a version that no read shows, only so much is known
    /// that it came after all that were shown.
    pub(super) fn before(&self, version: Version, transactions: &Transactions) -> State {
        let key = transactions.key_of_version(version);
        match self.place_of[version as usize] {
            NOWHERE => self.last(key),
            0 => State::Initial(key),
            place => State::After(self.of_key[key as usize][place as usize - 1]),
        }
    }

    /// Whether a version has a place in its key's order.
    pub(super) fn was_seen(&self, version: Version) -> bool {
        self.place_of[version as usize] != NOWHERE
    }

    /// The last state of a key that is known.
    pub(super) fn last(&self, key: Key) -> State {
        self.of_key[key as usize].last().map_or(State::Initial(key), |version| State::After(*version))
    }

    /// The committed transactions that read a state.
    pub(super) fn readers(&self, state: State) -> &[u32] {
        let state = place_of_state(state, self.place_of.len());
        &self.readers[self.starts[state] as usize..self.starts[state + 1] as usize]
    }

    /// The pairs of reads that no one order of versions explains, the shorter one first.
    pub(super) fn incompatible(&self, transactions: &Transactions) -> Vec<Case> {
        let case = |(shorter, longer): &(Read, Read)| {
            let key = transactions.key_value(shorter.key).clone();
            let [left, right] = [shorter, longer].map(|read| transactions.seen_value(read.seen));
            let [first, second] = [shorter, longer].map(|read| named(transactions.history, read.op));
            let text = format!(
                "{first} read key {key} as {left}, {second} as {right}; neither continues the other",
                key = key.told(),
                left = left.told(),
                right = right.told()
            );
            let values = Field::Value(vec![left, right].into_iter().collect());
            Case { op: Some(longer.op), fields: vec![("key", Field::Value(key)), ("values", values)], text }
        };
        self.incompatible.iter().map(case).collect()
    }
}

fn number(entry: u32) -> Option<usize> {
    (entry != NOWHERE).then_some(entry as usize)
}

fn place_of_state(state: State, version_count: usize) -> usize {
    match state {
        State::After(version) => version as usize,
        State::Initial(key) => version_count + key as usize,
    }
}

/// The committed readers of each state, grouped by state.
fn readers(transactions: &Transactions) -> (Vec<u32>, Vec<u32>) {
    let state_count = transactions.version_count() + transactions.key_count();
    let mut pairs = Vec::new();
    let mut starts = vec![0; state_count + 1];
    for (number, transaction) in transactions.committed() {
        let mut seen = FxHashSet::default();
        for micro_op in transactions.micro_ops(transaction) {
            let Action::Read(_) = micro_op.action else { continue };
            let state = place_of_state(State::seen(*micro_op, transactions), transactions.version_count());
            if seen.insert(state) {
                pairs.push((state, number as u32));
                starts[state + 1] += 1;
            }
        }
    }
    for state in 0..state_count {
        starts[state + 1] += starts[state];
    }
    pairs.sort_unstable();
    (starts, pairs.into_iter().map(|(_, number)| number).collect())
}
