//! Peers of the engine that hold to a script: TCP in order and without losses, so that
//! every frame of theirs can be written before it is due.

use std::net::Ipv4Addr;

use dpdk::{Mbuf, Mempool};

/// One received piece.
#[derive(Debug)]
pub(super) struct Received(Mbuf);

impl Received {
    /// A frame in a buffer of the pool, where a NIC would have put it.
    pub(super) fn new(pool: &Mempool, frame: &[u8]) -> Self {
        let mut mbuf = pool.allocate().expect("the pool is large enough");
        mbuf.append(frame).expect("a frame fits a buffer");
        Self(mbuf)
    }

    /// As [`Mbuf::prefetch`].
    pub(super) fn prefetch(&self) {
        self.0.prefetch();
    }
}

impl net::RxBuffer for Received {
    fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

/// A place on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) mac: [u8; 6],
    pub(super) address: Ipv4Addr,
}

pub(super) const SYN: u8 = 2;
pub(super) const ACK: u8 = 16;
const FIN: u8 = 1;

/// Ethernet and IPv4 without options.
const IP: usize = 14;
const TCP: usize = 34;

/// Most payload of a segment, with timestamps at an MTU of 1500.
pub(super) const SEGMENT: usize = 1448;

/// Both ends offer windows of 4 MiB.
const WINDOW_SCALE: u8 = 7;
const WINDOW: u16 = 32_768;

/// One connection, as its scripted end sees it.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    us: Host,
    them: Host,
    our_port: u16,
    their_port: u16,
    /// Of the next byte we send.
    pub(super) sequence: u32,
    /// Of the next byte we expect.
    pub(super) expected: u32,
    /// Their last timestamp.
    echo: u32,
    /// Bytes that have arrived and nobody has taken.
    pub(super) arrived: Vec<u8>,
}

impl Conversation {
    pub(super) fn new(us: (Host, u16), them: (Host, u16)) -> Self {
        Self {
            us: us.0,
            them: them.0,
            our_port: us.1,
            their_port: them.1,
            sequence: 1000,
            expected: 0,
            echo: 0,
            arrived: Vec::new(),
        }
    }

    /// A SYN, alone or with the acknowledgement of theirs.
    pub(super) fn open(&mut self, flags: u8) -> Vec<u8> {
        // A segment size of 1460, selective acknowledgements, timestamps, window scaling.
        let mut options = vec![2, 4, 5, 180, 4, 2];
        options.extend(self.timestamps());
        options.extend([1, 3, 3, WINDOW_SCALE]);
        let frame = self.frame(flags, &options, &[]);
        self.sequence = self.sequence.wrapping_add(1);
        frame
    }

    /// A segment with an acknowledgement of all that has arrived; the bytes count as sent.
    pub(super) fn segment(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut options = vec![1, 1];
        options.extend(self.timestamps());
        let frame = self.frame(ACK, &options, payload);
        self.sequence = self
            .sequence
            .wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
        frame
    }

    /// All bytes as segments.
    pub(super) fn segments(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        bytes
            .chunks(SEGMENT)
            .map(|piece| self.segment(piece))
            .collect()
    }

    /// Whether a frame of theirs belongs to this connection.
    pub(super) fn takes(&self, frame: &[u8]) -> bool {
        let field = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
        field(TCP) == self.their_port
            && field(TCP + 2) == self.our_port
            && frame[IP + 16..IP + 20] == self.us.address.octets()
    }

    /// Takes a frame of theirs. True if it has to be acknowledged.
    ///
    /// # Panics
    /// When it is not the next one.
    pub(super) fn take(&mut self, frame: &[u8]) -> bool {
        let header = usize::from(frame[TCP + 12] >> 4) * 4;
        let flags = frame[TCP + 13];
        let total = usize::from(u16::from_be_bytes([frame[IP + 2], frame[IP + 3]]));
        let payload = &frame[TCP + header..IP + total];
        let sequence = u32::from_be_bytes(word(frame, TCP + 4));
        if flags & SYN != 0 {
            self.expected = sequence;
        } else if header == 32 {
            self.echo = u32::from_be_bytes(word(frame, TCP + 24));
        }
        let len = u32::try_from(payload.len()).unwrap_or(0);
        let occupied = len + u32::from(flags & (SYN | FIN) != 0);
        if occupied == 0 {
            return false;
        }
        assert_eq!(sequence, self.expected, "the engine sends everything once");
        self.expected = self.expected.wrapping_add(occupied);
        self.arrived.extend_from_slice(payload);
        true
    }

    fn timestamps(&self) -> [u8; 10] {
        let mut option = [8, 10, 0, 0, 0, 1, 0, 0, 0, 0];
        option[6..].copy_from_slice(&self.echo.to_be_bytes());
        option
    }

    /// Checksums are zero: the scripted NIC says that they are good.
    fn frame(&self, flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
        let header = 20 + options.len();
        let total = u16::try_from(20 + header + payload.len()).expect("a segment");
        let mut frame = Vec::with_capacity(14 + usize::from(total));
        frame.extend(self.them.mac);
        frame.extend(self.us.mac);
        frame.extend([8, 0, 0x45, 0]);
        frame.extend(total.to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        frame.extend(self.us.address.octets());
        frame.extend(self.them.address.octets());
        frame.extend(self.our_port.to_be_bytes());
        frame.extend(self.their_port.to_be_bytes());
        frame.extend(self.sequence.to_be_bytes());
        frame.extend(self.expected.to_be_bytes());
        let offset = u8::try_from(header / 4).expect("a TCP header") << 4;
        frame.extend([offset, flags]);
        frame.extend(WINDOW.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(options);
        frame.extend(payload);
        frame
    }
}

/// The answer to an ARP request, if the frame is one for `us`.
pub(super) fn answer_arp(us: Host, frame: &[u8]) -> Option<Vec<u8>> {
    let is_request = frame.get(12..14) == Some(&[8, 6]) && frame.get(20..22) == Some(&[0, 1]);
    if !is_request || frame.get(38..42) != Some(&us.address.octets()) {
        return None;
    }
    let mut answer = frame[..42].to_vec();
    answer[..6].copy_from_slice(&frame[6..12]);
    answer[6..12].copy_from_slice(&us.mac);
    answer[21] = 2;
    answer[22..28].copy_from_slice(&us.mac);
    answer[28..32].copy_from_slice(&us.address.octets());
    answer[32..42].copy_from_slice(&frame[22..32]);
    Some(answer)
}

/// Source port, destination port and flags of a TCP frame, if it is one.
pub(super) fn ports(frame: &[u8]) -> Option<(u16, u16, u8)> {
    let is_tcp = frame.get(12..14) == Some(&[8, 0]) && frame.get(IP + 9) == Some(&6);
    let port = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    is_tcp.then(|| (port(TCP), port(TCP + 2), frame[TCP + 13]))
}

fn word(frame: &[u8], at: usize) -> [u8; 4] {
    [frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]
}
