//! A GETATTR that is answered from where it lies gets the reply it would get otherwise.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::net::Ipv4Addr;

use gateway::{AcceptedSecurity, Admitted, ClientId, ClientSecurity, Coherence, UidRanges};
use lab::attack::TOOWEAK;
use lab::xdr::{Out, record};
use lab::{Lab, Setup};

const TLS: AcceptedSecurity = AcceptedSecurity {
    clear: false,
    tls: true,
    mtls: true,
    direct: true,
};
/// Knows the file already; may do everything.
const WARM: u64 = 1;
const OTHER: u64 = 20;

fn secure(lab: &mut Lab, client: u64, admitted: Option<Vec<Admitted>>) {
    let security = ClientSecurity::Tls {
        direct: false,
        admitted: admitted.map(Vec::into_boxed_slice),
    };
    lab.gateway
        .client_secured(ClientId(client), security, lab.now);
}

/// The attributes of a file are known, of which its handle is returned.
fn lab(change: impl FnOnce(&mut Setup)) -> (Lab, Vec<u8>) {
    let mut setup = Setup::default();
    setup.exports[0].coherence = Coherence::Immutable;
    setup.exports[0].security = AcceptedSecurity::ANY;
    change(&mut setup);
    let mut lab = setup.start();
    secure(
        &mut lab,
        WARM,
        Some(vec![Admitted::As(UidRanges::new(vec![0..=0]))]),
    );
    lab.connect(OTHER, Ipv4Addr::new(10, 0, 0, 9));
    lab.add_file("f", b"content");
    let file = lab.lookup(WARM, "f");
    lab.getattr(WARM, &file);
    (lab, file)
}

/// The same call twice: whole, and then in two pieces, which cannot be answered from where they lie. What it is
/// answered behind the xid, and whether the origin was not asked.
fn ask(lab: &mut Lab, client: u64, uid: u32, args: &[u8]) -> (Vec<u8>, bool) {
    let before = lab.sent.len();
    let mut replies = Vec::new();
    for is_whole in [true, false] {
        let (xid, call) = lab.call_bytes(100_003, 3, 1, uid, args);
        let bytes = record(&call);
        let cut = if is_whole { bytes.len() } else { 30 };
        for part in [&bytes[..cut], &bytes[cut..]] {
            assert_eq!(lab.offer(client, part), 0, "taken in whole");
        }
        lab.run();
        let reply = lab.reply(client, xid).expect("answered");
        replies.push(reply[4..].to_vec());
    }
    assert_eq!(replies[0], replies[1]);
    (replies.remove(0), before == lab.sent.len())
}

fn getattr(lab: &mut Lab, client: u64, uid: u32, file: &[u8]) -> (Vec<u8>, bool) {
    ask(lab, client, uid, &Out::new().opaque(file).0)
}

const ACCEPTED: [u32; 5] = [1, 0, 0, 0, 0];

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn results(status: u32) -> Vec<u8> {
    words(&[&ACCEPTED[..], &[status]].concat())
}

#[test]
fn what_is_known_is_told_without_the_origin() {
    let (mut lab, file) = lab(|_| {});
    let (reply, is_own) = getattr(&mut lab, OTHER, 0, &file);
    assert!(reply.starts_with(&results(0)), "{reply:?}");
    assert!(is_own);
    let calls = lab.gateway.stats().client_calls;
    getattr(&mut lab, OTHER, 0, &file);
    assert_eq!(lab.gateway.stats().client_calls, calls + 2);
    lab.assert_at_rest();
}

#[test]
fn several_calls_in_one_piece_are_all_answered() {
    let (mut lab, file) = lab(|_| {});
    let args = Out::new().opaque(&file).0;
    let calls: Vec<_> = (0..5)
        .map(|_| lab.call_bytes(100_003, 3, 1, 0, &args))
        .collect();
    let bytes: Vec<u8> = calls.iter().flat_map(|(_, call)| record(call)).collect();
    // The last one ends later.
    let cut = bytes.len() - 3;
    assert_eq!(lab.offer(OTHER, &bytes[..cut]), 0);
    lab.run();
    assert_eq!(lab.reply(OTHER, calls[4].0), None);
    assert_eq!(lab.offer(OTHER, &bytes[cut..]), 0);
    lab.run();
    for (xid, _) in calls {
        assert_eq!(lab.answer(OTHER, xid).expect("answered").status(), 0);
    }
}

#[test]
fn the_listeners_rule_holds() {
    let (mut lab, file) = lab(|setup| setup.listen[0] = TLS);
    assert_eq!(getattr(&mut lab, OTHER, 0, &file), (words(&TOOWEAK), true));
    secure(&mut lab, OTHER, None);
    let (reply, _) = getattr(&mut lab, OTHER, 0, &file);
    assert!(reply.starts_with(&results(0)), "{reply:?}");
}

#[test]
fn the_exports_rules_hold() {
    let (mut lab, file) = lab(|setup| setup.exports[0].security = TLS);
    assert_eq!(getattr(&mut lab, OTHER, 0, &file), (words(&TOOWEAK), true));
    secure(&mut lab, OTHER, Some(vec![Admitted::Refused]));
    let (reply, is_own) = getattr(&mut lab, OTHER, 0, &file);
    assert!(is_own && !reply.starts_with(&results(0)), "{reply:?}");
    secure(
        &mut lab,
        OTHER,
        Some(vec![Admitted::As(UidRanges::new(vec![5..=5]))]),
    );
    const ACCES: u32 = 13;
    let (reply, is_own) = getattr(&mut lab, OTHER, 4, &file);
    assert!(is_own && reply.starts_with(&results(ACCES)), "{reply:?}");
    let (reply, _) = getattr(&mut lab, OTHER, 5, &file);
    assert!(reply.starts_with(&results(0)), "{reply:?}");
    let stranger = 21;
    lab.connect(stranger, Ipv4Addr::new(192, 0, 2, 1));
    secure(
        &mut lab,
        stranger,
        Some(vec![Admitted::As(UidRanges::default())]),
    );
    let (reply, is_own) = getattr(&mut lab, stranger, 0, &file);
    assert!(is_own && !reply.starts_with(&results(0)), "{reply:?}");
}

/// A handle that is too long, padding that is not zero, nothing, and something more.
#[test]
fn arguments_that_make_no_sense_are_refused_alike() {
    let (mut lab, mut file) = lab(|_| {});
    file.resize(file.len() + 65, 1);
    for args in [
        Out::new().opaque(&file).0,
        Out::new().u32(3).u32(0x0101_0101).0,
        Vec::new(),
        words(&[70_000]),
    ] {
        let (reply, _) = ask(&mut lab, OTHER, 0, &args);
        assert!(!reply.starts_with(&results(0)), "{reply:?}");
    }
    let file = lab.lookup(WARM, "f");
    ask(&mut lab, OTHER, 0, &Out::new().opaque(&file).u32(7).0);
}
