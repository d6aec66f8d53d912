//! The workload's operations: begun by workers, followed through requests and replies, completed, recorded.

use std::{fmt, mem};

use rand::RngExt;

use super::{Event, Loop, NS_PER_MS};
use crate::bench::clients::{InHand, Outcome, Owner};
use crate::bench::random::uniform;
use crate::checker::{Kind, Op, Process, Value};
use crate::workload::{Final, Invocation, Step};

impl Loop<'_> {
    /// Gives an operation to a random free worker that has one to do.
    pub(super) fn next_operation(&mut self) {
        if !self.is_loading || self.now_ns >= self.load_began_ns + self.test.time_limit_ns {
            return;
        }
        let free: Vec<usize> =
            (0..self.workers.len()).filter(|&worker| self.workers[worker].busy.is_none()).collect();
        if free.is_empty() {
            self.is_behind = true;
            return;
        }
        let mean_gap_ns = (1e9 / self.test.rate) as u64;
        self.scheduler.plan(self.now_ns + uniform(&mut self.gaps, mean_gap_ns), Event::Load);
        let first = self.choices.random_range(0..free.len());
        let elapsed_ms = (self.now_ns - self.load_began_ns) / NS_PER_MS;
        for worker in free[first..].iter().chain(&free[..first]) {
            if let Some(invocation) = self.workload.next(*worker, elapsed_ms, &mut self.generator) {
                self.begin(*worker, invocation, false);
                return;
            }
        }
    }

    pub(super) fn next_final(&mut self, worker: usize) {
        let began_ns = self.final_began_ns.expect("final operations come in the final phase");
        match self.workload.next_final(worker, (self.now_ns - began_ns) / NS_PER_MS) {
            Final::Done => self.workers[worker].is_done = true,
            Final::Invoke(invocation, after_ms) => {
                self.workers[worker].next_final = Some(invocation);
                self.scheduler.plan(self.now_ns + after_ms * NS_PER_MS, Event::BeginFinal { worker });
            }
        }
    }

    pub(super) fn begin(&mut self, worker: usize, invocation: Invocation, is_final: bool) {
        if self.workers[worker].client.is_none() {
            self.workers[worker].client = Some(self.clients.open(Owner::Worker(worker)));
        }
        self.record(worker, &invocation, is_final, Kind::Invoke, invocation.value.clone(), None, None);
        let step = self.workload.begin(worker, &invocation);
        self.workers[worker].busy = Some(InHand { invocation, is_final });
        self.follow(worker, step);
    }

    fn follow(&mut self, worker: usize, step: Step) {
        match step {
            Step::Ok(value) => self.complete(worker, Outcome::Ok(value)),
            Step::Crash => self.complete(worker, Outcome::Crash),
            Step::Request(body) => {
                let client = self.workers[worker].client.expect("a worker opens a client before it begins");
                let timeout_ns = self.workload.clients().timeout_ms * NS_PER_MS;
                self.request(client, worker % self.nodes.len(), &body, timeout_ns);
            }
        }
    }

    pub(super) fn replied(&mut self, worker: usize, body: Value) {
        let node = worker % self.nodes.len();
        self.nodes[node].answers.answered(self.now_ns);
        if body.get("type").and_then(Value::as_str) == Some("error") {
            let is_idempotent = self.is_idempotent(worker);
            let outcome = match Outcome::error(&body, self.workload.clients(), is_idempotent) {
                Outcome::Exception(why) => self.malformed(node, &why),
                outcome => outcome,
            };
            return self.complete(worker, outcome);
        }
        let Some(in_hand) = &self.workers[worker].busy else { return };
        match self.workload.reply(worker, &in_hand.invocation, body) {
            Ok(step) => self.follow(worker, step),
            Err(malformed) => {
                let outcome = self.malformed(node, &malformed);
                self.complete(worker, outcome);
            }
        }
    }

    /// A reply that is not as it must be, and why (spec §3.3).
    fn malformed(&self, node: usize, why: &impl fmt::Display) -> Outcome {
        let node = &self.test.options.nodes[node];
        Outcome::Exception(format!("Malformed RPC response from {node}: {why}"))
    }

    pub(super) fn complete(&mut self, worker: usize, outcome: Outcome) {
        let Some(InHand { invocation, is_final }) = self.workers[worker].busy.take() else { return };
        let argument = || invocation.value.clone();
        let (kind, value, error, exception) = match outcome {
            Outcome::Ok(value) => (Kind::Ok, value, None, None),
            Outcome::Fail(error) => (Kind::Fail, argument(), Some(error), None),
            Outcome::Info(error) => (Kind::Info, argument(), Some(error), None),
            Outcome::Exception(text) => (Kind::Info, argument(), Some(Value::from(&*text)), Some(text)),
            Outcome::Crash => (Kind::Info, argument(), None, None),
        };
        self.record(worker, &invocation, is_final, kind, value, error, exception);
        self.completed += 1;
        if kind == Kind::Info {
            self.crash_process(worker, invocation.f);
        }
        if is_final {
            self.scheduler.plan(self.now_ns, Event::Final { worker });
        } else if mem::take(&mut self.is_behind) {
            self.scheduler.plan(self.now_ns, Event::Load);
        }
    }

    /// After an operation whose outcome nobody knows its process does nothing any more (spec §6.3).
    fn crash_process(&mut self, worker: usize, f: &str) {
        self.workers[worker].process += self.workers.len() as u64;
        let keeps_client = self.workload.clients().reusable && f != "crash";
        if keeps_client {
            return;
        }
        if let Some(client) = self.workers[worker].client.take() {
            self.clients.close(client, self.now_ns);
        }
        self.workload.reconnect(worker);
    }

    #[allow(clippy::too_many_arguments)]
    fn record(
        &mut self,
        worker: usize,
        invocation: &Invocation,
        is_final: bool,
        kind: Kind,
        value: Value,
        error: Option<Value>,
        exception: Option<String>,
    ) {
        let op = Op {
            index: self.ops.len(),
            time_ns: self.now_ns - self.load_began_ns,
            kind,
            process: Process::Client(self.workers[worker].process),
            f: invocation.f.into(),
            value,
            error,
            exception: exception.map(Into::into),
            is_final,
            seek_to_beginning: invocation.seek_to_beginning,
        };
        if kind != Kind::Invoke {
            self.workload.observe(&op);
        }
        self.ops.push(op);
    }
}
