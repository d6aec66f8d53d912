//! What replies to clients must look like (spec §3.3), as data, and what is wrong with one that does not, in words.
//! Error replies have no schema; they never come here.

use std::fmt;

use crate::checker::Value;
use crate::protocol::excerpt;

/// Values are told up to this many characters.
const EXCERPT: usize = 60;

/// The body of one kind of reply: its `type`, at most one field of its own, the integer `in_reply_to`, perhaps an
/// integer `msg_id`, and nothing else.
#[derive(Debug)]
pub struct Schema {
    kind: &'static str,
    content: Option<(&'static str, Type)>,
}

/// What may stand in a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Type {
    /// Anything, `null` too.
    Any,
    /// An integer of any size. `3.0` is none.
    Integer,
    /// An integer that fits 64 bits.
    Int64,
    /// An array of such values; `null` is an empty one.
    List(&'static Type),
    /// An object of such values.
    Map(&'static Type),
    /// An array of exactly these.
    Tuple(&'static [Type]),
    /// This string.
    Word(&'static str),
    /// A value of one of these types.
    OneOf(&'static [Type]),
}

/// Why a reply is not the one that was due; all its faults in one sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

impl Schema {
    /// A reply that says only that the request was carried out.
    pub(super) const fn acknowledgement(kind: &'static str) -> Schema {
        Schema { kind, content: None }
    }

    /// A reply with one field.
    pub(super) const fn with(kind: &'static str, field: &'static str, content: Type) -> Schema {
        Schema { kind, content: Some((field, content)) }
    }

    /// Takes what the reply has to say: the value of its field, an empty list if that is a list of `null`; and `null`
    /// for a mere acknowledgement.
    pub fn accept(&self, mut body: Value) -> Result<Value, Malformed> {
        self.check(&body)?;
        let Some((field, content)) = &self.content else { return Ok(Value::Null) };
        match (content, body.take(field).unwrap_or_default()) {
            (Type::List(_), Value::Null) => Ok(Value::List(Vec::new())),
            (_, value) => Ok(value),
        }
    }

    /// Whether this is the body of such a reply.
    pub fn check(&self, body: &Value) -> Result<(), Malformed> {
        let Some(entries) = body.as_map() else {
            return Err(Malformed(format!("a body must be an object, got {}", shown(body))));
        };
        self.check_kind(body.get("type"))?;
        let mut faults = Vec::new();
        let content = self.content.iter().copied();
        for (field, expected) in content.chain([("in_reply_to", Type::Integer)]) {
            match body.get(field) {
                None => faults.push(format!("`{field}` is missing, {}", expected.as_requirement())),
                Some(value) => faults.extend(expected.fault(&Place::Field(field), value)),
            }
        }
        faults.extend(body.get("msg_id").and_then(|id| Type::Integer.fault(&Place::Field("msg_id"), id)));
        let unexpected =
            entries.iter().filter_map(|(key, _)| key.as_str()).filter(|key| !self.has_field(key));
        faults.extend(unexpected.map(|key| format!("unexpected field `{key}`")));
        if faults.is_empty() { Ok(()) } else { Err(Malformed(faults.join("; "))) }
    }

    fn check_kind(&self, kind: Option<&Value>) -> Result<(), Malformed> {
        let got = match kind {
            Some(Value::Str(kind)) if **kind == *self.kind => return Ok(()),
            Some(Value::Str(kind)) => format!("got {kind}"),
            Some(other) => format!("got {}", shown(other)),
            None => "but there is no `type`".to_owned(),
        };
        Err(Malformed(format!("{}, {got}", self.expected())))
    }

    /// What is due, for whoever got something else.
    pub fn expected(&self) -> String {
        format!("expected type {}", self.kind)
    }

    fn has_field(&self, key: &str) -> bool {
        matches!(key, "type" | "in_reply_to" | "msg_id")
            || self.content.is_some_and(|(field, _)| field == key)
    }
}

impl Type {
    /// What is wrong with the value at this place, if anything.
    fn fault(&self, place: &Place<'_>, value: &Value) -> Option<String> {
        let fits = match (self, value) {
            (Type::List(element), Value::List(values)) => {
                let mut values = values.iter().enumerate();
                return values.find_map(|(index, value)| element.fault(&Place::Element(place, index), value));
            }
            (Type::Map(member), Value::Map(entries)) => {
                let mut entries = entries.iter();
                return entries.find_map(|(key, value)| member.fault(&Place::Member(place, key), value));
            }
            (Type::Tuple(types), Value::List(values)) => {
                types.len() == values.len() && types.iter().zip(values).all(|(is, value)| is.admits(value))
            }
            (Type::OneOf(types), _) => types.iter().any(|is| is.admits(value)),
            (Type::Word(word), Value::Str(text)) => **text == **word,
            (Type::Any, _)
            | (Type::List(_), Value::Null)
            | (Type::Integer, Value::Int(_) | Value::BigInt(_))
            | (Type::Int64, Value::Int(_)) => true,
            _ => false,
        };
        (!fits).then(|| format!("`{place}` must be {self}, got {}", shown(value)))
    }

    fn admits(&self, value: &Value) -> bool {
        self.fault(&Place::Field(""), value).is_none()
    }

    fn as_requirement(&self) -> String {
        match self {
            Type::Any => "though it may be anything, even null".to_owned(),
            _ => format!("it must be {self}"),
        }
    }

    /// The type inside a tuple.
    fn noun(&self) -> String {
        match self {
            Type::Any => "anything".to_owned(),
            Type::Integer | Type::Int64 => "integer".to_owned(),
            Type::List(_) => "array".to_owned(),
            Type::Map(_) => "object".to_owned(),
            Type::Tuple(_) | Type::Word(_) | Type::OneOf(_) => self.to_string(),
        }
    }
}

/// As what a value must be: `an array`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |types: &[Type], separator| {
            let nouns: Vec<String> = types.iter().map(Type::noun).collect();
            nouns.join(separator)
        };
        match self {
            Type::Any => f.write_str("anything"),
            Type::Integer => f.write_str("an integer"),
            Type::Int64 => f.write_str("an integer of at most 64 bits"),
            Type::List(_) => f.write_str("an array"),
            Type::Map(_) => f.write_str("an object"),
            Type::Tuple(types) => write!(f, "[{}]", listed(types, ", ")),
            Type::Word(word) => write!(f, "\"{word}\""),
            Type::OneOf(types) => f.write_str(&listed(types, " or ")),
        }
    }
}

/// Where in a body a value stands, written as `msgs.9[0]`.
enum Place<'p> {
    Field(&'p str),
    Member(&'p Place<'p>, &'p Value),
    Element(&'p Place<'p>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Field(name) => f.write_str(name),
            Place::Member(map, key) => write!(f, "{map}.{}", key.as_str().unwrap_or_default()),
            Place::Element(list, index) => write!(f, "{list}[{index}]"),
        }
    }
}

/// A value as JSON, shortened.
fn shown(value: &Value) -> String {
    excerpt(&value.to_string(), EXCERPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    static MESSAGES: Schema = Schema::with("read_ok", "messages", Type::List(&Type::Any));
    static INTEGER: Schema = Schema::with("read_ok", "value", Type::Integer);
    static ANYTHING: Schema = Schema::with("echo_ok", "echo", Type::Any);
    static LOGS: Schema =
        Schema::with("poll_ok", "msgs", Type::Map(&Type::List(&Type::Tuple(&[Type::Int64, Type::Any]))));

    fn accepted(schema: &Schema, body: &str) -> String {
        schema.accept(Value::from_json(body).unwrap()).unwrap().to_string()
    }

    fn fault(schema: &Schema, body: &str) -> String {
        schema.accept(Value::from_json(body).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn a_reply_with_exactly_its_fields_is_accepted() {
        assert_eq!(
            accepted(&MESSAGES, r#"{"type":"read_ok","messages":[1,"a"],"in_reply_to":3}"#),
            r#"[1,"a"]"#
        );
        let ok = Schema::acknowledgement("add_ok");
        assert_eq!(accepted(&ok, r#"{"in_reply_to":3,"type":"add_ok"}"#), "null");
    }

    #[test]
    fn a_message_id_is_optional_but_must_be_an_integer() {
        assert_eq!(accepted(&INTEGER, r#"{"type":"read_ok","msg_id":9,"value":1,"in_reply_to":3}"#), "1");
        let text = fault(&INTEGER, r#"{"type":"read_ok","msg_id":null,"value":1,"in_reply_to":3}"#);
        assert_eq!(text, "`msg_id` must be an integer, got null");
    }

    #[test]
    fn in_reply_to_must_be_an_integer() {
        let text = fault(&INTEGER, r#"{"type":"read_ok","value":1,"in_reply_to":3.0}"#);
        assert_eq!(text, "`in_reply_to` must be an integer, got 3.0");
        let text = fault(&INTEGER, r#"{"type":"read_ok","value":1}"#);
        assert_eq!(text, "`in_reply_to` is missing, it must be an integer");
    }

    #[test]
    fn another_type_is_refused() {
        let text = fault(&MESSAGES, r#"{"type":"echo_ok","echo":1,"in_reply_to":3}"#);
        assert_eq!(text, "expected type read_ok, got echo_ok");
        assert_eq!(fault(&MESSAGES, r#"{"type":7}"#), "expected type read_ok, got 7");
        assert_eq!(fault(&MESSAGES, "{}"), "expected type read_ok, but there is no `type`");
        assert_eq!(fault(&MESSAGES, "[]"), "a body must be an object, got []");
    }

    #[test]
    fn every_missing_wrong_and_unexpected_field_is_named() {
        let text = fault(&MESSAGES, r#"{"type":"read_ok","value":[1],"in_reply_to":3,"extra":null}"#);
        assert_eq!(
            text,
            "`messages` is missing, it must be an array; unexpected field `value`; unexpected field `extra`"
        );
        let text = fault(&MESSAGES, r#"{"type":"read_ok","messages":7,"in_reply_to":3}"#);
        assert_eq!(text, "`messages` must be an array, got 7");
    }

    #[test]
    fn any_field_may_be_null_but_must_be_there() {
        assert_eq!(accepted(&ANYTHING, r#"{"type":"echo_ok","echo":null,"in_reply_to":3}"#), "null");
        let text = fault(&ANYTHING, r#"{"type":"echo_ok","in_reply_to":3}"#);
        assert_eq!(text, "`echo` is missing, though it may be anything, even null");
    }

    #[test]
    fn a_list_may_be_null_which_is_an_empty_one() {
        assert_eq!(accepted(&MESSAGES, r#"{"type":"read_ok","messages":null,"in_reply_to":3}"#), "[]");
        let text = fault(&LOGS, r#"{"type":"poll_ok","msgs":null,"in_reply_to":3}"#);
        assert_eq!(text, "`msgs` must be an object, got null");
    }

    #[test]
    fn an_integer_is_not_a_float_a_string_or_null_but_may_be_large() {
        for value in ["3.0", "\"3\"", "null", "[3]"] {
            let text = fault(&INTEGER, &format!(r#"{{"type":"read_ok","value":{value},"in_reply_to":3}}"#));
            assert_eq!(text, format!("`value` must be an integer, got {value}"));
        }
        let large = "1180591620717411303424";
        let body = format!(r#"{{"type":"read_ok","value":{large},"in_reply_to":3}}"#);
        assert_eq!(accepted(&INTEGER, &body), large);
    }

    #[test]
    fn a_fault_deep_inside_is_told_with_its_place() {
        let body = |msgs| format!(r#"{{"type":"poll_ok","msgs":{msgs},"in_reply_to":3}}"#);
        assert_eq!(accepted(&LOGS, &body(r#"{"9":[[1000,3]],"4":null}"#)), r#"{"9":[[1000,3]],"4":null}"#);
        let text = fault(&LOGS, &body(r#"{"9":[[1000,3],[1001.0,5]]}"#));
        assert_eq!(text, "`msgs.9[1]` must be [integer, anything], got [1001.0,5]");
        assert_eq!(fault(&LOGS, &body(r#"{"9":{}}"#)), "`msgs.9` must be an array, got {}");
        assert_eq!(fault(&LOGS, &body(r#"{"9":[[1]]}"#)), "`msgs.9[0]` must be [integer, anything], got [1]");
    }

    #[test]
    fn long_values_are_told_in_part() {
        let text = fault(
            &INTEGER,
            &format!(r#"{{"type":"read_ok","value":"{}","in_reply_to":3}}"#, "é".repeat(500)),
        );
        assert_eq!(text, format!("`value` must be an integer, got \"{}…", "é".repeat(59)));
    }
}
