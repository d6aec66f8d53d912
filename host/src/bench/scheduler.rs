//! What will happen, in order of time; at the same time, in the order in which it was planned.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Events that wait for their time, in nanoseconds on the run's clock.
#[derive(Debug)]
pub struct Scheduler<E> {
    heap: BinaryHeap<Planned<E>>,
    planned: u64,
}

#[derive(Debug)]
struct Planned<E> {
    at_ns: u64,
    order: u64,
    event: E,
}

impl<E> Planned<E> {
    fn key(&self) -> (u64, u64) {
        (self.at_ns, self.order)
    }
}

/// The heap gives out its greatest element, so the earliest event is the greatest.
impl<E> Ord for Planned<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<E> PartialOrd for Planned<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Planned<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Planned<E> {}

impl<E> Default for Scheduler<E> {
    fn default() -> Scheduler<E> {
        Scheduler { heap: BinaryHeap::new(), planned: 0 }
    }
}

impl<E> Scheduler<E> {
    /// Plans an event.
    pub fn plan(&mut self, at_ns: u64, event: E) {
        self.planned += 1;
        self.heap.push(Planned { at_ns, order: self.planned, event });
    }

    /// When the next event is due.
    pub fn next_ns(&self) -> Option<u64> {
        self.heap.peek().map(|planned| planned.at_ns)
    }

    /// Takes out the next event if it is due.
    pub fn pop_due(&mut self, now_ns: u64) -> Option<E> {
        if self.next_ns()? > now_ns {
            return None;
        }
        self.heap.pop().map(|planned| planned.event)
    }

    /// How many events have been planned so far.
    pub fn planned(&self) -> u64 {
        self.planned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_order_of_time_and_then_of_planning() {
        let mut scheduler = Scheduler::default();
        for (at_ns, event) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b')] {
            scheduler.plan(at_ns, event);
        }
        assert_eq!(scheduler.pop_due(0), None);
        let order: String = std::iter::from_fn(|| scheduler.pop_due(9)).collect();
        assert_eq!(order, "abcd");
    }
}
