//! Driver: one node, a written conversation, virtual time. What is said to a node stands there beside what it has to say,
//! so the file is an example and a test at once, in any language's plugin.
//!
//! A line that begins with `>` is a message to the node, one with `<` a message it sends; `+` lets time pass. Everything
//! the node says has to be in the file, in that order; `"*"` stands for any value. Empty lines and those that begin with
//! `#` are for people.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::guest::{Fault, Level, Limits, Origin, Plugin};
use crate::node::{Core, Environment, Node, Timeouts, log_prefix};
use crate::protocol::Envelope;

/// The wall clock when a conversation begins: 2000-01-01T00:00:00Z.
const EPOCH_NS: u64 = 946_684_800 * 1_000_000_000;

/// A world in which time passes only when the conversation says so, and chance is always the same.
pub struct Scripted {
    now_ns: u64,
    state: u64,
}

impl Environment for Scripted {
    fn now_ns(&mut self) -> u64 {
        self.now_ns
    }

    fn wall_clock_ns(&mut self) -> u64 {
        EPOCH_NS + self.now_ns
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn log(&mut self, node: &str, level: Level, origin: Origin, text: &str) {
        eprintln!("{}{text}", log_prefix(node, level, origin));
    }
}

/// Where a conversation went another way than written, or is not written as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The line of the file, from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for Departure {}

/// Holds a conversation with a new node of this plugin. Returns how many messages the node has said.
pub fn hold(
    plugin: &Plugin<Core<Scripted>>,
    limits: Limits,
    timeouts: Timeouts,
    settings: Vec<(String, String)>,
    text: &str,
) -> Result<usize, Departure> {
    let environment = Scripted { now_ns: 0, state: 0 };
    let at = |line, reason| Departure { line, reason };
    let node = Node::new(plugin, environment, limits, timeouts, settings);
    let node = node.map_err(|fault| at(0, format!("the node does not start: {}", fault.reason)))?;
    let mut talk = Talk { node, unheard: VecDeque::new(), heard: 0 };
    let mut last = 0;
    for (line, text) in (1..).zip(text.lines()) {
        talk.step(text.trim()).map_err(|reason| at(line, reason))?;
        last = line;
    }
    talk.expect_silence().map_err(|reason| at(last, reason))?;
    Ok(talk.heard)
}

struct Talk {
    node: Node<Scripted>,
    /// What the node has said and the file has not mentioned yet.
    unheard: VecDeque<Value>,
    heard: usize,
}

impl Talk {
    fn step(&mut self, line: &str) -> Result<(), String> {
        let rest = line.get(1..).unwrap_or_default().trim();
        match line.chars().next() {
            None | Some('#') => Ok(()),
            Some('>') => self.say(rest),
            Some('<') => self.hear(rest),
            Some('+') => self.wait(rest),
            Some(_) => Err("a line begins with > (to the node), < (from it), + (time) or #".to_owned()),
        }
    }

    fn say(&mut self, message: &str) -> Result<(), String> {
        self.expect_silence()?;
        let envelope = Envelope::parse(message.as_bytes()).map_err(|error| format!("no message: {error}"))?;
        let now_ns = self.node.environment().now_ns;
        let handled = self.node.receive(now_ns, &envelope);
        self.listen();
        handled.map_err(|fault| death(&fault))
    }

    /// Lets time pass, from one alarm to the next.
    fn wait(&mut self, time: &str) -> Result<(), String> {
        self.expect_silence()?;
        let time: Duration = humantime::parse_duration(time).map_err(|error| error.to_string())?;
        let end_ns = self.node.environment().now_ns.saturating_add(time.as_nanos() as u64);
        loop {
            let due_ns = self.node.next_alarm_ns().filter(|&due_ns| due_ns <= end_ns);
            let now_ns = due_ns.unwrap_or(end_ns);
            self.node.environment().now_ns = now_ns;
            if due_ns.is_none() {
                return Ok(());
            }
            let fired = self.node.fire(now_ns);
            self.listen();
            fired.map_err(|fault| death(&fault))?;
        }
    }

    fn hear(&mut self, expected: &str) -> Result<(), String> {
        let expected: Value = serde_json::from_str(expected).map_err(|error| format!("not JSON: {error}"))?;
        let Some(said) = self.unheard.pop_front() else {
            return Err(format!("the node said nothing; expected {expected}"));
        };
        self.heard += 1;
        if matches(&expected, &said) {
            Ok(())
        } else {
            Err(format!("the node said {said}; expected {expected}"))
        }
    }

    fn expect_silence(&self) -> Result<(), String> {
        match self.unheard.front() {
            None => Ok(()),
            Some(said) => Err(format!("before this the node said {said}, which is not in the conversation")),
        }
    }

    fn listen(&mut self) {
        let bytes = self.node.outbox().bytes().to_vec();
        self.node.outbox().clear();
        let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        // What serde_json does not read, too deep or with half a surrogate pair, is kept as its text.
        let as_text = |line: &[u8]| Value::String(String::from_utf8_lossy(line).into_owned());
        self.unheard.extend(lines.map(|line| serde_json::from_slice(line).unwrap_or_else(|_| as_text(line))));
    }
}

fn death(fault: &Fault) -> String {
    let frames = fault.frames.iter().map(|frame| format!("\n    at {frame}"));
    format!("the node died: {}{}", fault.reason, frames.collect::<String>())
}

/// Whether a value is as expected. The order of keys does not matter; `"*"` expects anything.
fn matches(expected: &Value, said: &Value) -> bool {
    match (expected, said) {
        (Value::String(any), _) if any == "*" => true,
        (Value::Object(expected), Value::Object(said)) => {
            expected.len() == said.len()
                && expected.iter().all(|(key, value)| said.get(key).is_some_and(|said| matches(value, said)))
        }
        (Value::Array(expected), Value::Array(said)) => {
            expected.len() == said.len()
                && expected.iter().zip(said).all(|(value, said)| matches(value, said))
        }
        (Value::Number(expected), Value::Number(said)) => expected.as_f64() == said.as_f64(),
        _ => expected == said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_match_whatever_the_order_of_their_keys() {
        assert!(matches(&json!({"a": 1, "b": [2, 3]}), &json!({"b": [2, 3], "a": 1.0})));
        assert!(matches(&json!({"id": "*"}), &json!({"id": {"any": "thing"}})));
        assert!(!matches(&json!({"a": 1}), &json!({"a": 1, "b": 2})));
        assert!(!matches(&json!([1, 2]), &json!([2, 1])));
        assert!(!matches(&json!({"a": "x"}), &json!({"a": "*"})));
    }
}
