//! A request that nobody waits for any more is forgotten (spec §19.2).

use super::conversation::Conversation;
use super::talk::{INIT, expect, hold_with, says, tell};

const REPLY: &str = r#"{"do":"reply","request":2,"body":"{\"type\":\"late\"}"}"#;

const TOO_LATE: &str = "n1 WARN host: an answer that comes after --request-timeout, when its client has given up, \
                        is dropped: {\"type\":\"late\"}\n";

fn expired(request: u64) -> String {
    says("observer", &format!(r#"{{"expired":{request}}}"#))
}

#[test]
fn a_client_s_request_is_forgotten_in_time_and_a_late_answer_is_dropped_with_a_warning() {
    let asked = tell("c1", Some(5), "");
    let late = tell("c1", None, REPLY);
    let talk = format!("{INIT}{asked}+ 4899ms\n+ 1ms\n{}+ 60s\n{late}", expired(2));
    let logged = expect("puppet", &[], &talk);
    assert!(logged.ends_with(TOO_LATE), "{logged}");

    let talk = format!("{INIT}{asked}+ 299ms\n+ 1ms\n{}", expired(2));
    expect("puppet", &["--request-timeout", "300ms"], &talk);
}

#[test]
fn an_answer_that_comes_in_time_is_sent_and_the_guest_hears_no_more_of_the_request() {
    let talk = format!(
        "{INIT}{}+ 4899ms\n{}{}+ 60s\n",
        tell("c1", Some(5), ""),
        tell("c1", None, REPLY),
        says("c1", r#"{"type":"late","in_reply_to":5}"#)
    );
    expect("puppet", &[], &talk);
}

#[test]
fn a_node_s_request_is_never_forgotten_nor_is_a_client_s_without_a_limit() {
    for (src, arguments) in [("n2", &[][..]), ("c1", &["--request-timeout", "0s"])] {
        let talk = format!(
            "{INIT}{}+ 1h\n{}{}",
            tell(src, Some(5), ""),
            tell("n2", None, REPLY),
            says(src, r#"{"type":"late","in_reply_to":5}"#)
        );
        expect("puppet", arguments, &talk);
    }
}

#[test]
fn requests_are_forgotten_in_their_order_each_at_its_time() {
    let (c, n) = (|number| tell("c1", Some(number), ""), |number| tell("n2", Some(number), ""));
    let talk = format!(
        "{INIT}{}{}{}+ 100ms\n{}{}+ 4800ms\n{}{}+ 99ms\n+ 1ms\n{}+ 60s\n",
        n(1),
        c(2),
        c(3),
        c(4),
        n(5),
        expired(3),
        expired(4),
        expired(5)
    );
    expect("puppet", &[], &talk);
}

#[test]
fn the_last_words_of_a_plugin_are_for_those_who_still_listen() {
    let mut node = Conversation::initialised("puppet", &["--request-timeout", "50ms"]);
    node.request(5, r#"{"script":[]}"#);
    node.expect_told(r#"{"expired":2}"#);
    node.request(6, r#"{"script":[{"do":"misdeed","name":"panic"}]}"#);
    let said = node.wait().stdout;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains(r#""code":13"#) && said[0].contains(r#""in_reply_to":6"#), "{said:?}");
}

#[test]
fn a_guest_made_for_0_1_0_runs_as_ever_and_is_not_told() {
    let wasm = tempfile::Builder::new().suffix(".wasm").tempfile().unwrap();
    let component = wat::parse_str(include_str!("guest-0.1.0.wat")).unwrap();
    std::fs::write(wasm.path(), component).unwrap();
    let request = r#"> {"src":"c1","dest":"n1","body":{"type":"any","msg_id":5}}"#;
    let answered = says("c1", r#"{"type":"old_ok","in_reply_to":5}"#);
    let talk = format!("{INIT}{request}\n{answered}{}\n+ 1m\n", request.replace("any", "no answer"));
    hold_with(wasm.path(), &[], &talk).unwrap();
}
