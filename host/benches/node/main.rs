//! How fast a node is, against one written by hand in Rust: any node, in any language, for all of it goes through pipes.
//! `cargo bench --bench node -- --help` says what is measured. The nodes run in turn, round by round, and
//! what counts is the ratio within a round: absolute figures move together on a busy machine.

mod load;
mod process;
mod report;

use std::path::Path;
use std::time::{Duration, Instant};

use clap::Parser;
use host::build::language::LANGUAGES;

use self::load::{Running, Size};
use self::report::Table;

/// Measures nodes through pipes, side by side, by an echo workload:
///
/// * start to `init_ok`, with GLOMERS_CACHE set to a directory in use (warm) and to an empty one (cold);
/// * round trip: one request outstanding, the median;
/// * pipelined: 1000 requests outstanding, messages per second, and the node's CPU time for each;
/// * the node's peak memory.
///
/// Bodies have 60 B, 1 KiB and 16 KiB; the payload is a string. Each figure is the median over the rounds, behind it the
/// median of the ratio to the first node, and half the distance between that ratio's quartiles.
#[derive(Parser)]
#[command(name = "cargo bench --bench node --", no_binary_name = false)]
struct Arguments {
    /// Rounds that count. One more comes first, to warm caches.
    #[arg(long, default_value_t = 9)]
    rounds: usize,

    /// Leave out the tree's own nodes other than `native-echo`, which the ratios are to, and `echo.wasm`.
    #[arg(long)]
    short: bool,

    /// `echo` in the other languages too, as far as `host build --all` has built it.
    #[arg(long)]
    languages: bool,

    /// More nodes, each a command line in quotes: 'node other.js'. They must answer `echo`.
    #[arg(value_name = "COMMAND")]
    commands: Vec<String>,

    /// What cargo says to a bench.
    #[arg(long, hide = true)]
    bench: bool,
}

const SIZES: [Size; 3] = [
    Size { body_bytes: 60, round_trips: 3_000, pipelined: 200_000 },
    Size { body_bytes: 1 << 10, round_trips: 2_000, pipelined: 60_000 },
    Size { body_bytes: 16 << 10, round_trips: 1_000, pipelined: 10_000 },
];

const WARM_STARTS: usize = 9;

/// A node under test.
struct Contestant {
    name: String,
    command: Vec<String>,
    /// Where it finds what it has compiled before.
    cache: tempfile::TempDir,
}

fn main() {
    let arguments = Arguments::parse();
    host::build::workspace(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the plugins compile");
    let contestants = contestants(&arguments);
    let mut table = Table::new(contestants.iter().map(|contestant| contestant.name.clone()));
    for round in 0..=arguments.rounds {
        eprint!("\rround {round} of {}", arguments.rounds);
        for (at, contestant) in contestants.iter().enumerate() {
            contestant.measure(|figure, value| {
                if round > 0 {
                    table.add(figure, at, value);
                }
            });
        }
    }
    eprint!("\r\x1b[K");
    println!("{table}");
}

fn contestants(arguments: &Arguments) -> Vec<Contestant> {
    let baseline = |name: &str, program: &str| Contestant::new(name, vec![program.to_owned()]);
    let mut contestants = vec![baseline("native-echo", env!("CARGO_BIN_EXE_native-echo"))];
    if !arguments.short {
        contestants.push(baseline("splice-echo", env!("CARGO_BIN_EXE_splice-echo")));
        contestants.push(baseline("value-echo", env!("CARGO_BIN_EXE_value-echo")));
    }
    contestants.push(plugin("echo"));
    if arguments.languages {
        contestants.extend(languages().iter().map(|name| plugin(name)));
    }
    contestants.extend(
        arguments
            .commands
            .iter()
            .map(|command| Contestant::new(command, command.split_whitespace().map(str::to_owned).collect())),
    );
    contestants
}

/// A plugin of the tree.
fn plugin(name: &str) -> Contestant {
    let command = [env!("CARGO_BIN_EXE_host"), "--plugin", name].map(str::to_owned);
    Contestant::new(&format!("{name}.wasm"), command.to_vec())
}

/// The names of `echo` in other languages than Rust.
fn languages() -> Vec<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let plugins = here.parent().expect("the workspace").join("plugins");
    let names = LANGUAGES.iter().map(|language| format!("echo-{}", language.name));
    names.filter(|name| plugins.join(name).with_extension("wasm").is_file()).collect()
}

impl Contestant {
    fn new(name: &str, command: Vec<String>) -> Contestant {
        let cache = tempfile::tempdir().expect("there is a directory for temporary files");
        Contestant { name: name.to_owned(), command, cache }
    }

    /// One round: tells `tell` each figure and its value.
    fn measure(&self, mut tell: impl FnMut(report::Figure, f64)) {
        use report::Figure::{ColdStart, CpuTime, PeakMemory, Rate, RoundTrip, WarmStart};
        let empty = tempfile::tempdir().expect("there is a directory for temporary files");
        tell(ColdStart, self.start(empty.path()).as_secs_f64());
        let warm: Vec<_> = (0..WARM_STARTS).map(|_| self.start(self.cache.path()).as_secs_f64()).collect();
        tell(WarmStart, report::median(warm));
        let mut node = Running::start(&self.command, self.cache.path());
        for size in &SIZES {
            let trips = node.round_trips(size).iter().map(Duration::as_secs_f64).collect();
            tell(RoundTrip(size.body_bytes), report::median(trips));
            let cpu_before = node.cpu_time();
            let elapsed = node.pipeline(size);
            tell(Rate(size.body_bytes), size.pipelined as f64 / elapsed.as_secs_f64());
            if let (Some(before), Some(after)) = (cpu_before, node.cpu_time()) {
                tell(CpuTime(size.body_bytes), (after - before).as_secs_f64() / size.pipelined as f64);
            }
        }
        if let Some(bytes) = node.peak_memory() {
            tell(PeakMemory, bytes as f64);
        }
        node.stop();
    }

    fn start(&self, cache: &Path) -> Duration {
        let started = Instant::now();
        let node = Running::start(&self.command, cache);
        let elapsed = started.elapsed();
        node.stop();
        elapsed
    }
}
