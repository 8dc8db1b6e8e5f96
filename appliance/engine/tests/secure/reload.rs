//! New certificates, lists and rules while clients are connected, and what is logged of them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use engine::limits::JUDGEMENTS_PER_TURN;
use engine::{Admission, AdmissionRule, Outcome};
use gateway::UidRanges;
use nfs3_types::nfs3::{READ3res, nfsstat3};
use nfs3_types::rpc::auth_stat;
use rustls::ClientConfig;

use crate::lab::{Lab, MTLS, Plan, SOON, TLS};
use crate::peer::Peer;
use crate::pki;
use crate::policy::attempt;
use crate::world::operations::pattern;

const MIB: usize = 1 << 20;

#[test]
fn a_revoked_client_is_sent_away_and_nobody_else() {
    let mut lab = Plan::new().begin();
    let data = pattern(1, 4 * MIB);
    lab.world.origin.export.put("file", &data);
    let (revoked, revoked_peer) = lab.starttls(&lab.named());
    lab.pki.client = lab.pki.authority.issue(0x99, &["other.test"]);
    let (named, _) = lab.starttls(&lab.named());
    let (anonymous, _) = lab.direct(&lab.anonymous());
    let file = lab.find(named, "file");
    let clients = [revoked, named, anonymous];
    let reads = clients.map(|client| lab.world.begin_read(client, &file, 0, MIB));
    lab.world.run_until("half a reply", |world| {
        world.clients[revoked].partial_reply() > MIB / 4
    });

    lab.settings.revocation = lab.pki.authority.revoke(&[pki::CLIENT_SERIAL]);
    lab.reload();
    lab.run_until_closed(revoked);
    assert!(revoked_peer.has_heard_close());
    assert!(!lab.world.is_answered(reads[0]));
    for read in &reads[1..] {
        let bytes = lab.world.finish_read(*read).bytes;
        assert!(!bytes.is_empty() && data.starts_with(&bytes));
    }
    for client in [named, anonymous] {
        assert!(lab.world.read_all(client, &file, MIB) == data);
        assert!(lab.world.clients[client].closed.is_none());
    }
    let outcomes = lab.outcomes(revoked);
    assert!(
        matches!(
            outcomes[..],
            [Outcome::Established { .. }, Outcome::TrustLost(Some(_))]
        ),
        "{outcomes:?}"
    );
    lab.world.assert_at_rest();
}

/// A ticket of a session from before the revocation.
#[test]
fn a_revoked_client_does_not_come_back_with_a_ticket() {
    let mut plan = Plan::new();
    plan.server.tickets = Some(tls::Tickets::new().expect("random keys"));
    let mut lab = plan.begin();
    let named = lab.named();
    let (first, _) = lab.direct(&named);
    lab.world.mount(first);
    let (second, _) = lab.direct(&named);
    lab.world.mount(second);
    assert_eq!(lab.stats().handshakes_resumed, 1);

    lab.settings.revocation = lab.pki.authority.revoke(&[pki::CLIENT_SERIAL]);
    lab.reload();
    lab.run_until_closed(first);
    lab.run_until_closed(second);
    let (third, peer) = lab.begin_direct(&named);
    lab.run_until_closed(third);
    assert!(peer.heard().is_some());
    assert_eq!(lab.stats().handshakes, 2);
    lab.world.assert_at_rest();
}

#[test]
fn a_new_certificate_is_shown_to_new_clients_and_disturbs_nobody() {
    let mut lab = Plan::new().begin();
    let shown = |peer: &Peer| {
        peer.with(|connection| {
            let chain = connection.peer_certificates().expect("a certificate");
            chain[0].as_ref().to_vec()
        })
    };
    let (old, old_peer) = lab.starttls(&lab.anonymous());
    let root = lab.world.mount(old);
    let renewed = lab.pki.authority.issue(0x55, &["server.test"]);
    lab.settings.identity = renewed.identity();
    lab.reload();
    let (_, new_peer) = lab.starttls(&lab.anonymous());
    assert_ne!(shown(&old_peer), shown(&new_peer));
    assert_eq!(shown(&new_peer), renewed.for_rustls().0[0].as_ref());
    lab.world.attributes(old, &root);
    lab.world.run_for(SOON);
    assert!(lab.world.clients[old].closed.is_none());
}

#[test]
fn new_rules_hold_for_open_sessions() {
    let mut lab = Plan::new().begin();
    lab.world.origin.export.put("file", &pattern(1, 100));
    let (client, _) = lab.starttls(&lab.named());
    let file = lab.find(client, "file");
    lab.world.read(client, &file, 0, 100);
    lab.admission = Admission {
        rules: vec![AdmissionRule {
            san: "client.test".parse().expect("a pattern"),
            uids: UidRanges::new(vec![5000..=6000]),
        }],
    };
    lab.reload();
    let read = lab.world.begin_read(client, &file, 0, 100);
    let read = lab.world.finish::<READ3res<'static>>(read);
    let status = match read {
        READ3res::Ok(_) => nfsstat3::NFS3_OK,
        READ3res::Err((status, _)) => status,
    };
    assert_eq!(status, nfsstat3::NFS3ERR_ACCES);
}

/// Of the export itself: its addresses, and how connections must be protected.
#[test]
fn new_rules_of_exports_hold_for_open_connections() {
    let mut plan = Plan::new();
    plan.setup.security.clear = true;
    let mut lab = plan.begin();
    let clear = lab.world.connect();
    let (anonymous, _) = lab.direct(&lab.anonymous());
    let (named, _) = lab.starttls(&lab.named());
    let root = lab.world.mount(named);
    let clients = [clear, anonymous, named];
    let served = Ok(nfsstat3::NFS3_OK);
    let weak = Err(auth_stat::AUTH_TOOWEAK);
    let outcomes = |lab: &mut Lab| clients.map(|client| attempt(lab, client, &root));
    assert_eq!(outcomes(&mut lab), [served, served, served]);
    lab.setup.security = TLS;
    lab.reload();
    assert_eq!(outcomes(&mut lab), [weak, served, served]);
    lab.setup.security = MTLS;
    lab.reload();
    assert_eq!(outcomes(&mut lab), [weak, weak, served]);
    assert!(
        clients
            .iter()
            .all(|client| lab.world.clients[*client].closed.is_none())
    );
    lab.world.assert_at_rest();
}

const CROWD: usize = 40;

/// A machine with so many sessions, all with the same certificate.
fn crowd(lab: &mut Lab, config: &Arc<ClientConfig>) -> usize {
    let crowd = lab.world.add_crowd(CROWD);
    for number in 0..CROWD {
        lab.world.crowds[crowd].connect(lab.world.now);
        lab.world.run_until("the connection", |world| {
            world.crowds[crowd].connected > number
        });
        let peer = Peer::new(config);
        lab.world.crowds[crowd].secure(number, peer.clone());
        lab.run_until_open(&peer);
    }
    crowd
}

/// However many there are: and until it is a session's turn nothing of it is read.
#[test]
fn sessions_are_judged_a_few_in_a_turn() {
    let mut plan = Plan::new();
    plan.setup.connections = 4 * CROWD;
    let mut lab = plan.begin();
    lab.world.origin.export.put("file", &pattern(1, 100));
    let named = lab.named();
    let revoked = crowd(&mut lab, &named);
    lab.pki.client = lab.pki.authority.issue(0x99, &["other.test"]);
    let named = lab.named();
    let trusted = crowd(&mut lab, &named);
    let (client, _) = lab.direct(&lab.anonymous());
    let file = lab.find(client, "file");
    let reads = lab.world.engine.stats().gateway.client_reads;

    lab.reload();
    let sessions = 2 * CROWD + 1;
    assert_eq!(lab.stats().sessions_unjudged, sessions);
    for turn in 1..=sessions / JUDGEMENTS_PER_TURN / 2 {
        lab.world.engine.advance(lab.world.now);
        let left = lab.stats().sessions_unjudged;
        assert_eq!(left, sessions - turn * JUDGEMENTS_PER_TURN);
    }
    // With half of them judged comes something new: now all are to be once more.
    lab.settings.revocation = lab.pki.authority.revoke(&[pki::CLIENT_SERIAL]);
    lab.reload();
    assert_eq!(lab.stats().sessions_unjudged, sessions);
    for crowd in [revoked, trusted] {
        for number in 0..CROWD {
            lab.world.crowds[crowd].read(number, &file, number, 16);
        }
    }
    lab.world.run_for(SOON);
    assert_eq!(lab.stats().sessions_unjudged, 0);
    assert_eq!(lab.world.crowds[trusted].answered(), CROWD);
    assert_eq!(lab.world.crowds[revoked].answered(), 0);
    assert_eq!(lab.world.crowds[revoked].closed, CROWD);
    let now = lab.world.engine.stats().gateway.client_reads;
    assert_eq!(now - reads, CROWD as u64, "of those who are trusted");
    lab.world.assert_at_rest();
}

/// Its certificate was verified when it was still good.
#[test]
fn a_handshake_that_began_before_is_judged_at_its_end() {
    let mut lab = Plan::new().begin();
    let named = lab.named();
    let (client, peer) = lab.begin_direct(&named);
    let held = Rc::new(RefCell::new(Vec::new()));
    let last_flight = held.clone();
    peer.tamper(move |bytes| {
        last_flight.borrow_mut().extend(bytes);
        Vec::new()
    });
    lab.run_until_open(&peer);
    lab.settings.revocation = lab.pki.authority.revoke(&[pki::CLIENT_SERIAL]);
    lab.reload();
    let bytes = held.borrow().clone();
    lab.world.send_raw(client, &bytes);
    lab.run_until_closed(client);
    let outcomes = lab.outcomes(client);
    assert!(
        matches!(
            outcomes[..],
            [Outcome::Established { .. }, Outcome::TrustLost(Some(_))]
        ),
        "{outcomes:?}"
    );
    lab.world.assert_at_rest();
}

#[test]
fn every_connection_is_logged_with_how_it_is_protected() {
    let mut plan = Plan::new();
    plan.setup.security.clear = true;
    let mut lab = plan.begin();
    let clear = lab.world.connect();
    lab.world.mount(clear);
    lab.world.mount(clear);
    let (anonymous, _) = lab.direct(&lab.anonymous());
    let (named, _) = lab.starttls(&lab.named());
    for client in [anonymous, named] {
        lab.world.mount(client);
    }
    let outcomes = lab.outcomes(clear);
    assert!(matches!(outcomes[..], [Outcome::Clear]), "{outcomes:?}");
    match lab.outcomes(anonymous)[..] {
        [
            Outcome::Established {
                established,
                direct,
            },
        ] => {
            assert!(*direct && established.peer.is_none());
        }
        ref others => panic!("{others:?}"),
    }
    match lab.outcomes(named)[..] {
        [
            Outcome::Established {
                established,
                direct,
            },
        ] => {
            assert!(!*direct);
            let peer = established.peer.as_ref().expect("a certificate");
            assert_eq!(peer.serial(), "11");
        }
        ref others => panic!("{others:?}"),
    }
    // The origin is reached in clear.
    let origin = lab.world.audits.iter().filter(|audit| audit.is_origin);
    let outcomes: Vec<_> = origin.map(|audit| &audit.outcome).collect();
    assert!(!outcomes.is_empty());
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Clear))
    );
}
