//! What a network device does to a frame with offloads: cut it and fill in
//! checksums, by the rules DPDK and Linux give drivers.

use net::RxChecksums;

use super::buffers::Sent;

fn sum(bytes: &[u8]) -> u32 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    }
    sum
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap()
}

/// The frames on the wire, none of which has been verified by a receiver yet.
pub fn send(sent: &Sent) -> Vec<(Vec<u8>, RxChecksums)> {
    let data = sent.data();
    let Some(segment) = sent.offload.tso_segment else {
        let mut frame = sent.bytes();
        complete(&mut frame, sent, 0);
        return vec![(frame, RxChecksums::default())];
    };
    let segment = usize::from(segment);
    assert!(sent.offload.tcp_checksum && data.len() > segment);
    let tcp = sent.l2_len + sent.l3_len;
    let mut frames = Vec::new();
    for (index, part) in data.chunks(segment).enumerate() {
        let mut frame = sent.header.clone();
        frame.extend(part);
        let total = u16::try_from(frame.len() - sent.l2_len).unwrap();
        let ip = sent.l2_len;
        frame[ip + 2..ip + 4].copy_from_slice(&total.to_be_bytes());
        let id = u16::from_be_bytes([frame[ip + 4], frame[ip + 5]]);
        let id = id.wrapping_add(u16::try_from(index).unwrap());
        frame[ip + 4..ip + 6].copy_from_slice(&id.to_be_bytes());
        // Devices cut the header's checksum anew for every segment.
        frame[ip + 10..ip + 12].fill(0);
        let header = !fold(sum(&frame[ip..tcp]));
        frame[ip + 10..ip + 12].copy_from_slice(&header.to_be_bytes());
        let seq = u32::from_be_bytes(frame[tcp + 4..tcp + 8].try_into().unwrap());
        let seq = seq.wrapping_add(u32::try_from(index * segment).unwrap());
        frame[tcp + 4..tcp + 8].copy_from_slice(&seq.to_be_bytes());
        if (index + 1) * segment < data.len() {
            // FIN and PSH belong to the last.
            frame[tcp + 13] &= !0x09;
        }
        let len = frame.len() - tcp;
        complete(&mut frame, sent, u32::try_from(len).unwrap());
        frames.push((frame, RxChecksums::default()));
    }
    frames
}

/// Fills in what was left to the device. `length` is what the pseudo-header sum
/// in the field lacks.
fn complete(frame: &mut [u8], sent: &Sent, length: u32) {
    let ip = sent.l2_len;
    let tcp = ip + sent.l3_len;
    if sent.offload.ip_checksum && sent.offload.tso_segment.is_none() {
        assert_eq!(frame[ip + 10..ip + 12], [0, 0]);
        let header = !fold(sum(&frame[ip..tcp]));
        frame[ip + 10..ip + 12].copy_from_slice(&header.to_be_bytes());
    }
    if sent.offload.tcp_checksum {
        let checksum = !fold(sum(&frame[tcp..]) + length);
        frame[tcp + 16..tcp + 18].copy_from_slice(&checksum.to_be_bytes());
    }
}
