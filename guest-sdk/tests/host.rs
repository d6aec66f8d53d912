//! What the SDK asks of its host, word for word, with a host that only listens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use guest_sdk::{
    CallId, Context, Error, Handler, Host, Incoming, Instance, Level, Node, Operation, Origin, RequestId,
    Result, Settings, Store, TimerId,
};
use serde::{Deserialize, Serialize};

/// Writes down every call. Ids of calls and timers are the number of lines before.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

impl Listener {
    fn note(&self, line: String) -> u64 {
        let mut lines = self.0.lock().expect("one thread");
        lines.push(line);
        lines.len() as u64 - 1
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("one thread"))
    }
}

impl Host for Listener {
    fn send(&self, dest: &str, body: &str) {
        self.note(format!("send {dest} {body}"));
    }

    fn reply(&self, to: RequestId, body: &str) {
        self.note(format!("reply {to} {body}"));
    }

    fn fail(&self, to: RequestId, error: &Error) {
        self.note(format!("fail {to} {error}"));
    }

    fn call(&self, operation: &Operation, timeout_ms: u32) -> CallId {
        self.note(format!("call {operation:?} {timeout_ms}"))
    }

    fn set_timer(&self, after_ms: u32) -> TimerId {
        self.note(format!("set {after_ms}"))
    }

    fn cancel_timer(&self, timer: TimerId) {
        self.note(format!("cancel {timer}"));
    }

    fn now(&self) -> u64 {
        0
    }

    fn random(&self) -> u64 {
        0
    }

    fn log(&self, level: Level, text: &str) {
        self.note(format!("{level:?} {text}"));
    }
}

struct Talker;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Talk {
    Send,
    Cas,
    /// Sleeps for so many microseconds, at most 10 ms.
    Sleep {
        micros: u64,
    },
    Wait,
}

impl Handler for Talker {
    type Request = Talk;
    type Response = Talk;

    fn init(_: &Context) -> Result<Self> {
        Ok(Talker)
    }

    async fn handle(node: Node<Self>, request: Talk, _: Origin) -> Result<Talk> {
        match request {
            Talk::Send => node.send("n2", &Talk::Sleep { micros: 3 }),
            Talk::Cas => {
                node.kv(Store::Sequential).cas_or_create("k", [1, 2], ()).timeout(Duration::MAX).await?
            }
            Talk::Sleep { micros } => {
                let sleep = node.sleep(Duration::from_micros(micros));
                node.timeout(Duration::from_millis(10), sleep).await?;
            }
            Talk::Wait => return node.call("n2", &Talk::Wait).await,
        }
        Ok(Talk::Wait)
    }
}

fn talker() -> (Instance<Talker>, Listener) {
    let listener = Listener::default();
    let context =
        Context { node_id: "n1".into(), node_ids: vec!["n1".into()], settings: Settings::default() };
    (Instance::start(listener.clone(), context).expect("a start"), listener)
}

fn hear(instance: &Instance<Talker>, request: Option<RequestId>, body: &str) {
    instance.on_message(Incoming { src: "c1".into(), request, body: body.into() });
}

#[test]
fn messages_and_answers_are_handed_over_as_json() {
    let (instance, listener) = talker();
    hear(&instance, Some(9), r#"{"type":"send"}"#);
    assert_eq!(listener.heard(), [r#"send n2 {"type":"sleep","micros":3}"#, r#"reply 9 {"type":"wait"}"#]);
}

#[test]
fn an_operation_of_a_service_carries_its_json_and_no_more_time_than_fits() {
    let (instance, listener) = talker();
    hear(&instance, Some(9), r#"{"type":"cas"}"#);
    let operation = r#"Cas { store: Sequential, key: "\"k\"", from: "[1,2]", to: "null", create: true }"#;
    assert_eq!(listener.heard(), [format!("call {operation} 4294967295")]);
    instance.on_reply(0, Err(Error::new(22, "no")));
    assert_eq!(listener.heard(), ["fail 9 precondition-failed (22): no"]);
}

#[test]
fn a_sleep_that_is_dropped_withdraws_its_timer() {
    let (instance, listener) = talker();
    hear(&instance, Some(9), r#"{"type":"sleep","micros":20001}"#);
    assert_eq!(listener.heard(), ["set 21", "set 10"]);
    instance.on_timer(1);
    assert_eq!(listener.heard(), ["cancel 0", "fail 9 timeout (0): not done in 10ms"]);
    instance.on_timer(0);
    assert!(listener.heard().is_empty());
}

#[test]
fn a_timer_that_has_fired_is_not_withdrawn() {
    let (instance, listener) = talker();
    hear(&instance, Some(9), r#"{"type":"sleep","micros":1}"#);
    listener.heard();
    instance.on_timer(0);
    assert_eq!(listener.heard(), ["cancel 1", r#"reply 9 {"type":"wait"}"#]);
}

#[test]
fn a_call_takes_a_second_unless_told_otherwise_and_an_odd_answer_is_an_error() {
    let (instance, listener) = talker();
    hear(&instance, Some(9), r#"{"type":"wait"}"#);
    assert_eq!(listener.heard(), [r#"call Request { dest: "n2", body: "{\"type\":\"wait\"}" } 1000"#]);
    instance.on_reply(0, Ok(r#"{"type":"dance"}"#.into()));
    let reason = "unknown variant `dance`, expected one of `send`, `cas`, `sleep`, `wait`";
    assert_eq!(listener.heard(), [format!("fail 9 crash (13): unexpected answer: {reason}")]);
}

#[test]
fn the_outcome_of_nothing_is_ignored() {
    let (instance, listener) = talker();
    instance.on_reply(77, Ok("{}".into()));
    instance.on_timer(77);
    assert!(listener.heard().is_empty());
}

#[test]
fn a_handler_that_waits_when_the_node_ends_is_dropped() {
    let (instance, listener) = talker();
    hear(&instance, Some(9), r#"{"type":"sleep","micros":500}"#);
    listener.heard();
    drop(instance);
    assert_eq!(listener.heard().len(), 2, "both timers are withdrawn");
    assert_eq!(Arc::strong_count(&listener.0), 1, "the node is gone with its host");
}

#[test]
#[should_panic(expected = "the node's state is borrowed already")]
fn two_borrows_of_the_state_at_once_are_a_clear_mistake() {
    let (instance, _) = talker();
    let _first = instance.node().state();
    let _second = instance.node().state();
}
