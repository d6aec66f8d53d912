//! `host test`: a cluster under a workload, judged.

use std::io::{BufWriter, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytesize::ByteSize;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::bench::cluster::Cluster;
use crate::bench::nemesis::{Fault, Faults};
use crate::bench::network::{self, Distribution, Latency};
use crate::bench::processes::{self, Processes, Program};
use crate::bench::random::{Probability, Seed};
use crate::bench::results::Results;
use crate::bench::simulated::{Setup, Simulated, SimulatedCluster};
use crate::bench::{self, Progress, Run, Test};
use crate::checker::Valid;
use crate::checker::availability::Availability;
use crate::guest::{Cache, Level, Limits, Plugin, Sandbox};
use crate::node::{Core, Environment, Otherwise, Timeouts};
use crate::protocol::is_client;
use crate::report::recording::{About, Recording};
use crate::report::trace::{self, Shown};
use crate::report::{abort, page, store, verdict};
use crate::workload::{self, Topology};

use super::node::{LogLevel, duration, duration_or_zero, setting};
use super::{plugin_path, report, sweep};

const NS_PER_MS: u64 = 1_000_000;

/// Exit statuses, as Maelstrom's (spec §2.2).
const INVALID: u8 = 1;
const UNKNOWN: u8 = 2;
/// Arguments that make no test.
pub(super) const BAD_ARGUMENTS: u8 = 254;
/// The test could not be carried out.
pub(super) const INTERNAL_ERROR: u8 = 255;

/// Test a plugin, or any node program, as Maelstrom does.
///
/// Runs a cluster of nodes under a workload, injects faults, and judges what the clients saw. Flags, their defaults and
/// units are Maelstrom's. A plugin runs in virtual time: fast, and the same for the same seed. Exit status: 0 valid,
/// 1 invalid, 2 unknown, 254 bad arguments, 255 error.
#[derive(Args, Clone, Debug)]
pub(super) struct Arguments {
    /// What to ask of the nodes: broadcast, echo, g-counter, g-set, kafka, lin-kv, pn-counter, txn-list-append,
    /// txn-rw-register or unique-ids.
    #[arg(short, long, value_name = "NAME", default_value = "lin-kv")]
    workload: String,

    /// The plugin to test: a path, or a bare name (`broadcast` for `plugins/broadcast.wasm`).
    #[arg(long, value_name = "FILE", required_unless_present = "bin", conflicts_with = "bin")]
    plugin: Option<String>,

    /// A node program to test instead, in real time; its arguments come after `--`.
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,

    /// Arguments for the node program.
    #[arg(last = true, value_name = "ARGS", requires = "bin")]
    program_arguments: Vec<std::ffi::OsString>,

    /// Number of nodes, n0 to n(N-1). Overrides --nodes.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "Cluster")]
    node_count: Option<u32>,

    /// Node names, comma separated.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Cluster")]
    nodes: Vec<String>,

    /// A node's name; may be repeated. Without any: n1 to n5.
    #[arg(short, long, value_name = "NAME", help_heading = "Cluster")]
    node: Vec<String>,

    /// A file with node names, one a line.
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    nodes_file: Option<PathBuf>,

    /// Start nodes one by one, each at a random time within so many milliseconds; 0: all at once.
    #[arg(long, value_name = "MS", default_value_t = 200, help_heading = "Cluster")]
    start_spread: u64,

    /// Let a node that has something to do wait for its turn, each time a random while of less than so many
    /// milliseconds, as on a busy machine.
    #[arg(long, value_name = "MS", default_value_t = 0, conflicts_with_all = ["bin", "real_time"], help_heading = "Cluster")]
    scheduling_jitter: u64,

    /// A setting for the plugin. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting, help_heading = "Cluster")]
    settings: Vec<(String, String)>,

    /// Memory each plugin may use.
    #[arg(long, value_name = "SIZE", default_value = "256MiB", help_heading = "Cluster")]
    max_memory: ByteSize,

    /// Wall-clock time one event may take.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration, help_heading = "Cluster")]
    event_timeout: Duration,

    /// How long after init a node holds what it has to say to nodes and services, unless a message comes before: the first
    /// one that is not init tells that the cluster is up. 0s: it holds nothing.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration_or_zero, help_heading = "Cluster")]
    cluster_wait: Duration,

    /// How long a client's request may wait for its answer. Then the node forgets it, and drops an answer that comes later.
    /// 0s: it waits for ever.
    #[arg(long, value_name = "TIME", default_value = "4900ms", value_parser = duration_or_zero, help_heading = "Cluster")]
    request_timeout: Duration,

    /// Number of client workers: a number, or a multiple of the number of nodes such as 2n.
    #[arg(long, value_name = "N", default_value = "1n", help_heading = "Load")]
    concurrency: Concurrency,

    /// Mean operations per second of all clients together.
    #[arg(long, value_name = "R", default_value_t = 5.0, value_parser = rate, help_heading = "Load")]
    rate: f64,

    /// Length of the main phase in seconds.
    #[arg(long, value_name = "S", default_value_t = 60.0, value_parser = positive, help_heading = "Load")]
    time_limit: f64,

    /// Repeat the test, with other seeds, and stop at the first failure.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Load")]
    test_count: u64,

    /// Run N seeds, from --seed or 1 on, on all cores; tell those that fail and keep only their files.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Load",
        conflicts_with_all = ["bin", "real_time", "test_count", "check_determinism", "json", "open", "log_stderr",
            "log_net_send", "log_net_recv"])]
    seeds: Option<u64>,

    /// Neighbours for broadcast: line, grid, tree, tree2, tree3, tree4 or total.
    #[arg(long, value_name = "T", default_value = "grid", help_heading = "Load")]
    topology: Topology,

    /// Keys active at the same time (kafka, transactions).
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Load")]
    key_count: usize,

    /// Most micro-operations in a transaction.
    #[arg(long, value_name = "N", default_value_t = 4, help_heading = "Load")]
    max_txn_length: usize,

    /// Most writes to a key (kafka, transactions).
    #[arg(long, value_name = "N", default_value_t = 16, help_heading = "Load")]
    max_writes_per_key: u64,

    /// Mean one-way latency between servers, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0, help_heading = "Network")]
    latency: u64,

    /// How latencies vary: constant, uniform or exponential.
    #[arg(long, value_name = "D", default_value = "constant", help_heading = "Network")]
    latency_dist: Distribution,

    /// How likely a message between nodes is lost, from 0 to 1.
    #[arg(long, value_name = "P", default_value = "0", help_heading = "Network")]
    loss: Probability,

    /// How likely a message between nodes arrives twice, from 0 to 1.
    #[arg(long, value_name = "P", default_value = "0", help_heading = "Network")]
    duplicate: Probability,

    /// How likely a link in one direction is slow for good (ten times the latency), from 0 to 1.
    #[arg(long, value_name = "P", default_value = "0", help_heading = "Network")]
    slow_links: Probability,

    /// How likely a pair of nodes can talk in one direction only, for good, from 0 to 1.
    #[arg(long, value_name = "P", default_value = "0", help_heading = "Network")]
    one_way_cuts: Probability,

    /// Deliver as Maelstrom does: a message can be held up by another one to the same receiver that is due later.
    #[arg(long, help_heading = "Network")]
    head_of_line: bool,

    /// Replicas behind lww-kv.
    #[arg(long, value_name = "N", default_value = "2", help_heading = "Network")]
    lww_replicas: NonZeroUsize,

    /// Let the replicas behind lww-kv learn from each other, so that they agree in the end. In Maelstrom they never do.
    #[arg(long, help_heading = "Network")]
    lww_merge: bool,

    /// Faults to inject, comma separated: partition, one-way, kill, pause, loss, duplicate, slow, skew; and swap=FILE, to
    /// swap the plugin of one node after the other for FILE while they run.
    #[arg(long, value_name = "F,F", help_heading = "Faults")]
    nemesis: Option<Faults>,

    /// Mean seconds between nemesis operations.
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = positive, help_heading = "Faults")]
    nemesis_interval: f64,

    /// With swap=FILE: where what a plugin knows cannot be handed over, start FILE from nothing.
    #[arg(long, help_heading = "Faults")]
    swap_fresh: bool,

    /// What fraction of operations must succeed: `total`, or a number from 0 to 1.
    #[arg(long, value_name = "X", value_parser = availability, help_heading = "Verdict")]
    availability: Option<Availability>,

    /// What transactions must live up to, comma separated.
    #[arg(long, value_name = "M,M", default_value = "strict-serializable", help_heading = "Verdict")]
    consistency_models: String,

    /// Make invalid what is only warned of otherwise: what Maelstrom would stop listening to a node for (a line that is no
    /// message, a wrong source, a message to somebody unknown, to a node that is not there yet, to a client that is gone),
    /// and what no system should show (a value that nobody wrote, a counter that is never read at the end, committed
    /// offsets that run back).
    #[arg(long, help_heading = "Verdict")]
    strict: bool,

    /// What everything random is drawn from. Without it: a random one, which is told.
    #[arg(long, value_name = "N", help_heading = "Run")]
    seed: Option<Seed>,

    /// Run the plugin in real time, each node a process of its own.
    #[arg(long, help_heading = "Run")]
    real_time: bool,

    /// Run twice and name the first event that differs.
    #[arg(long, conflicts_with_all = ["bin", "real_time"], help_heading = "Run")]
    check_determinism: bool,

    /// Where results are kept.
    #[arg(long, value_name = "DIR", default_value = "store", help_heading = "Output")]
    store: PathBuf,

    /// Say nothing but the last line.
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,

    /// Print the results as JSON, and nothing else.
    #[arg(long, conflicts_with = "trace", help_heading = "Output")]
    json: bool,

    /// The least important log lines of nodes to keep.
    #[arg(long, value_name = "LEVEL", default_value = "info", help_heading = "Output")]
    log_level: LogLevel,

    /// Write no report.html; `host report` can make it later.
    #[arg(long, conflicts_with = "open", help_heading = "Output")]
    no_report: bool,

    /// Open the report in the browser.
    #[arg(long, help_heading = "Output")]
    open: bool,

    #[command(flatten)]
    trace: report::TraceArguments,

    /// Trace only what is sent or received by these, comma separated; `--node` names the nodes of the cluster.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "trace", help_heading = "Trace")]
    trace_node: Vec<String>,

    /// Show what nodes log.
    #[arg(long, help_heading = "Output")]
    log_stderr: bool,

    /// Show each message when it is sent.
    #[arg(long, help_heading = "Output")]
    log_net_send: bool,

    /// Show each message when it is received.
    #[arg(long, help_heading = "Output")]
    log_net_recv: bool,
}

/// `--concurrency`: a number, or a multiple of the number of nodes.
#[derive(Clone, Copy, Debug)]
enum Concurrency {
    Workers(usize),
    PerNode(usize),
}

impl std::str::FromStr for Concurrency {
    type Err = String;

    fn from_str(text: &str) -> Result<Concurrency, String> {
        let (digits, make): (_, fn(usize) -> Concurrency) = match text.strip_suffix('n') {
            Some(digits) => (digits, Concurrency::PerNode),
            None => (text, Concurrency::Workers),
        };
        match digits.parse() {
            Ok(count @ 1..) => Ok(make(count)),
            _ => Err("must be a positive number, or one followed by n".to_owned()),
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.0..=1e9).contains(&rate) => Ok(rate),
        _ => Err("must be a number from 0 to 10^9".to_owned()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && number <= 1e9 => Ok(number),
        _ => Err("must be a number greater than 0, up to 10^9".to_owned()),
    }
}

fn availability(text: &str) -> Result<Availability, String> {
    if text == "total" {
        return Ok(Availability::Total);
    }
    let fraction = text.parse().ok().filter(|fraction| (0.0..=1.0).contains(fraction));
    fraction.map(Availability::Fraction).ok_or_else(|| "must be `total` or a number from 0 to 1".to_owned())
}

/// A failure with the exit status it leads to.
pub(super) fn bad_arguments(error: &anyhow::Error) -> ExitCode {
    eprintln!("host: {error:#}");
    ExitCode::from(BAD_ARGUMENTS)
}

fn internal_error(error: &anyhow::Error) -> ExitCode {
    eprintln!("host: {error:#}");
    ExitCode::from(INTERNAL_ERROR)
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let mut test = match arguments.test() {
        Ok(test) => test,
        Err(error) => return bad_arguments(&error),
    };
    let subject = match arguments.subject() {
        Ok(subject) => subject,
        Err(error) => return bad_arguments(&error),
    };
    if let Some(seeds) = arguments.seeds {
        return sweep::run(arguments, &test, &subject, seeds).unwrap_or_else(|error| internal_error(&error));
    }
    if let (Subject::Program(_), Err(error)) = (&subject, processes::end_on_signals(tell_end)) {
        return internal_error(&error.into());
    }
    let mut worst = Valid::True;
    for _ in 0..arguments.test_count {
        match one(arguments, &test, &subject) {
            Ok(Some(valid)) => worst = worst.max(valid),
            Ok(None) => return ExitCode::from(INTERNAL_ERROR),
            Err(error) => return internal_error(&error),
        }
        if worst == Valid::False {
            break;
        }
        test.seed = Seed(test.seed.0.wrapping_add(1));
    }
    status(worst)
}

/// Says that a signal has ended the test; a bar that stands in the line gives way.
fn tell_end(signal: &str) {
    let clear = if std::io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
    eprintln!("{clear}host: ended by {signal} before there was a verdict; all nodes have been killed");
}

/// The exit status that tells a verdict.
pub(super) fn status(valid: Valid) -> ExitCode {
    match valid {
        Valid::True => ExitCode::SUCCESS,
        Valid::False => ExitCode::from(INVALID),
        Valid::Unknown => ExitCode::from(UNKNOWN),
    }
}

/// What is put to the test.
pub(super) enum Subject {
    Plugin { plugin: Box<Plugin<Core<Simulated>>>, successor: Option<Box<Plugin<Core<Simulated>>>> },
    Program(Program),
}

/// Runs the test once and tells the verdict, or why there is none.
fn one(arguments: &Arguments, test: &Test, subject: &Subject) -> Result<Option<Valid>> {
    let (run, results, wall) = attempt(arguments, test, subject, &progress_bar(arguments, test))?;
    if arguments.check_determinism {
        let (again, ..) = attempt(arguments, test, subject, &progress_bar(arguments, test))?;
        compare(&run, &again)?;
    }
    let ended_ns = run.ended_ns;
    let Kept { folder, page } = keep(arguments, test, run, &results)?;
    if let Some(page) = page.as_deref().filter(|_| arguments.open) {
        report::open(page);
    }
    if arguments.json {
        say(&serde_json::to_string_pretty(&results)?)?;
    }
    if let Some(aborted) = &results.aborted {
        eprintln!("host: {}", abort::headline(aborted));
        if !arguments.quiet && !arguments.json {
            eprint!("{}{}", abort::details(aborted), places(&folder, page.as_deref()));
        }
        return Ok(None);
    }
    if arguments.json {
        return Ok(Some(results.valid));
    }
    let mut told = String::new();
    if !arguments.quiet {
        let occasion = verdict::Occasion {
            workload: &test.workload,
            nodes: test.options.nodes.len(),
            seconds: ended_ns as f64 / 1e9,
            wall_seconds: wall.as_secs_f64(),
            is_real_time: arguments.is_real_time(),
            replay: &replay(test.seed),
        };
        told = verdict::tell(&occasion, &results);
        told += &places(&folder, page.as_deref());
        told.push('\n');
    }
    told += verdict::last_words(results.valid);
    say(&told)?;
    Ok(Some(results.valid))
}

/// Where the files and the report of a run are.
fn places(folder: &Path, page: Option<&Path>) -> String {
    let page = page.map(|page| format!("  report: {}\n", page.display()));
    format!("  files: {}\n{}", folder.display(), page.unwrap_or_default())
}

/// Where a run has been kept.
pub(super) struct Kept {
    pub folder: PathBuf,
    pub page: Option<PathBuf>,
}

/// Writes a run's files and its report, and shows it where that is wanted.
pub(super) fn keep(arguments: &Arguments, test: &Test, run: Run, results: &Results) -> Result<Kept> {
    let folder = store::write(&arguments.store, &test.workload, &test.options.nodes, &run, results)
        .with_context(|| format!("cannot write to {}", arguments.store.display()))?;
    let about = arguments.about(test, &run);
    about.write(&folder)?;
    let recording = arguments.needs_recording().then(|| record(about, run, results)).transpose()?;
    if let Some(recording) = &recording {
        show(arguments, recording)?;
    }
    let page = recording.filter(|_| !arguments.no_report).map(|recording| page::write(&recording, &folder));
    let page =
        page.transpose().with_context(|| format!("cannot write the report into {}", folder.display()))?;
    Ok(Kept { folder, page })
}

/// Prints a line or more to standard output. Whoever reads may stop before the end, as `head` does.
pub(super) fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done.context("cannot write to standard output"),
    }
}

fn record(about: About, run: Run, results: &Results) -> Result<Recording> {
    let Run { history, journal, logs, .. } = run;
    let results = serde_json::to_string_pretty(results)?;
    Ok(Recording { about, results, history, messages: (&journal).into(), logs })
}

/// Carries out a test and judges it; `bar` goes over the main phase.
pub(super) fn attempt(
    arguments: &Arguments,
    test: &Test,
    subject: &Subject,
    bar: &ProgressBar,
) -> Result<(Run, Results, Duration)> {
    let began = Instant::now();
    let mut workload = workload::named(&test.workload, &test.options).map_err(|error| anyhow!(error))?;
    let mut cluster: Box<dyn Cluster + '_> = match subject {
        Subject::Plugin { plugin, successor } => {
            let nodes = test.options.nodes.len();
            let cluster = SimulatedCluster::new(plugin, nodes, arguments.setup(), test.seed);
            Box::new(cluster.with_successor(successor.as_deref()))
        }
        Subject::Program(program) => Box::new(Processes::new(program.clone(), test.options.nodes.clone())),
    };
    let mut progress = |progress: Progress| {
        bar.set_position(progress.time_ns / 1_000_000);
        bar.set_message(format!("{} ops, {} faults active", progress.ops, progress.faults));
    };
    let run = bench::run(test, &mut *workload, &mut *cluster, &mut progress);
    drop(cluster);
    bar.finish_and_clear();
    let results = Results::of(test, &*workload, &run);
    Ok((run, results, began.elapsed()))
}

/// A bar over the main phase on a terminal, and nothing elsewhere.
fn progress_bar(arguments: &Arguments, test: &Test) -> ProgressBar {
    if arguments.quiet || arguments.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos:>7}/{len} ms of load, {msg}");
    let bar = ProgressBar::new(test.time_limit_ns / 1_000_000);
    bar.with_style(style.expect("the template is well formed"))
}

/// The command that does the same again: what was typed, with the seed.
pub(super) fn replay(seed: Seed) -> String {
    let mut words = Vec::new();
    let mut typed = std::env::args();
    while let Some(word) = typed.next() {
        match &*word {
            "--seed" | "--seeds" => drop(typed.next()),
            word if word.starts_with("--seed=") || word.starts_with("--seeds=") => {}
            "--" => break,
            word => words.push(quoted(word)),
        }
    }
    words.extend(["--seed".to_owned(), seed.to_string()]);
    let rest: Vec<_> = typed.map(|word| quoted(&word)).collect();
    if !rest.is_empty() {
        words.push("--".to_owned());
        words.extend(rest);
    }
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Shows what nodes logged and which messages there were, as far as it is wanted.
fn show(arguments: &Arguments, recording: &Recording) -> Result<()> {
    if arguments.log_stderr && arguments.bin.is_none() && !arguments.real_time {
        recording.logs.iter().for_each(|log| eprint!("{log}"));
    }
    if arguments.log_net_send || arguments.log_net_recv {
        let shown = Shown {
            without_sends: !arguments.log_net_send,
            without_ends: !arguments.log_net_recv,
            without_faults: true,
            ..Shown::default()
        };
        let mut out = BufWriter::new(anstream::AutoStream::auto(std::io::stderr().lock()));
        trace::write(recording, &shown, &mut out)?;
        out.flush()?;
    }
    if arguments.trace.trace {
        arguments.trace.print(recording, &arguments.trace_node)?;
    }
    Ok(())
}

/// Fails with the first event that differs between two runs of the same test.
fn compare(run: &Run, again: &Run) -> Result<()> {
    let lines = |run: &Run| -> Vec<String> {
        let journal = run.journal.entries().iter().map(|entry| run.journal.line(entry));
        let history = run.history.ops().iter().map(|op| serde_json::to_string(op).unwrap_or_default());
        journal.chain(history).collect()
    };
    let (one, other) = (lines(run), lines(again));
    let first = one.iter().zip(&other).position(|(one, other)| one != other);
    match first {
        None if one.len() == other.len() => Ok(()),
        None => {
            bail!("two runs with the same seed differ in length: {} and {} events", one.len(), other.len())
        }
        Some(at) => {
            bail!("two runs with the same seed differ, first in event {at}:\n  {}\n  {}", one[at], other[at])
        }
    }
}

impl Arguments {
    /// What `--seed` says.
    pub(super) fn seed(&self) -> Option<Seed> {
        self.seed
    }

    /// Whether nodes are processes.
    fn is_real_time(&self) -> bool {
        self.bin.is_some() || self.real_time
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The test that the command line describes.
    pub(super) fn test(&self) -> Result<Test> {
        let nodes = self.node_names()?;
        let concurrency = match self.concurrency {
            Concurrency::Workers(count) => count,
            Concurrency::PerNode(count) => count.saturating_mul(nodes.len()),
        };
        let options = workload::Options {
            nodes,
            concurrency,
            topology: self.topology,
            latency_ms: self.latency,
            key_count: self.key_count,
            max_txn_length: self.max_txn_length,
            max_writes_per_key: self.max_writes_per_key,
            consistency_models: self.consistency_models.clone(),
        };
        // What the workload does not like is the command line's fault, not the test's.
        workload::named(&self.workload, &options).map_err(|error| anyhow!(error))?;
        let faults = self.nemesis.clone().unwrap_or_default();
        let is_real = self.is_real_time();
        ensure!(!(is_real && faults.contain(Fault::Skew)), "--nemesis skew needs a plugin in virtual time");
        ensure!(!(is_real && faults.successor().is_some()), "--nemesis swap needs a plugin in virtual time");
        Ok(Test {
            workload: self.workload.clone(),
            options,
            network: network::Options {
                latency: Latency { mean_ms: self.latency, distribution: self.latency_dist },
                loss: self.loss,
                duplication: self.duplicate,
                slow_links: self.slow_links,
                one_way_cuts: self.one_way_cuts,
                head_of_line: self.head_of_line,
                ..network::Options::default()
            },
            faults,
            nemesis_interval_ns: (self.nemesis_interval * 1e9) as u64,
            rate: self.rate,
            time_limit_ns: (self.time_limit * 1e9) as u64,
            availability: self.availability,
            lww_replicas: self.lww_replicas,
            start_spread_ns: self.start_spread.saturating_mul(NS_PER_MS),
            scheduling_jitter_ns: self.scheduling_jitter.saturating_mul(NS_PER_MS),
            strict: self.strict,
            lww_merge: self.lww_merge,
            seed: match self.seed {
                Some(seed) => seed,
                // Short enough to type.
                None => Seed(getrandom::u64()? >> 32),
            },
        })
    }

    fn needs_recording(&self) -> bool {
        let is_shown = self.log_stderr || self.log_net_send || self.log_net_recv || self.trace.trace;
        is_shown || !self.no_report
    }

    /// What the report says of the test, beside its results.
    fn about(&self, test: &Test, run: &Run) -> About {
        let subject =
            self.plugin.as_ref().map(PathBuf::from).or_else(|| self.bin.clone()).unwrap_or_default();
        let name = subject.file_name().unwrap_or_default().to_string_lossy().into_owned();
        About {
            workload: test.workload.clone(),
            subject: name.trim_end_matches(".wasm").to_owned(),
            nodes: test.options.nodes.clone(),
            concurrency: test.options.concurrency,
            seed: test.seed.0,
            replay: replay(test.seed),
            options: self.telling_options(),
            load_began_ns: run.load_began_ns,
            ended_ns: run.ended_ns,
        }
    }

    /// The options that shape a run, and how they were set, where it matters for the workload.
    fn telling_options(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut options = serde_json::json!({
            "rate": self.rate, "time-limit": self.time_limit, "latency": self.latency,
        });
        if self.latency > 0 {
            options["latency-dist"] = self.latency_dist.to_string().into();
        }
        if self.workload == "broadcast" {
            options["topology"] = self.topology.to_string().into();
        }
        if self.workload.starts_with("txn") {
            options["consistency-models"] = self.consistency_models.clone().into();
        }
        let network = [("loss", self.loss), ("duplicate", self.duplicate), ("slow-links", self.slow_links)];
        for (name, probability) in network.into_iter().chain([("one-way-cuts", self.one_way_cuts)]) {
            if probability.get() > 0.0 {
                options[name] = probability.get().into();
            }
        }
        if self.scheduling_jitter > 0 {
            options["scheduling-jitter"] = self.scheduling_jitter.into();
        }
        let switches =
            [("head-of-line", self.head_of_line), ("lww-merge", self.lww_merge), ("strict", self.strict)];
        for (name, is_set) in switches {
            if is_set {
                options[name] = true.into();
            }
        }
        if let Some(faults) = &self.nemesis {
            options["nemesis"] = faults.to_string().into();
            options["nemesis-interval"] = self.nemesis_interval.into();
        }
        for (key, value) in &self.settings {
            options[format!("set {key}")] = value.clone().into();
        }
        serde_json::from_value(options).expect("it is an object")
    }

    fn node_names(&self) -> Result<Vec<String>> {
        if let Some(count) = self.node_count {
            return Ok((0..count).map(|node| format!("n{node}")).collect());
        }
        let mut names = [self.nodes.clone(), self.node.clone()].concat();
        if let Some(file) = &self.nodes_file {
            let text =
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            names.extend(text.split_whitespace().map(str::to_owned));
        }
        if names.is_empty() {
            names = (1..=5).map(|node| format!("n{node}")).collect();
        }
        for (at, name) in names.iter().enumerate() {
            ensure!(!name.is_empty(), "a node needs a name");
            ensure!(!is_client(name), "node {name}: names that begin with c belong to clients");
            ensure!(!bench::services::NAMES.contains(&name.as_str()), "{name} is a service, not a node");
            ensure!(!names[..at].contains(name), "there are two nodes {name}");
        }
        Ok(names)
    }

    fn subject(&self) -> Result<Subject> {
        if let Some(bin) = &self.bin {
            let file =
                std::fs::canonicalize(bin).with_context(|| format!("cannot find {}", bin.display()))?;
            let arguments = self.program_arguments.clone();
            let program = Program { file, arguments, echo_stderr: self.log_stderr };
            program.check()?;
            return Ok(Subject::Program(program));
        }
        let path = plugin_path::find(self.plugin.as_deref().expect("clap asks for --plugin or --bin"))?;
        if self.real_time {
            return Ok(Subject::Program(self.own_program(&path)?));
        }
        let successor = self.nemesis.as_ref().and_then(Faults::successor);
        let successor = successor.map(|name| load(&plugin_path::find(name)?)).transpose()?;
        Ok(Subject::Plugin { plugin: Box::new(load(&path)?), successor: successor.map(Box::new) })
    }

    /// This program as a node that runs the plugin.
    fn own_program(&self, plugin: &std::path::Path) -> Result<Program> {
        let plugin = std::fs::canonicalize(plugin)?;
        let mut arguments = vec!["--plugin".into(), plugin.into_os_string()];
        for (key, value) in &self.settings {
            arguments.extend(["--set".into(), format!("{key}={value}").into()]);
        }
        arguments.extend(["--max-memory".into(), self.max_memory.as_u64().to_string().into()]);
        arguments.extend(["--event-timeout".into(), format!("{}s", self.event_timeout.as_secs_f64()).into()]);
        for (flag, time) in
            [("--cluster-wait", self.cluster_wait), ("--request-timeout", self.request_timeout)]
        {
            arguments.extend([flag.into(), format!("{}s", time.as_secs_f64()).into()]);
        }
        arguments.extend(["--log-level".into(), Level::from(self.log_level).name().to_lowercase().into()]);
        Ok(Program { file: std::env::current_exe()?, arguments, echo_stderr: self.log_stderr })
    }

    pub(super) fn setup(&self) -> Setup {
        let memory_bytes = usize::try_from(self.max_memory.as_u64()).unwrap_or(usize::MAX);
        Setup {
            limits: Limits { memory_bytes, event_timeout: self.event_timeout },
            timeouts: Timeouts { cluster_wait: self.cluster_wait, request_timeout: self.request_timeout },
            settings: self.settings.clone(),
            log_level: self.log_level.into(),
            otherwise: if self.swap_fresh { Otherwise::StartCold } else { Otherwise::Refuse },
        }
    }
}

/// Loads a plugin to run in virtual time.
pub(super) fn load<E: Environment>(path: &std::path::Path) -> Result<Plugin<Core<E>>> {
    let wasm = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let sandbox =
        Sandbox::new().map_err(|error| anyhow!("cannot start the WebAssembly engine: {error:#}"))?;
    let plugin = Plugin::load(&sandbox, &Cache::for_user(), &wasm);
    // The engine's ticker must go on for as long as there are guests to interrupt: for as long as the process.
    std::mem::forget(sandbox);
    plugin.with_context(|| format!("cannot use {}", path.display()))
}
