//! Swapping the guest of a running node for a successor (`migrate` in `wit/node.wit`). The node keeps its name, its
//! requests, calls and timers; the guest's state goes from the one to the other. Until the guest is ready, messages that
//! want an answer wait; a successor that cannot take over leaves the guest it was to succeed as it was.

use std::fmt;

use super::{Environment, MAX_WAITING_BYTES, Node, Phase, Waiting, with_context};
use crate::guest::{Fault, Guest, Level, Plugin, Saved};
use crate::node::Core;
use crate::protocol::{Body, Envelope};

/// How long a guest may say "not yet": as long as Maelstrom's clients wait for an answer (spec §6.3), since the messages
/// held back meanwhile are worth no more after that.
const PATIENCE_NS: u64 = 5_000_000_000;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// What to do when the state cannot be handed over because one of the two exports no `migrate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// The guest that runs goes on.
    Refuse,
    /// The successor starts with `init`, as a node without memory.
    StartCold,
}

/// A swap that has been asked for and has not been carried out.
pub(super) struct Pending<E: Environment> {
    plugin: Plugin<Core<E>>,
    otherwise: Otherwise,
    began_ns: u64,
    /// Messages that want an answer, and how many bytes they have.
    held: Vec<Waiting>,
    held_bytes: usize,
}

/// A swap that has been carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swapped {
    /// How long the guest took until it was ready.
    pub waited_ns: u64,
    /// How many messages waited meanwhile.
    pub held: usize,
    /// What became of the state.
    pub state: Handover,
}

/// What became of the state in a swap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handover {
    /// There was none: the node had not been initialised.
    Nothing,
    /// It went to the successor.
    Migrated {
        /// Which form it had.
        version: u32,
        /// How long it was.
        bytes: usize,
    },
    /// It is gone; so many requests were answered with error 13.
    Lost {
        /// How many.
        requests: usize,
    },
}

impl fmt::Display for Swapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.state {
            Handover::Nothing => write!(f, "before init")?,
            Handover::Migrated { version, bytes } => {
                write!(f, "with {bytes} bytes of state, version {version}")?
            }
            Handover::Lost { requests } => {
                write!(f, "cold, without its state; open requests answered with error 13: {requests}")?;
            }
        }
        write!(f, "; it took {} ms until it was ready", self.waited_ns / NANOS_PER_MILLI)?;
        if self.held > 0 { write!(f, ", messages that waited: {}", self.held) } else { Ok(()) }
    }
}

/// Whether a guest can go.
enum Readiness {
    /// Not yet.
    Busy,
    /// Now, with its state.
    With(Saved),
    /// Now, and without.
    Without,
    /// Not at all, for this reason.
    Never(String),
}

impl<E: Environment> Node<E> {
    /// Swaps the guest for an instance of another plugin, now or as soon as it is ready; [`Node::take_swap`] tells the
    /// outcome. A swap asked for while another one waits takes its place.
    pub fn swap(&mut self, now_ns: u64, plugin: &Plugin<Core<E>>, otherwise: Otherwise) -> Result<(), Fault> {
        self.set_now(now_ns);
        let (held, held_bytes) =
            self.pending.take().map_or_else(Default::default, |pending| (pending.held, pending.held_bytes));
        self.pending =
            Some(Box::new(Pending { plugin: plugin.clone(), otherwise, began_ns: now_ns, held, held_bytes }));
        self.continue_swap(now_ns)
    }

    /// The outcome of the last swap, once: what was done, or why the guest was not swapped.
    pub fn take_swap(&mut self) -> Option<Result<Swapped, String>> {
        self.swapped.take()
    }

    /// When a swap that waits is given up.
    pub(super) fn swap_deadline_ns(&self) -> Option<u64> {
        self.pending.as_ref().map(|pending| pending.began_ns.saturating_add(PATIENCE_NS))
    }

    /// Keeps a message until the swap is over, if there is one and the message wants an answer.
    pub(super) fn hold_back(&mut self, message: &Envelope<'_>, fields: &Body<'_>) -> bool {
        let Some(pending) = &mut self.pending else { return false };
        let now_ns = self.guest.host().now_ns;
        let is_request = fields.msg_id.is_some() && fields.in_reply_to.is_none();
        if !is_request || pending.held_bytes + message.body.len() > MAX_WAITING_BYTES {
            return false;
        }
        pending.held_bytes += message.body.len();
        pending.held.push(Waiting::new(message, now_ns));
        true
    }

    /// Carries out the swap that waits, if the guest is ready, or gives it up, if it is too late. Then the messages that
    /// waited are delivered to whichever guest there is.
    pub(super) fn continue_swap(&mut self, now_ns: u64) -> Result<(), Fault> {
        let Some(pending) = &self.pending else { return Ok(()) };
        let (plugin, otherwise) = (pending.plugin.clone(), pending.otherwise);
        let waited_ns = now_ns.saturating_sub(pending.began_ns);
        let before = self.guest.host().outbox.mark();
        let state = match self.readiness(&plugin, otherwise)? {
            Readiness::Busy if waited_ns < PATIENCE_NS => return Ok(()),
            Readiness::Busy => Err(format!("it had work in hand for {} s", PATIENCE_NS / 1_000_000_000)),
            Readiness::Never(reason) => Err(reason),
            Readiness::With(saved) => self.hand_over(&plugin, Some(&saved)),
            Readiness::Without => self.hand_over(&plugin, None),
        };
        self.hold_since(before);
        let held = self.pending.take().map(|pending| pending.held).unwrap_or_default();
        let swapped = state.map(|state| Swapped { waited_ns, held: held.len(), state });
        match &swapped {
            Ok(swapped) => self.log(Level::Info, &format!("the plugin was swapped {swapped}")),
            Err(reason) => {
                self.log(
                    Level::Error,
                    &format!("the plugin was not swapped, the old plugin keeps running: {reason}"),
                );
            }
        }
        self.swapped = Some(swapped);
        self.deliver_waiting(&held)
    }

    fn readiness(&mut self, plugin: &Plugin<Core<E>>, otherwise: Otherwise) -> Result<Readiness, Fault> {
        if matches!(self.phase, Phase::Waiting { .. }) {
            return Ok(Readiness::Without);
        }
        if self.guest.can_migrate() && plugin.can_migrate() {
            let mut saved = Ok(None);
            self.event(|guest| {
                saved = guest.save()?;
                Ok(())
            })?;
            return Ok(match saved {
                Ok(None) => Readiness::Busy,
                Ok(Some(saved)) => Readiness::With(saved),
                Err(reason) => Readiness::Never(format!("its state cannot be saved: {reason}")),
            });
        }
        let which = if self.guest.can_migrate() { "new" } else { "running" };
        Ok(match otherwise {
            Otherwise::StartCold => Readiness::Without,
            Otherwise::Refuse => Readiness::Never(format!(
                "the {which} plugin does not export migrate, so its state would be lost (--swap-fresh allows that)"
            )),
        })
    }

    /// Puts an instance of the plugin in the guest's place. If it cannot take over, all is as before, and the error says
    /// why.
    fn hand_over(&mut self, plugin: &Plugin<Core<E>>, saved: Option<&Saved>) -> Result<Handover, String> {
        let is_running = !matches!(self.phase, Phase::Waiting { .. });
        let event = self.guest.host().begin_event();
        let core = self.guest.host();
        let outstanding =
            if saved.is_some() || !is_running { core.outstanding() } else { core.take_outstanding() };
        let mut successor =
            self.guest.successor(plugin).map_err(|fault| format!("the new plugin cannot start: {fault}"))?;
        let started = if is_running { self.start_successor(&mut successor, saved) } else { Ok(()) };
        if let Err(reason) = started {
            successor.give_back(&mut self.guest);
            self.guest.host().restore(event, outstanding);
            return Err(reason);
        }
        self.guest = successor;
        Ok(match saved {
            Some(saved) => Handover::Migrated { version: saved.version, bytes: saved.bytes.len() },
            None if is_running => {
                let reason = "the plugin was swapped without its state";
                Handover::Lost { requests: self.guest.host().abandon(&outstanding, reason) }
            }
            None => Handover::Nothing,
        })
    }

    fn start_successor(
        &mut self,
        successor: &mut Guest<Core<E>>,
        saved: Option<&Saved>,
    ) -> Result<(), String> {
        let node_id = successor.host().id.clone();
        let started = with_context(&node_id, &self.node_ids, &self.settings, |context| match saved {
            Some(saved) => successor.load(context, saved),
            None => successor.init(context),
        });
        match started {
            Ok(Ok(())) => Ok(()),
            Ok(Err(reason)) => Err(format!("the new plugin refused to take over: {reason}")),
            Err(fault) => Err(format!("the new plugin died while it took over: {fault}")),
        }
    }
}
