//! `messages.svg`: the Lamport diagram as Maelstrom draws it (spec §12.5), for slides and issues. A vertical line per
//! participant, an arrow per message, 20 pixels per event, and an end after ten thousand.

use std::io::{self, Write};

use super::messages::{Happening, Message, Messages};
use super::page::escaped;
use super::participants::{is_client, order};
use super::recording::Recording;

/// Events drawn; what comes later is left out, and the drawing says so.
const MAX_EVENTS: usize = 10_000;
const MAX_TITLE: usize = 400;
const MAX_LABEL: usize = 48;
const ROW: usize = 20;
const COLUMN: usize = 100;
const TOP: usize = 50;

const STYLE: &str = "text{font:10px sans-serif;fill:#000}.name{font-weight:bold;font-size:13px;text-anchor:middle}\
line{stroke:#000}.life{stroke:#ccc}.client line{stroke:#81BFFC}.client text{fill:#2b7fd4}.error line{stroke:#FF1E90}\
.error text{fill:#d6006f}.lost line{stroke:#cf222e;stroke-dasharray:4 3}.lost text{fill:#cf222e}text.label{text-anchor:middle}";

/// Writes the drawing of a recording's messages.
pub fn write(recording: &Recording, out: &mut impl Write) -> io::Result<()> {
    let messages = &recording.messages;
    let arrows = Arrows::of(messages);
    let columns = Columns::of(messages, &arrows);
    let (width, height) = (columns.width(), TOP + ROW * (arrows.rows + 2));
    writeln!(
        out,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">"##
    )?;
    writeln!(out, "<style>{STYLE}</style><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>")?;
    writeln!(
        out,
        r##"<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="context-stroke"/></marker>"##
    )?;
    for (name, x) in columns.named(messages) {
        writeln!(
            out,
            r##"<text class="name" x="{x}" y="24">{}</text><line class="life" x1="{x}" y1="32" x2="{x}" y2="{height}"/>"##,
            escaped(name)
        )?;
    }
    for arrow in &arrows.all {
        arrow.write(messages, &columns, out)?;
    }
    if arrows.is_cut {
        let y = height - ROW / 2;
        writeln!(
            out,
            r##"<text x="10" y="{y}">Only the first {MAX_EVENTS} events are drawn; report.html shows all.</text>"##
        )?;
    }
    writeln!(out, "</svg>")
}

/// Where each participant's line is; none for those who have part in no arrow.
struct Columns {
    place_of: Vec<Option<usize>>,
}

impl Columns {
    fn of(messages: &Messages, arrows: &Arrows) -> Columns {
        let names = messages.names();
        let drawn = arrows.all.iter().map(|arrow| &messages.all()[arrow.message as usize]);
        let mut used: Vec<u32> = drawn.flat_map(|message| [message.src, message.dest]).collect();
        used.sort_unstable();
        used.dedup();
        used.sort_by_key(|&number| order(&names[number as usize]));
        let mut place_of = vec![None; names.len()];
        for (place, number) in used.into_iter().enumerate() {
            place_of[number as usize] = Some(place);
        }
        Columns { place_of }
    }

    fn x(&self, number: u32) -> usize {
        COLUMN / 2 + COLUMN * self.place_of[number as usize].expect("who has part in an arrow has a line")
    }

    fn width(&self) -> usize {
        (COLUMN * self.place_of.iter().flatten().count()).max(4 * COLUMN)
    }

    fn named<'m>(&self, messages: &'m Messages) -> impl Iterator<Item = (&'m str, usize)> {
        let drawn =
            messages.names().iter().zip(0..).filter(|(_, number)| self.place_of[*number as usize].is_some());
        drawn.map(|(name, number)| (name.as_str(), self.x(number)))
    }
}

/// A message between two rows; the second is missing if it was lost.
struct Arrow {
    message: u32,
    from: usize,
    to: usize,
    is_lost: bool,
}

struct Arrows {
    all: Vec<Arrow>,
    rows: usize,
    is_cut: bool,
}

impl Arrows {
    fn of(messages: &Messages) -> Arrows {
        let mut sent_in = vec![None; messages.len()];
        let mut arrows = Arrows { all: Vec::new(), rows: 0, is_cut: false };
        for moment in messages.moments() {
            let kind = &messages.types()[messages.all()[moment.message as usize].kind as usize];
            if matches!(kind.as_str(), "init" | "init_ok") {
                continue;
            }
            if arrows.rows == MAX_EVENTS {
                arrows.is_cut = true;
                break;
            }
            let row = arrows.rows;
            arrows.rows += 1;
            match (moment.happening, sent_in[moment.message as usize]) {
                (Happening::Sent, _) => sent_in[moment.message as usize] = Some(row),
                (_, None) => {}
                (happening, Some(from)) => arrows.all.push(Arrow {
                    message: moment.message,
                    from,
                    to: row,
                    is_lost: happening != Happening::Received,
                }),
            }
        }
        arrows
    }
}

impl Arrow {
    fn write(&self, messages: &Messages, columns: &Columns, out: &mut impl Write) -> io::Result<()> {
        let message = &messages.all()[self.message as usize];
        let y = |row: usize| TOP + ROW * row;
        let (x1, y1, mut x2, y2) =
            (columns.x(message.src), y(self.from), columns.x(message.dest), y(self.to));
        if self.is_lost {
            x2 = (x1 + x2) / 2;
        }
        let (body, kind) = (messages.body(message), &messages.types()[message.kind as usize]);
        let title = escaped(cut(body, MAX_TITLE));
        let label = escaped(cut(&format!("{kind} {body}"), MAX_LABEL));
        let (x, y) = ((x1 + x2) / 2, (y1 + y2) / 2 - 3);
        let class = self.class(messages, message, kind);
        let (head, end) = if self.is_lost { ("", " ×") } else { (r##" marker-end="url(#head)""##, "") };
        writeln!(
            out,
            r##"<g class="{class}"><title>{title}</title><line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"{head}/><text class="label" x="{x}" y="{y}">{label}{end}</text></g>"##
        )
    }

    fn class(&self, messages: &Messages, message: &Message, kind: &str) -> &'static str {
        let is_of_client =
            [message.src, message.dest].iter().any(|&end| is_client(&messages.names()[end as usize]));
        match (self.is_lost, kind, is_of_client) {
            (true, ..) => "lost",
            (_, "error", _) => "error",
            (_, _, true) => "client",
            _ => "server",
        }
    }
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::super::messages::Fate;
    use super::*;

    fn arrows(count: usize) -> Arrows {
        let mut messages = Messages::default();
        messages.sent(0, "c0", "n1", r#"{"type":"init"}"#);
        messages.ended(0, 0, Fate::Received);
        for number in 1..=count {
            messages.sent(number as u64, "n1", "n2", r#"{"type":"gossip"}"#);
            let fate = if number % 2 == 0 { Fate::Lost("loss") } else { Fate::Received };
            messages.ended(number as u64, number as u32, fate);
        }
        Arrows::of(&messages)
    }

    #[test]
    fn initialisation_is_left_out_and_what_is_lost_is_drawn_as_lost() {
        let drawn = arrows(2);
        assert_eq!((drawn.all.len(), drawn.rows, drawn.is_cut), (2, 4, false));
        assert_eq!(drawn.all.iter().map(|arrow| arrow.is_lost).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn ten_thousand_events_are_drawn_and_no_more() {
        let whole = arrows(MAX_EVENTS / 2);
        assert_eq!((whole.rows, whole.is_cut), (MAX_EVENTS, false));
        let cut = arrows(MAX_EVENTS / 2 + 1);
        assert_eq!((cut.rows, cut.is_cut), (MAX_EVENTS, true));
    }
}
