//! What becomes of handlers that fail, in Zig: errors are answers, panics end the node with a message.

use std::fs;
use std::path::Path;

use host::build;

use super::support::{INIT, host, host_ok, nested, when_installed};

fn exchange(request: &str, answer: &str) -> String {
    format!(
        "> {{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{{\"msg_id\":2,{request}}}}}\n\
         < {{\"src\":\"n1\",\"dest\":\"c1\",\"body\":{{\"in_reply_to\":2,{answer}}}}}\n"
    )
}

#[test]
fn errors_of_zig_handlers_are_answers_and_panics_are_told() {
    when_installed("zig", |_| {
        let place = tempfile::tempdir().unwrap();
        // A copy: what is made on the way does not belong into the tree.
        let dir = place.path().join("failing");
        fs::create_dir(&dir).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/languages/failing-zig/plugin.zig");
        fs::copy(source, dir.join("plugin.zig")).unwrap();
        build::one(&dir, Some(place.path())).expect("it compiles");

        let value = |depth| format!(r#""type":"value","value":{}"#, nested(depth));
        let refused = |code, text: &str| format!(r#""type":"error","code":{code},"text":"{text}""#);
        let talk: String = [
            (r#""type":"known""#, refused(22, "PreconditionFailed")),
            (r#""type":"unknown""#, refused(13, "NobodyKnows")),
            (r#""type":"value""#, refused(12, "missing field `value`")),
            (r#""type":"note""#, refused(12, "missing field `value`")),
            (r#""type":"nested","inner":{}"#, refused(12, "the body does not fit: MissingField")),
            (r#""\ud800":1,"type":"known""#, refused(12, "the body does not fit: SyntaxError")),
            (
                r#""a":"\ud800","type":"value","value":"\ud800""#,
                refused(12, "the body does not fit: SyntaxError"),
            ),
            (r#""type":"index","at":-1"#, refused(12, "the body does not fit: Overflow")),
            (r#""type":"never-heard-of""#, refused(10, "no such type of message here")),
            (r#""type":"Nothing""#, refused(10, "no such type of message here")),
            (r#""type":"whole""#, r#""type":"whole_ok","fields":2"#.to_owned()),
            (r#""type":7"#, refused(12, "the body has no type")),
            (r#""type":"log-bytes""#, r#""type":"log_ok""#.to_owned()),
            (&value(100), value(100).replace("\"value\",", "\"value_ok\",")),
            (&value(128), refused(12, "the body does not fit: NestedTooDeeply")),
            (&value(1_000_000), refused(12, "the body does not fit: NestedTooDeeply")),
        ]
        .map(|(request, answer)| exchange(request, &answer))
        .concat();
        fs::write(place.path().join("talk.txt"), format!("{INIT}{talk}")).unwrap();
        host_ok(place.path(), &["converse", "talk.txt", "--plugin", "./failing.wasm"]);

        let crash = exchange(r#""type":"index","at":7"#, &refused(13, "*"));
        fs::write(place.path().join("crash.txt"), format!("{INIT}{crash}")).unwrap();
        let output = host(place.path(), &["converse", "crash.txt", "--plugin", "./failing.wasm"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("panic: index out of bounds: index 7, len 0"), "{told}");

        let output =
            host(place.path(), &["converse", "talk.txt", "--plugin", "./failing.wasm", "--set", "a=b"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("the plugin refused to start: NoSettingsHere"), "{told}");
    });
}
