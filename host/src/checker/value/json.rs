//! A JSON reader (RFC 8259) for values. Unlike serde_json it keeps integers of any size; unlike the standard it lets
//! control characters stand in strings.

use super::cursor::Cursor;
use super::number::number_of;
use super::{MAX_DEPTH, ParseError, Value};

/// Reads exactly one value.
pub(super) fn parse(text: &str) -> Result<Value, ParseError> {
    let mut parser = Parser { cursor: Cursor::new(text) };
    let value = parser.value(0)?;
    match parser.peek_token() {
        None => Ok(value),
        Some(_) => Err(parser.cursor.error("nothing may follow the value")),
    }
}

/// The value that begins at a place, and where it ends.
pub(in super::super) fn value_at(text: &str, at: usize) -> Result<(Value, usize), ParseError> {
    let mut parser = Parser { cursor: Cursor { text, at } };
    let value = parser.value(0)?;
    Ok((value, parser.cursor.at))
}

/// Where the next token begins, at or after a place.
pub(in super::super) fn token_at(text: &str, at: usize) -> usize {
    let mut parser = Parser { cursor: Cursor { text, at } };
    parser.peek_token();
    parser.cursor.at
}

struct Parser<'t> {
    cursor: Cursor<'t>,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, ParseError> {
        match self.peek_token() {
            None => Err(self.cursor.error("the text ends where a value should be")),
            Some(b'[' | b'{') if depth == MAX_DEPTH => Err(self.cursor.error("nested too deeply")),
            Some(b'[') => self.array(depth),
            Some(b'{') => self.object(depth),
            Some(b'"') => Ok(Value::Str(self.cursor.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, ParseError> {
        let mut elements = Vec::new();
        self.cursor.at += 1;
        if self.takes(b']') {
            return Ok(Value::List(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if self.takes(b']') {
                return Ok(Value::List(elements));
            }
            self.expect(b',', "expected `,` or `]`")?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, ParseError> {
        let mut entries = Vec::new();
        self.cursor.at += 1;
        if self.takes(b'}') {
            return Ok(Value::Map(entries));
        }
        loop {
            if self.peek_token() != Some(b'"') {
                return Err(self.cursor.error("expected a key in double quotes"));
            }
            let key = Value::Str(self.cursor.string()?);
            self.expect(b':', "expected `:`")?;
            entries.push((key, self.value(depth + 1)?));
            if self.takes(b'}') {
                return Ok(Value::map_of(entries));
            }
            self.expect(b',', "expected `,` or `}`")?;
        }
    }

    fn word(&mut self) -> Result<Value, ParseError> {
        let words = [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
        let found = words.into_iter().find(|(word, _)| self.cursor.take(word));
        found.map(|(_, value)| value).ok_or_else(|| self.cursor.error("this does not begin a JSON value"))
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        if let Some(integer) = self.short_integer() {
            return Ok(Value::Int(integer));
        }
        let start = self.cursor.at;
        self.cursor.take_byte(b'-');
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(ParseError { offset: start, reason: "a number may not begin with 0".to_owned() });
        }
        let has_fraction = self.cursor.take_byte(b'.');
        if has_fraction {
            self.digits()?;
        }
        let has_exponent = self.cursor.take_byte(b'e') || self.cursor.take_byte(b'E');
        if has_exponent {
            let _sign = self.cursor.take_byte(b'+') || self.cursor.take_byte(b'-');
            self.digits()?;
        }
        let text = &self.cursor.text[start..self.cursor.at];
        number_of(text, has_fraction || has_exponent).map_err(|reason| ParseError { offset: start, reason })
    }

    /// What nearly every number of a history is, and so in one go: an integer of up to 18 digits.
    fn short_integer(&mut self) -> Option<i64> {
        let text = &self.cursor.text.as_bytes()[self.cursor.at..];
        let (sign, digits) = match text {
            [b'-', digits @ ..] => (-1, digits),
            digits => (1, digits),
        };
        let len = digits.iter().take(19).take_while(|byte| byte.is_ascii_digit()).count();
        let is_plain = match (len, digits.get(len)) {
            (0 | 19.., _) | (_, Some(b'.' | b'e' | b'E')) => false,
            _ => len == 1 || digits[0] != b'0',
        };
        if !is_plain {
            return None;
        }
        self.cursor.at += text.len() - digits.len() + len;
        Some(sign * digits[..len].iter().fold(0, |number, digit| 10 * number + i64::from(digit - b'0')))
    }

    fn digits(&mut self) -> Result<&str, ParseError> {
        let digits = self.cursor.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() { Err(self.cursor.error("expected a digit")) } else { Ok(digits) }
    }

    /// The next byte that is not white space.
    fn peek_token(&mut self) -> Option<u8> {
        self.cursor.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.cursor.peek()
    }

    fn takes(&mut self, token: u8) -> bool {
        self.peek_token();
        self.cursor.take_byte(token)
    }

    fn expect(&mut self, token: u8, reason: &str) -> Result<(), ParseError> {
        if self.takes(token) { Ok(()) } else { Err(self.cursor.error(reason)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn half_a_surrogate_pair_is_read_and_stays_different_from_any_other() {
        let read = |text: &str| parse(text).unwrap();
        assert_eq!(read(r#""\ud83d\ude00""#), read("\"\u{1f600}\""));
        let halves = [
            r#""\ud800""#,
            r#""\ud801""#,
            r#""\udc00""#,
            r#""\ud800\ud800""#,
            r#""\ud800\n""#,
            r#""\ud800\u0041""#,
        ];
        for (at, half) in halves.iter().enumerate() {
            assert!(halves[..at].iter().all(|other| read(other) != read(half)), "{half}");
        }
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let value =
            parse(r#" {"n":null,"t":true,"i":-12,"f":1.5e3,"s":"a\u00e4\ud83d\ude00\/","l":[1, [] ]} "#)
                .unwrap();
        assert_eq!(value.get("n"), Some(&Value::Null));
        assert_eq!(value.get("t"), Some(&Value::Bool(true)));
        assert_eq!(value.get("i"), Some(&Value::Int(-12)));
        assert_eq!(value.get("f"), Some(&Value::Float(1500.0)));
        assert_eq!(value.get("s"), Some(&Value::from("aä😀/")));
        assert_eq!(value.get("l").unwrap().to_string(), "[1,[]]");
    }

    #[test]
    fn integers_of_every_length_are_exact() {
        for digits in 1..=25 {
            for sign in ["", "-"] {
                let text = format!("{sign}{}", &"9182736455463728190918273"[..digits]);
                assert_eq!(parse(&text).unwrap().to_string(), text);
            }
        }
        assert_eq!(parse("-9223372036854775808").unwrap(), Value::Int(i64::MIN));
        assert_eq!(parse("[0,-0,1e2,-1.5]").unwrap().to_string(), "[0,0,100.0,-1.5]");
        for text in ["-", "01", "-01", "1.", "1e", "00000000000000000001"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_integer_is_limited_before_it_is_read() {
        let told = "byte 1: an integer of 5000000 digits; at most 10000 are read";
        assert_eq!(reason(&format!("[{}]", "7".repeat(5_000_000))), told);
    }

    #[test]
    fn damage_is_reported_with_its_place() {
        assert_eq!(reason(r#"{"a":1,}"#), "byte 7: expected a key in double quotes");
        assert_eq!(reason("[1 2]"), "byte 3: expected `,` or `]`");
        assert_eq!(reason("[1"), "byte 2: expected `,` or `]`");
        assert_eq!(reason(""), "byte 0: the text ends where a value should be");
        assert_eq!(reason("nul"), "byte 0: this does not begin a JSON value");
        assert_eq!(reason("1 1"), "byte 2: nothing may follow the value");
        assert_eq!(reason("01"), "byte 0: a number may not begin with 0");
        assert_eq!(reason("1."), "byte 2: expected a digit");
        assert_eq!(reason("1e999"), "byte 0: the number is too large or not one");
        assert_eq!(reason(r#""\u00g0""#), "byte 3: expected four hexadecimal digits");
        assert_eq!(reason("\"ab"), "byte 3: the text ends inside a string");
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(reason(&nested(MAX_DEPTH + 1)), format!("byte {MAX_DEPTH}: nested too deeply"));
        assert!(parse(&"{\"a\":".repeat(1_000_000)).is_err());
    }
}
