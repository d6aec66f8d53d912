//! One node, sans I/O: `(now, message or alarm) → messages`. It numbers requests, matches answers, times calls out,
//! runs timers and key-value operations, and hands everything else to the guest. It has no thread, no clock and no
//! random source of its own: the drivers, `stdio` in real time and the bench in virtual time, bring those along as an
//! [`Environment`] and drive the same code.

mod calls;
mod core;
mod outbox;
mod requests;
mod swap;

use serde::Deserialize;

use crate::guest::{Context, Fault, Guest, Level, Limits, Message, Origin, Plugin};
use crate::protocol::{Body, Envelope, ErrorCode, MsgId, Stamp};

use self::calls::Alarm;
pub use self::core::Core;
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

/// Bytes of messages kept for a node that has not been initialised; more are dropped with a warning.
const MAX_WAITING_BYTES: usize = 64 << 20;

/// A node of a cluster: a guest and the bookkeeping around it.
pub struct Node<E: Environment> {
    guest: Guest<Core<E>>,
    settings: Vec<(String, String)>,
    /// All nodes of the cluster; empty before `init`.
    node_ids: Vec<String>,
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
    Running,
}

struct Waiting {
    src: String,
    body: String,
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
        settings: Vec<(String, String)>,
    ) -> Result<Node<E>, Fault> {
        let guest = Guest::new(plugin, Core::new(environment), limits)?;
        let phase = Phase::Waiting { messages: Vec::new(), bytes: 0 };
        Ok(Node { guest, settings, node_ids: Vec::new(), phase, pending: None, swapped: None })
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
        let alarm_ns = self.guest.host().calls.next_alarm_ns();
        self.swap_deadline_ns().into_iter().chain(alarm_ns).min()
    }

    /// Handles one message. After a fault the outbox holds the last words of this node (error 13 for every request
    /// that waits for an answer), and the node must not be used again.
    pub fn receive(&mut self, now_ns: u64, message: &Envelope<'_>) -> Result<(), Fault> {
        self.guest.host().now_ns = now_ns;
        let fields = message.fields.clone();
        match &mut self.phase {
            Phase::Running => {
                if self.hold_back(message, &fields) {
                    return Ok(());
                }
                self.dispatch(&message.src, message.body, fields)?;
                self.continue_swap(now_ns)
            }
            Phase::Waiting { .. } if fields.is("init") => self.init(&message.src, message.body, fields),
            Phase::Waiting { messages, bytes } => {
                *bytes += message.body.len();
                if *bytes > MAX_WAITING_BYTES {
                    self.log(
                        Level::Warn,
                        &format!(
                            "a message from {} came before init and is dropped: too many wait",
                            message.src
                        ),
                    );
                    return Ok(());
                }
                messages.push(Waiting { src: message.src.to_string(), body: message.body.to_owned() });
                Ok(())
            }
        }
    }

    /// Fires every timer and times out every call that is due at `now_ns`.
    pub fn fire(&mut self, now_ns: u64) -> Result<(), Fault> {
        self.guest.host().now_ns = now_ns;
        while let Some(alarm) = self.guest.host().calls.pop_alarm(now_ns) {
            self.event(|guest| match alarm {
                Alarm::Timer(timer) => guest.on_timer(timer),
                Alarm::Call(call) => {
                    let failure = calls::failure(ErrorCode::TIMEOUT, "no answer in time");
                    guest.on_reply(call, Err(&failure))
                }
            })?;
        }
        self.continue_swap(now_ns)
    }

    fn init(&mut self, src: &str, body: &str, fields: Body<'_>) -> Result<(), Fault> {
        let init: Init = match serde_json::from_str(body) {
            Ok(init) => init,
            Err(error) => {
                self.log(Level::Warn, &format!("malformed init from {src}: {error}"));
                self.refuse(
                    src,
                    fields.msg_id,
                    ErrorCode::MALFORMED_REQUEST,
                    &format!("malformed init: {error}"),
                );
                return Ok(());
            }
        };
        self.guest.host().id = init.node_id.as_str().into();
        let request = self.guest.host().open_request(src, fields.msg_id.clone());
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
        self.answer(src, fields.msg_id, r#"{"type":"init_ok"}"#);
        let Phase::Waiting { messages, .. } = std::mem::replace(&mut self.phase, Phase::Running) else {
            unreachable!("init is handled only while waiting");
        };
        self.deliver_waiting(&messages)
    }

    fn deliver_waiting(&mut self, messages: &[Waiting]) -> Result<(), Fault> {
        for Waiting { src, body } in messages {
            let fields = Body::scan(body).map_err(|error| Fault::new(format!("malformed body: {error}")))?;
            self.dispatch(src, body, fields)?;
        }
        Ok(())
    }

    fn dispatch(&mut self, src: &str, body: &str, fields: Body<'_>) -> Result<(), Fault> {
        if let Some(call) = fields.in_reply_to {
            return self.settle(call, src, body, &fields);
        }
        if fields.is("init") {
            let reason = format!("this node is already initialised as {}", self.guest.host().id);
            self.log(Level::Warn, &format!("second init from {src}: {reason}"));
            self.refuse(src, fields.msg_id, ErrorCode::ABORT, &reason);
            return Ok(());
        }
        let request = self.guest.host().open_request(src, fields.msg_id);
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
