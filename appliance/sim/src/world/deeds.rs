//! How what is planned is done, and how it ends.

use std::time::Duration;

use super::World;
use super::nemesis::{Deed, Nemesis};
use crate::network::Station;
use crate::options::Options;

impl World {
    pub(super) fn do_deed(&mut self, deed: Deed) {
        let now = self.now;
        let pause = Duration::from_millis(1 + self.random.below(3000));
        let number = self.random.index(self.clients.len());
        match deed {
            Deed::Crash => self.crash(now + pause),
            Deed::RestartOrigin => {
                self.origin.restart(&mut self.truth, now + pause, now);
                self.advance(Station::Origin);
            }
            Deed::Clog => {
                for direction in self.any_cable() {
                    direction.clog(now + pause / 10);
                }
            }
            Deed::Partition => {
                for direction in self.any_cable() {
                    direction.cut(now + pause);
                }
            }
            Deed::Reconnect => self.clients[number].reconnect(now),
            Deed::Repeat => self.clients[number].repeat(),
            Deed::HalfClose => self.clients[number].half_close(now),
            Deed::Vanish => self.clients[number].vanish(now + pause),
            Deed::Nap => self.clients[number].nap(now + pause),
        }
        self.wake(Station::Client(number), now);
    }

    fn any_cable(&mut self) -> [&mut crate::network::link::Direction; 2] {
        let segment = self.random.index(self.segments.len());
        let cable = self.random.index(self.segments[segment].len());
        self.segments[segment].cable(cable)
    }

    fn crash(&mut self, back: Duration) {
        let number = self.random.index(self.appliances.len());
        if !self.appliances[number].is_running() {
            return;
        }
        let journal = self.appliances[number].kill();
        for client in self
            .clients
            .iter()
            .filter(|client| client.appliance == number)
        {
            for version in client.unanswered_writes() {
                self.truth.orphan(version);
            }
            for setting in client.unanswered_settings() {
                self.truth.orphan_setting(&setting);
            }
        }
        self.down[number] = Some((back, journal));
        self.wake(Station::Appliance(number), back);
    }

    pub(super) fn revive_if_due(&mut self, number: usize) {
        let now = self.now;
        if let Some((_, journal)) = self.down[number].take_if(|(back, _)| *back <= now) {
            self.appliances[number].start(&journal, now);
        }
    }

    /// When an appliance that is down is started again.
    pub(super) fn back_at(&self, number: usize) -> Option<Duration> {
        self.down[number].as_ref().map(|(back, _)| *back)
    }

    /// All faults stop.
    pub(super) fn mend(&mut self) {
        let quiet = Options::simplest();
        let mended = Options {
            delay: self.options.delay,
            bandwidth: self.options.bandwidth,
            service: self.options.service,
            turn: self.options.turn,
            client_tls: self.options.client_tls,
            origin_tls: self.options.origin_tls,
            ..quiet
        };
        self.nemesis = Nemesis::plan(&quiet, self.random.fork(0));
        self.segments.iter_mut().for_each(super::Segment::mend);
        self.options = mended;
        self.origin.mend(&mended);
        for appliance in &mut self.appliances {
            appliance.mend();
        }
        for client in &mut self.clients {
            client.finish();
        }
        self.wake_all();
    }
}
