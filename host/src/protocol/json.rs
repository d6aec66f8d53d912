//! A validating JSON scanner: finds the members of an object as spans of the text, and builds nothing.
//!
//! The host passes bodies through as they stand (key order, number spelling, duplicates), so it needs to know where
//! things are, not what they are. Accepts exactly what RFC 8259 calls JSON, at any depth, in one pass.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::specials::{Specials, is_special};

/// Why a text is not the JSON it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Byte offset in the text.
    pub at: usize,
    /// What was expected there.
    pub reason: &'static str,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.at)
    }
}

impl std::error::Error for SyntaxError {}

/// A string as it stands in the text, between its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawStr<'a> {
    /// Bytes of a text: nothing is gained from checking at each cut that no character is cut through.
    bytes: &'a [u8],
    escaped: bool,
}

impl<'a> RawStr<'a> {
    /// The string's value; `None` if its escapes name no character (an unpaired surrogate).
    pub fn decode(self) -> Option<Cow<'a, str>> {
        let text = std::str::from_utf8(self.bytes).ok()?;
        if !self.escaped {
            return Some(Cow::Borrowed(text));
        }
        serde_json::from_str(&format!("\"{text}\"")).ok().map(Cow::Owned)
    }

    /// Whether the string's value is `other`.
    #[inline]
    pub fn is(self, other: &str) -> bool {
        if self.escaped { self.decode().as_deref() == Some(other) } else { self.bytes == other.as_bytes() }
    }
}

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Its key.
    pub key: RawStr<'a>,
    /// Where its value stands.
    pub value: Range<usize>,
    /// Where the whole member stands, from the key's opening quote to the end of the value.
    pub span: Range<usize>,
}

/// What an object looks like from outside.
#[derive(Clone, Debug)]
pub struct Object {
    /// From `{` to `}`, both included.
    pub span: Range<usize>,
    /// Whether it has no members.
    pub is_empty: bool,
    /// Whether white space in it contains a line break.
    pub has_line_break: bool,
}

/// Scans a text that must be one object, telling `member` of each of its members in order.
#[inline]
pub fn scan_object<'a>(text: &'a str, mut member: impl FnMut(Member<'a>)) -> Result<Object, SyntaxError> {
    let mut scanner = Scanner::new(text);
    scanner.only_object(|scanner, start, key| {
        let value = scanner.at;
        scanner.value()?;
        member(Member { key, value: value..scanner.at, span: start..scanner.at });
        Ok(())
    })
}

/// Checks that a text is one JSON value, and says whether white space in it contains a line break.
pub fn check_value(text: &str) -> Result<bool, SyntaxError> {
    let mut scanner = Scanner::new(text);
    scanner.skip_space();
    scanner.skip_value()?;
    scanner.expect_end()?;
    Ok(scanner.has_line_break)
}

/// The last value of a key in an object, as text; `None` if the object has no such key or the text is no object.
pub fn field<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let mut found = None;
    scan_object(object, |member| {
        if member.key.is(key) {
            found = Some(&object[member.value]);
        }
    })
    .ok()?;
    found
}

/// Appends a string as a JSON string, quotes included.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    if !text.bytes().any(is_special) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("a string can always be written to memory");
    }
}

/// A place in a text, up to which it is known to be JSON.
pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    has_line_break: bool,
    specials: Specials<'a>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Scanner<'a> {
        Scanner { text, bytes: text.as_bytes(), at: 0, has_line_break: false, specials: Specials::new(text) }
    }

    /// Scans the whole text, which must be one object; see [`Scanner::object`].
    #[inline]
    pub(super) fn only_object(
        &mut self,
        member: impl FnMut(&mut Scanner<'a>, usize, RawStr<'a>) -> Result<(), SyntaxError>,
    ) -> Result<Object, SyntaxError> {
        self.skip_space();
        let start = self.at;
        if !self.is_at_object() {
            // Tell "no JSON at all" from "JSON, but something else than an object".
            self.skip_value()?;
            self.expect_end()?;
            return Err(SyntaxError { at: start, reason: "not an object" });
        }
        let is_empty = self.object(member)?;
        let span = start..self.at;
        self.expect_end()?;
        Ok(Object { span, is_empty, has_line_break: self.has_line_break })
    }

    /// Whether the next value is an object.
    pub(super) fn is_at_object(&self) -> bool {
        self.peek() == Some(b'{')
    }

    /// Scans an object, whose opening brace is the next byte, and says whether it is empty. `member` is told where each
    /// member begins and its key, and must scan the value.
    #[inline]
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Scanner<'a>, usize, RawStr<'a>) -> Result<(), SyntaxError>,
    ) -> Result<bool, SyntaxError> {
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(true);
        }
        loop {
            let start = self.at;
            let key = self.key()?;
            member(self, start, key)?;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(false);
                }
                _ => return self.fail("expected `,` or `}`"),
            }
            self.skip_space();
        }
    }

    /// Scans one value of any kind, and returns it if it is a string.
    #[inline(always)]
    pub(super) fn value(&mut self) -> Result<Option<RawStr<'a>>, SyntaxError> {
        match self.peek() {
            Some(b'"') => return self.string().map(Some),
            Some(b'0'..=b'9') => self.number()?,
            _ => self.skip_value()?,
        }
        Ok(None)
    }

    /// Where the scanner is.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The text from a place on.
    #[inline]
    pub(super) fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[cold]
    fn fail<T>(&self, reason: &'static str) -> Result<T, SyntaxError> {
        let reason = if self.at < self.bytes.len() { reason } else { "unexpected end" };
        Err(SyntaxError { at: self.at, reason })
    }

    fn expect_end(&mut self) -> Result<(), SyntaxError> {
        self.skip_space();
        if self.at == self.bytes.len() { Ok(()) } else { self.fail("trailing characters") }
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(byte @ ..=b' ') = self.peek() {
            match byte {
                b' ' | b'\t' => {}
                b'\n' | b'\r' => self.has_line_break = true,
                _ => return,
            }
            self.at += 1;
        }
    }

    /// Reads a key and its colon, up to where the value begins.
    #[inline(always)]
    fn key(&mut self) -> Result<RawStr<'a>, SyntaxError> {
        if self.peek() != Some(b'"') {
            return self.fail("expected a key in quotes");
        }
        let start = self.at + 1;
        let end = self.specials.next(start);
        // The ordinary key: without escapes, and with no white space around its colon.
        if let Some(&[b'"', b':', value, ..]) = self.bytes.get(end..)
            && value > b' '
        {
            self.at = end + 2;
            return Ok(RawStr { bytes: &self.bytes[start..end], escaped: false });
        }
        self.unusual_key()
    }

    fn unusual_key(&mut self) -> Result<RawStr<'a>, SyntaxError> {
        let key = self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.fail("expected `:`");
        }
        self.at += 1;
        self.skip_space();
        Ok(key)
    }

    /// Skips one value of any depth without recursion: `open` holds the brackets that wait to be closed.
    fn skip_value(&mut self) -> Result<(), SyntaxError> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    self.skip_space();
                    if self.peek() != Some(b'}') {
                        open.push(b'}');
                        self.key()?;
                        continue;
                    }
                    self.at += 1;
                }
                Some(b'[') => {
                    self.at += 1;
                    self.skip_space();
                    if self.peek() != Some(b']') {
                        open.push(b']');
                        continue;
                    }
                    self.at += 1;
                }
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.literal("true")?,
                Some(b'f') => self.literal("false")?,
                Some(b'n') => self.literal("null")?,
                _ => return self.fail("expected a value"),
            }
            if !self.next_value(&mut open)? {
                return Ok(());
            }
        }
    }

    /// After a value: closes what ends here and moves to the next value inside what is still open, if anything is.
    fn next_value(&mut self, open: &mut Vec<u8>) -> Result<bool, SyntaxError> {
        while let Some(&close) = open.last() {
            self.skip_space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.skip_space();
                    if close == b'}' {
                        self.key()?;
                    }
                    return Ok(true);
                }
                Some(byte) if byte == close => {
                    self.at += 1;
                    open.pop();
                }
                _ if close == b'}' => return self.fail("expected `,` or `}`"),
                _ => return self.fail("expected `,` or `]`"),
            }
        }
        Ok(false)
    }

    /// Reads a string; its opening quote is the next byte.
    #[inline(always)]
    fn string(&mut self) -> Result<RawStr<'a>, SyntaxError> {
        let start = self.at + 1;
        self.at = start;
        let mut escaped = false;
        loop {
            self.at = self.specials.next(self.at);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return self.fail("control character in a string"),
            }
        }
        let bytes = &self.bytes[start..self.at];
        self.at += 1;
        Ok(RawStr { bytes, escaped })
    }

    fn escape(&mut self) -> Result<(), SyntaxError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                return Ok(());
            }
            Some(b'u') => self.at += 1,
            _ => return self.fail("invalid escape"),
        }
        for _ in 0..4 {
            if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                return self.fail("invalid \\u escape");
            }
            self.at += 1;
        }
        Ok(())
    }

    #[inline]
    fn number(&mut self) -> Result<(), SyntaxError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    #[inline]
    fn digits(&mut self) -> Result<(), SyntaxError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { self.fail("expected a digit") } else { Ok(()) }
    }

    fn literal(&mut self, word: &'static str) -> Result<(), SyntaxError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.fail("expected a value");
        }
        self.at += word.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn accepts(text: &str) -> bool {
        check_value(text).is_ok()
    }

    #[test]
    fn depth_costs_no_stack() {
        let depth = 1_000_000;
        assert!(accepts(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))));
        assert_eq!(check_value(&"[".repeat(depth)).unwrap_err().reason, "unexpected end");
    }

    #[test]
    fn an_object_is_told_from_other_json_and_from_no_json() {
        let reason = |text| scan_object(text, |_| {}).unwrap_err().to_string();
        assert_eq!(reason("[1]"), "not an object at byte 0");
        assert_eq!(reason("hello"), "expected a value at byte 0");
        assert_eq!(reason(""), "unexpected end at byte 0");
        assert_eq!(reason(r#"{"a":1} x"#), "trailing characters at byte 8");
        assert_eq!(reason("{\"a\":\"\u{1}\"}"), "control character in a string at byte 6");
    }

    #[test]
    fn members_are_spans_of_the_text() {
        let text = r#" { "a" : 1e2 ,"b\u0063":{"a":[1,{}]} } "#;
        let mut seen = Vec::new();
        let object =
            scan_object(text, |m| seen.push((m.key.decode().unwrap(), &text[m.value], &text[m.span])))
                .unwrap();
        assert_eq!(seen[0], ("a".into(), "1e2", r#""a" : 1e2"#));
        assert_eq!(seen[1], ("bc".into(), r#"{"a":[1,{}]}"#, r#""b\u0063":{"a":[1,{}]}"#));
        assert_eq!(&text[object.span], text.trim());
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        assert_eq!(field(r#"{"a":1,"b":2,"a":3}"#, "a"), Some("3"));
        assert_eq!(field(r#"{"a":1}"#, "z"), None);
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(|x| x.to_string()),
            any::<i64>().prop_map(|x| x.to_string()),
            any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
            prop::sample::select(vec!["true", "false", "null", "-0", "1E+2", "0.0", r#""\ud83d""#])
                .prop_map(str::to_owned),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(" ,"))),
                prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|members| {
                    let members: Vec<_> = members
                        .into_iter()
                        .map(|(key, value)| format!("{}:\n{value}", serde_json::to_string(&key).unwrap()))
                        .collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn well_formed_json_is_accepted(text in json()) {
            prop_assert!(accepts(&text), "{}", text);
        }

        /// One character changed, added or removed: the scanner and serde_json must still agree.
        #[test]
        fn damaged_json_is_judged_as_serde_json_does(text in json(), at in any::<prop::sample::Index>(), with in "[\\x00-\\x7f]?") {
            let mut chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len());
            chars.splice(at..=at, with.chars());
            let text: String = chars.into_iter().collect();
            let reference = serde_json::from_str::<&RawValue>(&text).is_ok();
            prop_assert_eq!(accepts(&text), reference, "{}", text);
        }

        #[test]
        fn any_string_survives_writing(text in any::<String>()) {
            let mut out = Vec::new();
            write_string(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
