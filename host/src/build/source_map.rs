//! Where an author wrote what stands in a bundle: source maps (ECMA-426) by line, which is as much as a stack tells people.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Of each line of a bundle, where it comes from. Written into the bundle, for the SDK's `places.js`.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Places {
    /// The author's files, by their paths in the plugin's directory.
    pub sources: Vec<String>,
    /// For each line of the bundle the index of a source, or -1, and the line there.
    pub lines: Vec<i64>,
}

/// The parts of a source map that matter here.
#[derive(Deserialize)]
struct SourceMap {
    sources: Vec<String>,
    mappings: String,
}

impl Places {
    /// Reads the source map of a bundle in the directory `bundle_dir`. Only files below `dir` that `is_own` are kept.
    pub fn read(map: &str, bundle_dir: &Path, dir: &Path, is_own: impl Fn(&Path) -> bool) -> Result<Places> {
        let SourceMap { sources, mappings } =
            serde_json::from_str(map).context("the source map is damaged")?;
        let mut places = Places::default();
        let mut kept = Vec::new();
        for source in sources {
            let path = normal(&bundle_dir.join(source));
            let own = path.strip_prefix(dir).ok().filter(|_| is_own(&path));
            kept.push(own.map(|own| {
                places.sources.push(own.display().to_string());
                places.sources.len() as i64 - 1
            }));
        }
        // Both count on from line to line.
        let (mut source, mut line) = (0, 0);
        for segments in mappings.split(';') {
            let mut place = [-1, 0];
            for segment in segments.split(',').filter(|segment| !segment.is_empty()) {
                let fields = decode(segment)?;
                let [_, source_step, line_step, ..] = fields[..] else { continue };
                (source, line) = (source + source_step, line + line_step);
                let own = usize::try_from(source).ok().and_then(|source| *kept.get(source)?);
                // The first place of a line is where its statement begins.
                if let Some(own) = own.filter(|_| place[0] < 0) {
                    place = [own, line + 1];
                }
            }
            places.lines.extend(place);
        }
        Ok(places)
    }
}

/// A path without `.` and `..`, which need not exist.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// Numbers in base 64, the least digit first: five bits each, a sixth for "there is more"; the lowest bit is the sign.
fn decode(segment: &str) -> Result<Vec<i64>> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut numbers = Vec::new();
    let (mut number, mut shift) = (0i64, 0);
    for letter in segment.bytes() {
        let digit = DIGITS.iter().position(|&digit| digit == letter).context("the source map is damaged")?;
        ensure!(shift < 60, "the source map is damaged");
        number |= (digit as i64 & 31) << shift;
        shift += 5;
        if digit < 32 {
            numbers.push(if number & 1 == 1 { -(number >> 1) } else { number >> 1 });
            (number, shift) = (0, 0);
        }
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mappings: &str) -> Result<Places> {
        let map = format!(
            r#"{{"sources":["../glomers/node.js","../plugin.js","../lib/table.js"],"mappings":"{mappings}"}}"#
        );
        Places::read(&map, Path::new("/p/build"), Path::new("/p"), |path| !path.starts_with("/p/glomers"))
    }

    #[test]
    fn lines_lead_to_the_author_s_files_and_to_no_others() {
        // A line of the SDK, one of nobody, two of plugin.js (lines 3 and 1), one of table.js (line 20).
        let places = read("AAAA;;ACEA,IAAI;AAFA;ACmBA").unwrap();
        assert_eq!(places.sources, ["plugin.js", "lib/table.js"]);
        assert_eq!(places.lines, [-1, 0, -1, 0, 0, 3, 0, 1, 1, 20]);
    }

    #[test]
    fn numbers_have_signs_and_any_length() {
        assert_eq!(decode("ACDgB2wB").unwrap(), [0, 1, -1, 16, 779]);
        for damaged in ["A!", "ggggggggggggggggggA"] {
            assert!(decode(damaged).is_err() && read(damaged).is_err(), "{damaged}");
        }
    }
}
