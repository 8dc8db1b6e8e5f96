//! The origin's connection is lost after any byte of a reply: the call is sent again as it was, and its
//! client gets the whole answer, once.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::time::Duration;

use lab::origin::Call;
use lab::xdr::{Out, fragmented, record};
use lab::{Answer, BLOCK, Lab, READ, Setup, WRITE, pattern, read_args, write_args};

const GETATTR: u32 = 1;
const CREATE: u32 = 8;
const READDIRPLUS: u32 = 17;

/// Long enough for any attempt to reconnect, and too short for any other time-out.
const RECONNECTED: Duration = Duration::from_secs(11);

/// Bytes at both ends of a reply in which all that is not data lies; there every byte is tried.
const HEAD: usize = 300;

/// From one place in the data to the next.
const STRIDE: usize = 13;

/// A call, made again and again.
struct Exchange {
    procedure: u32,
    args: Vec<u8>,
    /// Which call at the origin is meant.
    hold: fn(&Call) -> bool,
    /// Done before each time.
    prepare: fn(&mut Lab, file: u64),
}

fn start() -> (Lab, u64, Vec<u8>) {
    let mut lab = Setup {
        connections: 1,
        ..Setup::default()
    }
    .start();
    let id = lab.add_file("f", &pattern(BLOCK, 1));
    for number in 0..9 {
        lab.add_file(&format!("file-{number}"), b"");
    }
    let file = lab.lookup(1, "f");
    (lab, id, file)
}

/// The bytes of the reply to the exchange's call, which waits for them.
fn begin(lab: &mut Lab, file: u64, exchange: &Exchange) -> (u32, lab::Reply, Vec<u8>) {
    (exchange.prepare)(lab, file);
    lab.hold = exchange.hold;
    let xid = lab.send(1, exchange.procedure, &exchange.args);
    lab.run();
    assert_eq!(lab.pending.len(), 1, "one call waits at the origin");
    let call = lab.pending[0].call.bytes.clone();
    (xid, lab.execute(0), call)
}

/// Loses the connection after every number of bytes of the reply (within the data of a READ, of many).
fn cut_everywhere(exchange: &Exchange, lab: &mut Lab, file: u64, check: impl Fn(&Lab, &Answer)) {
    let (mut at, mut cuts) = (0, 0);
    loop {
        let (xid, reply, call) = begin(lab, file, exchange);
        let bytes = record(&reply.bytes);
        if at >= bytes.len() {
            lab.deliver(&reply);
            let answer = lab.answer(1, xid).expect("answered");
            check(lab, &answer);
            break;
        }
        lab.deliver_bytes(reply.link, &bytes[..at]).expect("good");
        assert_eq!(lab.answer(1, xid), None, "cut at {at}");
        lab.break_link(reply.link);
        lab.tick(RECONNECTED);
        assert_eq!(lab.pending.len(), 1, "cut at {at}: sent again, once");
        assert_eq!(lab.pending[0].call.bytes, call, "cut at {at}: as it was");
        lab.hold = |_| false;
        lab.run();
        let answer = lab.answer(1, xid).expect("answered");
        check(lab, &answer);
        assert_eq!(lab.pinned(), 0, "cut at {at}");
        lab.sent.clear();
        cuts += 1;
        let in_data = (HEAD..bytes.len().saturating_sub(HEAD)).contains(&at);
        at += if in_data { STRIDE } else { 1 };
    }
    lab.hold = |_| false;
    lab.assert_at_rest();
    assert!(cuts > 24, "a reply is longer than its header");
    assert_eq!(lab.gateway.stats().origin_resent, cuts);
    assert_eq!(lab.gateway.stats().origin_unknown_replies, 0);
}

#[test]
fn getattr() {
    let (mut lab, id, file) = start();
    let exchange = Exchange {
        procedure: GETATTR,
        args: Out::new().opaque(&file).0,
        hold: |call| call.is_nfs(GETATTR),
        prepare: |_, _| (),
    };
    let expected = lab.call(1, GETATTR, &exchange.args);
    cut_everywhere(&exchange, &mut lab, id, |_, answer| {
        assert!(*answer == expected);
    });
}

#[test]
fn read_of_a_block_that_is_not_cached() {
    let (mut lab, id, file) = start();
    let exchange = Exchange {
        procedure: READ,
        args: read_args(&file, 0, BLOCK as u32),
        hold: |call| call.is_nfs(READ),
        // The file changes, and that is seen: its blocks are dropped.
        prepare: |lab, file| {
            lab.origin.change(file, |_| ());
            lab.getattr(1, &lab::file_handle(file));
        },
    };
    let data = pattern(BLOCK, 1);
    cut_everywhere(&exchange, &mut lab, id, |_, answer| {
        let read = answer.read();
        assert_eq!(read.status, 0);
        assert!(read.data == data);
    });
}

#[test]
fn write() {
    let (mut lab, id, file) = start();
    let data = pattern(BLOCK, 7);
    let exchange = Exchange {
        procedure: WRITE,
        args: write_args(&file, 3, &data),
        hold: |call| call.is_nfs(WRITE),
        prepare: |_, _| (),
    };
    cut_everywhere(&exchange, &mut lab, id, |lab, answer| {
        let write = answer.write();
        assert_eq!((write.status, write.count as usize), (0, BLOCK));
        assert!(lab.origin.nodes[&id].data[3..] == data);
    });
    assert!(lab.read_all(1, &file, 1 << 20)[3..] == data);
}

#[test]
fn create() {
    let (mut lab, id, _) = start();
    let exchange = Exchange {
        procedure: CREATE,
        args: Out::new()
            .opaque(&lab::file_handle(1))
            .opaque(b"new")
            .u32(0)
            .raw(&[0; 24])
            .0,
        hold: |call| call.is_nfs(CREATE),
        prepare: |_, _| (),
    };
    cut_everywhere(&exchange, &mut lab, id, |lab, answer| {
        assert_eq!(answer.status(), 0);
        assert!(lab.origin.nodes[&1].children.contains_key(&b"new"[..]));
    });
}

#[test]
fn readdirplus() {
    let (mut lab, id, _) = start();
    let exchange = Exchange {
        procedure: READDIRPLUS,
        args: Out::new()
            .opaque(&lab::file_handle(1))
            .u64(0)
            .u64(0)
            .u32(8192)
            .u32(32_768)
            .0,
        hold: |call| call.is_nfs(READDIRPLUS),
        prepare: |_, _| (),
    };
    let expected = lab.call(1, READDIRPLUS, &exchange.args);
    cut_everywhere(&exchange, &mut lab, id, |_, answer| {
        assert!(*answer == expected);
    });
}

#[test]
fn replies_in_tiny_fragments_and_one_byte_segments() {
    let (mut lab, id, file) = start();
    let data = pattern(BLOCK, 1);
    for procedure in [GETATTR, READDIRPLUS, READ] {
        let listing = Out::new()
            .opaque(&lab::file_handle(1))
            .u64(0)
            .u64(0)
            .u32(8192)
            .u32(32_768)
            .0;
        let exchange = Exchange {
            procedure,
            args: match procedure {
                GETATTR => Out::new().opaque(&file).0,
                READ => read_args(&file, 0, 16_384),
                _ => listing,
            },
            hold: |call| [GETATTR, READ, READDIRPLUS].iter().any(|p| call.is_nfs(*p)),
            prepare: |_, _| (),
        };
        lab.hold = |_| false;
        let expected = lab.call(1, procedure, &exchange.args);
        if procedure == READ {
            // So that it is not answered from the cache.
            lab.origin.change(id, |_| ());
            lab.getattr(1, &file);
        }
        let (xid, reply, _) = begin(&mut lab, id, &exchange);
        // As many fragments as any record may have: a block in bytes would be too many.
        let fragment = if procedure == READ { 2 } else { 1 };
        for byte in fragmented(&reply.bytes, fragment) {
            lab.deliver_bytes(reply.link, &[byte]).expect("good");
        }
        let answer = lab.answer(1, xid).expect("answered");
        if procedure == READ {
            assert!(answer.read().data == data[..16_384]);
        } else {
            assert!(answer == expected);
        }
    }
    lab.hold = |_| false;
    lab.run();
    lab.assert_at_rest();
}
