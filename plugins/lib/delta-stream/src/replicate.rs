//! Runs an [`Exchange`] on a node: counts the intervals and carries the batches.

use std::time::Duration;

use guest_sdk::{Error, ErrorCode, Handler, Node, Origin, Result};
use serde::Serialize;

use crate::exchange::Exchange;

/// A handler that tells its peers of changes.
pub trait Replica: Handler {
    /// What changes.
    type Item: Ord + Clone + Send;
    /// A batch, as the message that it is sent in.
    type Batch: Serialize;

    /// This node's part.
    fn exchange(&mut self) -> &mut Exchange<Self::Item>;

    /// A batch for a peer: [`Exchange::header`], and what the items of [`Exchange::content`] are now.
    fn batch(&mut self, peer: usize) -> Self::Batch;
}

/// Begins a life of the node, unless it has begun one before it was swapped, and to send batches, one each interval at
/// most. Called in [`Handler::start`].
pub fn start<R: Replica>(node: &Node<R>, interval: Duration) {
    // 53 bits, so that any JSON parser on the way keeps them; 0 is no life.
    let incarnation = (node.random() >> 11).max(1);
    if node.state().exchange().incarnation() == 0 {
        node.state().exchange().start(incarnation);
    }
    if node.peers().next().is_some() {
        node.spawn(replicate(node.clone(), interval));
    }
}

/// The place of the peer that sent a batch in the cluster's list of nodes.
///
/// # Errors
/// If the sender is no other node of this cluster.
pub fn peer<R>(node: &Node<R>, origin: &Origin) -> Result<usize> {
    let mut names = node.nodes().iter();
    let place = names.position(|name| name == origin.src() && name != node.id());
    place.ok_or_else(|| Error::new(ErrorCode::MalformedRequest, "only nodes of this cluster send batches"))
}

/// Sends what is due, for as long as the node lives.
///
/// Nodes that wake each other would go on to send at the same moments, and an answer would always just miss the batch
/// that it could go with. So they do not send for the second time all at once, but spread over an interval.
async fn replicate<R: Replica>(node: Node<R>, interval: Duration) {
    let news = node.state().exchange().news.clone();
    let place = node.nodes().iter().take_while(|name| *name != node.id()).count();
    let spread = interval.mul_f64(place as f64 / node.nodes().len() as f64);
    let mut pause = interval + spread;
    loop {
        send_due(&node);
        node.sleep(pause).await;
        pause = interval;
        let changed = news.changed();
        if node.state().exchange().is_at_rest() {
            changed.await;
            pause = interval + spread;
        }
    }
}

fn send_due<R: Replica>(node: &Node<R>) {
    let due = node.state().exchange().due();
    for peer in due {
        let batch = node.state().batch(peer);
        node.send(&node.nodes()[peer], &batch);
    }
}
