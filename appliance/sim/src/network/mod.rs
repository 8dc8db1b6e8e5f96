//! The network: two switched segments, one of the clients and one of the origin, with a cable for every station.

pub(crate) mod frame;
pub(crate) mod link;
mod meddling;
pub(crate) mod streams;

use std::time::Duration;

use crate::options::Options;
use crate::random::Random;
use link::{Arrival, Direction};

/// Segments, and the ports of an appliance as well: to the clients and to the origin.
pub(crate) const CLIENT_SIDE: usize = 0;
pub(crate) const ORIGIN_SIDE: usize = 1;

/// Who is at the end of a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Station {
    Appliance(usize),
    Client(usize),
    Origin,
}

/// One station's place at a segment.
#[derive(Debug)]
struct Plug {
    station: Station,
    mac: [u8; 6],
    up: Direction,
    down: Direction,
}

/// A switched segment.
#[derive(Debug)]
pub(crate) struct Segment {
    plugs: Vec<Plug>,
    random: Random,
    /// Of whoever meddles with segments.
    meddler: Random,
    /// NFS is protected by TLS here.
    is_protected: bool,
}

/// A frame on its way to a station.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) to: Station,
    pub(crate) arrival: Arrival,
}

impl Segment {
    pub(crate) fn new(is_protected: bool, random: Random) -> Self {
        Self {
            plugs: Vec::new(),
            meddler: random.fork(u64::MAX),
            random,
            is_protected,
        }
    }

    pub(crate) fn plug(&mut self, station: Station, mac: [u8; 6]) {
        let number = self.plugs.len() as u64;
        self.plugs.push(Plug {
            station,
            mac,
            up: Direction::new(self.random.fork(2 * number)),
            down: Direction::new(self.random.fork(2 * number + 1)),
        });
    }

    /// Cables there are.
    pub(crate) fn len(&self) -> usize {
        self.plugs.len()
    }

    /// Both directions of a cable.
    pub(crate) fn cable(&mut self, number: usize) -> [&mut Direction; 2] {
        let Plug { up, down, .. } = &mut self.plugs[number];
        [up, down]
    }

    pub(crate) fn mend(&mut self) {
        for plug in &mut self.plugs {
            plug.up.mend();
            plug.down.mend();
        }
    }

    /// Carries a frame from a station to all whom it is for.
    pub(crate) fn carry(
        &mut self,
        from: Station,
        frame: Vec<u8>,
        now: Duration,
        options: &Options,
    ) -> Vec<Delivery> {
        let sender = self.plugs.iter().position(|plug| plug.station == from);
        let sender = sender.expect("a station of this segment");
        let frames = if matches!(from, Station::Appliance(_)) {
            vec![frame]
        } else {
            meddling::recut(frame, &mut self.meddler, options)
        };
        let mut deliveries = Vec::new();
        for frame in frames {
            self.carry_from(sender, frame, now, options, &mut deliveries);
        }
        deliveries
    }

    fn carry_from(
        &mut self,
        sender: usize,
        mut frame: Vec<u8>,
        now: Duration,
        options: &Options,
        deliveries: &mut Vec<Delivery>,
    ) {
        let is_forged =
            self.is_protected && meddling::forge(&mut frame, &mut self.meddler, options);
        // What is forged has the sum of what it is, and one bit more would not be noticed.
        let first = Options {
            corruption: if is_forged { 0 } else { options.corruption },
            ..*options
        };
        // A sum that catches every single bit does not catch every two.
        let onward = Options {
            corruption: 0,
            ..*options
        };
        for Arrival { at, frame } in self.plugs[sender].up.carry(frame, now, &first) {
            for number in 0..self.plugs.len() {
                let is_group = frame[0] & 1 == 1;
                let is_for = is_group || self.plugs[number].mac == frame[..6];
                if number == sender || !is_for {
                    continue;
                }
                let to = self.receiver(number, options);
                let plug = &mut self.plugs[to];
                for arrival in plug.down.carry(frame.clone(), at, &onward) {
                    deliveries.push(Delivery {
                        to: plug.station,
                        arrival,
                    });
                }
            }
        }
    }

    /// Now and then a NIC gives a frame to the wrong appliance.
    fn receiver(&mut self, number: usize, options: &Options) -> usize {
        let is_appliance = |plug: &Plug| matches!(plug.station, Station::Appliance(_));
        if !is_appliance(&self.plugs[number]) || !self.random.chance(options.wrong_core) {
            return number;
        }
        let other = (0..self.plugs.len())
            .find(|&other| other != number && is_appliance(&self.plugs[other]));
        other.unwrap_or(number)
    }
}
