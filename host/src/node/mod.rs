//! One node, sans I/O: `(now, message or alarm) → messages`. It numbers requests, matches answers, times calls out,
//! runs timers and key-value operations, and hands everything else to the guest. It has no thread, no clock and no
//! random source of its own: the drivers, `stdio` in real time and the bench in virtual time, bring those along as an
//! [`Environment`] and drive the same code.

mod calls;
mod core;
mod holding;
mod outbox;
mod requests;
mod swap;

use std::time::Duration;

use serde::Deserialize;

use crate::guest::{Context, Fault, Guest, Level, Limits, Message, Origin, Plugin};
use crate::protocol::{Body, Envelope, ErrorCode, MsgId, Stamp};

use self::calls::Alarm;
pub use self::core::Core;
use self::holding::Holding;
pub use self::outbox::Outbox;
pub use self::swap::{Handover, Otherwise, Swapped};

/// What a node needs from the world it runs in.
pub trait Environment: 'static {
    /// The node's monotonic clock, in nanoseconds from an arbitrary origin.
    fn now_ns(&mut self) -> u64;
    /// The node's wall clock, in nanoseconds since 1970-01-01 UTC.
    fn wall_clock_ns(&mut self) -> u64;
    /// 64 random bits.
    fn random(&mut self) -> u64;
    /// Takes a log line. `node` is empty before `init`.
    fn log(&mut self, node: &str, level: Level, origin: Origin, text: &str);
}

/// How a line of a node's log begins where the logs of several come together. `node` is empty before `init`.
pub fn log_prefix(node: &str, level: Level, origin: Origin) -> String {
    let node = if node.is_empty() { "-" } else { node };
    format!("{node} {} {}: ", level.name(), origin.name())
}

/// How long a node waits for others, and they for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// How long after `init` a node may have to wait until it knows that the cluster is up, by the first message that is
    /// not `init`. What it has to say to others is held until then. Zero: nothing is held.
    pub cluster_wait: Duration,
    /// How long a client waits for an answer; then its request is forgotten. Zero: for ever.
    pub request_timeout: Duration,
}

impl Default for Timeouts {
    /// Maelstrom gives its nodes 10 s to answer `init` (spec §4.1): after that all are there, or the test is off. Its
    /// clients wait 5 s for an answer (spec §6.3), and one that comes later is fatal to its sender (spec §19.2); 100 ms
    /// less leave time for the way.
    fn default() -> Timeouts {
        Timeouts { cluster_wait: Duration::from_secs(10), request_timeout: Duration::from_millis(4900) }
    }
}

/// Bytes of messages kept for a node that has not been initialised; more are dropped with a warning.
const MAX_WAITING_BYTES: usize = 64 << 20;

/// A node of a cluster: a guest and the bookkeeping around it.
pub struct Node<E: Environment> {
    guest: Guest<Core<E>>,
    settings: Vec<(String, String)>,
    /// All nodes of the cluster; empty before `init`.
    node_ids: Vec<String>,
    cluster_wait: Duration,
    phase: Phase,
    pending: Option<Box<swap::Pending<E>>>,
    swapped: Option<Result<Swapped, String>>,
}

enum Phase {
    /// Not initialised; what came before `init` waits here.
    Waiting {
        messages: Vec<Waiting>,
        bytes: usize,
    },
    /// Initialised; what it says to others waits here until the cluster is up.
    Holding(Box<Holding>),
    Running,
}

struct Waiting {
    src: String,
    body: String,
    /// When it came.
    arrived_ns: u64,
}

impl Waiting {
    fn new(message: &Envelope<'_>, arrived_ns: u64) -> Waiting {
        Waiting { src: message.src.to_string(), body: message.body.to_owned(), arrived_ns }
    }
}

/// The fields of `init` (spec §4.1).
#[derive(Deserialize)]
struct Init {
    node_id: String,
    node_ids: Vec<String>,
}

impl<E: Environment> Node<E> {
    /// Instantiates a plugin. The node waits for `init`.
    pub fn new(
        plugin: &Plugin<Core<E>>,
        environment: E,
        limits: Limits,
        timeouts: Timeouts,
        settings: Vec<(String, String)>,
    ) -> Result<Node<E>, Fault> {
        let Timeouts { cluster_wait, request_timeout } = timeouts;
        let guest = Guest::new(plugin, Core::new(environment, request_timeout), limits)?;
        let phase = Phase::Waiting { messages: Vec::new(), bytes: 0 };
        Ok(Node { guest, settings, node_ids: Vec::new(), cluster_wait, phase, pending: None, swapped: None })
    }

    /// The node's name; empty before `init`.
    pub fn id(&mut self) -> &str {
        &self.guest.host().id
    }

    /// Messages this node has sent. The driver takes them out and clears it.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.guest.host().outbox
    }

    /// The world as this node sees it.
    pub fn environment(&mut self) -> &mut E {
        &mut self.guest.host().environment
    }

    /// Logs a line of the host's own, in this node's name.
    pub fn log(&mut self, level: Level, text: &str) {
        self.guest.host().log_line(level, Origin::Host, text);
    }

    /// When [`Node::fire`] has something to do next, on the clock of the `now` it is given.
    pub fn next_alarm_ns(&mut self) -> Option<u64> {
        let host = self.guest.host();
        let alarm_ns = match &self.phase {
            Phase::Holding(holding) => Some(holding.until_ns),
            _ => host.calls.next_alarm_ns().into_iter().chain(host.next_expiry_ns()).min(),
        };
        self.swap_deadline_ns().into_iter().chain(alarm_ns).min()
    }

    /// Handles one message. After a fault the outbox holds the last words of this node (error 13 for every request
    /// that waits for an answer), and the node must not be used again.
    pub fn receive(&mut self, now_ns: u64, message: &Envelope<'_>) -> Result<(), Fault> {
        self.set_now(now_ns);
        let fields = message.fields.clone();
        match &self.phase {
            Phase::Running => {}
            Phase::Waiting { .. } => return self.receive_early(message, fields),
            // No sign of others: every node gets one, and this one its second.
            Phase::Holding(_) if fields.is("init") => {}
            Phase::Holding(_) => self.end_holding(now_ns),
        }
        if self.hold_back(message, &fields) {
            return Ok(());
        }
        self.dispatch(&message.src, message.body, fields, now_ns)?;
        self.continue_swap(now_ns)
    }

    /// Fires every timer, times out every call, and forgets every request that is due at `now_ns`.
    pub fn fire(&mut self, now_ns: u64) -> Result<(), Fault> {
        if let Phase::Holding(holding) = &self.phase
            && holding.until_ns <= now_ns
        {
            self.log(Level::Debug, "nobody has said anything; the cluster is taken to be up");
            self.end_holding(now_ns);
        }
        self.set_now(now_ns);
        if matches!(self.phase, Phase::Running) {
            self.fire_alarms(now_ns)?;
        }
        self.continue_swap(now_ns)
    }

    fn fire_alarms(&mut self, now_ns: u64) -> Result<(), Fault> {
        while let Some(alarm) = self.guest.host().calls.pop_alarm(now_ns) {
            self.event(|guest| match alarm {
                Alarm::Timer(timer) => guest.on_timer(timer),
                Alarm::Call(call) => {
                    let failure = calls::failure(ErrorCode::TIMEOUT, "no answer in time");
                    guest.on_reply(call, Err(&failure))
                }
            })?;
        }
        // After the timers, in which a guest may have answered at the last moment.
        while let Some(request) = self.guest.host().forget_expired() {
            self.event(|guest| guest.on_expired(request))?;
        }
        Ok(())
    }

    /// Takes a message before the node is initialised.
    fn receive_early(&mut self, message: &Envelope<'_>, fields: Body<'_>) -> Result<(), Fault> {
        if fields.is("init") {
            return self.init(message, fields);
        }
        let arrived_ns = self.guest.host().now_ns;
        let Phase::Waiting { messages, bytes } = &mut self.phase else { return Ok(()) };
        *bytes += message.body.len();
        if *bytes <= MAX_WAITING_BYTES {
            messages.push(Waiting::new(message, arrived_ns));
            return Ok(());
        }
        let text = format!("a message from {} came before init and is dropped: too many wait", message.src);
        self.log(Level::Warn, &text);
        Ok(())
    }

    fn init(&mut self, message: &Envelope<'_>, fields: Body<'_>) -> Result<(), Fault> {
        let src = &*message.src;
        let init: Init = match serde_json::from_str(message.body) {
            Ok(init) => init,
            Err(error) => {
                self.log(Level::Warn, &format!("malformed init from {src}: {error}"));
                // Whom it was meant for is all that is known of this node's name.
                let stamp = fields.msg_id.as_ref().map_or(Stamp::None, Stamp::Reply);
                let text = format!("malformed init: {error}");
                let refusal = calls::error_body(ErrorCode::MALFORMED_REQUEST.0, &text);
                let posted = self.guest.host().outbox.post(&message.dest, src, &refusal, stamp);
                debug_assert!(posted.is_ok(), "an error body is an object");
                return Ok(());
            }
        };
        let host = self.guest.host();
        host.id = init.node_id.as_str().into();
        let now_ns = host.now_ns;
        let request = host.open_request(src, fields.msg_id.clone(), now_ns);
        let before = host.outbox.mark();
        let settings = std::mem::take(&mut self.settings);
        let started = with_context(&init.node_id, &init.node_ids, &settings, |context| {
            self.event(|guest| {
                let started = guest.init(context)?;
                started.map_err(|reason| guest.refusal(format!("the plugin refused to start: {reason}")))
            })
        });
        (self.node_ids, self.settings) = (init.node_ids, settings);
        started?;
        if let Some(request) = request {
            self.guest.host().close_request(request);
        }
        let said = self.guest.host().outbox.split_off(before);
        self.answer(src, fields.msg_id, r#"{"type":"init_ok"}"#);
        let wait_ns = core::nanos(self.cluster_wait);
        let holding = Phase::Holding(Box::new(Holding::new(now_ns, wait_ns)));
        let Phase::Waiting { messages, .. } = std::mem::replace(&mut self.phase, holding) else {
            unreachable!("init is handled only while waiting");
        };
        // A node that is alone has nobody to wait for.
        let is_alone = self.node_ids.iter().all(|name| *name == init.node_id);
        if is_alone || !messages.is_empty() || wait_ns == 0 {
            self.phase = Phase::Running;
        }
        self.say(&said);
        self.deliver_waiting(&messages)
    }

    fn deliver_waiting(&mut self, messages: &[Waiting]) -> Result<(), Fault> {
        for Waiting { src, body, arrived_ns } in messages {
            let fields = Body::scan(body).map_err(|error| Fault::new(format!("malformed body: {error}")))?;
            self.dispatch(src, body, fields, *arrived_ns)?;
        }
        Ok(())
    }

    fn dispatch(&mut self, src: &str, body: &str, fields: Body<'_>, arrived_ns: u64) -> Result<(), Fault> {
        if let Some(call) = fields.in_reply_to {
            return self.settle(call, src, body, &fields);
        }
        if fields.is("init") {
            let reason = format!("this node is already initialised as {}", self.guest.host().id);
            self.log(Level::Warn, &format!("second init from {src}: {reason}"));
            self.refuse(src, fields.msg_id, ErrorCode::ABORT, &reason);
            return Ok(());
        }
        let request = self.guest.host().open_request(src, fields.msg_id, arrived_ns);
        self.event(|guest| guest.on_message(Message { src, request, body }))
    }

    /// An answer: to the call it belongs to, or to nobody.
    fn settle(&mut self, call: u64, src: &str, body: &str, fields: &Body<'_>) -> Result<(), Fault> {
        let Some(kind) = self.guest.host().calls.close(call) else {
            self.log(
                Level::Debug,
                &format!("late or unexpected answer from {src} dropped: in_reply_to {call}"),
            );
            return Ok(());
        };
        let outcome = kind.outcome(body, fields);
        self.event(|guest| guest.on_reply(call, outcome.as_ref().copied()))
    }

    /// Runs one event of the guest. An event that faults has no effects but the node's last words.
    fn event(&mut self, event: impl FnOnce(&mut Guest<Core<E>>) -> Result<(), Fault>) -> Result<(), Fault> {
        let mark = self.guest.host().begin_event();
        let result = event(&mut self.guest);
        if let Err(fault) = &result {
            self.guest.host().last_words(mark, &fault.reason);
        }
        result
    }

    fn answer(&mut self, dest: &str, msg_id: Option<MsgId>, body: &str) {
        let stamp = msg_id.as_ref().map_or(Stamp::None, Stamp::Reply);
        self.guest.host().post(dest, body, stamp).expect("the host's own bodies are objects");
    }

    fn refuse(&mut self, dest: &str, msg_id: Option<MsgId>, code: ErrorCode, text: &str) {
        self.answer(dest, msg_id, &calls::error_body(code.0, text));
    }
}

fn with_context<R>(
    node_id: &str,
    node_ids: &[String],
    settings: &[(String, String)],
    act: impl FnOnce(Context<'_>) -> R,
) -> R {
    let node_ids: Vec<_> = node_ids.iter().map(String::as_str).collect();
    let settings: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    act(Context { node_id, node_ids: &node_ids, settings: &settings })
}
