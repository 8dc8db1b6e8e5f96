//! What the record layer itself has to send: key updates, alerts, close_notify.

use mutant::Mutant;

use super::Session;
use crate::alert::Alert;
use crate::error::TlsError;
use crate::record::ContentType;

/// Whether the peer is asked for new keys as well (RFC 8446 section 4.6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKeys {
    /// Only our own are new.
    Keep,
    /// The peer updates its keys too.
    Update,
}

/// What waits to be sealed by [`Session::take_control`].
#[derive(Debug, Default)]
pub(super) struct Control {
    key_update: Option<PeerKeys>,
    /// The peer asked for the update.
    answer_due: bool,
    alert: Option<Alert>,
    /// An alert has been sealed: nothing may follow it.
    finished: bool,
}

impl Control {
    /// Whether an alert (`close_notify` included) is waiting or sent.
    pub(super) fn is_closing(&self) -> bool {
        self.finished || self.alert.is_some()
    }

    pub(super) fn has_key_update(&self) -> bool {
        self.key_update.is_some()
    }

    /// Whether RFC 8446 section 4.6.3 has a `KeyUpdate` go before the next data.
    pub(super) fn must_answer(&self) -> bool {
        self.answer_due
    }

    pub(super) fn answer_key_update(&mut self) {
        if self.is_closing() {
            return;
        }
        self.answer_due = true;
        // Several requests are answered by one update (section 4.6.3).
        self.key_update.get_or_insert(PeerKeys::Keep);
    }

    /// The first error is told, in place of a close_notify that has not been sent.
    pub(super) fn queue_alert(&mut self, alert: Alert) {
        let only_closing = self
            .alert
            .is_none_or(|queued| queued == Alert::CLOSE_NOTIFY);
        if only_closing && !self.finished {
            self.alert = Some(alert);
            self.key_update = None;
            self.answer_due = false;
        }
    }
}

impl Session {
    /// Asks for a `KeyUpdate` to be sent, after which our records use new keys.
    ///
    /// # Errors
    /// [`TlsError::Closed`], or why the session has failed.
    pub fn request_key_update(&mut self, peer: PeerKeys) -> Result<(), TlsError> {
        self.check_alive()?;
        if self.control.is_closing() {
            return Err(TlsError::Closed);
        }
        if self.control.key_update != Some(PeerKeys::Update) {
            self.control.key_update = Some(peer);
        }
        Ok(())
    }

    /// Asks for a `close_notify` to be sent, behind everything sealed before. The peer may go on
    /// sending (RFC 8446 section 6.1).
    pub fn close(&mut self) {
        if self.failed.is_none() && !self.control.is_closing() {
            self.control.alert = Some(Alert::CLOSE_NOTIFY);
        }
    }

    /// Ends the session with an alert.
    pub fn abort(&mut self, alert: Alert) {
        if self.failed.is_none() {
            self.failed = Some(TlsError::Closed);
        }
        self.control.queue_alert(alert);
    }

    /// Whether [`Session::take_control`] has something to give.
    #[must_use]
    pub fn has_control(&self) -> bool {
        self.control.has_key_update() || self.control.alert.is_some()
    }

    /// Seals what is waiting into records at the start of `out` and gives their length in bytes. It
    /// takes one record or several, as many as fit; [`crate::limits::CONTROL_RECORD`] is room for
    /// one. Call it until [`Session::has_control`] is false, and before [`Session::seal`].
    pub fn take_control(&mut self, out: &mut [u8]) -> usize {
        let mut len: usize = 0;
        while let Some(room) = out.get_mut(len..) {
            let Ok(sealed) = self.seal_control(room) else {
                break;
            };
            if sealed == 0 {
                break;
            }
            len = len.saturating_add(sealed);
        }
        len
    }

    /// Seals the next control record, if there is one.
    fn seal_control(&mut self, out: &mut [u8]) -> Result<usize, TlsError> {
        if self.transmit.sequence() >= self.record_limit {
            // Not even an alert may go out under this key.
            self.control = Control {
                finished: true,
                ..Control::default()
            };
            self.failed.get_or_insert(TlsError::KeyExhausted);
            return Ok(0);
        }
        if let Some(peer) = self.control.key_update {
            let request = u8::from(peer == PeerKeys::Update);
            // KeyUpdate (24) of one byte, under the old key (RFC 8446 section 4.6.3).
            let sealed =
                self.transmit
                    .seal(ContentType::Handshake, &[24, 0, 0, 1, request], out)?;
            self.control.key_update = None;
            self.control.answer_due = false;
            if peer == PeerKeys::Update {
                self.inbound.expect_key_update();
            }
            let next = self.key_schedule.next_transmit(self.transmit.sequence());
            let next = self.note_failure(next)?;
            if !mutant::is_on(Mutant::OldKeyKept) {
                self.transmit = next;
            }
            return Ok(sealed);
        }
        if let Some(alert) = self.control.alert {
            let sealed = self
                .transmit
                .seal(ContentType::Alert, &[alert.level(), alert.0], out)?;
            self.control.alert = None;
            self.control.finished = true;
            return Ok(sealed);
        }
        Ok(0)
    }
}
