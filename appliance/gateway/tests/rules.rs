//! New rules while calls are made: what they hold for, and from when on.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::time::Duration;

use gateway::{Admitted, ClientId, ClientSecurity, Coherence, Export, ExportsMoved, UidRanges};
use lab::origin::{FOREIGN_ROOT, handle};
use lab::xdr::{Out, record};
use lab::{Lab, READ, Setup, WRITE, export, read_args, write_args};

const STALE: u32 = 70;
const ROFS: u32 = 30;
const ACCES: u32 = 13;

fn reload(lab: &mut Lab, exports: Vec<Export>) {
    assert_eq!(lab.gateway.reload(exports, false, lab.now), Ok(()));
    lab.tick(Duration::ZERO);
}

fn withdrawn(path: &str) -> Export {
    Export {
        allow: Vec::new(),
        ..export(path)
    }
}

fn mnt(lab: &mut Lab, path: &[u8]) -> u32 {
    let args = Out::new().opaque(path).0;
    let (xid, call) = lab.call_bytes(100_005, 3, 1, 0, &args);
    lab.offer(1, &record(&call));
    lab.run();
    lab.answer(1, xid).expect("answered").status()
}

#[test]
fn new_rules_hold_from_the_next_call_on() {
    let mut lab = Lab::start();
    lab.add_file("f", b"data");
    let file = lab.lookup(1, "f");
    let write = write_args(&file, 0, b"more");
    assert_eq!(lab.call(1, WRITE, &write).status(), 0);
    let read_only = Export {
        read_only: true,
        ..export("/export")
    };
    reload(&mut lab, vec![read_only]);
    assert_eq!(lab.call(1, WRITE, &write).status(), ROFS);
    assert_eq!(lab.read(1, &file, 0, 10).data, b"more");
    let immutable = Export {
        coherence: Coherence::Immutable,
        ..export("/export")
    };
    reload(&mut lab, vec![immutable]);
    lab.getattr(1, &file);
    let calls = lab.sent.len();
    assert_eq!(lab.getattr(1, &file).status(), 0);
    assert_eq!(lab.sent.len(), calls, "it is answered from the cache");
    reload(&mut lab, vec![export("/export")]);
    assert_eq!(lab.getattr(1, &file).status(), 0);
    assert_eq!(lab.sent.len(), calls + 1, "and is not any more");
    lab.assert_at_rest();
}

#[test]
fn what_is_at_the_origin_is_finished_by_the_rules_it_came_under() {
    let mut lab = Lab::start();
    lab.add_file("f", b"data");
    let file = lab.lookup(1, "f");
    lab.hold = |call| call.is_nfs(WRITE);
    let xid = lab.send(1, WRITE, &write_args(&file, 0, b"more"));
    lab.run();
    reload(&mut lab, vec![withdrawn("/export")]);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(1, xid).expect("answered").status(), 0);
    let again = write_args(&file, 0, b"even");
    assert_eq!(lab.call(1, WRITE, &again).status(), STALE);
    lab.assert_at_rest();
}

#[test]
fn exports_come_and_go() {
    let mut lab = Lab::start();
    lab.add_file("f", b"data");
    let file = lab.lookup(1, "f");
    let foreign = handle(lab.origin.add_file(FOREIGN_ROOT, "g", b"other"));
    let args = read_args(&foreign, 0, 10);
    assert_eq!(mnt(&mut lab, b"/other"), ACCES);
    assert_eq!(lab.call(1, READ, &args).status(), STALE);

    reload(&mut lab, vec![export("/export"), export("/other")]);
    assert_eq!(mnt(&mut lab, b"/other"), 0);
    assert_eq!(lab.call(1, READ, &args).read().data, b"other");
    assert_eq!(lab.read(1, &file, 0, 10).data, b"data");

    reload(&mut lab, vec![withdrawn("/export"), export("/other")]);
    assert_eq!(mnt(&mut lab, b"/export"), ACCES);
    assert_eq!(lab.call(1, READ, &read_args(&file, 0, 10)).status(), STALE);
    assert_eq!(lab.call(1, READ, &args).read().data, b"other");

    reload(&mut lab, vec![export("/export"), export("/other")]);
    assert_eq!(mnt(&mut lab, b"/export"), 0);
    assert_eq!(lab.read(1, &file, 0, 10).data, b"data");
    lab.assert_at_rest();
}

/// Everything that is remembered of an export goes by its place.
#[test]
fn exports_do_not_change_places() {
    let exports = vec![export("/export"), export("/other")];
    let setup = Setup {
        exports,
        ..Setup::default()
    };
    let mut lab = setup.start();
    for moved in [
        vec![export("/other"), export("/export")],
        vec![export("/export")],
        vec![],
    ] {
        assert_eq!(lab.gateway.reload(moved, false, lab.now), Err(ExportsMoved));
    }
    assert_eq!(mnt(&mut lab, b"/export"), 0);
}

/// Also one that had come whole by then: what its sender's certificate is good for is not known.
#[test]
fn who_has_come_with_tls_waits_to_be_judged() {
    let mut setup = Setup::default();
    setup.exports[0].security.tls = true;
    let mut lab = setup.start();
    lab.add_file("f", b"data");
    let file = lab.lookup(1, "f");
    let secure = |lab: &mut Lab, admitted| {
        let security = ClientSecurity::Tls {
            direct: false,
            admitted: Some(Box::new([admitted])),
        };
        lab.gateway.client_secured(ClientId(1), security, lab.now);
    };
    secure(&mut lab, Admitted::As(UidRanges::default()));
    assert_eq!(lab.getattr(1, &file).status(), 0);

    let rules = || {
        let mut rules = export("/export");
        rules.security.tls = true;
        vec![rules]
    };
    reload(&mut lab, rules());
    let args = Out::new().opaque(&file).0;
    let (xid, call) = lab.call_bytes(100_003, 3, 1, 0, &args);
    let call = record(&call);
    assert_eq!(lab.offer(1, &call), call.len(), "nothing is taken");
    assert_eq!(
        lab.getattr(2, &file).status(),
        0,
        "in clear there is nothing to judge"
    );
    secure(&mut lab, Admitted::Refused);
    assert_eq!(lab.offer(1, &call), 0);
    lab.run();
    assert_eq!(lab.answer(1, xid).expect("answered").status(), ACCES);
    lab.assert_at_rest();
}
