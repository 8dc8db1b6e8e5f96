//! Whole calls through the real engine, its stacks, its gateway and its transmitter:
//! from the frame of the call to the frames of the reply, with the acknowledgements and
//! completions that come of it.
//!
//! The peers are scripted, so that nothing of theirs is in the figures; the ports are
//! DPDK's null device, which frees what it is to send. The export is `immutable`.

mod client;
mod origin;
mod rpc;
mod script;
mod site;
mod wire;

use cache::{BlockRef, Cache, Slots};
use net::{Offload, Tso};
use nfs3_types::mount::mountres3;
use nfs3_types::nfs3::{
    ACCESS3res, GETATTR3res, LOOKUP3res, Nfs3Result, READ3res, WRITE3res, nfs_fh3,
};
use tls::CipherSuite;

use super::Row;
use super::kernel::KernelSender;
use super::report::Budget::AtMost;
use super::seal::RawSeal;
use crate::pki::Pki;
use crate::{BLOCK_BYTES, Bed, BedError, Source, Spread, fill, interleave};
use client::Client;
use script::{EVERY_OTHER, JOINED, Kind};
use site::Site;

/// What a NIC with all offloads does.
const CUTS: Offload = Offload {
    ip_checksum: true,
    tcp_checksum: true,
    tso: Some(Tso {
        max_payload: 65_495,
        max_pieces: net::limits::MAX_FRAME_PIECES,
        max_segment: 1460,
    }),
};

/// What a NIC that does not cut does.
const SUMS: Offload = Offload { tso: None, ..CUTS };

const BLOCK: u32 = 64 << 10;
const MIB: u32 = 1 << 20;

pub(super) fn measure(
    bed: &Bed,
    cache: Cache,
    slots: Slots,
    other_core: Option<usize>,
    rounds: usize,
) -> Result<Vec<Row>, BedError> {
    let pki = Pki::new(CipherSuite::Aes128Gcm);
    let mut raw_cache = bed.cache("raw", 128 << 20)?;
    let blocks = fill(&mut raw_cache);
    let mut rows = Vec::new();
    let mut site = Site::new(bed, 0, cache, slots, CUTS, &pki)?;
    calls(&mut rows, &mut site, &pki, &blocks, rounds);
    let kernel = KernelSender::new(Source::new(&blocks, BLOCK_BYTES), other_core);
    senders(&mut rows, &mut site, &pki, kernel, rounds);
    let cache = bed.cache("second cache", 256 << 20)?;
    let slots = bed.slots("second records")?;
    let mut site = Site::new(bed, 2, cache, slots, SUMS, &pki)?;
    segments(&mut rows, &mut site, &pki, &blocks, rounds);
    Ok(rows)
}

/// One kind of call, over and over.
pub(super) fn repeat(bed: &Bed, call: &str, rounds: usize) -> Result<Spread, BedError> {
    let pki = Pki::new(CipherSuite::Aes128Gcm);
    let (name, are_together) = match call.strip_suffix("_together") {
        Some(name) => (name, true),
        None => (call, false),
    };
    let (name, offload) = match name.strip_suffix("_1448") {
        Some(name) => (name, SUMS),
        None => (name, CUTS),
    };
    let cache = bed.cache("cache", 256 << 20)?;
    let mut site = Site::new(bed, 0, cache, bed.slots("records")?, offload, &pki)?;
    let mut mounted = Mounted::new(&mut site, &pki);
    let client = usize::from(name.ends_with("_tls"));
    // Opens the congestion window.
    mounted.reading(&mut site, client, MIB, JOINED);
    let kind = name.strip_suffix("_tls").or(name.strip_suffix("_plain"));
    let (mut kind, count) = match kind {
        Some("getattr") => (mounted.asking(&mut site, client), GETATTRS),
        Some("read_4k") => (
            mounted.reading(&mut site, client, 4096, JOINED),
            SMALL_READS,
        ),
        Some("read_64k") => (mounted.reading(&mut site, client, BLOCK, JOINED), READS),
        Some("read_1m") => (mounted.reading(&mut site, client, MIB, JOINED), LARGE_READS),
        Some("write_64k") => (mounted.writing(&mut site, client), WRITES),
        _ => panic!("no such call: {call}"),
    };
    let [spread] = interleave(rounds, |_| {
        let client = &mut mounted.clients[client];
        if are_together {
            kind.sample_together(&mut site, client, count)
        } else {
            kind.sample(&mut site, client, count)
        }
    });
    Ok(spread)
}

/// A file, and clients in clear and with TLS that may read it.
struct Mounted {
    file: nfs_fh3,
    blocks: u64,
    clients: [Client; 2],
}

impl Mounted {
    /// Two clients more.
    fn new(site: &mut Site, pki: &Pki) -> Self {
        let port = site.next_client_port();
        let mut clear = Client::connect(site, port, None);
        let port = site.next_client_port();
        let tls = Client::connect(site, port, Some(pki.connect()));
        let xid = clear.xid();
        clear.say(site, &rpc::mnt(xid));
        let root = match rpc::take_reply::<mountres3>(&mut clear.stream) {
            Some((_, mountres3::Ok(ok))) => nfs_fh3 {
                data: ok.fhandle.0.into_owned().into(),
            },
            other => panic!("MNT: {other:?}"),
        };
        let xid = clear.xid();
        clear.say(site, &rpc::lookup(xid, &root));
        let file = match rpc::take_reply::<LOOKUP3res>(&mut clear.stream) {
            Some((_, Nfs3Result::Ok(ok))) => ok.object,
            other => panic!("LOOKUP: {other:?}"),
        };
        let mut clients = [clear, tls];
        for client in &mut clients {
            let xid = client.xid();
            client.say(site, &rpc::access(xid, &file));
            let reply = rpc::take_reply::<ACCESS3res>(&mut client.stream);
            assert!(matches!(reply, Some((_, Nfs3Result::Ok(_)))), "ACCESS");
        }
        let blocks = site.origin.size / u64::from(BLOCK);
        for block in 0..blocks {
            let xid = clients[0].xid();
            let call = rpc::read(xid, &file, block * u64::from(BLOCK), BLOCK);
            clients[0].say(site, &call);
            clients[0].stream.clear();
        }
        Self {
            file,
            blocks,
            clients,
        }
    }

    fn reading(
        &mut self,
        site: &mut Site,
        client: usize,
        count: u32,
        ack: script::AckEvery,
    ) -> Kind {
        let call = script::reads(&self.file, 0..self.blocks, count);
        let check = move |stream: &mut Vec<u8>, _| {
            let reply = rpc::take_reply::<READ3res<'static>>(stream);
            let Some((_, Nfs3Result::Ok(read))) = reply else {
                panic!("READ: {reply:?}");
            };
            assert_eq!(read.data.len(), count as usize);
            let first = u64::from_be_bytes(*read.data.first_chunk().expect("data")) * 8;
            let expected = origin::data(first, first + u64::from(count));
            assert!(read.data.as_ref() == expected, "what the origin has");
        };
        Kind::learn(site, &mut self.clients[client], ack, call, check, None)
    }

    fn asking(&mut self, site: &mut Site, client: usize) -> Kind {
        let file = self.file.clone();
        let call = Box::new(move |xid| rpc::getattr(xid, &file));
        let size = site.origin.size;
        let check = move |stream: &mut Vec<u8>, xid| {
            let reply = rpc::take_reply::<GETATTR3res>(stream);
            let Some((of, Nfs3Result::Ok(ok))) = reply else {
                panic!("GETATTR: {reply:?}");
            };
            assert_eq!((of, ok.obj_attributes.size), (xid, size));
        };
        Kind::learn(site, &mut self.clients[client], JOINED, call, check, None)
    }

    fn writing(&mut self, site: &mut Site, client: usize) -> Kind {
        let file = self.file.clone();
        let mut offset = script::offsets(0..self.blocks, u64::from(BLOCK));
        // What is there already, so that whatever is read afterwards is right.
        let call = Box::new(move |xid| {
            let offset = offset();
            let data = origin::data(offset, offset + u64::from(BLOCK));
            rpc::write(xid, &file, offset, &data)
        });
        let check = |stream: &mut Vec<u8>, _| {
            let reply = rpc::take_reply::<WRITE3res>(stream);
            assert!(
                matches!(reply, Some((_, Nfs3Result::Ok(_)))),
                "WRITE: {reply:?}"
            );
        };
        Kind::learn(
            site,
            &mut self.clients[client],
            JOINED,
            call,
            check,
            Some(BLOCK),
        )
    }
}

/// Calls for a round, so that it takes a millisecond or two.
const GETATTRS: usize = 1024;
const SMALL_READS: usize = 512;
const READS: usize = 64;
const LARGE_READS: usize = 6;
const WRITES: usize = 16;

/// Calls with all offloads.
fn calls(rows: &mut Vec<Row>, site: &mut Site, pki: &Pki, blocks: &[BlockRef], rounds: usize) {
    let mut mounted = Mounted::new(site, pki);
    let mut raw = RawSeal::new(Source::new(blocks, BLOCK_BYTES));
    let mut kinds = Vec::new();
    for client in 0..2 {
        kinds.push((mounted.asking(site, client), client, GETATTRS));
    }
    for (count, calls) in [(4096, SMALL_READS), (BLOCK, READS), (MIB, LARGE_READS)] {
        for client in 0..2 {
            let kind = mounted.reading(site, client, count, JOINED);
            kinds.push((kind, client, calls));
        }
    }
    // Learned before anything is measured: the replies of what is measured are not opened, so that the
    // TLS client does not know the numbers of later records.
    let sealed_writes = (mounted.writing(site, 1), 1, WRITES);
    let sample = |site: &mut Site, clients: &mut [Client; 2], which: &mut (Kind, usize, usize)| {
        let (kind, client, count) = which;
        kind.sample(site, &mut clients[*client], *count)
    };
    let clients = &mut mounted.clients;
    let [
        getattr,
        getattr_tls,
        small,
        small_tls,
        read,
        read_tls,
        large,
        large_tls,
        sealed,
        getattrs,
        getattrs_tls,
        smalls,
        smalls_tls,
    ] = interleave(rounds, |which| match (kinds.get_mut(which), which) {
        (Some(kind), _) => sample(site, clients, kind),
        (None, 8) => raw.sample(),
        (None, together) => {
            let (kind, client, count) = &mut kinds[together - 9];
            kind.sample_together(site, &mut clients[*client], *count)
        }
    });
    // Learned only now, as it opens the congestion window to the origin, which has been idle: the script has
    // no acknowledgements within a WRITE.
    let mut writes = [(mounted.writing(site, 0), 0, WRITES), sealed_writes];
    let clients = &mut mounted.clients;
    let written = interleave(rounds, |which| sample(site, clients, &mut writes[which]));
    rows.push(Row::ratio(
        "tls_tx_over_seal_tso",
        "cached 1 MiB READ over TLS with TSO ÷ sealing its bytes",
        large_tls,
        sealed.times(16.0),
        AtMost(1.10),
    ));
    let budget = |most| Some(AtMost(most));
    rows.extend([
        Row::ticks(
            "getattr_plain",
            "GETATTR answered from the cache",
            getattr,
            budget(1400.0),
        ),
        Row::ticks(
            "getattr_tls",
            "the same over TLS",
            getattr_tls,
            budget(2200.0),
        ),
        Row::ticks("read_4k_plain", "cached 4 KiB READ", small, None).besides(),
        Row::ticks("read_4k_tls", "the same over TLS", small_tls, None).besides(),
        Row::ticks(
            "read_64k_plain",
            "cached 64 KiB READ with TSO",
            read,
            budget(6000.0),
        ),
        Row::ticks(
            "read_64k_tls",
            "the same over TLS",
            read_tls,
            budget(32_000.0),
        ),
        Row::ticks("read_1m_plain", "cached 1 MiB READ with TSO", large, None).besides(),
        Row::ticks("read_1m_tls", "the same over TLS", large_tls, None).besides(),
        Row::ticks(
            "seal_64k",
            "sealing 64 KiB as 4 records and nothing else",
            sealed,
            None,
        )
        .besides(),
    ]);
    rows.extend(together([getattrs, getattrs_tls, smalls, smalls_tls]));
    rows.extend(forwarded(written));
}

/// Small calls of which sixteen come in a turn, as when there is much to do.
fn together(calls: [Spread; 4]) -> impl Iterator<Item = Row> {
    let names = [
        ("getattr_plain_together", "GETATTR, sixteen in a turn"),
        ("getattr_tls_together", "the same over TLS"),
        (
            "read_4k_plain_together",
            "cached 4 KiB READ, sixteen in a turn",
        ),
        ("read_4k_tls_together", "the same over TLS"),
    ];
    let rows = names.into_iter().zip(calls);
    rows.map(|((name, about), spread)| Row::ticks(name, about, spread, None).besides())
}

fn forwarded(calls: [Spread; 2]) -> impl Iterator<Item = Row> {
    let names = [
        ("write_64k_plain", "64 KiB WRITE forwarded to the origin"),
        ("write_64k_tls", "the same from a client with TLS"),
    ];
    let rows = names.into_iter().zip(calls);
    rows.map(|((name, about), spread)| Row::ticks(name, about, spread, None).besides())
}

/// Our sender against Linux's.
fn senders(
    rows: &mut Vec<Row>,
    site: &mut Site,
    pki: &Pki,
    mut kernel: KernelSender,
    rounds: usize,
) {
    let mut mounted = Mounted::new(site, pki);
    let mut plain = mounted.reading(site, 0, MIB, JOINED);
    let mut sealed = mounted.reading(site, 1, MIB, JOINED);
    let [clear, tls] = &mut mounted.clients;
    let [ours, ours_sealed, theirs, theirs_sealed] = interleave(rounds, |which| match which {
        0 => plain.sample(site, clear, LARGE_READS) / 16.0,
        1 => sealed.sample(site, tls, LARGE_READS) / 16.0,
        2 => kernel.sample_clear(),
        _ => kernel.sample_sealed(),
    });
    rows.extend([
        Row::ratio(
            "tls_sender_vs_kernel_send",
            "cached READ over TLS with TSO ÷ sealing with the same library and send() over loopback, for 64 KiB",
            ours_sealed,
            theirs_sealed,
            AtMost(0.5),
        ),
        Row::ratio(
            "plain_sender_vs_kernel_send",
            "the same in clear ÷ send()",
            ours,
            theirs,
            AtMost(0.5),
        )
        .besides(),
    ]);
}

/// READs cut into segments in software.
fn segments(rows: &mut Vec<Row>, site: &mut Site, pki: &Pki, blocks: &[BlockRef], rounds: usize) {
    let mut mounted = Mounted::new(site, pki);
    let mut raw = RawSeal::new(Source::new(blocks, BLOCK_BYTES));
    let mut joined = mounted.reading(site, 1, MIB, JOINED);
    let mut every_other = mounted.reading(site, 1, MIB, EVERY_OTHER);
    let mut plain = mounted.reading(site, 0, MIB, JOINED);
    let [clear, tls] = &mut mounted.clients;
    let [sent, acknowledged, plain, sealed]: [Spread; 4] =
        interleave(rounds, |which| match which {
            0 => joined.sample(site, tls, LARGE_READS),
            1 => every_other.sample(site, tls, LARGE_READS),
            2 => plain.sample(site, clear, LARGE_READS),
            _ => raw.sample(),
        });
    rows.extend([
        Row::ratio(
            "tls_tx_over_seal_1448",
            "cached 1 MiB READ over TLS in segments of 1,448 B ÷ sealing its bytes",
            sent,
            sealed.times(16.0),
            AtMost(1.35),
        ),
        Row::ticks(
            "read_1m_tls_1448",
            "the same in ticks, every other segment acknowledged by itself",
            acknowledged,
            None,
        )
        .besides(),
        Row::ticks(
            "read_1m_plain_1448",
            "the same in clear, acknowledged at every 64 KiB",
            plain,
            None,
        )
        .besides(),
    ]);
}
