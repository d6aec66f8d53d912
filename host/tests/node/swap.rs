//! Swapping the plugin of a node that runs: `--watch`, over the wire.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;
use tempfile::TempDir;

use super::conversation::{Conversation, host, plugin};

/// A node whose plugin is a file of its own.
struct Watched {
    node: Conversation,
    file: PathBuf,
    versions: u8,
    _directory: TempDir,
}

impl Watched {
    fn start(name: &str, arguments: &[&str]) -> Watched {
        Watched::start_at(name, "plugin.wasm", &[&["--watch"], arguments].concat(), |_| {})
    }

    /// A node whose plugin is the file of this name in a directory that has been prepared.
    fn start_at(name: &str, path: &str, arguments: &[&str], prepare: impl FnOnce(&Path)) -> Watched {
        let directory = tempfile::tempdir().expect("a directory");
        fs::copy(plugin(name), directory.path().join("plugin.wasm")).expect("the plugin can be copied");
        prepare(directory.path());
        let file = directory.path().join(path);
        let mut host = host();
        host.arg("--plugin").arg(&file).args(arguments);
        let mut node = Conversation::start(&mut host);
        node.say(r#"{"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1","n2"],"msg_id":1}}"#);
        node.expect(r#"{"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}"#);
        Watched { node, file, versions: 0, _directory: directory }
    }

    /// Puts a new version of a plugin in the file's place: the same with another custom section.
    fn replace(&mut self, name: &str) {
        self.versions += 1;
        let mut wasm = fs::read(plugin(name)).expect("the plugin can be read");
        wasm.extend([0, 3, 1, b'v', self.versions]);
        self.replace_with(&wasm);
    }

    fn replace_with(&self, contents: &[u8]) {
        let new = self.file.with_extension("new");
        fs::write(&new, contents).expect("the file can be written");
        fs::rename(&new, &self.file).expect("the file can be replaced");
    }

    /// What the puppet says next `save`, besides being ready.
    fn keep(&mut self, kept: &str) {
        self.node.script(&format!(r#"{{"do":"keep",{kept}}}"#));
    }

    #[track_caller]
    fn expect_load(&mut self, state: &str) {
        self.node.expect_told(&format!(r#"{{"load":"n1","nodes":["n1","n2"],"state":"{state}"}}"#));
    }

    /// Waits until the host has said this on standard error.
    #[track_caller]
    fn expect_logged(&self, text: &str) {
        let began = Instant::now();
        while !self.node.logged().contains(text) {
            assert!(began.elapsed() < Duration::from_secs(120), "`{text}` is not in {}", self.node.logged());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asserts that the plugin that was first still answers.
    #[track_caller]
    fn expect_alive(&mut self) {
        self.node.script(r#"{"do":"send","dest":"n2","body":"{\"alive\":1}"}"#);
        self.node.expect(r#"{"src":"n1","dest":"n2","body":{"alive":1}}"#);
    }
}

#[test]
fn a_new_version_takes_over_the_state_of_the_old_one() {
    let mut watched = Watched::start("puppet", &[]);
    watched.keep(r#""state":"all it knows""#);
    watched.replace("puppet");
    watched.expect_load("all it knows");
    watched.expect_alive();
    watched.expect_logged(
        "n1 INFO host: the plugin was swapped with 12 bytes of state, version 1; it took 0 ms",
    );
}

#[test]
fn a_version_that_takes_over_before_the_cluster_is_up_waits_as_the_old_one_did() {
    let init = r#"do={"do":"send","dest":"n2","body":"{\"old\":1}"},{"do":"set_timer","after_ms":20}"#;
    let mut watched = Watched::start("puppet", &["--set", init]);
    watched.replace("puppet");
    watched.expect_logged("the plugin was swapped with 0 bytes of state");
    // The first that is heard after `init_ok`, in order: what the old one said, and then what the new one did.
    watched.node.script("");
    watched.node.expect(r#"{"src":"n1","dest":"n2","body":{"old":1}}"#);
    watched.node.expect_told(r#"{"timer":1}"#);
    watched.expect_load("");
    watched.node.expect_told(r#"{"fired":1}"#);

    let mut watched = Watched::start("puppet", &["--set", init]);
    watched.replace_with(b"not a plugin");
    watched.expect_logged("this is a text file");
    watched.node.script("");
    watched.node.expect(r#"{"src":"n1","dest":"n2","body":{"old":1}}"#);
}

#[test]
fn requests_calls_and_timers_go_over_to_the_new_version() {
    let mut watched = Watched::start("puppet", &[]);
    watched.node.request(7, r#"{"script":[{"do":"call","dest":"n2","body":"{}","timeout_ms":60000},{"do":"set_timer","after_ms":4000},{"do":"keep","state":"s"}]}"#);
    watched.node.expect(r#"{"src":"n1","dest":"n2","body":{"msg_id":1}}"#);
    watched.node.expect_told(r#"{"call":1}"#);
    watched.node.expect_told(r#"{"timer":1}"#);
    watched.replace("puppet");
    watched.expect_load("s");
    watched.node.say(r#"{"src":"n2","dest":"n1","body":{"type":"late","in_reply_to":1}}"#);
    watched.node.expect_told(r#"{"answered":1,"body":"{\"type\":\"late\",\"in_reply_to\":1}"}"#);
    watched.node.expect_told(r#"{"fired":1}"#);
    watched.node.script(r#"{"do":"reply","request":2,"body":"{\"type\":\"done\"}"}"#);
    watched.node.expect_reply(r#"{"type":"done","in_reply_to":7}"#);
}

#[test]
fn while_a_plugin_has_work_in_hand_only_requests_wait() {
    let mut watched = Watched::start("puppet", &[]);
    watched.keep(r#""busy":true"#);
    watched.replace("puppet");
    // The first request that comes after the swap was asked for is overtaken by the message behind it.
    let waiting = (8..).find(|number| {
        let served =
            format!(r#"{{"src":"n1","dest":"c1","body":{{"type":"served","in_reply_to":{number}}}}}"#);
        watched
            .node
            .request(*number, r#"{"script":[{"do":"reply","request":null,"body":"{\"type\":\"served\"}"}]}"#);
        watched.node.script(r#"{"do":"send","dest":"n2","body":"{\"next\":1}"}"#);
        let next = watched.node.hear();
        if next == served {
            watched.node.expect(r#"{"src":"n1","dest":"n2","body":{"next":1}}"#);
        }
        next != served
    });
    watched.keep(r#""state":"ready now""#);
    watched.expect_load("ready now");
    let number = waiting.expect("the swap is asked for some time");
    watched.node.expect_reply(&format!(r#"{{"type":"served","in_reply_to":{number}}}"#));
    watched.expect_logged("messages that waited: 1");
}

#[test]
fn a_plugin_that_is_never_ready_is_not_swapped_and_serves_what_has_waited() {
    let mut watched = Watched::start("puppet", &[]);
    watched.keep(r#""busy":true"#);
    watched.replace("puppet");
    watched.expect_logged(
        "n1 ERROR host: the plugin was not swapped, the old plugin keeps running: it had work in hand for 5 s",
    );
    watched.expect_alive();
}

#[test]
fn a_version_that_does_not_accept_the_state_leaves_the_old_one_running() {
    let mut watched = Watched::start("puppet", &[]);
    for (kept, reason) in [
        (r#""version":7"#, "the new plugin refused to take over: version 7 is not known"),
        (
            r#""state":"trap""#,
            "the new plugin died while it took over: panicked at host/tests/plugins/puppet/src/migration.rs:49:23: as told",
        ),
        (r#""refuse":"too large""#, "its state cannot be saved: too large"),
    ] {
        watched.keep(kept);
        watched.replace("puppet");
        watched.expect_logged(&format!(
            "n1 ERROR host: the plugin was not swapped, the old plugin keeps running: {reason}\n"
        ));
        watched.expect_alive();
    }
    watched.keep(r#""state":"at last""#);
    watched.replace("puppet");
    watched.expect_load("at last");
}

#[test]
fn a_file_that_is_no_plugin_leaves_the_old_one_running() {
    let mut watched = Watched::start("puppet", &[]);
    let half = fs::read(plugin("puppet")).expect("the plugin can be read");
    for (contents, reason) in [
        (&b"not a plugin"[..], "this is a text file"),
        (&half[..half.len() / 2], "this component is truncated"),
        (b"", "this file is empty"),
    ] {
        watched.replace_with(contents);
        watched.expect_logged(reason);
        watched.expect_alive();
    }
}

#[test]
fn a_state_that_cannot_be_handed_over_is_given_up_only_when_that_is_allowed() {
    let mut watched = Watched::start("puppet", &[]);
    watched.replace("saboteur");
    watched.expect_logged(
        "the new plugin does not export migrate, so its state would be lost (--swap-fresh allows that)",
    );
    watched.expect_alive();

    let mut watched = Watched::start("puppet", &["--swap-fresh"]);
    watched.node.request(9, r#"{"script":[]}"#);
    watched.expect_alive();
    watched.replace("saboteur");
    watched.node.expect_reply(
        r#"{"type":"error","code":13,"text":"the plugin was swapped without its state","in_reply_to":9}"#,
    );
    watched.expect_logged(
        "the plugin was swapped cold, without its state; open requests answered with error 13: 1;",
    );
    watched.node.request(10, r#"{"type":"echo","echo":1}"#);
    watched.node.expect_reply(r#"{"type":"echo_ok","echo":1,"in_reply_to":10}"#);
}

#[test]
fn a_hangup_takes_up_the_file_as_it_is() {
    let mut watched = Watched::start("puppet", &[]);
    watched.keep(r#""state":"again""#);
    watched.expect_alive();
    watched.node.signal(Signal::HUP);
    watched.expect_load("again");
}

/// Does something over and over until the node has loaded this state.
fn while_loading(
    watched: &mut Watched,
    state: &str,
    disturb: impl Fn() + Sync,
    begin: impl FnOnce(&mut Watched),
) {
    let is_loaded = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_loaded.load(SeqCst) {
                disturb();
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        begin(watched);
        watched.expect_load(state);
        is_loaded.store(true, SeqCst);
    });
}

#[test]
fn what_happens_beside_the_file_delays_nothing() {
    let mut watched = Watched::start("puppet", &[]);
    let log = watched.file.with_extension("log");
    let write = || fs::write(&log, "one more line").expect("the log can be written");
    watched.keep(r#""state":"swapped""#);
    while_loading(&mut watched, "swapped", write, |watched| watched.replace("puppet"));
    watched.keep(r#""state":"hung up""#);
    watched.expect_alive();
    while_loading(&mut watched, "hung up", write, |watched| watched.node.signal(Signal::HUP));
}

#[test]
fn a_file_that_keeps_changing_is_taken_up_all_the_same() {
    let mut watched = Watched::start("puppet", &[]);
    watched.keep(r#""state":"restless""#);
    let path = watched.file.clone();
    let touch = || {
        if let Ok(file) = fs::File::options().append(true).open(&path) {
            file.set_modified(SystemTime::now()).expect("the file can be touched");
        }
    };
    while_loading(&mut watched, "restless", touch, |watched| watched.replace("puppet"));
}

#[test]
fn a_plugin_behind_links_is_taken_up_wherever_it_is_replaced() {
    let prepare = |root: &Path| {
        fs::create_dir_all(root.join("releases/1")).unwrap();
        fs::rename(root.join("plugin.wasm"), root.join("releases/1/plugin.wasm")).unwrap();
        symlink("releases/1", root.join("current")).unwrap();
        symlink("current/plugin.wasm", root.join("link.wasm")).unwrap();
    };
    let mut watched = Watched::start_at("puppet", "link.wasm", &["--watch"], prepare);
    let root = watched.file.parent().unwrap().to_owned();
    let place = |watched: &mut Watched, path: &str| {
        let file = std::mem::replace(&mut watched.file, root.join(path));
        watched.replace("puppet");
        watched.file = file;
    };
    watched.keep(r#""state":"the file""#);
    place(&mut watched, "releases/1/plugin.wasm");
    watched.expect_load("the file");

    watched.keep(r#""state":"another release""#);
    fs::create_dir(root.join("releases/2")).unwrap();
    place(&mut watched, "releases/2/plugin.wasm");
    symlink("releases/2", root.join("next")).unwrap();
    fs::rename(root.join("next"), root.join("current")).unwrap();
    watched.expect_load("another release");

    watched.keep(r#""state":"its directory""#);
    fs::remove_dir_all(root.join("releases/2")).unwrap();
    fs::create_dir(root.join("releases/2")).unwrap();
    place(&mut watched, "releases/2/plugin.wasm");
    watched.expect_load("its directory");
}

#[test]
fn a_hangup_takes_up_the_file_of_a_node_that_does_not_watch_it() {
    let mut watched = Watched::start_at("puppet", "plugin.wasm", &[], |_| {});
    watched.keep(r#""state":"by hand""#);
    watched.replace("puppet");
    watched.expect_alive();
    assert!(!watched.node.logged().contains("swapped"), "{}", watched.node.logged());
    watched.node.signal(Signal::HUP);
    watched.expect_load("by hand");
    watched.expect_alive();
    watched.expect_logged("n1 INFO host: the plugin was swapped");
}

#[test]
fn flooding_nodes_become_hub_and_leaves_with_all_their_values() {
    let mut watched = Watched::start("broadcast-flood", &[]);
    watched.node.request(2, r#"{"type":"topology","topology":{"n1":[]}}"#);
    watched.node.expect_reply(r#"{"type":"topology_ok","in_reply_to":2}"#);
    watched.node.request(3, r#"{"type":"broadcast","message":17}"#);
    watched.node.expect_reply(r#"{"type":"broadcast_ok","in_reply_to":3}"#);
    watched.replace("broadcast");
    watched.expect_logged("the plugin was swapped");
    watched.node.request(4, r#"{"type":"read"}"#);
    while !watched.node.hear().contains(r#"{"type":"read_ok","messages":[17],"in_reply_to":4}"#) {}
}
