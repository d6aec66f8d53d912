//! What `wit/README.md` says, held against the code.

use std::fs;

use host::build;
use host::build::language::LANGUAGES;

use super::support::{host_ok, root, when_installed};

#[test]
fn the_conversation_in_the_documentation_takes_place() {
    let readme = fs::read_to_string(root().join("wit/README.md")).unwrap();
    let conversation = fs::read_to_string(root().join("wit/conversation.txt")).unwrap();
    let messages = conversation.lines().filter(|line| line.starts_with(['>', '<', '+']));
    for message in messages {
        assert!(readme.lines().any(|line| line.trim() == message), "not in wit/README.md: {message}");
    }
    for language in LANGUAGES.iter().map(|language| language.name).filter(|name| *name != "rust") {
        when_installed(language, |_| {
            let place = tempfile::tempdir().unwrap();
            let dir = root().join(format!("plugins/lang/g-counter-{language}"));
            let built = build::one(&dir, Some(place.path())).expect("it compiles");
            let script = root().join("wit/conversation.txt").display().to_string();
            host_ok(place.path(), &["converse", &script, "--plugin", &built.wasm.display().to_string()]);
        });
    }
}
