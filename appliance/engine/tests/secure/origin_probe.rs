//! Origins that say no to the probe, or nothing: there is no falling back to clear (RFC 9289, 4.1).

use std::cell::RefCell;
use std::rc::Rc;

use gateway::OriginSecurity;
use nfs3_types::nfs3::stable_how;
use nfs3_types::xdr_codec::Void;

use crate::lab::{Lab, SOON};
use crate::origin_side::plan;
use crate::world::operations::pattern;
use crate::world::rpc::{encode_reply, encode_starttls};
use crate::world::{BLOCK, Protection, Tunnel};

/// Long enough for many attempts.
const LONG: u32 = 300;

/// The origin is not to be had like this; it would not take a call in clear without failing the test.
fn calls_wait(protection: Protection) -> Lab {
    let mut lab = plan(OriginSecurity::StartTls).begin();
    let data = pattern(1, BLOCK);
    let (client, file) = lab.clear_client_with(&data);
    lab.world.origin.protection = protection;
    lab.world.origin.reset_connections();
    let newer = pattern(2, 1000);
    let write = lab
        .world
        .begin_write(client, &file, 0, &newer, stable_how::FILE_SYNC);
    let read = lab.world.begin_read(client, &file, 0, BLOCK);
    lab.world.run_for(LONG * SOON);
    assert!(!lab.world.is_answered(write) && !lab.world.is_answered(read));

    lab.protect_origin();
    lab.world.finish_write(write);
    lab.world.finish_read(read);
    assert!(lab.world.origin.export.data("file").starts_with(&newer));
    lab.world.assert_at_rest();
    lab
}

fn refused(lab: &Lab) -> u64 {
    lab.world.engine.stats().gateway.origin_tls_refused
}

/// As a server that knows nothing of the flavor but does not mind it.
#[test]
fn a_reply_without_starttls() {
    let lab = calls_wait(Protection::Refused(|xid| encode_reply(xid, &Void)));
    assert!(refused(&lab) > 5);
}

/// As a server that knows nothing of the flavor and minds it.
#[test]
fn a_denial() {
    let lab = calls_wait(Protection::Refused(|xid| {
        const LAST_FRAGMENT_OF_20: u32 = (1 << 31) | 20;
        // REPLY, denied, AUTH_ERROR, AUTH_BADCRED.
        let words = [LAST_FRAGMENT_OF_20, xid, 1, 1, 1, 1];
        words.map(u32::to_be_bytes).concat()
    }));
    assert!(refused(&lab) > 5);
}

#[test]
fn a_reply_that_is_no_record() {
    let lab = calls_wait(Protection::Refused(|_| vec![0xff; 64]));
    assert!(refused(&lab) > 5);
}

/// The server takes the connection and the probe.
#[test]
fn no_reply() {
    let lab = calls_wait(Protection::Silent);
    assert!(refused(&lab) > 5);
}

/// It agrees, and then the handshake does not come.
#[test]
fn no_handshake() {
    struct Mute;
    impl Tunnel for Mute {
        fn receive(&mut self, _: &[u8]) -> Vec<u8> {
            Vec::new()
        }
        fn send(&mut self, _: &[u8]) {}
        fn output(&mut self) -> Vec<u8> {
            Vec::new()
        }
    }
    let lab = calls_wait(Protection::Probed(Box::new(|| Box::new(Mute))));
    assert!(lab.stats().handshakes_timed_out > 5);
    assert!(lab.world.origin.probes > 5);
}

/// It agrees, and goes on in clear, or sends it along with its agreement.
#[test]
fn clear_bytes_instead_of_a_handshake() {
    let lab = calls_wait(Protection::Refused(|xid| {
        [encode_starttls(xid), encode_reply(xid, &Void)].concat()
    }));
    assert!(lab.stats().handshakes_failed > 5);
}

/// What an origin says to the first bytes it gets, and what it gets.
#[derive(Clone, Default)]
struct Script {
    answer: &'static [u8],
    received: Rc<RefCell<Vec<u8>>>,
    answered: bool,
}

impl Tunnel for Script {
    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.received.borrow_mut().extend_from_slice(bytes);
        Vec::new()
    }

    fn send(&mut self, _: &[u8]) {}

    fn output(&mut self) -> Vec<u8> {
        let is_asked = !self.received.borrow().is_empty();
        if is_asked && !std::mem::replace(&mut self.answered, is_asked) {
            return self.answer.to_vec();
        }
        Vec::new()
    }
}

/// An origin that answers a ClientHello with `answer`: the alerts it hears.
fn is_no_use(answer: &'static [u8]) -> Vec<u8> {
    let mut lab = plan(OriginSecurity::Direct).begin();
    let data = pattern(1, BLOCK);
    let (client, file) = lab.clear_client_with(&data);
    let last = Rc::new(RefCell::new(Rc::default()));
    let scripts = last.clone();
    lab.world.origin.protection = Protection::Direct(Box::new(move || {
        let script = Script {
            answer,
            ..Script::default()
        };
        *scripts.borrow_mut() = script.received.clone();
        Box::new(script)
    }));
    lab.world.origin.reset_connections();
    let read = lab.world.begin_read(client, &file, 0, BLOCK);
    lab.world.run_for(LONG * SOON);
    assert!(!lab.world.is_answered(read));
    assert!(lab.stats().handshakes_failed > 5);
    lab.protect_origin();
    assert!(lab.world.finish_read(read).bytes == data);
    lab.world.assert_at_rest();
    let received: Rc<RefCell<Vec<u8>>> = last.borrow().clone();
    let hello_len = usize::from(u16::from_be_bytes([
        received.borrow()[3],
        received.borrow()[4],
    ]));
    received.borrow_mut().split_off(5 + hello_len)
}

const FATAL: u8 = 2;

/// A server that is asked for TLS from the first byte and speaks none.
#[test]
fn no_tls_at_all() {
    let alert = is_no_use(&[0x80, 0, 0, 24, 1, 2, 3, 4, 0, 0, 0, 1]);
    assert!(
        alert.is_empty() || alert.starts_with(&[21, 3, 3, 0, 2, FATAL]),
        "{alert:?}"
    );
}

#[test]
fn tls_1_2() {
    const SERVER_HELLO: [u8; 47] = {
        let mut hello = [7; 47];
        let head = [22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3];
        let mut at = 0;
        while at < head.len() {
            hello[at] = head[at];
            at += 1;
        }
        // No session, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, no compression.
        let tail = [0, 0xc0, 0x2b, 0];
        at = 0;
        while at < tail.len() {
            hello[43 + at] = tail[at];
            at += 1;
        }
        hello
    };
    const PROTOCOL_VERSION: u8 = 70;
    let alert = is_no_use(&SERVER_HELLO);
    assert_eq!(alert, [21, 3, 3, 0, 2, FATAL, PROTOCOL_VERSION]);
}
