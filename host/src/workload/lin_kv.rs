//! lin-kv: a key-value store that must be linearizable (spec §9.7). Groups of workers work on one key each, so that
//! every key's history can be judged by itself.

use rand::{Rng, RngExt};

use super::reply::Type;
use super::{Checked, Clients, Invocation, Malformed, Options, Schema, Step, Workload};
use crate::checker::linear::{self, Budget};
use crate::checker::{History, Kind, Op, Process, Value};

/// A client waits for ten mean latencies, but not less than this.
const LEAST_TIMEOUT_MS: u64 = 1_000;

/// More logical processes than this make a key too hard to judge, and its group takes another. Maelstrom counts the
/// 2n workers of a group in and so never begins with 11 nodes or more; there the limit is 2n.
const PROCESSES_PER_KEY: usize = 20;

/// Values are natural numbers below this.
const VALUES: i64 = 5;

static READ_OK: Schema = Schema::with("read_ok", "value", Type::Any);
static WRITE_OK: Schema = Schema::acknowledgement("write_ok");
static CAS_OK: Schema = Schema::acknowledgement("cas_ok");

pub(super) struct LinKv {
    timeout_ms: u64,
    concurrency: usize,
    /// How many workers of a group only read: one a node. As many others write.
    readers: usize,
    groups: Vec<Group>,
    next_key: i64,
}

/// Workers that share a key.
struct Group {
    key: i64,
    /// How many logical processes have been there since the group has this key.
    processes: usize,
}

impl LinKv {
    /// Fails if the workers cannot be divided into groups of twice the number of nodes.
    pub fn new(options: &Options) -> Result<LinKv, String> {
        let (nodes, concurrency) = (options.nodes.len(), options.concurrency);
        let group_size = 2 * nodes;
        if !concurrency.is_multiple_of(group_size) {
            return Err(format!(
                "lin-kv needs two workers a node for each key: --concurrency must be a positive multiple of {group_size} \
                 for {nodes} nodes, such as 2n, and not {concurrency}"
            ));
        }
        let keys = (concurrency / group_size) as i64;
        Ok(LinKv {
            timeout_ms: options.latency_ms.saturating_mul(10).max(LEAST_TIMEOUT_MS),
            concurrency,
            readers: nodes,
            groups: (0..keys).map(|key| Group { key, processes: group_size }).collect(),
            next_key: keys,
        })
    }

    fn group_size(&self) -> usize {
        2 * self.readers
    }

    /// The key a worker's group is at, after it has moved on if it must.
    fn key_for(&mut self, worker: usize) -> i64 {
        let group_size = self.group_size();
        let group = &mut self.groups[worker / group_size];
        if group.processes > PROCESSES_PER_KEY.max(group_size) {
            *group = Group { key: self.next_key, processes: group_size };
            self.next_key += 1;
        }
        group.key
    }
}

/// A key and what is done with its value, as histories have it.
fn keyed(key: i64, value: impl Into<Value>) -> Value {
    Value::List(vec![Value::Int(key), value.into()])
}

impl Workload for LinKv {
    fn operations(&self) -> &'static [&'static str] {
        &["read", "write", "cas"]
    }

    fn clients(&self) -> Clients {
        Clients { reusable: true, timeout_ms: self.timeout_ms, maps_errors: true }
    }

    fn is_idempotent(&self, f: &str) -> bool {
        f == "read"
    }

    fn next(&mut self, worker: usize, _elapsed_ms: u64, rng: &mut dyn Rng) -> Option<Invocation> {
        let key = self.key_for(worker);
        let is_reader = worker % self.group_size() < self.readers;
        if is_reader {
            return Some(Invocation::new("read", keyed(key, Value::Null)));
        }
        let is_write = rng.random_ratio(1, 3);
        let mut value = || rng.random_range(0..VALUES);
        Some(match is_write {
            true => Invocation::new("write", keyed(key, value())),
            false => Invocation::new("cas", keyed(key, vec![value(), value()])),
        })
    }

    fn begin(&mut self, _worker: usize, invocation: &Invocation) -> Step {
        let [key, argument] = invocation.value.as_list().unwrap_or_default() else {
            unreachable!("lin-kv made the invocation {invocation:?}")
        };
        Step::Request(match (invocation.f, argument.as_list()) {
            ("cas", Some([from, to])) => format!(r#"{{"type":"cas","key":{key},"from":{from},"to":{to}}}"#),
            ("write", _) => format!(r#"{{"type":"write","key":{key},"value":{argument}}}"#),
            _ => format!(r#"{{"type":"read","key":{key}}}"#),
        })
    }

    fn reply(&mut self, _worker: usize, invocation: &Invocation, body: Value) -> Result<Step, Malformed> {
        match invocation.f {
            "read" => {
                let key =
                    invocation.value.as_list().and_then(|pair| pair.first()).cloned().unwrap_or_default();
                Ok(Step::Ok(Value::List(vec![key, READ_OK.accept(body)?])))
            }
            "write" => WRITE_OK.accept(body).map(|_| Step::Ok(invocation.value.clone())),
            _ => CAS_OK.accept(body).map(|_| Step::Ok(invocation.value.clone())),
        }
    }

    /// Counts the process that takes the place of one whose outcome is unknown.
    fn observe(&mut self, completion: &Op) {
        if let (Kind::Info, Process::Client(process)) = (completion.kind, completion.process) {
            let worker = (process % self.concurrency as u64) as usize;
            let group_size = self.group_size();
            self.groups[worker / group_size].processes += 1;
        }
    }

    fn check(&self, history: &History) -> Checked {
        let result = linear::check(history, &Budget::default());
        Checked::new(result.valid, &result)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::named;
    use super::super::simulation::{Answer, Simulation, options};
    use super::*;
    use crate::checker::Valid;

    fn serve(store: &mut HashMap<i64, Value>, request: &Value) -> Answer {
        let field = |name| request.get(name).cloned().unwrap();
        let key = field("key").as_i64().unwrap();
        match request.get("type").and_then(Value::as_str).unwrap() {
            "write" => {
                store.insert(key, field("value"));
                Answer::Reply(r#"{"type":"write_ok"}"#.to_owned())
            }
            "read" => match store.get(&key) {
                Some(value) => Answer::Reply(format!(r#"{{"type":"read_ok","value":{value}}}"#)),
                None => Answer::Error,
            },
            _ => match store.get_mut(&key) {
                Some(value) if *value == field("from") => {
                    *value = field("to");
                    Answer::Reply(r#"{"type":"cas_ok"}"#.to_owned())
                }
                Some(_) => Answer::Error,
                None => Answer::Error,
            },
        }
    }

    fn honest(seed: u64, concurrency: usize) -> Simulation {
        let mut store = HashMap::new();
        let options = Options { concurrency, ..options() };
        Simulation::with("lin-kv", options, seed).run(600, |_, request| serve(&mut store, request))
    }

    fn nodes(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("n{number}")).collect()
    }

    #[test]
    fn concurrency_must_be_a_multiple_of_twice_the_nodes() {
        for concurrency in [3, 5, 7, 9] {
            let error = named("lin-kv", &Options { concurrency, ..options() }).err().unwrap();
            assert!(error.contains("--concurrency must be a positive multiple of 6 for 3 nodes"), "{error}");
        }
        assert!(named("lin-kv", &Options { concurrency: 12, ..options() }).is_ok());
    }

    #[test]
    fn half_of_a_group_reads_and_the_other_half_writes_once_and_swaps_twice() {
        let simulation = honest(1, 12);
        let mut counts: HashMap<(bool, &str), usize> = HashMap::new();
        for op in simulation.history().invocations() {
            let Process::Client(process) = op.process else { panic!("a client") };
            *counts.entry((process % 6 < 3, &op.f)).or_default() += 1;
            let key = op.value.as_list().unwrap()[0].as_i64().unwrap();
            assert_eq!(key, (process % 12 / 6) as i64);
        }
        assert_eq!(counts.len(), 3);
        assert!((260..340).contains(&counts[&(true, "read")]), "{counts:?}");
        assert!((70..130).contains(&counts[&(false, "write")]), "{counts:?}");
        assert!((160..240).contains(&counts[&(false, "cas")]), "{counts:?}");
    }

    #[test]
    fn requests_are_maelstrom_s() {
        let requests = honest(1, 6).requests;
        for request in [
            r#"{"type":"read","key":0}"#,
            r#"{"type":"write","key":0,"value":3}"#,
            r#"{"type":"cas","key":0,"from":3,"to":1}"#,
        ] {
            assert!(requests.iter().any(|sent| sent == request), "{request}");
        }
    }

    #[test]
    fn a_key_is_left_after_twenty_processes() {
        let silent = Simulation::of("lin-kv").run(200, |_, _| Answer::Silence);
        let mut crashes_of: HashMap<i64, usize> = HashMap::new();
        for op in silent.history().completions().filter(|op| op.kind == Kind::Info) {
            *crashes_of.entry(op.value.as_list().unwrap()[0].as_i64().unwrap()).or_default() += 1;
        }
        // A key begins with the group's six workers, and each write that is never answered brings one process more.
        assert!(crashes_of.len() > 3);
        assert!((0..3).all(|key| crashes_of[&key] == 21 - 6), "{crashes_of:?}");
    }

    #[test]
    fn many_nodes_have_a_workload_too() {
        let options = Options { nodes: nodes(11), concurrency: 22, ..options() };
        let mut store = HashMap::new();
        let simulation =
            Simulation::with("lin-kv", options, 0).run(50, |_, request| serve(&mut store, request));
        assert_eq!(simulation.history().invocations().count(), 50);
        assert!(simulation.history().invocations().all(|op| op.value.as_list().unwrap()[0] == Value::Int(0)));
    }

    #[test]
    fn clients_wait_ten_latencies_but_at_least_a_second() {
        let timeout =
            |latency_ms| named("lin-kv", &Options { latency_ms, ..options() }).unwrap().clients().timeout_ms;
        assert_eq!((timeout(0), timeout(100), timeout(250)), (1_000, 1_000, 2_500));
    }

    #[test]
    fn an_atomic_map_is_valid() {
        for seed in 0..5 {
            assert_eq!(honest(seed, 12).check().valid, Valid::True);
        }
    }

    #[test]
    fn a_stale_read_is_invalid_and_told() {
        let (mut store, mut stale) = (HashMap::new(), HashMap::new());
        let simulation = Simulation::of("lin-kv").run(300, |node, request| {
            let is_stale_read = node == 2 && request.get("type").and_then(Value::as_str) == Some("read");
            let answer = serve(if is_stale_read { &mut stale } else { &mut store }, request);
            // The replica that node 2 reads learns what happened only when node 0 is asked.
            if node == 0 {
                stale.clone_from(&store);
            }
            answer
        });
        let checked = simulation.check();
        assert_eq!(checked.valid, Valid::False);
        assert!(checked.violations[0].text.contains("key 0"), "{}", checked.violations[0].text);
    }

    #[test]
    fn an_operation_on_a_missing_key_fails() {
        let simulation = Simulation::of("lin-kv").run(30, |_, _| Answer::Error);
        assert!(simulation.history().completions().all(|op| op.kind == Kind::Fail));
    }
}
