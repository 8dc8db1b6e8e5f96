//! Ethernet, IPv4 and TCP as far as a NIC that sums and cuts, and whoever watches the wire, must know them.

use std::net::SocketAddrV4;
use std::ops::Range;

use net::FrameOffload;

const ETHERNET: usize = 14;
const FIN_PSH: u8 = 0x09;
const CWR: u8 = 0x80;

/// A TCP segment in a frame.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
    pub(crate) sequence: u32,
    pub(crate) acknowledgement: u32,
    /// Both edges of what it acknowledges selectively.
    pub(crate) reported: Vec<u32>,
    pub(crate) is_syn: bool,
    /// Of the frame.
    pub(crate) payload: Range<usize>,
}

/// The segment in a frame, if it has one.
pub(crate) fn segment(frame: &[u8]) -> Option<Segment> {
    let ip = frame.get(ETHERNET..)?;
    if frame.get(12..14)? != [8, 0] || *ip.get(9)? != 6 {
        return None;
    }
    let header = usize::from(ip.first()? & 15) * 4;
    let total = usize::from(u16_at(ip, 2)?);
    let tcp = ip.get(header..total)?;
    let data = usize::from(tcp.get(12)? >> 4) * 4;
    let address = |at: usize| ip.get(at..at + 4)?.first_chunk::<4>().copied();
    Some(Segment {
        from: SocketAddrV4::new(address(12)?.into(), u16_at(tcp, 0)?),
        to: SocketAddrV4::new(address(16)?.into(), u16_at(tcp, 2)?),
        sequence: u32_at(tcp, 4)?,
        acknowledgement: u32_at(tcp, 8)?,
        reported: reported(tcp.get(20..data)?),
        is_syn: tcp.get(13)? & 2 != 0,
        payload: ETHERNET + header + data..ETHERNET + total,
    })
}

/// The edges in the SACK option (RFC 2018).
fn reported(mut options: &[u8]) -> Vec<u32> {
    const NOP: u8 = 1;
    const SACK: u8 = 5;
    while let [kind, rest @ ..] = options {
        let len = match (*kind, rest) {
            (NOP, _) => 1,
            (_, [len, ..]) if *len >= 2 => usize::from(*len),
            _ => break,
        };
        let Some((option, after)) = options.split_at_checked(len) else {
            break;
        };
        if *kind == SACK {
            let (edges, _) = option[2..].as_chunks::<4>();
            return edges.iter().map(|edge| u32::from_be_bytes(*edge)).collect();
        }
        options = after;
    }
    Vec::new()
}

/// What a NIC sends of a frame handed to it: cut and summed as the frame asks.
pub(crate) fn complete(
    frame: Vec<u8>,
    header: usize,
    l3: usize,
    offload: FrameOffload,
) -> Vec<Vec<u8>> {
    let Some(size) = offload.tso_segment.map(usize::from) else {
        let mut frame = frame;
        sum(&mut frame, l3, offload);
        return vec![frame];
    };
    let (head, payload) = frame.split_at(header);
    let count = payload.len().div_ceil(size);
    let mut frames = Vec::with_capacity(count);
    for (number, part) in payload.chunks(size).enumerate() {
        let mut frame = [head, part].concat();
        let offset = u32::try_from(number * size).expect("64 KiB at most");
        let total = u16::try_from(frame.len() - ETHERNET).expect("64 KiB at most");
        let identification = u16_at(head, ETHERNET + 4).expect("a header");
        put(&mut frame, ETHERNET + 2, &total.to_be_bytes());
        let identification = identification.wrapping_add(u16::try_from(number).expect("few"));
        put(&mut frame, ETHERNET + 4, &identification.to_be_bytes());
        let tcp = ETHERNET + l3;
        let sequence = u32::from_be_bytes(*head[tcp + 4..].first_chunk().expect("a header"));
        put(
            &mut frame,
            tcp + 4,
            &sequence.wrapping_add(offset).to_be_bytes(),
        );
        if number + 1 < count {
            frame[tcp + 13] &= !FIN_PSH;
        }
        if number > 0 {
            frame[tcp + 13] &= !CWR;
        }
        // The field holds the sum of a pseudo-header without the length.
        let length = u16::try_from(frame.len() - tcp).expect("64 KiB at most");
        let partial = u16_at(&frame, tcp + 16).expect("a header");
        let partial = fold(u32::from(partial) + u32::from(length));
        put(&mut frame, tcp + 16, &partial.to_be_bytes());
        let both = FrameOffload {
            ip_checksum: true,
            tcp_checksum: true,
            tso_segment: None,
        };
        put(&mut frame, ETHERNET + 10, &[0, 0]);
        sum(&mut frame, l3, both);
        frames.push(frame);
    }
    frames
}

fn sum(frame: &mut [u8], l3: usize, offload: FrameOffload) {
    let tcp = ETHERNET + l3;
    if offload.ip_checksum {
        let sum = !checksum(&frame[ETHERNET..tcp]);
        put(frame, ETHERNET + 10, &sum.to_be_bytes());
    }
    if offload.tcp_checksum {
        let sum = !checksum(&frame[tcp..]);
        put(frame, tcp + 16, &sum.to_be_bytes());
    }
}

fn put(frame: &mut [u8], at: usize, bytes: &[u8]) {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..at + 4)?.first_chunk()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..at + 2)?.first_chunk()?))
}

/// RFC 1071, not inverted.
fn checksum(bytes: &[u8]) -> u16 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut sum: u32 = pairs
        .iter()
        .map(|pair| u32::from(u16::from_be_bytes(*pair)))
        .sum();
    if let [last] = rest {
        sum += u32::from(u16::from_be_bytes([*last, 0]));
    }
    fold(sum)
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).expect("just folded")
}
