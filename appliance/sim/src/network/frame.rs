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
    /// As it is in the header.
    pub(crate) window: u16,
    /// Of the windows that follow, in a SYN.
    pub(crate) window_scale: Option<u8>,
    /// Both edges of what it acknowledges selectively.
    pub(crate) reported: Vec<u32>,
    pub(crate) is_syn: bool,
    /// Whether the acknowledgement counts.
    pub(crate) acknowledges: bool,
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
        window: u16_at(tcp, 14)?,
        window_scale: option(tcp.get(20..data)?, 3).and_then(|scale| scale.first().copied()),
        reported: reported(tcp.get(20..data)?),
        is_syn: tcp.get(13)? & 2 != 0,
        acknowledges: tcp.get(13)? & 16 != 0,
        payload: ETHERNET + header + data..ETHERNET + total,
    })
}

/// The edges in the SACK option (RFC 2018).
fn reported(options: &[u8]) -> Vec<u32> {
    const SACK: u8 = 5;
    let (edges, _) = option(options, SACK).unwrap_or_default().as_chunks::<4>();
    edges.iter().map(|edge| u32::from_be_bytes(*edge)).collect()
}

/// What an option of this kind holds.
fn option(mut options: &[u8], wanted: u8) -> Option<&[u8]> {
    const NOP: u8 = 1;
    while let [kind, rest @ ..] = options {
        let len = match (*kind, rest) {
            (NOP, _) => 1,
            (_, [len, ..]) if *len >= 2 => usize::from(*len),
            _ => break,
        };
        let (option, after) = options.split_at_checked(len)?;
        if *kind == wanted {
            return option.get(2..);
        }
        options = after;
    }
    None
}

/// Whether the sums of IP and TCP are right, so that its receiver takes a segment seriously.
pub(crate) fn is_sound(frame: &[u8]) -> bool {
    let mut mended = frame.to_vec();
    segment(frame).is_some() && mend(&mut mended).is_some() && mended == frame
}

/// Gives a segment the sums that its bytes have.
pub(crate) fn mend(frame: &mut [u8]) -> Option<()> {
    let l3 = usize::from(frame.get(ETHERNET)? & 15) * 4;
    let (tcp, end) = (
        ETHERNET + l3,
        ETHERNET + usize::from(u16_at(frame, ETHERNET + 2)?),
    );
    let frame = frame.get_mut(..end).filter(|_| tcp + 20 <= end)?;
    put(frame, ETHERNET + 10, &[0, 0]);
    // TCP's covers a header that is not sent (RFC 9293, 3.1).
    let addresses = checksum(&frame[ETHERNET + 12..ETHERNET + 20]);
    let length = u32::try_from(end - tcp).ok()?;
    let pseudo = fold(u32::from(addresses) + 6 + length);
    put(frame, tcp + 16, &pseudo.to_be_bytes());
    let both = FrameOffload {
        ip_checksum: true,
        tcp_checksum: true,
        tso_segment: None,
    };
    sum(frame, l3, both);
    Some(())
}

/// A segment with the bytes `range` of another's payload.
pub(crate) fn part(frame: &[u8], range: Range<usize>) -> Option<Vec<u8>> {
    let Segment {
        sequence, payload, ..
    } = segment(frame)?;
    let is_last = range.end == payload.len();
    let data = payload.start + range.start..payload.start + range.end;
    let mut part = [&frame[..payload.start], frame.get(data)?].concat();
    let tcp = ETHERNET + usize::from(frame[ETHERNET] & 15) * 4;
    let total = u16::try_from(part.len() - ETHERNET).ok()?;
    put(&mut part, ETHERNET + 2, &total.to_be_bytes());
    let sequence = sequence.wrapping_add(u32::try_from(range.start).ok()?);
    put(&mut part, tcp + 4, &sequence.to_be_bytes());
    if !is_last {
        part[tcp + 13] &= !FIN_PSH;
    }
    mend(&mut part)?;
    Some(part)
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
