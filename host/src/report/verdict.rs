//! The verdict in words: what was checked, what was found, the figures people compare, and how to see it again.

use std::fmt::Write;

use crate::bench::results::Results;
use crate::checker::Valid;
use crate::checker::verdict::Finding;

/// How many findings of a kind are told; the rest is in `results.json`.
const MAX_FINDINGS: usize = 5;

/// What is known about a run besides its results.
pub struct Occasion<'a> {
    /// The workload's name.
    pub workload: &'a str,
    /// Number of nodes.
    pub nodes: usize,
    /// Length of the run on its own clock, in seconds.
    pub seconds: f64,
    /// How long it took, in seconds.
    pub wall_seconds: f64,
    /// Whether its clock is the real one.
    pub is_real_time: bool,
    /// The command that does the same again.
    pub replay: &'a str,
}

/// Maelstrom's last words.
pub fn last_words(valid: Valid) -> &'static str {
    match valid {
        Valid::True => "Everything looks good! ヽ(‘ー`)ノ",
        Valid::False => "Analysis invalid! (ﾉಥ益ಥ）ﾉ ┻━┻",
        Valid::Unknown => "Errors occurred during analysis, but no anomalies found. ಠ~ಠ",
    }
}

/// The verdict, some lines.
pub fn tell(occasion: &Occasion<'_>, results: &Results) -> String {
    let mut text = String::new();
    let Occasion { workload, nodes, seconds, wall_seconds, is_real_time, replay } = occasion;
    let verdict = match results.valid {
        Valid::True => "valid",
        Valid::False => "INVALID",
        Valid::Unknown => "UNKNOWN",
    };
    let plural = if *nodes == 1 { "" } else { "s" };
    say(&mut text, format!("{workload} on {nodes} node{plural}: {verdict}"));
    say(
        &mut text,
        match is_real_time {
            true => format!("  ran for {seconds:.1} s"),
            false => format!("  simulated {seconds:.1} s in {wall_seconds:.2} s"),
        },
    );
    for figure in figures(results) {
        say(&mut text, format!("  {figure}"));
    }
    findings(&mut text, "", &results.violations);
    findings(&mut text, "", &results.errors.findings);
    findings(&mut text, "could not be judged: ", &results.unjudged);
    findings(&mut text, "warning: ", &results.warnings);
    say(&mut text, format!("  replay: {replay}"));
    text
}

fn say(text: &mut String, line: String) {
    writeln!(text, "{line}").expect("a string takes everything");
}

fn findings(text: &mut String, label: &str, findings: &[Finding]) {
    for finding in findings.iter().take(MAX_FINDINGS) {
        say(text, format!("  {label}{}", finding.text));
        for line in &finding.details {
            say(text, format!("      {line}"));
        }
    }
    if findings.len() > MAX_FINDINGS {
        say(text, format!("  {label}… and {} more", findings.len() - MAX_FINDINGS));
    }
}

/// The figures people compare.
pub fn figures(results: &Results) -> Vec<String> {
    let counts = &results.stats.total;
    let mut figures = vec![format!(
        "{} operations: {} ok, {} failed, {} of unknown outcome; availability {:.4}",
        counts.count, counts.ok_count, counts.fail_count, counts.info_count, results.availability.ok_fraction
    )];
    let latency = results
        .perf
        .latencies
        .iter()
        .map(|(f, quantiles)| format!("{f} {:.1}/{:.1}", quantiles["0.5"], quantiles["1"]));
    let latency: Vec<_> = latency.collect();
    if !latency.is_empty() {
        figures.push(format!("operation latency, median/max in ms: {}", latency.join(", ")));
    }
    if let Some(per_op) = results.net.servers.msgs_per_op {
        figures.push(format!(
            "{per_op:.3} messages per operation between servers ({} in all)",
            results.net.servers.msg_count
        ));
    }
    if !results.nodes.swaps.is_empty() {
        let done = results.nodes.swaps.iter().filter(|swap| swap.done).count();
        figures.push(format!("plugins swapped: {done} of {} times", results.nodes.swaps.len()));
    }
    let stable = |quantile| results.figure(&["stable-latencies", quantile]);
    if let (Some(median), Some(p95), Some(p99), Some(max)) =
        (stable("0.5"), stable("0.95"), stable("0.99"), stable("1"))
    {
        figures.push(format!(
            "stable latency, median/95 %/99 %/max in ms: {median:.0}/{p95:.0}/{p99:.0}/{max:.0}"
        ));
    }
    figures
}
