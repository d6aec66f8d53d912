//! Clients on the network: who they are, what they wait for, and what becomes of an operation (spec §6, §7).

use crate::checker::Value;
use crate::protocol::{ErrorCode, quote};
use crate::workload::{Clients as ClientPolicy, Invocation};

/// Whom a client serves. Ids are given out once and never again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// It initialises this node.
    Init(usize),
    /// It sets this node up.
    Setup(usize),
    /// It works for this worker.
    Worker(usize),
}

/// A client: `c<number>` on the network.
#[derive(Debug)]
pub(super) struct Client {
    pub owner: Owner,
    /// Its requests are numbered from 1.
    pub last_msg_id: i64,
    /// The request it waits for.
    pub waiting_for: Option<i64>,
    /// Requests that it has given up and that have not been answered since, with the time when it did.
    given_up: Vec<(i64, u64)>,
    /// When it was closed, on the run's clock: a closed client receives nothing further.
    pub closed_ns: Option<u64>,
}

/// What a message is to a client that does not answer the request it waits for (spec §3.3). Maelstrom takes no notice of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stray {
    /// An answer to a request that the client had given up at this time.
    Late(u64),
    /// Another answer to a request that has had one.
    Again(i64),
    /// An answer to a request that the client has not made.
    Unasked(i64),
    /// `in_reply_to` is missing.
    NoReply,
    /// `in_reply_to` is no integer, but this.
    NotAnInteger(Value),
}

impl Client {
    /// Sends a request: its number.
    pub fn ask(&mut self) -> i64 {
        self.last_msg_id += 1;
        self.waiting_for = Some(self.last_msg_id);
        self.last_msg_id
    }

    /// Stops waiting for this request; `false` if it did not wait for it.
    pub fn give_up(&mut self, msg_id: i64, now_ns: u64) -> bool {
        let waits = self.waiting_for == Some(msg_id);
        if waits {
            self.waiting_for = None;
            self.given_up.push((msg_id, now_ns));
        }
        waits
    }

    /// Takes a message: the answer the client waits for, or something else.
    pub fn take(&mut self, body: &Value) -> Result<(), Stray> {
        let msg_id = match body.get("in_reply_to") {
            None | Some(Value::Null) => return Err(Stray::NoReply),
            Some(Value::Int(msg_id)) => *msg_id,
            Some(other) => return Err(Stray::NotAnInteger(other.clone())),
        };
        if self.waiting_for == Some(msg_id) {
            self.waiting_for = None;
            return Ok(());
        }
        if let Some(at) = self.given_up.iter().position(|(given_up, _)| *given_up == msg_id) {
            let (_, since_ns) = self.given_up.swap_remove(at);
            return Err(Stray::Late(since_ns));
        }
        Err(if (1..=self.last_msg_id).contains(&msg_id) {
            Stray::Again(msg_id)
        } else {
            Stray::Unasked(msg_id)
        })
    }
}

impl Stray {
    /// Why it answers nothing.
    pub fn reason(&self, waiting_for: Option<i64>) -> String {
        let wanted = match waiting_for {
            Some(msg_id) => format!("must be {msg_id}"),
            None => "must be the `msg_id` of a request that is open".to_owned(),
        };
        match self {
            Stray::Late(_) => "it came too late".to_owned(),
            Stray::Again(msg_id) => format!("request {msg_id} has been answered before"),
            Stray::Unasked(msg_id) => format!("`in_reply_to` is {msg_id}, it {wanted}"),
            Stray::NoReply => format!("`in_reply_to` is missing, it {wanted}"),
            Stray::NotAnInteger(value) => {
                format!("`in_reply_to` is {}, it {wanted}", quote(&value.to_string()))
            }
        }
    }
}

/// All clients there have ever been.
#[derive(Debug, Default)]
pub(super) struct Clients(Vec<Client>);

impl Clients {
    pub fn open(&mut self, owner: Owner) -> usize {
        let given_up = Vec::new();
        self.0.push(Client { owner, last_msg_id: 0, waiting_for: None, given_up, closed_ns: None });
        self.0.len() - 1
    }

    pub fn close(&mut self, client: usize, now_ns: u64) {
        self.0[client].closed_ns = Some(now_ns);
        self.0[client].waiting_for = None;
    }

    pub fn get(&mut self, client: usize) -> &mut Client {
        &mut self.0[client]
    }

    /// The latest client that served so.
    pub fn last_of(&self, owner: Owner) -> Option<usize> {
        self.0.iter().rposition(|client| client.owner == owner)
    }

    /// The open client of that name.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.ever_named(name).filter(|client| self.0[*client].closed_ns.is_none())
    }

    /// When a client was closed, if it is.
    pub fn closed_ns(&self, client: usize) -> Option<u64> {
        self.0[client].closed_ns
    }

    /// The client of that name, open or closed.
    pub fn ever_named(&self, name: &str) -> Option<usize> {
        let number: usize = name.strip_prefix('c')?.parse().ok()?;
        (number < self.0.len() && name == id(number)).then_some(number)
    }
}

/// A client's name on the network.
pub(super) fn id(client: usize) -> String {
    format!("c{client}")
}

/// What one of the bench's workers does.
#[derive(Debug, Default)]
pub(super) struct Worker {
    /// Its logical process.
    pub process: u64,
    /// Its client; opened with its first operation.
    pub client: Option<usize>,
    /// The operation in hand.
    pub busy: Option<InHand>,
    /// The final operation it is going to do.
    pub next_final: Option<Invocation>,
    /// It has nothing more to do in the final phase.
    pub is_done: bool,
}

/// An operation in hand.
#[derive(Clone, Debug)]
pub(super) struct InHand {
    pub invocation: Invocation,
    pub is_final: bool,
}

/// How an operation ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It happened.
    Ok(Value),
    /// It did not happen.
    Fail(Value),
    /// Nobody knows.
    Info(Value),
    /// Nobody knows, because the client itself failed.
    Exception(String),
    /// The client crashed as it was told.
    Crash,
}

impl Outcome {
    /// No reply in time (spec §7.2).
    pub fn timeout(policy: ClientPolicy, is_idempotent: bool) -> Outcome {
        match (policy.maps_errors, is_idempotent) {
            (false, _) => Outcome::Info(Value::from("indeterminate: net-timeout")),
            (true, true) => Outcome::Fail(Value::from("net-timeout")),
            (true, false) => Outcome::Info(Value::from("net-timeout")),
        }
    }

    /// An error body (spec §7.1, §7.2).
    pub fn error(body: &Value, policy: ClientPolicy, is_idempotent: bool) -> Outcome {
        let Some(code) = body.get("code").and_then(Value::as_i64) else {
            let code = body.get("code").map_or("none".to_owned(), |code| quote(&code.to_string()));
            let text = body.get("text").map(|text| format!("; its text is {}", quote(&text.to_string())));
            return Outcome::Exception(format!(
                "an error needs an integer `code`, got {code}{}",
                text.unwrap_or_default()
            ));
        };
        let code = u32::try_from(code).map_or(ErrorCode(u32::MAX), ErrorCode);
        let text = body.get("text").cloned().unwrap_or_default();
        if !policy.maps_errors {
            let text = text
                .as_str()
                .map_or_else(|| code.name().to_owned(), |text| format!("{}: {text}", code.name()));
            return Outcome::Info(Value::from(format!("indeterminate: {text}").as_str()));
        }
        let error = Value::List(vec![Value::from(code.name()), text]);
        if code.is_definite() || is_idempotent { Outcome::Fail(error) } else { Outcome::Info(error) }
    }
}

/// An error body in words: `error 13 (crash): "text"`. `None` if it is none.
pub(super) fn told_error(body: &Value) -> Option<String> {
    if body.get("type").and_then(Value::as_str) != Some("error") {
        return None;
    }
    let code = match body.get("code").and_then(Value::as_i64) {
        None => " without a code".to_owned(),
        Some(code) => {
            let name = u32::try_from(code).map_or("unknown", |code| ErrorCode(code).name());
            format!(" {code} ({name})")
        }
    };
    let text = body.get("text").and_then(Value::as_str).map(|text| format!(": \"{}\"", quote(text)));
    Some(format!("error{code}{}", text.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPING: ClientPolicy = ClientPolicy { reusable: false, timeout_ms: 5000, maps_errors: true };
    const PLAIN: ClientPolicy = ClientPolicy { reusable: false, timeout_ms: 5000, maps_errors: false };

    fn told(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Ok(value) => format!("ok {value}"),
            Outcome::Fail(error) => format!("fail {error}"),
            Outcome::Info(error) => format!("info {error}"),
            Outcome::Exception(text) => format!("exception {text}"),
            Outcome::Crash => "crash".to_owned(),
        }
    }

    fn error(body: &str, policy: ClientPolicy, is_idempotent: bool) -> String {
        told(&Outcome::error(&Value::from_json(body).unwrap(), policy, is_idempotent))
    }

    #[test]
    fn a_definite_error_is_a_failure_and_any_other_is_open() {
        assert_eq!(
            error(r#"{"code":22,"text":"no"}"#, MAPPING, false),
            r#"fail ["precondition-failed","no"]"#
        );
        assert_eq!(error(r#"{"code":13}"#, MAPPING, false), r#"info ["crash",null]"#);
        assert_eq!(error(r#"{"code":1000,"text":"mine"}"#, MAPPING, false), r#"info ["unknown","mine"]"#);
        assert_eq!(error(r#"{"code":-1}"#, MAPPING, false), r#"info ["unknown",null]"#);
    }

    #[test]
    fn an_open_outcome_of_what_can_be_repeated_is_a_failure() {
        assert_eq!(error(r#"{"code":13,"text":"x"}"#, MAPPING, true), r#"fail ["crash","x"]"#);
        assert_eq!(told(&Outcome::timeout(MAPPING, true)), r#"fail "net-timeout""#);
        assert_eq!(told(&Outcome::timeout(MAPPING, false)), r#"info "net-timeout""#);
    }

    #[test]
    fn workloads_without_a_mapping_leave_every_error_open() {
        assert_eq!(
            error(r#"{"code":22,"text":"no"}"#, PLAIN, true),
            r#"info "indeterminate: precondition-failed: no""#
        );
        assert_eq!(told(&Outcome::timeout(PLAIN, true)), r#"info "indeterminate: net-timeout""#);
    }

    #[test]
    fn an_error_without_a_code_is_malformed() {
        assert!(
            error(r#"{"text":"no"}"#, MAPPING, false)
                .starts_with("exception an error needs an integer `code`, got none; its text is \"no\"")
        );
    }

    #[test]
    fn what_answers_nothing_says_why() {
        let mut clients = Clients::default();
        let client = clients.open(Owner::Worker(0));
        let client = clients.get(client);
        let reason = |client: &mut Client, in_reply_to: &str| {
            let body = Value::from_json(&format!("{{\"in_reply_to\":{in_reply_to}}}")).unwrap();
            client.take(&body).map_err(|stray| stray.reason(client.waiting_for))
        };
        client.ask();
        assert!(client.give_up(1, 0) && !client.give_up(1, 0));
        assert_eq!(reason(client, "1"), Err("it came too late".to_owned()));
        assert_eq!(reason(client, "1"), Err("request 1 has been answered before".to_owned()));
        client.ask();
        assert_eq!(reason(client, "\"2\""), Err("`in_reply_to` is \"2\", it must be 2".to_owned()));
        assert_eq!(reason(client, "2.0"), Err("`in_reply_to` is 2.0, it must be 2".to_owned()));
        assert_eq!(reason(client, "null"), Err("`in_reply_to` is missing, it must be 2".to_owned()));
        assert_eq!(reason(client, "17"), Err("`in_reply_to` is 17, it must be 2".to_owned()));
        assert_eq!(reason(client, "2"), Ok(()));
        assert_eq!(reason(client, "2"), Err("request 2 has been answered before".to_owned()));
    }

    #[test]
    fn only_open_clients_have_names() {
        let mut clients = Clients::default();
        let first = clients.open(Owner::Worker(0));
        assert_eq!(clients.named("c0"), Some(first));
        for name in ["c1", "c00", "n0", "c", "c+0"] {
            assert_eq!(clients.named(name), None, "{name}");
        }
        clients.close(first, 5);
        assert_eq!((clients.named("c0"), clients.ever_named("c0")), (None, Some(first)));
    }
}
