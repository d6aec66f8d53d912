use proptest::prelude::*;

use super::*;

const MS: u64 = NS_PER_MS;

fn network(options: Options) -> Network {
    let nodes = ["n0", "n1", "n2", "n3"].map(str::to_owned);
    Network::new(options, &nodes, Seed(1))
}

fn latency(mean_ms: u64, distribution: Distribution) -> Options {
    Options { latency: Latency { mean_ms, distribution }, ..Options::default() }
}

fn constant(mean_ms: u64) -> Options {
    latency(mean_ms, Distribution::Constant)
}

fn due_ns(network: &mut Network, src: &str, dest: &str) -> u64 {
    network.send(0, src, dest).unwrap().due_ns
}

/// Only `src` → `dest` is cut.
fn one_link(src: usize, dest: usize) -> Links {
    let mut cut = Links::none(4);
    cut.insert(src, dest);
    cut
}

#[test]
fn only_messages_of_clients_are_instant() {
    let mut network = network(constant(100));
    for (src, dest, expected_ms) in [
        ("n0", "n1", 100),
        ("n0", "n0", 100),
        ("n0", "lin-kv", 100),
        ("seq-kv", "n0", 100),
        ("c1", "n0", 0),
        ("n0", "c1", 0),
        ("c1", "lin-kv", 0),
    ] {
        assert_eq!(due_ns(&mut network, src, dest), expected_ms * MS, "{src} → {dest}");
    }
}

#[test]
fn a_cut_works_in_one_direction_until_it_heals() {
    let mut network = network(constant(10));
    let on_its_way = network.send(0, "n0", "n1").unwrap();
    network.partition(one_link(0, 1));
    assert_eq!(network.send(0, "n0", "n1"), Err(DropReason::Partition));
    assert_eq!(network.arrive("n0", "n1", on_its_way.incarnation), Err(DropReason::Partition));
    assert!(network.send(0, "n1", "n0").is_ok() && network.may_pass("n1", "n0"));
    network.heal();
    assert!(network.send(0, "n0", "n1").is_ok());
    assert_eq!(network.arrive("n0", "n1", on_its_way.incarnation), Ok(()));
}

#[test]
fn clients_services_and_a_node_itself_stay_reachable_through_every_fault() {
    let mut network = network(Options { one_way_cuts: Probability::percent(100), ..Options::default() });
    let certain = Probability::percent(100);
    for kind in Partition::MAELSTROMS {
        network.partition(kind.draw(4, &mut Seed(2).stream("test", 0)));
        network.start_loss(certain);
        network.start_duplication(certain);
        network.start_slow(&[0, 1, 2, 3]);
        for (src, dest) in
            [("c1", "n0"), ("n0", "c1"), ("n0", "lin-kv"), ("lin-kv", "n0"), ("n0", "n0"), ("n0", "n9")]
        {
            let intact = Transit { due_ns: 7, duplicate_due_ns: None, incarnation: 0 };
            assert_eq!(network.send(7, src, dest), Ok(intact), "{src} → {dest}");
            assert_eq!(network.arrive(src, dest, 0), Ok(()));
        }
    }
}

#[test]
fn what_the_options_cut_no_healing_mends() {
    let mut network = network(Options { one_way_cuts: Probability::percent(100), ..Options::default() });
    network.heal();
    for (a, b) in [("n0", "n1"), ("n0", "n3"), ("n1", "n2")] {
        assert_ne!(network.may_pass(a, b), network.may_pass(b, a));
    }
}

#[test]
fn messages_are_lost_as_often_as_the_options_or_the_fault_say() {
    let lost = |network: &mut Network| {
        (0..10_000).filter(|_| network.send(0, "n0", "n1") == Err(DropReason::Loss)).count()
    };
    let mut network = network(Options { loss: Probability::percent(10), ..Options::default() });
    assert!(lost(&mut network).abs_diff(1000) < 100);
    network.start_loss(Probability::percent(30));
    assert!(lost(&mut network).abs_diff(3000) < 150);
    network.start_loss(Probability::percent(5));
    assert!(lost(&mut network).abs_diff(1000) < 100);
    network.stop_loss();
    assert!(lost(&mut network).abs_diff(1000) < 100);
}

#[test]
fn a_duplicate_has_a_latency_of_its_own() {
    let mut network = network(latency(100, Distribution::Uniform));
    network.start_duplication(Probability::percent(100));
    let transits: Vec<_> = (0..100).map(|_| network.send(0, "n0", "n1").unwrap()).collect();
    let differ = transits.iter().filter(|transit| transit.duplicate_due_ns != Some(transit.due_ns));
    assert!(differ.count() > 90);
    assert!(transits.iter().all(|transit| transit.duplicate_due_ns.is_some_and(|due| due < 200 * MS)));
    network.stop_duplication();
    assert_eq!(network.send(0, "n0", "n1").unwrap().duplicate_due_ns, None);
}

#[test]
fn slow_links_take_ten_times_as_long() {
    let mut network = network(constant(100));
    network.start_slow(&[1]);
    assert_eq!(due_ns(&mut network, "n0", "n1"), 1000 * MS);
    assert_eq!(due_ns(&mut network, "n1", "n2"), 1000 * MS);
    assert_eq!(due_ns(&mut network, "n0", "n2"), 100 * MS);
    assert_eq!(due_ns(&mut network, "n1", "lin-kv"), 100 * MS);
    network.stop_slow();
    assert_eq!(due_ns(&mut network, "n0", "n1"), 100 * MS);
}

#[test]
fn slow_links_are_slow_without_latency_too() {
    let mut network = network(Options { slow_links: Probability::percent(100), ..Options::default() });
    assert_eq!(due_ns(&mut network, "n0", "n1"), SLOW_MIN_MS * MS);
}

#[test]
fn nothing_sent_before_a_restart_arrives_after_it() {
    let mut network = network(constant(10));
    let before = network.send(0, "n0", "n1").unwrap();
    network.take_down(1);
    assert_eq!(network.arrive("n0", "n1", before.incarnation), Err(DropReason::Down));
    assert_eq!(network.send(0, "c1", "n1"), Err(DropReason::Down));
    network.bring_up(1);
    assert_eq!(network.arrive("n0", "n1", before.incarnation), Err(DropReason::Down));
    let after = network.send(0, "n0", "n1").unwrap();
    assert_eq!(network.arrive("n0", "n1", after.incarnation), Ok(()));
}

#[test]
fn what_a_node_sent_outlives_it() {
    let mut network = network(constant(10));
    let sent = network.send(0, "n0", "n1").unwrap();
    network.take_down(0);
    assert_eq!(network.arrive("n0", "n1", sent.incarnation), Ok(()));
}

proptest! {
    #[test]
    fn constant_latency_keeps_the_order_of_sending(
        mean_ms in 0..1000u64, gaps_ns in prop::collection::vec((0..5 * MS, 0..4usize), 1..50)
    ) {
        let mut network = network(constant(mean_ms));
        let (mut now_ns, mut last_due_ns) = (0, 0);
        for (gap_ns, src) in gaps_ns {
            now_ns += gap_ns;
            let due_ns = network.send(now_ns, &format!("n{src}"), "n0").unwrap().due_ns;
            prop_assert!(due_ns >= last_due_ns);
            last_due_ns = due_ns;
        }
    }

    #[test]
    fn no_message_arrives_before_it_is_sent(
        now_ns in any::<u64>(), mean_ms in any::<u64>(), slow_factor in any::<u64>()
    ) {
        for distribution in Distribution::ALL {
            let slow_links = Probability::percent(50);
            let mut network = network(Options { slow_links, slow_factor, ..latency(mean_ms, distribution) });
            for dest in ["n0", "n1", "n2", "lin-kv", "c1"] {
                prop_assert!(network.send(now_ns, "n0", dest).unwrap().due_ns >= now_ns);
            }
        }
    }
}
