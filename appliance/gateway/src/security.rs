//! What protects a client's connection, and what exports make of it.

use core::ops::RangeInclusive;
use core::time::Duration;
use std::rc::Rc;

use nfs::rpc::{AuthFlavor, AuthStatus, CallHeader, ErrorReply};

use crate::action::{ClientId, OriginId};
use crate::client::Client;
use crate::error::ConnectionError;
use crate::gateway::Gateway;
use crate::identity::Identity;

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

/// How a connection must be protected for an export to be used on it: any of these.
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
        self.config.offers_tls
            && header.credential.flavor() == AuthFlavor::TLS
            && header.procedure == 0
            && matches!(*client.security, ClientSecurity::Clear)
    }

    /// TLS is set up on a client's connection.
    pub fn client_secured(&mut self, client: ClientId, security: ClientSecurity, now: Duration) {
        self.now = now;
        if let Some(Some(state)) = self.clients.get_mut(&client) {
            state.security = Rc::new(security);
            state.securing = false;
        }
    }

    /// TLS is set up on a connection to the origin, as asked for with `Action::SecureOrigin`.
    pub fn origin_secured(&mut self, origin: OriginId, now: Duration) {
        self.now = now;
        self.link_opened(origin);
    }

    /// A connection to the origin is to be replaced: no new calls go out on it, and it is closed when those
    /// under way are answered.
    pub fn origin_retiring(&mut self, origin: OriginId, now: Duration) {
        self.now = now;
        let _ = origin;
    }

    /// Where the next bytes that a client sends belong, if the next `len` of them all belong to one block:
    /// whoever decrypts may do it there and then say so with [`Gateway::client_placed`]. The memory is
    /// nothing anybody reads before that.
    pub fn client_place(&mut self, client: ClientId, len: usize) -> Option<&mut [u8]> {
        let _ = (client, len);
        None
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
        self.now = now;
        let _ = (client, len);
        Ok(())
    }

    /// As [`Gateway::client_place`], for what the origin sends.
    pub fn origin_place(&mut self, origin: OriginId, len: usize) -> Option<&mut [u8]> {
        let _ = (origin, len);
        None
    }

    /// As [`Gateway::client_placed`], for what the origin sends.
    ///
    /// # Errors
    /// As of [`Gateway::origin_bytes`].
    pub fn origin_placed(
        &mut self,
        origin: OriginId,
        len: usize,
        now: Duration,
    ) -> Result<(), ConnectionError> {
        self.now = now;
        let _ = (origin, len);
        Ok(())
    }
}
