//! `report.html`: one file with everything in it, which needs nothing but a browser.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::recording::Recording;
use super::{columns, lamport, plots};

/// The file's name in the folder of a run.
pub const NAME: &str = "report.html";

const TEMPLATE: &str = include_str!("html/report.html");
const STYLE: &str = include_str!("html/report.css");

/// The page's script, in the order of its parts: each builds on those before.
const SCRIPT: &[&str] = &[
    include_str!("html/data.js"),
    include_str!("html/view.js"),
    include_str!("html/axis.js"),
    include_str!("html/messages.js"),
    include_str!("html/operations.js"),
    include_str!("html/charts.js"),
    include_str!("html/logs.js"),
    include_str!("html/verdict.js"),
    include_str!("html/anomalies.js"),
    include_str!("html/search.js"),
    include_str!("html/main.js"),
];

/// Writes a part of the page, or a drawing.
type Fill = fn(&Recording, &mut dyn Write) -> io::Result<()>;

/// The drawings beside the page, for slides and issues.
const DRAWINGS: [(&str, Fill); 3] = [
    ("messages.svg", |recording, mut out| lamport::write(recording, &mut out)),
    ("latency.svg", |recording, out| out.write_all(plots::latency(recording)?.as_bytes())),
    ("rate.svg", |recording, out| out.write_all(plots::rate(recording)?.as_bytes())),
];

/// Writes the page of a recording and its drawings into a folder; says where the page is.
pub fn write(recording: &Recording, folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join(NAME);
    let draw_all = || -> io::Result<()> {
        for (name, draw) in DRAWINGS {
            let mut out = create(&folder.join(name))?;
            draw(recording, &mut out)?;
            out.flush()?;
        }
        Ok(())
    };
    let write_page = || {
        let mut out = create(&path)?;
        write_to(recording, &mut out)?;
        out.flush()
    };
    let (page, drawings) = rayon::join(write_page, draw_all);
    page.and(drawings).map(|()| path)
}

fn create(path: &Path) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(1 << 18, File::create(path)?))
}

/// Writes the page of a recording.
pub fn write_to(recording: &Recording, out: &mut impl Write) -> io::Result<()> {
    let mut rest = TEMPLATE;
    for (mark, fill) in PARTS {
        let (before, after) = rest.split_once(mark).expect("the template has every mark, in this order");
        out.write_all(before.as_bytes())?;
        fill(recording, out)?;
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// The marks in the template and what stands in their place.
const PARTS: [(&str, Fill); 4] = [
    ("{title}", |recording, out| out.write_all(escaped(&recording.about.workload).as_bytes())),
    ("/*style*/", |_, out| out.write_all(STYLE.as_bytes())),
    ("{data}", |recording, mut out| columns::write(recording, &mut out)),
    ("/*script*/", |_, out| SCRIPT.iter().try_for_each(|part| out.write_all(part.as_bytes()))),
];

/// Text as HTML takes it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
