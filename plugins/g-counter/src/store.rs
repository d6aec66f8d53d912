//! How totals get into `seq-kv` and out of it: two tasks, one that writes this node's total, one that reads the others'.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use guest_sdk::{Call, DEFAULT_TIMEOUT, ErrorCode, Node, Result, warn};

use crate::GCounter;
use crate::ledger::{Ledger, Total};

/// The longest that one attempt waits for its answer. Longer than any client would.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(16);

/// The pause after an answer that makes no sense.
const PAUSE: Duration = Duration::from_secs(1);

/// Adds to this node's total. Done when the store has it.
pub async fn commit(node: &Node<GCounter>, delta: u32) {
    let write = node.state().ledger.add(delta);
    wait_until(node, |ledger| ledger.has_committed(write)).await;
}

/// Makes sure that what this node knows of the other totals is as new as promised.
pub async fn view(node: &Node<GCounter>) {
    let view = node.state().ledger.want_view();
    wait_until(node, |ledger| ledger.has_viewed(view)).await;
}

async fn wait_until(node: &Node<GCounter>, is_so: impl Fn(&Ledger) -> bool) {
    let progress = node.state().ledger.progress.clone();
    loop {
        let changed = progress.changed();
        if is_so(&node.state().ledger) {
            return;
        }
        changed.await;
    }
}

/// Writes what is added, one write after the other, for as long as the node lives.
pub async fn keep_committing(node: Node<GCounter>, life: u64) {
    let work = node.state().ledger.work.clone();
    let own = read_total(&node, node.id()).await;
    node.state().ledger.set_own(own);
    loop {
        let more = work.changed();
        let Some((write, sum)) = node.state().ledger.begin_write() else {
            more.await;
            continue;
        };
        add_to_total(&node, sum, life, write).await;
        node.state().ledger.end_write();
    }
}

/// Looks at the other nodes' totals whenever someone wants to know them, for as long as the node lives.
pub async fn keep_viewing(node: Node<GCounter>) {
    let work = node.state().ledger.work.clone();
    let max_staleness = node.state().max_staleness;
    loop {
        let more = work.changed();
        if !node.state().ledger.begin_view() {
            more.await;
            continue;
        }
        // A timer, because the clock may be set back while the view grows old.
        let expiry = node.sleep(max_staleness);
        commit(&node, 0).await;
        read_others(&node).await;
        node.state().ledger.end_view();
        expiry.await;
        node.state().ledger.expire_view();
    }
}

/// Makes the write of that number happen, once.
async fn add_to_total(node: &Node<GCounter>, sum: u64, life: u64, write: u64) {
    let kv = node.seq_kv();
    loop {
        let from = node.state().ledger.own().clone();
        let to = Total { sum: from.sum + sum, life, write };
        let Err(error) = insist(|| kv.cas_or_create(node.id(), &from, &to)).await else {
            node.state().ledger.set_own(to);
            return;
        };
        if error.code != ErrorCode::PreconditionFailed {
            warn!(node, "cannot write the total: {error}");
            node.sleep(PAUSE).await;
        }
        let stored = read_total(node, node.id()).await;
        let has_happened = (stored.life, stored.write) == (life, write);
        node.state().ledger.set_own(stored);
        if has_happened {
            return;
        }
    }
}

async fn read_others(node: &Node<GCounter>) {
    let learn = async |peer: &str| {
        let total = read_total(node, peer).await;
        node.state().ledger.learn(peer, total.sum);
    };
    all(node.peers().map(learn)).await;
}

/// A node's total as the store shows it, perhaps an old one; a node's own is never old.
async fn read_total(node: &Node<GCounter>, of: &str) -> Total {
    loop {
        match insist(|| node.seq_kv().read_optional(of)).await {
            Ok(total) => return total.unwrap_or_default(),
            Err(error) => warn!(node, "cannot read the total of {of}: {error}"),
        }
        node.sleep(PAUSE).await;
    }
}

/// Tries again, with more patience each time, until there is an answer. The operation must bear being done twice.
async fn insist<T: 'static>(operation: impl Fn() -> Call<T>) -> Result<T> {
    let mut timeout = DEFAULT_TIMEOUT;
    loop {
        match operation().timeout(timeout).await {
            Err(error) if error.code == ErrorCode::Timeout => timeout = LONGEST_TIMEOUT.min(2 * timeout),
            outcome => return outcome,
        }
    }
}

/// Runs futures side by side until all are done.
async fn all<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) {
    let mut running: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        running.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await
}
