//! `report.html`: one file with everything in it, which needs nothing but a browser.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::columns;
use super::recording::Recording;

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

/// Writes the page of a recording into a folder; says where it is.
pub fn write(recording: &Recording, folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join(NAME);
    let mut out = BufWriter::with_capacity(1 << 18, File::create(&path)?);
    write_to(recording, &mut out)?;
    out.flush()?;
    Ok(path)
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

type Fill = fn(&Recording, &mut dyn Write) -> io::Result<()>;

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
