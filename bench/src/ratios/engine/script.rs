//! Calls written down before they are made: every frame of the peers, in the order and
//! with the numbers that it will have, so that only the engine is measured.

use std::ops::Range;

use nfs3_types::nfs3::nfs_fh3;

use super::client::Client;
use super::rpc;
use super::site::{CLIENT_PORT, ORIGIN_PORT, Site};
use super::wire::Received;
use crate::timed;

/// Frames that arrive, and how many of them in each turn of the loop.
#[derive(Default)]
pub(super) struct Script {
    frames: Vec<(usize, Received)>,
    turns: Vec<usize>,
}

impl Script {
    fn turn(&mut self, site: &Site, port: usize, frames: &[Vec<u8>]) {
        let received = |frame: &Vec<u8>| (port, Received::new(&site.pool, frame));
        self.frames.extend(frames.iter().map(received));
        self.turns.push(frames.len());
    }
}

/// How often a client acknowledges, in bytes received.
#[derive(Clone, Copy, Debug)]
pub(super) struct AckEvery(pub(super) usize);

/// As a receiver does whose NIC or kernel joins segments.
pub(super) const JOINED: AckEvery = AckEvery(60_000);

/// As a receiver does that takes segments as they come (RFC 9293, 3.8.6.3).
pub(super) const EVERY_OTHER: AckEvery = AckEvery(2 * super::wire::SEGMENT);

/// Most frames of one receive burst.
const BURST: usize = 32;

/// Calls that arrive in one turn when many do: half a receive burst.
const TOGETHER: usize = BURST / 2;

/// One kind of call, with what was learned about it by making it once.
pub(super) struct Kind {
    /// Writes a call.
    call: Box<dyn FnMut(u32) -> Vec<u8>>,
    /// Payload bytes of the frames of the reply, up to each point at which the client
    /// acknowledges; what is left goes with its next call.
    acknowledged: Vec<usize>,
    rest: usize,
    /// Of a call that is forwarded: bytes of it, and of its data.
    forwarded: Option<(usize, u32)>,
}

impl Kind {
    /// Makes the call twice, checking the reply, the second time for what goes over the wire.
    pub(super) fn learn(
        site: &mut Site,
        client: &mut Client,
        ack: AckEvery,
        mut call: Box<dyn FnMut(u32) -> Vec<u8>>,
        check: impl Fn(&mut Vec<u8>, u32),
        data: Option<u32>,
    ) -> Self {
        for _ in 0..2 {
            site.sent.iter_mut().for_each(Vec::clear);
            let xid = client.xid();
            let bytes = call(xid);
            client.say(site, &bytes);
            check(&mut client.stream, xid);
            assert!(client.stream.is_empty(), "one reply");
        }
        let [reply, forwarded] = &site.sent;
        assert_eq!(forwarded.is_empty(), data.is_none(), "who answers");
        let mut acknowledged = Vec::new();
        let mut rest = 0;
        for payload in reply {
            rest += payload;
            if rest >= ack.0 {
                acknowledged.push(std::mem::take(&mut rest));
            }
        }
        if rest == 0 {
            rest = acknowledged.pop().unwrap_or(0);
        }
        Self {
            call,
            acknowledged,
            rest,
            forwarded: data.map(|data| (forwarded.iter().sum(), data)),
        }
    }

    fn reply_len(&self) -> usize {
        self.acknowledged.iter().sum::<usize>() + self.rest
    }

    /// Makes `count` calls, one a turn; ticks for each.
    pub(super) fn sample(&mut self, site: &mut Site, client: &mut Client, count: usize) -> f64 {
        let mut script = Script::default();
        for _ in 0..count {
            self.write_down(&mut script, site, client);
        }
        self.play(script, site, client, count)
    }

    /// Makes `count` calls, [`TOGETHER`] of them a turn; ticks for each.
    pub(super) fn sample_together(
        &mut self,
        site: &mut Site,
        client: &mut Client,
        count: usize,
    ) -> f64 {
        let mut script = Script::default();
        for _ in 0..count / TOGETHER {
            self.write_down_together(&mut script, site, client);
        }
        self.play(script, site, client, count / TOGETHER * TOGETHER)
    }

    fn play(&self, mut script: Script, site: &mut Site, client: &mut Client, count: usize) -> f64 {
        // So that nothing is outstanding while others are measured.
        let last = client.end.segment(&[]);
        script.turn(site, CLIENT_PORT, &[last]);
        let before = site.engine.stats();
        let Script { frames, turns } = script;
        let mut frames = frames.into_iter();
        let ticks = timed(count, || {
            for &arrivals in &turns {
                site.turn(frames.by_ref().take(arrivals));
            }
        });
        let after = site.engine.stats();
        let sent = |port: usize| {
            let bytes = |stats: &engine::EngineStats| stats.ports[port].payload_bytes_out;
            usize::try_from(bytes(&after) - bytes(&before)).expect("few bytes")
        };
        assert_eq!(
            sent(CLIENT_PORT),
            count * self.reply_len(),
            "all replies were sent"
        );
        let forwarded = self.forwarded.map_or(0, |(len, _)| len);
        assert_eq!(
            sent(ORIGIN_PORT),
            count * forwarded,
            "what is forwarded, and nothing else"
        );
        ticks
    }

    /// Calls that arrive together; what they are answered is acknowledged with the next ones.
    ///
    /// # Panics
    /// When a call has to wait for anything.
    fn write_down_together(&mut self, script: &mut Script, site: &Site, client: &mut Client) {
        assert!(self.acknowledged.is_empty() && self.forwarded.is_none());
        let mut frames = Vec::new();
        for _ in 0..TOGETHER {
            let xid = client.xid();
            let bytes = client.seal(&(self.call)(xid));
            frames.extend(client.end.segments(&bytes));
        }
        script.turn(site, CLIENT_PORT, &frames);
        client.end.expected = advanced(client.end.expected, TOGETHER * self.rest);
    }

    fn write_down(&mut self, script: &mut Script, site: &mut Site, client: &mut Client) {
        let xid = client.xid();
        let bytes = client.seal(&(self.call)(xid));
        for burst in client.end.segments(&bytes).chunks(BURST) {
            script.turn(site, CLIENT_PORT, burst);
        }
        if let Some((len, data)) = self.forwarded {
            let xid = site.next_origin_xid();
            let reply = site.origin.write_reply(xid, data);
            let end = site
                .origin_ends
                .last_mut()
                .expect("a connection to the origin");
            end.expected = advanced(end.expected, len);
            let answer = end.segments(&reply);
            script.turn(site, ORIGIN_PORT, &answer);
        }
        let mut acknowledgements = Vec::new();
        for &len in &self.acknowledged {
            client.end.expected = advanced(client.end.expected, len);
            acknowledgements.push(client.end.segment(&[]));
        }
        for burst in acknowledgements.chunks(BURST) {
            script.turn(site, CLIENT_PORT, burst);
        }
        client.end.expected = advanced(client.end.expected, self.rest);
    }
}

fn advanced(sequence: u32, len: usize) -> u32 {
    sequence.wrapping_add(u32::try_from(len).unwrap_or(0))
}

/// READs of `count` bytes at offsets that no prefetcher guesses, of the blocks `blocks`.
pub(super) fn reads(
    file: &nfs_fh3,
    blocks: Range<u64>,
    count: u32,
) -> Box<dyn FnMut(u32) -> Vec<u8>> {
    let file = file.clone();
    let mut offset = offsets(blocks, u64::from(count));
    Box::new(move |xid| rpc::read(xid, &file, offset(), count))
}

/// Offsets of `step` bytes each, in a random order; those within a block are block offsets too.
pub(super) fn offsets(blocks: Range<u64>, step: u64) -> impl FnMut() -> u64 {
    let block = crate::BLOCK_BYTES as u64;
    let (first, steps) = (
        blocks.start * block,
        (blocks.end - blocks.start) * block / step,
    );
    let mut state = 0x0139_408d_cbbf_7a44_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        first + state % steps * step
    }
}
