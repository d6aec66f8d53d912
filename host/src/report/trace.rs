//! A run on the terminal, for those who stay there: one line for each event, in order of time.
//!
//! `  0.100  n1 -> n2  gossip  {"type":"gossip",…}` at the sender, `<-` at the receiver, `-x` where a message is lost,
//! `!!` where the nemesis acts.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::faults;
use super::messages::{Happening, Message, Moment};
use super::participants::{is_client, is_service};
use super::recording::Recording;

/// Which events are shown.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// None before this time, in seconds since the load began.
    pub from: Option<f64>,
    /// None after this time, in seconds since the load began.
    pub to: Option<f64>,
    /// Only what happens at or concerns these; all if empty.
    pub nodes: Vec<String>,
    /// Only messages of these types; all if empty.
    pub types: Vec<String>,
    /// No sending.
    pub without_sends: bool,
    /// No receipts and no losses.
    pub without_ends: bool,
    /// Nothing the nemesis does.
    pub without_faults: bool,
    /// Characters a line may have; what is longer is cut.
    pub width: Option<usize>,
}

/// Writes what is shown of a recording, with colours for `anstream` to keep or take out.
pub fn write(recording: &Recording, shown: &Shown, out: &mut impl Write) -> io::Result<()> {
    let trace = Trace::new(recording, shown);
    let mut faults = trace.faults().peekable();
    for moment in recording.messages.moments() {
        let time_ns = trace.since_load(moment.time_ns);
        while let Some((_, line)) = faults.next_if(|(fault_ns, _)| *fault_ns < time_ns) {
            trace.write_line(out, &line)?;
        }
        if let Some(line) = trace.line(moment, time_ns) {
            trace.write_line(out, &line)?;
        }
    }
    faults.try_for_each(|(_, line)| trace.write_line(out, &line))
}

struct Trace<'a> {
    recording: &'a Recording,
    shown: &'a Shown,
    name_width: usize,
    type_width: usize,
}

/// What stands in a line.
struct Line<'a> {
    time_ns: i64,
    at: &'a str,
    arrow: &'static str,
    peer: &'a str,
    kind: &'a str,
    text: std::borrow::Cow<'a, str>,
    style: Style,
}

const DIM: Style = Style::new().dimmed();

const fn coloured(colour: AnsiColor) -> Style {
    colour.on_default()
}

impl<'a> Trace<'a> {
    fn new(recording: &'a Recording, shown: &'a Shown) -> Trace<'a> {
        let widest = |names: &[String], most: usize| {
            names.iter().map(|name| name.chars().count().min(most)).max().unwrap_or_default()
        };
        let messages = &recording.messages;
        Trace {
            recording,
            shown,
            name_width: widest(messages.names(), 12),
            type_width: widest(messages.types(), 24),
        }
    }

    fn since_load(&self, time_ns: u64) -> i64 {
        let clock = |time_ns: u64| i64::try_from(time_ns).unwrap_or(i64::MAX);
        clock(time_ns) - clock(self.recording.about.load_began_ns)
    }

    fn is_in_time(&self, time_ns: i64) -> bool {
        let seconds = time_ns as f64 / 1e9;
        self.shown.from.is_none_or(|from| seconds >= from) && self.shown.to.is_none_or(|to| seconds <= to)
    }

    fn line(&self, moment: &Moment, time_ns: i64) -> Option<Line<'a>> {
        let messages = &self.recording.messages;
        let message = &messages.all()[moment.message as usize];
        let (src, dest) = (name(messages.names(), message.src), name(messages.names(), message.dest));
        let kind = name(messages.types(), message.kind);
        let Shown { nodes, types, without_sends, without_ends, .. } = self.shown;
        let (at, arrow, peer, is_left_out) = match moment.happening {
            Happening::Sent => (src, "->", dest, *without_sends),
            Happening::Received => (dest, "<-", src, *without_ends),
            Happening::Lost(_) => (src, "-x", dest, *without_ends),
        };
        let is_of_node = nodes.is_empty() || nodes.iter().any(|node| node == src || node == dest);
        let is_of_type = types.is_empty() || types.iter().any(|only| only == kind);
        if is_left_out || !is_of_node || !is_of_type || !self.is_in_time(time_ns) {
            return None;
        }
        let body = messages.body(message);
        let text = match moment.happening {
            Happening::Lost(reason) => format!("({}) {body}", name(messages.reasons(), reason)).into(),
            _ => body.into(),
        };
        Some(Line { time_ns, at, arrow, peer, kind, text, style: self.style(moment, message, kind) })
    }

    fn style(&self, moment: &Moment, message: &Message, kind: &str) -> Style {
        let names = self.recording.messages.names();
        let ends = [name(names, message.src), name(names, message.dest)];
        if matches!(moment.happening, Happening::Lost(_)) {
            coloured(AnsiColor::Red)
        } else if kind == "error" {
            coloured(AnsiColor::BrightMagenta)
        } else if ends.into_iter().any(is_client) {
            coloured(AnsiColor::BrightBlue)
        } else if ends.into_iter().any(is_service) {
            coloured(AnsiColor::Cyan)
        } else {
            Style::new()
        }
    }

    fn faults(&self) -> impl Iterator<Item = (i64, Line<'a>)> {
        let is_wanted =
            !self.shown.without_faults && self.shown.nodes.is_empty() && self.shown.types.is_empty();
        let effects = faults::effects(&self.recording.history).filter(move |_| is_wanted);
        let line = |op: &'a crate::checker::Op| Line {
            time_ns: op.time_ns as i64,
            at: "nemesis",
            arrow: "!!",
            peer: "",
            kind: &op.f,
            text: op.value.to_string().into(),
            style: coloured(AnsiColor::Yellow),
        };
        effects.map(move |op| (op.time_ns as i64, line(op))).filter(|(time_ns, _)| self.is_in_time(*time_ns))
    }

    fn write_line(&self, out: &mut impl Write, line: &Line<'_>) -> io::Result<()> {
        let Line { time_ns, at, arrow, peer, kind, text, style } = line;
        let (names, types) = (self.name_width, self.type_width);
        let time = *time_ns as f64 / 1e9;
        let used = 10
            + 2
            + at.chars().count().max(names)
            + 4
            + peer.chars().count().max(names)
            + 2
            + kind.chars().count().max(types)
            + 2;
        let text = match self.shown.width {
            Some(width) => cut(text, width.saturating_sub(used)),
            None => text,
        };
        writeln!(
            out,
            "{DIM}{time:10.3}{DIM:#}  {style}{at:>names$} {arrow} {peer:<names$}  {kind:<types$}{style:#}  {text}"
        )
    }
}

fn name(names: &[String], number: u32) -> &str {
    &names[number as usize]
}

fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}
