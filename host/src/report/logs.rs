//! The nodes' logs as one, in order of time.

/// Bytes of all lines together; later ones are left out.
pub const MAX_TEXT: usize = 16 << 20;

/// A line of a node's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Nanoseconds on the run's clock, if the line says it.
    pub time_ns: Option<u64>,
    /// The node, by its place in the cluster.
    pub node: usize,
    /// Level and text, or whatever a native node wrote.
    pub text: &'a str,
}

/// All lines.
pub struct Merged<'a> {
    /// In order of time. Lines without a time stay behind those they follow.
    pub lines: Vec<Line<'a>>,
    /// How many did not fit.
    pub omitted: usize,
}

/// Merges the logs of these nodes.
pub fn merged<'a>(nodes: &[String], logs: &'a [String]) -> Merged<'a> {
    let mut lines: Vec<(u64, Line<'a>)> = Vec::new();
    for (node, log) in logs.iter().enumerate() {
        let mut latest_ns = 0;
        for line in log.lines() {
            let line = timed(nodes.get(node).map_or("", String::as_str), node, line);
            latest_ns = line.time_ns.unwrap_or(latest_ns);
            lines.push((latest_ns, line));
        }
    }
    lines.sort_by_key(|(time_ns, _)| *time_ns);
    let mut room = MAX_TEXT;
    let fits = |(_, line): &(u64, Line<'_>)| {
        room = room.saturating_sub(line.text.len());
        room > 0
    };
    let total = lines.len();
    let lines: Vec<Line<'a>> = lines.into_iter().take_while(fits).map(|(_, line)| line).collect();
    Merged { omitted: total - lines.len(), lines }
}

/// Splits `1.204 s n1 INFO plugin: text` into its time and what follows the node's name.
fn timed<'a>(name: &str, node: usize, line: &'a str) -> Line<'a> {
    let parsed = || {
        let (time, rest) = line.split_once(" s ")?;
        let (seconds, millis) = time.split_once('.')?;
        let time_ms = seconds.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(millis.parse().ok()?)?;
        let rest = rest.strip_prefix(name).or_else(|| rest.strip_prefix('-'))?;
        Some(Line { time_ns: Some(time_ms.checked_mul(1_000_000)?), node, text: rest.strip_prefix(' ')? })
    };
    parsed().unwrap_or(Line { time_ns: None, node, text: line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_merged_in_order_of_time() {
        let nodes = ["n1", "n2"].map(str::to_owned);
        let logs =
            ["0.100 s n1 INFO plugin: a\nand more\n1.000 s n1 INFO plugin: c\n", "0.200 s n2 WARN host: b\n"];
        let logs = logs.map(str::to_owned);
        let merged = merged(&nodes, &logs);
        let texts: Vec<_> = merged.lines.iter().map(|line| (line.node, line.time_ns, line.text)).collect();
        let expected = [
            (0, Some(100_000_000), "INFO plugin: a"),
            (0, None, "and more"),
            (1, Some(200_000_000), "WARN host: b"),
            (0, Some(1_000_000_000), "INFO plugin: c"),
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_line_that_only_looks_like_a_time_stays_whole() {
        for line in [
            "1.5 s",
            "one.two s n1 x",
            "1.200 s n2 INFO",
            "99999999999999999999.000 s n1 x",
            "18446744073709551.18446744073709551615 s n1 x",
        ] {
            assert_eq!(timed("n1", 0, line), Line { time_ns: None, node: 0, text: line });
        }
    }
}
