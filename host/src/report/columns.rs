//! The page's data: a header in JSON and columns of small integers behind it, compressed, as text. The page's
//! `data.js` reads what is written here.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::checker::history::{Kind, Process};

use super::faults::{self, Fault};
use super::logs;
use super::messages::{Happening, Messages, Names};
use super::recording::{About, Recording};

/// Bytes of a body or value that are shown; the files of the store have all of it.
const MAX_TEXT: usize = 2 << 10;

/// Bytes of all bodies together; those of later messages are left out.
const MAX_BODIES: usize = 64 << 20;

/// Bytes of all values of operations together.
const MAX_VALUES: usize = 32 << 20;

/// Fast: the third level takes twice as long as the first and makes data like ours a tenth smaller.
const LEVEL: Compression = Compression::new(1);

/// What stands before the columns.
#[derive(Serialize)]
struct Header<'a> {
    about: &'a About,
    results: &'a RawValue,
    names: &'a [String],
    types: &'a [String],
    reasons: &'a [String],
    functions: &'a [String],
    faults: Vec<Fault>,
    /// What was left out, in sentences.
    notes: Vec<String>,
    /// Each column's name and length in bytes.
    columns: Vec<(&'static str, usize)>,
}

/// Integers, each in as few bytes as it needs (LEB128).
#[derive(Default)]
struct Column(Vec<u8>);

impl Column {
    fn push(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

/// Texts one behind the other, and their lengths.
struct Texts {
    lengths: Column,
    block: Vec<u8>,
    bound: usize,
    /// How many did not fit.
    omitted: usize,
}

impl Texts {
    fn within(bound: usize) -> Texts {
        Texts { lengths: Column::default(), block: Vec::new(), bound, omitted: 0 }
    }

    fn push(&mut self, text: &str) {
        let start = self.block.len();
        if start + text.len().min(MAX_TEXT) > self.bound {
            self.omitted += 1;
        } else if text.len() <= MAX_TEXT {
            self.block.extend_from_slice(text.as_bytes());
        } else {
            let end = text.floor_char_boundary(MAX_TEXT);
            self.block.extend_from_slice(&text.as_bytes()[..end]);
            write!(self.block, " … ({} bytes in all)", text.len()).expect("memory takes everything");
        }
        self.lengths.push((self.block.len() - start) as u64);
    }
}

/// Writes a recording's data as base64.
pub fn write(recording: &Recording, out: &mut impl Write) -> io::Result<()> {
    let mut columns: Vec<(&'static str, Vec<u8>)> = Vec::new();
    let mut notes = Vec::new();
    let mut functions = Names::default();
    add_messages(&recording.messages, &mut columns, &mut notes);
    add_operations(recording, &mut functions, &mut columns, &mut notes);
    add_logs(recording, &mut columns, &mut notes);
    let header = Header {
        about: &recording.about,
        results: serde_json::from_str(&recording.results)?,
        names: recording.messages.names(),
        types: recording.messages.types(),
        reasons: recording.messages.reasons(),
        functions: functions.all(),
        faults: faults::faults(&recording.history),
        notes,
        columns: columns.iter().map(|(name, bytes)| (*name, bytes.len())).collect(),
    };
    let header = serde_json::to_vec(&header)?;
    let mut packed = ZlibEncoder::new(Vec::new(), LEVEL);
    packed.write_all(&(header.len() as u32).to_le_bytes())?;
    packed.write_all(&header)?;
    for (_, bytes) in &columns {
        packed.write_all(bytes)?;
    }
    out.write_all(STANDARD.encode(packed.finish()?).as_bytes())
}

type Columns = Vec<(&'static str, Vec<u8>)>;

fn add_messages(messages: &Messages, columns: &mut Columns, notes: &mut Vec<String>) {
    let (mut src, mut dest, mut kind) = (Column::default(), Column::default(), Column::default());
    let mut bodies = Texts::within(MAX_BODIES);
    for message in messages.all() {
        src.push(message.src.into());
        dest.push(message.dest.into());
        kind.push(message.kind.into());
        bodies.push(messages.body(message));
    }
    let (mut what, mut gap, mut back) = (Column::default(), Column::default(), Column::default());
    let (mut now_ns, mut sent) = (0, 0u32);
    for moment in messages.moments() {
        gap.push(moment.time_ns.saturating_sub(now_ns));
        now_ns = now_ns.max(moment.time_ns);
        what.push(match moment.happening {
            Happening::Sent => 0,
            Happening::Received => 1,
            Happening::Lost(reason) => 2 + u64::from(reason),
        });
        match moment.happening {
            Happening::Sent => sent += 1,
            _ => back.push((sent - 1 - moment.message).into()),
        }
    }
    if bodies.omitted > 0 {
        let (omitted, of) = (bodies.omitted, messages.len());
        notes.push(format!(
            "The bodies of the last {omitted} of {of} messages are left out, to keep this file small; they are in journal.jsonl."
        ));
    }
    columns.extend([
        ("message-src", src.0),
        ("message-dest", dest.0),
        ("message-type", kind.0),
        ("body-length", bodies.lengths.0),
        ("bodies", bodies.block),
        ("event-kind", what.0),
        ("event-gap", gap.0),
        ("event-back", back.0),
    ]);
}

/// Adds the clients' operations, each one row from its invocation to its completion.
fn add_operations(
    recording: &Recording,
    functions: &mut Names,
    columns: &mut Columns,
    notes: &mut Vec<String>,
) {
    let history = &recording.history;
    let [mut index, mut gap, mut process, mut function, mut outcome, mut steps, mut lasted] =
        std::array::from_fn(|_| Column::default());
    let mut texts = Texts::within(MAX_VALUES);
    let (mut now_ns, mut last) = (0, 0);
    for op in history.ops() {
        let Process::Client(number) = op.process else { continue };
        if op.kind != Kind::Invoke {
            continue;
        }
        let completion = history.completion_of(op.index);
        index.push((op.index - last) as u64);
        gap.push(op.time_ns.saturating_sub(now_ns));
        (last, now_ns) = (op.index, now_ns.max(op.time_ns));
        process.push(number);
        function.push(functions.number(&op.f).into());
        outcome.push(outcome_of(completion.map(|op| op.kind)) | if op.is_final { 4 } else { 0 });
        texts.push(&op.value.to_string());
        let Some(completion) = completion else {
            steps.push(0);
            lasted.push(0);
            (0..2).for_each(|_| texts.push(""));
            continue;
        };
        steps.push((completion.index - op.index) as u64);
        lasted.push(completion.time_ns.saturating_sub(op.time_ns));
        texts.push(&completion.value.to_string());
        let error = completion.error.as_ref().map(ToString::to_string);
        texts.push(completion.exception.as_deref().or(error.as_deref()).unwrap_or_default());
    }
    if texts.omitted > 0 {
        notes.push(
            "The values of the last operations are left out, to keep this file small; they are in history.jsonl."
                .to_owned(),
        );
    }
    columns.extend([
        ("op-index", index.0),
        ("op-gap", gap.0),
        ("op-process", process.0),
        ("op-function", function.0),
        ("op-outcome", outcome.0),
        ("op-steps", steps.0),
        ("op-lasted", lasted.0),
        ("op-text-length", texts.lengths.0),
        ("op-texts", texts.block),
    ]);
}

fn outcome_of(kind: Option<Kind>) -> u64 {
    match kind {
        None | Some(Kind::Invoke) => 0,
        Some(Kind::Ok) => 1,
        Some(Kind::Fail) => 2,
        Some(Kind::Info) => 3,
    }
}

fn add_logs(recording: &Recording, columns: &mut Columns, notes: &mut Vec<String>) {
    let logs = logs::merged(&recording.about.nodes, &recording.logs);
    let (mut node, mut time) = (Column::default(), Column::default());
    let mut texts = Texts::within(logs::MAX_TEXT);
    for line in &logs.lines {
        node.push(line.node as u64);
        // 0: a native node's log has no times.
        time.push(line.time_ns.map_or(0, |time_ns| time_ns + 1));
        texts.push(line.text);
    }
    if logs.omitted > 0 {
        notes.push(format!(
            "{} lines of logs are left out, to keep this file small; they are in node-logs/.",
            logs.omitted
        ));
    }
    columns.extend([
        ("log-node", node.0),
        ("log-time", time.0),
        ("log-length", texts.lengths.0),
        ("log-texts", texts.block),
    ]);
}
