//! Reports of good and bad runs in a real browser: what is on the page, and what a click or a key brings there.

use std::path::PathBuf;

use super::chromium::{self, Browser};
use super::support::{Finished, test, test_with};

/// A run that goes wrong in a known way.
fn sabotaged(workload: &str, fault: &str) -> Finished {
    let fault = format!("fault={fault}");
    let words =
        ["-w", workload, "--plugin", "saboteur", "--set", &fault, "--node-count", "1", "--concurrency", "4n"];
    test_with(&[&words[..], &["--rate", "100", "--time-limit", "10", "--seed", "1"]].concat())
}

/// The report of a run in a browser; none if there is no browser here.
fn opened(run: &Finished) -> Option<Browser> {
    let page: PathBuf = run.store.path().join("latest/report.html");
    Some(Browser::open(chromium::installed()?, &std::fs::canonicalize(page).expect("a report")))
}

/// Beginning and end of the time that is shown, in seconds.
fn shown(browser: &mut Browser) -> (f64, f64) {
    let range = browser.text("#range");
    let mut times = range.split_whitespace().filter_map(|word| word.parse().ok());
    (times.next().expect("a beginning"), times.next().expect("an end"))
}

/// How many pixels of a pane have this colour of the style sheet, or nearly.
fn pixels(browser: &mut Browser, pane: &str, colour: &str) -> u64 {
    let script = format!(
        "(() => {{ const canvas = document.querySelector('#pane-{pane} canvas'), probe = document.createElement('canvas').getContext('2d', {{ willReadFrequently: true }}); \
         probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--{colour}'); probe.fillRect(0, 0, 1, 1); \
         const want = probe.getImageData(0, 0, 1, 1).data; probe.canvas.width = canvas.width; probe.canvas.height = canvas.height; probe.drawImage(canvas, 0, 0); \
         const all = probe.getImageData(0, 0, canvas.width, canvas.height).data; \
         let count = 0; for (let at = 0; at < all.length; at += 4) if (all[at + 3] > 200 && [0, 1, 2].every(c => Math.abs(all[at + c] - want[c]) < 12)) count++; return count; }})()"
    );
    browser.eval(&script).as_u64().expect("a number")
}

#[track_caller]
fn no_complaints(browser: &Browser) {
    assert!(browser.complaints.is_empty(), "the console says: {}", browser.complaints.join("\n"));
}

#[test]
fn a_run_that_could_not_begin_shows_why_and_what_was_sent() {
    let run = test("-w broadcast --plugin broadcast --set nonsense=1 --start-spread 0 --seed 7");
    assert_eq!(run.status(), 255, "{}", run.stderr());
    let Some(mut browser) = opened(&run) else { return };
    assert_eq!(browser.text("#verdict"), "UNKNOWN");
    assert!(browser.text("#headline").contains("the test cannot begin: n1 died before it was ready"));
    assert!(browser.text("#anomalies").contains("the test cannot begin"), "{}", browser.text("#anomalies"));
    no_complaints(&browser);
}

#[test]
fn a_valid_run_shows_its_verdict_figures_and_every_pane() {
    let run = test(
        "-w broadcast --plugin broadcast --node-count 5 --rate 50 --time-limit 10 --latency 20 --nemesis partition \
         --nemesis-interval 2 --seed 7",
    );
    assert_eq!(run.status(), 0, "{}", run.stdout());
    let Some(mut browser) = opened(&run) else { return };
    assert_eq!(browser.text("#verdict"), "VALID");
    assert!(browser.text("#anomalies").contains("None found."));
    assert!(browser.text("#headline").contains("broadcast · broadcast on 5 nodes"));
    assert!(browser.text("#run").contains("--seed 7") && browser.text("#seed") == "7");
    let count = run.results()["stats"]["count"].to_string();
    assert!(browser.text("#figures").contains(&count), "{}", browser.text("#figures"));
    assert!(browser.text("#stable").contains("median"));
    for pane in ["messages", "operations", "latency", "rate", "traffic", "logs"] {
        assert_eq!(browser.count(&format!("#pane-{pane}")), 1, "{pane}");
    }
    assert!(browser.text("#pane-operations .status").contains(&format!("{count} operations in sight")));
    assert!(pixels(&mut browser, "operations", "ok") > 1000);
    assert!(browser.text("#pane-messages .legend").contains("lost"), "a partition loses messages");
    no_complaints(&browser);
}

#[test]
fn a_lost_write_is_explained_and_every_pane_is_where_it_was_lost() {
    let Some(mut browser) = opened(&sabotaged("broadcast", "lose")) else { return };
    assert_eq!(browser.text("#verdict"), "INVALID");
    let told = "element 5, acknowledged to process 0 at 0.083 s, never appears in any read";
    assert!(browser.text("#headline").contains(told), "{}", browser.text("#headline"));
    let (from, to) = shown(&mut browser);
    assert!(from < 0.083 && to > 0.085 && to < 1.0, "the first anomaly is in sight: {from} to {to}");
    assert!(pixels(&mut browser, "operations", "mark") > 20, "its moments are marked");

    browser.click(".finding[data-finding='1'] button");
    let card = browser.text(".finding[aria-current='true']");
    assert!(
        card.contains("element 23") && card.contains("acknowledged") && card.contains("missing"),
        "{card}"
    );
    assert!(card.contains("process 3: broadcast 23"), "{card}");
    let (from, to) = shown(&mut browser);
    assert!(from < 0.502 && to > 0.547 && to < 1.0, "every pane has moved: {from} to {to}");
    assert!(browser.text("#pane-messages .status").contains("4 messages of what is selected"));
    no_complaints(&browser);
}

#[test]
fn a_death_and_the_errors_of_nodes_are_told_in_their_words() {
    let run = sabotaged("unique-ids", "die");
    let Some(mut browser) = opened(&run) else { return };
    assert!(browser.text("#headline").contains(": sabotage"), "{}", browser.text("#headline"));
    browser.click("#anomalies .finding > button");
    let told = browser.text("#anomalies");
    assert!(told.contains("at saboteur::") && !told.contains("rust_panic"), "{told}");
    assert!(told.contains("crash (13): its node died"), "{told}");
    no_complaints(&browser);
}

#[test]
fn anomalies_search_and_zoom_work_without_a_mouse() {
    let Some(mut browser) = opened(&sabotaged("broadcast", "lose")) else { return };
    browser.press("n");
    assert!(browser.text(".finding[aria-current='true']").contains("element 23"));
    browser.press("p");
    assert!(browser.text(".finding[aria-current='true']").contains("element 5,"));
    let before = shown(&mut browser);
    browser.press("+");
    let after = shown(&mut browser);
    assert!(after.1 - after.0 < (before.1 - before.0) * 0.6, "{before:?} {after:?}");
    browser.press("0");
    assert!(shown(&mut browser).1 > 10.0);
    browser.press("/");
    browser.type_text("\"message\":23,");
    browser.press("Enter");
    assert!(browser.text("#search output").starts_with("1/1"), "{}", browser.text("#search output"));
    assert!(
        browser.text("#detail").contains("→ n0 broadcast")
            && browser.text("#detail").contains("\"message\":23"),
        "{}",
        browser.text("#detail")
    );
    browser.press("Escape");
    browser.press("j");
    assert!(browser.text("#detail").contains("causal past"), "the next message is selected");
    browser.press("?");
    assert_eq!(browser.count("dialog[open]"), 1);
    no_complaints(&browser);
}

#[test]
fn a_history_that_is_not_linearizable_shows_how_far_an_order_goes_and_what_fits_nowhere() {
    let Some(mut browser) = opened(&sabotaged("lin-kv", "stale")) else { return };
    browser.click(".finding[data-finding='0'] button");
    let card = browser.text(".finding[aria-current='true']");
    for words in [
        "NOT LINEARIZABLE",
        "Longest linearizable prefix",
        "Everything up to operation 227",
        "fits nowhere",
        "can't read 0 from register 2",
    ] {
        assert!(card.contains(words), "{words}: {card}");
    }
    let (from, to) = shown(&mut browser);
    assert!(from < 1.149 && to > 1.195, "{from} to {to}");
    no_complaints(&browser);
}

#[test]
fn a_cycle_of_transactions_is_drawn_with_its_edges_and_proved_beside() {
    let Some(mut browser) = opened(&sabotaged("txn-list-append", "stale")) else { return };
    browser.click(".finding[data-finding='1'] button");
    let current = ".finding[aria-current='true']";
    assert_eq!(browser.count(&format!("{current} svg.cycle .node")), 2);
    let labels = browser.eval(&format!("[...document.querySelectorAll(\"{current} svg.cycle .label text\")].map(label => label.textContent).join()"));
    assert_eq!(labels, "rw 8,ww 10");
    let proof = browser.text(&format!("{current} .proof"));
    assert!(proof.contains("T1 < T2, because") && proof.contains("a contradiction!"), "{proof}");
    let (from, to) = shown(&mut browser);
    assert!(from < 0.3 && to > 0.312 && to < 1.0, "{from} to {to}");
    no_complaints(&browser);
}

#[test]
fn a_click_on_a_message_keeps_its_causal_past_and_future() {
    let run =
        test("-w broadcast --plugin broadcast --node-count 3 --rate 5 --time-limit 5 --latency 50 --seed 2");
    let Some(mut browser) = opened(&run) else { return };
    // The middle of the first message between two nodes, once it is large enough to hit.
    let place = browser.eval(
        "(() => { const m = run.messages.kind.indexOf(SERVER); show(run.messages.sent[m] - 20, run.messages.ended[m] + 20); drawNow(); \
         const pane = panes.find(pane => pane.name === 'messages'), [x1, y1, x2, y2] = course(m, pane.area), box = pane.canvas.getBoundingClientRect(); \
         return [box.x + (x1 * 2 + x2) / 3, box.y + (y1 * 2 + y2) / 3]; })()",
    );
    browser.settle();
    browser.click_at(place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
    let detail = browser.text("#detail");
    assert!(detail.contains("causal past") && detail.contains("received at"), "{detail}");
    let past = browser.eval("related.of.filter(of => of === 1).length").as_u64().unwrap();
    let future = browser.eval("related.of.filter(of => of === 2).length").as_u64().unwrap();
    assert!(past > 0 && future > 0, "{past} before, {future} after");
    assert!(pixels(&mut browser, "messages", "past") > 10 && pixels(&mut browser, "messages", "future") > 10);
    browser.press("Escape");
    assert_eq!(pixels(&mut browser, "messages", "past"), 0);
    no_complaints(&browser);
}

#[test]
fn filters_leave_what_they_name() {
    let run = test(
        "-w lin-kv --plugin lin-kv --node-count 3 --concurrency 2n --rate 20 --time-limit 5 --latency 10 --seed 2",
    );
    let Some(mut browser) = opened(&run) else { return };
    let in_sight = |browser: &mut Browser| -> u64 {
        let status = browser.text("#pane-messages .status").replace(',', "");
        status.split(' ').next().and_then(|count| count.parse().ok()).expect("a count")
    };
    let all = in_sight(&mut browser);
    let choose = |browser: &mut Browser, menu: &str, name: &str| {
        browser.eval(&format!(
            "(() => {{ const menu = document.querySelector('{menu}'); menu.value = [...menu.options].find(option => option.text === '{name}').value; \
             menu.dispatchEvent(new Event('change')); }})()"
        ));
        browser.settle();
    };
    choose(&mut browser, "#filter-type", "write");
    let writes = in_sight(&mut browser);
    let journal = run.file("journal.jsonl");
    let sent = journal
        .lines()
        .filter(|line| line.contains(r#""type":"send""#) && line.contains(r#""type":"write""#))
        .count();
    assert_eq!(writes as usize, sent);
    choose(&mut browser, "#filter-type", "all");
    choose(&mut browser, "#filter-node", "n1");
    assert!((1..all).contains(&in_sight(&mut browser)));
    no_complaints(&browser);
}
