//! What is counted. Nothing here draws random numbers or looks at a clock: a case is the same every time.

use std::hint::black_box;

use cache::{BlockKey, FileId};
use gateway::Coherence;
use net::{Offload, Tso};
use nfs::nfs3::{args, results};
use nfs::rpc::{decode_call, decode_reply};
use nfs::xdr::Reader;
use nfs3_types::nfs3::{
    self, GETATTR3args, NFS_PROGRAM, READ3args, WRITE3args, nfs_fh3, stable_how,
};
use nfs3_types::xdr_codec::{Opaque, Pack};

use super::probe::{counted, uncounted};
use super::tcp::{self, Part};
use crate::load::calls::{credential, encode};
use crate::ratios::OurPair;
use crate::world::{BLOCK, SOON, Setup, World, heap_cache};

/// How often a case does what it does, while that is counted.
pub const REPETITIONS: u64 = 128;

/// The same as an index, and what comes before: everything is warm then.
const TIMES: usize = 128;

/// One path.
pub struct Case {
    /// Its name in the baselines.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Runs it [`REPETITIONS`] times under [`counted`], whatever else it does.
    pub run: fn(),
}

impl Case {
    /// The case of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|case| case.name == name)
    }
}

/// All cases.
pub const ALL: &[Case] = &[
    Case {
        name: "tcp_in",
        about: "TCP: a full segment in order, its bytes taken",
        run: || exchange(Part::In, TIMES),
    },
    Case {
        name: "tcp_out",
        about: "TCP: a full segment out",
        run: || exchange(Part::Out, TIMES),
    },
    Case {
        name: "tcp_acknowledgement",
        about: "TCP: an acknowledgement of two full segments",
        run: || exchange(Part::Acknowledgement, 2 * TIMES),
    },
    Case {
        name: "tcp_stream",
        about: "TCP: a full segment of many, out, in and acknowledged",
        run: stream,
    },
    Case {
        name: "xdr_getattr",
        about: "XDR: a GETATTR call, header and arguments",
        run: decode_getattr,
    },
    Case {
        name: "xdr_read",
        about: "XDR: a READ call, header and arguments",
        run: decode_read,
    },
    Case {
        name: "xdr_write",
        about: "XDR: a WRITE call up to its data",
        run: decode_write,
    },
    Case {
        name: "xdr_read_reply",
        about: "XDR: a READ reply up to its data",
        run: decode_read_reply,
    },
    Case {
        name: "cache_hit",
        about: "cache: a block found, pinned and let go",
        run: hit,
    },
    Case {
        name: "engine_getattr",
        about: "engine: a GETATTR from the cache, frame in to acknowledgement in",
        run: || engine(None),
    },
    Case {
        name: "engine_read_4k",
        about: "engine: a READ of 4 KiB from the cache, frame in to acknowledgement in",
        run: || engine(Some(4096)),
    },
    Case {
        name: "engine_read_64k",
        about: "engine: a READ of 64 KiB from the cache with TSO, frame in to acknowledgements in",
        run: || engine(Some(BLOCK)),
    },
];

fn exchange(part: Part, segments: usize) {
    assert_eq!(tcp::exchange(segments, part), TIMES);
}

/// What `tcp_vs_smoltcp_1500` measures, the wire's copy and the reader's included.
fn stream() {
    const SEGMENT: usize = 1448;
    let mut pair = OurPair::default();
    pair.carry(64 * TIMES * SEGMENT);
    counted(&mut || pair.carry(TIMES * SEGMENT));
}

fn file() -> nfs_fh3 {
    nfs_fh3 {
        data: Opaque::borrowed(&[7; 32]),
    }
}

/// A call without its record mark.
fn call(procedure: NFS_PROGRAM, arguments: &impl Pack) -> Vec<u8> {
    let procedure = (nfs3::PROGRAM, nfs3::VERSION, procedure as u32);
    encode(1, procedure, &credential(), arguments).split_off(4)
}

/// Decodes again and again; `decode` reads all that it is about.
fn decode(bytes: &[u8], decode: impl Fn(&mut Reader<'_>)) {
    for _ in 0..TIMES {
        let bytes = black_box(bytes);
        counted(&mut || decode(&mut Reader::contiguous(bytes)));
    }
}

fn decode_getattr() {
    let call = call(
        NFS_PROGRAM::NFSPROC3_GETATTR,
        &GETATTR3args { object: file() },
    );
    decode(&call, |reader| {
        black_box(decode_call(reader).expect("a call"));
        black_box(args::getattr(reader).expect("arguments"));
    });
}

fn decode_read() {
    let arguments = READ3args {
        file: file(),
        offset: 65_536,
        count: 65_536,
    };
    let call = call(NFS_PROGRAM::NFSPROC3_READ, &arguments);
    decode(&call, |reader| {
        black_box(decode_call(reader).expect("a call"));
        black_box(args::read(reader).expect("arguments"));
    });
}

fn decode_write() {
    let arguments = WRITE3args {
        file: file(),
        offset: 65_536,
        count: 4096,
        stable: stable_how::UNSTABLE,
        data: Opaque::owned(vec![0; 4096]),
    };
    let call = call(NFS_PROGRAM::NFSPROC3_WRITE, &arguments);
    decode(&call, |reader| {
        black_box(decode_call(reader).expect("a call"));
        black_box(args::write_head(reader, 1 << 20).expect("arguments"));
    });
}

fn decode_read_reply() {
    const COUNT: u32 = 4096;
    // xid, REPLY, accepted, no verifier, SUCCESS; NFS3_OK, attributes: a regular file.
    let head = [1_u32, 1, 0, 0, 0, 0, 0, 1, 1];
    let attributes = [0_u32; 20];
    let words = head.into_iter().chain(attributes).chain([COUNT, 1, COUNT]);
    let mut reply: Vec<u8> = words.flat_map(u32::to_be_bytes).collect();
    reply.resize(reply.len() + 4096, 0);
    decode(&reply, |reader| {
        black_box(decode_reply(reader).expect("a reply"));
        black_box(results::read_head(reader, COUNT).expect("results"));
    });
}

fn hit() {
    const BLOCKS: usize = 64;
    let mut cache = heap_cache(BLOCKS);
    let key = |index| BlockKey {
        file: FileId(1),
        index,
    };
    for index in 0..BLOCKS as u64 {
        let block = cache.allocate().expect("a free block");
        cache.publish(key(index), block.freeze(), 0..BLOCK, false);
    }
    for index in 0..REPETITIONS {
        let key = black_box(key(index * 7 % BLOCKS as u64));
        counted(&mut || {
            let hit = cache.lookup(key, 0..4096).expect("a hit");
            black_box(&hit.slice);
        });
    }
}

/// A call again and again: a GETATTR, or a READ of so many bytes.
fn engine(read: Option<usize>) {
    let mut world = World::new(Setup {
        coherence: Coherence::Immutable,
        offload: Offload {
            ip_checksum: true,
            tcp_checksum: true,
            tso: Some(Tso {
                max_payload: 65_000,
                max_segment: 1500,
                max_pieces: 16,
            }),
        },
        ..Setup::default()
    });
    let mut files = world.origin.export.add_files(1, BLOCK);
    let file = files.next().expect("one");
    let client = world.connect();
    world.mount(client);
    world.read(client, &file, 0, BLOCK);
    for number in 0..2 * TIMES {
        if number == TIMES {
            world.meter = counted;
            for wire in &mut world.wires {
                wire.aside = uncounted;
            }
        }
        match read {
            None => {
                world.attributes(client, &file);
            }
            Some(len) => {
                world.read(client, &file, 0, len);
            }
        }
        world.run_for(SOON / 10);
    }
}
