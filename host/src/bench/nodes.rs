//! What the run loop knows of a node: whether it lives, what waits for it, and whether it answers.

use std::collections::VecDeque;

use super::journal::MessageId;

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Life {
    /// It has not been started yet: nobody on the network has its name.
    #[default]
    Absent,
    /// It runs.
    Up,
    /// A fault has stopped it from running; it will go on.
    Paused {
        /// A swap was asked for meanwhile.
        is_swap_due: bool,
    },
    /// A fault has killed it; it will be started again.
    Killed,
    /// It has died by itself.
    Dead,
}

/// A node as the run loop sees it.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub life: Life,
    /// It has answered `init`, and the workload's set-up.
    pub is_ready: bool,
    /// When this life of it began, on the run's clock.
    pub began_ns: u64,
    /// When a fault that had stopped it ended last, in this life.
    pub resumed_ns: Option<u64>,
    /// What came while it did not run, or waits for its turn to run.
    pub held: VecDeque<MessageId>,
    /// The earliest alarm that is planned.
    pub alarm_ns: Option<u64>,
    /// When the system lets it run again, if it waits for that (`--scheduling-jitter`).
    pub turn_ns: Option<u64>,
    pub answers: Answers,
}

impl Node {
    /// A life that begins now, or the time between two lives. How it has answered before is remembered.
    pub fn enter(&mut self, life: Life, now_ns: u64) {
        let answers = Answers { last_ns: self.answers.last_ns, unanswered: 0 };
        *self = Node { life, began_ns: now_ns, answers, ..Node::default() };
    }

    /// Whether it has run without a break since then.
    pub fn has_run_since(&self, time_ns: u64) -> bool {
        self.is_up() && self.began_ns.max(self.resumed_ns.unwrap_or(0)) <= time_ns
    }

    pub fn is_up(&self) -> bool {
        self.life == Life::Up
    }
}

/// How a node answers its clients.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answers {
    /// When its last answer came, in whichever life.
    pub last_ns: Option<u64>,
    /// Requests since then, in this life, that clients have given up.
    pub unanswered: usize,
}

impl Answers {
    pub fn answered(&mut self, now_ns: u64) {
        *self = Answers { last_ns: Some(now_ns), unanswered: 0 };
    }
}
