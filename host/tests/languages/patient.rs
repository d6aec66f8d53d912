//! What the host holds back and what it forgets, in every language: a node that speaks in `init` and keeps a request.

use std::fs;
use std::path::Path;

use host::build::language::Language;

use super::support::{host_ok, new_project};

super::each_language!(it_speaks_when_it_may_and_learns_who_waits_no_more);

/// In virtual time. The timer that was set in `init` runs from the end of the wait on.
const TALK: &str = r#"
> {"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1","n2"]}}
< {"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}
+ 9s
> {"src":"c1","dest":"n1","body":{"type":"keep","msg_id":2}}
< {"src":"n1","dest":"n2","body":{"type":"hello"}}
+ 49ms
+ 1ms
< {"src":"n1","dest":"n2","body":{"type":"tick"}}
+ 4849ms
> {"src":"n2","dest":"n1","body":{"type":"ask"}}
< {"src":"n1","dest":"n2","body":{"type":"kept","expired":false}}
+ 1ms
> {"src":"n2","dest":"n1","body":{"type":"ask"}}
< {"src":"n1","dest":"n2","body":{"type":"kept","expired":true}}
> {"src":"n2","dest":"n1","body":{"type":"answer"}}
+ 1m
"#;

fn it_speaks_when_it_may_and_learns_who_waits_no_more(language: &'static Language) {
    let source = match language.name {
        "rust" => "src/lib.rs",
        "go" => "plugin.go",
        _ => language.marker,
    };
    let place = tempfile::tempdir().unwrap();
    let project = new_project(place.path(), "patient", language.name);
    let patient = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/languages/patient");
    fs::copy(patient.join(source), project.join(source)).unwrap();
    fs::write(project.join("talk.txt"), TALK).unwrap();
    host_ok(&project, &["build"]);
    let said = host_ok(&project, &["converse", "talk.txt", "--plugin", "patient"]);
    assert!(said.contains("as written"), "{said}");
}
