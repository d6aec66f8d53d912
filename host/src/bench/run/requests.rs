//! Clients' requests and what comes of them: the answer they wait for, something else, or nothing in time.

use super::{Event, INIT_TIMEOUT_NS, Loop};
use crate::bench::clients::{self, Outcome, Owner, Stray};
use crate::bench::journal::MessageId;
use crate::bench::network::DropReason;
use crate::bench::offence::Kind as Offending;
use crate::bench::readiness::{self, Asked, Failure, Request};
use crate::checker::Value;
use crate::protocol::quote;

impl Loop<'_> {
    /// Sends a client's request to a node.
    pub(super) fn request(&mut self, client: usize, node: usize, body: &str, timeout_ns: u64) {
        let msg_id = self.clients.get(client).ask();
        let comma = if body == "{}" { "" } else { "," };
        let body = format!(r#"{}{comma}"msg_id":{msg_id}}}"#, &body[..body.len() - 1]);
        let test = self.test;
        self.post(&clients::id(client), &test.options.nodes[node], &body);
        let since_ns = self.now_ns;
        self.scheduler.plan(since_ns.saturating_add(timeout_ns), Event::Timeout { client, msg_id, since_ns });
    }

    /// A message for a client: the reply it waits for, or nothing to it (spec §3.3).
    pub(super) fn hand_to_client(&mut self, message: MessageId) {
        let Some(client) = self.clients.named(self.journal.dest(message)) else {
            self.journal.drop(self.now_ns, message, DropReason::Unknown.as_str());
            return;
        };
        self.journal.recv(self.now_ns, message);
        let body = match Value::from_json(self.journal.body(message)) {
            Ok(body) => body,
            Err(error) => return self.answers_nothing(message, &format!("its body cannot be read: {error}")),
        };
        let state = self.clients.get(client);
        let waiting_for = state.waiting_for;
        match state.take(&body) {
            Ok(()) => match state.owner {
                Owner::Init(node) => self.initialised(client, node, &body),
                Owner::Setup(node) => self.set_up(node, &body),
                Owner::Worker(worker) => self.replied(worker, body),
            },
            Err(Stray::Late(since_ns)) => self.answers_late(message, since_ns),
            Err(stray) => self.answers_nothing(message, &stray.reason(waiting_for)),
        }
    }

    /// An answer nobody waits for any longer: the node is slow, and not mute.
    fn answers_late(&mut self, message: MessageId, since_ns: u64) {
        let (src, dest) = (self.journal.src(message), self.journal.dest(message));
        if let Some(node) = self.node_named(src) {
            self.nodes[node].answers.answered(self.now_ns);
            if self.nodes[node].resumed_ns >= Some(since_ns) {
                return; // It could not know.
            }
        }
        let text = || format!("it answered {dest} after {dest} had given up");
        self.offences.note(src, self.now_ns, Offending::Late, text);
    }

    fn answers_nothing(&mut self, message: MessageId, reason: &str) {
        let (src, dest) = (self.journal.src(message), self.journal.dest(message));
        let body = self.journal.body(message);
        let text = || {
            let text = format!("its message to {dest} answers nothing: {reason}");
            (text, Some(quote(body)))
        };
        self.offences.note_quoting(src, self.now_ns, Offending::AnswersNothing, text);
    }

    fn initialised(&mut self, client: usize, node: usize, body: &Value) {
        self.clients.close(client, self.now_ns);
        if body.get("type").and_then(Value::as_str) == Some("init_ok") {
            self.nodes[node].is_ready = true;
            return;
        }
        let details = self.cluster.written(node).tail;
        self.fail_to_begin(node, Failure::not_init_ok(body), details);
    }

    fn set_up(&mut self, node: usize, body: &Value) {
        let name = &self.test.options.nodes[node];
        let Some((_, schema)) = self.workload.setup(name) else { return };
        match schema.check(body) {
            Ok(()) => self.nodes[node].is_ready = true,
            Err(malformed) => {
                let details = self.cluster.written(node).tail;
                self.fail_to_begin(
                    node,
                    Failure::malformed_setup(body, &schema.expected(), &malformed),
                    details,
                );
            }
        }
    }

    pub(super) fn time_out(&mut self, client: usize, msg_id: i64, since_ns: u64) {
        let owner = self.clients.get(client).owner;
        if !self.has_begun && !matches!(owner, Owner::Worker(_)) {
            return; // `await_nodes` decides how long it waits.
        }
        if !self.clients.get(client).give_up(msg_id, self.now_ns) {
            return;
        }
        match owner {
            Owner::Worker(worker) => {
                let node = worker % self.nodes.len();
                // A node that was down or stopped meanwhile cannot be blamed.
                let was_there = self.nodes[node].has_run_since(since_ns);
                self.nodes[node].answers.unanswered += usize::from(was_there);
                let is_idempotent = self.is_idempotent(worker);
                self.complete(worker, Outcome::timeout(self.workload.clients(), is_idempotent));
            }
            Owner::Init(node) if self.has_begun => self.give_up_restarted(node, client),
            Owner::Init(_) | Owner::Setup(_) => {}
        }
    }

    /// A node that was started again has not answered `init` of this client. One that is down or stopped has an excuse.
    fn give_up_restarted(&mut self, node: usize, client: usize) {
        let is_awaited = self.clients.last_of(Owner::Init(node)) == Some(client);
        if !is_awaited || !self.nodes[node].is_up() {
            return;
        }
        let (names, written) = (&self.test.options.nodes, self.cluster.written(node));
        let asked = Asked { node: &names[node], client: &clients::id(client), nodes: names };
        let cause = readiness::why_unanswered(&self.journal, asked, &written);
        let (request, within_s) = (Request::Init, INIT_TIMEOUT_NS / 1_000_000_000);
        self.fail_to_begin(
            node,
            Failure::Unanswered { request, within_s, cause, others: Vec::new() },
            Vec::new(),
        );
    }

    pub(super) fn is_idempotent(&self, worker: usize) -> bool {
        let in_hand = self.workers[worker].busy.as_ref();
        in_hand.is_some_and(|in_hand| self.workload.is_idempotent(in_hand.invocation.f))
    }
}
