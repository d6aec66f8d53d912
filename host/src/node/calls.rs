//! Outstanding calls and timers, and what an answer means to the call it answers.

use std::collections::{BTreeSet, HashMap};

use rustc_hash::FxBuildHasher;

use crate::guest::Failure;
use crate::protocol::{Body, ErrorCode, json, quote, write_error_body};

/// Calls and timers a guest may have outstanding, each: far more than an algorithm needs, and little memory.
const MAX_OUTSTANDING: usize = 1 << 20;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// Something that falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    /// A call has waited long enough.
    Call(u64),
    /// A timer fires.
    Timer(u64),
}

/// What kind of answer a call expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallKind {
    /// Any body.
    Message,
    /// `read_ok`, of which the guest gets `value`.
    KvRead,
    /// `write_ok`.
    KvWrite,
    /// `cas_ok`.
    KvCas,
    /// `ts_ok`, of which the guest gets `ts`.
    Timestamp,
}

/// The table of all that is outstanding. Numbers are given out once, from 1, in the order asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    calls: HashMap<u64, (u64, CallKind), FxBuildHasher>,
    timers: HashMap<u64, u64, FxBuildHasher>,
    alarms: BTreeSet<(u64, Alarm)>,
    calls_given: u64,
    timers_given: u64,
}

impl Calls {
    /// Opens a call; its number is the `msg_id` of the request.
    pub fn open(&mut self, now_ns: u64, timeout_ms: u32, kind: CallKind) -> wasmtime::Result<u64> {
        if self.calls.len() >= MAX_OUTSTANDING {
            wasmtime::bail!("the plugin has {MAX_OUTSTANDING} calls outstanding");
        }
        self.calls_given += 1;
        let (call, deadline) = (self.calls_given, deadline_ns(now_ns, timeout_ms));
        self.calls.insert(call, (deadline, kind));
        self.alarms.insert((deadline, Alarm::Call(call)));
        Ok(call)
    }

    /// Closes a call because its answer is here; `None` if there is no such call (any more).
    pub fn close(&mut self, call: u64) -> Option<CallKind> {
        let (deadline, kind) = self.calls.remove(&call)?;
        self.alarms.remove(&(deadline, Alarm::Call(call)));
        Some(kind)
    }

    /// Starts a timer. Zero counts as one millisecond, so that no chain of timers can stop time.
    pub fn set_timer(&mut self, now_ns: u64, after_ms: u32) -> wasmtime::Result<u64> {
        if self.timers.len() >= MAX_OUTSTANDING {
            wasmtime::bail!("the plugin has {MAX_OUTSTANDING} timers running");
        }
        self.timers_given += 1;
        let (timer, deadline) = (self.timers_given, deadline_ns(now_ns, after_ms.max(1)));
        self.timers.insert(timer, deadline);
        self.alarms.insert((deadline, Alarm::Timer(timer)));
        Ok(timer)
    }

    pub fn cancel_timer(&mut self, timer: u64) {
        if let Some(deadline) = self.timers.remove(&timer) {
            self.alarms.remove(&(deadline, Alarm::Timer(timer)));
        }
    }

    /// Takes out all calls and timers. The numbers go on.
    pub fn take(&mut self) -> Calls {
        let empty =
            Calls { calls_given: self.calls_given, timers_given: self.timers_given, ..Calls::default() };
        std::mem::replace(self, empty)
    }

    /// Goes back to these calls and timers. The numbers go on.
    pub fn restore(&mut self, earlier: Calls) {
        let (calls_given, timers_given) = (self.calls_given, self.timers_given);
        *self = Calls { calls_given, timers_given, ..earlier };
    }

    /// Puts off all that falls due.
    pub fn postpone(&mut self, by_ns: u64) {
        let later = |deadline_ns: u64| deadline_ns.saturating_add(by_ns);
        self.calls.values_mut().for_each(|(deadline_ns, _)| *deadline_ns = later(*deadline_ns));
        self.timers.values_mut().for_each(|deadline_ns| *deadline_ns = later(*deadline_ns));
        let alarms = std::mem::take(&mut self.alarms);
        self.alarms = alarms.into_iter().map(|(deadline_ns, alarm)| (later(deadline_ns), alarm)).collect();
    }

    pub fn next_alarm_ns(&self) -> Option<u64> {
        self.alarms.first().map(|(deadline, _)| *deadline)
    }

    /// Takes out the earliest alarm that is due, with the call or timer it belongs to.
    pub fn pop_alarm(&mut self, now_ns: u64) -> Option<Alarm> {
        let &(deadline, alarm) = self.alarms.first()?;
        if deadline > now_ns {
            return None;
        }
        self.alarms.pop_first();
        match alarm {
            Alarm::Call(call) => drop(self.calls.remove(&call)),
            Alarm::Timer(timer) => drop(self.timers.remove(&timer)),
        }
        Some(alarm)
    }
}

fn deadline_ns(now_ns: u64, after_ms: u32) -> u64 {
    now_ns.saturating_add(u64::from(after_ms) * NANOS_PER_MILLI)
}

impl CallKind {
    /// What the guest is told when this answer arrives.
    pub fn outcome<'a>(self, body: &'a str, fields: &Body<'_>) -> Result<&'a str, Failure> {
        if fields.is("error") {
            return Err(failure_of(body));
        }
        match self {
            CallKind::Message => Ok(body),
            CallKind::KvRead => field_of(body, fields, "read_ok", "value"),
            CallKind::KvWrite => expect_kind(body, fields, "write_ok").map(|()| "null"),
            CallKind::KvCas => expect_kind(body, fields, "cas_ok").map(|()| "null"),
            CallKind::Timestamp => field_of(body, fields, "ts_ok", "ts"),
        }
    }
}

pub(super) fn failure(code: ErrorCode, text: &str) -> Failure {
    Failure { code: code.0, text: text.to_owned() }
}

pub(super) fn error_body(code: u32, text: &str) -> String {
    let mut body = Vec::new();
    write_error_body(&mut body, code, text);
    String::from_utf8(body).expect("written from strings")
}

/// Reads an error body. One without a usable code leaves the outcome open, as code 13 does.
fn failure_of(body: &str) -> Failure {
    let text = json::field(body, "text").and_then(|text| serde_json::from_str::<String>(text).ok());
    let code = json::field(body, "code").and_then(|code| code.parse().ok());
    Failure { code: code.unwrap_or(ErrorCode::CRASH.0), text: text.unwrap_or_default() }
}

fn expect_kind(body: &str, fields: &Body<'_>, kind: &str) -> Result<(), Failure> {
    if fields.is(kind) {
        return Ok(());
    }
    Err(failure(ErrorCode::CRASH, &format!("expected {kind} from the service, got {}", quote(body))))
}

fn field_of<'a>(body: &'a str, fields: &Body<'_>, kind: &str, field: &str) -> Result<&'a str, Failure> {
    expect_kind(body, fields, kind)?;
    json::field(body, field).ok_or_else(|| {
        failure(ErrorCode::CRASH, &format!("expected `{field}` from the service, got {}", quote(body)))
    })
}
