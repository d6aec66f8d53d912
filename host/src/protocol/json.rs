//! A validating JSON scanner: finds the members of an object as spans of the text, and builds nothing.
//!
//! The host passes bodies through as they stand (key order, number spelling, duplicates), so it needs to know where
//! things are, not what they are. Accepts exactly what RFC 8259 calls JSON, at any depth, in one pass.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

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
    text: &'a str,
    escaped: bool,
}

impl<'a> RawStr<'a> {
    /// Reads a text that is one JSON value and nothing else; `None` when that is not a string.
    pub fn from_json(text: &'a str) -> Option<RawStr<'a>> {
        let text = text.strip_prefix('"')?.strip_suffix('"')?;
        Some(RawStr { text, escaped: text.contains('\\') })
    }

    /// The string's value; `None` if its escapes name no character (an unpaired surrogate).
    pub fn decode(self) -> Option<Cow<'a, str>> {
        if !self.escaped {
            return Some(Cow::Borrowed(self.text));
        }
        serde_json::from_str(&format!("\"{}\"", self.text)).ok().map(Cow::Owned)
    }

    /// Whether the string's value is `other`.
    #[inline]
    pub fn is(self, other: &str) -> bool {
        if self.escaped { self.decode().as_deref() == Some(other) } else { self.text == other }
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
        scanner.skip_value()?;
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
    let plain = plain_prefix(text.as_bytes()) == text.len();
    if plain {
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
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Scanner<'a> {
        Scanner { text, bytes: text.as_bytes(), at: 0, has_line_break: false }
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

    /// Scans one value of any kind and returns its text.
    #[inline]
    pub(super) fn value(&mut self) -> Result<&'a str, SyntaxError> {
        let start = self.at;
        self.skip_value()?;
        Ok(self.since(start))
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
    #[inline]
    fn key(&mut self) -> Result<RawStr<'a>, SyntaxError> {
        if self.peek() != Some(b'"') {
            return self.fail("expected a key in quotes");
        }
        let start = self.at + 1;
        let end = start + plain_prefix(&self.bytes[start..]);
        // The ordinary key: without escapes, and with no white space around its colon.
        if let Some(&[b'"', b':', value, ..]) = self.bytes.get(end..)
            && value > b' '
        {
            self.at = end + 2;
            return Ok(RawStr { text: &self.text[start..end], escaped: false });
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
    #[inline]
    fn string(&mut self) -> Result<RawStr<'a>, SyntaxError> {
        let start = self.at + 1;
        self.at = start;
        let mut escaped = false;
        loop {
            self.at += plain_prefix(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return self.fail("control character in a string"),
            }
        }
        let text = self.since(start);
        self.at += 1;
        Ok(RawStr { text, escaped })
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

/// How many bytes from the start need no attention inside a string: no quote, no backslash, no control character.
#[inline]
fn plain_prefix(bytes: &[u8]) -> usize {
    // Most strings are keys and names, which end within the first eight bytes.
    match bytes.first_chunk().map(|word| specials(*word)) {
        Some(specials) if specials != 0 => specials.trailing_zeros() as usize / 8,
        _ => plain_prefix_of_long(bytes),
    }
}

/// The same for many bytes: after a few words, whole blocks are looked at without a branch for each byte, which the
/// compiler makes vector instructions of.
fn plain_prefix_of_long(bytes: &[u8]) -> usize {
    let is_special = |byte: u8| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    let (head, tail) = bytes.split_at(bytes.len().min(64));
    if let Some(at) = first_special(head) {
        return at;
    }
    let blocks = tail.as_chunks::<64>().0;
    let plain = blocks
        .iter()
        .position(|block| block.iter().fold(false, |any, &byte| any | is_special(byte)))
        .unwrap_or(blocks.len());
    let at = head.len() + plain * 64;
    at + first_special(&bytes[at..]).unwrap_or(bytes.len() - at)
}

fn first_special(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let specials = specials(*word);
        if specials != 0 {
            return Some(number * 8 + specials.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')?;
    Some(words.len() * 8 + at)
}

/// A bit for each byte that is a quote, a backslash or a control character. A borrow can spoil bytes above the first hit,
/// so only the lowest bit counts.
#[inline]
fn specials(word: [u8; 8]) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(word);
    let zero_bytes = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    let control = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
    control | zero_bytes(word ^ (LOW * b'"' as u64)) | zero_bytes(word ^ (LOW * b'\\' as u64))
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
