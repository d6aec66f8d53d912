//! `host challenges`: the Gossip Glomers challenges with their flags and targets (spec §15), as one table. In 3d and 3e nodes
//! get the processor up to 50 ms late, as on a busy machine (spec §19.7).

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use clap::{Args, Parser};
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::bench::random::Seed;
use crate::bench::results::Results;
use crate::bench::simulated::SimulatedCluster;
use crate::bench::{self};
use crate::build;
use crate::checker::Valid;
use crate::workload;

use super::{plugin_path, test};

/// Run the Gossip Glomers challenges on the plugins, with their flags and targets.
#[derive(Args)]
pub(super) struct Arguments {
    /// Only these, such as 3d; without any, all.
    #[arg(value_name = "CHALLENGE")]
    only: Vec<String>,

    /// Run each on seeds 1 to N, in parallel, and show the worst figures.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,

    /// Build the plugins first.
    #[arg(long)]
    build: bool,
}

/// A challenge: what is run, and what must come out besides a valid verdict.
struct Challenge {
    id: &'static str,
    title: &'static str,
    plugin: &'static str,
    settings: &'static [&'static str],
    /// As for `host test`, without the plugin: Maelstrom's, but for the jitter.
    flags: &'static str,
    targets: &'static [Target],
}

/// A figure that is shown, and perhaps must stay below a limit.
struct Target {
    figure: Figure,
    below: Option<f64>,
}

#[derive(Clone, Copy)]
enum Figure {
    MsgsPerOp,
    StableMedianMs,
    StableMaxMs,
    /// How long operations of this name take: what is gained elsewhere must not be taken from here.
    LatencyMaxMs(&'static str),
}

const fn target(figure: Figure, below: f64) -> Target {
    Target { figure, below: Some(below) }
}

const fn shown(figure: Figure) -> Target {
    Target { figure, below: None }
}

const CHALLENGES: &[Challenge] = &[
    Challenge {
        id: "1",
        title: "Echo",
        plugin: "echo",
        settings: &[],
        flags: "-w echo --node-count 1 --time-limit 10",
        targets: &[],
    },
    Challenge {
        id: "2",
        title: "Unique ID Generation",
        plugin: "unique-ids",
        settings: &[],
        flags: "-w unique-ids --time-limit 30 --rate 1000 --node-count 3 --availability total --nemesis partition",
        targets: &[],
    },
    Challenge {
        id: "3a",
        title: "Single-Node Broadcast",
        plugin: "broadcast",
        settings: &[],
        flags: "-w broadcast --node-count 1 --time-limit 20 --rate 10",
        targets: &[],
    },
    Challenge {
        id: "3b",
        title: "Multi-Node Broadcast",
        plugin: "broadcast",
        settings: &[],
        flags: "-w broadcast --node-count 5 --time-limit 20 --rate 10",
        targets: &[shown(Figure::MsgsPerOp)],
    },
    Challenge {
        id: "3c",
        title: "Fault Tolerant Broadcast",
        plugin: "broadcast",
        settings: &[],
        flags: "-w broadcast --node-count 5 --time-limit 20 --rate 10 --nemesis partition",
        targets: &[shown(Figure::MsgsPerOp)],
    },
    Challenge {
        id: "3d",
        title: "Efficient Broadcast, Part I",
        plugin: "broadcast",
        settings: &[],
        flags: "-w broadcast --node-count 25 --time-limit 20 --rate 100 --latency 100 --scheduling-jitter 50",
        targets: &[
            target(Figure::MsgsPerOp, 30.0),
            target(Figure::StableMedianMs, 400.0),
            target(Figure::StableMaxMs, 600.0),
            shown(Figure::LatencyMaxMs("broadcast")),
        ],
    },
    Challenge {
        id: "3e",
        title: "Efficient Broadcast, Part II",
        plugin: "broadcast",
        settings: &["interval-ms=1000"],
        flags: "-w broadcast --node-count 25 --time-limit 20 --rate 100 --latency 100 --scheduling-jitter 50",
        targets: &[
            target(Figure::MsgsPerOp, 20.0),
            target(Figure::StableMedianMs, 1000.0),
            target(Figure::StableMaxMs, 2000.0),
            shown(Figure::LatencyMaxMs("broadcast")),
        ],
    },
    Challenge {
        id: "4",
        title: "Grow-Only Counter",
        plugin: "g-counter",
        settings: &[],
        flags: "-w g-counter --node-count 3 --rate 100 --time-limit 20 --nemesis partition",
        targets: &[shown(Figure::MsgsPerOp)],
    },
    Challenge {
        id: "5a",
        title: "Single-Node Kafka-Style Log",
        plugin: "kafka",
        settings: &[],
        flags: "-w kafka --node-count 1 --concurrency 2n --time-limit 20 --rate 1000",
        targets: &[],
    },
    Challenge {
        id: "5b",
        title: "Multi-Node Kafka-Style Log",
        plugin: "kafka-lin-kv",
        settings: &[],
        flags: "-w kafka --node-count 2 --concurrency 2n --time-limit 20 --rate 1000",
        targets: &[shown(Figure::MsgsPerOp), shown(Figure::LatencyMaxMs("send"))],
    },
    Challenge {
        id: "5c",
        title: "Efficient Kafka-Style Log",
        plugin: "kafka",
        settings: &[],
        flags: "-w kafka --node-count 2 --concurrency 2n --time-limit 20 --rate 1000",
        targets: &[target(Figure::MsgsPerOp, 1.4), shown(Figure::LatencyMaxMs("send"))],
    },
    Challenge {
        id: "6a",
        title: "Single-Node, Totally-Available Transactions",
        plugin: "txn-rw-register",
        settings: &[],
        flags: "-w txn-rw-register --node-count 1 --time-limit 20 --rate 1000 --concurrency 2n --consistency-models read-uncommitted --availability total",
        targets: &[],
    },
    Challenge {
        id: "6b",
        title: "Totally-Available, Read Uncommitted",
        plugin: "txn-rw-register",
        settings: &[],
        flags: "-w txn-rw-register --node-count 2 --time-limit 20 --rate 1000 --concurrency 2n --consistency-models read-uncommitted --availability total --nemesis partition",
        targets: &[],
    },
    Challenge {
        id: "6c",
        title: "Totally-Available, Read Committed",
        plugin: "txn-rw-register",
        settings: &[],
        flags: "-w txn-rw-register --node-count 2 --time-limit 20 --rate 1000 --concurrency 2n --consistency-models read-committed --availability total --nemesis partition",
        targets: &[],
    },
];

/// The flags of a challenge go through the same door as those of `host test`.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Flags {
    #[command(flatten)]
    test: test::Arguments,
}

/// What came out of one challenge.
struct Row {
    challenge: &'static Challenge,
    /// The worst over all seeds.
    valid: Valid,
    /// The worst over all seeds.
    figures: Vec<f64>,
    /// Why it is not valid, and with which seed.
    reason: Option<String>,
    wall: Duration,
}

impl Row {
    fn has_passed(&self) -> bool {
        let targets = self.challenge.targets.iter().zip(&self.figures);
        self.valid == Valid::True
            && targets
                .fold(true, |met, (target, figure)| met && target.below.is_none_or(|below| *figure < below))
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.build {
        build::workspace(Path::new("."))?;
    }
    let mut rows = Vec::new();
    for challenge in CHALLENGES {
        if arguments.only.is_empty() || arguments.only.iter().any(|id| id == challenge.id) {
            rows.push(challenge.run(arguments.seeds).with_context(|| format!("challenge {}", challenge.id))?);
        }
    }
    println!("{}", table(&rows));
    let failed: Vec<_> = rows.iter().filter(|row| !row.has_passed()).collect();
    for row in &failed {
        let reason = row.reason.as_deref().unwrap_or("a target was missed");
        println!("challenge {} failed: {reason}", row.challenge.id);
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Challenge {
    fn run(&'static self, seeds: u64) -> Result<Row> {
        let plugin = test::load(&plugin_path::find(self.plugin)?)?;
        let settings = self.settings.iter().flat_map(|setting| ["--set", setting]);
        let words =
            ["--plugin", self.plugin].into_iter().chain(self.flags.split_whitespace()).chain(settings);
        let flags = Flags::try_parse_from(words).context("the flags of the challenge do not parse")?.test;
        let began = Instant::now();
        let results: Result<Vec<Results>> = (1..=seeds)
            .into_par_iter()
            .map(|seed| {
                let mut test = flags.test()?;
                test.seed = Seed(seed);
                let nodes = test.options.nodes.len();
                let mut cluster = SimulatedCluster::new(&plugin, nodes, flags.setup(), test.seed);
                let mut workload =
                    workload::named(&test.workload, &test.options).map_err(|error| anyhow!(error))?;
                let run = bench::run(&test, &mut *workload, &mut cluster, &mut |_| {});
                Ok(Results::of(&test, &*workload, &run))
            })
            .collect();
        Ok(self.row(&results?, began.elapsed()))
    }

    fn row(&'static self, results: &[Results], wall: Duration) -> Row {
        let worst =
            |target: &Target| results.iter().map(|results| target.figure.of(results)).fold(0.0, f64::max);
        let offender = results.iter().max_by_key(|results| results.valid);
        let reason = offender.filter(|results| results.valid != Valid::True).map(|results| {
            let text = results.reason();
            let details = results.aborted.iter().flat_map(|aborted| &aborted.details);
            let details: String = details.map(|line| format!("\n      {line}")).collect();
            format!("{text} (--seed {}){details}", results.seed)
        });
        Row {
            challenge: self,
            valid: Valid::worst(results.iter().map(|results| results.valid)),
            figures: self.targets.iter().map(worst).collect(),
            reason,
            wall,
        }
    }
}

impl Figure {
    /// Infinite when a run has no such figure: a target cannot be met by not being measured.
    fn of(self, results: &Results) -> f64 {
        let figure = match self {
            Figure::MsgsPerOp => results.net.servers.msgs_per_op,
            Figure::StableMedianMs => results.figure(&["stable-latencies", "0.5"]),
            Figure::StableMaxMs => results.figure(&["stable-latencies", "1"]),
            Figure::LatencyMaxMs(f) => results.perf.latencies.get(f).map(|quantiles| quantiles["1"]),
        };
        figure.unwrap_or(f64::INFINITY)
    }

    fn tell(self, figure: f64) -> String {
        if figure.is_infinite() {
            return "not measured".to_owned();
        }
        match self {
            Figure::MsgsPerOp => format!("{figure:.2} msgs/op"),
            Figure::StableMedianMs => format!("stable median {figure:.0} ms"),
            Figure::StableMaxMs => format!("max {figure:.0} ms"),
            Figure::LatencyMaxMs(f) => format!("{f} within {figure:.0} ms"),
        }
    }
}

impl Target {
    fn tell(&self, figure: f64) -> String {
        let limit = self.below.map(|below| format!(" (< {below})")).unwrap_or_default();
        self.figure.tell(figure) + &limit
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["", "challenge", "plugin", "verdict", "figures (targets)", "wall"]);
    for row in rows {
        let (verdict, color) = match (row.has_passed(), row.valid) {
            (true, _) => ("pass", Color::Green),
            (false, Valid::True) => ("missed", Color::Red),
            (false, Valid::Unknown) => ("unknown", Color::Yellow),
            (false, Valid::False) => ("INVALID", Color::Red),
        };
        let told = row.challenge.targets.iter().zip(&row.figures);
        let figures: Vec<_> = told.map(|(target, figure)| target.tell(*figure)).collect();
        table.add_row([
            Cell::new(row.challenge.id),
            Cell::new(row.challenge.title),
            Cell::new([&[row.challenge.plugin], row.challenge.settings].concat().join(" ")),
            Cell::new(verdict).fg(color).add_attribute(Attribute::Bold),
            Cell::new(figures.join(", ")),
            Cell::new(format!("{:.2} s", row.wall.as_secs_f64())).set_alignment(CellAlignment::Right),
        ]);
    }
    table
}
