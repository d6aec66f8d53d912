//! What the SDK for Go has to bear that others have not: goroutines, a garbage collector, and large bodies besides it.

use std::fmt::Write;
use std::fs;

use super::support::{INIT, host, host_ok, new_project, root, when_installed};

#[test]
fn goroutines_wait_for_the_host_for_each_other_and_for_the_garbage_collector() {
    when_installed("go", |_| {
        let place = tempfile::tempdir().unwrap();
        let dir = new_project(place.path(), "goroutines", "go");
        fs::write(dir.join("plugin.go"), include_str!("go/plugin.go")).unwrap();
        fs::write(dir.join("conversation.txt"), include_str!("go/conversation.txt")).unwrap();
        fs::write(dir.join("long.txt"), long_conversation()).unwrap();
        host_ok(&dir, &["build"]);
        host_ok(&dir, &["converse", "conversation.txt", "--plugin", "goroutines"]);
        host_ok(&dir, &["converse", "long.txt", "--plugin", "goroutines"]);

        // Ids of chance, in an order of chance.
        let trial = "test -w unique-ids --plugin goroutines --rate 100 --time-limit 2 --check-determinism";
        host_ok(&dir, &trial.split(' ').collect::<Vec<_>>());

        fs::write(dir.join("crowd.txt"), crowd()).unwrap();
        let output = host(&dir, &["converse", "crowd.txt", "--plugin", "goroutines"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("realloc return: beyond end of memory"), "{told}");
    });
}

/// Enough small bodies for some collections of garbage, and large ones between them.
fn long_conversation() -> String {
    let small = [r#"{"type":"length","msg_id":2}"#.to_owned()];
    let large = [1 << 20, 9 << 20].map(|size| {
        let filling = "x".repeat(size);
        format!(r#"{{"type":"length","msg_id":2,"filling":"{filling}"}}"#)
    });
    let mut text = INIT.to_owned();
    let bodies = large.iter().chain(small.iter().cycle().take(20_000)).chain(&large);
    for body in bodies {
        writeln!(text, r#"> {{"src":"c1","dest":"n1","body":{body}}}"#).unwrap();
        let answer = format!(r#"{{"type":"length_ok","in_reply_to":2,"value":{}}}"#, body.len());
        writeln!(text, r#"< {{"src":"n1","dest":"c1","body":{answer}}}"#).unwrap();
    }
    text
}

/// The start of a node among more others than fit into what the SDK sets aside: each takes 8 bytes besides its name.
/// The list itself fits. What does not is a name, which could be written at the null pointer.
fn crowd() -> String {
    let others = r#","x""#.repeat(8 << 20);
    format!(
        r#"> {{"src":"c1","dest":"n1","body":{{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"{others}]}}}}"#
    ) + "\n"
}

#[test]
fn the_sdk_passes_its_own_tests() {
    when_installed("go", |language| {
        let go = language.tools[0].require(language.name, language.title).expect("it is installed");
        for what in ["vet", "test"] {
            let mut go = go.command();
            go.args([what, "./..."]).current_dir(root().join("guest-sdk/go")).env("GOTOOLCHAIN", "local");
            let output = go.output().expect("go runs");
            let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            assert!(output.status.success(), "go {what}: {}", said.concat());
        }
    });
}
