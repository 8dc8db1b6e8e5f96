//! A full backlog: SYNs are answered with a cookie, and the acknowledgement
//! that brings it back opens the connection. Nothing is kept in between.

use crate::nanos::Nanos;

use super::Stack;
use super::bare_segment::BareSegment;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::tcp::connection::{Connection, Context};
use crate::tcp::handshake::MAX_UNSCALED_WINDOW;
use crate::tcp::segment::{Pieces, Segment};
use crate::tcp::syn_cookie::SynCookies;
use crate::wire::tcp::Flags;

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    fn cookies(&self, now: Nanos) -> SynCookies<'_> {
        SynCookies {
            secret: &self.config.secret,
            local: self.config.address,
            now,
        }
    }

    pub(super) fn answer_with_cookie(&mut self, source_mac: [u8; 6], syn: &Segment, now: Nanos) {
        let settings = self.settings;
        let cookies = self.cookies(now);
        let window = settings.receive_window.min(MAX_UNSCALED_WINDOW);
        let answer = BareSegment {
            seq: cookies.sequence(syn),
            ack: Some(syn.seq.advanced(1)),
            flags: Flags::SYN,
            window: u16::try_from(window).unwrap_or(u16::MAX),
            options: cookies.options(syn, settings.mss, settings.window_scale),
        };
        self.stats.cookies_sent += 1;
        self.listeners.note_cookie(syn.endpoints.local_port, now);
        self.push_segment(source_mac, syn.endpoints, &answer);
    }

    /// Opens the connection whose handshake `segment` completes with a cookie of
    /// ours, and processes the segment. False when it brings none.
    pub(super) fn accept_cookie(
        &mut self,
        source_mac: [u8; 6],
        segment: &Segment,
        pieces: &mut Pieces<R>,
        now: Nanos,
    ) -> bool {
        let acknowledges =
            segment.has(Flags::ACK) && !segment.has(Flags::SYN) && !segment.has(Flags::RST);
        let port = segment.endpoints.local_port;
        if !acknowledges || !self.listeners.awaits_cookie(port, now) {
            return false;
        }
        let Some(syn) = self.cookies(now).recall(segment) else {
            self.stats.cookies_refused += 1;
            return false;
        };
        let Ok(mut opening) = self.opening(segment.endpoints, now) else {
            // The peer goes on sending, and there may be room by then.
            self.stats.dropped_table_full += 1;
            return true;
        };
        opening.initial = segment.ack.preceding();
        let context = Context {
            now,
            stats: &mut self.stats,
            budget: &mut self.budget,
        };
        let connection = Connection::open_answered(&opening, self.settings, &syn, &context);
        self.connections.insert(connection);
        self.stats.cookies_accepted += 1;
        self.dispatch(source_mac, segment, pieces, now);
        true
    }
}
