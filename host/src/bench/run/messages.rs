//! The way of a message through the run loop: accepted, dispatched, handed over; and what comes out of nodes.

use std::iter;

use smol_str::SmolStr;

use super::{Event, Loop};
use crate::bench::Swap;
use crate::bench::cluster::{Death, Delivery, Output};
use crate::bench::journal::MessageId;
use crate::bench::network::DropReason;
use crate::bench::nodes::Life;
use crate::bench::offence::Kind as Offending;
use crate::bench::services;

impl Loop<'_> {
    /// Accepts a message and plans its arrival.
    pub(super) fn post(&mut self, src: &str, dest: &str, body: &str) {
        let message = self.journal.send(self.now_ns, src, dest, body);
        match self.network.send(self.now_ns, src, dest) {
            Err(reason) => self.journal.drop(self.now_ns, message, reason.as_str()),
            Ok(transit) => {
                let due_ns = iter::once(transit.due_ns).chain(transit.duplicate_due_ns);
                due_ns.for_each(|due_ns| self.dispatch(dest, due_ns, message, transit.incarnation));
            }
        }
    }

    /// Accepts a message that a node has written, unless nobody is there to receive it.
    fn post_from_node(&mut self, node: usize, src: &str, dest: &str, body: &str) {
        let name = &self.test.options.nodes[node];
        if src != name {
            let (kind, note) = match self.find(src) {
                Ok(()) => (Offending::FalseSource, "; Maelstrom would believe it"),
                Err(_) => (Offending::UnknownSource, ", who does not exist"),
            };
            let text = || format!("it sent a message to {dest} in the name of {src}{note}");
            self.offences.note(name, self.now_ns, kind, text);
        }
        let Err(kind) = self.find(dest) else { return self.post(src, dest, body) };
        if kind != Offending::TooLate || self.could_know(node, dest) {
            self.offences.note(name, self.now_ns, kind, || match kind {
                Offending::TooEarly => format!("it sent a message to {dest} before {dest} was there"),
                Offending::TooLate => format!("it sent a message to {dest}, a client that was gone"),
                _ => format!("it sent a message to {dest}, which does not exist"),
            });
        }
        let message = self.journal.send(self.now_ns, src, dest, body);
        self.journal.drop(self.now_ns, message, DropReason::Unknown.as_str());
    }

    /// Whether a node could have known that a client had gone: it could not while it was stopped.
    fn could_know(&self, node: usize, client: &str) -> bool {
        let client = self.clients.ever_named(client);
        let closed_ns = client.and_then(|client| self.clients.closed_ns(client));
        closed_ns > self.nodes[node].resumed_ns
    }

    /// Whether anybody has that name now, or what it is to write to them.
    fn find(&self, dest: &str) -> Result<(), Offending> {
        if let Some(node) = self.node_named(dest) {
            return if self.nodes[node].life == Life::Absent { Err(Offending::TooEarly) } else { Ok(()) };
        }
        match self.clients.ever_named(dest) {
            Some(_) if self.clients.named(dest).is_none() => Err(Offending::TooLate),
            None if !services::NAMES.contains(&dest) => Err(Offending::UnknownDestination),
            _ => Ok(()),
        }
    }

    /// Sends an accepted message on its way.
    fn dispatch(&mut self, dest: &str, due_ns: u64, message: MessageId, incarnation: u32) {
        if self.test.network.head_of_line {
            self.queues.put(dest, due_ns, (message, incarnation));
            self.take_from_queue(dest);
        } else {
            self.scheduler.plan(due_ns, Event::Arrive { message, incarnation });
        }
    }

    /// Takes out of a receiver's queue what is to be delivered next; what is cut off at that moment is lost.
    fn take_from_queue(&mut self, dest: &str) {
        while let Some((due_ns, (message, incarnation))) = self.queues.take(dest) {
            if self.network.may_pass(self.journal.src(message), dest) {
                self.scheduler.plan(due_ns.max(self.now_ns), Event::Arrive { message, incarnation });
                return;
            }
            self.journal.drop(self.now_ns, message, DropReason::Partition.as_str());
            self.queues.done(dest);
        }
    }

    pub(super) fn arrive(&mut self, message: MessageId, incarnation: u32) {
        let (src, dest) = (self.journal.src(message), self.journal.dest(message));
        if let Err(reason) = self.network.arrive(src, dest, incarnation) {
            self.journal.drop(self.now_ns, message, reason.as_str());
        } else if let Some(node) = self.node_named(dest) {
            self.hand_to_node(node, message);
        } else if self.clients.ever_named(dest).is_some() {
            self.hand_to_client(message);
        } else {
            self.hand_to_service(message);
        }
        if self.test.network.head_of_line {
            let dest = SmolStr::new(self.journal.dest(message));
            self.queues.done(&dest);
            self.take_from_queue(&dest);
        }
    }

    fn hand_to_node(&mut self, node: usize, message: MessageId) {
        match self.nodes[node].life {
            Life::Up if self.has_turns() => {
                self.nodes[node].held.push_back(message);
                self.plan_turn(node);
            }
            Life::Up => self.deliver(node, message),
            Life::Paused { .. } => self.nodes[node].held.push_back(message),
            Life::Absent | Life::Killed | Life::Dead => {
                self.journal.drop(self.now_ns, message, DropReason::Down.as_str());
            }
        }
    }

    pub(super) fn deliver(&mut self, node: usize, message: MessageId) {
        if !self.nodes[node].is_up() {
            return self.hand_to_node(node, message);
        }
        self.journal.recv(self.now_ns, message);
        let (src, dest, body) =
            (self.journal.src(message), self.journal.dest(message), self.journal.body(message));
        self.cluster.deliver(node, self.now_ns, Delivery { id: message, src, dest, body });
        self.plan_alarm(node);
        self.collect_outputs();
    }

    fn hand_to_service(&mut self, message: MessageId) {
        let (src, dest) = (SmolStr::new(self.journal.src(message)), SmolStr::new(self.journal.dest(message)));
        match self.services.handle(&dest, &src, self.journal.body(message)) {
            None => {
                self.journal.drop(self.now_ns, message, DropReason::Unknown.as_str());
            }
            Some(reply) => {
                self.journal.recv(self.now_ns, message);
                match reply {
                    Ok(reply) => self.post(&dest, &src, &reply),
                    Err(reason) => {
                        let text = || format!("{dest} did not answer it: {reason}");
                        self.offences.note(&src, self.now_ns, Offending::BadRequest, text);
                    }
                }
            }
        }
    }

    /// Takes what has come out of nodes.
    pub(super) fn collect_outputs(&mut self) {
        let mut outputs = Vec::new();
        self.cluster.drain(&mut |node, output| {
            outputs.push(match output {
                Output::Message { src, dest, body } => {
                    Collected::Message(node, src.into(), dest.into(), body.to_owned())
                }
                Output::Death(death) => Collected::Death(node, death),
                Output::Offence { kind, text, quote } => Collected::Offence(node, kind, text, quote),
                Output::Swap(outcome) => Collected::Swap(node, outcome),
            });
        });
        for output in outputs {
            match output {
                Collected::Message(node, src, dest, body) => self.post_from_node(node, &src, &dest, &body),
                Collected::Death(node, death) => self.bury(node, death),
                Collected::Offence(node, kind, text, quote) => {
                    let name = &self.test.options.nodes[node];
                    self.offences.note_quoting(name, self.now_ns, kind, || (text, quote));
                }
                Collected::Swap(node, outcome) => {
                    let node = self.test.options.nodes[node].clone();
                    self.swaps.push(Swap { node, time_ns: self.now_ns, outcome });
                }
            }
        }
    }
}

/// An output of a node, away from its cluster.
enum Collected {
    Message(usize, SmolStr, SmolStr, String),
    Death(usize, Death),
    Offence(usize, Offending, String, Option<String>),
    Swap(usize, Result<String, String>),
}
