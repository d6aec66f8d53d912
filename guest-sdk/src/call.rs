//! Operations with an outcome, as futures: how long to wait, and whether to try again.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{ErrorCode, Result};
use crate::host::{Operation, Outcome};
use crate::runtime::Runtime;

/// How long an attempt waits for its outcome unless told otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a client may be kept waiting before it is answered with an error: long enough for whatever can still succeed,
/// and half a second short of the 4.9 s after which its request is forgotten (`host --request-timeout`).
///
/// The error is 0 (timeout) unless it is certain that the operation has not happened and never will.
pub const PATIENCE: Duration = Duration::from_millis(4400);

/// A request to a node or a service. It starts when it is awaited; dropped before its outcome is there, it is forgotten
/// here, but may take effect there.
#[must_use = "a call starts when it is awaited"]
pub struct Call<T> {
    runtime: Arc<Runtime>,
    operation: Operation,
    timeout: Duration,
    backoff: Option<Backoff>,
    decode: fn(Outcome) -> Result<T>,
}

impl<T> Call<T> {
    pub(crate) fn new(runtime: Arc<Runtime>, operation: Operation, decode: fn(Outcome) -> Result<T>) -> Self {
        Call { runtime, operation, timeout: DEFAULT_TIMEOUT, backoff: None, decode }
    }

    /// How long each attempt waits for its outcome: [`DEFAULT_TIMEOUT`] if this is not called. Then the outcome is
    /// error 0 (timeout), which leaves open whether the operation has happened.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Tries again after error 0 (timeout) and error 11 (temporarily unavailable). After a timeout the operation may
    /// happen twice, so it must be idempotent.
    pub fn retry(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    async fn run(self) -> Result<T> {
        let mut retries = 0;
        loop {
            let outcome = self.runtime.call(&self.operation, self.timeout).await;
            let Some(pause) = self.pause_before_retry(&outcome, retries) else {
                return (self.decode)(outcome);
            };
            self.runtime.sleep(pause).await;
            retries += 1;
        }
    }

    fn pause_before_retry(&self, outcome: &Outcome, retries: u32) -> Option<Duration> {
        let code = outcome.as_ref().err()?.code;
        let worth_it = matches!(code, ErrorCode::Timeout | ErrorCode::TemporarilyUnavailable);
        let backoff = self.backoff.filter(|backoff| worth_it && retries < backoff.max_retries)?;
        Some(backoff.pause(retries, self.runtime.host.random()))
    }
}

impl<T: 'static> IntoFuture for Call<T> {
    type Output = Result<T>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// How to space attempts: pauses that double, each shortened at random by up to a half so that nodes that failed
/// together do not try again together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The first pause, before the random shortening.
    pub initial: Duration,
    /// The longest pause.
    pub max: Duration,
    /// How often to try again. The last outcome counts.
    pub max_retries: u32,
}

impl Default for Backoff {
    /// From 50 ms to 1 s, without end.
    fn default() -> Self {
        Backoff { initial: Duration::from_millis(50), max: Duration::from_secs(1), max_retries: u32::MAX }
    }
}

impl Backoff {
    /// The same, but tries again at most `max_retries` times.
    pub fn max_retries(self, max_retries: u32) -> Self {
        Backoff { max_retries, ..self }
    }

    /// The pause after `retries` earlier pauses, shortened by up to a half as `random` says.
    fn pause(&self, retries: u32, random: u64) -> Duration {
        let full = self.initial.saturating_mul(1u32.checked_shl(retries).unwrap_or(u32::MAX)).min(self.max);
        let shortened = (full.as_nanos() * (u128::from(random) + (1 << 64))) >> 65;
        Duration::from_nanos(u64::try_from(shortened).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_shortened_by_half_at_most() {
        let backoff = Backoff::default();
        let pauses = |random| [0, 1, 4, 5, 40, 400].map(|retries| backoff.pause(retries, random).as_millis());
        assert_eq!(pauses(u64::MAX), [49, 99, 799, 999, 999, 999]);
        assert_eq!(pauses(0), [25, 50, 400, 500, 500, 500]);
    }
}
