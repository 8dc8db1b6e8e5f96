//! Handshakes that are slow, many, broken or refused.

use std::sync::Arc;

use engine::Outcome;
use engine::limits::{HANDSHAKE_TIME, HANDSHAKES};
use rustls::{AlertDescription, ClientConfig};

use crate::lab::{Lab, Plan, SOON};
use crate::oracle;
use crate::peer::Peer;
use crate::pki::{self, Authority};
use crate::world::operations::pattern;
use crate::world::{BLOCK, CLIENT_PORT};

/// Nothing is left of a connection that has failed, and others are served.
fn assert_serves_others(lab: &mut Lab) {
    lab.world.run_for(SOON);
    lab.world.assert_at_rest();
    let data = pattern(9, 2 * BLOCK);
    lab.world.origin.export.put("other", &data);
    let (other, _) = lab.starttls(&lab.anonymous());
    let file = lab.find(other, "other");
    assert!(lab.world.read_all(other, &file, BLOCK) == data);
    lab.world.assert_at_rest();
}

/// A handshake that the server ends with an alert.
fn is_refused(lab: &mut Lab, config: &Arc<ClientConfig>, alert: AlertDescription) {
    let failed = lab.stats().handshakes_failed;
    let (client, peer) = lab.begin_direct(config);
    lab.run_until_closed(client);
    assert_eq!(peer.heard(), Some(alert));
    assert_eq!(lab.stats().handshakes_failed, failed + 1);
    let outcomes = lab.outcomes(client);
    assert!(matches!(outcomes[..], [Outcome::Failed(_)]), "{outcomes:?}");
    assert_serves_others(lab);
}

fn config_of(pki: &pki::World, client: pki::Leaf) -> Arc<ClientConfig> {
    let (chain, key) = client.for_rustls();
    let config = ClientConfig::builder()
        .with_root_certificates(pki.authority.roots())
        .with_client_auth_cert(chain, key);
    Arc::new(config.expect("an identity"))
}

#[test]
fn a_client_of_another_authority() {
    let mut lab = Plan::new().begin();
    let leaf = Authority::new("Other CA").issue(1, &["client.test"]);
    let config = config_of(&lab.pki, leaf);
    is_refused(&mut lab, &config, AlertDescription::UnknownCA);
}

#[test]
fn a_client_whose_certificate_has_expired() {
    let mut lab = Plan::new().begin();
    let leaf = lab
        .pki
        .authority
        .issue_for_years(2, &["client.test"], 2010, 2020);
    let config = config_of(&lab.pki, leaf);
    is_refused(&mut lab, &config, AlertDescription::CertificateExpired);
}

#[test]
fn a_client_whose_certificate_is_revoked() {
    let mut plan = Plan::new();
    plan.server.revocation = plan.pki.authority.revoke(&[pki::CLIENT_SERIAL]);
    let mut lab = plan.begin();
    let named = lab.named();
    is_refused(&mut lab, &named, AlertDescription::CertificateRevoked);
}

#[test]
fn a_client_that_shows_none_where_one_is_required() {
    let mut plan = Plan::new();
    plan.server = plan.pki.mutual_settings();
    let mut lab = plan.begin();
    let (client, peer) = lab.begin_direct(&lab.anonymous());
    lab.run_until_closed(client);
    assert_eq!(peer.heard(), Some(AlertDescription::CertificateRequired));
    assert_eq!(lab.stats().handshakes_failed, 1);
    lab.world.assert_at_rest();
}

#[test]
fn a_client_that_wants_another_protocol() {
    let mut lab = Plan::new().begin();
    let mut config = oracle::client_config(&lab.pki);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let alert = AlertDescription::NoApplicationProtocol;
    is_refused(&mut lab, &Arc::new(config), alert);
}

/// The first flight of a client.
fn hello(lab: &Lab) -> Vec<u8> {
    use crate::world::Tunnel as _;
    Peer::new(&lab.anonymous()).output()
}

/// Makes the extension `supported_versions` (43) one that nobody knows.
fn without_supported_versions(mut hello: Vec<u8>) -> Vec<u8> {
    let extension = hello
        .windows(7)
        .position(|window| window == [0, 43, 0, 3, 2, 3, 4])
        .expect("TLS 1.3 is all that is offered");
    hello[extension..extension + 2].copy_from_slice(&[0xfa, 0xfa]);
    hello
}

/// Raw bytes as the start of a connection, the alert they get and what becomes of it.
fn answer(lab: &mut Lab, bytes: &[u8]) -> Vec<u8> {
    let client = lab.world.connect();
    let sent = lab.tap();
    lab.world.send_raw(client, bytes);
    let before = lab.stats().handshakes_failed;
    lab.world.run_for(SOON);
    assert_eq!(lab.stats().handshakes_failed, before + 1);
    lab.world.links[CLIENT_PORT].from_engine.mend();
    assert_eq!(lab.world.engine.stats().clients, 0);
    crate::lab::stream(&sent)
}

#[test]
fn tls_1_2_is_told_that_its_version_is_not_spoken() {
    let mut lab = Plan::new().begin();
    let old = without_supported_versions(hello(&lab));
    const FATAL: u8 = 2;
    const PROTOCOL_VERSION: u8 = 70;
    let alert = answer(&mut lab, &old);
    assert_eq!(alert, [21, 3, 3, 0, 2, FATAL, PROTOCOL_VERSION]);
    assert_serves_others(&mut lab);
}

#[test]
fn garbage_gets_an_alert_at_most() {
    let mut lab = Plan::new().begin();
    for seed in 0..20 {
        let garbage = [&[22, 3, 1, 0, 200][..], &pattern(seed, 300)].concat();
        let alert = answer(&mut lab, &garbage);
        let is_alert = alert.starts_with(&[21, 3, 3, 0, 2]) && alert.len() == 7;
        assert!(is_alert || alert.is_empty(), "{alert:?}");
    }
    assert_serves_others(&mut lab);
}

/// One that sends a byte of its hello now and then.
#[test]
fn a_slow_handshake_is_cut_off_in_time() {
    let mut lab = Plan::new().begin();
    let slow = lab.world.connect();
    let silent = lab.world.connect();
    lab.probe(silent);
    let hello = hello(&lab);
    let (other, _) = lab.starttls(&lab.anonymous());
    let data = pattern(1, BLOCK);
    lab.world.origin.export.put("file", &data);
    let file = lab.find(other, "file");
    let start = lab.world.now;
    for byte in &hello {
        if lab.world.clients[slow].closed.is_some() {
            break;
        }
        lab.world.send_raw(slow, &[*byte]);
        lab.world.run_for(SOON);
        assert!(lab.world.read_all(other, &file, BLOCK) == data);
    }
    let took = lab.world.now - start;
    assert!(took <= HANDSHAKE_TIME + 2 * SOON, "{took:?}");
    lab.run_until_closed(silent);
    let stats = lab.stats();
    assert_eq!(stats.handshakes_timed_out, 2);
    assert_eq!(stats.handshakes_under_way, 0);
    for client in [slow, silent] {
        assert!(matches!(
            lab.outcomes(client).last(),
            Some(Outcome::TimedOut)
        ));
    }
    assert_serves_others(&mut lab);
}

#[test]
fn a_thousand_at_once() {
    const CROWD: usize = 1000;
    let mut plan = Plan::new();
    plan.setup.connections = 3 * CROWD;
    let mut lab = plan.begin();
    let data = pattern(1, 4 * BLOCK);
    lab.world.origin.export.put("file", &data);
    let (served, _) = lab.starttls(&lab.anonymous());
    let file = lab.find(served, "file");

    let crowd = lab.world.add_crowd(CROWD);
    lab.world.connect_crowds(CROWD);
    let config = lab.anonymous();
    let peers: Vec<_> = (0..CROWD).map(|_| Peer::new(&config)).collect();
    for (number, peer) in peers.iter().enumerate() {
        lab.world.crowds[crowd].secure(number, peer.clone());
    }
    let mut reads = 0;
    while !peers.iter().all(Peer::is_open) {
        assert!(lab.world.read(served, &file, 0, BLOCK).bytes == data[..BLOCK]);
        reads += 1;
        assert!(reads < 100_000, "{:?}", lab.stats());
        let under_way = lab.stats().handshakes_under_way;
        assert!(under_way <= HANDSHAKES, "{under_way}");
    }
    for number in 0..CROWD {
        lab.world.crowds[crowd].read(number, &file, number, 16);
    }
    lab.world
        .run_until("the READs", |world| world.crowds[crowd].answered() == CROWD);
    for number in 0..CROWD {
        let read = lab.world.crowds[crowd].take_read(number);
        assert!(read == data[number..number + 16]);
    }
    assert_eq!(lab.stats().handshakes, 1 + CROWD as u64);
    lab.world.assert_at_rest();
}

/// More that never go on than may be under way: those who mean it get their turn.
#[test]
fn half_open_handshakes_keep_nobody_out_for_long() {
    let count = HANDSHAKES + 10;
    let mut plan = Plan::new();
    plan.setup.connections = 3 * count;
    let mut lab = plan.begin();
    let hello = hello(&lab);
    let crowd = lab.world.add_crowd(count);
    lab.world.connect_crowds(count);
    for number in 0..count {
        lab.world.crowds[crowd].send_raw(number, &hello[..100]);
    }
    lab.world.run_for(SOON);
    assert_eq!(lab.stats().handshakes_under_way, HANDSHAKES);
    lab.world.run_for(HANDSHAKE_TIME);
    assert_eq!(lab.stats().handshakes_timed_out, count as u64);
    assert_serves_others(&mut lab);
}
