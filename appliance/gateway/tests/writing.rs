//! WRITE: through pinned blocks, readable after the reply, and what replies say about other writers.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use gateway::{ClientId, Limits, Payload};
use lab::xdr::{In, Out, record};
use lab::{BLOCK, Lab, READ, Setup, WRITE, pattern, read_args, write_args};

#[test]
fn what_was_written_is_at_the_origin_and_is_read_from_the_cache() {
    for (offset, len) in [
        (0, 1),
        (0, 4095),
        (3, BLOCK),
        (0, BLOCK + 1),
        (BLOCK - 1, 2),
        (0, 1 << 20),
        (777, (1 << 20) - 999),
    ] {
        let mut lab = Lab::start();
        let id = lab.add_file("f", b"");
        let file = lab.lookup(1, "f");
        let data = pattern(len, 7);
        let answer = lab.write(1, &file, offset as u64, &data);
        assert_eq!((answer.status, answer.count as usize), (0, len));
        assert_eq!(answer.committed, 2, "as the origin said");
        assert_eq!(answer.verifier, lab.origin.write_verifier);
        let mut whole = vec![0; offset];
        whole.extend(&data);
        assert_eq!(lab.origin.nodes[&id].data, whole);
        assert_eq!(lab.gateway.stats().origin_writes, 1, "one call as it came");
        let read = lab.read(2, &file, offset as u64, len as u32);
        assert_eq!(read.data, data);
        assert_eq!(read.size, Some(whole.len() as u64));
        assert_eq!(lab.gateway.stats().origin_reads, 0, "{offset} {len}");
        assert_eq!(lab.read_all(2, &file, 1 << 20), whole);
        lab.assert_at_rest();
    }
}

#[test]
fn writes_merge_with_what_is_cached_next_to_them() {
    let mut lab = Lab::start();
    let mut content = pattern(BLOCK, 1);
    lab.add_file("f", &content);
    let file = lab.lookup(1, "f");
    assert_eq!(lab.read_all(1, &file, 1 << 20), content);
    for (offset, len, seed) in [(100, 50, 2), (0, 10, 3), (BLOCK - 5, 5, 4), (120, 600, 5)] {
        let data = pattern(len, seed);
        lab.write(1, &file, offset as u64, &data);
        content[offset..offset + len].copy_from_slice(&data);
        assert_eq!(lab.read_all(2, &file, 1 << 20), content);
    }
    assert_eq!(
        lab.gateway.stats().origin_reads,
        1,
        "all later reads were hits"
    );
    // Growing: the new end is known without asking.
    let tail = pattern(100, 9);
    lab.write(1, &file, BLOCK as u64, &tail);
    content.extend(&tail);
    assert_eq!(lab.read_all(2, &file, 1 << 20), content);
    assert_eq!(lab.gateway.stats().origin_reads, 1);
    lab.assert_at_rest();
}

#[test]
fn pieces_that_do_not_touch_are_not_joined() {
    let mut lab = Lab::start();
    let mut content = vec![0; 5000];
    lab.add_file("f", &content);
    let file = lab.lookup(1, "f");
    for offset in [100, 3000] {
        let data = pattern(50, 2);
        lab.write(1, &file, offset as u64, &data);
        content[offset..offset + 50].copy_from_slice(&data);
    }
    assert_eq!(lab.read_all(1, &file, 5000), content);
    lab.assert_at_rest();
}

#[test]
fn a_block_is_pinned_until_the_reply_and_not_reused_before_the_wire_lets_go() {
    let limits = Limits {
        pinned: Some(100 * BLOCK),
        pinned_per_client: Some(100 * BLOCK),
        ..Limits::default()
    };
    let setup = Setup {
        blocks: 4,
        limits,
        ..Setup::default()
    };
    let mut lab = setup.start();
    lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    let files: Vec<Vec<u8>> = (0..4)
        .map(|number| {
            let name = format!("g{number}");
            lab.add_file(&name, &pattern(BLOCK, 50));
            lab.lookup(1, &name)
        })
        .collect();
    lab.hold = |call| call.is_nfs(WRITE);
    let data = pattern(BLOCK, 1);
    lab.keep_messages = false;
    let (_, call) = lab.call_bytes(100_003, 3, WRITE, 0, &write_args(&file, 0, &data));
    let taken = lab
        .gateway
        .client_bytes(ClientId(1), &record(&call), lab.now)
        .expect("good");
    assert_eq!(taken, call.len() + 4);
    // The transport takes the message, as TCP would, and lends the block to a wire.
    let mut loan = None;
    let mut pulled = None;
    while let Some(action) = lab.gateway.poll_action() {
        if let gateway::Action::SendToOrigin {
            mut message,
            origin,
        } = action
        {
            let mut bytes = Vec::new();
            while let Some(part) = message.pop_front() {
                bytes.extend_from_slice(part.bytes());
                if let Payload::Block(slice) = &part {
                    loan = Some(slice.lend(0..1000));
                    pulled = Some(slice.share());
                }
            }
            lab.pending.push_back(lab::Pending {
                link: origin,
                call: lab::origin::Call::parse(&bytes[4..]),
            });
        }
    }
    assert_eq!(lab.pinned(), BLOCK);
    // Acknowledged by TCP, but neither answered nor let go of by the wire.
    drop(pulled);
    assert_eq!(lab.pinned(), BLOCK, "the RPC is not settled");
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.pinned(), 0, "the RPC is settled");
    assert_eq!(lab.gateway.cache().stats().wire_references, 1);
    // The three other blocks are taken by answers nobody reads.
    lab.keep_messages = true;
    for other in &files[..3] {
        lab.send(1, READ, &read_args(other, 0, BLOCK as u32));
        lab.run();
    }
    assert_eq!(lab.kept.len(), 3);
    lab.send(1, READ, &read_args(&files[3], 0, BLOCK as u32));
    lab.run();
    assert_eq!(
        lab.pending_of(READ).len() + lab.kept.len(),
        3,
        "the block on the wire is not free"
    );
    drop(loan);
    lab.run();
    assert_eq!(lab.kept.len(), 4, "now it is");
    lab.kept.clear();
    assert_eq!(lab.gateway.cache().stats().wire_references, 0);
    lab.assert_at_rest();
}

#[test]
fn a_write_is_not_readable_before_its_reply() {
    let mut lab = Lab::start();
    lab.add_file("f", &pattern(100, 1));
    let file = lab.lookup(1, "f");
    lab.read_all(1, &file, 100);
    lab.hold = |call| call.is_nfs(WRITE);
    let write = lab.send(1, WRITE, &write_args(&file, 0, &pattern(100, 2)));
    lab.run();
    assert_eq!(lab.read(2, &file, 0, 100).data, pattern(100, 1));
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(1, write).expect("answered").write().status, 0);
    assert_eq!(lab.read(2, &file, 0, 100).data, pattern(100, 2));
    lab.assert_at_rest();
}

#[test]
fn a_fill_that_raced_with_a_write_is_not_published() {
    fill_races_with_write(false);
}

#[test]
fn not_even_within_one_tick_of_the_origins_clock() {
    fill_races_with_write(true);
}

fn fill_races_with_write(clock_stands_still: bool) {
    let mut lab = Lab::start();
    let id = lab.add_file("f", &pattern(1000, 1));
    let file = lab.lookup(1, "f");
    lab.read(1, &file, 0, 0);
    lab.origin.clock_stands_still = clock_stands_still;
    lab.hold = |call| call.is_nfs(READ) || call.is_nfs(WRITE);
    let read = lab.send(1, READ, &read_args(&file, 0, 1000));
    lab.run();
    // The origin reads before the write, and its answer arrives after the write's.
    let old = lab.execute(lab.pending_of(READ)[0]);
    let write = lab.send(2, WRITE, &write_args(&file, 0, &pattern(1000, 2)));
    lab.run();
    let confirmed = lab.execute(lab.pending_of(WRITE)[0]);
    lab.deliver(&confirmed);
    assert_eq!(lab.answer(2, write).expect("answered").write().status, 0);
    // Whoever asks now must not be given what is under way.
    lab.hold = |_| false;
    assert_eq!(lab.read(2, &file, 0, 1000).data, pattern(1000, 2));
    lab.deliver(&old);
    lab.run();
    assert_eq!(
        lab.answer(1, read).expect("answered").read().data,
        pattern(1000, 1)
    );
    assert_eq!(lab.read(1, &file, 0, 1000).data, pattern(1000, 2));
    assert_eq!(lab.origin.nodes[&id].data, pattern(1000, 2));
    lab.assert_at_rest();
}

#[test]
fn a_late_reply_does_not_hide_the_end_of_what_was_written() {
    let mut lab = Lab::start();
    lab.add_file("f", &pattern(100, 1));
    let file = lab.lookup(1, "f");
    // An ACCESS is executed before the WRITE, and answered after it.
    lab.hold = |call| call.is_nfs(4) || call.is_nfs(WRITE);
    lab.send(2, READ, &read_args(&file, 200, 10));
    lab.run();
    let late = lab.execute(lab.pending_of(4)[0]);
    lab.hold = |_| false;
    assert_eq!(lab.write(1, &file, 100, &pattern(200, 2)).status, 0);
    lab.deliver(&late);
    lab.run();
    let answer = lab.read(1, &file, 150, 10);
    assert_eq!(answer.data, pattern(200, 2)[50..60]);
    lab.assert_at_rest();
}

#[test]
fn overlapping_writes_reach_the_origin_one_after_the_other() {
    let mut lab = Lab::start();
    lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    lab.hold = |call| call.is_nfs(WRITE);
    let first = lab.send(1, WRITE, &write_args(&file, 0, &pattern(1000, 1)));
    let second = lab.send(2, WRITE, &write_args(&file, 999, &pattern(1000, 2)));
    let apart = lab.send(2, WRITE, &write_args(&file, 5000, &pattern(10, 3)));
    lab.run();
    assert_eq!(
        lab.pending_of(WRITE).len(),
        2,
        "the second waits, the third does not"
    );
    let reply = lab.execute(lab.pending_of(WRITE)[0]);
    lab.deliver(&reply);
    assert_eq!(lab.pending_of(WRITE).len(), 2);
    lab.hold = |_| false;
    lab.run();
    for (client, xid) in [(1, first), (2, second), (2, apart)] {
        assert_eq!(lab.answer(client, xid).expect("answered").write().status, 0);
    }
    assert_eq!(
        lab.read(1, &file, 990, 20).data[9..],
        pattern(1000, 2)[..11]
    );
    lab.assert_at_rest();
}

#[test]
fn replies_in_any_order_keep_the_blocks() {
    let mut lab = Lab::start();
    lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    lab.hold = |call| call.is_nfs(WRITE);
    for number in 0..4 {
        let data = pattern(BLOCK, number as u8);
        lab.send(1, WRITE, &write_args(&file, number * BLOCK as u64, &data));
    }
    lab.run();
    let mut replies: Vec<_> = (0..4).map(|_| lab.execute(0)).collect();
    replies.swap(0, 3);
    replies.swap(1, 3);
    for reply in &replies {
        lab.deliver(reply);
    }
    lab.hold = |_| false;
    for number in 0..4 {
        let read = lab.read(2, &file, number * BLOCK as u64, BLOCK as u32);
        assert_eq!(read.data, pattern(BLOCK, number as u8));
    }
    assert_eq!(lab.gateway.stats().origin_reads, 0);
    lab.assert_at_rest();
}

#[test]
fn whoever_is_told_of_a_later_state_is_not_given_the_bytes_from_before() {
    let mut lab = Lab::start();
    let id = lab.add_file("f", &pattern(100, 1));
    let file = lab.lookup(1, "f");
    lab.read_all(1, &file, 100);
    lab.hold = |call| call.is_nfs(WRITE);
    lab.send(1, WRITE, &write_args(&file, 0, &pattern(10, 2)));
    lab.send(1, WRITE, &write_args(&file, 50, &pattern(10, 3)));
    lab.run();
    let first = lab.execute(0);
    let second = lab.execute(0);
    lab.deliver(&second);
    lab.hold = |_| false;
    let content = lab.origin.nodes[&id].data.clone();
    // What GETATTR tells comes after both, though the first has no reply yet.
    lab.send(2, 1, &Out::new().opaque(&file).0);
    lab.run();
    assert_eq!(lab.read(2, &file, 0, 100).data, content);
    lab.deliver(&first);
    assert_eq!(lab.read(2, &file, 0, 100).data, content);
    lab.assert_at_rest();
}

#[test]
fn somebody_else_in_between_drops_the_blocks() {
    let mut lab = Lab::start();
    let id = lab.add_file("f", &pattern(3 * BLOCK, 1));
    let file = lab.lookup(1, "f");
    lab.read_all(1, &file, 1 << 20);
    lab.hold = |call| call.is_nfs(WRITE);
    lab.send(1, WRITE, &write_args(&file, 0, &pattern(10, 2)));
    lab.send(1, WRITE, &write_args(&file, 10, &pattern(10, 3)));
    lab.run();
    let first = lab.execute(0);
    lab.origin.change(id, |data| data[BLOCK + 5] ^= 0xff);
    let second = lab.execute(0);
    lab.deliver(&second);
    lab.deliver(&first);
    lab.hold = |_| false;
    let content = lab.origin.nodes[&id].data.clone();
    assert_eq!(lab.read_all(2, &file, 1 << 20), content);
    lab.assert_at_rest();
}

/// Whoever is told of the state before a WRITE, after it was answered, is not given its bytes: the origin has lost
/// them, and nobody can tell while other WRITEs are in flight.
#[test]
fn what_a_restarted_origin_has_lost_is_not_read_from_the_cache() {
    for gives_before in [false, true] {
        let mut lab = Lab::start();
        lab.origin.gives_before = gives_before;
        let id = lab.add_file("f", &pattern(2 * BLOCK, 1));
        let file = lab.lookup(1, "f");
        let before = lab.origin.nodes[&id].clone();
        lab.hold = |call| call.is_nfs(WRITE);
        // The first is carried out and never answered.
        for offset in [0, BLOCK as u64] {
            lab.send(1, WRITE, &write_args(&file, offset, &pattern(BLOCK, 2)));
        }
        lab.act();
        let writes = lab.pending_of(WRITE);
        lab.execute(writes[0]);
        let answered = lab.execute(writes[0]);
        lab.deliver(&answered);
        lab.origin.nodes.insert(id, before);
        assert_eq!(lab.getattr(2, &file).status(), 0);
        let read = lab.read(2, &file, BLOCK as u64, BLOCK as u32).data;
        assert!(read == pattern(2 * BLOCK, 1)[BLOCK..], "{gives_before}");
    }
}

#[test]
fn an_origin_without_pre_operation_attributes_costs_hits_and_nothing_else() {
    let mut lab = Lab::start();
    lab.origin.gives_before = false;
    lab.add_file("f", &pattern(100, 1));
    let file = lab.lookup(1, "f");
    lab.read_all(1, &file, 100);
    let reads = lab.gateway.stats().origin_reads;
    lab.write(1, &file, 10, &pattern(20, 2));
    let mut content = pattern(100, 1);
    content[10..30].copy_from_slice(&pattern(20, 2));
    assert_eq!(lab.read_all(1, &file, 100), content);
    assert_eq!(lab.gateway.stats().origin_reads, reads + 1);
    assert_eq!(lab.read_all(1, &file, 100), content);
    assert_eq!(
        lab.gateway.stats().origin_reads,
        reads + 1,
        "and then it is cached"
    );
    lab.assert_at_rest();
}

#[test]
fn a_short_write_is_passed_on_and_only_what_was_written_is_readable() {
    let mut lab = Lab::start();
    lab.add_file("f", &pattern(1000, 1));
    let file = lab.lookup(1, "f");
    lab.read_all(1, &file, 1000);
    lab.origin.write_count_excess = -400;
    let answer = lab.write(1, &file, 0, &pattern(1000, 2));
    assert_eq!(answer.count, 600);
    let mut content = pattern(1000, 1);
    content[..600].copy_from_slice(&pattern(1000, 2)[..600]);
    assert_eq!(lab.read_all(1, &file, 1000), content);
    lab.assert_at_rest();
}

#[test]
fn a_server_that_confirms_too_much_is_not_believed() {
    let mut lab = Lab::start();
    let id = lab.add_file("f", &pattern(1000, 1));
    let file = lab.lookup(1, "f");
    lab.read_all(1, &file, 1000);
    lab.origin.write_count_excess = 1;
    assert_eq!(lab.write(1, &file, 0, &pattern(100, 2)).status, 5);
    assert_eq!(lab.gateway.stats().origin_protocol_errors, 1);
    lab.origin.write_count_excess = 0;
    lab.origin.change(id, |data| data[0] = 99);
    assert_eq!(lab.read(1, &file, 0, 1).data, [99], "it is read again");
    lab.assert_at_rest();
}

#[test]
fn a_count_that_is_not_the_length_of_the_data() {
    let mut lab = Lab::start();
    lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    let args = Out::new()
        .opaque(&file)
        .u64(0)
        .u32(11)
        .u32(2)
        .opaque(b"0123456789")
        .0;
    let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    lab.offer(1, &record(&call));
    let reply = lab.reply(1, xid).expect("answered");
    assert_eq!(In(&reply[20..]).u32(), 4, "GARBAGE_ARGS");
    // The data ends before the length says.
    let args = write_args(&file, 0, &[1; 1000]);
    let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args[..args.len() - 8]);
    lab.offer(1, &record(&call));
    let reply = lab.reply(1, xid).expect("answered");
    assert_eq!(In(&reply[20..]).u32(), 4, "GARBAGE_ARGS");
    assert_eq!(lab.gateway.stats().origin_writes, 0);
    lab.assert_at_rest();
}

#[test]
fn an_offset_beyond_every_file() {
    let mut lab = Lab::start();
    lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    let xid = lab.send(1, WRITE, &write_args(&file, u64::MAX - 3, b"0123456789"));
    assert_eq!(lab.answer(1, xid).expect("answered").status(), 27);
    assert_eq!(
        lab.write(1, &file, 0, b"").status,
        0,
        "and nothing is lost of the stream"
    );
    lab.assert_at_rest();
}

#[test]
fn truncating_makes_old_blocks_unreadable() {
    let mut lab = Lab::start();
    lab.add_file("f", &pattern(1000, 1));
    let file = lab.lookup(1, "f");
    lab.read_all(1, &file, 1000);
    let args = Out::new().opaque(&file).u32(0).u32(0).u32(0).u32(1).u64(10);
    let args = args.u32(0).u32(0).u32(0).0;
    assert_eq!(lab.call(1, 2, &args).status(), 0);
    assert_eq!(lab.read_all(2, &file, 1000), pattern(1000, 1)[..10]);
    lab.assert_at_rest();
}

#[test]
fn a_write_that_was_overtaken_by_a_truncation_is_not_published() {
    let mut lab = Lab::start();
    lab.add_file("f", &pattern(1000, 1));
    let file = lab.lookup(1, "f");
    lab.hold = |call| call.is_nfs(WRITE) || call.is_nfs(2);
    lab.send(1, WRITE, &write_args(&file, 0, &pattern(1000, 2)));
    let args = Out::new().opaque(&file).u32(0).u32(0).u32(0).u32(1).u64(10);
    lab.send(2, 2, &args.u32(0).u32(0).u32(0).0);
    lab.run();
    let written = lab.execute(lab.pending_of(WRITE)[0]);
    let truncated = lab.execute(lab.pending_of(2)[0]);
    lab.deliver(&truncated);
    lab.deliver(&written);
    lab.hold = |_| false;
    assert_eq!(lab.read_all(1, &file, 1000), pattern(1000, 2)[..10]);
    lab.assert_at_rest();
}

#[test]
fn a_foreign_change_is_seen_with_the_next_attributes() {
    let mut lab = Lab::start();
    let id = lab.add_file("f", &pattern(1000, 1));
    let file = lab.lookup(1, "f");
    lab.read_all(1, &file, 1000);
    lab.origin.change(id, |data| data[7] = 0);
    lab.getattr(2, &file);
    assert_eq!(lab.read(2, &file, 7, 1).data, [0]);
    // Seen while a write of ours is under way, too.
    lab.hold = |call| call.is_nfs(WRITE);
    lab.send(1, WRITE, &write_args(&file, 500, b"x"));
    lab.run();
    lab.origin.change(id, |data| data[7] = 1);
    lab.getattr(2, &file);
    assert_eq!(lab.read(2, &file, 7, 1).data, [1]);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.read(2, &file, 7, 1).data, [1]);
    lab.assert_at_rest();
}

#[test]
fn attributes_that_arrive_late_do_not_revive_what_was_dropped() {
    let mut lab = Lab::start();
    let id = lab.add_file("f", &pattern(1000, 1));
    let file = lab.lookup(1, "f");
    lab.read_all(1, &file, 1000);
    lab.hold = |call| call.is_nfs(1) || call.is_nfs(READ);
    lab.send(1, 1, &Out::new().opaque(&file).0);
    lab.run();
    let late = lab.execute(0);
    lab.origin.change(id, |data| data[7] = 0);
    lab.send(1, 1, &Out::new().opaque(&file).0);
    lab.run();
    let new = lab.execute(0);
    lab.deliver(&new);
    lab.send(2, READ, &read_args(&file, 0, 1000));
    lab.run();
    let fill = lab.execute(0);
    lab.deliver(&late);
    lab.deliver(&fill);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.read(2, &file, 7, 1).data, [0]);
    assert_eq!(lab.read(2, &file, 7, 1).data, [0]);
}
