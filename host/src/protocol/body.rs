//! Message bodies: the few reserved fields the host reads, and bodies on their way out with those fields spliced in
//! (spec §3.2). A body is never rebuilt.

use super::json::{self, RawStr, Scanner, SyntaxError};

/// The fields of an incoming body that the host reads. Of a key that occurs twice the last counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body<'a> {
    /// `type`, when it is a string.
    pub kind: Option<RawStr<'a>>,
    /// `msg_id`: present when the sender wants an answer.
    pub msg_id: Option<MsgId>,
    /// `in_reply_to`, when it is an integer the host can have given out.
    pub in_reply_to: Option<u64>,
}

impl<'a> Body<'a> {
    /// Finds the reserved fields of a body.
    pub fn scan(body: &'a str) -> Result<Body<'a>, SyntaxError> {
        let mut fields = Body::default();
        Scanner::new(body).only_object(|scanner, _, key| fields.member(scanner, key))?;
        Ok(fields)
    }

    /// Scans a body, which must be an object, where it stands in a larger text.
    #[inline]
    pub(super) fn scan_within(scanner: &mut Scanner<'a>) -> Result<Body<'a>, SyntaxError> {
        let mut fields = Body::default();
        scanner.object(|scanner, _, key| fields.member(scanner, key))?;
        Ok(fields)
    }

    #[inline]
    fn member(&mut self, scanner: &mut Scanner<'a>, key: RawStr<'a>) -> Result<(), SyntaxError> {
        let start = scanner.position();
        let string = scanner.value()?;
        if key.is("type") {
            self.kind = string;
        } else if key.is("msg_id") {
            self.msg_id = MsgId::from_json(scanner.since(start));
        } else if key.is("in_reply_to") {
            self.in_reply_to = scanner.since(start).parse().ok();
        }
        Ok(())
    }

    /// Whether `type` is this.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.is_some_and(|k| k.is(kind))
    }
}

/// A sender's message number. Kept as it was spelt: the answer's `in_reply_to` must be the same JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MsgId {
    /// The ordinary case, an integer in its ordinary spelling.
    Int(i64),
    /// Any other JSON value.
    Other(Box<str>),
}

impl MsgId {
    /// Reads a `msg_id`; `null` is none.
    fn from_json(text: &str) -> Option<MsgId> {
        if text == "null" {
            return None;
        }
        let plain = text == "0" || !text.trim_start_matches('-').starts_with('0');
        match text.parse() {
            Ok(number) if plain => Some(MsgId::Int(number)),
            _ => Some(MsgId::Other(text.into())),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            MsgId::Int(number) => write_int(out, *number),
            MsgId::Other(text) => out.extend_from_slice(text.as_bytes()),
        }
    }
}

/// The reserved field the host adds to a body on its way out.
#[derive(Clone, Copy, Debug)]
pub enum Stamp<'a> {
    /// A message that expects no answer.
    None,
    /// A request, with the number its answer will quote.
    Request(u64),
    /// An answer to the request with this number; none when the request had none.
    Reply(&'a MsgId),
}

/// Appends one line, `{"src":…,"dest":…,"body":…}` and a line break, and returns where in `out` the body stands. The
/// body is checked, freed of the reserved fields its author wrote, and stamped; all else is copied as it stands.
/// Nothing is appended when the body is not a JSON object.
pub fn write_message(
    out: &mut Vec<u8>,
    src: &str,
    dest: &str,
    body: &str,
    stamp: Stamp<'_>,
) -> Result<std::ops::Range<usize>, SyntaxError> {
    let mut has_reserved = false;
    let object = json::scan_object(body, |member| has_reserved |= is_reserved(member.key))?;
    out.extend_from_slice(br#"{"src":"#);
    json::write_string(out, src);
    out.extend_from_slice(br#","dest":"#);
    json::write_string(out, dest);
    out.extend_from_slice(br#","body":"#);
    let start = out.len();
    let is_empty = if has_reserved {
        write_unreserved_members(out, body)
    } else {
        out.extend_from_slice(&body.as_bytes()[object.span.start..object.span.end - 1]);
        object.is_empty
    };
    if object.has_line_break {
        // Strings cannot contain a raw line break, so this touches white space only.
        for byte in &mut out[start..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    write_stamp(out, is_empty, stamp);
    out.push(b'}');
    let end = out.len();
    out.extend_from_slice(b"}\n");
    Ok(start..end)
}

/// Appends an error body (spec §7.1), not yet stamped.
pub fn write_error_body(out: &mut Vec<u8>, code: u32, text: &str) {
    out.extend_from_slice(br#"{"type":"error","code":"#);
    write_int(out, i64::from(code));
    out.extend_from_slice(br#","text":"#);
    json::write_string(out, text);
    out.push(b'}');
}

fn is_reserved(key: RawStr<'_>) -> bool {
    key.is("msg_id") || key.is("in_reply_to")
}

/// Appends `{` and every member that is not reserved; returns whether there was none.
fn write_unreserved_members(out: &mut Vec<u8>, body: &str) -> bool {
    out.push(b'{');
    let mut is_empty = true;
    let scanned = json::scan_object(body, |member| {
        if is_reserved(member.key) {
            return;
        }
        if !is_empty {
            out.push(b',');
        }
        is_empty = false;
        out.extend_from_slice(&body.as_bytes()[member.span]);
    });
    debug_assert!(scanned.is_ok(), "the body was scanned before");
    is_empty
}

fn write_stamp(out: &mut Vec<u8>, is_empty: bool, stamp: Stamp<'_>) {
    let comma: &[u8] = if is_empty { b"" } else { b"," };
    match stamp {
        Stamp::None => {}
        Stamp::Request(number) => {
            out.extend_from_slice(comma);
            out.extend_from_slice(br#""msg_id":"#);
            write_int(out, number);
        }
        Stamp::Reply(to) => {
            out.extend_from_slice(comma);
            out.extend_from_slice(br#""in_reply_to":"#);
            to.write(out);
        }
    }
}

fn write_int(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(body: &str, stamp: Stamp<'_>) -> String {
        let mut out = Vec::new();
        write_message(&mut out, "n1", "c\"1", body, stamp).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn stamped(body: &str, stamp: Stamp<'_>) -> String {
        let line = line(body, stamp);
        line.strip_prefix(r#"{"src":"n1","dest":"c\"1","body":"#)
            .unwrap()
            .strip_suffix("}\n")
            .unwrap()
            .to_owned()
    }

    #[test]
    fn a_stamp_follows_the_author_s_fields() {
        assert_eq!(stamped(r#"{"b":1.0,"a":1e2}"#, Stamp::Request(7)), r#"{"b":1.0,"a":1e2,"msg_id":7}"#);
        assert_eq!(stamped("{ }", Stamp::Reply(&MsgId::Int(-3))), r#"{ "in_reply_to":-3}"#);
        assert_eq!(stamped("{}", Stamp::None), "{}");
    }

    #[test]
    fn reserved_fields_belong_to_the_host() {
        let body = r#"{"msg_id":1,"a":{"msg_id":2},"in\u005freply_to":3,"msg_id":4}"#;
        assert_eq!(stamped(body, Stamp::None), r#"{"a":{"msg_id":2}}"#);
        assert_eq!(stamped(r#"{"msg_id":1}"#, Stamp::Request(9)), r#"{"msg_id":9}"#);
    }

    #[test]
    fn line_breaks_between_tokens_become_spaces() {
        let body = "{\n  \"text\": \"a\\nb\",\r\n \"n\": 1\n}";
        assert_eq!(stamped(body, Stamp::None), "{   \"text\": \"a\\nb\",   \"n\": 1 }");
    }

    #[test]
    fn a_request_number_comes_back_as_it_was_spelt() {
        for text in
            ["0", "-7", "9007199254740993", "1.0", "1e3", "-0", "18446744073709551616", "\"x\"", "[1]"]
        {
            let body = format!(r#"{{"msg_id":{text}}}"#);
            let id = Body::scan(&body).unwrap().msg_id.unwrap();
            assert_eq!(stamped("{}", Stamp::Reply(&id)), format!(r#"{{"in_reply_to":{text}}}"#));
        }
        assert_eq!(Body::scan(r#"{"msg_id":null}"#).unwrap().msg_id, None);
    }

    #[test]
    fn only_objects_go_out() {
        for body in ["", "[]", "1", "{", "{} {}", "{'a':1}"] {
            let mut out = Vec::new();
            assert!(write_message(&mut out, "n1", "n2", body, Stamp::None).is_err());
            assert!(out.is_empty());
        }
    }
}
