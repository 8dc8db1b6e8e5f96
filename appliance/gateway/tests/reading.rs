//! READ: misses, hits, sharing, ends of files, permissions.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use lab::{BLOCK, Lab, READ, Setup, block_parts, pattern, read_args};

#[test]
fn the_second_read_of_a_file_does_not_reach_the_origin() {
    for len in [0, 1, 4095, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17] {
        let mut lab = Lab::start();
        let data = pattern(len, 3);
        lab.add_file("f", &data);
        let file = lab.lookup(1, "f");
        assert_eq!(lab.read_all(1, &file, 1 << 20), data);
        let reads = lab.gateway.stats().origin_reads;
        assert_eq!(reads as usize, len.div_ceil(BLOCK), "one READ a block");
        let calls = lab.gateway.stats().origin_calls;
        let misses = lab.gateway.cache().stats().misses;
        assert_eq!(
            lab.read_all(2, &file, 50_000),
            data,
            "for another client too"
        );
        assert_eq!(lab.gateway.stats().origin_calls, calls, "of length {len}");
        assert_eq!(lab.gateway.cache().stats().misses, misses);
        lab.assert_at_rest();
    }
}

#[test]
fn data_leaves_as_references_to_blocks_and_padding_comes_from_elsewhere() {
    let mut lab = Lab::start();
    lab.add_file("f", &pattern(BLOCK + 2, 3));
    let file = lab.lookup(1, "f");
    lab.read_all(1, &file, 1 << 20);
    lab.keep_messages = true;
    lab.send(1, READ, &read_args(&file, 11, 1 << 20));
    let (_, message) = lab.kept.pop().expect("answered from the cache at once");
    assert_eq!(block_parts(&message), 2);
    assert_eq!(message.parts().last().expect("padding").bytes(), [0_u8]);
    assert_eq!(lab.pinned(), 2 * BLOCK, "as long as it waits to be sent");
    drop(message);
    lab.assert_at_rest();
}

#[test]
fn concurrent_readers_share_one_origin_read() {
    let mut lab = Lab::start();
    let data = pattern(BLOCK, 1);
    lab.add_file("f", &data);
    let file = lab.lookup(1, "f");
    lab.hold = |call| call.is_nfs(READ);
    let xids: Vec<(u64, u32)> = (0..10)
        .map(|n| {
            (
                1 + n % 2,
                lab.send(1 + n % 2, READ, &read_args(&file, n * 100, 5000)),
            )
        })
        .collect();
    lab.run();
    assert_eq!(lab.pending_of(READ).len(), 1);
    assert_eq!(lab.pending_of(4).len(), 0, "and one ACCESS");
    lab.hold = |_| false;
    lab.run();
    for (n, (client, xid)) in xids.into_iter().enumerate() {
        let answer = lab.answer(client, xid).expect("answered").read();
        assert_eq!(answer.data, data[n * 100..n * 100 + 5000]);
    }
    assert_eq!(lab.gateway.stats().origin_reads, 1);
    lab.assert_at_rest();
}

#[test]
fn past_the_end() {
    let mut lab = Lab::start();
    lab.add_file("f", b"abc");
    let file = lab.lookup(1, "f");
    for _ in 0..2 {
        for offset in [3, 4, 1 << 20, u64::MAX - 5, i64::MAX as u64] {
            let answer = lab.read(1, &file, offset, 100);
            assert_eq!(
                (answer.status, answer.data.len(), answer.end_of_file),
                (0, 0, true)
            );
        }
        let answer = lab.read(1, &file, 2, 0);
        assert_eq!(
            (answer.status, answer.data.len(), answer.end_of_file),
            (0, 0, false)
        );
        assert!(lab.read(1, &file, 0, 3).end_of_file);
        assert!(!lab.read(1, &file, 0, 2).end_of_file);
    }
    assert_eq!(
        lab.read(1, &file, 1, 1 << 30).data,
        b"bc",
        "counts beyond ours are cut"
    );
    lab.assert_at_rest();
}

#[test]
fn a_file_whose_attributes_nobody_knows_is_read_right() {
    let mut lab = Lab::start();
    let data = pattern(BLOCK + 100, 1);
    let id = lab.add_file("f", &data);
    let file = lab::file_handle(id);
    // The handle was never looked up here: its export is found out first.
    assert_eq!(lab.read(1, &file, 100, 1 << 20).data, data[100..]);
    assert_eq!(lab.read(1, &file, 5 * BLOCK as u64, 10).data, b"");
    lab.assert_at_rest();
}

#[test]
fn an_origin_that_gives_less_than_a_block() {
    let mut lab = Lab::start();
    lab.origin.read_max = 10_000;
    let data = pattern(BLOCK + 20_001, 1);
    lab.add_file("f", &data);
    let file = lab.lookup(1, "f");
    assert_eq!(lab.read_all(1, &file, 1 << 20), data);
    assert_eq!(lab.read_all(2, &file, 30_000), data);
    lab.assert_at_rest();
}

#[test]
fn a_hit_needs_a_verdict_for_the_caller() {
    let mut lab = Lab::start();
    let data = pattern(100, 1);
    lab.add_file("f", &data);
    let file = lab.lookup(1, "f");
    lab.origin.denied_uid = Some(666);
    let args = read_args(&file, 0, 100);
    assert_eq!(lab.call_as(1, 5, READ, &args).read().data, data);
    let accesses = |lab: &Lab| {
        let calls = lab.sent.iter();
        calls
            .filter(|(_, bytes)| lab::origin::Call::parse(&bytes[4..]).is_nfs(4))
            .count()
    };
    let before = accesses(&lab);
    assert_eq!(
        lab.call_as(1, 6, READ, &args).read().data,
        data,
        "served from the cache"
    );
    assert_eq!(accesses(&lab), before + 1, "after asking for this user");
    assert_eq!(lab.gateway.stats().origin_reads, 1);
    lab.call_as(2, 6, READ, &args);
    assert_eq!(accesses(&lab), before + 1, "once");
    assert_eq!(
        lab.call_as(1, 666, READ, &args).read().status,
        13,
        "the origin refuses"
    );
    assert_eq!(
        lab.gateway.stats().origin_reads,
        2,
        "it was asked about the READ itself"
    );
    lab.assert_at_rest();
}

#[test]
fn a_change_of_permissions_voids_verdicts() {
    let mut lab = Lab::start();
    let id = lab.add_file("f", b"secret");
    let file = lab.lookup(1, "f");
    let args = read_args(&file, 0, 100);
    assert_eq!(lab.call_as(1, 5, READ, &args).read().status, 0);
    lab.origin.denied_uid = Some(5);
    lab.origin.change(id, |_| ());
    lab.getattr(2, &file);
    assert_eq!(lab.call_as(1, 5, READ, &args).read().status, 13);
}

/// Nothing tells whether the file was the same when the verdict was given.
#[test]
fn a_verdict_from_before_anything_was_known_does_not_count() {
    let mut lab = Lab::start();
    lab.origin.gives_after = false;
    let id = lab.add_file("f", b"nothing");
    let file = lab.lookup(1, "f");
    let args = read_args(&file, 0, 100);
    assert_eq!(lab.call_as(1, 5, READ, &args).read().status, 0);
    lab.origin.gives_after = true;
    lab.origin.denied_uid = Some(5);
    lab.origin.change(id, |data| *data = b"secret".into());
    lab.getattr(2, &file);
    assert_eq!(lab.call_as(2, 6, READ, &args).read().data, b"secret");
    assert_eq!(lab.call_as(1, 5, READ, &args).read().status, 13);
}

#[test]
fn a_verdict_that_was_overtaken_does_not_count() {
    let mut lab = Lab::start();
    let id = lab.add_file("f", b"secret");
    let file = lab.lookup(1, "f");
    lab.hold = |call| call.is_nfs(4);
    let xid = lab.send_as(1, 5, READ, &read_args(&file, 0, 100));
    lab.run();
    let granted = lab.execute(lab.pending_of(4)[0]);
    // Permissions are taken away, and that is seen, before the verdict arrives.
    lab.origin.denied_uid = Some(5);
    lab.origin.change(id, |_| ());
    lab.getattr(2, &file);
    lab.deliver(&granted);
    lab.run();
    assert_eq!(lab.answer(1, xid).expect("answered").read().status, 13);
}

#[test]
fn who_is_refused_does_not_spoil_it_for_others() {
    let mut lab = Lab::start();
    let data = pattern(5000, 1);
    lab.add_file("f", &data);
    let file = lab.lookup(1, "f");
    lab.hold = |call| call.is_nfs(READ);
    let args = read_args(&file, 0, 5000);
    let first = lab.send_as(1, 5, READ, &args);
    let second = lab.send_as(2, 6, READ, &args);
    lab.run();
    assert_eq!(lab.pending_of(READ).len(), 1);
    // ACCESS said yes, READ says no to whom it was sent for.
    lab.origin.denied_uid = Some(5);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(1, first).expect("answered").read().status, 13);
    assert_eq!(lab.answer(2, second).expect("answered").read().data, data);
    lab.assert_at_rest();
}

#[test]
fn small_blocks_make_small_reads() {
    let setup = Setup {
        blocks: 128,
        block_size: 4096,
        ..Setup::default()
    };
    let mut lab = setup.start();
    let data = pattern(200_000, 1);
    lab.add_file("f", &data);
    let file = lab.lookup(1, "f");
    assert_eq!(lab.read(1, &file, 5, 1 << 20).data.len(), 16 * 4096);
    assert_eq!(lab.read_all(1, &file, 100_000), data);
    lab.assert_at_rest();
}

#[test]
fn a_file_larger_than_the_cache() {
    let setup = Setup {
        blocks: 8,
        ..Setup::default()
    };
    let mut lab = setup.start();
    let data = pattern(40 * BLOCK + 5, 1);
    lab.add_file("f", &data);
    let file = lab.lookup(1, "f");
    for _ in 0..2 {
        assert_eq!(lab.read_all(1, &file, 1 << 20), data);
    }
    lab.assert_at_rest();
}

#[test]
fn whoever_has_seen_a_change_is_not_given_what_was_read_before_it() {
    let mut lab = Lab::start();
    let id = lab.add_file("f", &pattern(1000, 1));
    let file = lab.lookup(1, "f");
    lab.read(1, &file, 0, 0);
    lab.hold = |call| call.is_nfs(READ);
    let first = lab.send(1, READ, &read_args(&file, 0, 1000));
    lab.run();
    let old = lab.execute(lab.pending_of(READ)[0]);
    lab.origin
        .change(id, |data| data.copy_from_slice(&pattern(1000, 2)));
    lab.getattr(2, &file);
    let second = lab.send(2, READ, &read_args(&file, 0, 1000));
    lab.run();
    assert_eq!(lab.pending_of(READ).len(), 1, "it is asked for again");
    lab.deliver(&old);
    assert_eq!(
        lab.answer(1, first).expect("answered").read().data,
        pattern(1000, 1)
    );
    assert!(lab.answer(2, second).is_none());
    lab.hold = |_| false;
    lab.run();
    assert_eq!(
        lab.answer(2, second).expect("answered").read().data,
        pattern(1000, 2)
    );
    lab.assert_at_rest();
}

#[test]
fn what_an_older_reply_says_is_not_taken_for_what_the_file_has_become() {
    let mut lab = Lab::start();
    let id = lab.add_file("f", &pattern(100, 1));
    let file = lab.lookup(1, "f");
    let args = lab::xdr::Out::new().opaque(&file).0;
    lab.hold = |call| call.is_nfs(1);
    // Two GETATTRs, of which the first is answered last: what of it is so is not known then; and once more. Each
    // sees the file a byte longer than the one before.
    for _ in 0..2 {
        let late = {
            lab.send(1, 1, &args);
            lab.act();
            lab.origin.change(id, |data| data.push(1));
            lab.execute(0)
        };
        lab.send(2, 1, &args);
        lab.act();
        lab.origin.change(id, |data| data.push(2));
        let reply = lab.execute(0);
        lab.deliver(&reply);
        lab.deliver(&late);
    }
    lab.origin.gives_after = false;
    let read = lab.read(1, &file, 0, 200);
    assert_eq!((read.data.len(), read.end_of_file), (104, true));
}

/// A READ that follows a GETATTR does not join one from before it, also if nothing was known of the file then.
#[test]
fn whoever_was_told_of_a_file_joins_no_read_from_before() {
    let mut lab = Lab::start();
    lab.origin.gives_after = false;
    let id = lab.add_file("f", &pattern(100, 1));
    let file = lab.lookup(1, "f");
    lab.hold = |call| call.is_nfs(READ);
    let first = lab.send(1, READ, &read_args(&file, 0, 100));
    lab.run();
    lab.origin.gives_after = true;
    let old = lab.execute(lab.pending_of(READ)[0]);
    lab.origin.change(id, |data| *data = pattern(100, 2));
    assert_eq!(lab.getattr(2, &file).status(), 0);
    let second = lab.send(2, READ, &read_args(&file, 0, 100));
    lab.run();
    lab.deliver(&old);
    lab.hold = |_| false;
    lab.run();
    let first = lab.answer(1, first).expect("answered").read();
    assert_eq!(first.data, pattern(100, 1), "of before");
    let second = lab.answer(2, second).expect("answered").read();
    assert_eq!(second.data, pattern(100, 2));
    lab.assert_at_rest();
}

#[test]
fn whoever_comes_after_a_file_was_extended_is_not_told_of_its_old_end() {
    let mut lab = Lab::start();
    lab.add_file("f", &pattern(100, 1));
    let file = lab.lookup(1, "f");
    lab.read(1, &file, 0, 0);
    lab.hold = |call| call.is_nfs(READ);
    let first = lab.send(1, READ, &read_args(&file, 0, 200));
    lab.run();
    let old = lab.execute(lab.pending_of(READ)[0]);
    // Nothing of the block that is being read is written, but it is full of zeros from now on.
    lab.write(2, &file, 3 * BLOCK as u64, b"far away");
    let second = lab.send(2, READ, &read_args(&file, 0, 200));
    lab.run();
    lab.deliver(&old);
    lab.hold = |_| false;
    lab.run();
    let first = lab.answer(1, first).expect("answered").read();
    assert_eq!(first.data, pattern(100, 1), "of before");
    let second = lab.answer(2, second).expect("answered").read();
    assert_eq!((second.data.len(), second.end_of_file), (200, false));
    assert_eq!(second.data[100..], [0; 100]);
    lab.assert_at_rest();
}

#[test]
fn a_fill_from_before_a_truncation_is_not_published_though_the_attributes_are_the_same() {
    let mut lab = Lab::start();
    lab.add_file("f", &pattern(1000, 1));
    let file = lab.lookup(1, "f");
    lab.origin.clock_stands_still = true;
    lab.hold = |call| call.is_nfs(READ);
    lab.send(1, READ, &read_args(&file, 0, 1000));
    lab.run();
    let old = lab.execute(lab.pending_of(READ)[0]);
    for size in [0, 1000] {
        let args = lab::xdr::Out::new()
            .opaque(&file)
            .u32(0)
            .u32(0)
            .u32(0)
            .u32(1);
        let args = args.u64(size).u32(0).u32(0).u32(0).0;
        assert_eq!(lab.call(2, 2, &args).status(), 0);
    }
    lab.deliver(&old);
    lab.hold = |_| false;
    assert_eq!(lab.read(2, &file, 0, 1000).data, vec![0; 1000]);
    lab.assert_at_rest();
}
