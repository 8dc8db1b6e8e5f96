//! RPC and the programs: what is answered here, and how what is wrong is refused.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use gateway::{ClientId, ConnectionError};
use lab::xdr::{In, Out, fragmented, record};
use lab::{BLOCK, Lab, READ, WRITE, pattern, read_args, write_args};

fn reply_to(lab: &mut Lab, program: u32, version: u32, procedure: u32, args: &[u8]) -> Vec<u32> {
    let (xid, call) = lab.call_bytes(program, version, procedure, 0, args);
    assert_eq!(lab.offer(1, &record(&call)), 0);
    lab.run();
    let reply = lab.reply(1, xid).expect("answered");
    let words = reply.chunks(4).map(|word| In(word).u32());
    words.skip(1).collect()
}

const PORTMAP: u32 = 100_000;

#[test]
fn what_there_is_not_is_refused_as_the_rfc_says() {
    let mut lab = Lab::start();
    assert_eq!(
        reply_to(&mut lab, 100_021, 4, 0, b""),
        [1, 0, 0, 0, 1],
        "PROG_UNAVAIL"
    );
    assert_eq!(
        reply_to(&mut lab, 100_003, 4, 1, b""),
        [1, 0, 0, 0, 2, 3, 3],
        "PROG_MISMATCH"
    );
    assert_eq!(
        reply_to(&mut lab, 100_005, 1, 0, b""),
        [1, 0, 0, 0, 2, 3, 3]
    );
    assert_eq!(
        reply_to(&mut lab, 100_227, 2, 0, b""),
        [1, 0, 0, 0, 2, 3, 3]
    );
    assert_eq!(
        reply_to(&mut lab, PORTMAP, 1, 0, b""),
        [1, 0, 0, 0, 2, 2, 4]
    );
    assert_eq!(
        reply_to(&mut lab, 100_003, 3, 22, b""),
        [1, 0, 0, 0, 3],
        "PROC_UNAVAIL"
    );
    assert_eq!(
        reply_to(&mut lab, 100_003, 3, 1, b""),
        [1, 0, 0, 0, 4],
        "GARBAGE_ARGS"
    );
    let long = Out::new().opaque(&[1; 65]).0;
    assert_eq!(reply_to(&mut lab, 100_003, 3, 1, &long), [1, 0, 0, 0, 4]);
    assert_eq!(
        reply_to(&mut lab, 100_003, 3, 0, b""),
        [1, 0, 0, 0, 0],
        "NULL"
    );
    for program in [100_005, 100_227] {
        assert_eq!(reply_to(&mut lab, program, 3, 0, b""), [1, 0, 0, 0, 0]);
    }
    lab.assert_at_rest();
}

#[test]
fn other_flavors_and_versions_of_rpc_are_denied() {
    let mut lab = Lab::start();
    let call = |flavor: u32, body: &[u8], rpc_version: u32, procedure: u32| {
        Out::new()
            .u32(77)
            .u32(0)
            .u32(rpc_version)
            .u32(100_003)
            .u32(3)
            .u32(procedure)
            .u32(flavor)
            .opaque(body)
            .u32(0)
            .u32(0)
            .0
    };
    for (bytes, expected) in [
        (call(0, b"", 2, 0), vec![77, 1, 0, 0, 0, 0]),
        (call(7, b"", 2, 0), vec![77, 1, 1, 1, 1]),
        (call(6, b"token...", 2, 0), vec![77, 1, 1, 1, 5]),
        (call(6, b"token...", 2, 7), vec![77, 1, 1, 1, 5]),
        (call(3, b"", 2, 0), vec![77, 1, 1, 1, 2]),
        (call(1, b"shrt", 2, 0), vec![77, 1, 1, 1, 1]),
        (call(0, b"", 3, 0), vec![77, 1, 1, 0, 2, 2]),
    ] {
        lab.offer(1, &record(&bytes));
        let reply = lab.reply(1, 77).expect("answered");
        let words: Vec<u32> = reply.chunks(4).map(|word| In(word).u32()).collect();
        assert_eq!(words, expected);
    }
    lab.assert_at_rest();
}

#[test]
fn portmap_knows_our_programs() {
    let mut lab = Lab::start();
    let getport =
        |program: u32, protocol: u32| Out::new().u32(program).u32(3).u32(protocol).u32(0).0;
    let port = |lab: &mut Lab, args: &[u8]| reply_to(lab, PORTMAP, 2, 3, args)[5];
    assert_eq!(port(&mut lab, &getport(100_003, 6)), 2049);
    assert_eq!(port(&mut lab, &getport(100_003, 17)), 0, "no UDP");
    assert_eq!(port(&mut lab, &getport(100_024, 6)), 0);
    let binding = |netid: &[u8]| {
        Out::new()
            .u32(100_005)
            .u32(3)
            .opaque(netid)
            .opaque(b"")
            .opaque(b"")
            .0
    };
    for version in [3, 4] {
        let (xid, call) = lab.call_bytes(PORTMAP, version, 3, 0, &binding(b"tcp"));
        lab.offer(1, &record(&call));
        let answer = lab.answer(1, xid).expect("answered");
        assert_eq!(In(&answer.0).opaque(), b"10.0.0.1.8.1");
        let words = reply_to(&mut lab, PORTMAP, version, 3, &binding(b"udp"));
        assert_eq!(words[5], 0, "an empty address");
        assert_eq!(
            reply_to(&mut lab, PORTMAP, version, 1, &binding(b"tcp"))[5],
            0,
            "SET is refused"
        );
        assert_eq!(
            reply_to(&mut lab, PORTMAP, version, 4, b"")[5],
            1,
            "DUMP has entries"
        );
    }
    assert_eq!(reply_to(&mut lab, PORTMAP, 2, 4, b"").len(), 5 + 6 * 5 + 1);
    assert_eq!(reply_to(&mut lab, PORTMAP, 2, 5, b""), [1, 0, 0, 0, 3]);
    lab.assert_at_rest();
}

#[test]
fn mounts_are_listed_until_they_are_gone() {
    let mut lab = Lab::start();
    lab.mount(1);
    let dump = reply_to(&mut lab, 100_005, 3, 2, b"");
    assert_eq!(dump[5], 1);
    let path = Out::new().opaque(b"/export").0;
    assert_eq!(reply_to(&mut lab, 100_005, 3, 3, &path), [1, 0, 0, 0, 0]);
    assert_eq!(reply_to(&mut lab, 100_005, 3, 2, b"")[5], 0);
    let exports = reply_to(&mut lab, 100_005, 3, 5, b"");
    assert_eq!(exports[5..7], [1, 7]);
    assert_eq!(reply_to(&mut lab, 100_005, 3, 4, b""), [1, 0, 0, 0, 0]);
    assert_eq!(reply_to(&mut lab, 100_005, 3, 6, b""), [1, 0, 0, 0, 3]);
}

#[test]
fn sizes_are_ours_and_the_rest_is_the_origins() {
    let mut lab = Lab::start();
    let root = lab.mount(1);
    let answer = lab.call(1, 19, &Out::new().opaque(&root).0);
    let mut sizes = In(&answer.0[4 + 4 + 84..]);
    let sizes: Vec<u32> = (0..7).map(|_| sizes.u32()).collect();
    assert_eq!(
        sizes,
        [1 << 20, 1 << 20, 512, 1 << 20, 1 << 20, 512, 64 << 10]
    );
    assert_eq!(answer.0.len(), 4 + 88 + 28 + 8 + 8 + 4);
}

#[test]
fn access_control_lists_pass_through() {
    let mut lab = Lab::start();
    let root = lab.mount(1);
    let words = reply_to(
        &mut lab,
        100_227,
        3,
        1,
        &Out::new().opaque(&root).u32(0xf).0,
    );
    assert_eq!(words[..6], [1, 0, 0, 0, 0, 0]);
    let stale = Out::new().opaque(&lab::file_handle(12_345)).u32(0xf).0;
    assert_eq!(reply_to(&mut lab, 100_227, 3, 1, &stale)[5], 70);
}

#[test]
fn calls_reach_the_origin_byte_for_byte() {
    let mut lab = Lab::start();
    let root = lab.mount(1);
    let args = Out::new().opaque(&root).opaque(b"some name").0;
    let (_, call) = lab.call_bytes(100_003, 3, 3, 1234, &args);
    lab.offer(1, &record(&call));
    let (_, sent) = lab.sent.last().expect("passed on").clone();
    assert_eq!(sent[8..], call[4..], "all but the xid");
    lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    for len in [0, 1, 2, 3, 70_001] {
        let args = write_args(&file, 5, &pattern(len, 1));
        let (_, call) = lab.call_bytes(100_003, 3, WRITE, 99, &args);
        assert_eq!(lab.offer(1, &record(&call)), 0);
        let (_, sent) = lab.sent.last().expect("passed on").clone();
        assert_eq!(sent[8..], call[4..], "all but the xid");
        lab.run();
    }
    lab.assert_at_rest();
}

#[test]
fn any_fragmentation_and_any_delivery() {
    for fragment in [1, 3, 37, 1000, 1 << 20] {
        for delivery in [1, 5, 1001, 1 << 20] {
            let mut lab = Lab::start();
            lab.add_file("f", b"");
            let file = lab.lookup(1, "f");
            let data = pattern(BLOCK + 777, 1);
            let mut stream = Vec::new();
            let (write, call) = lab.call_bytes(100_003, 3, WRITE, 0, &write_args(&file, 9, &data));
            // At most as many fragments as a record may have.
            stream.extend(fragmented(&call, fragment.max(2)));
            let args = Out::new().opaque(&file).0;
            let (getattr, call) = lab.call_bytes(100_003, 3, 1, 0, &args);
            stream.extend(fragmented(&call, fragment));
            for chunk in stream.chunks(delivery) {
                assert_eq!(lab.offer(1, chunk), 0);
            }
            lab.run();
            assert_eq!(lab.answer(1, write).expect("answered").write().status, 0);
            assert_eq!(lab.answer(1, getattr).expect("answered").status(), 0);
            // And the origin's replies in pieces of any size.
            let id = lab.add_file("g", &data);
            lab.hold = |call| call.is_nfs(READ) || call.is_nfs(4);
            let file = lab::file_handle(id);
            let read = lab.send(2, READ, &read_args(&file, 1, 1 << 20));
            for _ in 0..3 {
                lab.run();
                while !lab.pending.is_empty() {
                    let reply = lab.execute(0);
                    let bytes = fragmented(&reply.bytes, fragment.max(2));
                    for chunk in bytes.chunks(delivery) {
                        lab.deliver_bytes(reply.link, chunk).expect("good");
                    }
                }
            }
            assert_eq!(
                lab.answer(2, read).expect("answered").read().data,
                data[1..]
            );
            lab.assert_at_rest();
        }
    }
}

#[test]
fn a_stream_that_cannot_be_followed_is_closed() {
    let mut lab = Lab::start();
    let offer = |lab: &mut Lab, bytes: &[u8]| {
        let now = lab.now;
        lab.gateway.client_bytes(ClientId(1), bytes, now)
    };
    let too_long = (0x8000_0000_u32 | (2 << 20)).to_be_bytes();
    assert_eq!(offer(&mut lab, &too_long), Err(ConnectionError::Record));
    let mut lab = Lab::start();
    assert_eq!(
        offer(&mut lab, &record(b"abc")),
        Err(ConnectionError::NotRpc)
    );
    let mut lab = Lab::start();
    let reply = Out::new().u32(1).u32(1).u32(0).0;
    assert_eq!(
        offer(&mut lab, &record(&reply)),
        Err(ConnectionError::NotRpc)
    );
    let mut lab = Lab::start();
    let (_, call) = lab.call_bytes(100_003, 3, 3, 0, &[0; 40_000]);
    assert_eq!(
        offer(&mut lab, &record(&call)),
        Err(ConnectionError::CallTooLong)
    );
    let mut lab = Lab::start();
    let empty = [0_u8; 4].repeat(200_000);
    assert_eq!(offer(&mut lab, &empty), Err(ConnectionError::Record));
    assert_eq!(
        lab.gateway.client_bytes(ClientId(99), b"", lab.now),
        Err(ConnectionError::UnknownConnection)
    );
}

#[test]
fn lengths_on_the_wire_take_no_memory() {
    let mut lab = Lab::start();
    lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    let before = lab.gateway.stats().meta_buffers;
    // A megabyte is announced, a kilobyte comes.
    let args = write_args(&file, 0, &[1; 1 << 20]);
    let (_, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    assert_eq!(lab.offer(1, &record(&call)[..1200]), 0);
    assert_eq!(lab.pinned(), BLOCK, "one block, not sixteen");
    assert!(lab.gateway.stats().meta_buffers <= before + 2);
}
