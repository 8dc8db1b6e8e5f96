//! Received records: opened into the cache block their data belongs to, or beside it.

use core::time::Duration;

use net::{ConnectionId, RxBuffer, Stack};
use tls::limits::{HEADER, TAG};
use tls::{Event, Opened, Session as TlsSession, TlsError};

use super::{Channel, Records};
use crate::engine::{Engine, Port};
use crate::payload::TxBytes;
use crate::session::Peer;

/// What became of one record.
enum Received {
    /// It is dealt with.
    Whole(Event),
    /// The gateway has no room for the rest of it.
    Held,
    /// The gateway wants the connection closed.
    Refused,
}

impl<R: RxBuffer> Engine<R> {
    /// Opens what has arrived on a connection, record by record; whether the gateway took any of it.
    pub(crate) fn deliver_records(
        &mut self,
        port: usize,
        connection: ConnectionId,
        now: Duration,
    ) -> bool {
        let mut progress = false;
        loop {
            let received = match self.receive_record(port, connection, now, &mut progress) {
                None => return progress,
                Some(received) => received,
            };
            match received {
                Ok(Received::Whole(event)) => self.handle_tls_event(port, connection, event, now),
                Ok(Received::Held) => {
                    self.stall(port, connection);
                    self.run_actions(now);
                    return progress;
                }
                Ok(Received::Refused) => {
                    self.cut_off(port, connection, now);
                    return progress;
                }
                Err(error) => {
                    self.fail_session(port, connection, error, now);
                    return progress;
                }
            }
            self.run_actions(now);
        }
    }

    /// Acts on the peer's FIN once every whole record before it was dealt with. Without a goodbye what
    /// was still to come was cut off; of a record that is not whole nothing was ever acted upon.
    pub(crate) fn finish_records(&mut self, port: usize, connection: ConnectionId, now: Duration) {
        let Some(session) = self.ports[port].sessions.get(connection) else {
            return;
        };
        let Channel::Secure(secure) = &session.channel else {
            return;
        };
        if session.stalled || !session.peer_closed {
            return;
        }
        self.counters.truncations += u64::from(!secure.session.is_closed_by_peer());
        self.finish_if_closed(port, connection, now);
    }

    /// Deals with the next record, if all of it is there.
    fn receive_record(
        &mut self,
        port: usize,
        connection: ConnectionId,
        now: Duration,
        progress: &mut bool,
    ) -> Option<Result<Received, TlsError>> {
        let Self {
            ports,
            gateway,
            tls,
            ..
        } = self;
        let Records { linear, opened, .. } = &mut tls.as_mut()?.records;
        let Port { stack, sessions } = ports.get_mut(port)?;
        let session = sessions.get_mut(connection)?;
        let Channel::Secure(secure) = &mut session.channel else {
            return None;
        };
        if secure.retiring || secure.session.is_closed_by_peer() {
            // Nobody acts on it any more (RFC 8446, 6.1).
            let len = stack.received_len(connection);
            stack.consume(connection, len);
            return None;
        }
        if session.stalled || session.forgotten {
            return None;
        }
        let record = match whole_record(&mut secure.session, stack, connection, linear) {
            Ok(record) => record?,
            Err(error) => return Some(Err(error)),
        };
        let sealed_len = record.len().saturating_sub(HEADER + TAG);
        let peer = session.peer;
        // Data that goes to a block as a whole is opened into it. It is no part of any file, nor of what is
        // read from one, before the gateway hears of it, so it does not matter what is left there if it
        // does not authenticate.
        let place = match peer {
            _ if secure.delivered > 0 => None,
            Peer::Client(client) => gateway.client_place(client, sealed_len),
            Peer::Origin(origin) => gateway.origin_place(origin, sealed_len),
        };
        if let Some(place) = place {
            let outcome = open_into(&mut secure.session, record, place);
            let (event, len) = match outcome {
                Ok(outcome) => outcome,
                Err(error) => return Some(Err(error)),
            };
            let len_of_record = record.len();
            stack.consume(connection, len_of_record);
            if event == Event::Data && len > 0 {
                *progress = true;
                self.counters.opened_in_place_bytes += len as u64;
                match peer {
                    Peer::Client(client) => {
                        if gateway.client_placed(client, len, now).is_err() {
                            return Some(Ok(Received::Refused));
                        }
                    }
                    Peer::Origin(origin) => gateway.origin_placed(origin, len, now),
                }
            }
            return Some(Ok(Received::Whole(event)));
        }
        let result = secure.session.open(record, opened);
        let content_of = |opening: &Opened| opened.get(..opening.content_len()).unwrap_or_default();
        let opening = match result {
            Ok(opening) => opening,
            Err(error) => return Some(Err(error)),
        };
        let content = content_of(&opening);
        if opening.is_data() {
            let rest = content.get(secure.delivered..).unwrap_or_default();
            let taken = match peer {
                Peer::Client(client) => gateway.client_bytes(client, rest, now),
                Peer::Origin(origin) => gateway.origin_bytes(origin, rest, now),
            };
            let Ok(taken) = taken else {
                return Some(Ok(Received::Refused));
            };
            *progress |= taken > 0;
            if taken < rest.len() {
                secure.delivered += taken;
                return Some(Ok(Received::Held));
            }
        }
        secure.delivered = 0;
        let event = secure.session.settle(opening, content);
        let len_of_record = record.len();
        stack.consume(connection, len_of_record);
        Some(event.map(Received::Whole))
    }

    fn handle_tls_event(
        &mut self,
        port: usize,
        connection: ConnectionId,
        event: Event,
        now: Duration,
    ) {
        let Some(Port { stack, sessions }) = self.ports.get_mut(port) else {
            return;
        };
        if event == Event::Closed {
            // What comes after is not the peer's any more.
            self.finish(port, connection, now);
            return;
        }
        if let Some(session) = sessions.get(connection)
            && !session.is_flushed()
        {
            stack.wake(connection);
        }
    }
}

fn open_into(
    session: &mut TlsSession,
    record: &[u8],
    place: &mut [u8],
) -> Result<(Event, usize), TlsError> {
    let opening = session.open(record, place)?;
    let len = opening.content_len();
    let content = place.get(..len).unwrap_or_default();
    Ok((session.settle(opening, content)?, len))
}

/// The next record if all of it has arrived: where it lies, or put together in `linear`.
fn whole_record<'a, R: RxBuffer>(
    session: &mut TlsSession,
    stack: &'a Stack<R, TxBytes>,
    connection: ConnectionId,
    linear: &'a mut [u8],
) -> Result<Option<&'a [u8]>, TlsError> {
    let mut header = [0; HEADER];
    if copy_front(stack, connection, &mut header) < HEADER {
        return Ok(None);
    }
    let len = session.record_len(header)?;
    if stack.received_len(connection) < len {
        return Ok(None);
    }
    if let Some(record) = stack.peek(connection).and_then(|piece| piece.get(..len)) {
        return Ok(Some(record));
    }
    let place = linear.get_mut(..len).ok_or(TlsError::NoRoom)?;
    copy_front(stack, connection, place);
    Ok(Some(place))
}

/// Copies what has arrived to `place`, as far as it goes; returns how far.
fn copy_front<R: RxBuffer>(
    stack: &Stack<R, TxBytes>,
    connection: ConnectionId,
    place: &mut [u8],
) -> usize {
    let mut copied = 0;
    for piece in stack.received(connection) {
        let Some(room) = place.get_mut(copied..).filter(|room| !room.is_empty()) else {
            break;
        };
        let take = piece.len().min(room.len());
        if let (Some(room), Some(piece)) = (room.get_mut(..take), piece.get(..take)) {
            room.copy_from_slice(piece);
        }
        copied += take;
    }
    copied
}
