//! What appliances have sent, by its place in TCP's streams: a retransmission carries the bytes of the first time,
//! be they data or ciphertext (invariants I3 and I4).

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use super::frame::segment;
use crate::outcome::Judge;

/// All streams that appliances send.
#[derive(Debug)]
pub(crate) struct Streams {
    judge: Judge,
    streams: BTreeMap<(SocketAddrV4, SocketAddrV4), Stream>,
}

#[derive(Debug)]
struct Stream {
    /// Sequence number of the SYN.
    start: u32,
    /// `None` where a frame was never sent, for lack of an mbuf.
    bytes: Vec<Option<u8>>,
}

/// What of a stream is remembered: no window is larger.
const REMEMBERED: usize = 64 << 20;

impl Streams {
    pub(crate) fn new(judge: Judge) -> Self {
        Self {
            judge,
            streams: BTreeMap::new(),
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
                };
                self.streams.insert(flow, stream);
            }
            return;
        }
        let payload = &frame[segment.payload];
        let Some(stream) = self.streams.get_mut(&flow) else {
            return;
        };
        let offset = segment.sequence.wrapping_sub(stream.start).wrapping_sub(1) as usize;
        if payload.is_empty() || offset > REMEMBERED {
            return;
        }
        let end = offset + payload.len();
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
}
