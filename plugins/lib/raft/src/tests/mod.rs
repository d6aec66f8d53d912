//! Raft's properties on simulated clusters, over many seeds; then elections, availability, memory and cost.

mod nonsense;
mod rules;
pub(crate) mod simulation;

use crate::KEPT_ENTRIES;
use crate::members::Slot;
use crate::timing::Millis;
use simulation::{Network, Simulation};

const FAST: Network = Network { min_delay_ms: 0, max_delay_ms: 1, loss_percent: 0, duplicate_percent: 0 };
const SLOW: Network = Network { min_delay_ms: 100, max_delay_ms: 100, loss_percent: 0, duplicate_percent: 0 };
const BAD: Network = Network { min_delay_ms: 0, max_delay_ms: 150, loss_percent: 15, duplicate_percent: 15 };

/// What happens to a cluster besides its network.
#[derive(Clone, Copy)]
struct Faults {
    cuts: bool,
    pauses: bool,
    restarts: bool,
}

/// Clients ask random servers, faults come and go, and everything is checked all the time. In the end all faults are
/// gone and the cluster has to work.
fn torment(slots: usize, network: Network, faults: Faults, seed: u64) -> Simulation {
    let mut cluster = Simulation::new(slots, network, seed);
    for command in 0..400 {
        let (writer, reader) = (cluster.below(slots), cluster.below(slots));
        cluster.propose(writer, command);
        cluster.read(reader);
        let pause = cluster.below(100) as Millis;
        cluster.advance(pause);
        if command % 10 == 0 {
            disturb(&mut cluster, faults);
            cluster.check_logs_match();
        }
    }
    cluster.cut.clear();
    cluster.paused.clear();
    cluster.network = FAST;
    cluster.advance(30_000);
    assert_works_everywhere(&mut cluster);
    cluster.check_logs_match();
    cluster.check_outcomes();
    cluster
}

fn disturb(cluster: &mut Simulation, faults: Faults) {
    let slots = cluster.servers.len();
    cluster.cut.clear();
    cluster.paused.clear();
    let kind = cluster.below(6);
    match kind {
        0 | 1 if faults.cuts => {
            let minority: Vec<Slot> = (0..slots).filter(|_| cluster.random().is_multiple_of(2)).collect();
            cluster.partition(&minority);
        }
        2 if faults.cuts => {
            let one_way: Vec<_> =
                cluster.links().into_iter().filter(|_| cluster.random().is_multiple_of(3)).collect();
            cluster.cut.extend(one_way);
        }
        3 if faults.cuts => {
            let leader = cluster.leader();
            cluster.partition(leader.as_slice());
        }
        4 if faults.pauses => {
            let slot = cluster.leader().unwrap_or(0);
            cluster.paused.insert(slot);
        }
        5 if faults.restarts && cluster.may_restart() => {
            let slot = cluster.below(slots);
            cluster.restart(slot);
        }
        _ => {}
    }
}

fn assert_works_everywhere(cluster: &mut Simulation) {
    let commands = 1_000_000..1_000_000 + cluster.servers.len() as u64;
    for (slot, command) in commands.clone().enumerate() {
        cluster.propose(slot, command);
    }
    let read_before = cluster.reads_answered;
    (0..cluster.servers.len()).for_each(|slot| cluster.read(slot));
    cluster.advance(3000);
    assert!(commands.into_iter().all(|command| cluster.acknowledged.contains_key(&command)));
    assert_eq!(cluster.reads_answered - read_before, cluster.servers.len());
}

#[test]
fn raft_is_safe_on_a_network_that_loses_duplicates_and_reorders() {
    let faults = Faults { cuts: false, pauses: false, restarts: false };
    for seed in 0..60 {
        let cluster = torment([3, 5, 7][seed as usize % 3], BAD, faults, seed);
        assert!(cluster.acknowledged.len() > 300, "{}", cluster.acknowledged.len());
    }
}

#[test]
fn raft_is_safe_under_partitions_one_way_cuts_and_pauses() {
    let faults = Faults { cuts: true, pauses: true, restarts: false };
    let mut leaders = 0;
    for seed in 0..120 {
        let network = [FAST, SLOW, BAD][seed as usize / 3 % 3];
        let cluster = torment([3, 5, 7][seed as usize % 3], network, faults, seed);
        assert!(cluster.acknowledged.len() > 50, "{}", cluster.acknowledged.len());
        leaders += cluster.terms_led();
    }
    assert!(leaders > 360, "{leaders}");
}

#[test]
fn raft_is_safe_when_a_minority_forgets_everything() {
    let faults = Faults { cuts: true, pauses: true, restarts: true };
    for seed in 0..120 {
        let network = [FAST, SLOW, BAD][seed as usize / 3 % 3];
        torment([3, 5, 7][seed as usize % 3], network, faults, seed);
    }
}

/// Lets a cluster elect its first leader.
fn founded(slots: usize, network: Network) -> Simulation {
    let mut cluster = Simulation::new(slots, network, 7);
    cluster.advance(3000);
    assert!(cluster.leader().is_some());
    cluster
}

#[test]
fn one_server_is_a_cluster() {
    let mut cluster = founded(1, FAST);
    assert_works_everywhere(&mut cluster);
    assert_eq!(cluster.messages_sent, 0);
}

#[test]
fn a_cluster_starts_with_the_majority_that_can_talk() {
    let mut cluster = Simulation::new(5, SLOW, 7);
    cluster.partition(&[0, 3]);
    cluster.advance(5000);
    cluster.propose(1, 7);
    cluster.propose(3, 8);
    cluster.advance(1000);
    assert!(cluster.acknowledged.contains_key(&7) && cluster.refused.contains(&8));
    cluster.cut.clear();
    cluster.advance(3000);
    assert_works_everywhere(&mut cluster);
}

#[test]
fn a_server_that_is_deaf_from_the_start_holds_up_nobody() {
    for deaf in 0..5 {
        let mut cluster = Simulation::new(5, SLOW, 7);
        cluster.cut = cluster.links().into_iter().filter(|(_, to)| *to == deaf).collect();
        cluster.advance(3000);
        assert!(cluster.leader().is_some_and(|leader| leader != deaf));
    }
}

#[test]
fn a_leader_is_found_on_a_very_slow_network() {
    for seed in 0..20 {
        let very_slow = Network { min_delay_ms: 1000, max_delay_ms: 1000, ..FAST };
        let mut cluster = Simulation::new(5, very_slow, seed);
        cluster.advance(20_000);
        assert!(cluster.leader().is_some() && cluster.terms_led() == 1);
    }
}

#[test]
fn a_leader_that_is_cut_off_is_replaced_and_resigns() {
    for network in [FAST, SLOW] {
        let mut cluster = founded(5, network);
        let old = cluster.leader().expect("a leader");
        cluster.partition(&[old]);
        cluster.advance(4000);
        let new = cluster.leader().expect("another leader");
        assert!(new != old && !cluster.servers[old].is_leader());
        cluster.propose(new, 7);
        cluster.propose(old, 8);
        cluster.advance(1000);
        assert!(cluster.acknowledged.contains_key(&7) && cluster.refused.contains(&8));
    }
}

#[test]
fn a_server_that_comes_back_disturbs_nobody() {
    let mut cluster = founded(5, FAST);
    let terms = cluster.terms_led();
    let follower = (cluster.leader().expect("a leader") + 1) % 5;
    cluster.partition(&[follower]);
    cluster.advance(20_000);
    cluster.cut.clear();
    cluster.advance(5000);
    assert_eq!(cluster.terms_led(), terms);
}

#[test]
fn a_server_that_hears_nobody_disturbs_nobody() {
    let mut cluster = founded(5, FAST);
    let terms = cluster.terms_led();
    let follower = (cluster.leader().expect("a leader") + 1) % 5;
    cluster.cut = cluster.links().into_iter().filter(|(_, to)| *to == follower).collect();
    cluster.advance(20_000);
    assert_eq!(cluster.terms_led(), terms);
}

#[test]
fn restarts_one_after_the_other_lose_nothing() {
    let mut cluster = founded(3, SLOW);
    for round in 0..12 {
        cluster.propose(round % 3, round as u64);
        cluster.advance(2000);
        cluster.restart(round % 3);
        cluster.advance(10_000);
    }
    assert_eq!(cluster.acknowledged.len(), 12);
    assert_works_everywhere(&mut cluster);
    cluster.check_outcomes();
}

#[test]
fn a_majority_without_memory_stops_the_cluster_as_long_as_a_survivor_is_heard() {
    let mut cluster = founded(3, FAST);
    cluster.propose(0, 7);
    cluster.advance(1000);
    let survivor = cluster.leader().expect("a leader");
    for slot in (0..3).filter(|slot| *slot != survivor) {
        cluster.restart(slot);
    }
    cluster.advance(20_000);
    (0..3).for_each(|slot| cluster.propose(slot, 10 + slot as u64));
    cluster.advance(10_000);
    assert_eq!(cluster.acknowledged.len(), 1);
}

#[test]
fn memory_is_bounded_and_laggards_catch_up() {
    let mut cluster = founded(3, FAST);
    let laggard = (cluster.leader().expect("a leader") + 1) % 3;
    cluster.partition(&[laggard]);
    for command in 0..5000 {
        let slot = (laggard + 1 + cluster.below(2)) % 3;
        cluster.propose(slot, command);
        cluster.advance(2);
    }
    cluster.cut.clear();
    cluster.advance(2000);
    assert_eq!(cluster.acknowledged.len(), 5000);
    assert!(cluster.most_kept() as u64 <= 3 * KEPT_ENTRIES, "{}", cluster.most_kept());
    let journal = cluster.servers[laggard].machine().clone();
    assert_eq!(journal.0.len(), 5000);
    assert!(cluster.servers.iter().all(|server| *server.machine() == journal));
    assert_works_everywhere(&mut cluster);
}

#[test]
fn a_log_that_went_astray_is_corrected_in_one_step() {
    let mut cluster = founded(5, FAST);
    let astray = cluster.leader().expect("a leader");
    cluster.partition(&[astray]);
    for command in 0..50 {
        cluster.propose(astray, command);
    }
    cluster.advance(3000);
    let leader = cluster.leader().expect("another leader");
    for command in 50..100 {
        cluster.propose(leader, command);
        cluster.advance(5);
    }
    let heartbeat = cluster.servers[leader].timing.heartbeat();
    cluster.cut.clear();
    cluster.advance(heartbeat + 20);
    assert_eq!(cluster.servers[astray].log.last(), cluster.servers[leader].log.last());
}

/// How many messages `act` costs on a cluster that had come to rest, and that was given no time for a heartbeat.
fn cost(slots: usize, act: impl Fn(&mut Simulation, Slot)) -> u64 {
    let mut cluster = founded(slots, Network { max_delay_ms: 0, ..FAST });
    let leader = cluster.leader().expect("a leader");
    let sent = cluster.messages_sent;
    cluster.advance(1000);
    let at_rest = (cluster.messages_sent - sent) / 10;
    assert_eq!(at_rest, 2 * (slots as u64 - 1), "a heartbeat each 100 ms");
    while cluster.messages_sent - sent == 10 * at_rest {
        cluster.advance(10);
    }
    let sent = cluster.messages_sent;
    act(&mut cluster, leader);
    cluster.advance(0);
    cluster.messages_sent - sent
}

#[test]
fn an_operation_costs_what_the_documentation_says() {
    for (slots, quorum) in [(3, 2), (5, 3), (7, 4)] {
        let at_leader = 2 * (quorum - 1);
        assert_eq!(cost(slots, |cluster, leader| cluster.propose(leader, 7)), at_leader);
        assert_eq!(cost(slots, |cluster, leader| cluster.read(leader)), at_leader);
        assert_eq!(cost(slots, |cluster, leader| cluster.propose((leader + 1) % slots, 7)), at_leader + 2);
        assert_eq!(cost(slots, |cluster, leader| cluster.read((leader + 1) % slots)), at_leader + 2);
    }
}

#[test]
fn requests_that_come_together_share_their_messages() {
    let at_once = |cluster: &mut Simulation, leader: Slot| {
        cluster.propose(leader, 0);
        (1..100).for_each(|command| cluster.propose(leader, command));
        (0..100).for_each(|_| cluster.read(leader));
        cluster.advance(600);
    };
    let mut cluster = founded(5, SLOW);
    let leader = cluster.leader().expect("a leader");
    let sent = cluster.messages_sent;
    at_once(&mut cluster, leader);
    assert_eq!((cluster.acknowledged.len(), cluster.reads_answered), (100, 100));
    assert!(cluster.messages_sent - sent < 40, "{}", cluster.messages_sent - sent);
}
