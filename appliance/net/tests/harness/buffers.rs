//! Buffers that count their owners, a source and a sink.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;

use net::{ConnectionId, FrameOffload, FrameSink, RxBuffer, Source, TxBuffer, TxFrame};

/// A received piece; `live` counts those that exist.
pub struct Received {
    bytes: Vec<u8>,
    live: Rc<Cell<usize>>,
}

impl Received {
    pub fn new(bytes: Vec<u8>, live: &Rc<Cell<usize>>) -> Self {
        live.set(live.get() + 1);
        Self {
            bytes,
            live: Rc::clone(live),
        }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.live.set(self.live.get() - 1);
    }
}

impl RxBuffer for Received {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A range of shared memory; the memory's reference count tells who holds it.
#[derive(Debug)]
pub struct Shared {
    pub memory: Rc<[u8]>,
    pub range: Range<usize>,
}

impl Shared {
    pub fn new(bytes: &[u8]) -> Self {
        Self {
            memory: bytes.into(),
            range: 0..bytes.len(),
        }
    }
}

impl TxBuffer for Shared {
    fn len(&self) -> usize {
        self.range.len()
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.range.clone()]
    }

    fn share(&self, range: Range<usize>) -> Self {
        assert!(range.end <= self.range.len());
        Self {
            memory: Rc::clone(&self.memory),
            range: self.range.start + range.start..self.range.start + range.end,
        }
    }
}

/// What connections have to send.
#[derive(Default)]
pub struct Sources {
    streams: HashMap<ConnectionId, VecDeque<Shared>>,
    /// The `room` of every pull, in order.
    pub asked: Vec<usize>,
}

impl Sources {
    pub fn push(&mut self, connection: ConnectionId, buffer: Shared) {
        self.streams
            .entry(connection)
            .or_default()
            .push_back(buffer);
    }

    pub fn is_empty(&self, connection: ConnectionId) -> bool {
        self.streams.get(&connection).is_none_or(VecDeque::is_empty)
    }
}

impl Source<Shared> for Sources {
    fn pull(&mut self, connection: ConnectionId, room: usize) -> Option<Shared> {
        assert!(room > 0);
        self.asked.push(room);
        let stream = self.streams.get_mut(&connection)?;
        let first = stream.pop_front()?;
        if first.len() <= room {
            return Some(first);
        }
        let taken = first.share(0..room);
        stream.push_front(first.share(room..first.len()));
        Some(taken)
    }
}

/// A frame as the sink got it.
pub struct Sent {
    pub header: Vec<u8>,
    pub payload: Vec<Shared>,
    pub l2_len: usize,
    pub l3_len: usize,
    pub l4_len: usize,
    pub offload: FrameOffload,
}

impl Sent {
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.header.clone();
        bytes.extend(self.data());
        bytes
    }

    pub fn data(&self) -> Vec<u8> {
        self.payload
            .iter()
            .flat_map(|piece| piece.bytes().to_vec())
            .collect()
    }
}

/// Takes frames until it is full.
pub struct Sink {
    pub frames: Vec<Sent>,
    pub room: usize,
}

impl FrameSink<Shared> for Sink {
    fn has_room(&self) -> bool {
        self.frames.len() < self.room
    }

    fn emit(&mut self, frame: TxFrame<'_, Shared>) {
        assert!(self.has_room());
        assert!(frame.header.len() <= net::limits::MAX_HEADER_BYTES);
        self.frames.push(Sent {
            header: frame.header.to_vec(),
            payload: frame
                .payload
                .iter()
                .map(|piece| {
                    assert!(!piece.range.is_empty());
                    piece.buffer.share(piece.range.clone())
                })
                .collect(),
            l2_len: frame.l2_len.into(),
            l3_len: frame.l3_len.into(),
            l4_len: frame.l4_len.into(),
            offload: frame.offload,
        });
    }
}
