//! What the three key-value services have in common: their requests, and what a request does to the value
//! under its key (spec §8.1). Which value that is, a consistency model decides.

use super::{Unanswered, in_reply_to};
use crate::checker::Value;
use crate::protocol::{Body, ErrorCode, json, write_error_body};

/// A request to a key-value store.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    pub key: Value,
    pub operation: Operation,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operation {
    Read,
    Write(Value),
    Cas {
        from: Value,
        to: Value,
        /// Whether a missing key is made, whatever `from` is.
        create: bool,
    },
}

/// What an operation did.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    /// The body of the reply, without `in_reply_to`.
    pub reply: String,
    /// What the key now holds, if the operation has written.
    pub written: Option<Value>,
}

impl Outcome {
    /// Whether the store is another than before, when the key held `current`.
    pub fn changes(&self, current: Option<&Value>) -> bool {
        self.written.is_some() && self.written.as_ref() != current
    }
}

impl Operation {
    /// Applies the operation to what the key holds; `None` is a key that does not exist.
    pub fn apply(&self, current: Option<&Value>) -> Outcome {
        match (self, current) {
            (Operation::Write(value), _) => written("write_ok", value),
            (Operation::Read, Some(value)) => {
                Outcome { reply: format!(r#"{{"type":"read_ok","value":{value}}}"#), written: None }
            }
            (Operation::Cas { from, to, .. }, Some(current)) if from == current => written("cas_ok", to),
            (Operation::Cas { to, create: true, .. }, None) => written("cas_ok", to),
            (Operation::Cas { from, .. }, Some(current)) => {
                failed(ErrorCode::PRECONDITION_FAILED, &format!("current value {current} is not {from}"))
            }
            (Operation::Read | Operation::Cas { .. }, None) => {
                failed(ErrorCode::KEY_DOES_NOT_EXIST, "key does not exist")
            }
        }
    }
}

fn written(kind: &str, value: &Value) -> Outcome {
    Outcome { reply: format!(r#"{{"type":"{kind}"}}"#), written: Some(value.clone()) }
}

fn failed(code: ErrorCode, text: &str) -> Outcome {
    Outcome { reply: error(code, text), written: None }
}

fn error(code: ErrorCode, text: &str) -> String {
    let mut body = Vec::new();
    write_error_body(&mut body, code.0, text);
    String::from_utf8(body).expect("JSON is UTF-8")
}

/// Reads a request and answers it with what `serve` replies. A request that lacks something gets error 12.
pub(super) fn answer(body: &str, serve: impl FnOnce(Request) -> String) -> Result<String, Unanswered> {
    let head = Body::scan(body).map_err(Unanswered::not_an_object)?;
    let fields = Fields::scan(body).map_err(Unanswered::not_an_object)?;
    let operation = if head.is("read") {
        Ok(Operation::Read)
    } else if head.is("write") {
        fields.write()
    } else if head.is("cas") {
        fields.cas()
    } else {
        return Err(Unanswered::unknown_type("a key-value store knows `read`, `write` and `cas`", &head));
    };
    let request =
        operation.and_then(|operation| Ok(Request { key: required("key", fields.key)?, operation }));
    let reply = request.map_or_else(|reason| error(ErrorCode::MALFORMED_REQUEST, &reason), serve);
    Ok(in_reply_to(head.msg_id.as_ref(), reply))
}

/// The arguments of a request, as they stand in its text.
#[derive(Default)]
struct Fields<'a> {
    key: Option<&'a str>,
    value: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    create: bool,
}

impl<'a> Fields<'a> {
    fn scan(body: &'a str) -> Result<Fields<'a>, json::SyntaxError> {
        let mut fields = Fields::default();
        json::scan_object(body, |member| {
            let value = &body[member.value];
            if member.key.is("key") {
                fields.key = Some(value);
            } else if member.key.is("value") {
                fields.value = Some(value);
            } else if member.key.is("from") {
                fields.from = Some(value);
            } else if member.key.is("to") {
                fields.to = Some(value);
            } else if member.key.is("create_if_not_exists") {
                fields.create = !matches!(value, "null" | "false");
            }
        })?;
        Ok(fields)
    }

    fn write(&self) -> Result<Operation, String> {
        Ok(Operation::Write(required("value", self.value)?))
    }

    /// `from` may be missing where it may not matter; it counts as `null` then, as in Maelstrom.
    fn cas(&self) -> Result<Operation, String> {
        let from = if self.create { self.from.or(Some("null")) } else { self.from };
        Ok(Operation::Cas {
            from: required("from", from)?,
            to: required("to", self.to)?,
            create: self.create,
        })
    }
}

fn required(name: &str, field: Option<&str>) -> Result<Value, String> {
    let text = field.ok_or_else(|| format!("`{name}` is missing"))?;
    Value::from_json(text).map_err(|error| format!("`{name}`: {error}"))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::super::Service;
    use super::*;
    use crate::bench::random::{Seed, Stream};

    /// A service, and a short way to talk to it.
    pub struct Talk<S>(pub S, Stream);

    impl<S: Service> Talk<S> {
        pub fn to(service: S) -> Talk<S> {
            Talk(service, Seed(1).stream("test", 0))
        }

        /// The reply, without `in_reply_to`.
        fn ask(&mut self, src: &str, request: &str) -> String {
            let request = format!(r#"{{"msg_id":1,{request}}}"#);
            let reply = self.0.handle(src, &request, &mut self.1).unwrap();
            reply.strip_suffix(r#","in_reply_to":1}"#).unwrap()[1..].to_owned()
        }

        /// What a key holds; `None` if it does not exist.
        pub fn read(&mut self, src: &str, key: &str) -> Option<String> {
            let reply = self.ask(src, &format!(r#""type":"read","key":{key}"#));
            match reply.strip_prefix(r#""type":"read_ok","value":"#) {
                Some(value) => Some(value.to_owned()),
                None => {
                    assert_eq!(reply, r#""type":"error","code":20,"text":"key does not exist""#);
                    None
                }
            }
        }

        pub fn write(&mut self, src: &str, key: &str, value: impl std::fmt::Display) {
            let reply = self.ask(src, &format!(r#""type":"write","key":{key},"value":{value}"#));
            assert_eq!(reply, r#""type":"write_ok""#);
        }

        /// The error code, 0 if there is none.
        pub fn cas(&mut self, src: &str, key: &str, from: &str, to: &str, create: bool) -> u32 {
            let request = format!(
                r#""type":"cas","key":{key},"from":{from},"to":{to},"create_if_not_exists":{create}"#
            );
            let reply = self.ask(src, &request);
            if reply == r#""type":"cas_ok""# {
                return 0;
            }
            let code =
                reply.strip_prefix(r#""type":"error","code":"#).and_then(|rest| rest.split(',').next());
            code.unwrap().parse().unwrap()
        }
    }

    fn reply_to(body: &str) -> String {
        answer(body, |request| request.operation.apply(Some(&Value::Int(4))).reply).unwrap()
    }

    #[test]
    fn replies_have_exactly_the_documented_fields() {
        for (request, reply) in [
            (r#"{"type":"read","key":"x","msg_id":1}"#, r#"{"type":"read_ok","value":4,"in_reply_to":1}"#),
            (
                r#"{"type":"cas","key":"x","from":4,"to":1,"msg_id":3}"#,
                r#"{"type":"cas_ok","in_reply_to":3}"#,
            ),
            (
                r#"{"type":"cas","key":"x","from":"9","to":1,"msg_id":6}"#,
                r#"{"type":"error","code":22,"text":"current value 4 is not \"9\"","in_reply_to":6}"#,
            ),
        ] {
            assert_eq!(reply_to(request), reply);
        }
    }

    #[test]
    fn a_malformed_request_gets_error_12() {
        let deep = format!(r#"{{"type":"write","key":1,"value":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
        for (request, reason) in [
            (r#"{"type":"read"}"#, "`key` is missing"),
            (r#"{"type":"write","key":1}"#, "`value` is missing"),
            (r#"{"type":"cas","key":1,"to":1}"#, "`from` is missing"),
            (r#"{"type":"cas","key":1,"from":1}"#, "`to` is missing"),
            (deep.as_str(), "`value`: byte 128: nested too deeply"),
        ] {
            let expected = format!(r#"{{"type":"error","code":12,"text":"{reason}","in_reply_to":null}}"#);
            assert_eq!(reply_to(request), expected);
        }
    }

    #[test]
    fn anything_but_null_and_false_asks_for_a_missing_key_to_be_made() {
        for (flag, creates) in
            [("true", true), ("0", true), (r#""""#, true), ("false", false), ("null", false)]
        {
            let body = format!(r#"{{"type":"cas","key":1,"from":2,"to":3,"create_if_not_exists":{flag}}}"#);
            let operation = Fields::scan(&body).unwrap().cas().unwrap();
            assert_eq!(operation.apply(None).written.is_some(), creates, "{flag}");
        }
    }

    #[test]
    fn a_cas_that_may_create_may_leave_out_from() {
        let body = r#"{"type":"cas","key":1,"to":3,"create_if_not_exists":true}"#;
        let operation = Fields::scan(body).unwrap().cas().unwrap();
        assert_eq!(operation.apply(None).written, Some(Value::Int(3)));
        assert_eq!(operation.apply(Some(&Value::Int(4))).written, None);
    }

    #[test]
    fn null_is_a_value_like_any_other() {
        let outcome = Operation::Read.apply(Some(&Value::Null));
        assert_eq!(outcome.reply, r#"{"type":"read_ok","value":null}"#);
        let cas = Operation::Cas { from: Value::Null, to: Value::Int(1), create: false };
        assert_eq!(cas.apply(Some(&Value::Null)).written, Some(Value::Int(1)));
    }

    proptest! {
        #[test]
        fn no_request_makes_a_service_panic(
            members in prop::collection::vec((
                prop::sample::select(vec!["type", "key", "value", "from", "to", "msg_id"]),
                r#""(read|write|cas)"|1|null|[a-z0-9"\\\[{},:]{0,6}"#,
            ), 0..6)
        ) {
            let members: Vec<_> = members.iter().map(|(key, value)| format!(r#""{key}":{value}"#)).collect();
            let body = format!("{{{}}}", members.join(","));
            if let Ok(reply) = answer(&body, |request| request.operation.apply(None).reply) {
                prop_assert!(json::scan_object(&reply, |_| {}).is_ok(), "{}", reply);
            }
        }
    }
}
