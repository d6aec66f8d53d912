//! What a node did instead of answering: what it has written or sent since it was asked, and why that is no answer.

use std::fmt;

use crate::bench::cluster::{Cluster, Partial, Written};
use crate::bench::journal::{Journal, MessageId};
use crate::bench::services;
use crate::checker::Value;
use crate::protocol::quote;

/// What a node did instead of answering.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// It sent this to whoever asked, and it does not say what it answers.
    NoInReplyTo(String),
    /// It sent this to whoever asked, and it says that it answers something else: what it says, what was asked.
    OtherInReplyTo(String, Value, i64),
    /// It sent whoever asked a body that cannot be read: the body, why.
    Unreadable(String, String),
    /// It sent the answer too late to be taken: its body.
    Late(String),
    /// It sent its answer to somebody else: the body, to whom, who asked.
    OtherDest(String, String, String),
    /// Somebody who does not exist sent this: the body, who, who it should be.
    OtherSrc(String, String, String),
    /// It has begun a line and not ended it.
    NoLineBreak(Partial),
    /// It wrote a line that is no message: the line, why it is none.
    NoMessage(String, String),
    /// It sent messages, none of them to whoever asked: how many, the first, to whom, who asked.
    OnlyOthers(usize, String, String, String),
    /// It wrote this, and only when its input was closed.
    HeldBack(String),
    /// It has written nothing since; of a plugin: sent nothing. The type of the request.
    Nothing(bool, String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::NoInReplyTo(body) => write!(f, "it sent a message without `in_reply_to`: {}", quote(body)),
            Cause::OtherInReplyTo(body, said, asked) => {
                let what = match said {
                    Value::Null => "null".to_owned(),
                    Value::Str(_) => format!("{said}, which is a string"),
                    Value::Float(_) => {
                        format!("{}, which is not an integer", written(body).unwrap_or(said.to_string()))
                    }
                    Value::Int(_) | Value::BigInt(_) => format!("{said}"),
                    _ => format!("{said}, which is not a number"),
                };
                write!(f, "it sent a message whose `in_reply_to` is {what}, and not {asked}: {}", quote(body))
            }
            Cause::Unreadable(body, why) => write!(f, "its message cannot be read: {why}: {}", quote(body)),
            Cause::Late(body) => write!(f, "its answer came too late: {}", quote(body)),
            Cause::OtherDest(body, dest, client) => {
                write!(f, "it sent its answer to {dest:?} and not to {client:?}, who asked: {}", quote(body))
            }
            Cause::OtherSrc(body, src, node) => {
                write!(
                    f,
                    "a message came from {src:?}, who does not exist, and none from {node:?}: {}",
                    quote(body)
                )
            }
            Cause::NoLineBreak(Partial { bytes, begin }) => {
                write!(f, "it wrote {bytes} bytes without a newline: {}", quote(begin))
            }
            Cause::NoMessage(line, why) => {
                write!(f, "a line of its output is not a message: {why}: {}", quote(line))
            }
            Cause::OnlyOthers(count, body, dest, client) => {
                let messages = if *count == 1 { "a message" } else { "messages" };
                write!(f, "it sent {messages} to {dest:?} and none to {client:?}, who asked: {}", quote(body))
            }
            Cause::HeldBack(line) => {
                write!(f, "it wrote something only when its input was closed: {}", quote(line))
            }
            Cause::Nothing(true, kind) if kind == "init" => write!(f, "it wrote nothing to standard output"),
            Cause::Nothing(true, kind) => write!(f, "it wrote nothing after `{kind}`"),
            Cause::Nothing(false, kind) if kind == "init" => write!(f, "it sent nothing"),
            Cause::Nothing(false, kind) => write!(f, "it sent nothing after `{kind}`"),
        }
    }
}

impl Cause {
    /// What to do about it.
    pub(super) fn advice(&self) -> Option<String> {
        let text = match self {
            Cause::NoInReplyTo(_) | Cause::OtherInReplyTo(..) => {
                "an answer's `in_reply_to` is the `msg_id` of its request, the same integer"
            }
            Cause::Unreadable(..) | Cause::Late(_) => return None,
            Cause::OtherDest(..) => "an answer's `dest` is the `src` of its request",
            Cause::OtherSrc(..) => "a message's `src` is the node's own name, the `node_id` of init",
            Cause::NoLineBreak(_) => "end each message with a newline, and flush standard output",
            Cause::NoMessage(..) => {
                "standard output is for messages, one JSON object a line; write logs to standard error"
            }
            Cause::OnlyOthers(..) => "each request needs an answer to its `src`",
            Cause::HeldBack(_) => "flush standard output after each message",
            Cause::Nothing(true, kind) => {
                return Some(format!("is standard output flushed after each message? is `{kind}` handled?"));
            }
            Cause::Nothing(false, kind) => return Some(format!("is `{kind}` handled?")),
        };
        Some(text.to_owned())
    }
}

/// What stands behind `in_reply_to` as it was spelt: `1.0`, where a number would be shown as `1`.
fn written(body: &str) -> Option<String> {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body).ok()?;
    members.get("in_reply_to").map(ToString::to_string)
}

/// Whom a node has to answer, and whose names there are.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Asked<'a> {
    /// The node.
    pub node: &'a str,
    /// The client that asked it. It has asked nothing else.
    pub client: &'a str,
    /// All nodes.
    pub nodes: &'a [String],
}

/// Finds out why a node has not answered, and what it wrote last. It is closed for that if nothing else tells.
pub(in crate::bench) fn examine(
    cluster: &mut dyn Cluster,
    node: usize,
    journal: &Journal,
    asked: Asked<'_>,
) -> (Cause, Vec<String>) {
    let before = cluster.written(node);
    let cause = why_unanswered(journal, asked, &before);
    if !matches!(cause, Cause::Nothing(..)) {
        return (cause, before.tail);
    }
    cluster.end_input(node);
    let after = cluster.written(node);
    let bytes = |written: &Written| written.pipe.as_ref().map_or(0, |pipe| pipe.bytes);
    if bytes(&after) == bytes(&before) {
        return (cause, after.tail);
    }
    let is_new = |line: &&String| line.starts_with("stdout: ") && !before.tail.contains(line);
    let line = after.tail.iter().find(is_new).and_then(|line| line.strip_prefix("stdout: "));
    (Cause::HeldBack(line.unwrap_or_default().to_owned()), after.tail)
}

/// Why a node has not answered, by what it has sent since it was asked and what it has written.
pub(in crate::bench) fn why_unanswered(journal: &Journal, asked: Asked<'_>, written: &Written) -> Cause {
    let Asked { node, client, nodes } = asked;
    let is_request = |message: &MessageId| journal.src(*message) == client && journal.dest(*message) == node;
    let request = journal.messages().rev().find(is_request);
    let request_body =
        request.and_then(|request| Value::from_json(journal.body(request)).ok()).unwrap_or_default();
    let msg_id = request_body.get("msg_id").and_then(Value::as_i64).unwrap_or_default();
    let kind = request_body.get("type").and_then(Value::as_str).unwrap_or_default();
    let since = || request.map_or(0..0, |request| request + 1..journal.messages().end);
    let body = |message: MessageId| journal.body(message).to_owned();
    let dest = |message: MessageId| journal.dest(message).to_owned();
    let own = || since().filter(|message| journal.src(*message) == node);

    if let Some(message) = since().find(|message| journal.dest(*message) == client) {
        return no_answer(body(message), msg_id);
    }
    let answer = format!("{kind}_ok");
    let is_answer = |message: &MessageId| {
        let body = Value::from_json(journal.body(*message)).unwrap_or_default();
        body.get("type").and_then(Value::as_str) == Some(&answer)
    };
    if let Some(message) = own().find(is_answer) {
        return Cause::OtherDest(body(message), dest(message), client.to_owned());
    }
    let pipe = written.pipe.as_ref();
    if let Some(partial) = pipe.and_then(|pipe| pipe.partial.clone()) {
        return Cause::NoLineBreak(partial);
    }
    if let Some((line, why)) = pipe.and_then(|pipe| pipe.junk.clone()) {
        return Cause::NoMessage(line, why);
    }
    if let Some(first) = own().next() {
        return Cause::OnlyOthers(own().count(), body(first), dest(first), client.to_owned());
    }
    let exists = |name: &str| {
        let is_client = name.strip_prefix('c').is_some_and(|number| number.parse::<usize>().is_ok());
        is_client || nodes.iter().any(|node| node == name) || services::NAMES.contains(&name)
    };
    if let Some(message) = since().find(|message| !exists(journal.src(*message))) {
        return Cause::OtherSrc(body(message), journal.src(message).to_owned(), node.to_owned());
    }
    Cause::Nothing(pipe.is_some(), kind.to_owned())
}

/// Why a message to whoever asked is no answer.
fn no_answer(body: String, msg_id: i64) -> Cause {
    let read = match Value::from_json(&body) {
        Ok(read) => read,
        Err(error) => return Cause::Unreadable(body, error.to_string()),
    };
    match read.get("in_reply_to") {
        None => Cause::NoInReplyTo(body),
        Some(Value::Int(said)) if *said == msg_id => Cause::Late(body),
        Some(said) => Cause::OtherInReplyTo(body, said.clone(), msg_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::cluster::Pipe;

    /// Why n1 has not answered `init` of c0, when these messages came since: source, destination, body.
    fn why(messages: &[(&str, &str, &str)], written: &Written) -> Cause {
        let mut journal = Journal::default();
        journal.send(0, "c0", "n1", r#"{"type":"init","msg_id":1}"#);
        journal.send(0, "c1", "n2", r#"{"type":"init","msg_id":1}"#);
        for (src, dest, body) in messages {
            journal.send(1, src, dest, body);
        }
        let nodes = ["n1", "n2"].map(str::to_owned);
        why_unanswered(&journal, Asked { node: "n1", client: "c0", nodes: &nodes }, written)
    }

    fn told(messages: &[(&str, &str, &str)]) -> String {
        why(messages, &Written { pipe: Some(Pipe::default()), ..Written::default() }).to_string()
    }

    #[test]
    fn a_message_that_quotes_the_request_wrongly_is_shown_with_what_it_quotes() {
        for (in_reply_to, expected) in [
            ("", "it sent a message without `in_reply_to`: "),
            (r#","in_reply_to":null"#, "it sent a message whose `in_reply_to` is null, and not 1: "),
            (
                r#","in_reply_to":"1""#,
                r#"it sent a message whose `in_reply_to` is "1", which is a string, and not 1: "#,
            ),
            (r#","in_reply_to":17"#, "it sent a message whose `in_reply_to` is 17, and not 1: "),
            (
                r#","in_reply_to":1.0"#,
                "it sent a message whose `in_reply_to` is 1.0, which is not an integer, and not 1: ",
            ),
            (
                r#","in_reply_to":[1]"#,
                "it sent a message whose `in_reply_to` is [1], which is not a number, and not 1: ",
            ),
        ] {
            let body = format!(r#"{{"type":"init_ok"{in_reply_to}}}"#);
            assert_eq!(told(&[("n1", "c0", &body)]), format!("{expected}{body}"));
        }
    }

    #[test]
    fn an_answer_to_somebody_else_is_told_from_a_message_to_a_peer() {
        let ok = r#"{"type":"init_ok","in_reply_to":1}"#;
        assert_eq!(
            told(&[("n1", "n2", r#"{"type":"hello"}"#), ("n1", "n1", ok)]),
            format!(r#"it sent its answer to "n1" and not to "c0", who asked: {ok}"#)
        );
        assert_eq!(
            told(&[("n1", "n2", r#"{"type":"hello"}"#), ("n2", "c1", ok)]),
            r#"it sent a message to "n2" and none to "c0", who asked: {"type":"hello"}"#
        );
        assert_eq!(
            told(&[("echo", "c", ok)]),
            format!(r#"a message came from "echo", who does not exist, and none from "n1": {ok}"#)
        );
    }

    #[test]
    fn what_other_nodes_send_is_not_held_against_this_one() {
        let ok = r#"{"type":"init_ok","in_reply_to":1}"#;
        assert_eq!(told(&[("n2", "c1", ok), ("n2", "n1", "{}")]), "it wrote nothing to standard output");
        assert_eq!(why(&[], &Written::default()), Cause::Nothing(false, "init".to_owned()));
    }

    #[test]
    fn a_line_without_an_end_counts_before_lines_that_are_no_messages() {
        let junk = Some(("starting".to_owned(), "not JSON".to_owned()));
        let partial = Some(Partial { bytes: 300, begin: "x".repeat(300) });
        let pipe = Pipe { bytes: 310, partial, junk };
        let written = Written { pipe: Some(pipe.clone()), ..Written::default() };
        let text = why(&[], &written).to_string();
        assert_eq!(text, format!("it wrote 300 bytes without a newline: {}…", "x".repeat(200)));
        let written = Written { pipe: Some(Pipe { partial: None, ..pipe }), ..Written::default() };
        assert_eq!(
            why(&[], &written).to_string(),
            "a line of its output is not a message: not JSON: starting"
        );
    }
}
