//! Bytes that nobody in his right mind would send: they may close a connection, and nothing else.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::net::Ipv4Addr;

use gateway::ClientId;
use lab::xdr::{Out, record};
use lab::{Lab, READ, WRITE, pattern, read_args, write_args};
use proptest::prelude::*;

/// A stream of good calls, to be spoiled.
fn good_stream(lab: &mut Lab, file: &[u8]) -> Vec<u8> {
    let root = lab::file_handle(1);
    let entry = |name: &[u8]| Out::new().opaque(&root).opaque(name).0;
    let mut stream = Vec::new();
    let calls: Vec<(u32, u32, u32, Vec<u8>)> = vec![
        (100_003, 3, 3, entry(b"f")),
        (100_003, 3, READ, read_args(file, 0, 5000)),
        (100_003, 3, WRITE, write_args(file, 7, &pattern(3001, 4))),
        (100_003, 3, 4, Out::new().opaque(file).u32(0x3f).0),
        (
            100_003,
            3,
            17,
            Out::new().opaque(&root).u64(0).u64(0).u32(4096).u32(4096).0,
        ),
        (100_003, 3, 19, Out::new().opaque(&root).0),
        (
            100_003,
            3,
            14,
            Out::new().raw(&entry(b"a")).raw(&entry(b"b")).0,
        ),
        (100_005, 3, 1, Out::new().opaque(b"/export").0),
        (100_005, 3, 5, Vec::new()),
        (
            100_000,
            2,
            3,
            Out::new().u32(100_003).u32(3).u32(6).u32(0).0,
        ),
        (100_000, 4, 4, Vec::new()),
        (100_227, 3, 1, Out::new().opaque(&root).u32(0xf).0),
    ];
    for (program, version, procedure, args) in calls {
        let (_, call) = lab.call_bytes(program, version, procedure, 0, &args);
        stream.extend(record(&call));
    }
    stream
}

#[derive(Clone, Debug)]
enum Damage {
    Overwrite(usize, u8),
    Cut(usize, usize),
    Insert(usize, Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let interesting = prop_oneof![Just(0_u8), Just(0xff), Just(0x80), Just(0x7f), any::<u8>()];
    prop_oneof![
        5 => (any::<usize>(), interesting).prop_map(|(at, byte)| Damage::Overwrite(at, byte)),
        1 => (any::<usize>(), 1..64_usize).prop_map(|(at, len)| Damage::Cut(at, len)),
        1 => (any::<usize>(), prop::collection::vec(any::<u8>(), 1..16))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
    ]
}

fn spoil(stream: &mut Vec<u8>, damages: &[Damage]) {
    for damage in damages {
        if stream.is_empty() {
            return;
        }
        let len = stream.len();
        match damage {
            Damage::Overwrite(at, byte) => stream[at % len] = *byte,
            Damage::Cut(at, cut) => {
                let start = at % len;
                stream.drain(start..(start + cut).min(len));
            }
            Damage::Insert(at, bytes) => {
                let start = at % len;
                stream.splice(start..start, bytes.iter().copied());
            }
        }
    }
}

/// Feeds a client's stream; a refused or stuck connection is closed.
fn feed_client(lab: &mut Lab, stream: &[u8], step: usize) {
    let mut at = 0;
    while at < stream.len() {
        let end = (at + step).min(stream.len());
        match lab
            .gateway
            .client_bytes(ClientId(1), &stream[at..end], lab.now)
        {
            Ok(taken) => at += taken,
            Err(_) => break,
        }
        answer_all(lab);
    }
    lab.gateway.client_closed(ClientId(1), lab.now);
    answer_all(lab);
}

/// What was passed on need not be good either: this origin refuses it all.
fn answer_all(lab: &mut Lab) {
    lab.act();
    while let Some(pending) = lab.pending.pop_front() {
        let refusal = Out::new()
            .u32(pending.call.xid)
            .u32(1)
            .u32(0)
            .u32(0)
            .u32(0)
            .u32(5);
        let bytes = record(&refusal.0);
        lab.deliver_bytes(pending.link, &bytes)
            .expect("a good reply");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spoiled_calls(damages in prop::collection::vec(damage(), 1..20), step in 1..3000_usize) {
        let mut lab = Lab::start();
        lab.add_file("f", &pattern(3000, 1));
        let file = lab.lookup(1, "f");
        let mut stream = good_stream(&mut lab, &file);
        spoil(&mut stream, &damages);
        feed_client(&mut lab, &stream, step);
        lab.assert_at_rest();
    }

    #[test]
    fn random_bytes_from_a_client(stream in prop::collection::vec(any::<u8>(), 0..2000), step in 1..500_usize) {
        let mut lab = Lab::start();
        feed_client(&mut lab, &stream, step);
        lab.assert_at_rest();
    }

    #[test]
    fn random_records_from_a_client(
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..10),
        step in 1..500_usize,
    ) {
        let mut lab = Lab::start();
        let stream: Vec<u8> = records.iter().flat_map(|body| record(body)).collect();
        feed_client(&mut lab, &stream, step);
        lab.assert_at_rest();
    }

    #[test]
    fn spoiled_replies(damages in prop::collection::vec(damage(), 1..12), step in 1..3000_usize) {
        let mut lab = Lab::start();
        lab.add_file("f", &pattern(3000, 1));
        let file = lab.lookup(1, "f");
        lab.hold = |_| true;
        let stream = good_stream(&mut lab, &file);
        prop_assert_eq!(lab.offer(1, &stream), 0);
        // Replies of each connection, spoiled; what comes of them is executed and spoiled as well.
        for _ in 0..4 {
            let links: Vec<_> = lab.links.keys().copied().collect();
            for link in links {
                let mut bytes = Vec::new();
                while let Some(index) = lab.pending.iter().position(|pending| pending.link == link) {
                    let reply = lab.execute(index);
                    bytes.extend(record(&reply.bytes));
                }
                spoil(&mut bytes, &damages);
                let chunks = bytes.chunks(step).try_for_each(|chunk| {
                    lab.deliver_bytes(link, chunk)
                });
                if chunks.is_err() {
                    lab.break_link(link);
                }
            }
        }
        // The client goes, the connections break: nothing may be left.
        lab.gateway.client_closed(ClientId(1), lab.now);
        lab.gateway.client_closed(ClientId(2), lab.now);
        let links: Vec<_> = lab.links.keys().copied().collect();
        for link in links {
            lab.break_link(link);
        }
        lab.received.clear();
        lab.hold = |_| false;
        for _ in 0..10 {
            lab.tick(std::time::Duration::from_secs(20));
        }
        lab.assert_at_rest();
        lab.connect(9, Ipv4Addr::new(10, 0, 0, 7));
        prop_assert_eq!(lab.getattr(9, &file).status(), 0);
    }
}
