//! Frames built and read by smoltcp.

use std::net::Ipv4Addr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv4Packet, IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket,
    TcpRepr, TcpSeqNumber,
};

pub const OUR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
pub const OUR_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const PEER_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// A TCP segment without its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    pub from: u16,
    pub to: u16,
    /// Any of `S`, `F`, `R`, `P` and `.` for ACK, as tcpdump writes them.
    pub flags: String,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub mss: Option<u16>,
    pub scale: Option<u8>,
    pub timestamps: Option<(u32, u32)>,
    pub sack_permitted: bool,
    /// Up to three blocks.
    pub sack: Vec<(u32, u32)>,
    pub data: Vec<u8>,
}

impl Tcp {
    pub fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }
}

pub fn tcp_frame(tcp: &Tcp) -> Vec<u8> {
    tcp_frame_from(PEER_MAC, PEER_ADDRESS, tcp)
}

pub fn tcp_frame_from(mac: [u8; 6], source: Ipv4Addr, tcp: &Tcp) -> Vec<u8> {
    let control = match tcp.flags.trim_matches('.') {
        "S" => TcpControl::Syn,
        "F" => TcpControl::Fin,
        "R" => TcpControl::Rst,
        "P" => TcpControl::Psh,
        "" => TcpControl::None,
        other => panic!("flags {other}"),
    };
    let repr = TcpRepr {
        src_port: tcp.from,
        dst_port: tcp.to,
        control,
        seq_number: TcpSeqNumber(tcp.seq.cast_signed()),
        ack_number: tcp.has('.').then(|| TcpSeqNumber(tcp.ack.cast_signed())),
        window_len: tcp.window,
        window_scale: tcp.scale,
        max_seg_size: tcp.mss,
        sack_permitted: tcp.sack_permitted,
        sack_ranges: std::array::from_fn(|at| tcp.sack.get(at).copied()),
        timestamp: tcp
            .timestamps
            .map(|(value, echo)| smoltcp::wire::TcpTimestampRepr::new(value, echo)),
        payload: &tcp.data,
    };
    let ip = Ipv4Repr {
        src_addr: source,
        dst_addr: OUR_ADDRESS,
        next_header: IpProtocol::Tcp,
        payload_len: repr.buffer_len(),
        hop_limit: 64,
    };
    let mut bytes = ethernet(
        mac,
        OUR_MAC,
        EthernetProtocol::Ipv4,
        ip.buffer_len() + repr.buffer_len(),
    );
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[14..]);
    ip.emit(&mut packet, &ChecksumCapabilities::default());
    repr.emit(
        &mut TcpPacket::new_unchecked(packet.payload_mut()),
        &IpAddress::Ipv4(source),
        &IpAddress::Ipv4(OUR_ADDRESS),
        &ChecksumCapabilities::default(),
    );
    bytes
}

pub fn ethernet(from: [u8; 6], to: [u8; 6], ethertype: EthernetProtocol, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; 14 + len];
    EthernetRepr {
        src_addr: EthernetAddress(from),
        dst_addr: EthernetAddress(to),
        ethertype,
    }
    .emit(&mut EthernetFrame::new_unchecked(&mut bytes));
    bytes
}

/// Reads a TCP frame of ours, with checksums verified.
pub fn read_tcp(frame: &[u8]) -> Tcp {
    read_tcp_with(frame, &ChecksumCapabilities::default())
}

pub fn read_tcp_with(frame: &[u8], checksums: &ChecksumCapabilities) -> Tcp {
    let ethernet = EthernetFrame::new_checked(frame).unwrap();
    assert_eq!(ethernet.ethertype(), EthernetProtocol::Ipv4);
    let packet = Ipv4Packet::new_checked(ethernet.payload()).unwrap();
    let ip = Ipv4Repr::parse(&packet, checksums).unwrap();
    assert!(packet.dont_frag());
    assert_eq!(usize::from(packet.total_len()), ethernet.payload().len());
    let segment = TcpPacket::new_checked(packet.payload()).unwrap();
    let repr = TcpRepr::parse(
        &segment,
        &IpAddress::Ipv4(ip.src_addr),
        &IpAddress::Ipv4(ip.dst_addr),
        checksums,
    )
    .unwrap();
    let mut flags = String::new();
    for (set, name) in [
        (segment.syn(), 'S'),
        (segment.fin(), 'F'),
        (segment.rst(), 'R'),
        (segment.psh(), 'P'),
        (segment.ack(), '.'),
    ] {
        if set {
            flags.push(name);
        }
    }
    Tcp {
        from: repr.src_port,
        to: repr.dst_port,
        flags,
        seq: segment.seq_number().0.cast_unsigned(),
        ack: segment.ack_number().0.cast_unsigned(),
        window: repr.window_len,
        mss: repr.max_seg_size,
        scale: repr.window_scale,
        timestamps: repr.timestamp.map(|t| (t.tsval, t.tsecr)),
        sack_permitted: repr.sack_permitted,
        sack: repr.sack_ranges.into_iter().flatten().collect(),
        data: repr.payload.to_vec(),
    }
}

pub fn arp_frame(
    operation: ArpOperation,
    sender: ([u8; 6], Ipv4Addr),
    target: ([u8; 6], Ipv4Addr),
) -> Vec<u8> {
    let repr = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress(sender.0),
        source_protocol_addr: sender.1,
        target_hardware_addr: EthernetAddress(target.0),
        target_protocol_addr: target.1,
    };
    let to = if operation == ArpOperation::Request {
        [0xff; 6]
    } else {
        target.0
    };
    let mut bytes = ethernet(sender.0, to, EthernetProtocol::Arp, repr.buffer_len());
    repr.emit(&mut ArpPacket::new_unchecked(&mut bytes[14..]));
    bytes
}

pub fn read_arp(frame: &[u8]) -> ArpRepr {
    let ethernet = EthernetFrame::new_checked(frame).unwrap();
    assert_eq!(ethernet.ethertype(), EthernetProtocol::Arp);
    ArpRepr::parse(&ArpPacket::new_checked(ethernet.payload()).unwrap()).unwrap()
}

/// Whether the frame is ARP.
pub fn is_arp(frame: &[u8]) -> bool {
    EthernetFrame::new_checked(frame).unwrap().ethertype() == EthernetProtocol::Arp
}

/// "Fragmentation needed" from a router about `quoted`, a frame of which it
/// returns the IP header and eight bytes more to its sender.
pub fn too_big_frame(quoted: &[u8], next_hop_mtu: u16) -> Vec<u8> {
    const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);
    let quoted = &quoted[14..14 + 28];
    let to = Ipv4Addr::new(quoted[12], quoted[13], quoted[14], quoted[15]);
    let ip = Ipv4Repr {
        src_addr: ROUTER,
        dst_addr: to,
        next_header: IpProtocol::Icmp,
        payload_len: 8 + quoted.len(),
        hop_limit: 9,
    };
    let len = ip.buffer_len() + 8 + quoted.len();
    let mut bytes = ethernet([2, 0, 0, 0, 0, 9], OUR_MAC, EthernetProtocol::Ipv4, len);
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[14..]);
    ip.emit(&mut packet, &ChecksumCapabilities::default());
    let message = packet.payload_mut();
    message[0] = 3;
    message[1] = 4;
    message[6..8].copy_from_slice(&next_hop_mtu.to_be_bytes());
    message[8..].copy_from_slice(quoted);
    Icmpv4Packet::new_unchecked(message).fill_checksum();
    bytes
}
