//! Arguments that are cut, of no type, or beyond every bound.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use gateway::ConnectionError;
use lab::attack::{Attack, Outcome, good_arguments};
use lab::xdr::{Out, record};
use lab::{READ, WRITE, read_args};

const NFS: (u32, u32) = (100_003, 3);
const MNT: (u32, u32, u32) = (100_005, 3, 1);

const STALE: u32 = 70;
const TOOSMALL: u32 = 10005;

fn nfs(procedure: u32) -> (u32, u32, u32) {
    (NFS.0, NFS.1, procedure)
}

#[test]
fn arguments_cut_at_every_byte_are_garbage() {
    let mut attack = Attack::begin();
    let root = attack.root.clone();
    let all = good_arguments(&root, &root);
    for (procedure, args) in (0..).zip(&all).skip(1) {
        for len in 0..args.len() {
            attack.assert_garbage(nfs(procedure), &args[..len], "cut");
        }
    }
    for program in [(100_227, 3, 1), (100_227, 3, 2), (100_227, 3, 3), MNT] {
        let path = Out::new().opaque(&root).0;
        for len in 0..path.len() {
            attack.assert_garbage(program, &path[..len], "cut");
        }
    }
    attack.end();
}

#[test]
fn handles_beyond_64_bytes_are_garbage_and_unknown_ones_stale() {
    let mut attack = Attack::begin();
    for len in [65, 66, 68, 128, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let handle: Vec<u8> = [len.to_be_bytes().as_slice(), &[7; 200]].concat();
        for procedure in 1..22 {
            attack.assert_garbage(nfs(procedure), &handle, "long");
        }
        for procedure in 1..4 {
            attack.assert_garbage((100_227, 3, procedure), &handle, "long");
        }
    }
    // The second handle of RENAME and LINK.
    let root = attack.root.clone();
    let long = Out::new()
        .opaque(&root)
        .opaque(b"a")
        .opaque(&[7; 65])
        .opaque(b"b");
    attack.assert_garbage(nfs(14), &long.0, "second");
    let long = Out::new().opaque(&root).opaque(&[7; 65]).opaque(b"b");
    attack.assert_garbage(nfs(15), &long.0, "second");
    for forged in [vec![], vec![0], vec![0; 12], vec![0xff; 63], vec![0xff; 64]] {
        let args = good_arguments(&forged, &forged);
        for procedure in 1..22 {
            let status = attack.nfs_status(procedure, &args[procedure as usize]);
            assert_eq!(status, STALE, "{procedure} of {} bytes", forged.len());
        }
    }
    attack.end();
}

#[test]
fn offsets_at_the_end_of_what_64_bits_hold() {
    let mut attack = Attack::begin();
    let file = attack.file.clone();
    let offsets = [
        (1 << 63) - 1,
        1 << 63,
        u64::MAX - 4096,
        u64::MAX - 1,
        u64::MAX,
    ];
    for offset in offsets {
        for count in [1, 4096, 4097, 1 << 20, 1 << 31, u32::MAX] {
            let reply = attack.call(nfs(READ), &read_args(&file, offset, count));
            let (count_read, end_of_file, len) = (reply[28], reply[29], reply[30]);
            assert_eq!(reply[..7], [1, 0, 0, 0, 0, 0, 1]);
            assert_eq!(
                (count_read, end_of_file, len),
                (0, 1, 0),
                "{offset} {count}"
            );
        }
        // A file that nothing is known of.
        let id = attack.lab.add_file(&format!("unknown{offset}"), b"abc");
        let unknown = lab::file_handle(id);
        let reply = attack.call(nfs(READ), &read_args(&unknown, offset, 4096));
        assert_eq!((reply[5], reply[28], reply[29]), (0, 0, 1), "{offset}");
    }
    attack.end();
}

#[test]
fn writes_and_sizes_at_the_end_of_what_64_bits_hold() {
    let mut attack = Attack::begin();
    let file = attack.file.clone();
    let file = file.as_slice();
    const FBIG: u32 = 27;
    for offset in [(1 << 63) - 1, 1 << 63, u64::MAX - 8, u64::MAX - 7, u64::MAX] {
        let reached_origin = attack.lab.gateway.stats().origin_writes;
        let status = attack.nfs_status(WRITE, &lab::write_args(file, offset, b"overflow"));
        assert_eq!(status, FBIG, "WRITE at {offset}");
        // Past 2⁶⁴ it is not even asked for.
        let fits = offset.checked_add(8).is_some();
        let calls = attack.lab.gateway.stats().origin_writes - reached_origin;
        assert_eq!(calls, u64::from(fits), "WRITE at {offset}");

        let size = Out::new()
            .opaque(file)
            .u32(0)
            .u32(0)
            .u32(0)
            .u32(1)
            .u64(offset);
        let args = size.u32(0).u32(0).u32(0).0;
        assert_eq!(attack.nfs_status(2, &args), FBIG, "size {offset}");

        for count in [0, 1, 8, u32::MAX] {
            let args = Out::new().opaque(file).u64(offset).u32(count).0;
            let status = attack.nfs_status(21, &args);
            assert_eq!(status, 0, "COMMIT is the origin's to judge");
            let sent = attack.passed_on(21);
            assert_eq!(sent, args);
        }
        for verifier in [0, 1 << 63, u64::MAX] {
            let root = attack.root.clone();
            let args = Out::new().opaque(&root).u64(offset).u64(verifier).u32(4096);
            assert_eq!(attack.nfs_status(16, &args.0), 0);
            assert_eq!(attack.passed_on(16), args.0, "cookie and verifier");
            let args = args.u32(4096);
            assert_eq!(attack.nfs_status(17, &args.0), 0);
            assert_eq!(attack.passed_on(17), args.0, "cookie and verifier");
        }
    }
    attack.end();
}

#[test]
fn what_trails_the_arguments_changes_nothing() {
    let mut attack = Attack::begin();
    let (root, file) = (attack.root.clone(), attack.file.clone());
    let plain = good_arguments(&root, &root);
    let of_file = good_arguments(&file, &root);
    // Not those that change what the next one is answered.
    for procedure in [0, 1, 3, 4, 5, READ, 16, 17, 18, 19, 20, 21] {
        let plain = if procedure == READ { &of_file } else { &plain };
        let args = &plain[procedure as usize];
        let expected = attack.call(nfs(procedure), args);
        for trailing in [1, 3, 4, 100, 3000, 31_000] {
            let args = [args.as_slice(), &vec![0xee; trailing]].concat();
            let reply = attack.call(nfs(procedure), &args);
            assert_eq!(reply, expected, "{procedure} and {trailing} bytes");
        }
        let (_, call) = attack
            .lab
            .call_bytes(NFS.0, NFS.1, procedure, 0, &[0; 33_000]);
        let outcome = attack.stream(2049, &record(&call));
        assert_eq!(outcome, Outcome::Closed(ConnectionError::CallTooLong));
    }
    for trailing in [1, 4, 1000, 4000] {
        let data = attack.data[..5001].to_vec();
        let write = lab::write_args(&file, 0, &data);
        let args = [write.as_slice(), &vec![0xee; trailing]].concat();
        assert_eq!(attack.nfs_status(WRITE, &args), 0);
        assert_eq!(attack.passed_on(WRITE), write, "what trailed is gone");
    }
    let mnt = Out::new().opaque(b"/export").0;
    let expected = attack.call(MNT, &mnt);
    let trailed = [mnt.as_slice(), &[0xee; 400]].concat();
    assert_eq!(attack.call(MNT, &trailed), expected);
    attack.end();
}

#[test]
fn values_that_a_type_does_not_have_are_garbage() {
    let mut attack = Attack::begin();
    let root = attack.root.clone();
    let handle = || Out::new().opaque(&root);
    for bad in [3, 4, 0x100, 0x8000_0000, u32::MAX] {
        // stable_how, createmode3.
        let write = handle().u64(0).u32(4).u32(bad).opaque(b"data");
        attack.assert_garbage(nfs(WRITE), &write.0, "stable_how");
        let create = handle().opaque(b"name").u32(bad).u64(0).u64(0).u64(0);
        attack.assert_garbage(nfs(8), &create.0, "createmode");
        // time_how of SETATTR.
        let setattr = handle().u32(0).u32(0).u32(0).u32(0).u32(bad).u64(0).u64(0);
        attack.assert_garbage(nfs(2), &setattr.0, "time_how");
    }
    for bad in [0, 8, 0x8000_0000, u32::MAX] {
        let mknod = handle()
            .opaque(b"name")
            .u32(bad)
            .u64(0)
            .u64(0)
            .u64(0)
            .u64(0);
        attack.assert_garbage(nfs(11), &mknod.0, "ftype");
    }
    for bad in [2, 0x100, 0x0100_0000, u32::MAX] {
        let words = |at: usize| {
            let zeros = (0..at).fold(handle(), |out, _| out.u32(0));
            (0..8).fold(zeros.u32(bad), |out, _| out.u32(0)).0
        };
        // set_mode, set_uid, set_gid, set_size, and the guard's check.
        for at in [0, 1, 2, 3, 6] {
            attack.assert_garbage(nfs(2), &words(at), "a bool");
        }
    }
    attack.end();
}

#[test]
fn a_write_whose_count_is_not_its_datas_length_is_garbage() {
    let mut attack = Attack::begin();
    let file = attack.file.clone();
    let most = 1 << 20;
    for (count, announced, sent) in [
        (8, 7, 8),
        (8, 9, 12),
        (0, 4, 4),
        (4, 0, 0),
        (4, u32::MAX, 4),
        (u32::MAX, 4, 4),
        // The record ends before the data does.
        (8, 8, 7),
        (8, 8, 0),
        (70_000, 70_000, 69_999),
        (most, most, 100),
        // More than wtmax.
        (most + 1, most + 1, 4000),
        (0x8000_0000, 0x8000_0000, 4000),
        (u32::MAX, u32::MAX, 4000),
    ] {
        let head = Out::new().opaque(&file).u64(0).u32(count).u32(0);
        let args = head.u32(announced).raw(&vec![0xee; sent]).0;
        attack.assert_garbage(nfs(WRITE), &args, "count");
    }
    attack.end();
}

#[test]
fn a_read_beyond_rtmax_is_a_short_read() {
    let mut attack = Attack::begin();
    let data = lab::pattern((1 << 20) + 5000, 3);
    attack.lab.add_file("large", &data);
    let large = attack.lab.lookup(2, "large");
    for count in [(1 << 20) + 1, 1 << 31, u32::MAX] {
        let reply = attack.call(nfs(READ), &read_args(&large, 0, count));
        assert_eq!(reply[5], 0);
        assert_eq!(reply[28..31], [1 << 20, 0, 1 << 20]);
    }
    attack.end();
}

#[test]
fn sizes_of_listings_are_clamped_to_what_a_reply_may_have() {
    let mut attack = Attack::begin();
    let root = attack.root.clone();
    for count in [0, 1, 1 << 20, (1 << 20) + 1, 0x8000_0000, u32::MAX] {
        let clamped = count.min(1 << 20);
        let args = |count| Out::new().opaque(&root).u64(0).u64(0).u32(count);
        // The origin lists everything nevertheless; what does not fit is not passed back.
        let status = |room| if room < 100 { TOOSMALL } else { 0 };
        assert_eq!(attack.nfs_status(16, &args(count).0), status(count));
        assert_eq!(attack.passed_on(16), args(clamped).0, "READDIR of {count}");
        for other in [0, 4096, u32::MAX] {
            let answered = attack.nfs_status(17, &args(count).u32(other).0);
            assert_eq!(answered, status(other));
            let expected = args(clamped).u32(other.min(1 << 20)).0;
            assert_eq!(attack.passed_on(17), expected, "READDIRPLUS of {count}");
        }
    }
    attack.end();
}
