//! A file as a sequence of values, in JSON or in EDN, whichever its beginning shows: read piece by piece, so that only
//! the value at hand is in memory, and always knowing the line and column.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::super::Value;
use super::super::value::{ParseError, edn, json};
use super::read::ReadError;

/// A single value longer than this is refused, so that a small compressed file cannot fill the memory.
const MAX_VALUE_BYTES: usize = 1 << 30;

/// How much is read at a time, at least.
const PIECE_BYTES: usize = 1 << 16;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    Json,
    Edn,
}

impl Notation {
    fn name(self) -> &'static str {
        match self {
            Notation::Json => "JSON",
            Notation::Edn => "EDN",
        }
    }

    fn value_at(self, text: &str, at: usize) -> Result<(Value, usize), ParseError> {
        match self {
            Notation::Json => json::value_at(text, at),
            Notation::Edn => edn::value_at(text, at),
        }
    }

    fn token_at(self, text: &str, at: usize) -> Result<usize, ParseError> {
        match self {
            Notation::Json => Ok(json::token_at(text, at)),
            Notation::Edn => edn::token_at(text, at),
        }
    }
}

/// Where something stands in the file; both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub line: u32,
    pub column: u32,
}

pub(super) struct Source<'r> {
    input: Box<dyn BufRead + 'r>,
    /// What was read, up to the end of a line or of the input.
    text: String,
    /// The beginning of the next line, as far as it was read.
    unfinished: Vec<u8>,
    /// Bytes of `text` that were taken.
    at: usize,
    is_at_end: bool,
    /// Why nothing more could be read, if it is not that there is no more.
    failure: Option<String>,
    notation: Notation,
    /// The place of byte `counted` of `text`.
    place: Place,
    counted: usize,
}

impl<'r> Source<'r> {
    /// Of plain or compressed input.
    pub fn new(input: impl Read + 'r) -> Source<'r> {
        let mut input = BufReader::new(input);
        let input: Box<dyn BufRead + 'r> = match input.fill_buf() {
            Ok(beginning) if beginning.starts_with(GZIP_MAGIC) => {
                Box::new(BufReader::new(MultiGzDecoder::new(input)))
            }
            _ => Box::new(input),
        };
        Source {
            input,
            text: String::new(),
            unfinished: Vec::new(),
            at: 0,
            is_at_end: false,
            failure: None,
            notation: Notation::Edn,
            place: Place { line: 1, column: 1 },
            counted: 0,
        }
    }

    /// Finds out the notation. Must come first.
    pub fn begin(&mut self) -> Result<(), ReadError> {
        self.fill()?;
        if self.text.starts_with(BYTE_ORDER_MARK) {
            self.text.drain(..BYTE_ORDER_MARK.len());
        }
        // What EDN passes over is all that JSON passes over, and comments.
        let begins_with_comment = self.text.trim_start().starts_with([';', '#']);
        if self.peek()?.is_none() || begins_with_comment {
            return Ok(());
        }
        loop {
            match notation_of(&self.text[self.at..]) {
                Some(notation) => self.notation = notation,
                None if self.fill()? => continue,
                None => {}
            }
            return Ok(());
        }
    }

    /// The byte that begins the next token; `None` at the end.
    pub fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            match self.notation.token_at(&self.text, self.at) {
                Ok(at) => self.at = at,
                Err(error) if !self.is_cut_short(&error) => return Err(self.refusal(&error)),
                Err(_) => {}
            }
            let next = self.text.as_bytes().get(self.at).copied();
            if next.is_none() && self.fill()? {
                continue;
            }
            return match (next, &self.failure) {
                (None, Some(failure)) => Err(self.error_at_end(failure.clone())),
                _ => Ok(next),
            };
        }
    }

    /// Passes the byte that [`Source::peek`] found.
    pub fn pass(&mut self) {
        self.at += 1;
    }

    /// The value that begins with the next token.
    pub fn value(&mut self) -> Result<Value, ReadError> {
        loop {
            match self.notation.value_at(&self.text, self.at) {
                Ok((value, end)) => {
                    self.at = end;
                    return Ok(value);
                }
                Err(error) if !self.is_cut_short(&error) => return Err(self.refusal(&error)),
                Err(error) if !self.fill()? => return Err(self.refusal(&error)),
                Err(_) => {}
            }
        }
    }

    /// Where the next token stands, after [`Source::peek`].
    pub fn place(&mut self) -> Place {
        self.place_of(self.at)
    }

    pub fn notation(&self) -> Notation {
        self.notation
    }

    /// An error at the next token.
    pub fn error(&mut self, reason: impl Into<String>) -> ReadError {
        let place = self.place();
        ReadError { place, reason: reason.into() }
    }

    fn refusal(&mut self, error: &ParseError) -> ReadError {
        if let Some(failure) = self.failure.take_if(|_| error.offset >= self.text.len()) {
            return self.error_at_end(failure);
        }
        let place = self.place_of(error.offset);
        ReadError { place, reason: format!("in this {}, {}", self.notation.name(), error.reason) }
    }

    /// Whether the error may be none when more is read.
    fn is_cut_short(&self, error: &ParseError) -> bool {
        !self.is_at_end && error.offset >= self.text.len()
    }

    /// The place of a byte that does not lie before the last one asked for.
    fn place_of(&mut self, offset: usize) -> Place {
        let passed = &self.text[self.counted..offset.max(self.counted)];
        let columns = |text: &str| text.chars().count() as u32;
        match passed.rfind('\n') {
            Some(last) => {
                self.place.line += passed.bytes().filter(|byte| *byte == b'\n').count() as u32;
                self.place.column = 1 + columns(&passed[last + 1..]);
            }
            None => self.place.column += columns(passed),
        }
        self.counted = self.counted.max(offset);
        self.place
    }

    /// Reads on, to the end of a line: as much again as there is, so that a long value is not begun too often. Says
    /// whether anything came.
    fn fill(&mut self) -> Result<bool, ReadError> {
        self.place_of(self.at);
        self.text.drain(..self.at);
        (self.at, self.counted) = (0, 0);
        let before = self.text.len();
        while !self.is_at_end && self.text.len() == before {
            let piece = PIECE_BYTES.max(before).max(self.unfinished.len());
            let read = self.input.by_ref().take(piece as u64).read_to_end(&mut self.unfinished);
            self.is_at_end = !matches!(read, Ok(length) if length == piece);
            self.failure = read.err().map(|error| io_reason(&error));
            let last_line_end = self.unfinished.iter().rposition(|byte| *byte == b'\n');
            let whole = match self.is_at_end && self.failure.is_none() {
                true => self.unfinished.len(),
                false => last_line_end.map_or(0, |at| at + 1),
            };
            if before + self.unfinished.len() > MAX_VALUE_BYTES {
                return Err(self.error("a single value is longer than 1 GiB"));
            }
            let rest = self.unfinished.split_off(whole);
            let lines = std::mem::replace(&mut self.unfinished, rest);
            self.append(lines)?;
        }
        Ok(self.text.len() > before)
    }

    fn append(&mut self, lines: Vec<u8>) -> Result<(), ReadError> {
        match String::from_utf8(lines) {
            Ok(lines) => {
                self.text.push_str(&lines);
                Ok(())
            }
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                self.text.push_str(&String::from_utf8_lossy(&error.as_bytes()[..valid]));
                let is_utf16 = matches!(error.as_bytes(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
                Err(self.error_at_end(if is_utf16 { "this is UTF-16, not UTF-8" } else { "not UTF-8" }))
            }
        }
    }

    fn error_at_end(&mut self, reason: impl Into<String>) -> ReadError {
        let place = self.place_of(self.text.len());
        ReadError { place, reason: reason.into() }
    }
}

/// What the beginning of a text shows. `None` if it shows too little.
fn notation_of(text: &str) -> Option<Notation> {
    let mut rest = text.trim_start();
    while let Some(inside) = rest.strip_prefix('[') {
        rest = inside.trim_start();
    }
    let Some(inside) = rest.strip_prefix('{') else {
        return rest.chars().next().map(|first| match first {
            '(' | '#' | ';' | ':' | ',' => Notation::Edn,
            _ => Notation::Json,
        });
    };
    match inside.trim_start().strip_prefix('"') {
        None if inside.trim_start().is_empty() => None,
        None if inside.trim_start().starts_with('}') => Some(Notation::Json),
        None => Some(Notation::Edn),
        Some(key) => {
            let after = &key[end_of_string(key)?..];
            let colon = after.trim_start();
            let Some(value) = colon.strip_prefix(':') else {
                return (!colon.is_empty()).then_some(Notation::Edn);
            };
            // EDN's keys may be strings, and its values keywords.
            let is_word = ["true", "false", "null"].iter().any(|word| value.starts_with(word));
            let is_keyword =
                after != colon && value.starts_with(|first: char| first.is_alphabetic()) && !is_word;
            Some(if is_keyword { Notation::Edn } else { Notation::Json })
        }
    }
}

/// Where a string ends whose opening quote was passed.
fn end_of_string(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let is_end = |(_, byte): &(usize, u8)| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    };
    text.bytes().enumerate().find(is_end).map(|(at, _)| at + 1)
}

fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the compressed file ends too early".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_shows_the_notation() {
        let json =
            [r#"{"a":1}"#, r#"{ "a" : true}"#, r#"[ {"a":"b"}"#, "{}", "[]", r#"{"a\"" :null"#, r#"{"a": b"#];
        let edn =
            ["{:a 1}", "({:a 1})", "[{:a 1}", "#a.B{:a 1}", r#"{"a" :b}"#, r#"{"a" 1}"#, "; a\n", "{1 2}"];
        assert!(json.iter().all(|text| notation_of(text) == Some(Notation::Json)));
        assert!(edn.iter().all(|text| notation_of(text) == Some(Notation::Edn)));
        assert!(["", " ", "{", r#"[{"a"#, r#"{"a""#].iter().all(|text| notation_of(text).is_none()));
    }

    #[test]
    fn values_longer_than_a_piece_are_read_whole() {
        let long = "x".repeat(3 * PIECE_BYTES);
        let lines = "1,\n".repeat(PIECE_BYTES);
        let text = format!("[{{\"a\":\"{long}\"}},\n\n{{\"b\":[{lines}2]}}]");
        let mut source = Source::new(text.as_bytes());
        source.begin().unwrap();
        source.pass();
        assert_eq!(source.value().unwrap().get("a").and_then(Value::as_str).map(str::len), Some(long.len()));
        assert_eq!(source.peek().unwrap(), Some(b','));
        source.pass();
        assert_eq!(source.peek().unwrap(), Some(b'{'));
        assert_eq!(source.place(), Place { line: 3, column: 1 });
        let value = source.value().unwrap();
        assert_eq!(value.get("b").and_then(Value::as_list).map(<[_]>::len), Some(PIECE_BYTES + 1));
        assert_eq!(source.place(), Place { line: 3 + PIECE_BYTES as u32, column: 4 });
        source.pass();
        assert_eq!(source.peek().unwrap(), None);
    }
}
