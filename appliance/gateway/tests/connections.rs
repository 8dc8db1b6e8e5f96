//! Connections that break, peers that vanish, room that runs out, and the end.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::time::Duration;

use gateway::{ClientId, Limits};
use lab::xdr::{Out, record};
use lab::{BLOCK, Lab, READ, Reply, Setup, WRITE, pattern, read_args, write_args};

#[test]
fn what_was_not_answered_is_sent_again_with_the_same_bytes() {
    let mut lab = Setup {
        connections: 1,
        ..Setup::default()
    }
    .start();
    let id = lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    lab.hold = |_| true;
    let data = pattern(BLOCK + 5, 1);
    let write = lab.send(1, WRITE, &write_args(&file, 3, &data));
    let lookup = lab.send(
        2,
        3,
        &Out::new().opaque(&lab::file_handle(1)).opaque(b"f").0,
    );
    let read = lab.send(2, READ, &read_args(&file, 0, 10));
    lab.run();
    let sent: Vec<Vec<u8>> = lab.sent[lab.sent.len() - 3..]
        .iter()
        .map(|(_, bytes)| bytes.clone())
        .collect();
    let old = lab.nfs_links()[0];
    lab.break_link(old);
    assert!(lab.nfs_links().is_empty());
    assert_eq!(
        lab.pinned(),
        2 * BLOCK,
        "the blocks are kept for the next try"
    );
    lab.tick(Duration::from_secs(1));
    let again: Vec<Vec<u8>> = lab.sent[lab.sent.len() - 3..]
        .iter()
        .map(|(_, bytes)| bytes.clone())
        .collect();
    assert_eq!(sent, again, "in the same order");
    assert_ne!(lab.nfs_links()[0], old);
    assert_eq!(lab.gateway.stats().origin_resent, 3);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(1, write).expect("answered").write().status, 0);
    assert_eq!(lab.answer(2, lookup).expect("answered").status(), 0);
    assert_eq!(lab.answer(2, read).expect("answered").read().status, 0);
    assert_eq!(lab.origin.nodes[&id].data[3..], data);
    lab.assert_at_rest();
}

#[test]
fn a_connection_that_breaks_within_a_reply() {
    let mut lab = Setup {
        connections: 1,
        ..Setup::default()
    }
    .start();
    let data = pattern(BLOCK, 1);
    lab.add_file("f", &data);
    let file = lab.lookup(1, "f");
    lab.read(1, &file, 0, 0);
    lab.hold = |call| call.is_nfs(READ);
    let read = lab.send(1, READ, &read_args(&file, 0, 1 << 20));
    lab.run();
    let reply = lab.execute(0);
    let bytes = record(&reply.bytes);
    lab.deliver_bytes(reply.link, &bytes[..30_000])
        .expect("good");
    lab.break_link(reply.link);
    lab.tick(Duration::from_secs(1));
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(1, read).expect("answered").read().data, data);
    lab.assert_at_rest();
}

#[test]
fn replies_settle_their_own_call_on_their_own_connection() {
    let mut lab = Lab::start();
    lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    lab.hold = |_| true;
    let write = lab.send(1, WRITE, &write_args(&file, 0, b"data"));
    lab.run();
    let reply = lab.execute(0);
    let other = *lab
        .nfs_links()
        .iter()
        .find(|link| **link != reply.link)
        .expect("two connections");
    let misplaced = Reply {
        link: other,
        bytes: reply.bytes.clone(),
    };
    lab.deliver(&misplaced);
    let mut strange = reply.bytes.clone();
    strange[0] ^= 0x40;
    lab.deliver(&Reply {
        link: reply.link,
        bytes: strange,
    });
    assert_eq!(lab.gateway.stats().origin_unknown_replies, 2);
    assert_eq!(lab.pinned(), BLOCK, "nothing was released");
    assert!(lab.answer(1, write).is_none());
    lab.deliver(&reply);
    assert_eq!(lab.pinned(), 0);
    assert_eq!(lab.answer(1, write).expect("answered").write().status, 0);
    lab.deliver(&reply);
    assert_eq!(
        lab.gateway.stats().origin_unknown_replies,
        3,
        "a duplicate is one, too"
    );
    lab.hold = |_| false;
    lab.run();
    lab.assert_at_rest();
}

#[test]
fn a_client_that_vanishes_leaves_nothing_behind() {
    let mut lab = Lab::start();
    lab.add_file("f", &pattern(4 * BLOCK, 1));
    let file = lab.lookup(1, "f");
    lab.read(1, &file, 0, 10);
    // Within a WRITE.
    let args = write_args(&file, 0, &pattern(3 * BLOCK, 2));
    let (_, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    lab.offer(1, &record(&call)[..2 * BLOCK]);
    assert_eq!(lab.pinned(), 2 * BLOCK);
    lab.gateway.client_closed(ClientId(1), lab.now);
    lab.assert_at_rest();
    // While its READ, its WRITEs (one queued) and others are at the origin.
    lab.hold = |_| true;
    lab.send(2, READ, &read_args(&file, 0, 4 * BLOCK as u32));
    lab.send(2, WRITE, &write_args(&file, 0, b"x"));
    lab.send(2, WRITE, &write_args(&file, 0, b"y"));
    lab.send(2, 1, &Out::new().opaque(&lab::file_handle(999)).0);
    lab.run();
    lab.gateway.client_closed(ClientId(2), lab.now);
    lab.hold = |_| false;
    lab.run();
    lab.assert_at_rest();
    // And when the origin never answers.
    lab.connect(3, std::net::Ipv4Addr::new(10, 0, 0, 9));
    lab.hold = |_| true;
    lab.send(3, WRITE, &write_args(&file, 0, b"x"));
    lab.send(3, 1, &Out::new().opaque(&file).0);
    lab.send_as(3, 5, READ, &read_args(&file, 2 * BLOCK as u64, 10));
    lab.send_as(3, 0, READ, &read_args(&file, 3 * BLOCK as u64, 10));
    lab.run();
    lab.gateway.client_closed(ClientId(3), lab.now);
    for link in lab.nfs_links() {
        lab.break_link(link);
    }
    assert_eq!(
        lab.gateway.stats().origin_calls_in_flight,
        1,
        "the WRITE's outcome is wanted, should its client come back"
    );
    lab.hold = |_| false;
    lab.tick(Duration::from_secs(1));
    lab.assert_at_rest();
}

#[test]
fn a_full_cache_holds_the_client_back_and_lets_it_go_on() {
    let limits = Limits {
        pinned: Some(100 * BLOCK),
        pinned_per_client: Some(100 * BLOCK),
        ..Limits::default()
    };
    let mut lab = Setup {
        blocks: 4,
        limits,
        ..Setup::default()
    }
    .start();
    let id = lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    lab.hold = |call| call.is_nfs(WRITE);
    lab.send(1, WRITE, &write_args(&file, 0, &pattern(2 * BLOCK, 1)));
    let args = write_args(&file, 2 * BLOCK as u64, &pattern(3 * BLOCK, 2));
    let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    let bytes = record(&call);
    let left = lab.offer(2, &bytes);
    assert!(left >= BLOCK, "the rest stays in the client's socket");
    let rest = bytes[bytes.len() - left..].to_vec();
    assert_eq!(lab.offer(2, &rest), left, "still");
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.offer(2, &rest), 0, "there is room again");
    lab.run();
    assert_eq!(lab.answer(2, xid).expect("answered").write().status, 0);
    assert_eq!(
        lab.origin.nodes[&id].data[2 * BLOCK..],
        pattern(3 * BLOCK, 2)
    );
    lab.assert_at_rest();
}

#[test]
fn a_client_that_does_not_read_its_replies_is_not_read_from() {
    let limits = Limits {
        calls_per_client: 8,
        ..Limits::default()
    };
    let mut lab = Setup {
        limits,
        ..Setup::default()
    }
    .start();
    lab.add_file("f", &pattern(100, 1));
    let file = lab.lookup(1, "f");
    lab.read_all(1, &file, 100);
    lab.keep_messages = true;
    let mut stream = Vec::new();
    for _ in 0..20 {
        let (_, call) = lab.call_bytes(100_003, 3, READ, 0, &read_args(&file, 0, 100));
        stream.extend(record(&call));
    }
    let mut left = lab.offer(1, &stream);
    assert_eq!(lab.kept.len(), 8);
    // One reply leaves, one more call is let in; without a byte more from the client.
    lab.kept.pop();
    lab.act();
    assert_eq!(lab.kept.len(), 8);
    // Others are served meanwhile.
    lab.send(2, READ, &read_args(&file, 0, 100));
    assert_eq!(lab.kept.pop().expect("served").0, ClientId(2));
    let mut answered = 9;
    while answered < 20 {
        answered += lab.kept.len();
        lab.kept.clear();
        lab.act();
        let rest = stream[stream.len() - left..].to_vec();
        left = lab.offer(1, &rest);
        assert!(lab.kept.len() <= 8);
        answered = answered.min(20);
    }
    lab.kept.clear();
    lab.act();
    lab.kept.clear();
    assert_eq!(left, 0);
    lab.assert_at_rest();
}

#[test]
fn one_clients_pins_do_not_shut_others_out() {
    let mut lab = Setup {
        blocks: 16,
        ..Setup::default()
    }
    .start();
    let data = pattern(16 * BLOCK, 1);
    lab.add_file("f", &data);
    let file = lab.lookup(1, "f");
    lab.keep_messages = true;
    let mut stream = Vec::new();
    for number in 0..16 {
        let args = read_args(&file, number * BLOCK as u64, BLOCK as u32);
        let (_, call) = lab.call_bytes(100_003, 3, READ, 0, &args);
        stream.extend(record(&call));
    }
    assert!(lab.offer(1, &stream) > 0);
    lab.run();
    assert_eq!(
        lab.kept.len(),
        3,
        "of twelve blocks half is for WRITEs midway, and one client gets half of the others"
    );
    lab.send(2, READ, &read_args(&file, 0, BLOCK as u32));
    lab.run();
    assert_eq!(lab.kept.last().expect("served").0, ClientId(2));
}

#[test]
fn running_out_of_buffers_delays_and_loses_nothing() {
    let limits = Limits {
        small_buffers: 80,
        large_buffers: 2,
        ..Limits::default()
    };
    let mut lab = Setup {
        limits,
        ..Setup::default()
    }
    .start();
    let data = pattern(40 * BLOCK, 1);
    lab.add_file("f", &data);
    let file = lab.lookup(1, "f");
    let mut waiting = Vec::new();
    let mut stream = Vec::new();
    for number in 0..30 {
        let args = read_args(&file, number * BLOCK as u64, 2 * BLOCK as u32);
        let (xid, call) = lab.call_bytes(100_003, 3, READ, 0, &args);
        waiting.push((number, xid));
        stream.extend(record(&call));
    }
    while !stream.is_empty() {
        let left = lab.offer(1, &stream);
        stream.drain(..stream.len() - left);
        lab.run();
    }
    for (number, xid) in waiting {
        let answer = lab.answer(1, xid).expect("answered").read();
        let start = number as usize * BLOCK;
        assert_eq!(answer.data, data[start..start + 2 * BLOCK]);
    }
    lab.assert_at_rest();
}

#[test]
fn a_listing_that_finds_no_buffers_is_asked_for_again() {
    let limits = Limits {
        large_buffers: 1,
        ..Limits::default()
    };
    let mut lab = Setup {
        limits,
        ..Setup::default()
    }
    .start();
    let root = lab.mount(1);
    for number in 0..600 {
        lab.add_file(&format!("file-{number}"), b"");
    }
    let args = Out::new()
        .opaque(&root)
        .u64(0)
        .u64(0)
        .u32(1 << 20)
        .u32(1 << 20)
        .0;
    assert_eq!(lab.call(1, 17, &args).status(), 10008, "JUKEBOX");
    assert_eq!(lab.call(1, 1, &Out::new().opaque(&root).0).status(), 0);
    lab.assert_at_rest();
}

#[test]
fn drain_finishes_what_is_in_flight_and_reads_no_more() {
    let mut lab = Lab::start();
    let id = lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    lab.hold = |call| call.is_nfs(WRITE);
    let write = lab.send(1, WRITE, &write_args(&file, 0, b"data"));
    let args = write_args(&file, 0, &pattern(2 * BLOCK, 2));
    let (_, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    lab.offer(2, &record(&call)[..BLOCK]);
    lab.gateway.drain();
    assert!(!lab.gateway.is_idle());
    assert_eq!(
        lab.pinned(),
        BLOCK,
        "the half-read WRITE is forgotten, the other is not"
    );
    let (_, call) = lab.call_bytes(100_003, 3, 0, 0, b"");
    assert_eq!(
        lab.offer(1, &record(&call)),
        call.len() + 4,
        "nothing is read"
    );
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(1, write).expect("answered").write().status, 0);
    assert_eq!(lab.origin.nodes[&id].data, b"data");
    lab.assert_at_rest();
}

#[test]
fn clients_beyond_the_bound_are_told_to_go() {
    let limits = Limits {
        clients: 2,
        ..Limits::default()
    };
    let mut lab = Setup {
        limits,
        ..Setup::default()
    }
    .start();
    lab.connect(3, std::net::Ipv4Addr::new(10, 0, 0, 9));
    lab.act();
    assert_eq!(lab.closed, [ClientId(3)]);
}

#[test]
fn an_origin_that_speaks_nonsense() {
    let mut lab = Lab::start();
    let data = pattern(100, 1);
    lab.add_file("f", &data);
    let file = lab.lookup(1, "f");
    lab.read(1, &file, 0, 0);
    // More data than was asked for.
    lab.hold = |call| call.is_nfs(READ);
    let read = lab.send(1, READ, &read_args(&file, 0, 100));
    lab.run();
    let mut reply = lab.execute(0);
    let count_at = 24 + 4 + 88;
    let too_much = (BLOCK as u32 + 4).to_be_bytes();
    reply.bytes[count_at..count_at + 4].copy_from_slice(&too_much);
    reply.bytes[count_at + 8..count_at + 12].copy_from_slice(&too_much);
    reply.bytes.resize(count_at + 12 + BLOCK + 4, 7);
    lab.deliver(&reply);
    assert_eq!(lab.answer(1, read).expect("answered").read().status, 5);
    // A reply that ends before its data.
    let read = lab.send(1, READ, &read_args(&file, 0, 100));
    lab.run();
    let mut reply = lab.execute(0);
    reply.bytes.truncate(count_at + 12 + 50);
    lab.deliver(&reply);
    assert_eq!(lab.answer(1, read).expect("answered").read().status, 5);
    // A reply that is none.
    let getattr = lab.send(1, READ, &read_args(&file, 0, 100));
    lab.run();
    let mut reply = lab.execute(0);
    reply.bytes.truncate(9);
    lab.deliver(&reply);
    assert_eq!(lab.answer(1, getattr).expect("answered").read().status, 5);
    assert_eq!(lab.gateway.stats().origin_protocol_errors, 3);
    lab.hold = |_| false;
    assert_eq!(lab.read(1, &file, 0, 100).data, data, "and it goes on");
    lab.assert_at_rest();
}
