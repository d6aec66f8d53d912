//! Bodies between Rust and JSON. An enum is a set of messages: the variant's name is the `type` of the body, its fields
//! are the body's other fields. No attribute says so; the adapters here read and write plain serde enums that way.
//!
//! serde's own `#[serde(tag = "type")]` does the same but buffers the whole body first, which costs time and loses
//! [`RawValue`](serde_json::value::RawValue), the only type that carries any JSON unchanged. Types with that attribute
//! work here too.

mod de;
mod ser;
mod trusting;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorCode, Result};

/// The name under which serde_json's `RawValue` asks for the text of a value, and hands it over. Should it change, a
/// `RawValue` is read as serde_json reads it, and a test fails that writes one as a body.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Reads a body. Errors: 10 for a `type` that the enum does not know, 12 for anything else.
pub(crate) fn from_body<T: DeserializeOwned>(json: &str) -> Result<T> {
    trusting::from_body(json).or_else(|_| de::from_body(json))
}

/// Writes a body to `out`, an object. `None` and `()` write nothing and return false.
pub(crate) fn to_body<T: Serialize + ?Sized>(body: &T, out: &mut Vec<u8>) -> Result<bool> {
    let written = body.serialize(ser::Body::new(out));
    written.map_err(|error| Error::new(ErrorCode::Crash, format!("cannot write the body: {error}")))
}

/// Reads a plain JSON value: one from a key-value store, a timestamp.
pub(crate) fn from_value<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json)
        .map_err(|error| Error::new(ErrorCode::Crash, format!("unexpected value: {error}")))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Plain {
        Read,
        AddAll { delta: i64, of: Vec<String> },
        Wrapped(Inner),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        x: Option<bool>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Tagged {
        Read,
        AddAll { delta: i64 },
    }

    #[derive(Debug, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    enum Strict {
        Echo { echo: Box<RawValue> },
        Numbered { msg_id: u64 },
    }

    fn written<T: Serialize + ?Sized>(body: &T) -> String {
        let mut out = Vec::new();
        assert!(to_body(body, &mut out).expect("a body"));
        String::from_utf8(out).expect("UTF-8")
    }

    fn refusal<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> (u32, String) {
        let error = from_body::<T>(json).expect_err("refused");
        (error.code.number(), error.text)
    }

    #[test]
    fn a_type_with_an_escape_is_read_before_it_is_taken_for_another() {
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Open {
            Read,
            #[serde(other)]
            Other,
        }
        assert_eq!(from_body::<Open>(r#"{"type":"\u0072ead"}"#).expect("a message"), Open::Read);
        assert_eq!(from_body::<Open>(r#"{"type":"write"}"#).expect("a message"), Open::Other);
    }

    #[test]
    fn a_variant_is_a_type_and_its_fields_are_the_rest() {
        for (body, json) in [
            (Plain::Read, r#"{"type":"read"}"#),
            (
                Plain::AddAll { delta: -3, of: vec!["a".into()] },
                r#"{"type":"add_all","delta":-3,"of":["a"]}"#,
            ),
            (Plain::Wrapped(Inner { x: None }), r#"{"type":"wrapped","x":null}"#),
        ] {
            assert_eq!(written(&body), json);
            assert_eq!(from_body::<Plain>(json), Ok(body));
        }
    }

    #[test]
    fn the_type_may_stand_anywhere_and_be_escaped() {
        for json in [
            r#"{"delta":1,"of":[],"type":"add_all","msg_id":9}"#,
            r#" { "x" : {"type":"read"}, "delta":1, "\u0074ype" : "add\u005fall", "of":[] } "#,
        ] {
            assert_eq!(from_body::<Plain>(json), Ok(Plain::AddAll { delta: 1, of: vec![] }), "{json}");
        }
    }

    #[test]
    fn serdes_own_tags_work_too() {
        assert_eq!(written(&Tagged::AddAll { delta: 2 }), r#"{"type":"add_all","delta":2}"#);
        assert_eq!(from_body::<Tagged>(r#"{"msg_id":1,"type":"read"}"#), Ok(Tagged::Read));
        assert_eq!(refusal::<Tagged>(r#"{"type":"write"}"#).0, 10);
        assert_eq!(refusal::<Tagged>(r#"{"type":"add_all","delta":"x"}"#).0, 12);
    }

    #[test]
    fn an_unknown_type_is_not_supported() {
        let (code, text) = refusal::<Plain>(r#"{"type":"write","msg_id":1}"#);
        assert_eq!(
            (code, text.as_str()),
            (10, "unknown variant `write`, expected one of `read`, `add_all`, `wrapped`")
        );
    }

    #[test]
    fn an_unknown_variant_inside_a_known_message_is_malformed() {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(dead_code, reason = "only ever refused")]
        enum Nested {
            Set { colour: Colour },
        }
        #[derive(Debug, Deserialize)]
        enum Colour {}
        assert_eq!(refusal::<Nested>(r#"{"type":"set","colour":"red"}"#).0, 12);
    }

    #[test]
    fn what_does_not_parse_is_malformed_with_position_and_reason() {
        let (code, text) = refusal::<Plain>(r#"{"type":"add_all","delta":"x"}"#);
        assert_eq!(code, 12);
        assert_eq!(text, r#"invalid type: string "x", expected i64 at line 1 column 29"#);
        assert_eq!(refusal::<Plain>(r#"{"delta":1}"#), (12, "missing field `type`".into()));
        assert_eq!(refusal::<Plain>(r#"{"type":7}"#), (12, "missing field `type`".into()));
        assert_eq!(refusal::<Plain>(r#"{"type":"add_all"}"#).1, "missing field `delta` at line 1 column 18");
    }

    #[test]
    fn reserved_fields_pass_a_strict_enum_and_unknown_ones_do_not() {
        assert!(from_body::<Strict>(r#"{"type":"echo","echo":1,"msg_id":3,"in_reply_to":2}"#).is_ok());
        assert!(matches!(from_body(r#"{"msg_id":3,"type":"numbered"}"#), Ok(Strict::Numbered { msg_id: 3 })));
        assert_eq!(refusal::<Strict>(r#"{"type":"echo","echo":1,"more":3}"#).0, 12);
    }

    #[test]
    fn raw_json_passes_byte_for_byte() {
        let values =
            ["12345678901234567890123", "1.0", "1e2", r#"{"b":1, "a":[1,1],"b":{}}"#, r#""\u00e9\ud800\/""#];
        for value in values {
            let json = format!(r#"{{"type":"echo","echo":{value}}}"#);
            let body: Strict = from_body(&json).expect("any JSON");
            assert_eq!(written(&body), json);
        }
    }

    /// The fast reader looks at sixteen bytes at a time, at the end of a text at its last sixteen.
    #[test]
    fn texts_of_any_length_are_read_fast_and_right() {
        for length in 0..100 {
            let text = "x".repeat(length);
            for value in
                [format!("\"{text}\""), format!("\"{text}\\\"\""), format!("1{}", "0".repeat(length))]
            {
                for json in [
                    format!(r#"{{"type":"echo","echo":{value}}}"#),
                    format!(r#"{{"echo":{value},"type":"echo"}}"#),
                    format!(r#" {{ "{text}":null , "echo" : {value} , "type" : "echo" }} "#),
                ] {
                    #[derive(Deserialize)]
                    #[serde(rename_all = "snake_case")]
                    enum Lenient {
                        Echo { echo: Box<RawValue> },
                    }
                    let Lenient::Echo { echo } = trusting::from_body(&json).expect("nothing unusual");
                    assert_eq!(echo.get(), value, "{json}");
                }
            }
            for json in
                [format!(r#"{{"type":"{text}"#), format!(r#"{{"type":"echo","echo":{}"#, "1".repeat(length))]
            {
                assert_eq!(refusal::<Strict>(&json).0, 12, "{json}");
            }
        }
    }

    #[test]
    fn names_are_escaped_where_they_have_to_be() {
        #[derive(Serialize)]
        enum Odd {
            #[serde(rename = "say \"é\"")]
            Say {
                #[serde(rename = "a\nb")]
                text: u8,
                plain_1: u8,
            },
            #[serde(rename = "\\")]
            Unit,
        }
        assert_eq!(
            written(&Odd::Say { text: 1, plain_1: 2 }),
            r#"{"type":"say \"é\"","a\nb":1,"plain_1":2}"#
        );
        assert_eq!(written(&Odd::Unit), r#"{"type":"\\"}"#);
    }

    #[test]
    fn a_map_in_a_variant_is_its_fields() {
        use std::collections::BTreeMap;
        #[derive(Serialize)]
        #[serde(rename_all = "snake_case")]
        enum Topology {
            Topology(BTreeMap<u8, Vec<&'static str>>),
        }
        let topology = [(1, vec!["n2"]), (2, vec![])].into();
        assert_eq!(written(&Topology::Topology(topology)), r#"{"type":"topology","1":["n2"],"2":[]}"#);
        assert_eq!(written(&Topology::Topology(BTreeMap::new())), r#"{"type":"topology"}"#);
        assert_eq!(written(&BTreeMap::<String, u8>::new()), "{}");
        assert!(to_body(&BTreeMap::from([(vec![1], 1)]), &mut Vec::new()).is_err());
    }

    #[test]
    fn deep_nesting_is_carried_raw_and_refused_when_built() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(from_body::<Strict>(&format!(r#"{{"type":"echo","echo":{deep}}}"#)).is_ok());
        assert_eq!(refusal::<serde_json::Value>(&format!(r#"{{"type":"echo","echo":{deep}}}"#)).0, 12);
    }

    #[test]
    fn none_and_unit_are_no_body() {
        let mut out = Vec::new();
        assert_eq!(to_body(&None::<Plain>, &mut out), Ok(false));
        assert_eq!(to_body(&(), &mut out), Ok(false));
        assert_eq!(written(&Some(Plain::Read)), r#"{"type":"read"}"#);
        assert!(out.is_empty());
    }

    #[test]
    fn structs_maps_and_raw_objects_are_bodies_and_other_values_are_not() {
        assert_eq!(written(&Inner { x: Some(true) }), r#"{"x":true}"#);
        assert_eq!(written(&serde_json::json!({"type": "x", "y": [1]})), r#"{"type":"x","y":[1]}"#);
        assert_eq!(written(&*RawValue::from_string(r#"{"a": 1e2}"#.into()).expect("JSON")), r#"{"a": 1e2}"#);
        for refused in [serde_json::json!(1), serde_json::json!("x"), serde_json::json!([1])] {
            assert!(to_body(&refused, &mut Vec::new()).is_err());
        }
    }
}
