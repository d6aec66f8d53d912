//! What was measured, as a table: one line a figure, one column a node.

use std::collections::BTreeMap;
use std::fmt;

/// A quantity that is measured once a round.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    WarmStart,
    ColdStart,
    /// With the bytes of a body.
    RoundTrip(usize),
    /// With the bytes of a body.
    Rate(usize),
    /// With the bytes of a body.
    CpuTime(usize),
    PeakMemory,
}

impl Figure {
    fn format(self, value: f64) -> String {
        match self {
            Figure::WarmStart | Figure::ColdStart => format!("{:.2} ms", value * 1e3),
            Figure::RoundTrip(_) => format!("{:.1} us", value * 1e6),
            Figure::Rate(_) => format!("{:.0} k/s", value / 1e3),
            Figure::CpuTime(_) => format!("{:.2} us", value * 1e6),
            Figure::PeakMemory => format!("{:.1} MB", value / 1e6),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Figure::WarmStart => write!(f, "start to init_ok, warm"),
            Figure::ColdStart => write!(f, "start to init_ok, cold"),
            Figure::RoundTrip(size) => write!(f, "round trip, {size} B"),
            Figure::Rate(size) => write!(f, "pipelined, {size} B"),
            Figure::CpuTime(size) => write!(f, "CPU a message, {size} B"),
            Figure::PeakMemory => write!(f, "peak memory"),
        }
    }
}

/// Values of every figure: by node, then by round.
pub struct Table {
    names: Vec<String>,
    rounds: BTreeMap<Figure, Vec<Vec<f64>>>,
}

impl Table {
    pub fn new(names: impl Iterator<Item = String>) -> Table {
        Table { names: names.collect(), rounds: BTreeMap::new() }
    }

    pub fn add(&mut self, figure: Figure, node: usize, value: f64) {
        let nodes = self.names.len();
        self.rounds.entry(figure).or_insert_with(|| vec![Vec::new(); nodes])[node].push(value);
    }

    fn cell(figure: Figure, node: usize, values: &[Vec<f64>]) -> String {
        let value = figure.format(median(values[node].clone()));
        if node == 0 {
            return value;
        }
        let ratios: Vec<_> =
            values[node].iter().zip(&values[0]).map(|(value, first)| value / first).collect();
        let spread = (quantile(&ratios, 0.75) - quantile(&ratios, 0.25)) / 2.0;
        format!("{value}  {:.2} ±{spread:.2}", median(ratios))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(std::iter::once(String::new()).chain(self.names.iter().cloned()));
        for (&figure, values) in &self.rounds {
            let cells = (0..self.names.len()).map(|node| Table::cell(figure, node, values));
            table.add_row(std::iter::once(figure.to_string()).chain(cells));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
        write!(f, "{table}")
    }
}

pub fn median(values: Vec<f64>) -> f64 {
    quantile(&values, 0.5)
}

fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part).round() as usize]
}
