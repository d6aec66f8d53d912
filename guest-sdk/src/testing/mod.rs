//! A cluster in memory, in virtual time, for a plugin's unit tests.
//!
//! It runs the same handlers as the component does. Messages between nodes take as long as the test says and can be
//! lost, duplicated and cut off; nodes can be killed and restarted. Nothing happens but in [`Cluster::advance`] and
//! [`Cluster::request`]; the same calls with the same seed give the same run.
//!
//! It is no replacement for `host test`: it has no generators and no checkers, and all three key-value services are
//! linearizable, which is the least surprising that each of them may do.

mod network;
mod services;
mod sim_host;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, ErrorCode, Result};
use crate::handler::Handler;
use crate::host::{CallId, Context, Level, Operation, Outcome, Store, TimerId};
use crate::node::Node;
use crate::runtime::{Incoming, Instance};
use crate::settings::Settings;
use network::Network;
use services::Services;
use sim_host::{Effect, SimHost};

/// How long [`Cluster::request`] waits for an answer, in virtual time: as long as Maelstrom's clients do.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);

/// When a node forgets a client's request, in virtual time: as soon as under `host`, unless that is told otherwise. An
/// answer that comes later is dropped.
pub const REQUEST_TIMEOUT: Duration = Duration::from_millis(4900);

/// The name under which the test itself sends requests.
const CLIENT: &str = "c1";

/// What a cluster starts with.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many nodes there are. They are called `n1`, `n2`, …
    pub nodes: usize,
    /// The plugin's settings: pairs of key and value.
    pub settings: Vec<(String, String)>,
    /// How long a message between nodes, or to a service, is under way. Clients are next door.
    pub latency: Duration,
    /// The seed of every random choice: loss, duplication, jitter, and [`Node::random`].
    pub seed: u64,
}

impl Default for Config {
    /// One node, no settings, no latency, seed 0.
    fn default() -> Self {
        Config { nodes: 1, settings: Vec::new(), latency: Duration::ZERO, seed: 0 }
    }
}

/// Nodes that run a handler, the network between them, the services, and a client: the test.
pub struct Cluster<S: Handler> {
    config: Config,
    names: Vec<String>,
    members: BTreeMap<String, Member<S>>,
    network: Network,
    services: Services,
    /// Virtual time in nanoseconds, shared with the nodes' clocks.
    now: Arc<AtomicU64>,
    /// What is to happen, by time and, at one time, in the order of its cause.
    agenda: BTreeMap<(u64, u64), Event>,
    next_event: u64,
    /// Requests without an answer yet, by number.
    askers: BTreeMap<u64, Asker>,
    next_request: u64,
    /// Answers to the client's requests.
    answers: BTreeMap<u64, Outcome>,
    messages_sent: u64,
}

/// One node: alive, or dead until it is restarted.
struct Member<S: Handler> {
    instance: Option<Instance<S>>,
    host: Arc<SimHost>,
    incarnation: u64,
}

/// Who waits for an answer.
#[derive(Clone)]
enum Asker {
    Client,
    Node { name: String, incarnation: u64, call: CallId },
}

#[derive(Clone)]
enum Event {
    Message { src: String, dest: String, request: Option<u64>, body: String },
    Service { operation: Operation, request: u64 },
    Answer { request: u64, outcome: Outcome },
    Timeout { request: u64 },
    Timer { name: String, incarnation: u64, timer: TimerId },
    Expiry { name: String, incarnation: u64, request: u64 },
}

/// A request of the test's whose answer can be asked for later, from [`Cluster::submit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

impl<S: Handler> Cluster<S> {
    /// A cluster of so many nodes, with neither settings nor latency.
    ///
    /// # Panics
    /// If a node does not start.
    pub fn new(nodes: usize) -> Self {
        Cluster::start(Config { nodes, ..Config::default() }).expect("the nodes start")
    }

    /// Starts a cluster. The first error of a node's [`Handler::init`] is returned.
    pub fn start(config: Config) -> Result<Self> {
        let names: Vec<String> = (1..=config.nodes).map(|number| format!("n{number}")).collect();
        let mut cluster = Cluster {
            network: Network::new(config.latency, config.seed),
            config,
            names: names.clone(),
            members: BTreeMap::new(),
            services: Services::default(),
            now: Arc::default(),
            agenda: BTreeMap::new(),
            next_event: 0,
            askers: BTreeMap::new(),
            next_request: 1,
            answers: BTreeMap::new(),
            messages_sent: 0,
        };
        for name in &names {
            cluster.boot(name, 0)?;
        }
        Ok(cluster)
    }

    /// A node that is alive, to look at its state.
    ///
    /// # Panics
    /// If there is no such node, or it is dead.
    pub fn node(&self, name: &str) -> &Node<S> {
        self.member(name).instance.as_ref().unwrap_or_else(|| panic!("{name} is dead")).node()
    }

    /// The names of all nodes, dead or alive.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The lines that a node has logged since it was last started.
    pub fn log(&self, name: &str) -> Vec<(Level, String)> {
        self.member(name).host.logged()
    }

    /// The value of a key in a service, if it exists.
    pub fn stored(&self, store: Store, key: Value) -> Option<&Value> {
        self.services.get(store, &key)
    }

    /// How many messages nodes have sent to nodes and services, and services to nodes: Maelstrom's `servers` (spec §12.4).
    pub fn messages_sent(&self) -> u64 {
        self.messages_sent
    }

    /// Virtual time since the start.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.now.load(Ordering::Relaxed))
    }

    /// Lets virtual time pass, with everything that happens in it.
    pub fn advance(&mut self, duration: Duration) {
        let until = self.now() + duration;
        while self.step(until) {}
        self.now.store(nanos(until), Ordering::Relaxed);
    }

    /// Sends a request from a client and lets time pass until it is answered, or error 0 after [`CLIENT_TIMEOUT`].
    pub fn request(&mut self, dest: &str, body: Value) -> Result<Value> {
        let answer = self.request_raw(dest, &body.to_string())?;
        Ok(serde_json::from_str(&answer).expect("the SDK writes JSON"))
    }

    /// The same with JSON text, for what [`Value`] does not keep.
    pub fn request_raw(&mut self, dest: &str, body: &str) -> Result<String> {
        let ticket = self.submit(dest, body);
        let until = self.now() + CLIENT_TIMEOUT;
        while !self.answers.contains_key(&ticket.0) && self.step(until) {}
        self.answer(ticket).unwrap_or_else(|| {
            self.now.store(nanos(until), Ordering::Relaxed);
            Err(Error::new(ErrorCode::Timeout, "no answer"))
        })
    }

    /// Sends a request from a client, without waiting.
    pub fn submit(&mut self, dest: &str, body: &str) -> Ticket {
        let request = self.ask(Asker::Client);
        let body = with_msg_id(body, request);
        self.schedule(
            Duration::ZERO,
            Event::Message { src: CLIENT.into(), dest: dest.into(), request: Some(request), body },
        );
        Ticket(request)
    }

    /// Takes the answer to a request, if it is there.
    pub fn answer(&mut self, ticket: Ticket) -> Option<Outcome> {
        self.answers.remove(&ticket.0)
    }

    /// Sends a message from a client that wants no answer.
    pub fn send(&mut self, dest: &str, body: Value) {
        let (src, dest) = (CLIENT.into(), dest.into());
        self.schedule(Duration::ZERO, Event::Message { src, dest, request: None, body: body.to_string() });
    }

    /// How long messages between nodes, or to services, are under way from now on.
    pub fn set_latency(&mut self, latency: Duration) {
        self.network.latency = latency;
    }

    /// Adds a random time below `jitter` to every latency, so that messages overtake each other.
    pub fn set_jitter(&mut self, jitter: Duration) {
        self.network.jitter = jitter;
    }

    /// Lets nodes be late, as on a machine that has more to do: a node looks at a message from another one, or at a timer
    /// that has fired, after a random time of up to `most`.
    pub fn set_scheduling_delay(&mut self, most: Duration) {
        self.network.scheduling_delay = most;
    }

    /// Loses messages between nodes with this probability.
    pub fn set_loss(&mut self, probability: f64) {
        self.network.loss = probability;
    }

    /// Delivers messages between nodes twice with this probability.
    pub fn set_duplication(&mut self, probability: f64) {
        self.network.duplication = probability;
    }

    /// Cuts all links between nodes of different groups, both ways. Nodes in no group keep their links.
    pub fn partition(&mut self, groups: &[&[&str]]) {
        for (index, group) in groups.iter().enumerate() {
            for other in groups.iter().skip(index + 1) {
                for (a, b) in group.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
                    self.cut(a, b);
                    self.cut(b, a);
                }
            }
        }
    }

    /// Cuts the link from one node to another, or to a service such as `lin-kv`, one way.
    pub fn cut(&mut self, from: &str, to: &str) {
        self.network.cut.insert((from.to_owned(), to.to_owned()));
    }

    /// Restores all links.
    pub fn heal(&mut self) {
        self.network.cut.clear();
    }

    /// Kills a node: its memory, its timers and its outstanding calls are gone. What it has sent still arrives.
    pub fn kill(&mut self, name: &str) {
        let member = self.members.get_mut(name).unwrap_or_else(|| panic!("there is no node {name}"));
        member.instance = None;
    }

    /// Starts a node that was killed, with an empty memory.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self, name: &str) {
        let incarnation = self.member(name).incarnation + 1;
        self.kill(name);
        self.boot(name, incarnation).expect("the node starts again");
    }

    fn member(&self, name: &str) -> &Member<S> {
        self.members.get(name).unwrap_or_else(|| panic!("there is no node {name}"))
    }

    fn boot(&mut self, name: &str, incarnation: u64) -> Result<()> {
        let seed = self.config.seed ^ network::hash(name, incarnation);
        let host = Arc::new(SimHost::new(self.now.clone(), seed));
        let context = Context {
            node_id: name.to_owned(),
            node_ids: self.names.clone(),
            settings: Settings::new(self.config.settings.clone()),
        };
        let instance = Some(Instance::start(host.clone(), context)?);
        self.members.insert(name.to_owned(), Member { instance, host, incarnation });
        self.carry_out(name);
        Ok(())
    }

    fn schedule(&mut self, after: Duration, event: Event) {
        let time = nanos(self.now() + after);
        self.agenda.insert((time, self.next_event), event);
        self.next_event += 1;
    }

    fn ask(&mut self, asker: Asker) -> u64 {
        let request = self.next_request;
        self.next_request += 1;
        self.askers.insert(request, asker);
        request
    }

    /// Makes the next event happen, if it is due by `until`.
    fn step(&mut self, until: Duration) -> bool {
        let Some(next) = self.agenda.first_entry().filter(|next| next.key().0 <= nanos(until)) else {
            return false;
        };
        self.now.store(next.key().0, Ordering::Relaxed);
        match next.remove() {
            Event::Message { src, dest, request, body } => {
                if let (Some(request), CLIENT) = (request, &*src)
                    && let Some(Member { incarnation, .. }) = self.members.get(&dest)
                {
                    let expiry = Event::Expiry { name: dest.clone(), incarnation: *incarnation, request };
                    self.schedule(REQUEST_TIMEOUT, expiry);
                }
                self.tell(&dest, None, |node| node.on_message(Incoming { src, request, body }));
            }
            Event::Service { operation, request } => {
                let outcome = self.services.apply(&operation);
                self.messages_sent += 1;
                let latency = self.network.delay();
                self.schedule(latency, Event::Answer { request, outcome });
            }
            Event::Answer { request, outcome } => self.settle(request, outcome),
            Event::Timeout { request } => {
                self.settle(request, Err(Error::new(ErrorCode::Timeout, "no answer")))
            }
            Event::Timer { name, incarnation, timer } => {
                self.tell(&name, Some(incarnation), |node| node.on_timer(timer));
            }
            Event::Expiry { name, incarnation, request } => {
                if self.askers.remove(&request).is_some() {
                    self.tell(&name, Some(incarnation), |node| node.on_expired(request));
                }
            }
        }
        true
    }

    /// Delivers an event to a node, if it lives (in the incarnation meant), and carries out what the node does then.
    fn tell(&mut self, name: &str, incarnation: Option<u64>, event: impl FnOnce(&Instance<S>)) {
        let Some(member) = self.members.get(name) else { return };
        if incarnation.is_some_and(|incarnation| incarnation != member.incarnation) {
            return;
        }
        if let Some(instance) = &member.instance {
            event(instance);
            self.carry_out(name);
        }
    }

    /// Hands an outcome to whoever asked. The first one counts.
    fn settle(&mut self, request: u64, outcome: Outcome) {
        match self.askers.remove(&request) {
            Some(Asker::Client) => drop(self.answers.insert(request, outcome)),
            Some(Asker::Node { name, incarnation, call }) => {
                self.tell(&name, Some(incarnation), |node| node.on_reply(call, outcome));
            }
            None => {}
        }
    }

    /// Carries out what a node wants since its last event.
    fn carry_out(&mut self, name: &str) {
        let incarnation = self.member(name).incarnation;
        for effect in self.member(name).host.take_effects() {
            match effect {
                Effect::Send { dest, body } => self.post(name, &dest, None, body),
                Effect::Answer { to, outcome } => self.post_answer(name, to, outcome),
                Effect::Call { id: call, operation, timeout } => {
                    let request = self.ask(Asker::Node { name: name.to_owned(), incarnation, call });
                    self.schedule(timeout, Event::Timeout { request });
                    self.post_call(name, operation, request);
                }
                Effect::Timer { id: timer, after } => {
                    let after = after + self.network.scheduling_delay();
                    self.schedule(after, Event::Timer { name: name.to_owned(), incarnation, timer });
                }
            }
        }
    }

    fn post_call(&mut self, src: &str, operation: Operation, request: u64) {
        match operation {
            Operation::Request { dest, body } => {
                self.post(src, &dest, Some(request), with_msg_id(&body, request))
            }
            operation => {
                self.messages_sent += 1;
                if !self.network.is_cut(src, services::name(&operation)) {
                    let latency = self.network.delay();
                    self.schedule(latency, Event::Service { operation, request });
                }
            }
        }
    }

    fn post(&mut self, src: &str, dest: &str, request: Option<u64>, body: String) {
        self.messages_sent += 1;
        let event = Event::Message { src: src.to_owned(), dest: dest.to_owned(), request, body };
        for latency in self.network.deliveries(src, dest) {
            let late = self.network.scheduling_delay();
            self.schedule(latency + late, event.clone());
        }
    }

    fn post_answer(&mut self, src: &str, request: u64, outcome: Outcome) {
        match self.askers.get(&request).cloned() {
            Some(Asker::Client) => self.schedule(Duration::ZERO, Event::Answer { request, outcome }),
            Some(Asker::Node { name: dest, .. }) => {
                self.messages_sent += 1;
                for latency in self.network.deliveries(src, &dest) {
                    self.schedule(latency, Event::Answer { request, outcome: outcome.clone() });
                }
            }
            None => {}
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A body with its message number, as the host would send it.
fn with_msg_id(body: &str, msg_id: u64) -> String {
    let fields = body.trim_end().strip_suffix('}').expect("a body is an object").trim_end();
    let comma = if fields.ends_with('{') { "" } else { "," };
    format!(r#"{fields}{comma}"msg_id":{msg_id}}}"#)
}
