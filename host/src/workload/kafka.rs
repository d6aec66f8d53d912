//! kafka: append-only logs with offsets, one a key (spec §9.8). A client remembers from where on to poll each key that
//! it is assigned, and forgets it when it crashes.

mod commits;

use std::collections::BTreeMap;

use commits::Commits;
use rand::{Rng, RngExt};

use super::reply::Type;
use super::txn::{Generator, MicroOp};
use super::{
    Checked, Clients, Final, Invocation, Malformed, Options, RPC_TIMEOUT_MS, Schema, Step, Workload,
};
use crate::checker::{History, Op, Process, Value, kafka};

/// How often an `assign` takes the place of another operation, and how often it takes up what nobody has polled yet.
const ASSIGN: (u32, u32) = (1, 64);
const CATCH_UP: (u32, u32) = (1, 3);

/// Each client crashes about this often.
const CRASH_INTERVAL_MS: u64 = 30_000;

/// The final polls of a worker are this far apart and end after that time at the latest.
const FINAL_POLL_INTERVAL_MS: u64 = 200;
const FINAL_PHASE_MS: u64 = 10_000;

static SEND_OK: Schema = Schema::with("send_ok", "offset", Type::Int64);
static POLL_OK: Schema =
    Schema::with("poll_ok", "msgs", Type::Map(&Type::List(&Type::Tuple(&[Type::Int64, Type::Any]))));
static COMMIT_OK: Schema = Schema::acknowledgement("commit_offsets_ok");
static LIST_OK: Schema = Schema::with("list_committed_offsets_ok", "offsets", Type::Map(&Type::Int64));

/// An offset for each key, in a fixed order.
type Offsets = BTreeMap<String, i64>;

pub(super) struct Kafka {
    generator: Generator,
    clients: Vec<Client>,
    /// When the next client crashes. The first does when the load begins (spec §19.10).
    next_crash_ms: u64,
    /// The highest offset of every acknowledged send.
    sent: Offsets,
    /// The highest offset of every successful poll.
    polled: Offsets,
    /// What was committed and what nodes say of it.
    commits: Commits,
    /// Workers whose client has crashed once more, at the end.
    is_renewed: Vec<bool>,
}

/// What a client knows.
#[derive(Default)]
struct Client {
    /// Where to poll next, for each key it is assigned.
    next_offsets: Offsets,
    /// What it has polled, while it waits for the offsets to be committed.
    polled: Option<Polled>,
}

/// The result of a poll.
struct Polled {
    messages: Value,
    highest: Offsets,
}

impl Kafka {
    pub fn new(options: &Options) -> Kafka {
        Kafka {
            generator: Generator::new(options, 1),
            clients: (0..options.concurrency).map(|_| Client::default()).collect(),
            next_crash_ms: 0,
            sent: Offsets::new(),
            polled: Offsets::new(),
            commits: Commits::new(options.concurrency),
            is_renewed: vec![false; options.concurrency],
        }
    }

    /// Whether a client has to crash now; if so, the next time is drawn.
    fn is_time_to_crash(&mut self, elapsed_ms: u64, rng: &mut dyn Rng) -> bool {
        let is_time = self.next_crash_ms <= elapsed_ms;
        if is_time {
            let mean_ms = CRASH_INTERVAL_MS / self.clients.len() as u64;
            self.next_crash_ms = elapsed_ms + rng.random_range(0..(2 * mean_ms).max(1));
        }
        is_time
    }

    fn next_assign(&self, rng: &mut dyn Rng) -> Invocation {
        let key = self.generator.key(rng).to_string();
        if !rng.random_ratio(CATCH_UP.0, CATCH_UP.1) {
            return assign(&[key]);
        }
        let is_seen = |key, offset| self.polled.get(key).is_some_and(|polled| polled >= offset);
        let unseen = self.sent.iter().filter(|(other, offset)| **other != key && !is_seen(*other, *offset));
        let mut keys = vec![key.clone()];
        keys.extend(unseen.map(|(key, _)| key.clone()));
        assign(&keys)
    }

    /// The highest offset known of each key.
    fn highest(&self) -> Offsets {
        let mut highest = self.sent.clone();
        raise(&mut highest, &self.polled);
        highest
    }

    fn begin_assign(&mut self, worker: usize, invocation: &Invocation) -> Step {
        if !invocation.seek_to_beginning {
            self.commits.ask(worker, keys_of(&invocation.value));
            return Step::Request(format!(
                r#"{{"type":"list_committed_offsets","keys":{}}}"#,
                invocation.value
            ));
        }
        let keys = keys_of(&invocation.value);
        self.clients[worker].next_offsets = keys.map(|key| (key.to_owned(), 0)).collect();
        Step::Ok(invocation.value.clone())
    }

    fn send_replied(&mut self, invocation: &Invocation, body: Value) -> Result<Step, Malformed> {
        let offset = SEND_OK.accept(body)?;
        let (key, message) = sending(invocation);
        if let (Value::Str(key), Value::Int(offset)) = (&key, &offset) {
            raise(&mut self.sent, &Offsets::from([(key.to_string(), *offset)]));
        }
        let placed = Value::List(vec![offset, message]);
        Ok(Step::Ok(Value::List(vec![Value::List(vec!["send".into(), key, placed])])))
    }

    /// Moves on behind what was polled, and commits it if it is anything.
    fn poll_replied(&mut self, worker: usize, body: Value) -> Result<Step, Malformed> {
        let Value::Map(mut logs) = POLL_OK.accept(body)? else {
            unreachable!("the schema says it is an object")
        };
        let client = &mut self.clients[worker];
        let mut highest = Offsets::new();
        for (key, log) in &mut logs {
            if log.is_null() {
                *log = Value::List(Vec::new());
            }
            let key = key.as_str().unwrap_or_default();
            let next = client.next_offsets.entry(key.to_owned()).or_insert(0);
            let offsets = || log.as_list().unwrap_or_default().iter().filter_map(offset_of);
            if let (Some(last), Some(max)) = (offsets().next_back(), offsets().max()) {
                *next = last.saturating_add(1).max(*next);
                highest.insert(key.to_owned(), max);
            }
        }
        let messages = Value::List(vec![Value::List(vec!["poll".into(), Value::Map(logs)])]);
        if highest.is_empty() {
            return Ok(Step::Ok(messages));
        }
        let commit = format!(r#"{{"type":"commit_offsets","offsets":{}}}"#, written(&highest));
        self.commits.begin(worker, &highest);
        client.polled = Some(Polled { messages, highest });
        Ok(Step::Request(commit))
    }

    fn commit_replied(&mut self, worker: usize, polled: Polled, body: Value) -> Result<Step, Malformed> {
        COMMIT_OK.accept(body)?;
        self.commits.acknowledge(worker);
        raise(&mut self.polled, &polled.highest);
        Ok(Step::Ok(polled.messages))
    }

    /// Keys that the client has go on where they are, others where someone left off, or at the beginning.
    fn assign_replied(
        &mut self,
        worker: usize,
        invocation: &Invocation,
        body: Value,
    ) -> Result<Step, Malformed> {
        let committed = LIST_OK.accept(body)?;
        self.commits.answer(worker, &committed);
        let client = &mut self.clients[worker];
        let next_offset = |key: &str| {
            let local = client.next_offsets.get(key).copied();
            local.or_else(|| committed.get(key)?.as_i64()).unwrap_or(0)
        };
        client.next_offsets =
            keys_of(&invocation.value).map(|key| (key.to_owned(), next_offset(key))).collect();
        Ok(Step::Ok(invocation.value.clone()))
    }
}

impl Workload for Kafka {
    fn operations(&self) -> &'static [&'static str] {
        &["assign", "crash", "poll", "send", "subscribe", "txn"]
    }

    fn clients(&self) -> Clients {
        Clients { reusable: false, timeout_ms: RPC_TIMEOUT_MS, maps_errors: true }
    }

    fn is_idempotent(&self, f: &str) -> bool {
        f == "assign"
    }

    fn never_succeed(&self) -> &'static [&'static str] {
        &["crash"]
    }

    fn next(&mut self, _worker: usize, elapsed_ms: u64, rng: &mut dyn Rng) -> Option<Invocation> {
        if self.is_time_to_crash(elapsed_ms, rng) {
            return Some(Invocation::new("crash", Value::Null));
        }
        if rng.random_ratio(ASSIGN.0, ASSIGN.1) {
            return Some(self.next_assign(rng));
        }
        Some(match self.generator.micro_op(rng) {
            MicroOp::Read { .. } => poll(),
            MicroOp::Write { key, value } => {
                let send = vec!["send".into(), key.to_string().as_str().into(), value.into()];
                Invocation::new("send", vec![Value::List(send)])
            }
        })
    }

    fn has_final_phase(&self) -> bool {
        true
    }

    /// A crash, then every known key from its beginning until the worker has seen all of it. A client that is lost on
    /// the way begins again.
    fn next_final(&mut self, worker: usize, elapsed_ms: u64) -> Final {
        let highest = self.highest();
        let next_offsets = &self.clients[worker].next_offsets;
        let has_seen =
            |(key, offset): (&String, &i64)| next_offsets.get(key).is_some_and(|next| next > offset);
        if !highest.is_empty() && !std::mem::replace(&mut self.is_renewed[worker], true) {
            return Final::Invoke(Invocation::new("crash", Value::Null), 0);
        }
        if elapsed_ms + FINAL_POLL_INTERVAL_MS >= FINAL_PHASE_MS || highest.iter().all(has_seen) {
            return Final::Done;
        }
        if next_offsets.is_empty() {
            let keys: Vec<String> = highest.into_keys().collect();
            return Final::Invoke(Invocation { seek_to_beginning: true, ..assign(&keys) }, 0);
        }
        Final::Invoke(poll(), FINAL_POLL_INTERVAL_MS)
    }

    fn reconnect(&mut self, worker: usize) {
        self.clients[worker] = Client::default();
    }

    fn begin(&mut self, worker: usize, invocation: &Invocation) -> Step {
        let client = &mut self.clients[worker];
        client.polled = None;
        match invocation.f {
            "crash" => Step::Crash,
            "assign" => self.begin_assign(worker, invocation),
            "send" => {
                let (key, message) = sending(invocation);
                Step::Request(format!(r#"{{"type":"send","key":{key},"msg":{message}}}"#))
            }
            _ => Step::Request(format!(r#"{{"type":"poll","offsets":{}}}"#, written(&client.next_offsets))),
        }
    }

    fn reply(&mut self, worker: usize, invocation: &Invocation, body: Value) -> Result<Step, Malformed> {
        match (invocation.f, self.clients[worker].polled.take()) {
            ("assign", _) => self.assign_replied(worker, invocation, body),
            ("send", _) => self.send_replied(invocation, body),
            (_, Some(polled)) => self.commit_replied(worker, polled, body),
            (_, None) => self.poll_replied(worker, body),
        }
    }

    fn observe(&mut self, completion: &Op) {
        if let Process::Client(process) = completion.process {
            self.commits.place(process as usize % self.clients.len(), completion);
        }
    }

    fn check(&self, history: &History) -> Checked {
        let result = kafka::check(history, &kafka::Options::default());
        let mut checked = Checked::new(result.valid, &result);
        checked.warnings.extend(self.commits.warnings());
        checked
    }
}

fn poll() -> Invocation {
    Invocation::new("poll", vec![Value::List(vec!["poll".into()])])
}

fn assign(keys: &[String]) -> Invocation {
    Invocation::new("assign", keys.iter().map(|key| Value::from(key.as_str())).collect::<Value>())
}

fn keys_of(assigned: &Value) -> impl Iterator<Item = &str> {
    assigned.as_list().unwrap_or_default().iter().filter_map(Value::as_str)
}

/// Key and message of a `send`.
fn sending(invocation: &Invocation) -> (Value, Value) {
    let micro_op = invocation.value.as_list().and_then(|micro_ops| micro_ops.first()?.as_list());
    match micro_op {
        Some([_, key, message]) => (key.clone(), message.clone()),
        _ => unreachable!("kafka made the invocation {invocation:?}"),
    }
}

/// The offset of a message that was polled.
fn offset_of(placed: &Value) -> Option<i64> {
    placed.as_list()?.first()?.as_i64()
}

/// Takes the higher of the two offsets of each key.
fn raise(offsets: &mut Offsets, others: &Offsets) {
    for (key, other) in others {
        let offset = offsets.entry(key.clone()).or_insert(*other);
        *offset = (*offset).max(*other);
    }
}

/// Offsets as a JSON object.
fn written(offsets: &Offsets) -> Value {
    Value::Map(offsets.iter().map(|(key, offset)| (key.as_str().into(), Value::Int(*offset))).collect())
}

#[cfg(test)]
mod tests;
