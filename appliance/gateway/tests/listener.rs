//! What a connection must be like for a program to be used on it at all, whatever the exports say.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use gateway::{AcceptedSecurity, Admitted, ClientId, ClientSecurity, UidRanges};
use lab::attack::TOOWEAK;
use lab::origin::ROOT;
use lab::xdr::{Out, record};
use lab::{Lab, Setup, file_handle, write_args};

const NFS: u32 = 100_003;
const MOUNT: u32 = 100_005;
const ACL: u32 = 100_227;
const PORTMAP: u32 = 100_000;

const NONE: AcceptedSecurity = AcceptedSecurity {
    clear: false,
    tls: false,
    mtls: false,
    direct: false,
};
const TLS: AcceptedSecurity = AcceptedSecurity { tls: true, ..NONE };
const MTLS: AcceptedSecurity = AcceptedSecurity { mtls: true, ..NONE };
const DIRECT: AcceptedSecurity = AcceptedSecurity {
    direct: true,
    ..NONE
};

/// An export that takes everybody, behind a listener that does not.
fn lab(nfs: AcceptedSecurity, mount: AcceptedSecurity) -> Lab {
    let mut setup = Setup::default();
    setup.exports[0].security = AcceptedSecurity::ANY;
    setup.listen = [nfs, mount];
    setup.start()
}

fn secure(lab: &mut Lab, direct: bool, has_certificate: bool) {
    let admitted: Box<[Admitted]> = Box::new([Admitted::As(UidRanges::default())]);
    let security = ClientSecurity::Tls {
        direct,
        admitted: has_certificate.then_some(admitted),
    };
    lab.gateway.client_secured(ClientId(1), security, lab.now);
}

/// Whether a call gets past the listener.
fn gets_in(lab: &mut Lab, program: u32, procedure: u32, args: &[u8]) -> bool {
    let version = if program == PORTMAP { 2 } else { 3 };
    let (xid, call) = lab.call_bytes(program, version, procedure, 0, args);
    assert_eq!(lab.offer(1, &record(&call)), 0, "taken in whole");
    lab.run();
    let reply = lab.reply(1, xid).expect("answered");
    let is_denied = reply[4..] == TOOWEAK.map(u32::to_be_bytes).concat();
    assert!(is_denied || reply[8..12] == [0; 4], "{reply:?}");
    !is_denied
}

fn getattr(lab: &mut Lab) -> bool {
    gets_in(lab, NFS, 1, &Out::new().opaque(&file_handle(ROOT)).0)
}

fn mnt(lab: &mut Lab) -> bool {
    gets_in(lab, MOUNT, 1, &Out::new().opaque(b"/export").0)
}

#[test]
fn each_program_has_its_own_rule() {
    let mut lab = lab(TLS, AcceptedSecurity::ANY);
    assert!(!getattr(&mut lab));
    let handle = Out::new().opaque(&file_handle(ROOT)).u32(0).0;
    assert!(!gets_in(&mut lab, ACL, 1, &handle));
    let write = write_args(&file_handle(ROOT), 0, &[7; 100_000]);
    assert!(!gets_in(&mut lab, NFS, 7, &write));
    assert!(mnt(&mut lab));
    assert!(gets_in(&mut lab, PORTMAP, 4, &[]));
    secure(&mut lab, false, false);
    assert!(getattr(&mut lab));
    // Of a call, procedure is the seventh word behind the record mark.
    let is_write = |(_, call): &(_, Vec<u8>)| call[24..28] == 7_u32.to_be_bytes();
    assert!(!lab.sent.iter().any(is_write));
}

#[test]
fn mount_can_be_held_to_more_than_linux_does() {
    let mut lab = lab(AcceptedSecurity::ANY, TLS);
    assert!(!mnt(&mut lab));
    assert!(getattr(&mut lab));
    secure(&mut lab, false, false);
    assert!(mnt(&mut lab));
}

#[test]
fn each_word_lets_in_whom_it_names() {
    for (accepted, clear, probed, named, direct) in [
        (AcceptedSecurity::CLEAR, true, false, false, false),
        (TLS, false, true, true, true),
        (MTLS, false, false, true, false),
        (DIRECT, false, false, false, true),
    ] {
        let mut lab = lab(accepted, AcceptedSecurity::ANY);
        assert_eq!(getattr(&mut lab), clear, "{accepted:?}");
        secure(&mut lab, false, false);
        assert_eq!(getattr(&mut lab), probed, "{accepted:?}");
        secure(&mut lab, false, true);
        assert_eq!(getattr(&mut lab), named, "{accepted:?}");
        secure(&mut lab, true, false);
        assert_eq!(getattr(&mut lab), direct, "{accepted:?}");
    }
}

/// Who is not to come in can still find out that somebody is there.
#[test]
fn a_null_call_is_always_answered() {
    let mut lab = lab(MTLS, MTLS);
    for program in [NFS, MOUNT, ACL] {
        assert!(gets_in(&mut lab, program, 0, &[]));
    }
}
