//! Agreement with the original checkers: `vectors/` holds histories that Jepsen, Knossos and Elle have judged, and our
//! checkers must judge each of them the same. One test a workload; how its results are compared is in `agreement/`.

mod agreement;

use agreement::{agree, counter, kafka, lin_kv, set_full, txn, unique_ids};
use host::checker::txn::{list_append, rw_register};

#[test]
fn broadcast_is_judged_as_by_jepsen() {
    agree("broadcast", &[], |recorded| set_full::differences(recorded, "broadcast"));
}

#[test]
fn g_set_is_judged_as_by_jepsen() {
    agree("g-set", &[], |recorded| set_full::differences(recorded, "add"));
}

#[test]
fn pn_counter_is_judged_as_by_maelstrom() {
    agree("pn-counter", &[], counter::differences);
}

#[test]
fn g_counter_is_judged_as_by_maelstrom() {
    agree("g-counter", &[], counter::differences);
}

#[test]
fn unique_ids_is_judged_as_by_jepsen() {
    agree("unique-ids", &[], unique_ids::differences);
}

#[test]
fn txn_list_append_is_judged_as_by_elle() {
    agree("txn-list-append", txn::DEVIATIONS, |recorded| txn::differences(recorded, list_append::check));
}

#[test]
fn txn_rw_register_is_judged_as_by_elle() {
    agree("txn-rw-register", &[], |recorded| txn::differences(recorded, rw_register::check));
}

#[test]
fn lin_kv_is_judged_as_by_knossos() {
    agree("lin-kv", &[], lin_kv::differences);
}

#[test]
fn kafka_is_judged_as_by_jepsen() {
    agree("kafka", kafka::DEVIATIONS, kafka::differences);
}
