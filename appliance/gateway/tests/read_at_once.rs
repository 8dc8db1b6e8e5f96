//! A READ or an ACCESS that is answered from where it lies gets the reply it would get otherwise.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::net::Ipv4Addr;

use gateway::{Anonymous, ClientId, Coherence, Limits, Squash};
use lab::xdr::{Out, record};
use lab::{Answer, Lab, ReadAnswer, Setup, pattern, read_args};

const ACCESS: u32 = 4;
const READ: u32 = 6;
/// READ, as ACCESS calls it.
const MAY_READ: u32 = 1;

const WARM: u64 = 1;
const OTHER: u64 = 20;
const BLOCK: usize = 4096;
/// Two whole blocks and a part of one.
const SIZE: usize = 2 * BLOCK + 1001;

const DENIED: u32 = 77;
const ANONYMOUS: u32 = 65_534;

/// User 0 has read the whole file, and user `DENIED` asked for ACCESS and got nothing.
fn lab(change: impl FnOnce(&mut Setup)) -> (Lab, Vec<u8>) {
    let mut setup = Setup {
        block_size: BLOCK,
        ..Setup::default()
    };
    change(&mut setup);
    let mut lab = setup.start();
    lab.origin.denied_uid = Some(DENIED);
    lab.connect(OTHER, Ipv4Addr::new(10, 0, 0, 9));
    lab.add_file("f", &pattern(SIZE, 3));
    let file = lab.lookup(WARM, "f");
    let data = lab.read_all(WARM, &file, BLOCK as u32);
    assert!(data == pattern(SIZE, 3), "all of it");
    (lab, file)
}

/// What a call was answered behind the xid, how often blocks were found and not found, and what was asked of the
/// origin.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    reply: Vec<u8>,
    found: [u64; 2],
    asked: Vec<u32>,
}

/// Makes a call whole, or in two pieces, which cannot be answered from where they lie.
fn ask_once(lab: &mut Lab, is_whole: bool, uid: u32, procedure: u32, args: &[u8]) -> Outcome {
    let before = lab.gateway.cache().stats();
    let (sent, pinned) = (lab.sent.len(), lab.pinned());
    let (xid, call) = lab.call_bytes(100_003, 3, procedure, uid, args);
    let bytes = record(&call);
    let cut = if is_whole { bytes.len() } else { 30 };
    for part in [&bytes[..cut], &bytes[cut..]] {
        assert_eq!(lab.offer(OTHER, part), 0, "taken in whole");
    }
    lab.run();
    let after = lab.gateway.cache().stats();
    let reply = lab.reply(OTHER, xid).expect("answered");
    assert_eq!(lab.pinned(), pinned, "given back");
    Outcome {
        reply: reply[4..].to_vec(),
        found: [after.hits - before.hits, after.misses - before.misses],
        asked: lab.sent[sent..]
            .iter()
            .map(|(_, call)| u32::from_be_bytes(*call[24..].first_chunk().expect("a procedure")))
            .collect(),
    }
}

/// The same call whole and in two pieces, of which nothing must be different.
fn ask(lab: &mut Lab, uid: u32, procedure: u32, args: &[u8]) -> Outcome {
    let whole = ask_once(lab, true, uid, procedure, args);
    let in_pieces = ask_once(lab, false, uid, procedure, args);
    assert_eq!(whole, in_pieces);
    whole
}

/// The results of a call that was executed.
fn answer(outcome: &Outcome) -> Answer {
    let (header, results) = outcome.reply.split_at(20);
    assert_eq!(header[..4], [0, 0, 0, 1], "a reply");
    assert_eq!(header[4..], [0; 16], "success");
    Answer(results.to_vec())
}

fn read(outcome: &Outcome) -> ReadAnswer {
    answer(outcome).read()
}

#[test]
fn what_is_cached_is_read_without_the_origin_whatever_the_bytes() {
    let (mut lab, file) = lab(|_| {});
    let ends = [0, 1, 3, BLOCK - 1, BLOCK, BLOCK + 2, 2 * BLOCK, SIZE - 1];
    let ends = ends.into_iter().chain([SIZE, SIZE + 1, 3 * BLOCK]);
    for (start, end) in ends
        .clone()
        .flat_map(|start| ends.clone().map(move |end| (start, end)))
    {
        let Some(count) = end.checked_sub(start).filter(|count| *count > 0) else {
            continue;
        };
        let args = read_args(&file, start as u64, count as u32);
        let outcome = ask(&mut lab, 0, READ, &args);
        let bytes = start.min(SIZE)..end.min(SIZE);
        let answer = read(&outcome);
        assert!(answer.data == pattern(SIZE, 3)[bytes.clone()], "{bytes:?}");
        assert_eq!(answer.end_of_file, end >= SIZE, "{bytes:?}");
        let blocks = bytes.end.div_ceil(BLOCK) - bytes.start / BLOCK;
        let blocks = if bytes.is_empty() { 0 } else { blocks as u64 };
        assert_eq!(outcome.found, [blocks, 0], "each block once: {bytes:?}");
        assert_eq!(outcome.asked, [0; 0], "{bytes:?}");
    }
    lab.assert_at_rest();
}

#[test]
fn readers_are_counted_alike() {
    let (mut lab, file) = lab(|_| {});
    let before = lab.gateway.stats();
    ask(&mut lab, 0, READ, &read_args(&file, 0, 100));
    let after = lab.gateway.stats();
    assert_eq!(after.client_calls - before.client_calls, 2);
    assert_eq!(after.client_reads - before.client_reads, 2);
}

#[test]
fn nothing_is_read_at_once_without_a_verdict_for_this_user() {
    let (mut lab, file) = lab(|_| {});
    let args = read_args(&file, 0, 100);
    let first = ask_once(&mut lab, true, 5, READ, &args);
    assert_eq!(first.asked, [ACCESS], "another user");
    assert_eq!(ask(&mut lab, 5, READ, &args).asked, [0; 0]);
    let denied = ask_once(&mut lab, true, DENIED, READ, &args);
    assert_eq!(denied.asked, [ACCESS, READ], "the origin decides");
    let denied = ask(&mut lab, DENIED, READ, &args);
    assert_eq!(denied.asked, [READ], "each time");
    assert_ne!(answer(&denied).status(), 0);
}

#[test]
fn who_is_squashed_reads_as_the_one_the_origin_sees() {
    let anonymous = Anonymous {
        uid: ANONYMOUS,
        gid: ANONYMOUS,
    };
    for squash in [Squash::Root(anonymous), Squash::Everybody(anonymous)] {
        let (mut lab, file) = lab(|setup| setup.exports[0].squash = squash);
        let args = read_args(&file, 0, 100);
        assert_eq!(ask(&mut lab, 0, READ, &args).asked, [0; 0], "has read it");
        let other = ask_once(&mut lab, true, 5, READ, &args);
        let is_everybody = matches!(squash, Squash::Everybody(_));
        let expected: &[u32] = if is_everybody { &[] } else { &[ACCESS] };
        assert_eq!(other.asked, expected, "{squash:?}");
        // The verdict of the one that user 0 is taken for, and not that of user 0.
        lab.origin.denied_uid = Some(ANONYMOUS);
        lab.origin
            .nodes
            .values_mut()
            .for_each(|node| node.time += 1);
        lab.getattr(WARM, &file);
        let changed = ask_once(&mut lab, true, 0, READ, &args);
        assert!(changed.asked.contains(&ACCESS), "{squash:?}: {changed:?}");
        assert_ne!(answer(&changed).status(), 0, "{squash:?}");
    }
}

#[test]
fn a_block_that_is_missing_is_asked_for_and_nothing_counted_twice() {
    let (mut lab, file) = lab(|_| {});
    lab.add_file("g", &pattern(SIZE, 4));
    let cold = lab.lookup(WARM, "g");
    lab.read(WARM, &cold, 0, 100);
    let args = read_args(&cold, 0, 2 * BLOCK as u32);
    let outcome = ask_once(&mut lab, true, 0, READ, &args);
    assert_eq!((outcome.found, outcome.asked.len()), ([1, 1], 1));
    assert!(read(&outcome).data == pattern(SIZE, 4)[..2 * BLOCK]);
    let again = ask(&mut lab, 0, READ, &args);
    assert_eq!((again.found, again.asked.len()), ([2, 0], 0));
    // Of another file nothing was lost.
    assert_eq!(
        ask(&mut lab, 0, READ, &read_args(&file, 0, 100)).asked,
        [0; 0]
    );
}

#[test]
fn a_change_of_the_file_ends_it() {
    for coherence in [Coherence::Strict, Coherence::Immutable] {
        let (mut lab, file) = lab(|setup| setup.exports[0].coherence = coherence);
        let args = read_args(&file, 0, 100);
        assert_eq!(ask(&mut lab, 0, READ, &args).asked, [0; 0]);
        let data = pattern(100, 9);
        lab.write(WARM, &file, 0, &data);
        let outcome = ask_once(&mut lab, true, 0, READ, &args);
        assert_eq!(read(&outcome).data, data, "{coherence:?}");
        ask(&mut lab, 0, READ, &args);
    }
}

#[test]
fn a_read_is_cut_to_what_there_is_room_for() {
    let (mut lab, file) = lab(|setup| {
        setup.limits = Limits {
            pinned: Some(8 * BLOCK),
            pinned_per_client: Some(8 * BLOCK),
            ..Limits::default()
        };
    });
    let args = read_args(&file, 100, 2 * BLOCK as u32);
    let outcome = ask(&mut lab, 0, READ, &args);
    assert_eq!(read(&outcome).data.len(), 2 * BLOCK - 100, "of three");
    let (_, call) = lab.call_bytes(100_003, 3, READ, 0, &args);
    let taken = lab
        .gateway
        .client_bytes(ClientId(WARM), &record(&call), lab.now);
    assert_eq!(taken, Ok(4 + call.len()));
    let held = lab.gateway.poll_action().expect("a reply");
    let outcome = ask(&mut lab, 0, READ, &args);
    let data = read(&outcome).data;
    assert!(data == pattern(SIZE, 3)[100..BLOCK], "{}", data.len());
    assert_eq!(outcome.asked, [0; 0]);
    drop(held);
    lab.assert_at_rest();
}

#[test]
fn several_reads_in_one_piece_are_all_answered() {
    let (mut lab, file) = lab(|_| {});
    let calls: Vec<_> = (0..5)
        .map(|at| lab.call_bytes(100_003, 3, READ, 0, &read_args(&file, at * 100, 100)))
        .collect();
    let bytes: Vec<u8> = calls.iter().flat_map(|(_, call)| record(call)).collect();
    assert_eq!(lab.offer(OTHER, &bytes), 0);
    lab.run();
    for (at, (xid, _)) in calls.into_iter().enumerate() {
        let data = lab.answer(OTHER, xid).expect("answered").read().data;
        assert_eq!(data, pattern(SIZE, 3)[at * 100..at * 100 + 100]);
    }
    lab.assert_at_rest();
}

#[test]
fn access_is_told_where_files_cannot_change_and_asked_elsewhere() {
    for coherence in [Coherence::Strict, Coherence::Immutable] {
        let (mut lab, file) = lab(|setup| setup.exports[0].coherence = coherence);
        let expected: &[u32] = match coherence {
            Coherence::Immutable => &[],
            _ => &[ACCESS],
        };
        let args = |asked| Out::new().opaque(&file).u32(asked).0;
        let outcome = ask(&mut lab, 0, ACCESS, &args(MAY_READ));
        assert_eq!(outcome.asked, expected, "{coherence:?}");
        let stranger = ask_once(&mut lab, true, 5, ACCESS, &args(MAY_READ));
        assert_eq!(stranger.asked, [ACCESS], "nothing is known of this user");
        // Of a right that nobody asked about nothing is known either.
        let unknown = ask_once(&mut lab, true, 5, ACCESS, &args(MAY_READ | 0x20));
        assert_eq!(unknown.asked, [ACCESS]);
        assert_eq!(
            ask(&mut lab, 5, ACCESS, &args(MAY_READ | 0x20)).asked,
            expected
        );
        ask_once(&mut lab, true, DENIED, ACCESS, &args(MAY_READ));
        let denied = ask(&mut lab, DENIED, ACCESS, &args(MAY_READ));
        assert_eq!(denied.reply.last(), Some(&0), "granted nothing");
    }
}

#[test]
fn arguments_that_make_no_sense_are_refused_alike() {
    let (mut lab, file) = lab(|_| {});
    let mut long = file.clone();
    long.resize(file.len() + 65, 1);
    for args in [
        read_args(&long, 0, 100),
        Out::new().opaque(&file).u64(0).0,
        Out::new().opaque(&file).u32(0).0,
        Vec::new(),
        read_args(&file, u64::MAX, u32::MAX),
        read_args(&file, u64::MAX - 10, 100),
        read_args(&file, 0, 0),
        Out::new().opaque(&file).u64(0).u32(100).u32(7).0,
    ] {
        for procedure in [READ, ACCESS] {
            let outcomes = [true, false].map(|is_whole| {
                let Outcome { reply, .. } = ask_once(&mut lab, is_whole, 0, procedure, &args);
                reply
            });
            assert_eq!(outcomes[0], outcomes[1], "{procedure}: {args:?}");
        }
    }
}
