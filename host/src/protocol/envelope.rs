//! One line of input: who, to whom, and where in the line the body stands (spec §3.1).

use std::borrow::Cow;
use std::fmt;
use std::str::Utf8Error;

use super::body::Body;
use super::json::{self, RawStr, Scanner, SyntaxError};

/// A message as it came over the wire. Keys of the envelope other than `src`, `dest` and `body` are ignored, among
/// them Maelstrom's own `id`; of a key that occurs twice the last counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The sender.
    pub src: Cow<'a, str>,
    /// The receiver.
    pub dest: Cow<'a, str>,
    /// The body, an object, as it stands in the line.
    pub body: &'a str,
    /// What the host reads of the body.
    pub fields: Body<'a>,
}

/// Why a line is not a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The line has no characters but white space.
    Empty,
    /// The line is not UTF-8.
    Encoding(Utf8Error),
    /// The line is not a JSON object.
    Json(SyntaxError),
    /// A field of the envelope is missing.
    Missing(&'static str),
    /// A field of the envelope has the wrong type: its name, what it must be.
    Mistyped(&'static str, &'static str),
}

/// Whether a name is a client's: its first letter alone says so (spec §1).
pub fn is_client(name: &str) -> bool {
    name.starts_with('c')
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Empty => write!(f, "the line is empty"),
            Malformed::Encoding(error) => {
                write!(f, "not UTF-8: invalid byte at offset {}", error.valid_up_to())
            }
            Malformed::Json(error) if error.reason == "not an object" => write!(f, "not a JSON object"),
            Malformed::Json(error) => write!(f, "not JSON: {error}"),
            Malformed::Missing(field) => write!(f, "`{field}` is missing"),
            Malformed::Mistyped(field, what) => write!(f, "`{field}` must be {what}"),
        }
    }
}

impl std::error::Error for Malformed {}

impl<'a> Envelope<'a> {
    /// A message that did not come as a line.
    pub fn new(src: &'a str, dest: &'a str, body: &'a str) -> Result<Envelope<'a>, SyntaxError> {
        let fields = Body::scan(body)?;
        Ok(Envelope { src: Cow::Borrowed(src), dest: Cow::Borrowed(dest), body, fields })
    }

    /// Reads one line, with or without its line break. One pass over the text finds the fields of both objects.
    pub fn parse(line: &'a [u8]) -> Result<Envelope<'a>, Malformed> {
        let line = std::str::from_utf8(line).map_err(Malformed::Encoding)?;
        let (mut src, mut dest, mut body) = (None, None, None);
        let scanned = Scanner::new(line).only_object(|scanner, _, key| {
            if key.is("body") {
                let start = scanner.position();
                let fields = if scanner.is_at_object() {
                    Some(Body::scan_within(scanner)?)
                } else {
                    scanner.value()?;
                    None
                };
                body = Some((scanner.since(start), fields));
                return Ok(());
            }
            let value = scanner.value()?;
            if key.is("src") {
                src = Some(value);
            } else if key.is("dest") {
                dest = Some(value);
            }
            Ok(())
        });
        if let Err(error) = scanned {
            return Err(if line.trim().is_empty() { Malformed::Empty } else { Malformed::Json(error) });
        }
        let src = name("src", src)?;
        let dest = name("dest", dest)?;
        match body {
            Some((body, Some(fields))) => Ok(Envelope { src, dest, body, fields }),
            Some((_, None)) => Err(Malformed::Mistyped("body", "an object")),
            None => Err(Malformed::Missing("body")),
        }
    }

    /// Reads a line that a node has written, as Maelstrom does (spec §3.1): a body that is missing is empty, and a key that
    /// does not belong into an envelope, or an `id` that is not an integer, makes the message malformed and comes back beside
    /// it.
    pub fn parse_output(line: &'a str) -> Result<(Envelope<'a>, Option<String>), Malformed> {
        let envelope = match Envelope::parse(line.as_bytes()) {
            Err(Malformed::Missing("body")) => {
                let name = |field| {
                    let text = json::field(line, field).unwrap_or_default();
                    serde_json::from_str(text).map_err(|_| Malformed::Mistyped(field, "a string"))
                };
                let (src, dest): (String, String) = (name("src")?, name("dest")?);
                Envelope { src: src.into(), dest: dest.into(), body: "{}", fields: Body::default() }
            }
            envelope => envelope?,
        };
        let mut stray = None;
        json::scan_object(line, |member| {
            let is_integer = || line[member.value.clone()].parse::<i128>().is_ok();
            let belongs = ["src", "dest", "body"].iter().any(|key| member.key.is(key))
                || member.key.is("id") && is_integer();
            if !belongs && stray.is_none() {
                stray = Some(member.key.decode().unwrap_or_default().into_owned());
            }
        })
        .map_err(Malformed::Json)?;
        Ok((envelope, stray))
    }
}

/// `string` is the field's value, if there is one, as far as it is a string.
fn name<'a>(field: &'static str, string: Option<Option<RawStr<'a>>>) -> Result<Cow<'a, str>, Malformed> {
    let string = string.ok_or(Malformed::Missing(field))?;
    string.and_then(RawStr::decode).ok_or(Malformed::Mistyped(field, "a string"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(line: &str) -> String {
        Envelope::parse(line.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_a_node_wrote_may_lack_a_body_but_has_no_other_keys() {
        let read = |line| {
            let (envelope, stray) = Envelope::parse_output(line).unwrap();
            (envelope.src.into_owned(), envelope.body.to_owned(), stray)
        };
        let n1 = || "n1".to_owned();
        assert_eq!(
            read(r#"{"src":"n1","dest":"c1","id":4,"body":{"a":1}}"#),
            (n1(), r#"{"a":1}"#.to_owned(), None)
        );
        assert_eq!(read(r#"{"src":"n1","dest":"c1"}"#), (n1(), "{}".to_owned(), None));
        let stray = read(r#"{"src":"n1","dest":"c1","body":{},"time":3}"#).2;
        assert_eq!(stray.as_deref(), Some("time"));
        for line in ["[]", "{", r#"{"src":"n1"}"#, r#"{"src":1,"dest":"c1"}"#] {
            assert!(Envelope::parse_output(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_message_is_borrowed_from_its_line() {
        let line = br#"{"id":42,"src":"c7","dest":"n1","body":{"type":"echo" , "n":1.0,"n":2}}"#;
        let message = Envelope::parse(line).unwrap();
        assert_eq!(message.body, r#"{"type":"echo" , "n":1.0,"n":2}"#);
        assert!(matches!(message.src, Cow::Borrowed("c7")));
    }

    #[test]
    fn escaped_names_and_keys_are_understood() {
        let line = br#"{"s\u0072c":"\u0063\"7","dest":"n1","body":{}}"#;
        assert_eq!(Envelope::parse(line).unwrap().src, "c\"7");
    }

    #[test]
    fn each_defect_is_named() {
        assert_eq!(reason(""), "the line is empty");
        assert_eq!(reason("hello"), "not JSON: expected a value at byte 0");
        assert_eq!(reason("[]"), "not a JSON object");
        assert_eq!(reason(r#"{"dest":"n1","body":{}}"#), "`src` is missing");
        assert_eq!(reason(r#"{"src":"c1","body":{}}"#), "`dest` is missing");
        assert_eq!(reason(r#"{"src":"c1","dest":"n1"}"#), "`body` is missing");
        assert_eq!(reason(r#"{"src":1,"dest":"n1","body":{}}"#), "`src` must be a string");
        assert_eq!(reason(r#"{"src":"c1","dest":null,"body":{}}"#), "`dest` must be a string");
        assert_eq!(reason(r#"{"src":"c1","dest":"n1","body":[]}"#), "`body` must be an object");
        let bytes = b"{\"src\":\"\xff\"}";
        assert_eq!(Envelope::parse(bytes).unwrap_err().to_string(), "not UTF-8: invalid byte at offset 8");
    }
}
