//! The record layer of one open connection.

mod control;
mod inbound;
mod post_handshake;
#[cfg(test)]
mod tests;

use core::fmt;

use mutant::Mutant;
use rustls::ExtractedSecrets;
use rustls::client::ClientConnectionData;
use rustls::kernel::KernelConnection;
use rustls::server::ServerConnectionData;

use crate::config::{negotiated_suite, record_cipher};
use crate::error::TlsError;
use crate::limits;
use crate::record::{ContentType, RecordCipher};

pub use control::PeerKeys;
pub use inbound::{Event, Opened};

use control::Control;
use inbound::Inbound;

/// Seals and opens the records of one connection, in both directions.
///
/// The two directions do not wait for each other, with one exception: when the peer asks for new
/// keys, [`Session::seal`] refuses until [`Session::take_control`] has answered.
///
/// After an error that is the peer's fault the session is over: every later call gives the same
/// error, and [`Session::take_control`] gives the alert to be sent before the connection is
/// closed. [`TlsError::NoRoom`] and [`TlsError::Misuse`] change nothing.
pub struct Session {
    key_schedule: KeySchedule,
    transmit: RecordCipher,
    receive: RecordCipher,
    /// Records one key may protect at most.
    record_limit: u64,
    /// Records after which new keys are due.
    rekey_after: u64,
    inbound: Inbound,
    control: Control,
    failed: Option<TlsError>,
}

/// What derives the next traffic secrets (RFC 8446 section 7.2) and takes tickets.
pub(crate) enum KeySchedule {
    Server(KernelConnection<ServerConnectionData>),
    Client(KernelConnection<ClientConnectionData>),
}

impl KeySchedule {
    fn record_limit(&self) -> Result<u64, TlsError> {
        let suite = match self {
            KeySchedule::Server(kernel) => kernel.negotiated_cipher_suite(),
            KeySchedule::Client(kernel) => kernel.negotiated_cipher_suite(),
        };
        negotiated_suite(suite).map(|(_, limit)| limit)
    }

    /// What seals from now on. `last` is the number that the present key would have given next; the new one begins
    /// at 0 (RFC 8446 section 5.3).
    fn next_transmit(&mut self, last: u64) -> Result<RecordCipher, TlsError> {
        let (first, secrets) = match self {
            KeySchedule::Server(kernel) => kernel.update_tx_secret(),
            KeySchedule::Client(kernel) => kernel.update_tx_secret(),
        }
        .map_err(|error| TlsError::Library(error.to_string()))?;
        let is_kept = mutant::is_on(Mutant::NumberKept);
        record_cipher((if is_kept { last } else { first }, secrets))
    }

    fn next_receive(&mut self) -> Result<RecordCipher, TlsError> {
        match self {
            KeySchedule::Server(kernel) => kernel.update_rx_secret(),
            KeySchedule::Client(kernel) => kernel.update_rx_secret(),
        }
        .map_err(|error| TlsError::Library(error.to_string()))
        .and_then(record_cipher)
    }
}

impl Session {
    /// Takes over where the handshake has ended.
    pub(crate) fn new(
        secrets: ExtractedSecrets,
        key_schedule: KeySchedule,
        rekey_after: Option<u64>,
    ) -> Result<Self, TlsError> {
        let record_limit = key_schedule.record_limit()?;
        Ok(Self {
            key_schedule,
            transmit: record_cipher(secrets.tx)?,
            receive: record_cipher(secrets.rx)?,
            record_limit,
            rekey_after: rekey_after.unwrap_or(u64::MAX).min(record_limit / 2),
            inbound: Inbound::default(),
            control: Control::default(),
            failed: None,
        })
    }

    /// Encrypts 1 to [`limits::CONTENT`] bytes of `plaintext` into one record at the start of
    /// `out`, in one pass and without touching `plaintext`. Gives the record's length, which is
    /// the plaintext's and [`limits::SEALED_OVERHEAD`]. The sequence number is consumed: the record
    /// must be sent, and sent again from where it lies; the same data is never sealed again for
    /// this connection.
    ///
    /// # Errors
    /// [`TlsError::NoRoom`]; [`TlsError::Misuse`] for a wrong length or an answer that
    /// [`Session::take_control`] has to give first; [`TlsError::Closed`] after
    /// [`Session::close`]; [`TlsError::KeyExhausted`] at the AEAD's limit, from where only
    /// [`Session::request_key_update`] and [`Session::close`] lead on; why the session has failed.
    pub fn seal(&mut self, plaintext: &[u8], out: &mut [u8]) -> Result<usize, TlsError> {
        self.check_may_seal(plaintext.len())?;
        let sealed = self
            .transmit
            .seal(ContentType::ApplicationData, plaintext, out);
        self.note_failure(sealed)
    }

    /// As [`Session::seal`], for `len` bytes of plaintext that lie where their ciphertext goes,
    /// [`limits::HEADER`] bytes into `out`: what a sender does that copies first.
    ///
    /// # Errors
    /// As of [`Session::seal`].
    pub fn seal_in_place(&mut self, len: usize, out: &mut [u8]) -> Result<usize, TlsError> {
        self.check_may_seal(len)?;
        let sealed = self
            .transmit
            .seal_in_place(ContentType::ApplicationData, len, out);
        self.note_failure(sealed)
    }

    fn check_may_seal(&self, len: usize) -> Result<(), TlsError> {
        self.check_alive()?;
        if len == 0 {
            return Err(TlsError::Misuse("an empty record"));
        }
        if self.control.is_closing() {
            return Err(TlsError::Closed);
        }
        if self.control.must_answer() {
            return Err(TlsError::Misuse("the peer waits for new keys"));
        }
        if self.write_records_left() == 0 {
            return Err(TlsError::KeyExhausted);
        }
        Ok(())
    }

    /// Records that may still be sealed with the present key.
    #[must_use]
    pub fn write_records_left(&self) -> u64 {
        self.record_limit
            .saturating_sub(limits::CONTROL_RESERVE)
            .saturating_sub(self.transmit.sequence())
    }

    /// Records that may still be opened with the present key of the peer.
    #[must_use]
    pub fn read_records_left(&self) -> u64 {
        self.record_limit.saturating_sub(self.receive.sequence())
    }

    /// Whether one of the keys has protected as many records as was configured, and nothing is
    /// under way about it: time for [`Session::request_key_update`] with [`PeerKeys::Update`], or
    /// for [`Session::close`] and a new connection.
    #[must_use]
    pub fn needs_rekey(&self) -> bool {
        let ours = self.transmit.sequence() >= self.rekey_after;
        let theirs = self.receive.sequence() >= self.rekey_after;
        !self.control.has_key_update() && (ours || theirs && !self.inbound.expects_key_update())
    }

    /// Whether the peer has said that it sends no more. A FIN without that is a truncation:
    /// what is outstanding has an unknown outcome (RFC 9289 section 4.5).
    #[must_use]
    pub fn is_closed_by_peer(&self) -> bool {
        self.inbound.is_closed()
    }

    /// Ends the session for a reason found outside of it, with the alert that tells it.
    pub(crate) fn refuse(&mut self, error: &TlsError) {
        if self.failed.is_none() {
            self.failed = Some(error.clone());
            if let Some(alert) = error.alert() {
                self.control.queue_alert(alert);
            }
        }
    }

    fn check_alive(&self) -> Result<(), TlsError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Remembers what ends the session.
    fn note_failure<T>(&mut self, result: Result<T, TlsError>) -> Result<T, TlsError> {
        if let Err(error) = &result
            && !matches!(
                error,
                TlsError::NoRoom | TlsError::Misuse(_) | TlsError::ClosedByPeer | TlsError::Closed
            )
        {
            self.refuse(error);
        }
        result
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("transmit", &self.transmit)
            .field("receive", &self.receive)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
