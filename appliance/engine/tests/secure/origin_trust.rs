//! Whether the origin is who it has to be (RFC 9289, 5.2): if not, calls wait and nothing goes out in clear.

use std::sync::Arc;

use engine::Outcome;
use nfs3_types::nfs3::stable_how;
use rustls::AlertDescription;

use crate::lab::{Lab, SOON, contains, stream};
use crate::origin_side::{WAYS, plan};
use crate::pki::{Authority, Leaf};
use crate::world::operations::pattern;
use crate::world::{BLOCK, ORIGIN_PORT};
use crate::{oracle, pki};

/// An origin that is not trusted any more from the next connection on; `mend` makes it so again.
fn is_refused(mut lab: Lab, leaf: Leaf, alert: AlertDescription, mend: impl FnOnce(&mut Lab)) {
    let data = pattern(1, BLOCK);
    let canary = pattern(2, 1000);
    let (client, file) = lab.clear_client_with(&data);
    lab.replace_origin_certificate(leaf);
    let before = lab.origin_peers.all().len();
    let sent = lab.tap_port(ORIGIN_PORT);
    let write = lab
        .world
        .begin_write(client, &file, 0, &canary, stable_how::FILE_SYNC);
    let read = lab.world.begin_read(client, &file, 0, BLOCK);
    lab.world.run_for(100 * SOON);

    assert!(!lab.world.is_answered(write) && !lab.world.is_answered(read));
    let refused = lab.origin_peers.all().len() - before;
    assert!(refused > 5, "it is tried again and again: {refused}");
    for peer in &lab.origin_peers.all()[before..] {
        assert!(peer.heard() == Some(alert) || !peer.is_open());
    }
    assert_eq!(lab.origin_peers.all()[before].heard(), Some(alert));
    assert!(lab.stats().handshakes_failed >= refused as u64 - 2);
    assert!(lab.origin_failures()[0].contains("certificate is refused"));
    let stream = stream(&sent);
    assert!(!contains(&stream, &canary[..16]));
    assert!(!contains(&stream, file.data.as_ref()), "not even a handle");

    mend(&mut lab);
    assert_eq!(lab.world.finish_write(write).count as usize, canary.len());
    lab.world.finish_read(read);
    assert!(lab.world.origin.export.data("file").starts_with(&canary));
    lab.world.assert_at_rest();
}

/// The origin shows what it showed at first.
fn with_a_good_certificate(lab: &mut Lab) {
    let leaf = lab.pki.authority.issue(0x20, &["server.test"]);
    lab.replace_origin_certificate(leaf);
}

fn certificate_is_refused(make: impl Fn(&pki::World) -> Leaf, alert: AlertDescription) {
    for way in WAYS {
        let plan = plan(way);
        let leaf = make(&plan.pki);
        is_refused(plan.begin(), leaf, alert, with_a_good_certificate);
    }
}

#[test]
fn a_certificate_for_another_name() {
    let leaf = |pki: &pki::World| pki.authority.issue(0x30, &["other.test"]);
    certificate_is_refused(leaf, AlertDescription::BadCertificate);
}

#[test]
fn a_certificate_of_another_authority() {
    let leaf = |_: &pki::World| Authority::new("Other CA").issue(0x31, &["server.test"]);
    certificate_is_refused(leaf, AlertDescription::UnknownCA);
}

#[test]
fn an_expired_certificate() {
    let leaf = |pki: &pki::World| {
        pki.authority
            .issue_for_years(0x32, &["server.test"], 2010, 2020)
    };
    certificate_is_refused(leaf, AlertDescription::CertificateExpired);
}

/// RFC 9289, 5.2.1: wildcards are no names.
#[test]
fn a_wildcard_certificate() {
    let leaf = |pki: &pki::World| pki.authority.issue(0x33, &["*.test"]);
    certificate_is_refused(leaf, AlertDescription::BadCertificate);
}

#[test]
fn a_revoked_certificate() {
    for way in WAYS {
        let mut plan = plan(way);
        let origin = plan.origin.as_mut().expect("planned");
        origin.settings.revocation = plan.pki.authority.revoke(&[0x34]);
        let leaf = plan.pki.authority.issue(0x34, &["server.test"]);
        let alert = AlertDescription::CertificateRevoked;
        is_refused(plan.begin(), leaf, alert, with_a_good_certificate);
    }
}

/// The list is read again while sessions are open: the one with the revoked certificate ends, calls wait.
#[test]
fn a_certificate_that_is_revoked_meanwhile() {
    for way in WAYS {
        let mut lab = plan(way).begin();
        let data = pattern(1, BLOCK);
        let (client, file) = lab.clear_client_with(&data);
        assert!(lab.world.read(client, &file, 0, 100).bytes == data[..100]);
        let revoked = lab.pki.authority.revoke(&[0x10]);
        let origin = lab.origin.as_mut().expect("planned");
        origin.settings.revocation = revoked;
        lab.reload();
        let write = lab
            .world
            .begin_write(client, &file, 0, &data, stable_how::FILE_SYNC);
        lab.world.run_for(30 * SOON);
        assert!(!lab.world.is_answered(write));
        let is_lost = |outcome: &Outcome| matches!(outcome, Outcome::TrustLost(Some(_)));
        let audits = lab.world.audits.iter().filter(|audit| audit.is_origin);
        let lost = audits.filter(|audit| is_lost(&audit.outcome)).count();
        assert_eq!(lost, 2, "both connections");
        assert!(
            lab.origin_peers.all()[..2]
                .iter()
                .all(|peer| peer.has_heard_close())
        );

        with_a_good_certificate(&mut lab);
        lab.world.finish_write(write);
        lab.world.assert_at_rest();
    }
}

#[test]
fn both_sides_prove_who_they_are() {
    for way in WAYS {
        let mut plan = plan(way);
        let origin = plan.origin.as_mut().expect("planned");
        origin.server = Arc::new(oracle::mutual_server_config(&plan.pki));
        origin.settings.identity = Some(plan.pki.client.identity());
        let mut lab = plan.begin();
        let data = pattern(1, BLOCK);
        let (client, file) = lab.clear_client_with(&data);
        assert!(lab.world.read_all(client, &file, BLOCK) == data);
        for peer in lab.origin_peers.all().iter() {
            let shown = peer.with(|connection| {
                let chain = connection.peer_certificates().expect("our certificate");
                chain[0].as_ref().to_vec()
            });
            assert_eq!(shown, lab.pki.client.for_rustls().0[0].as_ref());
        }
        lab.world.assert_at_rest();
    }
}

/// In TLS 1.3 we learn only after our own end of the handshake that the origin does not want us.
#[test]
fn an_origin_that_wants_a_certificate_which_we_have_not() {
    for way in WAYS {
        let mut lab = plan(way).begin();
        let data = pattern(1, BLOCK);
        let (client, file) = lab.clear_client_with(&data);
        let origin = lab.origin.as_mut().expect("planned");
        origin.server = Arc::new(oracle::mutual_server_config(&lab.pki));
        lab.protect_origin();
        lab.world.origin.reset_connections();
        let read = lab.world.begin_read(client, &file, 0, BLOCK);
        lab.world.run_for(100 * SOON);
        assert!(!lab.world.is_answered(read));
        assert!(lab.origin_failures().len() > 5);

        // The operator gives it one.
        let identity = lab.pki.client.identity();
        let origin = lab.origin.as_mut().expect("planned");
        origin.settings.identity = Some(identity);
        lab.reload();
        assert!(lab.world.finish_read(read).bytes == data);
        lab.world.assert_at_rest();
    }
}
