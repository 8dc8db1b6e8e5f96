//! Segments that no connection sends: RST, and SYN-ACK with a cookie.

use arrayvec::ArrayVec;
use zerocopy::IntoBytes;

use super::Stack;
use super::control::ControlFrame;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::tcp::options::Options;
use crate::tcp::segment::Endpoints;
use crate::tcp::sequence::Seq;
use crate::wire::checksum::Checksum;
use crate::wire::ethernet::{ETHERTYPE_IPV4, EthernetHeader};
use crate::wire::ipv4::{self, Ipv4Header, PROTOCOL_TCP};
use crate::wire::tcp::{self, Flags, TcpHeader};

/// What such a segment says; it has no data.
pub(super) struct BareSegment {
    pub seq: Seq,
    /// With it goes the ACK flag.
    pub ack: Option<Seq>,
    pub flags: Flags,
    pub window: u16,
    pub options: Options,
}

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// Queues `segment` for the sink, to the remote end of `endpoints`.
    pub(super) fn push_segment(
        &mut self,
        destination_mac: [u8; 6],
        endpoints: Endpoints,
        segment: &BareSegment,
    ) {
        let options = segment.options.encode();
        let flags = match segment.ack {
            Some(_) => segment.flags | Flags::ACK,
            None => segment.flags,
        };
        let ethernet = EthernetHeader {
            destination: destination_mac,
            source: self.config.mac,
            ethertype: ETHERTYPE_IPV4.into(),
        };
        let header_len = tcp::HEADER_LEN + options.len();
        let tcp_len = u16::try_from(header_len).unwrap_or(0);
        let ip_len = u16::try_from(ipv4::HEADER_LEN).unwrap_or(0);
        let (ours, theirs) = (self.config.address.octets(), endpoints.remote.octets());
        let ip = Ipv4Header::new(PROTOCOL_TCP, ours, theirs, ip_len + tcp_len, 0).with_checksum();
        let mut tcp = TcpHeader {
            source_port: endpoints.local_port.into(),
            destination_port: endpoints.remote_port.into(),
            sequence: segment.seq.0.into(),
            acknowledgement: segment.ack.unwrap_or_default().0.into(),
            data_offset: u8::try_from(header_len / 4).unwrap_or(0) << 4,
            flags: flags.0,
            window: segment.window.into(),
            checksum: 0.into(),
            urgent: 0.into(),
        };
        let mut checksum = Checksum::pseudo_header(ours, theirs, PROTOCOL_TCP, tcp_len);
        checksum.add_bytes(tcp.as_bytes());
        checksum.add_bytes(&options);
        tcp.checksum = checksum.finish().into();
        let mut bytes = ArrayVec::new();
        bytes.extend(ethernet.as_bytes().iter().copied());
        bytes.extend(ip.as_bytes().iter().copied());
        bytes.extend(tcp.as_bytes().iter().copied());
        bytes.extend(options);
        self.push_control(ControlFrame {
            bytes,
            l3_len: ip_len,
            l4_len: tcp_len,
        });
    }
}
