//! Frames out: control frames first, then connections in turn.

use core::time::Duration;

use super::Stack;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::frame::{FrameOffload, FrameSink, Source, TxFrame};
use crate::limits::FRAMES_PER_TURN;
use crate::nanos::Nanos;
use crate::neighbour::Resolution;
use crate::tcp::connection::Context;
use crate::tcp::emit::{Burst, Link};
use crate::wire::ethernet;

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// Sends what is due until nothing is or the sink is full.
    pub fn poll_transmit(
        &mut self,
        now: Duration,
        source: &mut impl Source<T>,
        sink: &mut impl FrameSink<T>,
    ) {
        let now = Nanos::of(now);
        self.send_control(sink);
        while sink.has_room()
            && let Some(index) = self.sendable.pop()
        {
            self.send_turn(index, now, source, sink);
        }
        // Connections may have found that they must ask for an address.
        self.send_control(sink);
    }

    fn send_control(&mut self, sink: &mut impl FrameSink<T>) {
        while sink.has_room()
            && let Some(frame) = self.control.pop()
        {
            sink.emit(TxFrame {
                header: &frame.bytes,
                payload: &[],
                l2_len: u16::try_from(ethernet::HEADER_LEN).unwrap_or(0),
                l3_len: frame.l3_len,
                l4_len: frame.l4_len,
                offload: FrameOffload::default(),
            });
            self.stats.frames_out += 1;
        }
    }

    /// Lets one connection send; it queues up again if it was not done.
    fn send_turn(
        &mut self,
        index: u32,
        now: Nanos,
        source: &mut impl Source<T>,
        sink: &mut impl FrameSink<T>,
    ) {
        let Some(connection) = self.connections.at(index) else {
            return;
        };
        let next_hop = connection.next_hop;
        let resolution = self.neighbours.resolve(next_hop, connection.neighbour, now);
        let (mac, slot, ask) = match resolution {
            Resolution::Known { mac, slot, ask } => (mac, slot, ask),
            Resolution::Pending { ask } => {
                connection.await_neighbour(now);
                let deadline = connection.deadlines.earliest();
                self.timers.arm(index, deadline);
                if ask {
                    self.request_address(next_hop);
                }
                return;
            }
        };
        connection.neighbour = slot;
        let mut burst = Burst::new(Link {
            source_mac: self.config.mac,
            destination_mac: mac,
            address: self.config.address.octets(),
            offload: self.config.offload,
        });
        let mut context = Context {
            now,
            stats: &mut self.stats,
            budget: &mut self.budget,
        };
        for _ in 0..FRAMES_PER_TURN {
            if connection.is_quiet() {
                connection.output_due = false;
                break;
            }
            if !sink.has_room() {
                break;
            }
            let Some(outgoing) = connection.next_outgoing(now, source) else {
                connection.output_due = false;
                break;
            };
            connection.emit(&outgoing, &mut burst, &mut context, sink);
        }
        connection.end_burst(&burst, now);
        self.settle(index);
        if ask {
            self.request_address(next_hop);
        }
    }
}
