//! The services every node of a cluster can call: `lin-kv`, `seq-kv`, `lww-kv` and `lin-tso` (spec §8). Each
//! is a pure store wrapped in a consistency model: request in, reply out, at once. The network before and
//! behind them is not theirs, nor is the clock.

mod kv;
mod lin_kv;
mod lin_tso;
mod lww_kv;
mod seq_kv;

use std::fmt;
use std::num::NonZeroUsize;

use super::random::{Seed, Stream};
use crate::protocol::json::{RawStr, SyntaxError};
use crate::protocol::{Body, MsgId};

pub use lin_kv::LinKv;
pub use lin_tso::LinTso;
pub use lww_kv::LwwKv;
pub use seq_kv::SeqKv;

/// The ids of the services.
pub const NAMES: [&str; 4] = ["lin-kv", "seq-kv", "lww-kv", "lin-tso"];

/// How many replicas `lww-kv` has in Maelstrom (spec §8.4).
pub const LWW_REPLICAS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// A service.
pub trait Service: Send {
    /// The body of the reply to a request of `src`. It quotes the request's `msg_id`, or `null` if there was
    /// none.
    fn handle(&mut self, src: &str, body: &str, rng: &mut Stream) -> Result<String, Unanswered>;
}

/// Why a service does not answer a message; for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered(String);

impl Unanswered {
    fn not_an_object(error: SyntaxError) -> Unanswered {
        Unanswered(format!("the message is not a JSON object: {error}"))
    }

    /// `known` is what the service knows.
    fn unknown_type(known: &str, head: &Body<'_>) -> Unanswered {
        Unanswered(match head.kind.and_then(RawStr::decode) {
            Some(kind) => format!("{known}, not `{kind}`"),
            None => format!("{known}; the message has no type"),
        })
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unanswered {}

/// All services of a cluster, each with its random stream.
pub struct Services(Vec<(&'static str, Box<dyn Service>, Stream)>);

impl Services {
    /// Empty stores. `lww_replicas` is the number of replicas behind `lww-kv`, [`LWW_REPLICAS`] in Maelstrom; whether
    /// they learn from each other, `lww_merge` says, and in Maelstrom they do not.
    pub fn new(seed: Seed, lww_replicas: NonZeroUsize, lww_merge: bool) -> Services {
        let services: [Box<dyn Service>; 4] = [
            Box::new(LinKv::default()),
            Box::new(SeqKv::default()),
            Box::new(LwwKv::new(lww_replicas, lww_merge)),
            Box::new(LinTso::default()),
        ];
        let named = NAMES.into_iter().zip(services);
        Services(named.map(|(name, s)| (name, s, seed.stream(&format!("service/{name}"), 0))).collect())
    }

    /// Has a service handle a message; `None` if it does not exist.
    pub fn handle(&mut self, service: &str, src: &str, body: &str) -> Option<Result<String, Unanswered>> {
        let (_, service, rng) = self.0.iter_mut().find(|(name, ..)| *name == service)?;
        Some(service.handle(src, body, rng))
    }
}

/// Completes a reply, which is a JSON object with at least one member.
fn in_reply_to(msg_id: Option<&MsgId>, mut reply: String) -> String {
    reply.pop();
    reply.push_str(r#","in_reply_to":"#);
    match msg_id {
        None => reply.push_str("null"),
        Some(MsgId::Int(number)) => reply.push_str(itoa::Buffer::new().format(*number)),
        Some(MsgId::Other(text)) => reply.push_str(text),
    }
    reply.push('}');
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services() -> Services {
        Services::new(Seed(1), LWW_REPLICAS, false)
    }

    #[test]
    fn every_service_answers_under_its_name() {
        let mut services = services();
        for name in ["lin-kv", "seq-kv", "lww-kv"] {
            let reply =
                services.handle(name, "n1", r#"{"type":"write","key":"x","value":3,"msg_id":2}"#).unwrap();
            assert_eq!(reply.unwrap(), r#"{"type":"write_ok","in_reply_to":2}"#);
        }
        let reply = services.handle("lin-tso", "n1", r#"{"type":"ts","msg_id":1}"#).unwrap();
        assert_eq!(reply.unwrap(), r#"{"type":"ts_ok","ts":0,"in_reply_to":1}"#);
        assert!(services.handle("n1", "n1", "{}").is_none());
    }

    #[test]
    fn an_unknown_type_gets_no_reply_but_a_reason() {
        let mut services = services();
        let mut reason =
            |service, body| services.handle(service, "n1", body).unwrap().unwrap_err().to_string();
        assert_eq!(
            reason("lin-kv", r#"{"type":"delete","key":1,"msg_id":1}"#),
            "a key-value store knows `read`, `write` and `cas`, not `delete`"
        );
        assert_eq!(reason("lin-tso", r#"{"msg_id":1}"#), "lin-tso knows `ts`; the message has no type");
        assert_eq!(reason("seq-kv", "{"), "the message is not a JSON object: unexpected end at byte 1");
    }

    #[test]
    fn a_request_number_is_quoted_as_it_was_spelt() {
        let mut services = services();
        for (field, quoted) in [
            (r#","msg_id":1.0"#, "1.0"),
            (r#","msg_id":"a""#, r#""a""#),
            (r#","msg_id":null"#, "null"),
            ("", "null"),
        ] {
            let request = format!(r#"{{"type":"write","key":"x","value":3{field}}}"#);
            let reply = services.handle("lin-kv", "n1", &request).unwrap().unwrap();
            assert_eq!(reply, format!(r#"{{"type":"write_ok","in_reply_to":{quoted}}}"#));
        }
    }
}
