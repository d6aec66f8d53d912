//! Runs a [`Replica`] on a node: gives it time, carries its batches, and wakes it when something is due.

use std::num::NonZeroU32;
use std::time::Duration;

use guest_sdk::{Context, Error, ErrorCode, Handler, Node, Notify, Origin, Result};
use serde::{Deserialize, Serialize};

use crate::link::Batch;
use crate::part::Part;
use crate::replica::Replica;

/// A node's copy of the replicated state.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Replication<P: Part> {
    replica: Replica<P>,
    clock: Clock,
    /// Wakes [`replicate`] when something may be due sooner than it was.
    #[serde(skip)]
    replan: Notify,
}

/// A handler whose state is replicated. It calls [`start`] in [`Handler::start`], and [`receive`] for each [`Batch`].
pub trait Replicated: Handler {
    /// What the state consists of.
    type Part: Part;

    /// This node's copy.
    fn replication(&mut self) -> &mut Replication<Self::Part>;
}

/// What nodes send each other.
#[derive(Serialize)]
#[serde(rename_all = "snake_case", bound = "")]
enum Gossip<'b, P: Part> {
    Batch(&'b Batch<P>),
}

impl<P: Part> Replication<P> {
    /// An empty copy. It has the setting `interval-ms`: how often what is new is sent on.
    pub fn new(context: &Context, default_interval_ms: NonZeroU32) -> Result<Self> {
        context.settings.expect_only(&["interval-ms"])?;
        let interval_ms = context.settings.get_or("interval-ms", default_interval_ms)?;
        let me = context.node_ids.iter().take_while(|name| **name != context.node_id).count();
        let replica = Replica::new(me, context.node_ids.len(), interval_ms.get().into());
        Ok(Replication { replica, clock: Clock::default(), replan: Notify::default() })
    }

    /// Joins a part to the state.
    pub fn join(&mut self, part: P) {
        self.replica.join(part);
    }

    /// All parts of the state, those that changed last at the end.
    pub fn parts(&self) -> impl Iterator<Item = &P> {
        self.replica.parts()
    }

    /// A random number of 53 bits, drawn when this life of the node began.
    pub fn incarnation(&self) -> u64 {
        self.replica.incarnation()
    }
}

/// Begins to replicate a node's state: in a new life, or in the one that the node has begun before it was swapped.
pub fn start<S: Replicated>(node: &Node<S>) {
    // 53 bits, so that any JSON parser on the way keeps them; 0 is no life.
    let incarnation = (node.random() >> 11).max(1);
    let reading_ms = reading_ms(node);
    let mut state = node.state();
    let Replication { replica, clock, .. } = state.replication();
    if replica.incarnation() == 0 {
        replica.start(incarnation, clock.now_ms(reading_ms));
    }
    if node.peers().next().is_some() {
        node.spawn(replicate(node.clone()));
    }
}

/// Takes a batch from a peer, and answers if it wants an answer.
///
/// # Errors
/// If the sender is no node of this cluster.
pub fn receive<S: Replicated>(node: &Node<S>, origin: &Origin, batch: &Batch<S::Part>) -> Result<()> {
    let peer = node.nodes().iter().position(|name| name == origin.src()).ok_or_else(stranger)?;
    let reading_ms = reading_ms(node);
    let mut state = node.state();
    let Replication { replica, clock, replan } = state.replication();
    let planned = replica.next_due();
    if let Some(answer) = replica.receive(peer, batch, clock.now_ms(reading_ms)) {
        node.send(origin.src(), &Gossip::Batch(&answer));
    }
    if replica.next_due() < planned {
        replan.notify();
    }
    Ok(())
}

/// Sends what is due, for as long as the node lives.
async fn replicate<S: Replicated>(node: Node<S>) {
    let replan = node.state().replication().replan.clone();
    loop {
        let replanned = replan.changed();
        let wait = Duration::from_millis(send_due(&node));
        // Either way there is a new plan; a timeout is no failure here.
        let _ = node.timeout(wait, replanned).await;
    }
}

/// Sends what is due now. Returns in how many milliseconds there will be more.
fn send_due<S: Replicated>(node: &Node<S>) -> u64 {
    let reading_ms = reading_ms(node);
    let mut state = node.state();
    let Replication { replica, clock, .. } = state.replication();
    let now = clock.now_ms(reading_ms);
    for (peer, batch) in replica.due(now) {
        node.send(&node.nodes()[peer], &Gossip::Batch(&batch));
    }
    replica.next_due().saturating_sub(now).max(1)
}

/// The time that has passed, by a clock that may be set back: such a step counts for nothing. All plans are made in this
/// time, so that a clock that goes back an hour does not silence a node for an hour.
#[derive(Default, Serialize, Deserialize)]
struct Clock {
    last_reading_ms: u64,
    passed_ms: u64,
}

impl Clock {
    fn now_ms(&mut self, reading_ms: u64) -> u64 {
        self.passed_ms += reading_ms.saturating_sub(self.last_reading_ms);
        self.last_reading_ms = reading_ms;
        self.passed_ms
    }
}

fn reading_ms<S>(node: &Node<S>) -> u64 {
    u64::try_from(node.now().as_millis()).unwrap_or(u64::MAX)
}

fn stranger() -> Error {
    Error::new(ErrorCode::MalformedRequest, "only nodes of this cluster send batches")
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn a_clock_that_is_set_back_goes_on_from_there() {
        let mut clock = Clock::default();
        let readings = [1000, 1500, 200, 300, 300];
        assert_eq!(readings.map(|reading| clock.now_ms(reading)), [1000, 1500, 1500, 1600, 1600]);
    }
}
