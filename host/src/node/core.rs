//! What the guest's imports do: every effect goes into the outbox or the table of outstanding calls.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use smol_str::SmolStr;
use wasmtime::{Result, bail, format_err};

use crate::guest::{Failure, Host, Level, Origin, Store};
use crate::protocol::json::{self, SyntaxError};
use crate::protocol::{ErrorCode, MsgId, Stamp, quote};

use super::Environment;
use super::calls::{self, CallKind, Calls};
use super::outbox::{Mark, Outbox};
use super::requests::{Request, Requests};

/// Requests that may wait for an answer. Beyond it the oldest is forgotten: its sender has given up long ago.
const MAX_REQUESTS: usize = 1 << 20;

/// Requests that are remembered as forgotten, to tell an answer that comes too late from a second one. Only the words of a
/// warning depend on it.
const MAX_FORGOTTEN: usize = 1 << 12;

/// Bytes one event may send.
const MAX_EVENT_OUTPUT: usize = 64 << 20;

/// Bytes one event may log; the rest is dropped.
const MAX_EVENT_LOG: usize = 1 << 20;

/// How an answer to a forgotten request is called.
const TOO_LATE: &str = "an answer that comes after --request-timeout, when its client has given up,";

/// The part of a node that the guest's imports can reach.
pub struct Core<E> {
    pub(super) environment: E,
    /// Empty before `init`.
    pub(super) id: SmolStr,
    /// When the event in hand happened, on the driver's clock; while the node holds, when it began to.
    pub(super) now_ns: u64,
    pub(super) outbox: Outbox,
    pub(super) calls: Calls,
    requests: Requests,
    requests_given: u64,
    /// For how long clients' requests are remembered, if not for ever.
    request_timeout_ns: Option<u64>,
    /// Clients' requests that were forgotten and have not been answered since.
    forgotten: BTreeSet<u64>,
    event: Mark,
    event_log_bytes: usize,
    /// Room to write a body of the host's own.
    scratch: String,
}

/// All that waits for an outcome, on either side.
pub(super) struct Outstanding {
    calls: Calls,
    requests: Requests,
}

impl<E: Environment> Core<E> {
    /// A `request_timeout` of zero is none.
    pub(super) fn new(environment: E, request_timeout: Duration) -> Core<E> {
        let outbox = Outbox::default();
        Core {
            environment,
            id: SmolStr::default(),
            now_ns: 0,
            event: outbox.mark(),
            outbox,
            calls: Calls::default(),
            requests: Requests::default(),
            requests_given: 0,
            request_timeout_ns: Some(nanos(request_timeout)).filter(|&timeout_ns| timeout_ns > 0),
            forgotten: BTreeSet::new(),
            event_log_bytes: 0,
            scratch: String::new(),
        }
    }

    pub(super) fn post(&mut self, dest: &str, body: &str, stamp: Stamp<'_>) -> Result<(), SyntaxError> {
        self.outbox.post(&self.id, dest, body, stamp)
    }

    pub(super) fn log_line(&mut self, level: Level, origin: Origin, text: &str) {
        self.environment.log(&self.id, level, origin, text);
    }

    /// Notes that a message wants an answer, if it does. It came at `arrived_ns`.
    pub(super) fn open_request(&mut self, src: &str, msg_id: Option<MsgId>, arrived_ns: u64) -> Option<u64> {
        let msg_id = msg_id?;
        if self.requests.len() >= MAX_REQUESTS {
            self.requests.pop_oldest();
        }
        self.requests_given += 1;
        self.requests.push(self.requests_given, Request { src: src.into(), msg_id, arrived_ns });
        Some(self.requests_given)
    }

    pub(super) fn close_request(&mut self, request: u64) {
        self.requests.remove(request);
    }

    /// When the next request is to be forgotten.
    pub(super) fn next_expiry_ns(&self) -> Option<u64> {
        let timeout_ns = self.request_timeout_ns?;
        self.requests.oldest_of_clients_ns().map(|oldest_ns| oldest_ns.saturating_add(timeout_ns))
    }

    /// Forgets the oldest request of a client, if nobody waits for its answer any more.
    pub(super) fn forget_expired(&mut self) -> Option<u64> {
        let (number, request) = self.requests.pop_of_clients_until(self.expired_until_ns()?)?;
        self.forgotten.insert(number);
        if self.forgotten.len() > MAX_FORGOTTEN {
            self.forgotten.pop_first();
        }
        let waited = Duration::from_nanos(self.now_ns - request.arrived_ns);
        let text = format!("a request of {} is forgotten after {waited:?} without an answer", request.src);
        self.log_line(Level::Debug, Origin::Host, &text);
        Some(number)
    }

    /// A client that sent a request then or earlier has given up.
    fn expired_until_ns(&self) -> Option<u64> {
        self.now_ns.checked_sub(self.request_timeout_ns?)
    }

    fn has_expired(&self, request: &Request) -> bool {
        self.expired_until_ns().is_some_and(|until_ns| request.is_from_client_until(until_ns))
    }

    pub(super) fn begin_event(&mut self) -> Mark {
        self.event = self.outbox.mark();
        self.event_log_bytes = 0;
        self.event
    }

    /// The guest is dead: takes back what the fatal event sent, and tells everyone who waits for an answer.
    pub(super) fn last_words(&mut self, event: Mark, reason: &str) {
        self.outbox.rewind(event);
        let requests = std::mem::take(&mut self.requests);
        self.disappoint(&requests, reason);
    }

    /// Tells those who sent these requests that there will be no answer.
    fn disappoint(&mut self, requests: &Requests, reason: &str) {
        let body = calls::error_body(ErrorCode::CRASH.0, reason);
        for request in requests.iter() {
            if self.has_expired(request) {
                continue;
            }
            let Request { src, msg_id, .. } = request;
            let posted = self.outbox.post(&self.id, src, &body, Stamp::Reply(msg_id));
            debug_assert!(posted.is_ok(), "an error body is an object");
        }
    }

    /// A copy of all that waits for an outcome.
    pub(super) fn outstanding(&self) -> Outstanding {
        Outstanding { calls: self.calls.clone(), requests: self.requests.clone() }
    }

    /// Takes out all that waits for an outcome. Numbers that were given out are not given out again.
    pub(super) fn take_outstanding(&mut self) -> Outstanding {
        Outstanding { calls: self.calls.take(), requests: std::mem::take(&mut self.requests) }
    }

    /// Goes back to what waited for an outcome, and to what was sent, before a guest that could not take over.
    pub(super) fn restore(&mut self, event: Mark, outstanding: Outstanding) {
        self.outbox.rewind(event);
        self.calls.restore(outstanding.calls);
        self.requests = outstanding.requests;
    }

    /// Gives up what nobody can take over. Returns how many requests that were.
    pub(super) fn abandon(&mut self, outstanding: &Outstanding, reason: &str) -> usize {
        self.disappoint(&outstanding.requests, reason);
        outstanding.requests.len()
    }

    /// Sends what the guest wrote, within the event's bounds.
    fn post_guest(&mut self, dest: &str, body: &str, stamp: Stamp<'_>) -> Result<()> {
        let posted = self.outbox.post(&self.id, dest, body, stamp);
        posted.map_err(|error| not_json("a body that is not a JSON object", error, body))?;
        if self.outbox.bytes_since(self.event) > MAX_EVENT_OUTPUT {
            bail!("the plugin sent more than {} MiB in one event", MAX_EVENT_OUTPUT >> 20);
        }
        Ok(())
    }

    fn answer(&mut self, to: u64, body: &str) -> Result<()> {
        let Some(request) = self.requests.remove(to) else {
            let why = if self.forgotten.remove(&to) { TOO_LATE } else { "a second answer to a request" };
            self.log_line(Level::Warn, Origin::Host, &format!("{why} is dropped: {}", quote(body)));
            return Ok(());
        };
        if self.has_expired(&request) {
            self.log_line(Level::Warn, Origin::Host, &format!("{TOO_LATE} is dropped: {}", quote(body)));
            return Ok(());
        }
        self.post_guest(&request.src, body, Stamp::Reply(&request.msg_id))
    }

    fn request(&mut self, dest: &str, body: &str, timeout_ms: u32, kind: CallKind) -> Result<u64> {
        let call = self.calls.open(self.now_ns, timeout_ms, kind)?;
        self.post_guest(dest, body, Stamp::Request(call))?;
        Ok(call)
    }

    /// A request to a service whose body `write` puts together.
    fn service_request(
        &mut self,
        service: &str,
        timeout_ms: u32,
        kind: CallKind,
        write: impl FnOnce(&mut String) -> Result<()>,
    ) -> Result<u64> {
        let mut body = std::mem::take(&mut self.scratch);
        body.clear();
        let call = write(&mut body).and_then(|()| self.request(service, &body, timeout_ms, kind));
        self.scratch = body;
        call
    }
}

/// As nanoseconds; more than fit is the most that fit.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Checks a key or a value, which must be one JSON value.
fn checked<'a>(what: &str, value: &'a str) -> Result<&'a str> {
    json::check_value(value)
        .map_err(|error| not_json(&format!("a {what} that is not JSON"), error, value))?;
    Ok(value)
}

fn not_json(what: &str, error: SyntaxError, text: &str) -> wasmtime::Error {
    format_err!("the plugin handed over {what} ({error}): {}", quote(text))
}

impl<E: Environment> Host for Core<E> {
    fn send(&mut self, dest: &str, body: &str) -> Result<()> {
        self.post_guest(dest, body, Stamp::None)
    }

    fn reply(&mut self, to: u64, body: &str) -> Result<()> {
        self.answer(to, body)
    }

    fn fail(&mut self, to: u64, failure: &Failure) -> Result<()> {
        self.answer(to, &calls::error_body(failure.code, &failure.text))
    }

    fn call(&mut self, dest: &str, body: &str, timeout_ms: u32) -> Result<u64> {
        self.request(dest, body, timeout_ms, CallKind::Message)
    }

    fn set_timer(&mut self, after_ms: u32) -> Result<u64> {
        self.calls.set_timer(self.now_ns, after_ms)
    }

    fn cancel_timer(&mut self, timer: u64) {
        self.calls.cancel_timer(timer);
    }

    fn kv_read(&mut self, store: Store, key: &str, timeout_ms: u32) -> Result<u64> {
        self.service_request(store.service(), timeout_ms, CallKind::KvRead, |body| {
            Ok(write!(body, r#"{{"type":"read","key":{}}}"#, checked("key", key)?)?)
        })
    }

    fn kv_write(&mut self, store: Store, key: &str, value: &str, timeout_ms: u32) -> Result<u64> {
        self.service_request(store.service(), timeout_ms, CallKind::KvWrite, |body| {
            let (key, value) = (checked("key", key)?, checked("value", value)?);
            Ok(write!(body, r#"{{"type":"write","key":{key},"value":{value}}}"#)?)
        })
    }

    fn kv_cas(
        &mut self,
        store: Store,
        key: &str,
        from: &str,
        to: &str,
        create: bool,
        timeout_ms: u32,
    ) -> Result<u64> {
        self.service_request(store.service(), timeout_ms, CallKind::KvCas, |body| {
            let (key, from, to) = (checked("key", key)?, checked("value", from)?, checked("value", to)?);
            let create = if create { r#","create_if_not_exists":true"# } else { "" };
            Ok(write!(body, r#"{{"type":"cas","key":{key},"from":{from},"to":{to}{create}}}"#)?)
        })
    }

    fn timestamp(&mut self, timeout_ms: u32) -> Result<u64> {
        self.service_request("lin-tso", timeout_ms, CallKind::Timestamp, |body| {
            body.push_str(r#"{"type":"ts"}"#);
            Ok(())
        })
    }

    fn now_ns(&mut self) -> u64 {
        self.environment.now_ns()
    }

    fn wall_clock_ns(&mut self) -> u64 {
        self.environment.wall_clock_ns()
    }

    fn random(&mut self) -> u64 {
        self.environment.random()
    }

    fn log(&mut self, level: Level, origin: Origin, text: &str) {
        if self.event_log_bytes > MAX_EVENT_LOG {
            return;
        }
        self.event_log_bytes += text.len() + 1;
        self.log_line(level, origin, text);
        if self.event_log_bytes > MAX_EVENT_LOG {
            self.log_line(
                Level::Warn,
                Origin::Host,
                "the plugin logs too much in one event; the rest is dropped",
            );
        }
    }
}
