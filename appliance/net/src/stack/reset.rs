//! RST for segments that belong to no connection, and for connections that the
//! application aborts (RFC 9293, 3.5.2, 3.10.5).

use core::net::Ipv4Addr;
use core::time::Duration;

use arrayvec::ArrayVec;
use zerocopy::IntoBytes;

use super::Stack;
use super::control::ControlFrame;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::event::{CloseReason, ConnectionId};
use crate::tcp::connection::{Context, PendingEvents};
use crate::tcp::segment::{Endpoints, Segment};
use crate::tcp::sequence::Seq;
use crate::tcp::state::State;
use crate::wire::checksum::Checksum;
use crate::wire::ethernet::{ETHERTYPE_IPV4, EthernetHeader};
use crate::wire::ipv4::{self, Ipv4Header, PROTOCOL_TCP};
use crate::wire::tcp::{self, Flags, TcpHeader};

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// Ends the connection at once with RST, dropping both queues. No event
    /// follows; the id is dead.
    pub fn abort(&mut self, connection: ConnectionId) {
        let Some(named) = self.connections.named_mut(connection) else {
            return;
        };
        named.detached = true;
        if named.state == State::TimeWait {
            // Nothing is left to reset; the queue goes, the state stays.
            named.receiving.queue.clear(&mut self.budget);
            named.events = PendingEvents::default();
            return;
        }
        let tells_peer = named.state.is_synchronised() && named.state != State::Closed;
        let endpoints = named.endpoints;
        let (seq, ack) = (named.sending.highest, named.receiving.queue.next());
        let next_hop = named.next_hop;
        let mut context = Context {
            // Ending is not timed.
            now: Duration::ZERO,
            stats: &mut self.stats,
            budget: &mut self.budget,
        };
        named.terminate(CloseReason::Reset, &mut context);
        self.settle(connection.index);
        if tells_peer && let Some(mac) = self.neighbours.last_known(next_hop) {
            self.push_reset(mac, endpoints, seq, Some(ack));
        }
    }

    /// RFC 9293, 3.5.2, group 1: with the number the peer expects, or, to a
    /// segment without ACK, acknowledging what it sent.
    pub(super) fn answer_with_reset(&mut self, source_mac: [u8; 6], segment: &Segment) {
        if segment.has(Flags::RST) {
            return;
        }
        let (seq, ack) = if segment.has(Flags::ACK) {
            (segment.ack, None)
        } else {
            (Seq(0), Some(segment.end()))
        };
        self.push_reset(source_mac, segment.endpoints, seq, ack);
    }

    fn push_reset(
        &mut self,
        destination_mac: [u8; 6],
        endpoints: Endpoints,
        seq: Seq,
        ack: Option<Seq>,
    ) {
        let (ours, theirs): (Ipv4Addr, Ipv4Addr) = (self.config.address, endpoints.remote);
        let flags = if ack.is_some() {
            Flags::RST | Flags::ACK
        } else {
            Flags::RST
        };
        let ethernet = EthernetHeader {
            destination: destination_mac,
            source: self.config.mac,
            ethertype: ETHERTYPE_IPV4.into(),
        };
        let tcp_len = u16::try_from(tcp::HEADER_LEN).unwrap_or(0);
        let ip_len = u16::try_from(ipv4::HEADER_LEN).unwrap_or(0);
        let (ours, theirs) = (ours.octets(), theirs.octets());
        let ip = Ipv4Header::new(PROTOCOL_TCP, ours, theirs, ip_len + tcp_len, 0).with_checksum();
        let mut tcp = TcpHeader {
            source_port: endpoints.local_port.into(),
            destination_port: endpoints.remote_port.into(),
            sequence: seq.0.into(),
            acknowledgement: ack.unwrap_or_default().0.into(),
            data_offset: 5 << 4,
            flags: flags.0,
            window: 0.into(),
            checksum: 0.into(),
            urgent: 0.into(),
        };
        let mut checksum = Checksum::pseudo_header(ours, theirs, PROTOCOL_TCP, tcp_len);
        checksum.add_bytes(tcp.as_bytes());
        tcp.checksum = checksum.finish().into();
        let mut bytes = ArrayVec::new();
        bytes.extend(ethernet.as_bytes().iter().copied());
        bytes.extend(ip.as_bytes().iter().copied());
        bytes.extend(tcp.as_bytes().iter().copied());
        self.stats.resets_out += 1;
        self.push_control(ControlFrame {
            bytes,
            l3_len: ip_len,
            l4_len: tcp_len,
        });
    }
}
