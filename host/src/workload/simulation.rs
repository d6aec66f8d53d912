//! A bench in miniature for the tests of workloads: one operation at a time, every request answered at once by a
//! function. No network, no faults but those that the function plays.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Checked, Final, Invocation, Options, Step, Topology, Workload, named};
use crate::checker::{History, Kind, Op, Process, Value};

/// What the server makes of a request.
pub(super) enum Answer {
    /// This body, to which `in_reply_to` is added.
    Reply(String),
    /// An error that says for certain that nothing happened.
    Error,
    /// Nothing.
    Silence,
}

/// Three nodes and six workers, everything else as Maelstrom's defaults.
pub(super) fn options() -> Options {
    Options {
        nodes: ["n0", "n1", "n2"].map(str::to_owned).to_vec(),
        concurrency: 6,
        topology: Topology::Grid,
        latency_ms: 0,
        key_count: 10,
        max_txn_length: 4,
        max_writes_per_key: 16,
        consistency_models: "strict-serializable".to_owned(),
    }
}

/// A run of a workload and what came of it.
pub(super) struct Simulation {
    workload: Box<dyn Workload>,
    options: Options,
    rng: ChaCha8Rng,
    /// Each worker's logical process.
    processes: Vec<u64>,
    ops: Vec<Op>,
    time_ms: u64,
    /// Every body sent, in order.
    pub requests: Vec<String>,
    history: History,
}

impl Simulation {
    /// A workload with the options of [`options`].
    pub fn of(name: &str) -> Simulation {
        Simulation::with(name, options(), 0)
    }

    pub fn with(name: &str, options: Options, seed: u64) -> Simulation {
        Simulation {
            workload: named(name, &options).unwrap(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            processes: (0..options.concurrency as u64).collect(),
            options,
            ops: Vec::new(),
            time_ms: 0,
            requests: Vec::new(),
            history: History::default(),
        }
    }

    /// Runs that many operations, 10 ms apart, and then the final ones. The server is given the number of the node.
    pub fn run(mut self, ops: usize, mut server: impl FnMut(usize, &Value) -> Answer) -> Simulation {
        let workers: Vec<usize> = (0..self.options.concurrency).collect();
        for _ in 0..ops {
            self.time_ms += 10;
            let worker = *workers.choose(&mut self.rng).unwrap();
            let rng: &mut dyn Rng = &mut self.rng;
            if let Some(invocation) = self.workload.next(worker, self.time_ms, rng) {
                self.operate(worker, &invocation, false, &mut server);
            }
        }
        let load_ended_ms = self.time_ms;
        if self.workload.has_final_phase() {
            for worker in workers {
                self.time_ms = load_ended_ms;
                self.finish(worker, &mut server);
            }
        }
        self.history = History::new(std::mem::take(&mut self.ops)).unwrap();
        self
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    pub fn check(&self) -> Checked {
        self.workload.check(&self.history)
    }

    fn finish(&mut self, worker: usize, server: &mut impl FnMut(usize, &Value) -> Answer) {
        let begin_ms = self.time_ms;
        while let Final::Invoke(invocation, after_ms) =
            self.workload.next_final(worker, self.time_ms - begin_ms)
        {
            self.time_ms += after_ms + 1;
            self.operate(worker, &invocation, true, server);
        }
    }

    fn operate(
        &mut self,
        worker: usize,
        invocation: &Invocation,
        is_final: bool,
        server: &mut impl FnMut(usize, &Value) -> Answer,
    ) {
        let mut op = Op {
            index: 0,
            time_ns: self.time_ms * 1_000_000,
            kind: Kind::Invoke,
            process: Process::Client(self.processes[worker]),
            f: invocation.f.into(),
            value: invocation.value.clone(),
            error: None,
            exception: None,
            is_final,
            seek_to_beginning: invocation.seek_to_beginning,
        };
        self.ops.push(op.clone());
        match self.carry_out(worker, invocation, server) {
            Ok(value) => (op.kind, op.value) = (Kind::Ok, value),
            Err((kind, exception)) => (op.kind, op.exception) = (kind, exception.map(Into::into)),
        }
        self.workload.observe(&op);
        if op.kind == Kind::Info {
            self.processes[worker] += self.options.concurrency as u64;
            if !self.workload.clients().reusable {
                self.workload.reconnect(worker);
            }
        }
        self.ops.push(op);
    }

    /// The operation's result; otherwise its outcome, and the exception that led to it.
    fn carry_out(
        &mut self,
        worker: usize,
        invocation: &Invocation,
        server: &mut impl FnMut(usize, &Value) -> Answer,
    ) -> Result<Value, (Kind, Option<String>)> {
        let on_error = if self.workload.clients().maps_errors { Kind::Fail } else { Kind::Info };
        let on_timeout = if self.workload.is_idempotent(invocation.f) { Kind::Fail } else { Kind::Info };
        let mut step = self.workload.begin(worker, invocation);
        loop {
            let request = match step {
                Step::Request(request) => request,
                Step::Ok(value) => return Ok(value),
                Step::Crash => return Err((Kind::Info, None)),
            };
            let answer = server(worker % self.options.nodes.len(), &Value::from_json(&request).unwrap());
            self.requests.push(request);
            let reply = match answer {
                Answer::Reply(body) => format!(r#"{},"in_reply_to":1}}"#, body.strip_suffix('}').unwrap()),
                Answer::Error => return Err((on_error, None)),
                Answer::Silence => return Err((on_timeout, None)),
            };
            let next = self.workload.reply(worker, invocation, Value::from_json(&reply).unwrap());
            step = next.map_err(|malformed| (Kind::Info, Some(malformed.to_string())))?;
        }
    }
}
