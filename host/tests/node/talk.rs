//! A written conversation, in virtual time: `host converse`.

use std::fs;
use std::path::Path;

use super::conversation::{host, plugin};

/// n1 of two nodes starts.
pub const INIT: &str = r#"> {"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1","n2"],"msg_id":1}}
< {"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}
"#;

/// A message for the puppet, from somebody: what it is to do. With a number it is a request.
pub fn tell(src: &str, msg_id: Option<u64>, deeds: &str) -> String {
    let msg_id = msg_id.map(|number| format!(r#","msg_id":{number}"#)).unwrap_or_default();
    format!("> {{\"src\":\"{src}\",\"dest\":\"n1\",\"body\":{{\"script\":[{deeds}]{msg_id}}}}}\n")
}

/// What n1 says.
pub fn says(dest: &str, body: &str) -> String {
    format!("< {{\"src\":\"n1\",\"dest\":\"{dest}\",\"body\":{body}}}\n")
}

/// Holds a conversation with a plugin: what is on standard error, which says where it went another way, if so.
pub fn hold(name: &str, arguments: &[&str], text: &str) -> Result<String, String> {
    hold_with(&plugin(name), arguments, text)
}

/// The same with any component.
pub fn hold_with(wasm: &Path, arguments: &[&str], text: &str) -> Result<String, String> {
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("talk.txt"), text).expect("the conversation can be written");
    let mut host = host();
    host.current_dir(place.path()).args(["converse", "talk.txt", "--plugin"]).arg(wasm).args(arguments);
    let output = host.output().expect("the host runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// The same; it must go as written.
#[track_caller]
pub fn expect(name: &str, arguments: &[&str], text: &str) -> String {
    hold(name, arguments, text).unwrap_or_else(|departure| panic!("{departure}\n{text}"))
}
