//! Random histories against the simplest truth there is: what the origin holds.
//!
//! Calls of two clients, changes by somebody else, broken connections; the origin executes calls in any
//! order and its replies arrive in any order. Whenever all is quiet, whoever has looked at the file's
//! attributes must read what the origin holds (close-to-open), and so must everybody if nobody else has
//! changed the file since.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::time::Duration;

use gateway::Limits;
use lab::xdr::Out;
use lab::{Lab, READ, Reply, Setup, WRITE, pattern, read_args, write_args};
use proptest::prelude::*;

const SMALL_BLOCK: usize = 4096;
const LONGEST: usize = 4 * SMALL_BLOCK;

#[derive(Clone, Debug)]
enum Event {
    Read {
        client: u64,
        offset: usize,
        len: usize,
    },
    Write {
        client: u64,
        offset: usize,
        len: usize,
        seed: u8,
    },
    SetSize {
        client: u64,
        size: usize,
    },
    Look {
        client: u64,
    },
    SomebodyElse {
        offset: usize,
        len: usize,
        seed: u8,
    },
    Execute {
        which: usize,
    },
    Deliver {
        which: usize,
    },
    BreakLink {
        which: usize,
    },
    Quiet,
}

fn event() -> impl Strategy<Value = Event> {
    let client = 1..3_u64;
    let span = (0..LONGEST, prop_oneof![1..64_usize, 1..2 * SMALL_BLOCK]);
    prop_oneof![
        4 => (client.clone(), span.clone())
            .prop_map(|(client, (offset, len))| Event::Read { client, offset, len }),
        4 => (client.clone(), span.clone(), any::<u8>())
            .prop_map(|(client, (offset, len), seed)| Event::Write { client, offset, len, seed }),
        1 => (client.clone(), 0..LONGEST)
            .prop_map(|(client, size)| Event::SetSize { client, size }),
        2 => client.prop_map(|client| Event::Look { client }),
        1 => (span, any::<u8>())
            .prop_map(|((offset, len), seed)| Event::SomebodyElse { offset, len, seed }),
        8 => any::<usize>().prop_map(|which| Event::Execute { which }),
        8 => any::<usize>().prop_map(|which| Event::Deliver { which }),
        1 => any::<usize>().prop_map(|which| Event::BreakLink { which }),
        2 => Just(Event::Quiet),
    ]
}

struct History {
    lab: Lab,
    id: u64,
    file: Vec<u8>,
    replies: Vec<Reply>,
    /// Somebody else has changed the file and nobody has looked since.
    unseen: bool,
}

impl History {
    fn new(gives_before: bool, clock_stands_still: bool, blocks: usize) -> Self {
        let mut lab = Setup {
            blocks,
            block_size: SMALL_BLOCK,
            limits: Limits {
                pinned: Some(1 << 20),
                pinned_per_client: Some(1 << 20),
                ..Limits::default()
            },
            ..Setup::default()
        }
        .start();
        lab.origin.gives_before = gives_before;
        let id = lab.add_file("f", &pattern(SMALL_BLOCK + 100, 1));
        let file = lab.lookup(1, "f");
        lab.origin.clock_stands_still = clock_stands_still;
        lab.hold = |_| true;
        Self {
            lab,
            id,
            file,
            replies: Vec::new(),
            unseen: false,
        }
    }

    fn happen(&mut self, event: Event) {
        // Back-pressure is for other tests: here every call is taken in at once.
        let cache = self.lab.gateway.cache();
        if self.lab.pinned() * 2 > cache.block_count() * cache.block_size() {
            self.quiet();
        }
        let lab = &mut self.lab;
        match event {
            Event::Read {
                client,
                offset,
                len,
            } => {
                lab.send(
                    client,
                    READ,
                    &read_args(&self.file, offset as u64, len as u32),
                );
            }
            Event::Write {
                client,
                offset,
                len,
                seed,
            } => {
                let args = write_args(&self.file, offset as u64, &pattern(len, seed));
                lab.send(client, WRITE, &args);
            }
            Event::SetSize { client, size } => {
                let args = Out::new().opaque(&self.file).u32(0).u32(0).u32(0).u32(1);
                let args = args.u64(size as u64).u32(0).u32(0).u32(0);
                lab.send(client, 2, &args.0);
            }
            Event::Look { client } => {
                lab.send(client, 1, &Out::new().opaque(&self.file).0);
            }
            // Within one tick, what somebody else does cannot be seen.
            Event::SomebodyElse { .. } if lab.origin.clock_stands_still => {}
            Event::SomebodyElse { offset, len, seed } => {
                self.unseen = true;
                lab.origin.change(self.id, |data| {
                    data.resize(data.len().max(offset + len), 0);
                    data[offset..offset + len].copy_from_slice(&pattern(len, seed));
                });
            }
            Event::Execute { which } => {
                if !lab.pending.is_empty() {
                    let reply = lab.execute(which % lab.pending.len());
                    self.replies.push(reply);
                }
            }
            Event::Deliver { which } => {
                if !self.replies.is_empty() {
                    let reply = self.replies.swap_remove(which % self.replies.len());
                    lab.deliver(&reply);
                }
            }
            Event::BreakLink { which } => {
                let links = lab.nfs_links();
                if !links.is_empty() {
                    let link = links[which % links.len()];
                    self.replies.retain(|reply| reply.link != link);
                    lab.break_link(link);
                }
            }
            Event::Quiet => self.quiet(),
        }
    }

    fn quiet(&mut self) {
        for reply in self.replies.drain(..) {
            self.lab.deliver(&reply);
        }
        self.lab.hold = |_| false;
        for _ in 0..4 {
            self.lab.tick(Duration::from_secs(20));
        }
        self.lab.assert_at_rest();
        let truth = self.lab.origin.nodes[&self.id].data.clone();
        for client in [1, 2] {
            if self.unseen {
                self.lab.getattr(client, &self.file);
                self.unseen = false;
            }
            let middle = truth.len() * 3 / 4;
            let part = self.lab.read(client, &self.file, middle as u64, 50);
            let expected = &truth[middle..truth.len().min(middle + 50)];
            assert!(
                truth.is_empty() || !part.data.is_empty(),
                "no end before the end"
            );
            assert!(expected.starts_with(&part.data));
            let seen = self.lab.read_all(client, &self.file, 5000);
            assert!(
                seen == truth,
                "client {client} does not read what the origin holds"
            );
        }
        self.lab.assert_at_rest();
        self.lab.hold = |_| true;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_what_the_origin_holds(
        events in prop::collection::vec(event(), 1..120),
        gives_before in any::<bool>(),
        clock_stands_still in any::<bool>(),
        blocks in prop_oneof![Just(32_usize), Just(256)],
    ) {
        let mut history = History::new(gives_before, clock_stands_still, blocks);
        for event in events {
            history.happen(event);
        }
        history.quiet();
    }
}
