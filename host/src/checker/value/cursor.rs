//! A place in a text that is being read, and what JSON and EDN have in common: bytes and quoted strings.

use super::ParseError;

pub(super) struct Cursor<'t> {
    pub text: &'t str,
    /// Bytes read so far; always at a character boundary.
    pub at: usize,
}

impl<'t> Cursor<'t> {
    pub fn new(text: &'t str) -> Cursor<'t> {
        Cursor { text, at: 0 }
    }

    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes the bytes that `accept` likes and returns them. It must accept all or none of the bytes ≥ 128.
    pub fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'t str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| !accept(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Passes an ASCII character if it comes next.
    pub fn take_byte(&mut self, ascii: u8) -> bool {
        let found = self.peek() == Some(ascii);
        self.at += usize::from(found);
        found
    }

    /// Passes `prefix` if it comes next.
    pub fn take(&mut self, prefix: &str) -> bool {
        let found = self.text[self.at..].starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    pub fn error(&self, reason: impl Into<String>) -> ParseError {
        ParseError { offset: self.at, reason: reason.into() }
    }

    /// A string from its opening quote to its closing one. Control characters may stand for themselves.
    pub fn string(&mut self) -> Result<Box<str>, ParseError> {
        self.at += 1;
        let mut content = String::from(self.take_while(|byte| !matches!(byte, b'"' | b'\\')));
        loop {
            match self.peek() {
                None => return Err(self.error("the text ends inside a string")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(content.into());
                }
                Some(_) => content.push(self.escape()?),
            }
            content.push_str(self.take_while(|byte| !matches!(byte, b'"' | b'\\')));
        }
    }

    /// One escape, from its backslash.
    fn escape(&mut self) -> Result<char, ParseError> {
        self.at += 1;
        let character = match self.peek() {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.error("unknown escape")),
        };
        self.at += 1;
        Ok(character)
    }

    /// `uXXXX` or a surrogate pair `uXXXX\uXXXX`, from the first `u`.
    pub fn unicode_escape(&mut self) -> Result<char, ParseError> {
        let unit = self.utf16_unit()?;
        let end = self.at;
        if (0xd800..0xdc00).contains(&unit) && self.take("\\u") {
            self.at -= 1;
            if let Some(Ok(character)) = char::decode_utf16([unit, self.utf16_unit()?]).next() {
                return Ok(character);
            }
            self.at = end;
        }
        Ok(char::from_u32(u32::from(unit)).unwrap_or_else(|| stand_in(unit)))
    }

    fn utf16_unit(&mut self) -> Result<u16, ParseError> {
        if !self.take_byte(b'u') {
            return Err(self.error("expected `u`"));
        }
        let digits =
            self.text.get(self.at..self.at + 4).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|hex| u16::from_str_radix(hex, 16).ok());
        let unit = unit.ok_or_else(|| self.error("expected four hexadecimal digits"))?;
        self.at += 4;
        Ok(unit)
    }
}

/// The character for half of a surrogate pair whose other half is missing. Maelstrom's reader takes such a string as it
/// is, which Rust's strings cannot hold; a private character for each half keeps different strings different.
fn stand_in(surrogate: u16) -> char {
    char::from_u32(0x10_f000 + u32::from(surrogate) - 0xd800).expect("plane 16 has characters there")
}
