//! How a plugin compares with an echo node written by hand: start to `init_ok`, round trip, messages per second
//! through pipes. Both run in turn, round by round, and what counts is the ratio: these figures move together on a
//! busy machine.
//!
//!     cargo bench --bench node
//!     cargo bench --bench node -- 'node other.js'     # more nodes, as command lines

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;
const ROUND_TRIPS: usize = 3_000;
const PIPELINED: usize = 200_000;
const STARTS: usize = 5;

const INIT: &str =
    r#"{"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1"],"msg_id":1}}"#;

/// A node under test.
struct Contestant {
    name: String,
    command: Vec<String>,
    figures: Figures,
}

#[derive(Default)]
struct Figures {
    start: Vec<Duration>,
    round_trip: Vec<Duration>,
    per_message: Vec<Duration>,
}

struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

fn main() {
    host::build::workspace(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the plugins compile");
    let native = vec![env!("CARGO_BIN_EXE_native-echo").to_owned()];
    let plugin = ["--plugin", "echo"].map(str::to_owned);
    let plugin = [vec![env!("CARGO_BIN_EXE_host").to_owned()], plugin.to_vec()].concat();
    let mut contestants = vec![contestant("native Rust", native), contestant("echo.wasm", plugin)];
    for command in std::env::args().skip(1).filter(|argument| argument != "--bench") {
        contestants.push(contestant(&command, command.split_whitespace().map(str::to_owned).collect()));
    }
    for round in 0..=ROUNDS {
        for contestant in &mut contestants {
            measure(&contestant.command, &mut contestant.figures);
            // The first round warms caches and counts for nothing.
            if round == 0 {
                contestant.figures = Figures::default();
            }
        }
    }
    report(&contestants);
}

fn contestant(name: &str, command: Vec<String>) -> Contestant {
    Contestant { name: name.to_owned(), command, figures: Figures::default() }
}

fn measure(command: &[String], figures: &mut Figures) {
    for _ in 0..STARTS {
        let started = Instant::now();
        let node = Running::start(command);
        figures.start.push(started.elapsed());
        node.stop();
    }
    let mut node = Running::start(command);
    let request = echo(2);
    let mut reply = String::new();
    for _ in 0..ROUND_TRIPS {
        let sent = Instant::now();
        node.stdin.write_all(request.as_bytes()).expect("the node reads");
        reply.clear();
        node.stdout.read_line(&mut reply).expect("the node answers");
        figures.round_trip.push(sent.elapsed());
    }
    figures.per_message.push(node.pipeline());
    node.stop();
}

/// A request of about sixty bytes of body.
fn echo(msg_id: usize) -> String {
    format!(
        "{{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{{\"type\":\"echo\",\"echo\":\"Please echo 35\",\"msg_id\":{msg_id}}}}}\n"
    )
}

impl Running {
    /// Starts a node and waits for its `init_ok`.
    fn start(command: &[String]) -> Running {
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", command[0]));
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let mut stdout = BufReader::with_capacity(1 << 16, child.stdout.take().expect("stdout is piped"));
        stdin.write_all(format!("{INIT}\n").as_bytes()).expect("the node reads");
        let mut reply = String::new();
        stdout.read_line(&mut reply).expect("the node answers");
        assert!(reply.contains("init_ok"), "{} answered {reply}", command[0]);
        Running { child, stdin, stdout }
    }

    /// Sends many requests without waiting, reads all answers, and returns the time per message.
    fn pipeline(&mut self) -> Duration {
        let requests: String = (0..PIPELINED).map(echo).collect();
        let started = Instant::now();
        thread::scope(|scope| {
            let stdin = &mut self.stdin;
            scope.spawn(move || stdin.write_all(requests.as_bytes()).expect("the node reads"));
            let mut lines = 0;
            let mut chunk = vec![0; 1 << 16];
            while lines < PIPELINED {
                let count = self.stdout.read(&mut chunk).expect("the node answers");
                assert!(count > 0, "the node ended early");
                lines += memchr::memchr_iter(b'\n', &chunk[..count]).count();
            }
        });
        started.elapsed() / PIPELINED as u32
    }

    fn stop(self) {
        let Running { mut child, stdin, stdout } = self;
        drop((stdin, stdout));
        child.wait().expect("the node ends");
    }
}

fn median(samples: &[Duration]) -> Duration {
    let mut samples = samples.to_vec();
    samples.sort();
    samples[samples.len() / 2]
}

fn report(contestants: &[Contestant]) {
    let row = |figures: &Figures| {
        [median(&figures.start), median(&figures.round_trip), median(&figures.per_message)]
    };
    let baseline = row(&contestants[0].figures);
    println!("{:24}{:>22}{:>22}{:>24}", "", "start to init_ok", "round trip", "messages per second");
    for contestant in contestants {
        let figures = row(&contestant.figures);
        let ratio = |at: usize| figures[at].as_secs_f64() / baseline[at].as_secs_f64();
        let rate = 1.0 / figures[2].as_secs_f64();
        println!(
            "{:24}{:>13.2} ms {:>4.2}x{:>13.1} us {:>4.2}x{:>14.0} k/s {:>4.2}x",
            contestant.name,
            figures[0].as_secs_f64() * 1e3,
            ratio(0),
            figures[1].as_secs_f64() * 1e6,
            ratio(1),
            rate / 1e3,
            1.0 / ratio(2),
        );
    }
}
