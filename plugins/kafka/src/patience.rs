//! Clients whose messages are at a foreign owner do not wait for ever: before they give up they are told that the outcome
//! is not known. The message itself cannot be called back, since it may be with the owner already.

use std::collections::VecDeque;
use std::time::Duration;

use guest_sdk::{Node, PATIENCE};

use crate::{Kafka, no_offset_in_time};

/// In so many steps, and a tenth of its patience that is left for nodes that are late, a client's patience is spent. It
/// waits for one step less at the least.
const STEPS: u32 = 20;

/// Answers those who have waited too long, for as long as the node lives. Tickets go up, so whoever had waited before a
/// step has one below the next that was to be given then. Steps are counted, because the clock may be wrong.
pub async fn answer_in_time(node: Node<Kafka>) {
    let step: Duration = PATIENCE / (STEPS + STEPS / 10);
    let first_waits = node.state().first_waits.clone();
    let mut steps = VecDeque::new();
    loop {
        let waits = first_waits.changed();
        if node.state().waiting.is_empty() {
            steps.clear();
            waits.await;
        }
        node.sleep(step).await;
        let mut state = node.state();
        steps.push_back(state.broker.next_ticket());
        if steps.len() < STEPS as usize {
            continue;
        }
        let first_in_time = steps.pop_front().unwrap_or_default();
        let late = state.waiting.extract_if(..first_in_time, |_, _| true);
        late.for_each(|(_, (_, client))| client.answer(Err(no_offset_in_time())));
    }
}
