//! Maelstrom's delivery (spec §5.1): each receiver has a queue and somebody who takes the message that is due first out
//! of it, waits until it is due, delivers it, and only then looks at the queue again. So a message can be held up by one
//! that is due later but was taken out before it came.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

/// Queues of messages `M`, one a receiver.
#[derive(Debug)]
pub struct HeadOfLine<M> {
    queues: FxHashMap<SmolStr, Queue<M>>,
    enqueued: u64,
}

#[derive(Debug)]
struct Queue<M> {
    /// By the time they are due; at the same time in the order in which they were sent.
    waiting: BinaryHeap<Reverse<(u64, u64, M)>>,
    /// A message has been taken out and is not delivered yet.
    is_busy: bool,
}

impl<M: Ord> Default for HeadOfLine<M> {
    fn default() -> HeadOfLine<M> {
        HeadOfLine { queues: FxHashMap::default(), enqueued: 0 }
    }
}

impl<M: Ord> HeadOfLine<M> {
    /// Puts a message that is due at `due_ns` into its receiver's queue.
    pub fn put(&mut self, dest: &str, due_ns: u64, message: M) {
        self.enqueued += 1;
        let entry = Reverse((due_ns, self.enqueued, message));
        if let Some(queue) = self.queues.get_mut(dest) {
            queue.waiting.push(entry);
        } else {
            let queue = Queue { waiting: BinaryHeap::from([entry]), is_busy: false };
            self.queues.insert(dest.into(), queue);
        }
    }

    /// Takes out the message to wait for next, with the time when it is due, unless another one is waited for.
    pub fn take(&mut self, dest: &str) -> Option<(u64, M)> {
        let queue = self.queues.get_mut(dest).filter(|queue| !queue.is_busy)?;
        let Reverse((due_ns, _, message)) = queue.waiting.pop()?;
        queue.is_busy = true;
        Some((due_ns, message))
    }

    /// The message that was taken out is delivered, or will not be.
    pub fn done(&mut self, dest: &str) {
        if let Some(queue) = self.queues.get_mut(dest) {
            queue.is_busy = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_waits_behind_one_that_was_taken_out_before_it_came() {
        let mut lines = HeadOfLine::default();
        lines.put("n1", 100, 'a');
        assert_eq!(lines.take("n1"), Some((100, 'a')));
        lines.put("n1", 7, 'b');
        lines.put("n1", 5, 'c');
        lines.put("n1", 5, 'd');
        lines.put("n2", 9, 'e');
        assert_eq!(lines.take("n1"), None);
        assert_eq!(lines.take("n2"), Some((9, 'e')), "each receiver has a queue of its own");
        let mut order = Vec::new();
        lines.done("n1");
        while let Some((_, message)) = lines.take("n1") {
            order.push(message);
            lines.done("n1");
        }
        assert_eq!(order, ['c', 'd', 'b']);
    }
}
