//! Histories in files: records of judged histories, our own `history.jsonl`, and Jepsen's `history.edn`; each plain
//! or compressed with gzip. Which it is shows in the content, not in the name.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::super::Value;
use super::{History, Op};

/// A line longer than this is refused, so that a small compressed file cannot fill the memory.
const MAX_LINE_BYTES: u64 = 1 << 30;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// A history and what was recorded with it.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// The name of the history, in a file that holds several.
    pub id: Option<String>,
    /// The workload that made it.
    pub workload: Option<String>,
    /// How it was made; `null` or a map.
    pub options: Value,
    /// The operations.
    pub history: History,
    /// What another checker found, as that checker writes it.
    pub expect: Option<Value>,
}

/// Why a file holds no histories: one line, with the number of the line it speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// From 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for ReadError {}

/// Reads one history after the other from `input`, whose form shows in its first line:
///
/// * a JSON object with a `history`: every line is such a record, with `id`, `workload`, `options` and `expect`;
/// * any other JSON object: every line is one operation of one history (`history.jsonl`);
/// * an EDN map: likewise (`history.edn`).
///
/// Blank lines do not count; an input without lines is one empty history.
pub fn read_histories<'r>(input: impl Read + 'r) -> Recordings<'r> {
    let mut input = BufReader::new(input);
    let source: Box<dyn BufRead + 'r> = match input.fill_buf() {
        Ok(beginning) if beginning.starts_with(GZIP_MAGIC) => {
            Box::new(BufReader::new(MultiGzDecoder::new(input)))
        }
        _ => Box::new(input),
    };
    Recordings { lines: Lines { source, number: 0 }, state: State::Beginning }
}

/// The histories in an input; ends after the first error.
pub struct Recordings<'r> {
    lines: Lines<'r>,
    state: State,
}

enum State {
    Beginning,
    InRecords,
    Done,
}

impl Iterator for Recordings<'_> {
    type Item = Result<Recorded, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let state = std::mem::replace(&mut self.state, State::Done);
        let recorded = match state {
            State::Done => return None,
            State::Beginning => self.first(),
            State::InRecords => match self.lines.next_value(Notation::Json) {
                Ok(None) => return None,
                Ok(Some(record)) => self.record(record),
                Err(error) => Err(error),
            },
        };
        Some(recorded)
    }
}

impl Recordings<'_> {
    fn first(&mut self) -> Result<Recorded, ReadError> {
        let Some(line) = self.lines.next_line()? else {
            return Ok(Recorded::default());
        };
        let notation = Notation::of(&line);
        let first = self.lines.value(&line, notation)?;
        if first.get("history").is_some() {
            return self.record(first);
        }
        self.operations(first, notation)
    }

    /// One history of which every line is one operation.
    fn operations(&mut self, first: Value, notation: Notation) -> Result<Recorded, ReadError> {
        let mut ops: Vec<Op> = Vec::new();
        let mut line_of = Vec::new();
        let mut record = Some(first);
        while let Some(map) = record {
            let op = next_op(map, ops.last(), ops.len()).map_err(|reason| self.lines.error(reason))?;
            ops.push(op);
            line_of.push(self.lines.number);
            record = self.lines.next_value(notation)?;
        }
        let history = History::new(ops)
            .map_err(|error| ReadError { line: line_of[error.index()], reason: error.to_string() })?;
        Ok(Recorded { history, ..Recorded::default() })
    }

    /// One history in one line.
    fn record(&mut self, mut record: Value) -> Result<Recorded, ReadError> {
        let history = history_of(record.take("history")).map_err(|reason| self.lines.error(reason))?;
        let text = |key: &str| record.get(key).and_then(Value::as_str).map(str::to_owned);
        let (id, workload) = (text("id"), text("workload"));
        self.state = State::InRecords;
        Ok(Recorded {
            id,
            workload,
            options: record.take("options").unwrap_or_default(),
            history,
            expect: record.take("expect"),
        })
    }
}

fn history_of(field: Option<Value>) -> Result<History, String> {
    let Some(Value::List(records)) = field else {
        return Err("`history` must be a list of operations".to_owned());
    };
    let mut ops: Vec<Op> = Vec::with_capacity(records.len());
    for (position, record) in records.into_iter().enumerate() {
        let op = next_op(record, ops.last(), position)
            .map_err(|reason| format!("operation {position}: {reason}"))?;
        ops.push(op);
    }
    History::new(ops).map_err(|error| error.to_string())
}

/// Operations may have been left out of a file, but not put in another order.
fn next_op(record: Value, before: Option<&Op>, position: usize) -> Result<Op, String> {
    let default_index = before.map_or(position, |before| before.index + 1);
    let op = Op::from_value(record, default_index)?;
    match before {
        Some(before) if op.index <= before.index => {
            Err(format!("index {} does not come after index {}", op.index, before.index))
        }
        _ => Ok(op),
    }
}

#[derive(Clone, Copy)]
enum Notation {
    Json,
    Edn,
}

impl Notation {
    /// In JSON, a brace is followed by a quoted key; in EDN, keys are keywords.
    fn of(line: &str) -> Notation {
        match line.trim_start().strip_prefix('{') {
            Some(rest) if rest.trim_start().starts_with(['"', '}']) => Notation::Json,
            Some(_) => Notation::Edn,
            None if line.trim_start().starts_with('#') => Notation::Edn,
            None => Notation::Json,
        }
    }
}

struct Lines<'r> {
    source: Box<dyn BufRead + 'r>,
    /// Of the line read last, from 1.
    number: usize,
}

impl Lines<'_> {
    fn next_value(&mut self, notation: Notation) -> Result<Option<Value>, ReadError> {
        match self.next_line()? {
            Some(line) => self.value(&line, notation).map(Some),
            None => Ok(None),
        }
    }

    fn value(&self, line: &str, notation: Notation) -> Result<Value, ReadError> {
        let value = match notation {
            Notation::Json => Value::from_json(line),
            Notation::Edn => Value::from_edn(line),
        };
        value.map_err(|error| self.error(error.to_string()))
    }

    /// The next line that is not blank.
    fn next_line(&mut self) -> Result<Option<String>, ReadError> {
        loop {
            self.number += 1;
            let mut bytes = Vec::new();
            let mut limited = (&mut self.source).take(MAX_LINE_BYTES);
            match limited.read_until(b'\n', &mut bytes) {
                Ok(0) => return Ok(None),
                Ok(_) if limited.limit() == 0 => return Err(self.error("the line is longer than 1 GiB")),
                Ok(_) if bytes.trim_ascii().is_empty() => {}
                Ok(_) => return self.text(bytes).map(Some),
                Err(error) => return Err(self.error(io_reason(&error))),
            }
        }
    }

    fn text(&self, bytes: Vec<u8>) -> Result<String, ReadError> {
        String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            self.error(format!("byte {offset}: not UTF-8"))
        })
    }

    fn error(&self, reason: impl Into<String>) -> ReadError {
        ReadError { line: self.number, reason: reason.into() }
    }
}

fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the compressed file ends too early".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::super::{Kind, Process};
    use super::*;

    const RECORDS: &str = concat!(
        r#"{"id":"a","workload":"echo","options":{"concurrency":2},"history":["#,
        r#"{"index":0,"time":5,"type":"invoke","process":0,"f":"read","value":null},"#,
        r#"{"index":1,"time":6,"type":"ok","process":0,"f":"read","value":[1],"final":true}"#,
        r#"],"expect":{"valid":true}}"#,
        "\n\n",
        r#"{"id":"b","history":[]}"#,
        "\n"
    );

    const JSON_LINES: &str = concat!(
        r#"{"index":0,"time":5,"type":"invoke","process":0,"f":"read","value":null}"#,
        "\n",
        r#"{"index":1,"time":6,"type":"info","process":"nemesis","f":"start-partition","value":{"n1":["n2"]}}"#,
        "\n",
        r#"{"index":2,"time":7,"type":"ok","process":0,"f":"read","value":[1],"final?":true}"#,
    );

    const EDN_LINES: &str = concat!(
        "{:type :invoke, :f :read, :value nil, :time 5, :process 0, :index 0}\n",
        "{:type :info, :f :start-partition, :value {\"n1\" #{\"n2\"}}, :time 6, :process :nemesis, :index 1}\n",
        "#jepsen.history.Op{:index 2, :time 7, :type :ok, :process 0, :f :read, :value [1], :final? true}\n",
    );

    fn read(bytes: &[u8]) -> Result<Vec<Recorded>, String> {
        read_histories(bytes).collect::<Result<_, _>>().map_err(|error: ReadError| error.to_string())
    }

    fn gzipped(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn records_of_judged_histories_are_read_one_a_line() {
        let recorded = read(RECORDS.as_bytes()).unwrap();
        let [a, b] = &recorded[..] else { panic!("two histories, not {}", recorded.len()) };
        assert_eq!((a.id.as_deref(), a.workload.as_deref()), (Some("a"), Some("echo")));
        assert_eq!(a.options.get("concurrency"), Some(&Value::Int(2)));
        assert_eq!(a.expect.as_ref().unwrap().get("valid"), Some(&Value::Bool(true)));
        let completion = a.history.completion_of(0).unwrap();
        assert_eq!((completion.kind, completion.time_ns, completion.is_final), (Kind::Ok, 6, true));
        assert!(b.history.ops().is_empty() && b.expect.is_none());
    }

    #[test]
    fn operations_are_the_same_in_json_and_in_edn() {
        let json = read(JSON_LINES.as_bytes()).unwrap();
        let edn = read(EDN_LINES.as_bytes()).unwrap();
        assert_eq!((json.len(), json[0].history.ops().len()), (1, 3));
        assert_eq!(json[0].history.ops()[1].process, Process::Nemesis);
        assert_eq!(json[0].history.ops(), edn[0].history.ops());
    }

    #[test]
    fn a_history_written_is_the_history_read() {
        let history = &read(JSON_LINES.as_bytes()).unwrap()[0].history;
        let lines: Vec<String> = history.ops().iter().map(|op| serde_json::to_string(op).unwrap()).collect();
        assert_eq!(lines.join("\n"), JSON_LINES);
    }

    #[test]
    fn compressed_files_are_read_alike() {
        let two_members = [gzipped(RECORDS), gzipped(r#"{"id":"c","history":[]}"#)].concat();
        assert_eq!(read(&two_members).unwrap().len(), 3);
    }

    #[test]
    fn a_file_without_lines_is_an_empty_history() {
        assert_eq!(read(b" \n").unwrap().len(), 1);
        assert!(read(b"").unwrap()[0].history.ops().is_empty());
    }

    #[test]
    fn an_operation_may_be_left_out_but_not_moved() {
        let lines: Vec<&str> = JSON_LINES.lines().collect();
        assert!(read([lines[0], lines[2]].join("\n").as_bytes()).is_ok());
        let moved = read([lines[0], lines[2], lines[1]].join("\n").as_bytes());
        assert_eq!(moved.unwrap_err(), "line 3: index 1 does not come after index 2");
    }

    #[test]
    fn damage_is_reported_with_its_line() {
        let reason = |text: &str| read(text.as_bytes()).unwrap_err();
        let first = JSON_LINES.lines().next().unwrap();
        assert_eq!(reason(&format!("\n{first}\n{{\"type\"")), "line 3: byte 7: expected `:`");
        assert_eq!(reason("{:type :invoke"), "line 1: byte 14: the text ends inside a collection");
        assert_eq!(reason("hello"), "line 1: byte 0: this does not begin a JSON value");
        assert_eq!(reason("[1]"), "line 1: an operation must be a map");
        assert_eq!(reason("{}"), "line 1: `type` must be invoke, ok, fail or info");
        assert_eq!(reason(r#"{"history":7}"#), "line 1: `history` must be a list of operations");
        let nameless = r#"{"history":[{"type":"ok","process":0}]}"#;
        assert_eq!(reason(nameless), "line 1: operation 0: `f` must name the operation");
        let twice = [first, &first.replace(r#""index":0"#, r#""index":1"#)].join("\n");
        assert_eq!(reason(&twice), "line 2: operation 1: its process has not yet completed operation 0");
        assert_eq!(read(b"{\"f\":\"\xff\"}").unwrap_err(), "line 1: byte 6: not UTF-8");
    }

    #[test]
    fn damaged_compression_is_reported() {
        let whole = gzipped(RECORDS);
        assert_eq!(
            read(&whole[..whole.len() - 9]).unwrap_err(),
            "line 4: the compressed file ends too early"
        );
        let mut corrupt = whole.clone();
        corrupt[20] ^= 0xff;
        assert!(read(&corrupt).is_err());
    }

    proptest! {
        #[test]
        fn no_input_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), form in 0..3usize) {
            let beginning = ["", "{\"type\":", "{:type "][form];
            let _either = read(&[beginning.as_bytes(), &bytes].concat());
        }

        #[test]
        fn no_damage_makes_the_reader_panic(form in 0..3usize, place in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = [RECORDS, JSON_LINES, EDN_LINES][form].as_bytes().to_vec();
            *place.get_mut(&mut bytes) = byte;
            let _either = read(&bytes);
        }
    }
}
