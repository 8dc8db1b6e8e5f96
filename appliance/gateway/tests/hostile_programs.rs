//! Calls of programs, versions and procedures that there are not, and messages that are no calls.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use gateway::ConnectionError;
use lab::attack::{Attack, Outcome, PORTS, PROC_UNAVAIL, PROG_UNAVAIL, SUCCESS, call_with};
use lab::xdr::{Out, record};

const NONE: (u32, &[u8]) = (0, &[0; 4]);

/// Every program there is, with its lowest and highest version.
const PROGRAMS: [(u32, u32, u32); 4] = [
    (100_000, 2, 4),
    (100_003, 3, 3),
    (100_005, 3, 3),
    (100_227, 3, 3),
];

#[test]
fn unknown_programs_are_unavailable_on_every_port() {
    let mut attack = Attack::begin();
    let nlm = 100_021;
    let status_monitor = 100_024;
    let callback = 0x4000_0000;
    for port in PORTS {
        for program in [
            0,
            1,
            99_999,
            100_001,
            nlm,
            status_monitor,
            callback,
            u32::MAX,
        ] {
            for version in [0, 3, u32::MAX] {
                let call = call_with((program, version, 0), NONE, NONE, b"");
                assert_eq!(attack.record(port, &call), PROG_UNAVAIL, "{program}");
            }
        }
    }
    attack.end();
}

#[test]
fn unknown_versions_are_told_which_there_are_on_every_port() {
    let mut attack = Attack::begin();
    for port in PORTS {
        for (program, low, high) in PROGRAMS {
            for version in [0, low - 1, high + 1, 0x8000_0000, u32::MAX] {
                let call = call_with((program, version, 0), NONE, NONE, b"");
                let expected = [1, 0, 0, 0, 2, low, high];
                assert_eq!(attack.record(port, &call), expected, "{program} {version}");
            }
        }
    }
    attack.end();
}

#[test]
fn unknown_procedures_are_unavailable_on_every_port() {
    let mut attack = Attack::begin();
    for port in PORTS {
        for (program, version, first_unknown) in [
            // CALLIT would make us call others; the last of each is one too many.
            (100_000, 2, 5),
            (100_000, 3, 9),
            (100_000, 4, 13),
            (100_003, 3, 22),
            (100_005, 3, 6),
            (100_227, 3, 5),
        ] {
            for procedure in [first_unknown, first_unknown + 1, 0x8000_0000, u32::MAX] {
                let call = call_with((program, version, procedure), NONE, NONE, b"");
                let reply = attack.record(port, &call);
                assert_eq!(reply, PROC_UNAVAIL, "{program} {version} {procedure}");
            }
            let null = call_with((program, version, 0), NONE, NONE, b"");
            assert_eq!(attack.record(port, &null), SUCCESS);
        }
    }
    attack.end();
}

#[test]
fn indirect_calls_are_not_made() {
    let mut attack = Attack::begin();
    // CALLIT of portmap; CALLIT, BCAST and INDIRECT of rpcbind: of NULL of our own NFS.
    let args = Out::new().u32(100_003).u32(3).u32(0).opaque(b"").0;
    let calls = attack.lab.sent.len();
    for (version, procedure) in [(2, 5), (3, 5), (4, 5), (4, 10)] {
        let call = call_with((100_000, version, procedure), NONE, NONE, &args);
        assert_eq!(attack.record(111, &call), PROC_UNAVAIL);
    }
    let by_bystander = |(_, call): &&(_, Vec<u8>)| call[16..20] == 100_000_u32.to_be_bytes();
    let passed_on = attack.lab.sent[calls..].iter().filter(by_bystander).count();
    assert_eq!(passed_on, 0);
    attack.end();
}

#[test]
fn other_versions_of_rpc_are_denied() {
    let mut attack = Attack::begin();
    for version in [0, 1, 3, 0x8000_0000, u32::MAX] {
        for procedure in [0, 6, 7] {
            let mut call = call_with((100_003, 3, procedure), NONE, NONE, b"");
            call[8..12].copy_from_slice(&u32::to_be_bytes(version));
            assert_eq!(attack.record(2049, &call), [1, 1, 0, 2, 2]);
        }
    }
    attack.end();
}

#[test]
fn what_is_no_call_closes_the_connection() {
    let mut attack = Attack::begin();
    for direction in [1, 2, 0x8000_0000, u32::MAX] {
        let mut call = call_with((100_003, 3, 0), NONE, NONE, b"");
        call[4..8].copy_from_slice(&u32::to_be_bytes(direction));
        let outcome = attack.stream(2049, &record(&call));
        assert_eq!(outcome, Outcome::Closed(ConnectionError::NotRpc));
    }
    // A header that ends too early, at every byte.
    let call = call_with((100_003, 3, 0), NONE, NONE, b"");
    for len in 0..call.len() {
        let outcome = attack.stream(2049, &record(&call[..len]));
        assert_eq!(outcome, Outcome::Closed(ConnectionError::NotRpc), "{len}");
    }
    attack.end();
}

#[test]
fn other_protocols_are_closed_at_once() {
    let mut attack = Attack::begin();
    for port in PORTS {
        for greeting in [
            b"GET / HTTP/1.0\r\n\r\n".as_slice(),
            b"SSH-2.0-scan\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\xffSMB\x72\0\0\0\0",
            b"\x7f\x7f\x7f\x7f",
        ] {
            let outcome = attack.stream(port, greeting);
            assert_eq!(outcome, Outcome::Closed(ConnectionError::Record));
        }
    }
    attack.end();
}

#[test]
fn connections_that_say_nothing_leave_nothing() {
    let mut attack = Attack::begin();
    let buffers = attack.lab.gateway.stats().meta_buffers;
    for _ in 0..100 {
        for port in PORTS {
            let scan = attack.connect(port);
            let idle = attack.connect(port);
            attack.disconnect(scan);
            attack.serve_bystander();
            attack.disconnect(idle);
        }
    }
    assert_eq!(attack.lab.gateway.stats().meta_buffers, buffers);
    attack.end();
}
