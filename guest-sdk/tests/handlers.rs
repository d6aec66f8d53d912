//! What an author may rely on: answers, calls, timers, services and tasks, seen through the cluster in memory.

use std::time::Duration;

use futures_util::future::join_all;
use guest_sdk::testing::{Cluster, Config};
use guest_sdk::{
    Backoff, Context, Deferred, Error, ErrorCode, Handler, Level, Node, Notify, Origin, RequestId, Result,
    Store,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A node with a handler for everything the SDK offers.
#[derive(Default)]
struct Probe {
    hits: u64,
    kept: Vec<Deferred<Response>>,
    changed: Notify,
    /// When `linger` has noticed that nobody waits any more.
    lingered: Vec<Duration>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    /// Answered with the number of hits so far.
    Hit,
    /// Never answered.
    Ignore,
    Fail {
        code: u32,
    },
    /// Answered when `release` comes.
    Keep,
    Release,
    /// Goes on until nobody waits for the answer, and notes when that was.
    Linger,
    /// Answered after the next hit.
    AwaitHit,
    Ask {
        dest: String,
        body: serde_json::Value,
        timeout_ms: u64,
        retries: u32,
    },
    /// Hits all peers at once and adds up their counts.
    HitAll,
    /// Sleeps, but not longer than the limit.
    Sleep {
        ms: u64,
        limit_ms: u64,
    },
    /// Reads the counter, waits, and writes it back: the mistake that interleaving punishes.
    SlowHit,
    Store {
        steps: Vec<Step>,
    },
    Timestamp,
    WhoAmI,
    Random,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Read,
    ReadOptional,
    Write(u64),
    Cas(u64, u64),
    CasOrCreate(u64, u64),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    HitOk { hits: u64 },
    AskOk { answer: serde_json::Value, ms: u128 },
    StoreOk { outcomes: Vec<String> },
    Done { value: serde_json::Value },
}

impl Handler for Probe {
    type Request = Request;
    type Response = Option<Response>;

    fn init(context: &Context) -> Result<Self> {
        Ok(Probe { hits: context.settings.get_or("hits", 0)?, ..Probe::default() })
    }

    async fn handle(node: Node<Self>, request: Request, origin: Origin) -> Result<Option<Response>> {
        let started = node.now();
        Ok(Some(match request {
            Request::Hit => {
                let mut state = node.state();
                state.hits += 1;
                state.changed.notify();
                guest_sdk::info!(node, "hit {} by {}", state.hits, origin.src());
                Response::HitOk { hits: state.hits }
            }
            Request::Ignore => return Ok(None),
            Request::Fail { code } => return Err(Error::new(code, "as asked")),
            Request::Keep => {
                node.state().kept.push(origin.defer());
                return Ok(None);
            }
            Request::Release => {
                let kept = std::mem::take(&mut node.state().kept);
                for (hits, deferred) in kept.into_iter().enumerate() {
                    deferred.answer(Ok(Response::HitOk { hits: hits as u64 }));
                }
                return Ok(None);
            }
            Request::Linger => {
                while !origin.is_expired() {
                    node.sleep(MS).await;
                }
                node.state().lingered.push(node.now() - started);
                return Ok(None);
            }
            Request::AwaitHit => {
                let changed = node.state().changed.changed();
                changed.await;
                Response::HitOk { hits: node.state().hits }
            }
            Request::Ask { dest, body, timeout_ms, retries } => {
                let backoff = Backoff::default().max_retries(retries);
                let call = node.call(&dest, &body).timeout(Duration::from_millis(timeout_ms)).retry(backoff);
                let answer = call.await?;
                Response::AskOk { answer, ms: (node.now() - started).as_millis() }
            }
            Request::HitAll => {
                let calls = node.peers().map(|peer| node.call(peer, &Request::Hit).into_future());
                let mut sum = 0;
                for answer in join_all(calls).await {
                    let Response::HitOk { hits } = answer? else { return Err(Error::new(13, "no hit")) };
                    sum += hits;
                }
                Response::AskOk { answer: sum.into(), ms: (node.now() - started).as_millis() }
            }
            Request::Sleep { ms, limit_ms } => {
                let sleep = node.sleep(Duration::from_millis(ms));
                node.timeout(Duration::from_millis(limit_ms), sleep).await?;
                Response::AskOk { answer: true.into(), ms: (node.now() - started).as_millis() }
            }
            Request::SlowHit => {
                let hits = node.state().hits;
                node.sleep(10 * MS).await;
                node.state().hits = hits + 1;
                Response::HitOk { hits: hits + 1 }
            }
            Request::Store { steps } => {
                let mut outcomes = Vec::new();
                for step in steps {
                    outcomes.push(perform(&node, step).await.unwrap_or_else(|error| error.code.to_string()));
                }
                Response::StoreOk { outcomes }
            }
            Request::Timestamp => Response::Done { value: node.timestamp().await?.into() },
            Request::WhoAmI => {
                Response::Done { value: json!([node.id(), node.nodes(), node.peers().count()]) }
            }
            Request::Random => Response::Done { value: node.random().into() },
        }))
    }

    fn expired(node: &Node<Self>, request: RequestId) {
        node.state().kept.retain(|kept| kept.request() != Some(request));
    }
}

async fn perform(node: &Node<Probe>, step: Step) -> Result<String> {
    let kv = node.lin_kv();
    match step {
        Step::Read => kv.read::<u64>("k").await.map(|value| value.to_string()),
        Step::ReadOptional => kv.read_optional::<u64>("k").await.map(|value| format!("{value:?}")),
        Step::Write(value) => kv.write("k", value).await.map(|()| "ok".into()),
        Step::Cas(from, to) => kv.cas("k", from, to).await.map(|()| "ok".into()),
        Step::CasOrCreate(from, to) => kv.cas_or_create("k", from, to).await.map(|()| "ok".into()),
    }
}

fn cluster(nodes: usize, latency: Duration) -> Cluster<Probe> {
    Cluster::start(Config { nodes, latency, ..Config::default() }).expect("the nodes start")
}

fn ask(dest: &str, body: serde_json::Value, timeout_ms: u64, retries: u32) -> serde_json::Value {
    json!({"type": "ask", "dest": dest, "body": body, "timeout_ms": timeout_ms, "retries": retries})
}

fn code_of<T: std::fmt::Debug>(outcome: Result<T>) -> u32 {
    outcome.expect_err("an error").code.number()
}

#[test]
fn a_handlers_error_is_the_answer() {
    let mut cluster = cluster(1, MS);
    for code in [0, 1, 10, 11, 12, 13, 14, 20, 21, 22, 30, 999, 1000, 70_000] {
        let answer = cluster.request("n1", json!({"type": "fail", "code": code}));
        assert_eq!(answer, Err(Error::new(code, "as asked")));
    }
}

#[test]
fn what_is_not_understood_is_answered_if_an_answer_is_wanted_and_logged_if_not() {
    let mut cluster = cluster(1, MS);
    assert_eq!(code_of(cluster.request("n1", json!({"type": "dance"}))), 10);
    assert_eq!(code_of(cluster.request("n1", json!({"type": "fail"}))), 12);
    assert!(cluster.log("n1").is_empty());
    cluster.send("n1", json!({"type": "fail", "code": "x"}));
    cluster.send("n1", json!({"type": "fail", "code": 14}));
    cluster.advance(MS);
    let log = cluster.log("n1");
    assert_eq!(log[0].0, Level::Warn);
    let reason = r#"invalid type: string "x", expected u32 at line 1 column 25"#;
    assert_eq!(log[0].1, format!("message from c1 dropped: malformed-request (12): {reason}"));
    assert_eq!(log[1].1, "message from c1 dropped: abort (14): as asked");
}

#[test]
fn a_message_that_wants_no_answer_gets_none() {
    let mut cluster = cluster(2, MS);
    cluster.send("n1", json!({"type": "hit"}));
    cluster.advance(MS);
    assert_eq!(cluster.node("n1").state().hits, 1);
    assert_eq!(cluster.messages_sent(), 0);
}

#[test]
fn none_is_no_answer() {
    assert_eq!(code_of(cluster(1, MS).request("n1", json!({"type": "ignore"}))), 0);
}

#[test]
fn a_request_can_be_answered_in_a_later_event() {
    let mut cluster = cluster(1, MS);
    let first = cluster.submit("n1", r#"{"type":"keep"}"#);
    let second = cluster.submit("n1", r#"{"type":"keep"}"#);
    cluster.advance(100 * MS);
    assert_eq!(cluster.answer(first), None);
    cluster.send("n1", json!({"type": "release"}));
    cluster.advance(MS);
    assert_eq!(cluster.answer(first), Some(Ok(r#"{"type":"hit_ok","hits":0}"#.into())));
    assert_eq!(cluster.answer(second), Some(Ok(r#"{"type":"hit_ok","hits":1}"#.into())));
}

#[test]
fn a_handler_can_wait_for_a_change_that_another_makes() {
    let mut cluster = cluster(1, MS);
    let waiting = cluster.submit("n1", r#"{"type":"await_hit"}"#);
    cluster.advance(100 * MS);
    assert_eq!(cluster.answer(waiting), None);
    cluster.send("n1", json!({"type": "hit"}));
    cluster.advance(MS);
    assert_eq!(cluster.answer(waiting), Some(Ok(r#"{"type":"hit_ok","hits":1}"#.into())));
}

#[test]
fn a_call_brings_the_answer_after_a_round_trip() {
    let mut cluster = cluster(2, 20 * MS);
    let answer = cluster.request("n1", ask("n2", json!({"type": "hit"}), 100, 0));
    let expected = json!({"type": "ask_ok", "answer": {"type": "hit_ok", "hits": 1}, "ms": 40});
    assert_eq!(answer, Ok(expected));
    assert_eq!(cluster.messages_sent(), 2);
}

#[test]
fn a_call_brings_the_error_of_the_one_called_with_its_code() {
    let mut cluster = cluster(2, MS);
    let answer = cluster.request("n1", ask("n2", json!({"type": "fail", "code": 1234}), 100, 0));
    assert_eq!(answer, Err(Error::new(1234, "as asked")));
}

#[test]
fn a_call_without_an_answer_times_out_and_the_late_answer_is_dropped() {
    let mut cluster = cluster(2, 60 * MS);
    let answer = cluster.request("n1", ask("n2", json!({"type": "hit"}), 100, 0));
    assert_eq!(code_of(answer), 0);
    assert_eq!(cluster.now(), 100 * MS);
    cluster.advance(100 * MS);
    assert_eq!(cluster.node("n2").state().hits, 1);
}

#[test]
fn a_call_is_retried_until_it_gets_through() {
    let mut cluster = cluster(2, MS);
    cluster.partition(&[&["n1"], &["n2"]]);
    let ticket = cluster.submit("n1", &ask("n2", json!({"type": "hit"}), 100, 100).to_string());
    cluster.advance(1000 * MS);
    assert_eq!(cluster.answer(ticket), None);
    cluster.heal();
    cluster.advance(2000 * MS);
    let answer = cluster.answer(ticket).expect("an answer").expect("no error");
    assert!(answer.starts_with(r#"{"type":"ask_ok","answer":{"type":"hit_ok","hits":1}"#), "{answer}");
}

#[test]
fn retries_end_with_the_last_outcome_and_definite_errors_are_not_retried() {
    let mut cluster = cluster(2, MS);
    cluster.cut("n1", "n2");
    assert_eq!(code_of(cluster.request("n1", ask("n2", json!({"type": "hit"}), 100, 2))), 0);
    assert_eq!(cluster.messages_sent(), 3);
    cluster.heal();
    assert_eq!(code_of(cluster.request("n1", ask("n2", json!({"type": "fail", "code": 11}), 100, 2))), 11);
    assert_eq!(cluster.messages_sent(), 3 + 3 * 2);
    assert_eq!(code_of(cluster.request("n1", ask("n2", json!({"type": "fail", "code": 14}), 100, 2))), 14);
    assert_eq!(cluster.messages_sent(), 3 + 3 * 2 + 2);
}

#[test]
fn calls_made_together_wait_together() {
    let mut cluster = cluster(5, 20 * MS);
    let answer = cluster.request("n1", json!({"type": "hit_all"}));
    assert_eq!(answer, Ok(json!({"type": "ask_ok", "answer": 4, "ms": 40})));
}

#[test]
fn a_sleep_lasts_as_long_as_it_should_and_a_timeout_ends_it() {
    let mut cluster = cluster(1, MS);
    let slept = cluster.request("n1", json!({"type": "sleep", "ms": 70, "limit_ms": 100}));
    assert_eq!(slept, Ok(json!({"type": "ask_ok", "answer": true, "ms": 70})));
    let ended = cluster.request("n1", json!({"type": "sleep", "ms": 100, "limit_ms": 70}));
    assert_eq!(ended, Err(Error::new(ErrorCode::Timeout, "not done in 70ms")));
    assert_eq!(cluster.now(), 140 * MS);
}

#[test]
fn handlers_interleave_where_they_await_and_nowhere_else() {
    let mut cluster = cluster(1, MS);
    let tickets = [(); 3].map(|()| cluster.submit("n1", r#"{"type":"slow_hit"}"#));
    cluster.advance(20 * MS);
    for ticket in tickets {
        assert_eq!(cluster.answer(ticket), Some(Ok(r#"{"type":"hit_ok","hits":1}"#.into())));
    }
}

#[test]
fn the_key_value_services_answer_as_specified() {
    let mut cluster = cluster(1, MS);
    let steps = json!(["read", "read_optional", {"cas": [1, 2]}, {"cas_or_create": [1, 5]}, "read", {"cas": [4, 6]},
        {"cas": [5, 7]}, {"write": 8}, "read_optional"]);
    let answer = cluster.request("n1", json!({"type": "store", "steps": steps}));
    let missing = "key-does-not-exist (20)";
    let expected =
        json!([missing, "None", missing, "ok", "5", "precondition-failed (22)", "ok", "ok", "Some(8)"]);
    assert_eq!(answer, Ok(json!({"type": "store_ok", "outcomes": expected})));
    assert_eq!(cluster.stored(Store::Linearizable, json!("k")), Some(&json!(8)));
    assert_eq!(cluster.stored(Store::Sequential, json!("k")), None);
    assert_eq!(cluster.messages_sent(), 18);
}

#[test]
fn a_service_out_of_reach_times_out() {
    let mut cluster = cluster(1, MS);
    cluster.cut("n1", "lin-kv");
    let answer = cluster.request("n1", json!({"type": "store", "steps": ["read"]}));
    assert_eq!(answer, Ok(json!({"type": "store_ok", "outcomes": ["timeout (0)"]})));
}

#[test]
fn timestamps_grow_across_nodes() {
    let mut cluster = cluster(3, MS);
    let stamps: Vec<_> = ["n1", "n2", "n3", "n1"]
        .map(|node| {
            cluster.request(node, json!({"type": "timestamp"})).expect("a timestamp")["value"].clone()
        })
        .into();
    assert_eq!(stamps, [0, 1, 2, 3]);
}

#[test]
fn a_node_knows_itself_and_its_peers() {
    let answer = cluster(3, MS).request("n2", json!({"type": "who_am_i"}));
    assert_eq!(answer, Ok(json!({"type": "done", "value": ["n2", ["n1", "n2", "n3"], 2]})));
}

#[test]
fn a_setting_that_does_not_parse_ends_the_node_at_its_start() {
    let settings = vec![("hits".to_string(), "many".to_string())];
    let error = Cluster::<Probe>::start(Config { settings, ..Config::default() }).err().expect("no start");
    assert_eq!(error.text, "setting hits=many: invalid digit found in string");
}

#[test]
fn a_killed_node_is_silent_and_a_restarted_one_has_forgotten() {
    let mut cluster = cluster(2, 10 * MS);
    cluster.request("n2", json!({"type": "hit"})).expect("hit_ok");
    let sleeping = cluster.submit("n2", r#"{"type":"sleep","ms":50,"limit_ms":1000}"#);
    cluster.advance(MS);
    cluster.kill("n2");
    assert_eq!(code_of(cluster.request("n1", ask("n2", json!({"type": "hit"}), 100, 0))), 0);
    cluster.restart("n2");
    cluster.advance(1000 * MS);
    assert_eq!(cluster.answer(sleeping), None);
    assert_eq!(cluster.request("n2", json!({"type": "hit"})), Ok(json!({"type": "hit_ok", "hits": 1})));
}

#[test]
fn lost_and_duplicated_messages_are_lost_and_duplicated() {
    let mut cluster = cluster(2, MS);
    cluster.set_duplication(1.0);
    cluster.request("n1", ask("n2", json!({"type": "hit"}), 100, 0)).expect("an answer");
    cluster.advance(10 * MS);
    assert_eq!(cluster.node("n2").state().hits, 2);
    cluster.set_loss(1.0);
    assert_eq!(code_of(cluster.request("n1", ask("n2", json!({"type": "hit"}), 100, 0))), 0);
    assert_eq!(cluster.node("n2").state().hits, 2);
}

#[test]
fn a_seed_gives_the_same_run_again_and_another_one_a_different_one() {
    let run = |seed| {
        let config = Config { nodes: 3, latency: MS, seed, ..Config::default() };
        let mut cluster = Cluster::<Probe>::start(config).expect("the nodes start");
        cluster.set_loss(0.5);
        cluster.set_jitter(30 * MS);
        for _ in 0..20 {
            let _ = cluster.request("n1", ask("n2", json!({"type": "hit"}), 100, 3));
        }
        let random = cluster.request("n3", json!({"type": "random"})).expect("a number");
        (cluster.now(), cluster.messages_sent(), cluster.log("n2"), random)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn what_is_kept_for_a_client_that_has_given_up_is_let_go_and_its_handler_can_know() {
    let mut cluster = cluster(1, MS);
    let kept = cluster.submit("n1", r#"{"type":"keep"}"#);
    let lingers = cluster.submit("n1", r#"{"type":"linger"}"#);
    cluster.advance(100 * MS);
    cluster.submit("n1", r#"{"type":"keep"}"#);
    cluster.advance(4799 * MS);
    assert_eq!(cluster.node("n1").state().kept.len(), 2);
    cluster.advance(2 * MS);
    assert_eq!(cluster.node("n1").state().kept.len(), 1, "the other one has come later");
    cluster.advance(SECOND);
    assert!(cluster.node("n1").state().kept.is_empty());
    assert_eq!(cluster.node("n1").state().lingered, [4900 * MS]);
    assert_eq!([kept, lingers].map(|ticket| cluster.answer(ticket)), [None, None]);
}

#[test]
fn a_node_does_not_give_up_and_an_answer_in_time_is_no_expiry() {
    let mut cluster = cluster(2, MS);
    let asks = cluster.submit("n1", &ask("n2", json!({"type": "keep"}), 60_000, 0).to_string());
    cluster.submit("n2", r#"{"type":"sleep","ms":3000,"limit_ms":4000}"#);
    cluster.advance(20 * SECOND);
    assert_eq!(cluster.node("n2").state().kept.len(), 1);
    cluster.send("n2", json!({"type": "linger"}));
    cluster.advance(20 * SECOND);
    assert!(cluster.node("n2").state().lingered.is_empty(), "who wants no answer does not give up");
    assert_eq!(cluster.answer(asks), None, "the client of n1 has given up");
}
