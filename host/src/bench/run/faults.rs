//! What the nemesis does: planned, carried out, recorded.

use std::mem;

use super::{Event, Loop};
use crate::bench::nemesis::Action;
use crate::bench::network::DropReason;
use crate::bench::nodes::Life;
use crate::checker::{Kind, Op, Process, Value};

impl Loop<'_> {
    pub(super) fn plan_fault(&mut self) {
        if let Some((at_ns, action)) = self.nemesis.next() {
            self.scheduler.plan(self.load_began_ns.saturating_add(at_ns), Event::Fault(action));
        }
    }

    /// Carries out an action of the nemesis, between two records of it.
    pub(super) fn act(&mut self, action: Action) {
        let (f, intent) = (action.f(), action.intent());
        let effect = action.effect(&self.test.options.nodes);
        self.record_fault(f, intent);
        self.active_faults = self.active_faults.saturating_add_signed(action.faults_begun());
        match action {
            Action::StartPartition(_, cut) => self.network.partition(cut),
            Action::StopPartition => self.network.heal(),
            Action::Kill(targets) => targets.nodes.iter().for_each(|&node| self.kill(node)),
            Action::Restart => self.restart_killed(),
            Action::Pause(targets) => targets.nodes.iter().for_each(|&node| self.pause(node)),
            Action::Resume => (0..self.nodes.len()).for_each(|node| self.resume(node)),
            Action::StartLoss(probability) => self.network.start_loss(probability),
            Action::StopLoss => self.network.stop_loss(),
            Action::StartDuplicate(probability) => self.network.start_duplication(probability),
            Action::StopDuplicate => self.network.stop_duplication(),
            Action::StartSlow(targets) => self.network.start_slow(&targets.nodes),
            Action::StopSlow => self.network.stop_slow(),
            Action::StartSkew(skews) => {
                for (node, skew) in skews {
                    self.cluster.skew(node, Some(skew), self.now_ns);
                }
            }
            Action::StopSkew => {
                for node in 0..self.nodes.len() {
                    self.cluster.skew(node, None, self.now_ns);
                }
            }
            Action::Swap(node) => self.swap(node, true),
            Action::FinishSwap => (0..self.nodes.len()).for_each(|node| self.swap(node, false)),
        }
        self.record_fault(f, effect);
    }

    fn kill(&mut self, node: usize) {
        if !matches!(self.nodes[node].life, Life::Up | Life::Paused { .. }) {
            return;
        }
        self.network.take_down(node);
        self.cluster.kill(node);
        for message in mem::take(&mut self.nodes[node].held) {
            self.journal.drop(self.now_ns, message, DropReason::Down.as_str());
        }
        self.nodes[node].enter(Life::Killed, self.now_ns);
    }

    fn restart_killed(&mut self) {
        for node in 0..self.nodes.len() {
            if self.nodes[node].life == Life::Killed {
                self.start_node(node);
            }
        }
    }

    fn pause(&mut self, node: usize) {
        if self.nodes[node].is_up() {
            self.nodes[node].life = Life::Paused { is_swap_due: false };
            self.cluster.pause(node, true);
        }
    }

    fn resume(&mut self, node: usize) {
        let Life::Paused { is_swap_due } = self.nodes[node].life else { return };
        self.nodes[node].life = Life::Up;
        (self.nodes[node].turn_ns, self.nodes[node].resumed_ns) = (None, Some(self.now_ns));
        self.cluster.pause(node, false);
        if is_swap_due {
            self.swap(node, true);
        }
        self.run_node(node);
    }

    /// Swaps a node's plugin. A stopped node can do nothing; it is swapped as soon as it goes on.
    fn swap(&mut self, node: usize, again: bool) {
        if let Life::Paused { is_swap_due } = &mut self.nodes[node].life {
            *is_swap_due = true;
            return;
        }
        self.cluster.swap(node, again, self.now_ns);
        self.plan_alarm(node);
        self.collect_outputs();
    }

    fn record_fault(&mut self, f: &'static str, value: Value) {
        let time_ns = self.now_ns.saturating_sub(self.load_began_ns);
        let (index, process, kind) = (self.ops.len(), Process::Nemesis, Kind::Info);
        self.ops.push(Op {
            index,
            time_ns,
            kind,
            process,
            f: f.into(),
            value,
            error: None,
            exception: None,
            is_final: false,
            seek_to_beginning: false,
        });
    }
}
