//! Handshake messages after the handshake (RFC 8446 section 4.6): `KeyUpdate` and, from servers,
//! session tickets. All others are refused: there is no renegotiation in TLS 1.3, and client
//! authentication after the handshake was not offered.

use mutant::Mutant;

use super::Session;
use super::inbound::Event;
use crate::error::TlsError;
use crate::limits;

const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;

impl Session {
    /// Takes the messages of one record, which may hold several, or a part of one.
    pub(super) fn handle_handshake(&mut self, content: &[u8]) -> Result<Event, TlsError> {
        if content.is_empty() {
            return Err(TlsError::UnexpectedMessage("an empty handshake record"));
        }
        let mut buffered = core::mem::take(&mut self.inbound.message);
        let mut rest = if buffered.is_empty() {
            content
        } else {
            buffered.extend_from_slice(content);
            buffered.as_slice()
        };
        let mut event = Event::Nothing;
        while let Some(message) = self.next_message(&mut rest)? {
            event = self.handle_message(message, rest)?;
        }
        if !rest.is_empty() {
            self.inbound.charge()?;
            self.inbound.message = rest.to_vec();
        }
        Ok(event)
    }

    /// Cuts a whole message off the front of `rest`, if there is one.
    fn next_message<'a>(&self, rest: &mut &'a [u8]) -> Result<Option<Message<'a>>, TlsError> {
        let Some(kind) = rest.first() else {
            return Ok(None);
        };
        match *kind {
            KEY_UPDATE => {}
            NEW_SESSION_TICKET if !self.is_server() => {}
            _ => {
                return Err(TlsError::UnexpectedMessage(
                    "a handshake message after the handshake",
                ));
            }
        }
        let Some((&[kind, high, middle, low], behind)) = rest.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let len = u32::from_be_bytes([0, high, middle, low]);
        let longest = if kind == KEY_UPDATE {
            1
        } else {
            limits::TICKET_MESSAGE
        };
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > longest {
            return Err(TlsError::Decode("a handshake message that is too long"));
        }
        let Some((body, behind)) = behind.split_at_checked(len) else {
            return Ok(None);
        };
        *rest = behind;
        Ok(Some(Message { kind, body }))
    }

    fn handle_message(&mut self, message: Message<'_>, behind: &[u8]) -> Result<Event, TlsError> {
        if message.kind == NEW_SESSION_TICKET {
            self.inbound.charge()?;
            self.take_ticket(message.body)?;
            return Ok(Event::Nothing);
        }
        let requested = match message.body {
            [0] => false,
            [1] => true,
            _ => return Err(TlsError::Decode("a KeyUpdate that cannot be read")),
        };
        // RFC 8446 section 5.1: no message crosses a change of keys.
        if !behind.is_empty() {
            return Err(TlsError::UnexpectedMessage("bytes behind a KeyUpdate"));
        }
        self.inbound.charge_key_update()?;
        if requested || !mutant::is_on(Mutant::AnswerUnheeded) {
            self.update_receive()?;
        }
        if !requested {
            return Ok(Event::KeyUpdated);
        }
        self.control.answer_key_update();
        Ok(Event::UpdateRequested)
    }
}

struct Message<'a> {
    kind: u8,
    body: &'a [u8],
}
