//! The run loop and its phases (spec §11): init, set-up, load with faults, quiet, final operations.

use std::{iter, mem};

use rand::RngExt;
use smol_str::SmolStr;

use super::clients::{self, Clients, InHand, Outcome, Owner, Worker};
use super::cluster::{Cluster, Delivery, Output};
use super::journal::{Journal, MessageId};
use super::nemesis::{Action, Nemesis};
use super::network::{DropReason, HeadOfLine, Network};
use super::nodes::{Answers, Life, Node};
use super::offence::{self, Kind as Offending, Offences};
use super::random::{Stream, uniform};
use super::readiness::{self, Asked, Failure, Request};
use super::scheduler::Scheduler;
use super::services::{self, Services};
use super::{Aborted, Crash, Progress, Run, Swap, Test};
use crate::checker::history::History;
use crate::checker::verdict::seconds;
use crate::checker::{Kind, Op, Process, Value};
use crate::workload::{Final, Invocation, Step, Workload};

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
        let logs = self.cluster.stop();
        self.name_mute_nodes();
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

    // Messages

    /// Accepts a message and plans its arrival.
    fn post(&mut self, src: &str, dest: &str, body: &str) {
        let message = self.journal.send(self.now_ns, src, dest, body);
        match self.network.send(self.now_ns, src, dest) {
            Err(reason) => self.journal.drop(self.now_ns, message, reason.as_str()),
            Ok(transit) => {
                let due_ns = iter::once(transit.due_ns).chain(transit.duplicate_due_ns);
                due_ns.for_each(|due_ns| self.dispatch(dest, due_ns, message, transit.incarnation));
            }
        }
    }

    /// Accepts a message that a node has written, unless nobody is there to receive it.
    fn post_from_node(&mut self, node: usize, src: &str, dest: &str, body: &str) {
        let name = &self.test.options.nodes[node];
        if src != name {
            let (kind, note) = match self.find(src) {
                Ok(()) => (Offending::FalseSource, "; Maelstrom would believe it"),
                Err(_) => (Offending::UnknownSource, ", who does not exist"),
            };
            let text = || format!("it sent a message to {dest} in the name of {src}{note}");
            self.offences.note(name, self.now_ns, kind, text);
        }
        let (kind, text) = match self.find(dest) {
            Ok(()) => return self.post(src, dest, body),
            Err(kind @ Offending::TooEarly) => {
                (kind, format!("it sent a message to {dest} before {dest} was there"))
            }
            Err(kind @ Offending::TooLate) => {
                (kind, format!("it sent a message to {dest}, a client that had given up and gone"))
            }
            Err(kind) => (kind, format!("it sent a message to {dest}, which does not exist")),
        };
        self.offences.note(name, self.now_ns, kind, || text);
        let message = self.journal.send(self.now_ns, src, dest, body);
        self.journal.drop(self.now_ns, message, DropReason::Unknown.as_str());
    }

    /// Whether anybody has that name now, or what it is to write to them.
    fn find(&self, dest: &str) -> Result<(), Offending> {
        if let Some(node) = self.node_named(dest) {
            return if self.nodes[node].life == Life::Absent { Err(Offending::TooEarly) } else { Ok(()) };
        }
        match self.clients.ever_named(dest) {
            Some(_) if self.clients.named(dest).is_none() => Err(Offending::TooLate),
            None if !services::NAMES.contains(&dest) => Err(Offending::UnknownDestination),
            _ => Ok(()),
        }
    }

    /// Sends an accepted message on its way.
    fn dispatch(&mut self, dest: &str, due_ns: u64, message: MessageId, incarnation: u32) {
        if self.test.network.head_of_line {
            self.queues.put(dest, due_ns, (message, incarnation));
            self.take_from_queue(dest);
        } else {
            self.scheduler.plan(due_ns, Event::Arrive { message, incarnation });
        }
    }

    /// Takes out of a receiver's queue what is to be delivered next; what is cut off at that moment is lost.
    fn take_from_queue(&mut self, dest: &str) {
        while let Some((due_ns, (message, incarnation))) = self.queues.take(dest) {
            if self.network.may_pass(self.journal.src(message), dest) {
                self.scheduler.plan(due_ns.max(self.now_ns), Event::Arrive { message, incarnation });
                return;
            }
            self.journal.drop(self.now_ns, message, DropReason::Partition.as_str());
            self.queues.done(dest);
        }
    }

    fn arrive(&mut self, message: MessageId, incarnation: u32) {
        let (src, dest) = (self.journal.src(message), self.journal.dest(message));
        if let Err(reason) = self.network.arrive(src, dest, incarnation) {
            self.journal.drop(self.now_ns, message, reason.as_str());
        } else if let Some(node) = self.node_named(dest) {
            self.hand_to_node(node, message);
        } else if self.clients.ever_named(dest).is_some() {
            self.hand_to_client(message);
        } else {
            self.hand_to_service(message);
        }
        if self.test.network.head_of_line {
            let dest = SmolStr::new(self.journal.dest(message));
            self.queues.done(&dest);
            self.take_from_queue(&dest);
        }
    }

    fn hand_to_node(&mut self, node: usize, message: MessageId) {
        match self.nodes[node].life {
            Life::Up if self.has_turns() => {
                self.nodes[node].held.push_back(message);
                self.plan_turn(node);
            }
            Life::Up => self.deliver(node, message),
            Life::Paused { .. } => self.nodes[node].held.push_back(message),
            Life::Absent | Life::Killed | Life::Dead => {
                self.journal.drop(self.now_ns, message, DropReason::Down.as_str());
            }
        }
    }

    fn deliver(&mut self, node: usize, message: MessageId) {
        if !self.nodes[node].is_up() {
            return self.hand_to_node(node, message);
        }
        self.journal.recv(self.now_ns, message);
        let (src, dest, body) =
            (self.journal.src(message), self.journal.dest(message), self.journal.body(message));
        self.cluster.deliver(node, self.now_ns, Delivery { id: message, src, dest, body });
        self.plan_alarm(node);
        self.collect_outputs();
    }

    fn hand_to_service(&mut self, message: MessageId) {
        let (src, dest) = (SmolStr::new(self.journal.src(message)), SmolStr::new(self.journal.dest(message)));
        match self.services.handle(&dest, &src, self.journal.body(message)) {
            None => {
                self.journal.drop(self.now_ns, message, DropReason::Unknown.as_str());
            }
            Some(reply) => {
                self.journal.recv(self.now_ns, message);
                match reply {
                    Ok(reply) => self.post(&dest, &src, &reply),
                    Err(reason) => {
                        let text = || format!("{dest} did not answer it: {reason}");
                        self.offences.note(&src, self.now_ns, Offending::BadRequest, text);
                    }
                }
            }
        }
    }

    /// Takes what has come out of nodes.
    fn collect_outputs(&mut self) {
        let mut outputs = Vec::new();
        self.cluster.drain(&mut |node, output| {
            outputs.push(match output {
                Output::Message { src, dest, body } => {
                    Collected::Message(node, src.into(), dest.into(), body.to_owned())
                }
                Output::Death(death) => Collected::Death(node, death),
                Output::Offence { kind, text, quote } => Collected::Offence(node, kind, text, quote),
                Output::Swap(outcome) => Collected::Swap(node, outcome),
            });
        });
        for output in outputs {
            match output {
                Collected::Message(node, src, dest, body) => self.post_from_node(node, &src, &dest, &body),
                Collected::Death(node, death) => self.bury(node, death),
                Collected::Offence(node, kind, text, quote) => {
                    let name = &self.test.options.nodes[node];
                    self.offences.note_quoting(name, self.now_ns, kind, || (text, quote));
                }
                Collected::Swap(node, outcome) => {
                    let node = self.test.options.nodes[node].clone();
                    self.swaps.push(Swap { node, time_ns: self.now_ns, outcome });
                }
            }
        }
    }

    // Nodes

    fn node_named(&self, name: &str) -> Option<usize> {
        self.network.node(name)
    }

    /// Starts a node and sends it `init`, from a client made for that.
    fn start_node(&mut self, node: usize) {
        self.nodes[node].begin_life(self.now_ns);
        self.network.bring_up(node);
        self.cluster.start(node, self.now_ns);
        self.collect_outputs();
        let client = self.clients.open(Owner::Init(node));
        let nodes = &self.test.options.nodes;
        let body = serde_json::json!({"type": "init", "node_id": nodes[node], "node_ids": nodes});
        self.request(client, node, &body.to_string(), INIT_TIMEOUT_NS);
    }

    fn plan_alarm(&mut self, node: usize) {
        let Some(alarm_ns) = self.cluster.next_alarm_ns(node) else { return };
        let state = &mut self.nodes[node];
        if state.alarm_ns.is_none_or(|planned_ns| alarm_ns < planned_ns) {
            state.alarm_ns = Some(alarm_ns);
            self.scheduler.plan(alarm_ns, Event::Alarm { node });
        }
    }

    fn wake(&mut self, node: usize) {
        let state = &mut self.nodes[node];
        if state.alarm_ns.is_some_and(|alarm_ns| alarm_ns <= self.now_ns) {
            state.alarm_ns = None;
        }
        if !state.is_up() {
            return;
        }
        if self.has_turns() {
            return self.plan_turn(node);
        }
        self.fire(node);
    }

    fn fire(&mut self, node: usize) {
        self.cluster.fire(node, self.now_ns);
        self.plan_alarm(node);
        self.collect_outputs();
    }

    /// Whether nodes have to wait for their turn before they do anything.
    fn has_turns(&self) -> bool {
        self.test.scheduling_jitter_ns > 0
    }

    fn plan_turn(&mut self, node: usize) {
        if self.nodes[node].turn_ns.is_some() {
            return;
        }
        let turn_ns = self.now_ns + uniform(&mut self.turns[node], self.test.scheduling_jitter_ns / 2);
        self.nodes[node].turn_ns = Some(turn_ns);
        self.scheduler.plan(turn_ns, Event::Turn { node });
    }

    /// Lets a node do all that it has to do by now.
    fn take_turn(&mut self, node: usize) {
        if self.nodes[node].turn_ns != Some(self.now_ns) || !self.nodes[node].is_up() {
            return;
        }
        self.nodes[node].turn_ns = None;
        self.run_node(node);
    }

    fn run_node(&mut self, node: usize) {
        for message in mem::take(&mut self.nodes[node].held) {
            self.deliver(node, message);
        }
        if self.nodes[node].is_up() {
            self.fire(node);
        }
    }

    fn bury(&mut self, node: usize, death: super::cluster::Death) {
        let name = &self.test.options.nodes[node];
        self.nodes[node].life = Life::Dead;
        if !self.nodes[node].is_ready && !self.has_begun {
            let mut details = death.details.clone();
            if details.is_empty() {
                details = self.cluster.written(node).tail;
                details.retain(|line| !line.contains(&death.reason));
            }
            self.fail_to_begin(node, Failure::Died { reason: death.reason.clone() }, details);
        }
        self.crashes.push(Crash { node: name.clone(), time_ns: self.now_ns, death });
    }

    /// A node that has left every request unanswered to the end is named, whatever else is wrong with it.
    fn name_mute_nodes(&mut self) {
        for (node, name) in self.nodes.iter().zip(&self.test.options.nodes) {
            let count = node.answers.unanswered;
            if count == 0 || matches!(node.life, Life::Killed | Life::Dead) {
                continue;
            }
            let since_load = |time_ns: u64| seconds(time_ns.saturating_sub(self.load_began_ns));
            let (since_ns, since) = match node.answers.last_ns {
                Some(last_ns) if last_ns >= node.began_ns => {
                    (last_ns, format!("after {}", since_load(last_ns)))
                }
                _ if node.began_ns > self.load_began_ns => {
                    (node.began_ns, format!("after it was restarted at {}", since_load(node.began_ns)))
                }
                _ => (self.load_began_ns, "at all".to_owned()),
            };
            let requests = if count == 1 { "1 request" } else { &*format!("{count} requests") };
            let text = || format!("it answered nothing {since}: {requests} timed out");
            self.offences.note(name, since_ns, Offending::Mute, text);
        }
    }

    // Faults

    fn plan_fault(&mut self) {
        if let Some((at_ns, action)) = self.nemesis.next() {
            self.scheduler.plan(self.load_began_ns.saturating_add(at_ns), Event::Fault(action));
        }
    }

    /// Carries out an action of the nemesis, between two records of it.
    fn act(&mut self, action: Action) {
        let (f, intent) = (action.f(), action.intent());
        let effect = action.effect(&self.test.options.nodes);
        self.record_fault(f, intent);
        self.active_faults = self.active_faults.saturating_add_signed(action.faults_begun());
        match action {
            Action::StartPartition(_, cut) => self.network.partition(cut),
            Action::StopPartition => self.network.heal(),
            Action::Kill(targets) => targets.nodes.iter().for_each(|&node| self.kill(node)),
            Action::Restart => self.restart_killed(),
            Action::Pause(targets) => targets.nodes.iter().for_each(|&node| self.pause(node)),
            Action::Resume => (0..self.nodes.len()).for_each(|node| self.resume(node)),
            Action::StartLoss(probability) => self.network.start_loss(probability),
            Action::StopLoss => self.network.stop_loss(),
            Action::StartDuplicate(probability) => self.network.start_duplication(probability),
            Action::StopDuplicate => self.network.stop_duplication(),
            Action::StartSlow(targets) => self.network.start_slow(&targets.nodes),
            Action::StopSlow => self.network.stop_slow(),
            Action::StartSkew(skews) => {
                for (node, skew) in skews {
                    self.cluster.skew(node, Some(skew), self.now_ns);
                }
            }
            Action::StopSkew => {
                for node in 0..self.nodes.len() {
                    self.cluster.skew(node, None, self.now_ns);
                }
            }
            Action::Swap(node) => self.swap(node, true),
            Action::FinishSwap => (0..self.nodes.len()).for_each(|node| self.swap(node, false)),
        }
        self.record_fault(f, effect);
    }

    fn kill(&mut self, node: usize) {
        if !matches!(self.nodes[node].life, Life::Up | Life::Paused { .. }) {
            return;
        }
        self.network.take_down(node);
        self.cluster.kill(node);
        for message in mem::take(&mut self.nodes[node].held) {
            self.journal.drop(self.now_ns, message, DropReason::Down.as_str());
        }
        let Answers { last_ns, .. } = self.nodes[node].answers;
        let answers = Answers { last_ns, unanswered: 0 };
        self.nodes[node] = Node { life: Life::Killed, answers, ..Node::default() };
    }

    fn restart_killed(&mut self) {
        for node in 0..self.nodes.len() {
            if self.nodes[node].life == Life::Killed {
                self.start_node(node);
            }
        }
    }

    fn pause(&mut self, node: usize) {
        if self.nodes[node].is_up() {
            self.nodes[node].life = Life::Paused { is_swap_due: false };
            self.cluster.pause(node, true);
        }
    }

    fn resume(&mut self, node: usize) {
        let Life::Paused { is_swap_due } = self.nodes[node].life else { return };
        self.nodes[node].life = Life::Up;
        self.nodes[node].turn_ns = None;
        self.cluster.pause(node, false);
        if is_swap_due {
            self.swap(node, true);
        }
        self.run_node(node);
    }

    /// Swaps a node's plugin. A stopped node can do nothing; it is swapped as soon as it goes on.
    fn swap(&mut self, node: usize, again: bool) {
        if let Life::Paused { is_swap_due } = &mut self.nodes[node].life {
            *is_swap_due = true;
            return;
        }
        self.cluster.swap(node, again, self.now_ns);
        self.plan_alarm(node);
        self.collect_outputs();
    }

    fn record_fault(&mut self, f: &'static str, value: Value) {
        let time_ns = self.now_ns.saturating_sub(self.load_began_ns);
        let (index, process, kind) = (self.ops.len(), Process::Nemesis, Kind::Info);
        self.ops.push(Op {
            index,
            time_ns,
            kind,
            process,
            f: f.into(),
            value,
            error: None,
            exception: None,
            is_final: false,
            seek_to_beginning: false,
        });
    }

    // Clients

    /// Sends a client's request to a node.
    fn request(&mut self, client: usize, node: usize, body: &str, timeout_ns: u64) {
        let msg_id = self.clients.get(client).ask();
        let comma = if body == "{}" { "" } else { "," };
        let body = format!(r#"{}{comma}"msg_id":{msg_id}}}"#, &body[..body.len() - 1]);
        let test = self.test;
        self.post(&clients::id(client), &test.options.nodes[node], &body);
        let since_ns = self.now_ns;
        self.scheduler.plan(since_ns.saturating_add(timeout_ns), Event::Timeout { client, msg_id, since_ns });
    }

    /// A message for a client: the reply it waits for, or nothing to it (spec §3.3).
    fn hand_to_client(&mut self, message: MessageId) {
        let Some(client) = self.clients.named(self.journal.dest(message)) else {
            self.journal.drop(self.now_ns, message, DropReason::Unknown.as_str());
            return;
        };
        self.journal.recv(self.now_ns, message);
        let body = match Value::from_json(self.journal.body(message)) {
            Ok(body) => body,
            Err(error) => return self.answers_nothing(message, &format!("its body cannot be read: {error}")),
        };
        let state = self.clients.get(client);
        let waiting_for = state.waiting_for;
        match state.take(&body) {
            Ok(()) => match state.owner {
                Owner::Init(node) => self.initialised(client, node, &body),
                Owner::Setup(node) => self.set_up(node, &body),
                Owner::Worker(worker) => self.replied(worker, body),
            },
            Err(stray) => {
                if let Some(reason) = stray.reason(waiting_for) {
                    self.answers_nothing(message, &reason);
                }
            }
        }
    }

    fn answers_nothing(&mut self, message: MessageId, reason: &str) {
        let (src, dest) = (self.journal.src(message), self.journal.dest(message));
        let body = self.journal.body(message);
        let text = || {
            let text = format!("its message to {dest} answers nothing: {reason}");
            (text, Some(offence::quote(body)))
        };
        self.offences.note_quoting(src, self.now_ns, Offending::AnswersNothing, text);
    }

    fn initialised(&mut self, client: usize, node: usize, body: &Value) {
        self.clients.close(client);
        if body.get("type").and_then(Value::as_str) == Some("init_ok") {
            self.nodes[node].is_ready = true;
            return;
        }
        let details = self.cluster.written(node).tail;
        self.fail_to_begin(node, Failure::not_init_ok(body), details);
    }

    fn set_up(&mut self, node: usize, body: &Value) {
        let name = &self.test.options.nodes[node];
        let Some((_, schema)) = self.workload.setup(name) else { return };
        match schema.check(body) {
            Ok(()) => self.nodes[node].is_ready = true,
            Err(malformed) => {
                let details = self.cluster.written(node).tail;
                self.fail_to_begin(
                    node,
                    Failure::malformed_setup(body, &schema.expected(), &malformed),
                    details,
                );
            }
        }
    }

    fn time_out(&mut self, client: usize, msg_id: i64, since_ns: u64) {
        if !self.clients.get(client).give_up(msg_id) {
            return;
        }
        match self.clients.get(client).owner {
            Owner::Worker(worker) => {
                let node = worker % self.nodes.len();
                // A node that was down meanwhile cannot be blamed.
                let was_there = self.nodes[node].began_ns <= since_ns;
                self.nodes[node].answers.unanswered += usize::from(was_there);
                let is_idempotent = self.is_idempotent(worker);
                self.complete(worker, Outcome::timeout(self.workload.clients(), is_idempotent));
            }
            Owner::Init(node) if self.has_begun => self.give_up_restarted(node, client),
            Owner::Init(_) | Owner::Setup(_) => {}
        }
    }

    /// A node that was started again has not answered `init` of this client. One that is down or stopped has an excuse.
    fn give_up_restarted(&mut self, node: usize, client: usize) {
        let is_awaited = self.clients.last_of(Owner::Init(node)) == Some(client);
        if !is_awaited || !self.nodes[node].is_up() {
            return;
        }
        let (names, written) = (&self.test.options.nodes, self.cluster.written(node));
        let asked = Asked { node: &names[node], client: &clients::id(client), nodes: names };
        let cause = readiness::why_unanswered(&self.journal, asked, &written);
        let (request, within_s) = (Request::Init, INIT_TIMEOUT_NS / 1_000_000_000);
        self.fail_to_begin(
            node,
            Failure::Unanswered { request, within_s, cause, others: Vec::new() },
            Vec::new(),
        );
    }

    fn is_idempotent(&self, worker: usize) -> bool {
        let in_hand = self.workers[worker].busy.as_ref();
        in_hand.is_some_and(|in_hand| self.workload.is_idempotent(in_hand.invocation.f))
    }

    // Operations

    /// Gives an operation to a random free worker that has one to do.
    fn next_operation(&mut self) {
        if !self.is_loading || self.now_ns >= self.load_began_ns + self.test.time_limit_ns {
            return;
        }
        let free: Vec<usize> =
            (0..self.workers.len()).filter(|&worker| self.workers[worker].busy.is_none()).collect();
        if free.is_empty() {
            self.is_behind = true;
            return;
        }
        let mean_gap_ns = (1e9 / self.test.rate) as u64;
        self.scheduler.plan(self.now_ns + uniform(&mut self.gaps, mean_gap_ns), Event::Load);
        let first = self.choices.random_range(0..free.len());
        let elapsed_ms = (self.now_ns - self.load_began_ns) / NS_PER_MS;
        for worker in free[first..].iter().chain(&free[..first]) {
            if let Some(invocation) = self.workload.next(*worker, elapsed_ms, &mut self.generator) {
                self.begin(*worker, invocation, false);
                return;
            }
        }
    }

    fn next_final(&mut self, worker: usize) {
        let began_ns = self.final_began_ns.expect("final operations come in the final phase");
        match self.workload.next_final(worker, (self.now_ns - began_ns) / NS_PER_MS) {
            Final::Done => self.workers[worker].is_done = true,
            Final::Invoke(invocation, after_ms) => {
                self.workers[worker].next_final = Some(invocation);
                self.scheduler.plan(self.now_ns + after_ms * NS_PER_MS, Event::BeginFinal { worker });
            }
        }
    }

    fn begin(&mut self, worker: usize, invocation: Invocation, is_final: bool) {
        if self.workers[worker].client.is_none() {
            self.workers[worker].client = Some(self.clients.open(Owner::Worker(worker)));
        }
        self.record(worker, &invocation, is_final, Kind::Invoke, invocation.value.clone(), None, None);
        let step = self.workload.begin(worker, &invocation);
        self.workers[worker].busy = Some(InHand { invocation, is_final });
        self.follow(worker, step);
    }

    fn follow(&mut self, worker: usize, step: Step) {
        match step {
            Step::Ok(value) => self.complete(worker, Outcome::Ok(value)),
            Step::Crash => self.complete(worker, Outcome::Crash),
            Step::Request(body) => {
                let client = self.workers[worker].client.expect("a worker opens a client before it begins");
                let timeout_ns = self.workload.clients().timeout_ms * NS_PER_MS;
                self.request(client, worker % self.nodes.len(), &body, timeout_ns);
            }
        }
    }

    fn replied(&mut self, worker: usize, body: Value) {
        let node = worker % self.nodes.len();
        self.nodes[node].answers.answered(self.now_ns);
        if body.get("type").and_then(Value::as_str) == Some("error") {
            let is_idempotent = self.is_idempotent(worker);
            self.complete(worker, Outcome::error(&body, self.workload.clients(), is_idempotent));
            return;
        }
        let Some(in_hand) = &self.workers[worker].busy else { return };
        match self.workload.reply(worker, &in_hand.invocation, body) {
            Ok(step) => self.follow(worker, step),
            Err(malformed) => {
                let node = &self.test.options.nodes[worker % self.nodes.len()];
                let text = format!("Malformed RPC response from {node}: {malformed}");
                self.complete(worker, Outcome::Exception(text));
            }
        }
    }

    fn complete(&mut self, worker: usize, outcome: Outcome) {
        let Some(InHand { invocation, is_final }) = self.workers[worker].busy.take() else { return };
        let argument = || invocation.value.clone();
        let (kind, value, error, exception) = match outcome {
            Outcome::Ok(value) => (Kind::Ok, value, None, None),
            Outcome::Fail(error) => (Kind::Fail, argument(), Some(error), None),
            Outcome::Info(error) => (Kind::Info, argument(), Some(error), None),
            Outcome::Exception(text) => (Kind::Info, argument(), Some(Value::from(&*text)), Some(text)),
            Outcome::Crash => (Kind::Info, argument(), None, None),
        };
        self.record(worker, &invocation, is_final, kind, value, error, exception);
        self.completed += 1;
        if kind == Kind::Info {
            self.crash_process(worker, invocation.f);
        }
        if is_final {
            self.scheduler.plan(self.now_ns, Event::Final { worker });
        } else if mem::take(&mut self.is_behind) {
            self.scheduler.plan(self.now_ns, Event::Load);
        }
    }

    /// After an operation whose outcome nobody knows its process does nothing any more (spec §6.3).
    fn crash_process(&mut self, worker: usize, f: &str) {
        self.workers[worker].process += self.workers.len() as u64;
        let keeps_client = self.workload.clients().reusable && f != "crash";
        if keeps_client {
            return;
        }
        if let Some(client) = self.workers[worker].client.take() {
            self.clients.close(client);
        }
        self.workload.reconnect(worker);
    }

    #[allow(clippy::too_many_arguments)]
    fn record(
        &mut self,
        worker: usize,
        invocation: &Invocation,
        is_final: bool,
        kind: Kind,
        value: Value,
        error: Option<Value>,
        exception: Option<String>,
    ) {
        let op = Op {
            index: self.ops.len(),
            time_ns: self.now_ns - self.load_began_ns,
            kind,
            process: Process::Client(self.workers[worker].process),
            f: invocation.f.into(),
            value,
            error,
            exception: exception.map(Into::into),
            is_final,
            seek_to_beginning: invocation.seek_to_beginning,
        };
        if kind != Kind::Invoke {
            self.workload.observe(&op);
        }
        self.ops.push(op);
    }
}

/// An output of a node, away from its cluster.
enum Collected {
    Message(usize, SmolStr, SmolStr, String),
    Death(usize, super::cluster::Death),
    Offence(usize, Offending, String, Option<String>),
    Swap(usize, Result<String, String>),
}
