//! One record of a history: its fields, and its form as a map in `history.jsonl` and in Jepsen's `history.edn`.

use std::borrow::Cow;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::super::Value;
use super::super::value::shortened;

/// What an operation record says (spec §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A request is about to be sent.
    Invoke,
    /// It is known to have happened.
    Ok,
    /// It is known not to have happened.
    Fail,
    /// It may have happened, may happen later, or never.
    Info,
}

impl Kind {
    /// As written under `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Invoke => "invoke",
            Kind::Ok => "ok",
            Kind::Fail => "fail",
            Kind::Info => "info",
        }
    }

    fn named(name: &str) -> Option<Kind> {
        [Kind::Invoke, Kind::Ok, Kind::Fail, Kind::Info].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Process {
    /// A logical client process; a worker takes a new one after every `info` (spec §6.3).
    Client(u64),
    /// The fault injector.
    Nemesis,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Process::Client(number) => write!(f, "{number}"),
            Process::Nemesis => f.write_str("nemesis"),
        }
    }
}

impl Serialize for Process {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Process::Client(number) => serializer.serialize_u64(*number),
            Process::Nemesis => serializer.serialize_str("nemesis"),
        }
    }
}

/// One record of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// Position in the history: dense, from 0.
    pub index: usize,
    /// Nanoseconds since the load began.
    pub time_ns: u64,
    /// Invocation or one of the three completions.
    pub kind: Kind,
    /// The logical process.
    pub process: Process,
    /// The operation's name: `read`, `broadcast`, `txn`, …
    pub f: Cow<'static, str>,
    /// Argument of an invocation, result of a completion.
    pub value: Value,
    /// Why it failed or is indeterminate: `name` or `[name, text]`.
    pub error: Option<Value>,
    /// Set when the client itself failed, for instance on a malformed reply: the message in words.
    pub exception: Option<Box<str>>,
    /// `final?`: one of the reads after the quiet period.
    pub is_final: bool,
    /// `seek-to-beginning?` of kafka's `assign`.
    pub seek_to_beginning: bool,
}

impl Op {
    /// Reads a record from its map. `type`, `process` and `f` must be there; a missing `index` is taken to be
    /// `position`, a missing `time` 0. Fields that are not ours are ignored. Fails with the reason.
    pub fn from_value(mut record: Value, position: usize) -> Result<Op, String> {
        if record.as_map().is_none() {
            return Err("an operation must be a map".to_owned());
        }
        let natural = |key: &str, otherwise: u64| match record.get(key) {
            None | Some(Value::Null) => Ok(otherwise),
            Some(value) => {
                let natural =
                    value.as_i64().or_else(|| whole(value)).and_then(|integer| u64::try_from(integer).ok());
                natural.ok_or_else(|| format!("`{key}` must be a natural number of at most 63 bits"))
            }
        };
        let kind = record.get("type").and_then(Value::as_str).and_then(Kind::named);
        let f = record.get("f").and_then(Value::as_str).map(interned);
        Ok(Op {
            index: natural("index", position as u64)? as usize,
            time_ns: natural("time", 0)?,
            kind: kind.ok_or("`type` must be invoke, ok, fail or info")?,
            process: process(record.get("process")).ok_or("`process` must be a natural number or nemesis")?,
            f: f.ok_or("`f` must name the operation")?,
            is_final: flag(&record, "final?")? || flag(&record, "final")?,
            seek_to_beginning: flag(&record, "seek-to-beginning?")?,
            exception: record.get("exception").filter(|value| !value.is_null()).map(message),
            error: record.take("error").filter(|value| !value.is_null()),
            value: record.take("value").unwrap_or_default(),
        })
    }
}

/// As one line of `history.jsonl`: the fields of [`Op::from_value`], those that say nothing left out.
impl Serialize for Op {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("index", &self.index)?;
        map.serialize_entry("time", &self.time_ns)?;
        map.serialize_entry("type", self.kind.as_str())?;
        map.serialize_entry("process", &self.process)?;
        map.serialize_entry("f", &self.f)?;
        map.serialize_entry("value", &self.value)?;
        if let Some(error) = &self.error {
            map.serialize_entry("error", error)?;
        }
        if let Some(exception) = &self.exception {
            map.serialize_entry("exception", exception)?;
        }
        if self.is_final {
            map.serialize_entry("final?", &true)?;
        }
        if self.seek_to_beginning {
            map.serialize_entry("seek-to-beginning?", &true)?;
        }
        map.end()
    }
}

fn process(value: Option<&Value>) -> Option<Process> {
    match value? {
        Value::Int(number) => u64::try_from(*number).ok().map(Process::Client),
        Value::Float(_) => u64::try_from(whole(value?)?).ok().map(Process::Client),
        name if name.as_str() == Some("nemesis") => Some(Process::Nemesis),
        _ => None,
    }
}

/// The integer that some writers of JSON write as a float.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Float(float) if float.fract() == 0.0 && (0.0..9e18).contains(float) => Some(*float as i64),
        _ => None,
    }
}

fn flag(record: &Value, key: &str) -> Result<bool, String> {
    match record.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| format!("`{key}` must be true or false")),
    }
}

/// The message of an exception: Jepsen writes `Throwable->map`, which has it under `cause`.
fn message(exception: &Value) -> Box<str> {
    let text = exception.as_str().or_else(|| exception.get("cause")?.as_str());
    text.map_or_else(|| exception.told().to_string().into(), |text| shortened(text, 4_000).into())
}

/// The operations of Maelstrom's workloads need no allocation for their names.
fn interned(name: &str) -> Cow<'static, str> {
    const NAMES: [&str; 12] = [
        "read",
        "write",
        "cas",
        "add",
        "broadcast",
        "echo",
        "generate",
        "txn",
        "send",
        "poll",
        "assign",
        "crash",
    ];
    match NAMES.iter().find(|known| **known == name) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Op, String> {
        Op::from_value(Value::from_json(line).unwrap(), 5)
    }

    #[test]
    fn a_record_written_is_the_record_read() {
        for line in [
            r#"{"index":5,"time":123,"type":"invoke","process":0,"f":"read","value":null}"#,
            r#"{"index":5,"time":9,"type":"fail","process":12,"f":"cas","value":[1,[2,3]],"error":["abort","no"]}"#,
            r#"{"index":5,"time":0,"type":"ok","process":1,"f":"read","value":[1],"final?":true}"#,
            r#"{"index":5,"time":0,"type":"info","process":"nemesis","f":"start-partition","value":["n1"]}"#,
            r#"{"index":5,"time":0,"type":"ok","process":1,"f":"assign","value":["0"],"seek-to-beginning?":true}"#,
            r#"{"index":5,"time":0,"type":"info","process":1,"f":"add","value":1,"exception":"malformed reply"}"#,
        ] {
            assert_eq!(serde_json::to_string(&read(line).unwrap()).unwrap(), line);
        }
    }

    #[test]
    fn index_time_and_value_may_be_missing() {
        let op = read(r#"{"type":"invoke","process":0,"f":"read"}"#).unwrap();
        assert_eq!((op.index, op.time_ns, op.value), (5, 0, Value::Null));
    }

    #[test]
    fn jepsens_exceptions_are_reduced_to_their_message() {
        let op = Value::from_edn(
            r#"{:type :info, :process 1, :f :add, :exception {:via [], :cause "timed out"}}"#,
        );
        assert_eq!(Op::from_value(op.unwrap(), 0).unwrap().exception.as_deref(), Some("timed out"));
    }

    #[test]
    fn damaged_records_are_refused_with_the_reason() {
        let reason = |line: &str| read(line).unwrap_err();
        assert_eq!(reason("[]"), "an operation must be a map");
        assert_eq!(
            reason(r#"{"type":"okay","process":0,"f":"read"}"#),
            "`type` must be invoke, ok, fail or info"
        );
        assert_eq!(reason(r#"{"type":"ok","f":"read"}"#), "`process` must be a natural number or nemesis");
        assert_eq!(
            reason(r#"{"type":"ok","process":-1,"f":"read"}"#),
            "`process` must be a natural number or nemesis"
        );
        assert_eq!(reason(r#"{"type":"ok","process":0}"#), "`f` must name the operation");
        assert_eq!(
            reason(r#"{"type":"ok","process":0,"f":"read","time":-1}"#),
            "`time` must be a natural number of at most 63 bits"
        );
        assert_eq!(
            reason(r#"{"type":"ok","process":0,"f":"read","final?":1}"#),
            "`final?` must be true or false"
        );
    }
}
