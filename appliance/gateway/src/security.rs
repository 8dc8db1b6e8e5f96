//! What protects a client's connection, and what exports make of it.

use core::ops::RangeInclusive;
use core::time::Duration;
use std::rc::Rc;

use nfs::rpc::{self, AuthFlavor, AuthStatus, CallHeader, Credential, ErrorReply};
use nfs::xdr::Reader;
use nfs::{mount, nfs3};

use crate::action::{Action, ClientId, OriginId};
use crate::client::Client;
use crate::config::Export;
use crate::error::{ConnectionError, ExportsMoved};
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::limits::PROBE_PATIENCE;
use crate::links::{LinkKind, LinkState};
use crate::message::{Payload, SpareQueues};
use crate::origin_intake::read_piece;
use crate::reply::write_record;
use crate::upstream::LinkIndex;

/// What protects a client's connection.
#[derive(Clone, Debug, Default)]
pub enum ClientSecurity {
    /// Nothing.
    #[default]
    Clear,
    /// TLS.
    Tls {
        /// From the first byte, without a probe in clear.
        direct: bool,
        /// What its certificate is good for, export by export in the order of the configuration; `None`
        /// when it has shown none.
        admitted: Option<Box<[Admitted]>>,
    },
}

/// What a client's certificate is good for at one export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// Its owner may not use the export.
    Refused,
    /// Its owner may use the export as these users.
    As(UidRanges),
}

/// How a connection must be protected for an export or a program to be used on it: any of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of four ways")]
pub struct AcceptedSecurity {
    /// Not at all.
    pub clear: bool,
    /// TLS.
    pub tls: bool,
    /// TLS on which the client has shown a certificate that verifies.
    pub mtls: bool,
    /// TLS from the first byte.
    pub direct: bool,
}

impl AcceptedSecurity {
    /// In clear and in no other way.
    pub const CLEAR: Self = Self {
        clear: true,
        tls: false,
        mtls: false,
        direct: false,
    };

    /// In whatever way.
    pub const ANY: Self = Self {
        clear: true,
        tls: true,
        mtls: true,
        direct: true,
    };

    /// Whether some connection with TLS will do.
    #[must_use]
    pub const fn accepts_tls(&self) -> bool {
        self.tls || self.mtls || self.direct
    }

    /// Whether TLS will do, but only with a certificate.
    #[must_use]
    pub const fn demands_certificate(&self) -> bool {
        self.mtls && !self.tls && !self.direct
    }

    /// Whether some connection will do here and there.
    #[must_use]
    pub const fn meets(&self, other: &Self) -> bool {
        // TLS from the first byte and with a certificate does wherever TLS does.
        (self.clear && other.clear) || (self.accepts_tls() && other.accepts_tls())
    }

    /// Whether a connection that is protected in this way will do.
    #[must_use]
    pub fn accepts(&self, security: &ClientSecurity) -> bool {
        match security {
            ClientSecurity::Clear => self.clear,
            ClientSecurity::Tls { direct, admitted } => {
                self.tls || (self.mtls && admitted.is_some()) || (self.direct && *direct)
            }
        }
    }
}

impl ClientSecurity {
    /// Whether its certificate, if it has shown one, is good for `identity` at the export with this number.
    /// Nobody is no user: AUTH_NONE is the origin's to judge.
    pub(crate) fn admits(&self, export: usize, identity: &Identity) -> bool {
        let Self::Tls {
            admitted: Some(admitted),
            ..
        } = self
        else {
            return true;
        };
        match (admitted.get(export), identity) {
            (None | Some(Admitted::Refused), _) => false,
            (Some(Admitted::As(_)), Identity::Nobody) => true,
            (Some(Admitted::As(uids)), Identity::User { uid, .. }) => uids.contains(*uid),
        }
    }
}

/// How a connection to the origin is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OriginSecurity {
    /// Not at all.
    #[default]
    Clear,
    /// By TLS, which a probe in clear asks for (RFC 9289).
    StartTls,
    /// By TLS from the first byte.
    Direct,
}

/// Users that a client may act as; none named means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidRanges(Vec<RangeInclusive<u32>>);

impl UidRanges {
    /// These users and no others; no range at all means everybody.
    #[must_use]
    pub fn new(ranges: Vec<RangeInclusive<u32>>) -> Self {
        Self(ranges)
    }

    /// Whether `uid` is one of them.
    #[must_use]
    pub fn contains(&self, uid: u32) -> bool {
        self.0.is_empty() || self.0.iter().any(|range| range.contains(&uid))
    }
}

/// The answer to a call that would need a connection with better protection (RFC 9289, 4.1).
pub(crate) fn too_weak() -> ErrorReply {
    ErrorReply::AuthError(AuthStatus::TOO_WEAK)
}

impl Gateway {
    /// Whether a call asks whether we speak TLS, and may: in clear, as a NULL call of any program
    /// (RFC 9289, 4.1).
    pub(crate) fn is_probe(&self, client: &Client, header: &CallHeader) -> bool {
        let accepted = self.config.service.security(header.program);
        self.config.offers_tls
            && (accepted.tls || accepted.mtls)
            && header.credential.flavor() == AuthFlavor::TLS
            && header.procedure == 0
            && matches!(*client.security, ClientSecurity::Clear)
    }

    /// Takes new rules: they hold for every call from now on that is not under way yet. `exports` begins with
    /// those there are, in their order; one that allows nobody is withdrawn. Whoever has come with TLS makes
    /// no call before [`Gateway::client_secured`] says what the new rules make of it.
    ///
    /// # Errors
    /// Others come first. Nothing has changed.
    pub fn reload(
        &mut self,
        exports: Vec<Export>,
        offers_tls: bool,
        now: Duration,
    ) -> Result<(), ExportsMoved> {
        self.happens(now);
        self.exports.replace(exports)?;
        self.config.offers_tls = offers_tls;
        for client in self.clients.values_mut().flatten() {
            client.securing |= matches!(*client.security, ClientSecurity::Tls { .. });
        }
        Ok(())
    }

    /// TLS is set up on a client's connection, or what its certificate is good for was judged once more.
    pub fn client_secured(&mut self, client: ClientId, security: ClientSecurity, now: Duration) {
        self.happens(now);
        if let Some(Some(state)) = self.clients.get_mut(&client) {
            state.security = Rc::new(security);
            state.securing = false;
        }
    }

    /// TLS is set up on a connection to the origin, as asked for with `Action::SecureOrigin`.
    pub fn origin_secured(&mut self, origin: OriginId, now: Duration) {
        self.happens(now);
        self.link_opened(origin);
    }

    /// A connection to the origin is to be replaced: no new calls go out on it, and it is closed when those
    /// on it are settled.
    pub fn origin_retiring(&mut self, origin: OriginId, now: Duration) {
        self.happens(now);
        let first = self.upstream.sequence();
        let index = self.links.of_origin(origin);
        if let Some(link) = index.and_then(|index| self.links.get_mut(index))
            && link.state == LinkState::Open(origin)
        {
            link.state = LinkState::Retiring(origin);
            link.retiring = (first, link.outstanding);
        }
    }

    /// A TCP connection to the origin is there: goes on as its security demands.
    pub(crate) fn secure_link(&mut self, origin: OriginId) {
        let Some(index) = self.links.of_origin(origin) else {
            return;
        };
        let Some(link) = self.links.get_mut(index) else {
            return;
        };
        let config = &self.config.origin;
        let (security, program, version) = match link.kind {
            LinkKind::Nfs => (config.security, nfs3::PROGRAM, nfs3::VERSION),
            LinkKind::Mount => (config.mount_security, mount::PROGRAM, mount::VERSION),
            // Never protected: what it says is only where to ask next.
            LinkKind::Portmap => (OriginSecurity::Clear, 0, 0),
        };
        match security {
            OriginSecurity::Clear => self.link_opened(origin),
            OriginSecurity::Direct => {
                link.state = LinkState::Securing(origin);
                self.actions.push_back(Action::SecureOrigin { origin });
            }
            OriginSecurity::StartTls => {
                link.state = LinkState::Probing(origin, self.now.saturating_add(PROBE_PATIENCE));
                link.reset_reader();
                self.send_probe(origin, program, version);
            }
        }
    }

    /// Asks on a new connection whether TLS is spoken there (RFC 9289, 4.1). Some servers answer only for
    /// a program that they have on that port.
    fn send_probe(&mut self, origin: OriginId, program: u32, version: u32) {
        let xid = self.upstream.xid();
        let Some(mut buffer) = self.pool.small() else {
            self.give_up_connection(origin);
            return;
        };
        let credential = Credential::new(AuthFlavor::TLS, b"").unwrap_or_else(Credential::none);
        let written = write_record(&mut buffer, |writer| {
            rpc::encode_call(writer, xid, program, version, 0, &credential)
        });
        if written.is_err() {
            // Cannot happen: a small buffer holds any call head.
            return;
        }
        let mut message = SpareQueues::message(&self.queues);
        message.push(Payload::Meta(buffer.freeze()));
        message.set_record(xid);
        self.actions
            .push_back(Action::SendToOrigin { origin, message });
    }

    /// Takes more of the answer to a probe; whether it is whole.
    ///
    /// # Errors
    /// The origin does not speak TLS: there is no going on in clear.
    pub(crate) fn take_probe_reply(
        &mut self,
        index: LinkIndex,
        bytes: &[u8],
    ) -> Result<(usize, bool), ConnectionError> {
        let Some(link) = self.links.get_mut(index) else {
            return Err(ConnectionError::UnknownConnection);
        };
        let LinkState::Probing(origin, _) = link.state else {
            return Err(ConnectionError::UnknownConnection);
        };
        let room = link.chain.make_room(&self.pool);
        let take = bytes.get(..bytes.len().min(room)).unwrap_or_default();
        let (consumed, piece) = read_piece(link, take)?;
        let Some((piece, ended)) = piece else {
            return match consumed {
                0 => Err(ConnectionError::TlsRefused),
                _ => Ok((consumed, false)),
            };
        };
        link.chain.append(piece);
        if !ended {
            return Ok((consumed, false));
        }
        let speaks_tls = rpc::decode_starttls(&mut Reader::contiguous(link.chain.head()));
        link.reset_reader();
        if speaks_tls != Ok(true) {
            return Err(ConnectionError::TlsRefused);
        }
        link.state = LinkState::Securing(origin);
        self.actions.push_back(Action::SecureOrigin { origin });
        Ok((consumed, true))
    }

    /// Where the next bytes that a client sends belong, if the next `len` of them all belong to one block:
    /// whoever decrypts may do it there and then say so with [`Gateway::client_placed`]. The memory is
    /// nothing anybody reads before that.
    pub fn client_place(&mut self, client: ClientId, len: usize) -> Option<&mut [u8]> {
        self.place_of_client(client, len)
    }

    /// The next `len` bytes of a client lie where [`Gateway::client_place`] said.
    ///
    /// # Errors
    /// As of [`Gateway::client_bytes`].
    pub fn client_placed(
        &mut self,
        client: ClientId,
        len: usize,
        now: Duration,
    ) -> Result<(), ConnectionError> {
        self.happens(now);
        self.placed_by_client(client, len)
    }

    /// As [`Gateway::client_place`], for what the origin sends.
    pub fn origin_place(&mut self, origin: OriginId, len: usize) -> Option<&mut [u8]> {
        self.place_of_origin(origin, len)
    }

    /// As [`Gateway::client_placed`], for what the origin sends.
    pub fn origin_placed(&mut self, origin: OriginId, len: usize, now: Duration) {
        self.happens(now);
        self.placed_by_origin(origin, len);
    }
}
