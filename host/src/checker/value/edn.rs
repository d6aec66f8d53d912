//! A reader for EDN as Jepsen writes it (github.com/edn-format/edn), with the integers of Clojure's reader. The tags of
//! anything but text are dropped; namespaced maps, ratios, metadata and maps as keys, which no history holds, are
//! refused.

use super::cursor::Cursor;
use super::number::{integer_of, number_of};
use super::{MAX_DEPTH, ParseError, Value};

/// Reads exactly one value.
pub(super) fn parse(text: &str) -> Result<Value, ParseError> {
    let mut parser = Parser { cursor: Cursor::new(text) };
    let value = parser.value(0)?;
    match parser.peek_token(0)? {
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
pub(in super::super) fn token_at(text: &str, at: usize) -> Result<usize, ParseError> {
    let mut parser = Parser { cursor: Cursor { text, at } };
    parser.peek_token(0)?;
    Ok(parser.cursor.at)
}

struct Parser<'t> {
    cursor: Cursor<'t>,
}

impl<'t> Parser<'t> {
    /// `depth` counts everything that recurses: collections, tags and discarded values.
    fn value(&mut self, depth: usize) -> Result<Value, ParseError> {
        if depth > MAX_DEPTH {
            return Err(self.cursor.error("nested too deeply"));
        }
        match self.peek_token(depth)? {
            None => Err(self.cursor.error("the text ends where a value should be")),
            Some(b'[') => Ok(Value::List(self.elements(b']', depth)?)),
            Some(b'(') => Ok(Value::List(self.elements(b')', depth)?)),
            Some(b'{') => self.map(depth),
            Some(b'#') => self.dispatch(depth),
            Some(b'"') => Ok(Value::Str(self.cursor.string()?)),
            Some(b'\\') => self.character(),
            Some(_) => self.atom(),
        }
    }

    /// The values between an opening bracket, which comes next, and a closing one.
    fn elements(&mut self, closing: u8, depth: usize) -> Result<Vec<Value>, ParseError> {
        let mut elements = Vec::new();
        self.cursor.at += 1;
        loop {
            match self.peek_token(depth)? {
                None => return Err(self.cursor.error("the text ends inside a collection")),
                Some(token) if token == closing => {
                    self.cursor.at += 1;
                    return Ok(elements);
                }
                Some(_) => elements.push(self.value(depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, ParseError> {
        let start = self.cursor.at;
        let mut elements = self.elements(b'}', depth)?.into_iter();
        let mut entries = Vec::with_capacity(elements.len() / 2);
        while let Some(key) = elements.next() {
            let at_start = |reason: &str| ParseError { offset: start, reason: reason.to_owned() };
            let value = elements.next().ok_or_else(|| at_start("a map has a key without a value"))?;
            if contains_map(&key) {
                return Err(at_start("a map may not be part of a key"));
            }
            entries.push((key, value));
        }
        Ok(Value::map_of(entries))
    }

    /// What begins with `#`: a set, `##Inf`, or a tagged value. (`#_` is white space.)
    fn dispatch(&mut self, depth: usize) -> Result<Value, ParseError> {
        self.cursor.at += 1;
        match self.cursor.peek() {
            Some(b'{') => {
                let mut elements = self.elements(b'}', depth)?;
                // Sets are equal in any order.
                elements.sort_unstable();
                Ok(Value::List(elements))
            }
            Some(b'#') => self.symbolic_float(),
            Some(b':') => {
                Err(self.cursor.error("a map with a namespace is not read; write its keys in full"))
            }
            Some(letter) if letter.is_ascii_alphabetic() => {
                let tag = self.token();
                Ok(match self.value(depth + 1)? {
                    Value::Str(text) => Value::Name(format!("#{tag} {text}").into()),
                    value => value,
                })
            }
            _ => Err(self.cursor.error("expected a set or a tag after `#`")),
        }
    }

    fn symbolic_float(&mut self) -> Result<Value, ParseError> {
        self.cursor.at += 1;
        let start = self.cursor.at;
        match self.token() {
            "Inf" => Ok(Value::Float(f64::INFINITY)),
            "-Inf" => Ok(Value::Float(f64::NEG_INFINITY)),
            "NaN" => Ok(Value::Float(f64::NAN)),
            _ => Err(ParseError { offset: start, reason: "expected Inf, -Inf or NaN".to_owned() }),
        }
    }

    /// `\a`, `\newline`, `\u00e4`, … as the name of that character.
    fn character(&mut self) -> Result<Value, ParseError> {
        let start = self.cursor.at;
        self.cursor.at += 1;
        let Some(first) = self.cursor.text[self.cursor.at..].chars().next() else {
            return Err(self.cursor.error("the text ends inside a character"));
        };
        self.cursor.at += first.len_utf8();
        let rest = self.token();
        let name = &self.cursor.text[start + 1..self.cursor.at];
        let text = match name {
            _ if rest.is_empty() => name,
            "newline" => "\n",
            "return" => "\r",
            "space" => " ",
            "tab" => "\t",
            "formfeed" => "\u{c}",
            "backspace" => "\u{8}",
            _ if first == 'u' => {
                let character = Cursor::new(name).unicode_escape();
                let character = character.map_err(|error| ParseError { offset: start, ..error })?;
                return Ok(Value::Name(format!("\\{character}").into()));
            }
            _ => return Err(ParseError { offset: start, reason: "unknown character".to_owned() }),
        };
        Ok(Value::Name(format!("\\{text}").into()))
    }

    /// A number, `nil`, `true`, `false`, a keyword or a symbol.
    fn atom(&mut self) -> Result<Value, ParseError> {
        let start = self.cursor.at;
        let token = self.token();
        let at_start = |reason: &str| ParseError { offset: start, reason: reason.to_owned() };
        match token {
            "" if self.cursor.peek() == Some(b'^') => Err(at_start("metadata is not read")),
            "" => Err(at_start("this does not begin an EDN value")),
            "nil" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            ":" => Err(at_start("a keyword without a name")),
            _ if is_number(token) => number(token).map_err(|reason| at_start(&reason)),
            _ => Ok(Value::Name(token.into())),
        }
    }

    /// The characters up to the next delimiter.
    fn token(&mut self) -> &'t str {
        self.cursor.take_while(|byte| !is_space(byte) && !b"()[]{}\";\\^".contains(&byte))
    }

    /// The next byte that is neither white space (which commas are) nor part of a comment or discarded value.
    fn peek_token(&mut self, depth: usize) -> Result<Option<u8>, ParseError> {
        loop {
            self.cursor.take_while(is_space);
            if self.cursor.peek() == Some(b';') {
                self.cursor.take_while(|byte| byte != b'\n');
            } else if self.cursor.take("#_") {
                self.value(depth + 1)?;
            } else {
                return Ok(self.cursor.peek());
            }
        }
    }
}

/// Maps in keys in maps in keys … would make comparing values take exponential time.
fn contains_map(key: &Value) -> bool {
    match key {
        Value::Map(_) => true,
        Value::List(elements) => elements.iter().any(contains_map),
        _ => false,
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0xb | 0xc | b',')
}

fn is_number(token: &str) -> bool {
    let unsigned = token.strip_prefix(['+', '-']).unwrap_or(token);
    unsigned.starts_with(|first: char| first.is_ascii_digit())
}

/// Clojure's `1N` is the integer 1; its decimal `1.5M` is read as a float. `0x1f`, `2r101` and, with nothing but a
/// leading zero, the octal `017` are integers too.
fn number(token: &str) -> Result<Value, String> {
    let unsigned = token.strip_prefix(['+', '-']).unwrap_or(token);
    let sign = if token.starts_with('-') { "-" } else { "" };
    let whole = unsigned.strip_suffix('N').unwrap_or(unsigned);
    let in_radix = |digits: &str, radix: u32| match digits.chars().all(|digit| digit.is_digit(radix)) {
        true if digits.is_empty() => Err("no digits after the radix".to_owned()),
        true => integer_of(&format!("{sign}{digits}"), radix),
        false => Err(format!("not a number in base {radix}")),
    };
    if let Some(digits) = whole.strip_prefix("0x").or_else(|| whole.strip_prefix("0X")) {
        return in_radix(digits, 16);
    }
    if let Some((radix, digits)) = unsigned.split_once(['r', 'R'])
        && let Some(radix) = radix.parse().ok().filter(|radix| (2..=36).contains(radix))
    {
        return in_radix(digits, radix);
    }
    if token.contains('/') {
        return Err("a ratio is not read; write an integer or a decimal".to_owned());
    }
    if !token.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eENM".contains(&byte)) {
        return Err("not a number in decimal notation".to_owned());
    }
    let is_float = token.contains(['.', 'e', 'E', 'M']);
    match whole.strip_prefix('0').filter(|digits| !is_float && !digits.is_empty()) {
        Some(octal) if octal.contains(['8', '9']) => {
            Err("an integer that begins with 0 is octal, which knows no 8 or 9".to_owned())
        }
        Some(octal) => in_radix(octal, 8),
        None if is_float => number_of(token.strip_suffix('M').unwrap_or(token), true),
        None => number_of(token.strip_suffix('N').unwrap_or(token), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edn(text: &str) -> String {
        parse(text).unwrap().to_string()
    }

    fn reason(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn an_operation_is_read_as_jepsen_prints_it() {
        let text = "#jepsen.history.Op{:index 0, :time 12, :type :invoke, :process :nemesis, :value [1 nil]}";
        assert_eq!(
            edn(text),
            r#"{"index":0,"time":12,"type":"invoke","process":"nemesis","value":[1,null]}"#
        );
    }

    #[test]
    fn every_kind_of_value_is_read() {
        assert_eq!(edn("[nil true false a/b :k/w :final?]"), r#"[null,true,false,"a/b","k/w","final?"]"#);
        assert_eq!(
            edn("[1 +1 -1 1N 1.5 2M 1e3 99999999999999999999N]"),
            "[1,1,-1,1,1.5,2.0,1000.0,99999999999999999999]"
        );
        assert_eq!(edn(r#"(1, #{3 2} #inst "1985" "a\"\u00e4\n")"#), r##"[1,[2,3],"#inst 1985","a\"ä\n"]"##);
        assert_eq!(edn(r"[\a \newline \u00e4 \é \( \space]"), r#"["a","\n","ä","é","("," "]"#);
        assert_eq!(edn("[1 #_ [2 3] 4 #_5] ; done"), "[1,4]");
        assert_eq!(edn(r#"#object[a.B$c__12 0x1f "x"]"#), r#"["a.B$c__12",31,"x"]"#);
        assert_eq!(parse("##Inf"), Ok(Value::Float(f64::INFINITY)));
    }

    #[test]
    fn what_is_no_string_equals_none() {
        let strings = [":a", "a", r"\a", r#"#uuid "a""#, ":b/a"];
        for name in strings {
            assert_ne!(parse(name), parse(r#""a""#), "{name}");
            assert_eq!(parse(name), parse(name));
        }
        assert_eq!(parse(":read").unwrap().as_str(), Some("read"));
    }

    #[test]
    fn integers_are_read_as_clojure_reads_them() {
        assert_eq!(edn("[017 -017 +07 0 00 0N 017N]"), "[15,-15,7,0,0,0,15]");
        assert_eq!(edn("[0x1F -0xff 0XaN 2r101 36rZZ -16rff]"), "[31,-255,10,5,1295,-255]");
        assert_eq!(edn("[01.5 0.5 0e1]"), "[1.5,0.5,0.0]");
        for text in ["08", "019", "0x", "0xg", "2r2", "2r", "1r1", "37r1", "-09N"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_integer_is_limited_before_it_is_read() {
        let long = "7".repeat(5_000_000);
        let told = "byte 0: an integer of 5000000 digits; at most 10000 are read";
        assert_eq!(reason(&long), told);
        for text in [format!("0x{long}"), format!("0{long}"), format!("36r{long}"), format!("{long}N")] {
            assert!(reason(&text).contains(" digits; at most 10000 are read"));
        }
    }

    #[test]
    fn damage_is_reported_with_its_place() {
        assert_eq!(reason("{:a}"), "byte 0: a map has a key without a value");
        assert_eq!(reason("[{[1 {}] 2}]"), "byte 1: a map may not be part of a key");
        assert_eq!(reason("[1 2"), "byte 4: the text ends inside a collection");
        assert_eq!(reason("[1 2)"), "byte 4: this does not begin an EDN value");
        assert_eq!(reason("1/2"), "byte 0: a ratio is not read; write an integer or a decimal");
        assert_eq!(reason("0x"), "byte 0: no digits after the radix");
        assert_eq!(reason("1-2"), "byte 0: not an integer");
        assert_eq!(reason("1.2.3"), "byte 0: the number is too large or not one");
        assert_eq!(reason("#:a{:b 1}"), "byte 1: a map with a namespace is not read; write its keys in full");
        assert_eq!(reason("#'a"), "byte 1: expected a set or a tag after `#`");
        assert_eq!(reason("^{:a 1} []"), "byte 0: metadata is not read");
        assert_eq!(reason(r"\nope"), "byte 0: unknown character");
        assert_eq!(reason("1 2"), "byte 2: nothing may follow the value");
        assert_eq!(reason("#_1"), "byte 3: the text ends where a value should be");
    }

    #[test]
    fn nesting_is_limited() {
        for text in ["[", "#{", "#_", "#a ", "{:a ", "#_#a "] {
            assert!(parse(&text.repeat(1_000_000)).is_err());
        }
        assert_eq!(reason(&"[".repeat(200)), format!("byte {}: nested too deeply", MAX_DEPTH + 1));
    }
}
