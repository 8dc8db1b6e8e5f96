//! Records cut into every kind of fragments, and marks that lie.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use gateway::{ClientId, ConnectionError};
use lab::attack::{Attack, Outcome, SUCCESS, call_with, good_arguments};
use lab::xdr::{Out, fragmented, record};
use lab::{BLOCK, READ, WRITE, pattern, write_args};

const NONE: (u32, &[u8]) = (0, &[0; 4]);
const LAST: u32 = 0x8000_0000;

/// One record in two fragments.
fn split_at(body: &[u8], at: usize) -> Vec<u8> {
    let (head, tail) = body.split_at(at);
    Out::new()
        .u32(head.len() as u32)
        .raw(head)
        .u32(LAST | tail.len() as u32)
        .raw(tail)
        .0
}

fn succeeded(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Replies(replies)
        if replies.len() == 1 && replies[0][1..6] == SUCCESS && replies[0].get(6).is_none_or(|status| *status == 0))
}

#[test]
fn a_call_split_at_every_byte_is_executed() {
    let mut attack = Attack::begin();
    let (file, root) = (attack.file.clone(), attack.root.clone());
    for procedure in [1, 3, READ, 17] {
        let object = if procedure == READ { &file } else { &root };
        let args = &good_arguments(object, &root)[procedure as usize];
        let (_, call) = attack.lab.call_bytes(100_003, 3, procedure, 0, args);
        for at in 0..=call.len() {
            let outcome = attack.stream(2049, &split_at(&call, at));
            assert!(succeeded(&outcome), "{procedure} at {at}: {outcome:?}");
        }
    }
    attack.end();
}

#[test]
fn a_write_split_at_every_byte_is_executed_whole() {
    let mut attack = Attack::begin();
    attack.lab.add_file("w", b"");
    let file = attack.lab.lookup(2, "w");
    for at in 0.. {
        // Data that changes with every WRITE, across the end of a block.
        let data = pattern(333, at as u8);
        let offset = BLOCK as u64 - 100;
        let args = write_args(&file, offset, &data);
        let (_, call) = attack.lab.call_bytes(100_003, 3, WRITE, 0, &args);
        if at > call.len() {
            break;
        }
        let outcome = attack.stream(2049, &split_at(&call, at));
        assert!(succeeded(&outcome), "at {at}: {outcome:?}");
        let read = attack.lab.read(2, &file, offset, 1000);
        assert!(read.data == data, "split at {at}");
    }
    attack.end();
}

#[test]
fn one_byte_fragments_with_empty_ones_between() {
    let mut attack = Attack::begin();
    let (file, root) = (attack.file.clone(), attack.root.clone());
    let write = write_args(&file, 0, &attack.data[..1000]);
    for (procedure, args) in [(WRITE, write), (1, good_arguments(&root, &root)[1].clone())] {
        let (_, call) = attack.lab.call_bytes(100_003, 3, procedure, 0, &args);
        let outcome = attack.stream(2049, &fragmented(&call, 1));
        assert!(succeeded(&outcome), "{outcome:?}");
        let mut spaced = Vec::new();
        for byte in &call {
            spaced.extend([0, 0, 0, 0, 0, 0, 0, 1, *byte]);
        }
        spaced.extend(LAST.to_be_bytes());
        // The same call once more: it must be another one.
        spaced[8] ^= 0x40;
        let outcome = attack.stream(2049, &spaced);
        assert!(succeeded(&outcome), "{outcome:?}");
    }
    attack.end();
}

#[test]
fn a_million_empty_fragments_close_the_connection_soon() {
    let mut attack = Attack::begin();
    let flood = [0; 4].repeat(1_000_000);
    let connection = attack.connect(2049);
    let now = attack.lab.now;
    let mut taken = 0;
    // In pieces as TCP brings them, to see how far it gets.
    let closed = flood.chunks(1448).any(|chunk| {
        let result = attack
            .lab
            .gateway
            .client_bytes(ClientId(connection), chunk, now);
        taken += chunk.len();
        result == Err(ConnectionError::Record)
    });
    assert!(closed);
    let bound = 4 * (gateway::limits::FRAGMENTS_PER_RECORD_MAX + 1) + 1448;
    assert!(taken <= bound, "{taken} bytes were looked at");
    attack.disconnect(connection);
    let outcome = attack.stream(2049, &flood);
    assert_eq!(outcome, Outcome::Closed(ConnectionError::Record));
    attack.end();
}

#[test]
fn marks_that_announce_too_much_close_the_connection_at_once() {
    let mut attack = Attack::begin();
    let most = (1 << 20) + gateway::limits::RECORD_HEAD_MAX as u32;
    for mark in [most + 1, 1 << 24, 0x7fff_fffc, 0x7fff_ffff] {
        for last in [0, LAST] {
            let outcome = attack.stream(2049, &(last | mark).to_be_bytes());
            assert_eq!(outcome, Outcome::Closed(ConnectionError::Record), "{mark}");
        }
        // Only the second fragment makes the record too long.
        let call = call_with((100_003, 3, 1), NONE, NONE, &[0; 100]);
        let two = Out::new().u32(call.len() as u32).raw(&call).u32(mark).0;
        let outcome = attack.stream(2049, &two);
        assert_eq!(outcome, Outcome::Closed(ConnectionError::Record), "{mark}");
    }
    // The longest record is waited for.
    let outcome = attack.stream(2049, &(LAST | most).to_be_bytes());
    assert_eq!(outcome, Outcome::Replies(Vec::new()));
    attack.end();
}

#[test]
fn a_connection_that_ends_at_any_byte_of_a_call_leaves_nothing() {
    let mut attack = Attack::begin();
    let root = attack.root.clone();
    let args = good_arguments(&root, &root);
    for procedure in [1, 3, READ, WRITE, 14, 17] {
        let (_, call) = attack
            .lab
            .call_bytes(100_003, 3, procedure, 0, &args[procedure as usize]);
        let stream = record(&call);
        for len in 0..stream.len() {
            let outcome = attack.stream(2049, &stream[..len]);
            assert_eq!(
                outcome,
                Outcome::Replies(Vec::new()),
                "{procedure} at {len}"
            );
        }
        // And by half: the client closes its sending side and waits.
        for len in 0..stream.len() {
            let connection = attack.connect(2049);
            assert_eq!(attack.lab.offer(connection, &stream[..len]), 0);
            attack
                .lab
                .gateway
                .client_finished(ClientId(connection), attack.lab.now);
            attack.lab.run();
            assert_eq!(attack.lab.closed.pop(), Some(ClientId(connection)), "{len}");
            attack.disconnect(connection);
        }
        attack.serve_bystander();
    }
    attack.end();
}

#[test]
fn garbage_after_a_good_call_spoils_only_what_comes_after() {
    let mut attack = Attack::begin();
    let (_, call) = attack.lab.call_bytes(100_003, 3, 0, 0, b"");
    let stream = [record(&call), vec![0x7f; 64]].concat();
    let connection = attack.connect(2049);
    let result = attack
        .lab
        .gateway
        .client_bytes(ClientId(connection), &stream, attack.lab.now);
    assert_eq!(result, Err(ConnectionError::Record));
    attack.lab.run();
    assert_eq!(
        attack.lab.received[&connection].len(),
        28,
        "the good call is answered"
    );
    attack.disconnect(connection);
    attack.end();
}
