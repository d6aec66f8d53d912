//! Runs a node's tasks on its one thread. There is no reactor: a task that waits is woken when the event it waits for
//! is delivered, and `run` polls until every task waits.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

/// A task: it ends with nothing to tell.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Locks a mutex that no other thread holds. Each node runs on one thread; the mutexes are there to make its futures
/// `Send`, which lets the compiler reject a state guard held across an `await`.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All tasks of a node, polled in the order in which they were woken.
#[derive(Default)]
pub(crate) struct Executor {
    slots: Mutex<Slots>,
    ready: Arc<ReadyQueue>,
}

#[derive(Default)]
struct Slots {
    all: Vec<Slot>,
    free: Vec<usize>,
    /// How many tasks there are that have to come to an end, unlike residents.
    transient: usize,
}

/// A place for one task. The waker stays with the place: one left over from an earlier task causes a needless poll of
/// the present one, which every future must bear, and starting a task allocates nothing but its future.
struct Slot {
    task: Option<Task>,
    is_resident: bool,
    /// Absent while the task is polled.
    waker: Option<Waker>,
    queued: Arc<SlotWaker>,
}

type ReadyQueue = Mutex<VecDeque<usize>>;

struct SlotWaker {
    slot: usize,
    queued: AtomicBool,
    ready: Arc<ReadyQueue>,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            lock(&self.ready).push_back(self.slot);
        }
    }
}

impl Executor {
    /// Adds a task, to be polled by the next [`run`](Self::run) or by the one in progress. A resident one lasts as long
    /// as the node and may be ended wherever it waits.
    pub(crate) fn spawn(&self, task: Task, is_resident: bool) {
        let mut slots = lock(&self.slots);
        let place = slots.place(&self.ready, is_resident);
        let slot = &mut slots.all[place];
        slot.task = Some(task);
        slot.queued.wake_by_ref();
    }

    /// Adds a task that is no resident, polls it before any that is woken, and then polls those until none is left.
    pub(crate) fn run_with(&self, task: Task) {
        let place = lock(&self.slots).place(&self.ready, false);
        self.poll(place, task);
        self.run();
    }

    /// Polls woken tasks until none is left.
    pub(crate) fn run(&self) {
        while let Some(place) = self.next_ready() {
            if let Some(task) = self.take(place) {
                self.poll(place, task);
            }
        }
    }

    /// Polls the task of a slot, which was taken out so that nothing is locked while it runs.
    fn poll(&self, place: usize, mut task: Task) {
        let waker = lock(&self.slots).all[place].waker.take().expect("a task does not poll itself");
        let finished = task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut slots = lock(&self.slots);
        slots.all[place].waker = Some(waker);
        if finished {
            slots.transient -= usize::from(!slots.all[place].is_resident);
            slots.free.push(place);
        } else {
            slots.all[place].task = Some(task);
        }
    }

    /// Whether every task is a resident.
    pub(crate) fn is_at_rest(&self) -> bool {
        lock(&self.slots).transient == 0
    }

    /// Drops every task, and with them the handles to the node that they hold.
    pub(crate) fn clear(&self) {
        let slots = std::mem::take(&mut *lock(&self.slots));
        drop(slots);
    }

    fn next_ready(&self) -> Option<usize> {
        lock(&self.ready).pop_front()
    }

    /// Takes a woken task out of its slot.
    fn take(&self, place: usize) -> Option<Task> {
        let mut slots = lock(&self.slots);
        let slot = slots.all.get_mut(place)?;
        slot.queued.queued.store(false, Ordering::Relaxed);
        slot.task.take()
    }
}

impl Slots {
    /// A free slot for a task.
    fn place(&mut self, ready: &Arc<ReadyQueue>, is_resident: bool) -> usize {
        self.transient += usize::from(!is_resident);
        if let Some(place) = self.free.pop() {
            self.all[place].is_resident = is_resident;
            return place;
        }
        let slot = self.all.len();
        let queued = Arc::new(SlotWaker { slot, queued: AtomicBool::new(false), ready: ready.clone() });
        self.all.push(Slot { task: None, is_resident, waker: Some(queued.clone().into()), queued });
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Poll;

    use super::*;

    #[test]
    fn tasks_interleave_only_where_they_await() {
        let executor = Executor::default();
        let trace = Arc::new(Mutex::new(String::new()));
        for name in ["a", "b"] {
            let trace = trace.clone();
            executor.spawn(
                Box::pin(async move {
                    for step in 1..=2 {
                        lock(&trace).push_str(&format!("{name}{step} "));
                        lock(&trace).push_str(&format!("{name}{step}' "));
                        yield_once().await;
                    }
                }),
                false,
            );
        }
        executor.run();
        assert_eq!(*lock(&trace), "a1 a1' b1 b1' a2 a2' b2 b2' ");
    }

    #[test]
    fn a_task_that_is_run_at_once_comes_before_those_that_wait_and_may_wait_itself() {
        let executor = Executor::default();
        let trace = Arc::new(Mutex::new(String::new()));
        let step = |name: &'static str| {
            let trace = trace.clone();
            Box::pin(async move {
                lock(&trace).push_str(name);
                yield_once().await;
                lock(&trace).push_str(name);
            })
        };
        executor.spawn(step("a"), false);
        executor.run_with(step("b"));
        assert_eq!(*lock(&trace), "baba");
        assert!(executor.is_at_rest());
    }

    #[test]
    fn a_task_woken_twice_is_polled_once() {
        let executor = Executor::default();
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = polls.clone();
        executor.spawn(
            Box::pin(std::future::poll_fn(move |cx| {
                cx.waker().wake_by_ref();
                cx.waker().wake_by_ref();
                if counted.fetch_add(1, Ordering::Relaxed) == 1 { Poll::Ready(()) } else { Poll::Pending }
            })),
            false,
        );
        executor.run();
        assert_eq!(polls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_waker_that_outlives_its_task_does_no_harm() {
        let executor = Executor::default();
        let kept = Arc::new(Mutex::new(None));
        let keep = kept.clone();
        executor.spawn(
            Box::pin(std::future::poll_fn(move |cx| {
                *lock(&keep) = Some(cx.waker().clone());
                Poll::Ready(())
            })),
            false,
        );
        executor.run();
        lock(&kept).take().expect("the task kept its waker").wake();
        executor.run();
        executor.clear();
    }

    async fn yield_once() {
        let mut yielded = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
