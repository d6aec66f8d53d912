//! The values of a history: what JSON and EDN can say, compared the way Clojure compares them (`1` is not `1.0`).
//! Both notations have a parser here, because integers beyond 64 bits must survive: Maelstrom hands them to its
//! checkers exactly as the node wrote them.

mod cursor;
pub(super) mod edn;
pub(super) mod json;
mod number;
mod order;

use std::borrow::Cow;
use std::collections::HashMap;
use std::{fmt, io};

use num_bigint::BigInt;
use serde::Serialize;
use serde::ser::{Error, SerializeMap, Serializer};

/// How deeply lists and maps may be nested in parsed text. Deeper input is refused, so that no walk over a value
/// can exhaust the stack.
pub const MAX_DEPTH: usize = 128;

/// A value in an operation. Integers of any size are kept exactly; maps keep their order of appearance but compare
/// without regard to it.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// JSON `null`, EDN `nil`.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// An integer that does not fit [`Value::Int`]. [`Value::from_big`] keeps the two apart.
    BigInt(Box<BigInt>),
    /// A number written with a fraction or an exponent. Never equal to an integer.
    Float(f64),
    /// A string.
    Str(Box<str>),
    /// What EDN has beside strings: a keyword, a symbol, a character or a tagged text, as EDN writes it (`:a`, `a`,
    /// `\\a`, `#inst 1985`). Equal to no string, as in Clojure.
    Name(Box<str>),
    /// A JSON array; an EDN vector, list or set.
    List(Vec<Value>),
    /// A JSON object or EDN map; a key that occurs twice keeps its last value. Parsed keys contain no maps.
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// Reads one JSON value and nothing after it.
    pub fn from_json(text: &str) -> Result<Value, ParseError> {
        json::parse(text)
    }

    /// Reads one EDN value and nothing after it. Tags of anything but text are dropped and their values kept, so that
    /// a record is a map; sets become lists.
    pub fn from_edn(text: &str) -> Result<Value, ParseError> {
        edn::parse(text)
    }

    /// The value as messages quote it: as JSON, EDN's names in their own notation, and cut where it gets long.
    pub fn told(&self) -> Told<'_> {
        Told(self)
    }

    /// An integer in its one canonical form: [`Value::Int`] whenever it fits.
    pub fn from_big(integer: BigInt) -> Value {
        match i64::try_from(&integer) {
            Ok(small) => Value::Int(small),
            Err(_) => Value::BigInt(Box::new(integer)),
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The integer, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(integer) => Some(*integer),
            _ => None,
        }
    }

    /// The integer, if it is one, of any size.
    pub fn to_big(&self) -> Option<BigInt> {
        match self {
            Value::Int(integer) => Some(BigInt::from(*integer)),
            Value::BigInt(integer) => Some(BigInt::clone(integer)),
            _ => None,
        }
    }

    /// The text, if it is a string, or the name, if it is a keyword or symbol: for what both notations have to say,
    /// such as the kind of an operation. Values that are compared are compared whole.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            Value::Name(name) => Some(name.strip_prefix(':').unwrap_or(name)),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// The entries in order of appearance, if it is a map.
    pub fn as_map(&self) -> Option<&[(Value, Value)]> {
        match self {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value a map holds under a string key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let (_, value) = self.as_map()?.iter().find(|(candidate, _)| candidate.as_str() == Some(key))?;
        Some(value)
    }

    /// Takes the value under a string key out of a map, leaving `null` in its place.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        let Value::Map(entries) = self else { return None };
        let (_, value) = entries.iter_mut().find(|(candidate, _)| candidate.as_str() == Some(key))?;
        Some(std::mem::take(value))
    }

    /// A map of these entries, of which the last with the same key wins.
    fn map_of(entries: Vec<(Value, Value)>) -> Value {
        let mut position_of = HashMap::with_capacity(entries.len());
        for (key, _) in &entries {
            let next = position_of.len();
            position_of.entry(key).or_insert(next);
        }
        if position_of.len() == entries.len() {
            return Value::Map(entries);
        }
        let mut unique = vec![None; position_of.len()];
        for (key, value) in &entries {
            unique[position_of[key]] = Some((key.clone(), value.clone()));
        }
        Value::Map(unique.into_iter().flatten().collect())
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Value {
        Value::Int(integer)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Str(text.into())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Bool(flag)
    }
}

impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(elements: Vec<V>) -> Value {
        Value::List(elements.into_iter().map(Into::into).collect())
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(elements: I) -> Value {
        Value::List(elements.into_iter().collect())
    }
}

/// As JSON on one line. Numbers that JSON cannot say (EDN's infinities and NaN) become `null`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

/// As JSON; map keys that are not strings are written as the JSON text of the key, and names as strings without their
/// colon, as JSON writers for Clojure do. Integers beyond 64 bits need serde_json's own text serializer.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Int(integer) => serializer.serialize_i64(*integer),
            Value::BigInt(integer) => {
                let digits = serde_json::value::RawValue::from_string(integer.to_string());
                digits.map_err(S::Error::custom)?.serialize(serializer)
            }
            Value::Float(float) => serializer.serialize_f64(*float),
            Value::Str(text) => serializer.serialize_str(text),
            Value::Name(name) => serializer.serialize_str(plain(name)),
            Value::List(elements) => serializer.collect_seq(elements),
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    match key {
                        Value::Str(text) => map.serialize_entry(text, value)?,
                        Value::Name(name) => map.serialize_entry(plain(name), value)?,
                        other => map.serialize_entry(&other.to_string(), value)?,
                    }
                }
                map.end()
            }
        }
    }
}

/// A keyword without its colon, a character without its backslash.
fn plain(name: &str) -> &str {
    name.strip_prefix([':', '\\']).unwrap_or(name)
}

/// See [`Value::told`].
#[derive(Clone, Copy, Debug)]
pub struct Told<'v>(&'v Value);

/// Bytes of a value that a message quotes.
const TOLD_BYTES: usize = 400;

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Value::Name(name) = self.0 {
            let control = |c: char| c.is_control().then(|| c.escape_default().to_string());
            let escaped = |c: char| control(c).unwrap_or_else(|| c.to_string());
            return shortened(name, TOLD_BYTES).chars().try_for_each(|c| f.write_str(&escaped(c)));
        }
        let mut beginning = Beginning { kept: Vec::new(), length: 0 };
        serde_json::to_writer(&mut beginning, self.0).map_err(|_| fmt::Error)?;
        let kept = String::from_utf8_lossy(&beginning.kept);
        match beginning.length <= TOLD_BYTES {
            true => f.write_str(&kept),
            false => {
                write!(f, "{}… ({} bytes)", &kept[..kept.floor_char_boundary(TOLD_BYTES)], beginning.length)
            }
        }
    }
}

/// Keeps the beginning of what is written, and counts all of it.
struct Beginning {
    kept: Vec<u8>,
    length: usize,
}

impl io::Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A character more than is shown, so that none is cut.
        let room = (TOLD_BYTES + 4).saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Text of at most so many bytes; of a longer one the beginning and the length.
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.len() <= most {
        true => Cow::Borrowed(text),
        false => format!("{}… ({} bytes)", &text[..text.floor_char_boundary(most)], text.len()).into(),
    }
}

/// Why text is not a value, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Bytes from the beginning of the text.
    pub offset: usize,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.reason)
    }
}

impl std::error::Error for ParseError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::order::tests::any_value;
    use super::*;

    fn json(text: &str) -> Value {
        Value::from_json(text).unwrap()
    }

    #[test]
    fn a_repeated_key_keeps_its_first_place_and_its_last_value() {
        assert_eq!(json(r#"{"a":1,"b":2,"a":3}"#).to_string(), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn display_writes_json_that_reads_back_exactly() {
        for text in
            [r#"{"a":[1,-2.5,null,true,"x\n\"é"],"b":{}}"#, "1180591620717411303424", "1.0", "1e+300", "-7"]
        {
            assert_eq!(json(text).to_string(), text);
        }
    }

    #[test]
    fn keys_that_are_not_strings_are_written_as_their_json_text() {
        assert_eq!(Value::from_edn("{1 :a, [2 nil] :b}").unwrap().to_string(), r#"{"1":"a","[2,null]":"b"}"#);
    }

    #[test]
    fn a_message_quotes_the_beginning_of_a_long_value() {
        let long = Value::from("é".repeat(1_000_000).as_str());
        let told = long.told().to_string();
        assert!(
            told.starts_with("\"éé") && told.ends_with("é… (2000002 bytes)") && told.len() < 500,
            "{told}"
        );
        assert_eq!(json(r#"{"a":[1,"b"]}"#).told().to_string(), r#"{"a":[1,"b"]}"#);
        let edn = |text: &str| Value::from_edn(text).unwrap().told().to_string();
        assert_eq!([edn(":a"), edn(r"\newline"), edn("#inst \"1985\"")], [":a", r"\\n", "#inst 1985"]);
    }

    #[test]
    fn taking_a_value_leaves_null() {
        let mut map = json(r#"{"a":1}"#);
        assert_eq!(map.take("a"), Some(Value::Int(1)));
        assert_eq!(map.get("a"), Some(&Value::Null));
        assert_eq!(map.take("b"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in any_value()) {
            prop_assert_eq!(json(&value.to_string()), value);
        }

        #[test]
        fn no_text_makes_the_readers_panic(text in ".{0,40}", dense in r#"[\[\]{}()#_:"\\^,;nu0-9eEN./+ -]{0,40}"#) {
            for text in [text, dense] {
                let _either = (Value::from_json(&text), Value::from_edn(&text));
            }
        }
    }
}
