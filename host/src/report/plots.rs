//! `latency.svg` and `rate.svg`: Maelstrom's plots (spec §12.5) for slides and issues.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;

use plotters::prelude::*;

use crate::checker::{History, Kind, Op};

use super::faults;
use super::recording::Recording;

type Fault = DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>;

const GRID: RGBColor = RGBColor(0xe6, 0xe9, 0xed);
const MUTED: RGBColor = RGBColor(0x75, 0x80, 0x8c);
const FAULT: RGBColor = RGBColor(0xcf, 0x22, 0x2e);

const SIZE: (u32, u32) = (960, 420);

/// Latency that is taken for none at all on the logarithmic axis, in milliseconds.
const FLOOR_MS: f64 = 0.01;

/// The colours of Maelstrom's timelines, darker where they are drawn thin.
fn colour(kind: Kind) -> RGBColor {
    match kind {
        Kind::Ok => RGBColor(0x1f, 0x85, 0xe0),
        Kind::Fail => RGBColor(0xd6, 0x2a, 0x8a),
        Kind::Info | Kind::Invoke => RGBColor(0xd0, 0x80, 0x00),
    }
}

/// `latency.svg`: each operation a point at its invocation, on a logarithmic axis, and quantiles of those that
/// succeeded.
pub fn latency(recording: &Recording) -> io::Result<String> {
    draw_latency(recording).map_err(io::Error::other)
}

fn draw_latency(recording: &Recording) -> Result<String, Fault> {
    let history = &recording.history;
    let samples = samples(history, end_s(recording));
    let most = samples.iter().map(|sample| sample.latency_ms).fold(1.0, f64::max);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title(recording, "latency"), ("sans-serif", 17))
            .margin(12)
            .x_label_area_size(34)
            .y_label_area_size(66)
            .build_cartesian_2d(0.0..end_s(recording), (FLOOR_MS..most * 1.6).log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .x_desc("s")
            .y_desc("ms")
            .draw()?;
        for (from, to) in bands(recording) {
            let corners = [(from, FLOOR_MS), (to, most * 1.6)];
            chart.draw_series([Rectangle::new(corners, FAULT.mix(0.08).filled())])?;
        }
        for kind in [Kind::Ok, Kind::Info, Kind::Fail] {
            let points = thinned(samples.iter().filter(|sample| sample.kind == kind), recording, most);
            let marks = points.into_iter().map(|at| Circle::new(at, 2, colour(kind).mix(0.7).filled()));
            let series = chart.draw_series(marks)?;
            series.label(kind.as_str()).legend(move |at| Circle::new(at, 4, colour(kind).filled()));
        }
        for (name, q, width) in [("median", 0.5, 2), ("99 %", 0.99, 1)] {
            let shade = if q > 0.5 { MUTED } else { BLACK };
            let line = LineSeries::new(quantile(&samples, q, end_s(recording)), shade.stroke_width(width));
            let series = chart.draw_series(line)?;
            series
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x - 6, y), (x + 6, y)], shade.stroke_width(width)));
        }
        chart.configure_series_labels().background_style(WHITE.mix(0.85)).border_style(MUTED).draw()?;
        area.present()?;
    }
    Ok(svg)
}

/// `rate.svg`: completions per second, by operation and outcome.
pub fn rate(recording: &Recording) -> io::Result<String> {
    draw_rate(recording).map_err(io::Error::other)
}

fn draw_rate(recording: &Recording) -> Result<String, Fault> {
    let end = end_s(recording);
    let window = window_s(end);
    let mut series: BTreeMap<(String, &'static str), (Kind, Vec<f64>)> = BTreeMap::new();
    let slots = (end / window) as usize + 1;
    for op in recording.history.completions() {
        let key = (op.f.to_string(), op.kind.as_str());
        let (_, counts) = series.entry(key).or_insert_with(|| (op.kind, vec![0.0; slots]));
        counts[((op.time_ns as f64 / 1e9 / window) as usize).min(slots - 1)] += 1.0 / window;
    }
    let most = series.values().flat_map(|(_, counts)| counts).copied().fold(1.0, f64::max) * 1.1;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title(recording, "rate"), ("sans-serif", 17))
            .margin(12)
            .x_label_area_size(34)
            .y_label_area_size(66)
            .build_cartesian_2d(0.0..end, 0.0..most)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .x_desc("s")
            .y_desc("operations per second")
            .draw()?;
        for (from, to) in bands(recording) {
            chart.draw_series([Rectangle::new([(from, 0.0), (to, most)], FAULT.mix(0.08).filled())])?;
        }
        for (place, ((f, outcome), (kind, counts))) in series.iter().enumerate() {
            let style = colour(*kind).mix([1.0, 0.6, 0.35][place / 3 % 3]).stroke_width(2);
            let points = counts.iter().enumerate().map(|(slot, rate)| ((slot as f64 + 0.5) * window, *rate));
            let drawn = chart.draw_series(LineSeries::new(points, style))?;
            drawn
                .label(format!("{f} {outcome}"))
                .legend(move |(x, y)| PathElement::new([(x - 6, y), (x + 6, y)], style));
        }
        chart.configure_series_labels().background_style(WHITE.mix(0.85)).border_style(MUTED).draw()?;
        area.present()?;
    }
    Ok(svg)
}

/// A completed operation.
struct Sample {
    kind: Kind,
    invoked_s: f64,
    latency_ms: f64,
}

fn samples(history: &History, end_s: f64) -> Vec<Sample> {
    let sample = |op: &Op| {
        let invocation = history.invocation_of(op.index)?;
        // In a file of another clock, an operation may end before it begins.
        let latency_ns = op.time_ns.saturating_sub(invocation.time_ns);
        let latency_ms = (latency_ns as f64 / 1e6).max(FLOOR_MS);
        let invoked_s = (invocation.time_ns as f64 / 1e9).min(end_s);
        Some(Sample { kind: op.kind, invoked_s, latency_ms })
    };
    history.completions().filter_map(sample).collect()
}

/// One point for each two by two pixels that have any: a drawing of a long run is as small as that of a short one.
fn thinned<'s>(
    samples: impl Iterator<Item = &'s Sample>,
    recording: &Recording,
    most: f64,
) -> Vec<(f64, f64)> {
    let (width, height) = (f64::from(SIZE.0), f64::from(SIZE.1));
    let pixel = |sample: &Sample| {
        let x = sample.invoked_s / end_s(recording) * width;
        let y = (sample.latency_ms / FLOOR_MS).ln() / (most / FLOOR_MS).ln() * height;
        (x as i64 / 2, y as i64 / 2)
    };
    let mut taken = rustc_hash::FxHashSet::default();
    let kept = samples.filter(|sample| taken.insert(pixel(sample)));
    kept.map(|sample| (sample.invoked_s, sample.latency_ms)).collect()
}

/// A quantile of the latencies of what succeeded, in windows of time.
fn quantile(samples: &[Sample], q: f64, end: f64) -> Vec<(f64, f64)> {
    let window = window_s(end);
    let mut windows: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample.kind == Kind::Ok) {
        windows.entry((sample.invoked_s / window) as u64).or_default().push(sample.latency_ms);
    }
    let of = |(slot, mut latencies): (u64, Vec<f64>)| {
        latencies.sort_by(f64::total_cmp);
        let place = ((latencies.len() as f64 * q) as usize).min(latencies.len() - 1);
        ((slot as f64 + 0.5) * window, latencies[place])
    };
    windows.into_iter().map(of).collect()
}

/// Some forty windows in a run, of a length that people like.
fn window_s(end: f64) -> f64 {
    let rough = end / 40.0;
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|step| step * power).into_iter().find(|step| *step >= rough).unwrap_or(rough)
}

fn bands(recording: &Recording) -> Vec<(f64, f64)> {
    let end = end_s(recording);
    let span = |fault: faults::Fault| {
        let to = fault.to.map_or(end, |to| to as f64 / 1e9).min(end);
        (fault.from as f64 / 1e9, to)
    };
    faults::faults(&recording.history).into_iter().map(span).filter(|(from, to)| to > from).collect()
}

fn end_s(recording: &Recording) -> f64 {
    let about = &recording.about;
    (about.ended_ns.saturating_sub(about.load_began_ns) as f64 / 1e9).max(1e-3)
}

fn title(recording: &Recording, what: impl Display) -> String {
    let about = &recording.about;
    format!("{} on {} nodes, seed {}: {what}", about.workload, about.nodes.len(), about.seed)
}
