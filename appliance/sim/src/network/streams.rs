//! What appliances have sent, by its place in TCP's streams: a retransmission carries the bytes of the first time,
//! be they data or ciphertext (invariants I3 and I4), and leaves out none that the peer lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use super::frame::{is_sound, segment};
use crate::outcome::Judge;

/// All streams that appliances send.
#[derive(Debug)]
pub(crate) struct Streams {
    judge: Judge,
    /// Whether no NIC lacks mbufs: frames that were never sent have edges that nobody knows.
    all_is_seen: bool,
    streams: BTreeMap<(SocketAddrV4, SocketAddrV4), Stream>,
    /// What the peers of these streams let be sent.
    offers: BTreeMap<(SocketAddrV4, SocketAddrV4), Offer>,
}

/// A peer's window.
#[derive(Clone, Copy, Debug)]
struct Offer {
    /// Of the peer's SYN.
    start: u32,
    scale: u8,
    /// The number that must not be sent, once the peer has told it.
    edge: Option<u32>,
}

/// Whether `later` comes after `number`.
fn is_after(later: u32, number: u32) -> bool {
    later != number && later.wrapping_sub(number) < 1 << 31
}

#[derive(Debug)]
struct Stream {
    /// Sequence number of the SYN.
    start: u32,
    /// `None` where a frame was never sent, for lack of an mbuf.
    bytes: Vec<Option<u8>>,
    /// Where segments began and ended, and what the peer has begins and ends: a retransmission begins nowhere else.
    edges: BTreeSet<usize>,
}

impl Stream {
    fn place(&self, sequence: u32) -> usize {
        sequence.wrapping_sub(self.start).wrapping_sub(1) as usize
    }
}

/// What of a stream is remembered: no window is larger.
const REMEMBERED: usize = 64 << 20;

impl Streams {
    pub(crate) fn new(judge: Judge, all_is_seen: bool) -> Self {
        Self {
            judge,
            all_is_seen,
            streams: BTreeMap::new(),
            offers: BTreeMap::new(),
        }
    }

    /// A frame that an appliance's NIC sends.
    pub(crate) fn watch(&mut self, frame: &[u8]) {
        let Some(segment) = segment(frame) else {
            return;
        };
        let flow = (segment.from, segment.to);
        if segment.is_syn {
            let known = self.streams.get(&flow);
            if known.is_none_or(|stream| stream.start != segment.sequence) {
                let stream = Stream {
                    start: segment.sequence,
                    bytes: Vec::new(),
                    edges: BTreeSet::from([0]),
                };
                self.streams.insert(flow, stream);
            }
            return;
        }
        let payload = &frame[segment.payload];
        let len = u32::try_from(payload.len()).expect("64 KiB at most");
        let past = segment.sequence.wrapping_add(len);
        if let Some(edge) = self.offers.get(&flow).and_then(|offer| offer.edge)
            && len > 0
            && is_after(past, edge)
        {
            let beyond = past.wrapping_sub(edge);
            self.judge.wrong(|| {
                format!(
                    "the stream {} to {} is sent {beyond} bytes beyond the window",
                    flow.0, flow.1
                )
            });
        }
        let Some(stream) = self.streams.get_mut(&flow) else {
            return;
        };
        let offset = stream.place(segment.sequence);
        if payload.is_empty() || offset > REMEMBERED {
            return;
        }
        let end = offset + payload.len();
        // A tail probe repeats the last bytes, wherever they begin.
        let is_repeated = end < stream.bytes.len();
        if self.all_is_seen && is_repeated && !stream.edges.contains(&offset) {
            self.judge.wrong(|| {
                format!(
                    "the stream {} to {} is sent again from {offset} on, where nothing began or ended",
                    flow.0, flow.1
                )
            });
        }
        stream.edges.extend([offset, end]);
        if stream.bytes.len() < end {
            stream.bytes.resize(end, None);
        }
        for (at, &byte) in (offset..).zip(payload) {
            let first = *stream.bytes[at].get_or_insert(byte);
            if first != byte {
                self.judge.wrong(|| {
                    format!(
                        "byte {at} of the stream {} to {} is sent again, and as another: {byte:#04x} for {first:#04x}",
                        flow.0, flow.1
                    )
                });
                return;
            }
        }
    }

    /// A frame that an appliance's NIC receives: what the peer says that it has, and that may be sent.
    pub(crate) fn hear(&mut self, frame: &[u8]) {
        let Some(segment) = segment(frame).filter(|_| is_sound(frame)) else {
            return;
        };
        let flow = (segment.to, segment.from);
        let told = |scale: u8| {
            let window = u32::from(segment.window) << scale;
            let edge = segment.acknowledgement.wrapping_add(window);
            segment.acknowledges.then_some(edge)
        };
        if segment.is_syn {
            // The window in a SYN is never scaled (RFC 7323, 2.2).
            let offer = Offer {
                start: segment.sequence,
                scale: segment.window_scale.unwrap_or(0),
                edge: told(0),
            };
            let known = self.offers.get(&flow);
            if known.is_none_or(|known| known.start != offer.start) {
                self.offers.insert(flow, offer);
            }
        } else if let Some(offer) = self.offers.get_mut(&flow) {
            let told = told(offer.scale);
            if let Some(edge) = told
                && offer.edge.is_none_or(|known| is_after(edge, known))
            {
                offer.edge = told;
            }
        }
        if let Some(stream) = self.streams.get_mut(&flow) {
            for edge in segment
                .reported
                .into_iter()
                .chain([segment.acknowledgement])
            {
                let place = stream.place(edge);
                stream.edges.insert(place);
            }
        }
    }
}
