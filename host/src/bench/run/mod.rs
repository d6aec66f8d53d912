//! The run loop and its phases (spec §11): init, set-up, load with faults, quiet, final operations.

mod faults;
mod messages;
mod nodes;
mod operations;
mod requests;

use crate::bench::clients::{self, Clients, Owner, Worker};
use crate::bench::cluster::Cluster;
use crate::bench::journal::{Journal, MessageId};
use crate::bench::nemesis::{Action, Nemesis};
use crate::bench::network::{HeadOfLine, Network};
use crate::bench::nodes::{Life, Node};
use crate::bench::offence::{Kind as Offending, Offences};
use crate::bench::random::{Stream, uniform};
use crate::bench::readiness::{self, Asked, Failure, Request};
use crate::bench::scheduler::Scheduler;
use crate::bench::services::Services;
use crate::bench::{Aborted, Crash, Progress, Run, Swap, Test};
use crate::checker::Op;
use crate::checker::history::History;
use crate::workload::Workload;

const NS_PER_MS: u64 = 1_000_000;

/// How long a node may take to answer `init` (spec §4.1) and the workload's set-up (spec §9.3).
const INIT_TIMEOUT_NS: u64 = 10_000 * NS_PER_MS;
const SETUP_TIMEOUT_NS: u64 = 5_000 * NS_PER_MS;

/// Between the end of the load and the final operations (spec §11.3).
const QUIET_NS: u64 = 10_000 * NS_PER_MS;

/// How often the progress is told, in events.
const PROGRESS_EVENTS: u64 = 1 << 10;

/// Something that happens at a planned time.
#[derive(Debug)]
enum Event {
    /// A node is started.
    Start { node: usize },
    /// A message is due.
    Arrive { message: MessageId, incarnation: u32 },
    /// A node may want to be woken.
    Alarm { node: usize },
    /// It is a node's turn to run.
    Turn { node: usize },
    /// A client has waited long enough for this request, which it made at this time.
    Timeout { client: usize, msg_id: i64, since_ns: u64 },
    /// The next operation of the load.
    Load,
    /// The next action of the nemesis.
    Fault(Action),
    /// A worker looks for its next final operation.
    Final { worker: usize },
    /// A worker begins the final operation it has chosen.
    BeginFinal { worker: usize },
}

/// A run in progress.
pub(super) struct Loop<'t> {
    test: &'t Test,
    workload: &'t mut dyn Workload,
    cluster: &'t mut dyn Cluster,
    progress: &'t mut dyn FnMut(Progress),
    now_ns: u64,
    scheduler: Scheduler<Event>,
    network: Network,
    /// Messages in the queues of their receivers, if they are delivered as Maelstrom does it.
    queues: HeadOfLine<(MessageId, u32)>,
    services: Services,
    journal: Journal,
    clients: Clients,
    workers: Vec<Worker>,
    nodes: Vec<Node>,
    nemesis: Nemesis,
    active_faults: usize,
    load_began_ns: u64,
    is_loading: bool,
    /// An operation is due but no worker is free.
    is_behind: bool,
    final_began_ns: Option<u64>,
    gaps: Stream,
    generator: Stream,
    choices: Stream,
    starts: Stream,
    /// For each node.
    turns: Vec<Stream>,
    ops: Vec<Op>,
    completed: usize,
    crashes: Vec<Crash>,
    offences: Offences,
    swaps: Vec<Swap>,
    /// The load has begun: a node that is not ready now has been started again.
    has_begun: bool,
    aborted: Option<Aborted>,
}

impl<'t> Loop<'t> {
    pub fn new(
        test: &'t Test,
        workload: &'t mut dyn Workload,
        cluster: &'t mut dyn Cluster,
        progress: &'t mut dyn FnMut(Progress),
    ) -> Loop<'t> {
        let (seed, nodes) = (test.seed, &test.options.nodes);
        let worker = |worker| Worker { process: worker as u64, ..Worker::default() };
        Loop {
            workload,
            cluster,
            progress,
            now_ns: 0,
            scheduler: Scheduler::default(),
            network: Network::new(test.network.clone(), nodes, seed),
            queues: HeadOfLine::default(),
            services: Services::new(seed, test.lww_replicas, test.lww_merge),
            journal: Journal::default(),
            clients: Clients::default(),
            workers: (0..test.options.concurrency).map(worker).collect(),
            nodes: nodes.iter().map(|_| Node::default()).collect(),
            nemesis: Nemesis::new(&test.faults, test.nemesis_interval_ns, nodes.len(), seed),
            active_faults: 0,
            load_began_ns: 0,
            is_loading: false,
            is_behind: false,
            final_began_ns: None,
            gaps: seed.stream("load", 0),
            generator: seed.stream("generator", 0),
            choices: seed.stream("worker", 0),
            starts: seed.stream("start", 0),
            turns: (0..nodes.len() as u64).map(|node| seed.stream("scheduling", node)).collect(),
            ops: Vec::new(),
            completed: 0,
            crashes: Vec::new(),
            offences: Offences::default(),
            swaps: Vec::new(),
            has_begun: false,
            aborted: None,
            test,
        }
    }

    pub fn run(mut self) -> Run {
        self.prepare();
        if self.aborted.is_none() {
            self.load();
            if self.workload.has_final_phase() {
                self.finish();
            }
        }
        self.name_mute_nodes();
        let logs = self.cluster.stop();
        let history = History::new(self.ops).expect("the run loop records operations in pairs");
        Run {
            history,
            journal: self.journal,
            crashes: self.crashes,
            offences: self.offences.into_all(),
            swaps: self.swaps,
            logs,
            load_began_ns: self.load_began_ns,
            ended_ns: self.now_ns,
            events: self.scheduler.planned(),
            aborted: self.aborted,
        }
    }

    // Phases

    /// Starts and initialises all nodes, and sets them up.
    fn prepare(&mut self) {
        for node in 0..self.nodes.len() {
            let after_ns = uniform(&mut self.starts, self.test.start_spread_ns / 2);
            self.scheduler.plan(self.now_ns + after_ns, Event::Start { node });
        }
        self.advance(self.now_ns + self.test.start_spread_ns, |this| {
            this.nodes.iter().all(|node| node.life != Life::Absent)
        });
        self.await_nodes(INIT_TIMEOUT_NS, Request::Init);
        if self.aborted.is_some() {
            return;
        }
        let setup = |node: &String| self.workload.setup(node);
        let requests: Vec<_> = self.test.options.nodes.iter().map(setup).collect();
        for (node, request) in requests.into_iter().enumerate() {
            let client = self.clients.open(Owner::Setup(node));
            let Some((body, _)) = request else { continue };
            self.nodes[node].is_ready = false;
            self.request(client, node, &body, SETUP_TIMEOUT_NS);
        }
        self.await_nodes(SETUP_TIMEOUT_NS, Request::Setup);
    }

    fn await_nodes(&mut self, timeout_ns: u64, request: Request) {
        let until_ns = self.now_ns + timeout_ns;
        self.advance(until_ns, |this| this.aborted.is_some() || this.nodes.iter().all(|node| node.is_ready));
        let mut late = (0..self.nodes.len()).filter(|node| !self.nodes[*node].is_ready);
        let Some(node) = late.next().filter(|_| self.aborted.is_none()) else { return };
        let others = late.map(|node| self.test.options.nodes[node].clone()).collect();
        let owner = if request == Request::Init { Owner::Init(node) } else { Owner::Setup(node) };
        let client = self.clients.last_of(owner).expect("a client has asked it");
        let names = &self.test.options.nodes;
        let asked = Asked { node: &names[node], client: &clients::id(client), nodes: names };
        let (cause, details) = readiness::examine(self.cluster, node, &self.journal, asked);
        let within_s = timeout_ns / 1_000_000_000;
        self.fail_to_begin(node, Failure::Unanswered { request, within_s, cause, others }, details);
    }

    /// A node that does not become ready keeps the run from beginning; one that was started again is an offence.
    fn fail_to_begin(&mut self, node: usize, failure: Failure, details: Vec<String>) {
        let node = &self.test.options.nodes[node];
        if self.has_begun {
            let text = || failure.told_of_restarted();
            self.offences.note(node, self.now_ns, Offending::NotRestarted, text);
        } else if self.aborted.is_none() {
            self.aborted = Some(Aborted { node: node.clone(), time_ns: self.now_ns, failure, details });
        }
    }

    /// The main phase, and what is still in flight at its end.
    fn load(&mut self) {
        self.has_begun = true;
        self.load_began_ns = self.now_ns;
        let end_ns = self.now_ns + self.test.time_limit_ns;
        self.is_loading = true;
        if self.test.rate > 0.0 {
            self.scheduler.plan(self.now_ns, Event::Load);
        }
        self.plan_fault();
        self.advance(end_ns, |_| false);
        self.is_loading = false;
        self.advance(u64::MAX, |this| this.workers.iter().all(|worker| worker.busy.is_none()));
    }

    /// Heals everything, waits a while, and does the final operations.
    fn finish(&mut self) {
        for action in self.nemesis.heal() {
            self.act(action);
        }
        self.advance(self.now_ns + QUIET_NS, |_| false);
        self.final_began_ns = Some(self.now_ns);
        for worker in 0..self.workers.len() {
            self.scheduler.plan(self.now_ns, Event::Final { worker });
        }
        self.advance(u64::MAX, |this| {
            this.workers.iter().all(|worker| worker.is_done && worker.busy.is_none())
        });
    }

    // The loop

    /// Lets things happen until `is_done`, or until a time.
    fn advance(&mut self, until_ns: u64, is_done: impl Fn(&Self) -> bool) {
        while !is_done(self) {
            let next_ns = self.scheduler.next_ns().unwrap_or(u64::MAX).min(until_ns);
            self.now_ns = self.cluster.wait(next_ns).max(self.now_ns);
            self.collect_outputs();
            match self.scheduler.pop_due(self.now_ns.min(until_ns)) {
                Some(event) => self.happen(event),
                None if self.now_ns >= until_ns => return,
                None => {}
            }
            if self.scheduler.planned().is_multiple_of(PROGRESS_EVENTS) {
                self.tell_progress();
            }
        }
    }

    fn tell_progress(&mut self) {
        let time_ns = self.now_ns.saturating_sub(self.load_began_ns);
        (self.progress)(Progress { time_ns, ops: self.completed, faults: self.active_faults });
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Start { node } => self.start_node(node),
            Event::Arrive { message, incarnation } => self.arrive(message, incarnation),
            Event::Alarm { node } => self.wake(node),
            Event::Turn { node } => self.take_turn(node),
            Event::Timeout { client, msg_id, since_ns } => self.time_out(client, msg_id, since_ns),
            Event::Load => self.next_operation(),
            Event::Fault(action) => {
                if self.is_loading {
                    self.act(action);
                    self.plan_fault();
                }
            }
            Event::Final { worker } => self.next_final(worker),
            Event::BeginFinal { worker } => {
                if let Some(invocation) = self.workers[worker].next_final.take() {
                    self.begin(worker, invocation, true);
                }
            }
        }
    }
}
