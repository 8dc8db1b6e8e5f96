//! Who may do what on which kind of connection (RFC 9289, 4.1 and 4.2).

use engine::{Admission, AdmissionRule, Outcome};
use gateway::{AcceptedSecurity, UidRanges};
use nfs3_types::mount::{self, MOUNT_PROGRAM};
use nfs3_types::nfs3::{
    self, GETATTR3args, GETATTR3res, NFS_PROGRAM, Nfs3Result, nfs_fh3, nfsstat3,
};
use nfs3_types::rpc::auth_stat;
use nfs3_types::xdr_codec::Void;

use crate::lab::{Lab, MTLS, Plan, SOON};
use crate::world::operations::pattern;
use crate::world::rpc::{credential, decode_denial, encode_starttls};
use crate::world::{BLOCK, CLIENT_PORT, World};

const NULL: (u32, u32, u32) = (nfs3::PROGRAM, nfs3::VERSION, 0);
const GETATTR: (u32, u32, u32) = (
    nfs3::PROGRAM,
    nfs3::VERSION,
    NFS_PROGRAM::NFSPROC3_GETATTR as u32,
);

/// What a GETATTR gives: the status, or why the call is denied.
pub fn attempt(lab: &mut Lab, client: usize, file: &nfs_fh3) -> Result<nfsstat3, auth_stat> {
    let arguments = GETATTR3args {
        object: file.clone(),
    };
    let pending = lab.world.begin(client, GETATTR, &arguments);
    lab.world
        .run_until("a reply", |world| world.is_answered(pending));
    let record = lab.world.clients[client].take_record(pending.xid);
    let record = record.expect("just seen");
    let is_denied = record[8..12] == 1_u32.to_be_bytes();
    if is_denied {
        return Err(decode_denial(&record));
    }
    let (_, results) = crate::world::rpc::decode_reply(&record);
    match crate::world::rpc::decode::<GETATTR3res>(&results) {
        Nfs3Result::Ok(_) => Ok(nfsstat3::NFS3_OK),
        Nfs3Result::Err((status, _)) => Ok(status),
    }
}

#[test]
fn in_clear_one_may_mount_and_no_more() {
    let mut lab = Plan::new().begin();
    lab.world.origin.export.put("file", b"");
    let client = lab.world.connect();
    let root = lab.world.mount(client);
    let export = (
        mount::PROGRAM,
        mount::VERSION,
        MOUNT_PROGRAM::MOUNTPROC3_NULL as u32,
    );
    for procedure in [NULL, export, (100_000, 2, 0)] {
        let pending = lab.world.begin(client, procedure, &Void);
        lab.world.finish::<Void>(pending);
    }
    assert_eq!(
        attempt(&mut lab, client, &root),
        Err(auth_stat::AUTH_TOOWEAK)
    );
    lab.world.assert_at_rest();
}

#[test]
fn without_a_certificate_mutual_tls_is_too_weak() {
    let mut plan = Plan::new();
    plan.setup.security = MTLS;
    let mut lab = plan.begin();
    let (anonymous, _) = lab.starttls(&lab.anonymous());
    let root = lab.world.mount(anonymous);
    assert_eq!(
        attempt(&mut lab, anonymous, &root),
        Err(auth_stat::AUTH_TOOWEAK)
    );
    let (named, _) = lab.starttls(&lab.named());
    assert_eq!(attempt(&mut lab, named, &root), Ok(nfsstat3::NFS3_OK));
    lab.world.assert_at_rest();
}

/// Where NFS is listened for in clear or from the first byte only, whoever probes with it is not told to go on.
#[test]
fn a_probe_is_refused_where_only_direct_tls_is_listened_for() {
    let mut plan = Plan::new();
    plan.setup.nfs_security = AcceptedSecurity {
        direct: true,
        ..AcceptedSecurity::CLEAR
    };
    let mut lab = plan.begin();
    let client = lab.world.connect();
    let xid = lab.world.clients[client].probe(NULL);
    let has_reply = |world: &World<_>| world.clients[client].has_reply(xid);
    lab.world.run_until("an answer", has_reply);
    let record = lab.world.clients[client].take_record(xid).expect("there");
    assert_eq!(decode_denial(&record), auth_stat::AUTH_BADCRED);
    // With MOUNT it may.
    let mount = (mount::PROGRAM, mount::VERSION, 0);
    let xid = lab.world.clients[client].probe(mount);
    let has_reply = |world: &World<_>| world.clients[client].has_reply(xid);
    lab.world.run_until("an answer", has_reply);
    let record = lab.world.clients[client].take_record(xid);
    assert_eq!(record.as_deref(), encode_starttls(xid).get(4..));
    let (direct, _) = lab.direct(&lab.anonymous());
    let root = lab.world.mount(direct);
    assert_eq!(attempt(&mut lab, direct, &root), Ok(nfsstat3::NFS3_OK));
}

#[test]
fn only_direct_tls_will_do_where_that_is_asked_for() {
    let mut plan = Plan::new();
    plan.setup.security.tls = false;
    plan.setup.security.direct = true;
    let mut lab = plan.begin();
    let (probed, _) = lab.starttls(&lab.named());
    let root = lab.world.mount(probed);
    assert_eq!(
        attempt(&mut lab, probed, &root),
        Err(auth_stat::AUTH_TOOWEAK)
    );
    let (direct, _) = lab.direct(&lab.anonymous());
    assert_eq!(attempt(&mut lab, direct, &root), Ok(nfsstat3::NFS3_OK));
}

fn rule(san: &str, uids: UidRanges) -> AdmissionRule {
    AdmissionRule {
        san: san.parse().expect("a pattern"),
        uids,
    }
}

#[test]
fn a_certificate_that_is_not_on_the_list_may_nothing() {
    let mut plan = Plan::new();
    plan.setup.security = MTLS;
    plan.admission = Admission {
        rules: vec![rule("render.test", UidRanges::default())],
    };
    let mut lab = plan.begin();
    let (client, _) = lab.starttls(&lab.named());
    let root = lab.world.mount(client);
    let refused = Ok(nfsstat3::NFS3ERR_ACCES);
    assert_eq!(attempt(&mut lab, client, &root), refused);
}

#[test]
fn a_certificate_is_good_for_its_users() {
    let mut plan = Plan::new();
    plan.admission = Admission {
        rules: vec![rule(
            "*.test",
            UidRanges::new(vec![1000..=1999, 5000..=5000]),
        )],
    };
    let mut lab = plan.begin();
    let (client, _) = lab.starttls(&lab.named());
    let root = lab.world.mount(client);
    for (uid, expected) in [
        (1000, nfsstat3::NFS3_OK),
        (1999, nfsstat3::NFS3_OK),
        (5000, nfsstat3::NFS3_OK),
        (999, nfsstat3::NFS3ERR_ACCES),
        (2000, nfsstat3::NFS3ERR_ACCES),
        (0, nfsstat3::NFS3ERR_ACCES),
    ] {
        lab.world.clients[client].credential = credential(uid);
        assert_eq!(attempt(&mut lab, client, &root), Ok(expected), "uid {uid}");
    }
}

#[test]
fn a_probe_of_any_other_procedure_is_a_bad_credential() {
    let mut lab = Plan::new().begin();
    let client = lab.world.connect();
    let xid = lab.world.clients[client].probe(GETATTR);
    let pending = crate::world::operations::Pending { client, xid };
    let reason = lab.world.finish_denied(pending);
    assert_eq!(reason, auth_stat::AUTH_BADCRED);
    // The connection is as it was.
    lab.probe(client);
    let peer = lab.begin_tls(client, &lab.anonymous());
    lab.run_until_open(&peer);
    lab.world.mount(client);
}

#[test]
fn a_probe_inside_tls_is_a_bad_credential() {
    let mut lab = Plan::new().begin();
    let (client, _) = lab.starttls(&lab.anonymous());
    let xid = lab.world.clients[client].probe(NULL);
    let pending = crate::world::operations::Pending { client, xid };
    let reason = lab.world.finish_denied(pending);
    assert_eq!(reason, auth_stat::AUTH_BADCRED);
    lab.world.mount(client);
}

#[test]
fn clear_bytes_after_the_probe_are_not_answered() {
    let mut lab = Plan::new().begin();
    let client = lab.world.connect();
    lab.probe(client);
    let sent = lab.tap();
    let late = lab.world.begin(client, NULL, &Void);
    lab.run_until_closed(client);
    assert!(!lab.world.is_answered(late));
    assert!(crate::lab::stream(&sent).is_empty());
    assert_eq!(lab.stats().clear_bytes_after_probe, 1);
    assert!(matches!(
        lab.outcomes(client).last(),
        Some(Outcome::ClearAfterProbe)
    ));
    lab.world.assert_at_rest();
}

/// Together with the probe, in one segment.
#[test]
fn clear_bytes_with_the_probe_are_not_answered_either() {
    let mut lab = Plan::new().begin();
    let client = lab.world.connect();
    let probe = lab.world.clients[client].probe(NULL);
    let late = lab.world.begin(client, NULL, &Void);
    lab.run_until_closed(client);
    assert!(!lab.world.is_answered(late));
    let _ = lab.world.clients[client].take_record(probe);
    assert_eq!(lab.stats().clear_bytes_after_probe, 1);
    lab.world.assert_at_rest();
}

#[test]
fn what_is_owed_when_the_probe_comes_goes_out_in_clear_before() {
    let mut plan = Plan::new();
    plan.setup.security.clear = true;
    let mut lab = plan.begin();
    let data = pattern(1, BLOCK);
    lab.world.origin.export.put("file", &data);
    let client = lab.world.connect();
    let file = lab.find(client, "file");
    lab.world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_READ);
    let read = lab.world.begin_read(client, &file, 0, BLOCK);
    let probe = lab.world.clients[client].probe(NULL);
    lab.world.run_for(SOON);
    assert!(!lab.world.clients[client].has_reply(probe));
    lab.world.origin.release_replies();
    lab.world.run_until("the reply to the probe", |world| {
        world.clients[client].has_reply(probe)
    });
    assert!(lab.world.is_answered(read));
    assert!(lab.world.finish_read(read).bytes == data);
    assert_eq!(
        lab.world.wires[CLIENT_PORT].block_bytes,
        data.len() as u64,
        "in clear"
    );
    let peer = lab.begin_tls(client, &lab.anonymous());
    lab.run_until_open(&peer);
    assert!(lab.world.read_all(client, &file, BLOCK) == data);
    lab.world.assert_at_rest();
}
