//! Between `init` and the first sign that the cluster is up, a node keeps to itself what it has to say to others.
//!
//! Maelstrom starts nodes side by side and never again reads a node that has written to one that was not there yet (spec
//! §19.1). Clients send no request before all nodes have answered `init`, and no node speaks before that either if all of
//! them hold; so the first message that is not `init` tells that everybody is there.

use super::outbox::{Mark, Outbox};
use super::{Environment, Node, Phase};
use crate::guest::Level;
use crate::protocol::is_client;

/// Bytes held for others. As much as one event may send: what `init` says always fits, and only a node that is swapped
/// again and again while it waits can lose anything.
const MAX_HELD_BYTES: usize = 64 << 20;

/// What waits until the cluster is up. The guest's timers and the timeouts of its calls stand still meanwhile.
pub(super) struct Holding {
    /// Since when, which is the time as the guest's timers and calls see it.
    pub since_ns: u64,
    /// When it is no use to wait any longer.
    pub until_ns: u64,
    messages: Outbox,
}

impl Holding {
    pub fn new(now_ns: u64, wait_ns: u64) -> Holding {
        Holding { since_ns: now_ns, until_ns: now_ns.saturating_add(wait_ns), messages: Outbox::default() }
    }
}

impl<E: Environment> Node<E> {
    /// Notes the time of the event that comes.
    pub(super) fn set_now(&mut self, now_ns: u64) {
        self.guest.host().now_ns = match &self.phase {
            Phase::Holding(holding) => holding.since_ns,
            _ => now_ns,
        };
    }

    /// If the node holds: keeps what it has sent since the mark, but for what goes to clients.
    pub(super) fn hold_since(&mut self, mark: Mark) {
        if matches!(self.phase, Phase::Holding(_)) {
            let said = self.guest.host().outbox.split_off(mark);
            self.say(&said);
        }
    }

    /// Sends what the guest has said, or as much of it as may be sent now.
    pub(super) fn say(&mut self, said: &Outbox) {
        let outbox = &mut self.guest.host().outbox;
        let Phase::Holding(holding) = &mut self.phase else { return outbox.append(said, |_| true) };
        outbox.append(said, is_client);
        let room = MAX_HELD_BYTES.saturating_sub(holding.messages.bytes().len());
        if said.bytes().len() <= room {
            return holding.messages.append(said, |dest| !is_client(dest));
        }
        self.log(
            Level::Warn,
            "what the plugin says to others is dropped: too much waits for the cluster to come up",
        );
    }

    /// The cluster is up, or there is no more waiting for it: what was held is sent, and the guest's time goes on.
    pub(super) fn end_holding(&mut self, now_ns: u64) {
        let Phase::Holding(holding) = std::mem::replace(&mut self.phase, Phase::Running) else { return };
        let host = self.guest.host();
        host.now_ns = now_ns;
        host.calls.postpone(now_ns.saturating_sub(holding.since_ns));
        host.outbox.append(&holding.messages, |_| true);
    }
}
