//! The lives of nodes: started, woken, given their turn, dead, mute.

use std::mem;

use super::{Event, INIT_TIMEOUT_NS, Loop};
use crate::bench::Crash;
use crate::bench::clients::Owner;
use crate::bench::cluster::{Death, Partial};
use crate::bench::network::DropReason;
use crate::bench::nodes::Life;
use crate::bench::offence::Kind as Offending;
use crate::bench::random::uniform;
use crate::bench::readiness::Failure;
use crate::checker::verdict::seconds;

impl Loop<'_> {
    pub(super) fn node_named(&self, name: &str) -> Option<usize> {
        self.network.node(name)
    }

    /// Starts a node and sends it `init`, from a client made for that.
    pub(super) fn start_node(&mut self, node: usize) {
        self.nodes[node].enter(Life::Up, self.now_ns);
        self.network.bring_up(node);
        self.cluster.start(node, self.now_ns);
        self.collect_outputs();
        let client = self.clients.open(Owner::Init(node));
        let nodes = &self.test.options.nodes;
        let body = serde_json::json!({"type": "init", "node_id": nodes[node], "node_ids": nodes});
        self.request(client, node, &body.to_string(), INIT_TIMEOUT_NS);
    }

    pub(super) fn plan_alarm(&mut self, node: usize) {
        let Some(alarm_ns) = self.cluster.next_alarm_ns(node) else { return };
        let state = &mut self.nodes[node];
        if state.alarm_ns.is_none_or(|planned_ns| alarm_ns < planned_ns) {
            state.alarm_ns = Some(alarm_ns);
            self.scheduler.plan(alarm_ns, Event::Alarm { node });
        }
    }

    pub(super) fn wake(&mut self, node: usize) {
        let state = &mut self.nodes[node];
        if state.alarm_ns.is_some_and(|alarm_ns| alarm_ns <= self.now_ns) {
            state.alarm_ns = None;
        }
        if !state.is_up() {
            return;
        }
        if self.has_turns() {
            return self.plan_turn(node);
        }
        self.fire(node);
    }

    fn fire(&mut self, node: usize) {
        self.cluster.fire(node, self.now_ns);
        self.plan_alarm(node);
        self.collect_outputs();
    }

    /// Whether nodes have to wait for their turn before they do anything.
    pub(super) fn has_turns(&self) -> bool {
        self.test.scheduling_jitter_ns > 0
    }

    pub(super) fn plan_turn(&mut self, node: usize) {
        if self.nodes[node].turn_ns.is_some() {
            return;
        }
        let turn_ns = self.now_ns + uniform(&mut self.turns[node], self.test.scheduling_jitter_ns / 2);
        self.nodes[node].turn_ns = Some(turn_ns);
        self.scheduler.plan(turn_ns, Event::Turn { node });
    }

    /// Lets a node do all that it has to do by now.
    pub(super) fn take_turn(&mut self, node: usize) {
        if self.nodes[node].turn_ns != Some(self.now_ns) || !self.nodes[node].is_up() {
            return;
        }
        self.nodes[node].turn_ns = None;
        self.run_node(node);
    }

    pub(super) fn run_node(&mut self, node: usize) {
        for message in mem::take(&mut self.nodes[node].held) {
            self.deliver(node, message);
        }
        if self.nodes[node].is_up() {
            self.fire(node);
        }
    }

    pub(super) fn bury(&mut self, node: usize, death: Death) {
        let name = &self.test.options.nodes[node];
        self.nodes[node].life = Life::Dead;
        for message in mem::take(&mut self.nodes[node].held) {
            self.journal.drop(self.now_ns, message, DropReason::Down.as_str());
        }
        if !self.nodes[node].is_ready && !self.has_begun {
            let mut details = death.details.clone();
            if details.is_empty() {
                details = self.cluster.written(node).tail;
                details.retain(|line| !line.contains(&death.reason));
            }
            self.fail_to_begin(node, Failure::Died { reason: death.reason.clone() }, details);
        }
        self.crashes.push(Crash { node: name.clone(), time_ns: self.now_ns, death });
    }

    /// A node that has left every request unanswered to the end is named, whatever else is wrong with it.
    pub(super) fn name_mute_nodes(&mut self) {
        for (index, (node, name)) in self.nodes.iter().zip(&self.test.options.nodes).enumerate() {
            let count = node.answers.unanswered;
            if count == 0 || matches!(node.life, Life::Killed | Life::Dead) {
                continue;
            }
            let since_load = |time_ns: u64| seconds(time_ns.saturating_sub(self.load_began_ns));
            let (since_ns, since) = match node.answers.last_ns {
                Some(last_ns) if last_ns >= node.began_ns => {
                    (last_ns, format!("after {}", since_load(last_ns)))
                }
                _ if node.began_ns > self.load_began_ns => {
                    (node.began_ns, format!("after it was restarted at {}", since_load(node.began_ns)))
                }
                _ => (self.load_began_ns, "at all".to_owned()),
            };
            let requests = if count == 1 { "1 request" } else { &*format!("{count} requests") };
            let partial = self.cluster.written(index).pipe.and_then(|pipe| pipe.partial);
            let text = || {
                let text = format!("it answered nothing {since}: {requests} timed out");
                match partial {
                    None => (text, None),
                    Some(Partial { bytes, begin }) => {
                        let note = format!("; it has written {bytes} bytes without a newline");
                        (text + &note, Some(begin))
                    }
                }
            };
            self.offences.note_quoting(name, since_ns, Offending::Mute, text);
        }
    }
}
