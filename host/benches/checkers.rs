//! How fast the checkers are, and how the cost of an operation changes with the length of the history. The histories
//! are valid, and come from a made-up system of concurrent clients on one copy of the data, drawn from a fixed seed.
//!
//!     cargo bench --bench checkers

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use host::checker::{History, Kind, Op, Process, Valid, Value};
use host::workload::{self, Options, Topology};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A system under test, with all that its clients do.
trait System {
    /// What a process does next: the operation's name and its argument.
    fn next(&mut self, process: usize, rng: &mut ChaCha8Rng) -> (&'static str, Value);

    /// Carries an operation out at one instant. What it says is the completion.
    fn apply(&mut self, process: usize, f: &str, argument: &Value) -> (Kind, Value);

    /// What each process does after everything else.
    fn last(&self) -> Option<(&'static str, Value)> {
        None
    }
}

fn main() {
    println!(
        "{:18}{:>12}{:>12}{:>14}{:>14}",
        "checker", "operations", "time", "operations/s", "ns/operation"
    );
    for (name, add) in [("broadcast", "broadcast"), ("g-set", "add")] {
        for count in [10_000, 30_000, 100_000] {
            measure(name, count, 25, Set::read_a_thousand_times(add, count));
        }
    }
    for count in [1_000, 3_000, 10_000, 30_000] {
        measure("lin-kv", count, 10, Register::default());
    }
    for count in [10_000, 30_000, 100_000] {
        measure("txn-list-append", count, 10, Lists::default());
    }
    for count in [10_000, 30_000, 100_000] {
        measure("txn-rw-register", count, 10, Registers::default());
    }
    for count in [10_000, 30_000, 100_000] {
        measure("kafka", count, 10, Logs::of(10));
    }
    for count in [10_000, 100_000, 1_000_000] {
        measure("kafka, 1000 keys", count, 10, Logs::of(1_000));
    }
    for (name, lowest) in [("g-counter", 0), ("pn-counter", -5)] {
        for count in [10_000, 100_000, 1_000_000] {
            measure(name, count, 10, Counter { lowest, total: 0 });
        }
    }
    for count in [10_000, 100_000, 1_000_000] {
        measure("unique-ids", count, 10, Ids::default());
    }
    for count in [10_000, 100_000, 1_000_000] {
        measure("echo", count, 10, Echo);
    }
}

fn measure(name: &str, count: usize, concurrency: usize, system: impl System) {
    let history = history(count, concurrency, system);
    let options = Options {
        nodes: (1..=5).map(|node| format!("n{node}")).collect(),
        concurrency: 10,
        topology: Topology::Grid,
        latency_ms: 0,
        key_count: 10,
        max_txn_length: 4,
        max_writes_per_key: 16,
        consistency_models: "strict-serializable".to_owned(),
    };
    let workload = name.split(',').next().expect("a name");
    let workload = workload::named(workload, &options).expect("a workload of that name");
    let began = Instant::now();
    let checked = workload.check(&history);
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(checked.valid, Valid::True, "{name}: {:?}", checked.violations.first());
    let operations = history.invocations().count() as f64;
    println!(
        "{name:18}{operations:>12}{:>10.3} s{:>14.0}{:>14.0}",
        seconds,
        operations / seconds,
        seconds * 1e9 / operations
    );
}

/// What a process is at.
enum State {
    Idle,
    Invoked(&'static str, Value),
    Applied(&'static str, Kind, Value),
}

/// So many operations, each of which takes effect somewhere between its invocation and its completion.
fn history(count: usize, concurrency: usize, mut system: impl System) -> History {
    let mut rng = ChaCha8Rng::seed_from_u64(count as u64);
    let mut states: Vec<State> = (0..concurrency).map(|_| State::Idle).collect();
    let mut ops = Vec::with_capacity(2 * (count + concurrency));
    let mut begun = 0;
    while begun < count || states.iter().any(|state| !matches!(state, State::Idle)) {
        let process = rng.random_range(0..concurrency);
        states[process] = match std::mem::replace(&mut states[process], State::Idle) {
            State::Idle if begun == count => State::Idle,
            State::Idle => {
                begun += 1;
                let (f, argument) = system.next(process, &mut rng);
                record(&mut ops, process, Kind::Invoke, f, argument.clone(), false);
                State::Invoked(f, argument)
            }
            State::Invoked(f, argument) => {
                let (kind, value) = system.apply(process, f, &argument);
                State::Applied(f, kind, value)
            }
            State::Applied(f, kind, value) => {
                record(&mut ops, process, kind, f, value, false);
                State::Idle
            }
        };
    }
    let last = system.last();
    for (process, (f, argument)) in (0..concurrency).zip(std::iter::repeat(last).map_while(|last| last)) {
        record(&mut ops, process, Kind::Invoke, f, argument.clone(), true);
        let (kind, value) = system.apply(process, f, &argument);
        record(&mut ops, process, kind, f, value, true);
    }
    History::new(ops).expect("each process has one operation at a time")
}

fn record(ops: &mut Vec<Op>, process: usize, kind: Kind, f: &'static str, value: Value, is_final: bool) {
    ops.push(Op {
        index: ops.len(),
        time_ns: ops.len() as u64 * 1_000_000,
        kind,
        process: Process::Client(process as u64),
        f: f.into(),
        value,
        error: None,
        exception: None,
        is_final,
        seek_to_beginning: false,
    });
}

fn list(values: impl IntoIterator<Item = Value>) -> Value {
    values.into_iter().collect()
}

/// A set that is read once in so many operations.
struct Set {
    add: &'static str,
    read_every: usize,
    begun: usize,
    elements: Vec<Value>,
}

impl Set {
    fn read_a_thousand_times(add: &'static str, count: usize) -> Set {
        Set { add, read_every: count / 1_000, begun: 0, elements: Vec::new() }
    }
}

impl System for Set {
    fn next(&mut self, _process: usize, _rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        self.begun += 1;
        match self.begun % self.read_every {
            0 => ("read", Value::Null),
            _ => (self.add, Value::from(self.begun as i64)),
        }
    }

    fn apply(&mut self, _process: usize, f: &str, argument: &Value) -> (Kind, Value) {
        if f == "read" {
            return (Kind::Ok, list(self.elements.iter().cloned()));
        }
        self.elements.push(argument.clone());
        (Kind::Ok, argument.clone())
    }

    fn last(&self) -> Option<(&'static str, Value)> {
        Some(("read", Value::Null))
    }
}

/// One register: reads, writes and compare-and-set of five values.
#[derive(Default)]
struct Register(Option<i64>);

impl System for Register {
    fn next(&mut self, _process: usize, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        let mut value = || Value::from(rng.random_range(0..5i64));
        let (one, other) = (value(), value());
        let of_key = |value| list([Value::from(0), value]);
        match rng.random_range(0..3) {
            0 => ("read", of_key(Value::Null)),
            1 => ("write", of_key(one)),
            _ => ("cas", of_key(list([one, other]))),
        }
    }

    fn apply(&mut self, _process: usize, f: &str, argument: &Value) -> (Kind, Value) {
        let value = &argument.as_list().expect("key and value")[1];
        match f {
            "read" => {
                let Some(value) = self.0 else { return (Kind::Fail, argument.clone()) };
                (Kind::Ok, list([Value::from(0), Value::from(value)]))
            }
            "write" => {
                self.0 = value.as_i64();
                (Kind::Ok, argument.clone())
            }
            _ => {
                let [from, to] = value.as_list().expect("two values") else { panic!("two values") };
                if self.0.is_none() || self.0 != from.as_i64() {
                    return (Kind::Fail, argument.clone());
                }
                self.0 = to.as_i64();
                (Kind::Ok, argument.clone())
            }
        }
    }
}

/// The keys of transactions: ten at a time, each replaced after sixteen writes.
#[derive(Default)]
struct Keys {
    active: Vec<(i64, i64)>,
    next: i64,
}

impl Keys {
    fn transaction(&mut self, write: &str, rng: &mut ChaCha8Rng) -> Value {
        while self.active.len() < 10 {
            self.active.push((self.next, 0));
            self.next += 1;
        }
        list((0..rng.random_range(1..=4)).map(|_| {
            let slot = rng.random_range(0..10);
            let (key, writes) = self.active[slot];
            if rng.random() {
                return list([Value::from("r"), Value::from(key), Value::Null]);
            }
            self.active[slot].1 += 1;
            if writes + 1 == 16 {
                self.active[slot] = (self.next, 0);
                self.next += 1;
            }
            list([Value::from(write), Value::from(key), Value::from(writes + 1)])
        }))
    }
}

/// Carries out a transaction's micro-operations: `read` says what a key holds, `write` changes it.
fn transact(argument: &Value, mut each: impl FnMut(i64, Option<&Value>) -> Value) -> (Kind, Value) {
    let micro = |op: &Value| {
        let [f, key, value] = op.as_list().expect("a list") else { panic!("three parts") };
        let written = (f.as_str() != Some("r")).then_some(value);
        let value = each(key.as_i64().expect("a number"), written);
        list([f.clone(), key.clone(), value])
    };
    (Kind::Ok, list(argument.as_list().expect("micro-operations").iter().map(micro)))
}

#[derive(Default)]
struct Lists {
    keys: Keys,
    lists: HashMap<i64, Vec<Value>>,
}

impl System for Lists {
    fn next(&mut self, _process: usize, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        ("txn", self.keys.transaction("append", rng))
    }

    fn apply(&mut self, _process: usize, _f: &str, argument: &Value) -> (Kind, Value) {
        transact(argument, |key, written| match written {
            None => self.lists.get(&key).map_or(Value::Null, |values| list(values.iter().cloned())),
            Some(value) => {
                self.lists.entry(key).or_default().push(value.clone());
                value.clone()
            }
        })
    }
}

#[derive(Default)]
struct Registers {
    keys: Keys,
    values: HashMap<i64, Value>,
}

impl System for Registers {
    fn next(&mut self, _process: usize, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        ("txn", self.keys.transaction("w", rng))
    }

    fn apply(&mut self, _process: usize, _f: &str, argument: &Value) -> (Kind, Value) {
        transact(argument, |key, written| match written {
            None => self.values.get(&key).cloned().unwrap_or_default(),
            Some(value) => {
                self.values.insert(key, value.clone());
                value.clone()
            }
        })
    }
}

/// Ten logs: half the operations send a message, the others poll up to ten of each log.
#[derive(Default)]
struct Logs {
    keys: i64,
    logs: BTreeMap<i64, Vec<Value>>,
    /// For each process that has been assigned its keys, how far it has read each.
    positions: HashMap<usize, BTreeMap<i64, usize>>,
    sent: i64,
}

impl Logs {
    fn of(keys: i64) -> Logs {
        Logs { keys, ..Logs::default() }
    }
}

impl System for Logs {
    fn next(&mut self, process: usize, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        if let Entry::Vacant(positions) = self.positions.entry(process) {
            positions.insert(BTreeMap::new());
            return ("assign", list((0..self.keys).map(|key| Value::from(key.to_string().as_str()))));
        }
        if rng.random() {
            return ("poll", list([list([Value::from("poll")])]));
        }
        self.sent += 1;
        let key = Value::from(rng.random_range(0..self.keys).to_string().as_str());
        ("send", list([list([Value::from("send"), key, Value::from(self.sent)])]))
    }

    fn apply(&mut self, process: usize, f: &str, argument: &Value) -> (Kind, Value) {
        match f {
            "assign" => (Kind::Ok, argument.clone()),
            "send" => {
                let send = argument.as_list().expect("one send")[0].as_list().expect("three parts");
                let key: i64 = send[1].as_str().expect("a key").parse().expect("a number");
                let log = self.logs.entry(key).or_default();
                log.push(send[2].clone());
                let placed = list([Value::from(log.len() as i64 - 1), send[2].clone()]);
                (Kind::Ok, list([list([send[0].clone(), send[1].clone(), placed])]))
            }
            _ => {
                let positions = self.positions.entry(process).or_default();
                let polled = self.logs.iter().filter_map(|(key, log)| {
                    let position = positions.entry(*key).or_default();
                    // With many keys a poll lists those that have something new.
                    if self.keys > 10 && *position == log.len() {
                        return None;
                    }
                    let messages = log.iter().enumerate().skip(*position).take(10);
                    let messages: Vec<Value> = messages
                        .map(|(offset, message)| list([Value::from(offset as i64), message.clone()]))
                        .collect();
                    *position += messages.len();
                    Some((Value::from(key.to_string().as_str()), Value::List(messages)))
                });
                (Kind::Ok, list([list([Value::from("poll"), Value::Map(polled.collect())])]))
            }
        }
    }
}

/// A counter that is read at the end.
struct Counter {
    lowest: i64,
    total: i64,
}

impl System for Counter {
    fn next(&mut self, _process: usize, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        ("add", Value::from(rng.random_range(self.lowest..=5)))
    }

    fn apply(&mut self, _process: usize, f: &str, argument: &Value) -> (Kind, Value) {
        if f == "read" {
            return (Kind::Ok, Value::from(self.total));
        }
        self.total += argument.as_i64().expect("a number");
        (Kind::Ok, argument.clone())
    }

    fn last(&self) -> Option<(&'static str, Value)> {
        Some(("read", Value::Null))
    }
}

#[derive(Default)]
struct Ids(u64);

impl System for Ids {
    fn next(&mut self, _process: usize, _rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        ("generate", Value::Null)
    }

    fn apply(&mut self, process: usize, _f: &str, _argument: &Value) -> (Kind, Value) {
        self.0 += 1;
        (Kind::Ok, Value::from(format!("n{process}-{}", self.0).as_str()))
    }
}

struct Echo;

impl System for Echo {
    fn next(&mut self, _process: usize, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        ("echo", Value::from(format!("Please echo {}", rng.random_range(0..128)).as_str()))
    }

    fn apply(&mut self, _process: usize, _f: &str, argument: &Value) -> (Kind, Value) {
        (Kind::Ok, Value::Map(vec![(Value::from("echo"), argument.clone())]))
    }
}
