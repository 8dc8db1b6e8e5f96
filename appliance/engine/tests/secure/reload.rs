//! New certificates, lists and rules while clients are connected, and what is logged of them.

use engine::{Admission, AdmissionRule, Outcome};
use gateway::UidRanges;
use nfs3_types::nfs3::{READ3res, nfsstat3};

use crate::lab::{Plan, SOON};
use crate::peer::Peer;
use crate::pki;
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
