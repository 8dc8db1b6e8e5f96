use crate::limits;
use crate::xdr::{Bytes, Overflow, Reader, Writer, XdrError};
use core::fmt;
use core::hash::{Hash, Hasher};

/// Authentication flavor of a credential or verifier (RFC 5531 section 8.2; IANA registry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuthFlavor(pub u32);

impl AuthFlavor {
    /// `AUTH_NONE`
    pub const NONE: Self = AuthFlavor(0);
    /// `AUTH_SYS`: user and group numbers
    pub const SYS: Self = AuthFlavor(1);
    /// `AUTH_SHORT`: a handle for an earlier credential
    pub const SHORT: Self = AuthFlavor(2);
    /// `RPCSEC_GSS`
    pub const RPCSEC_GSS: Self = AuthFlavor(6);
    /// `AUTH_TLS`: asks for RPC-with-TLS (RFC 9289)
    pub const TLS: Self = AuthFlavor(7);
}

/// Why authentication failed: `auth_stat` (RFC 5531 section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuthStatus(pub u32);

impl AuthStatus {
    /// `AUTH_OK`
    pub const OK: Self = AuthStatus(0);
    /// `AUTH_BADCRED`: malformed credential (seal broken)
    pub const BAD_CREDENTIAL: Self = AuthStatus(1);
    /// `AUTH_REJECTEDCRED`: the client must begin a new session
    pub const REJECTED_CREDENTIAL: Self = AuthStatus(2);
    /// `AUTH_BADVERF`: malformed verifier
    pub const BAD_VERIFIER: Self = AuthStatus(3);
    /// `AUTH_REJECTEDVERF`: verifier expired or replayed
    pub const REJECTED_VERIFIER: Self = AuthStatus(4);
    /// `AUTH_TOOWEAK`: rejected for security reasons
    pub const TOO_WEAK: Self = AuthStatus(5);
    /// `AUTH_INVALIDRESP`: bogus response verifier
    pub const INVALID_RESPONSE: Self = AuthStatus(6);
    /// `AUTH_FAILED`: reason unknown
    pub const FAILED: Self = AuthStatus(7);
    /// `AUTH_KERB_GENERIC`
    pub const KERBEROS_GENERIC: Self = AuthStatus(8);
    /// `AUTH_TIMEEXPIRE`
    pub const TIME_EXPIRED: Self = AuthStatus(9);
    /// `AUTH_TKT_FILE`
    pub const TICKET_FILE: Self = AuthStatus(10);
    /// `AUTH_DECODE`
    pub const DECODE: Self = AuthStatus(11);
    /// `AUTH_NET_ADDR`
    pub const NET_ADDRESS: Self = AuthStatus(12);
    /// `RPCSEC_GSS_CREDPROBLEM`
    pub const GSS_CREDENTIAL_PROBLEM: Self = AuthStatus(13);
    /// `RPCSEC_GSS_CTXPROBLEM`
    pub const GSS_CONTEXT_PROBLEM: Self = AuthStatus(14);
}

/// An `opaque_auth` kept byte for byte, so that it can be forwarded and compared.
///
/// It is stored inline (about 410 bytes); pass it by reference.
#[derive(Clone)]
pub struct Credential {
    flavor: AuthFlavor,
    body: [u8; limits::OPAQUE_AUTH],
    len: usize,
}

impl Credential {
    /// The `AUTH_NONE` credential.
    #[must_use]
    pub const fn none() -> Self {
        Credential {
            flavor: AuthFlavor::NONE,
            body: [0; limits::OPAQUE_AUTH],
            len: 0,
        }
    }

    /// An `AUTH_SYS` credential of our own; `None` if the machine name or the groups are above
    /// the protocol's bounds.
    #[must_use]
    pub fn from_auth_sys(auth: &AuthSys<'_>) -> Option<Self> {
        if auth.machine_name.len() > limits::MACHINE_NAME {
            return None;
        }
        let mut credential = Credential {
            flavor: AuthFlavor::SYS,
            ..Credential::none()
        };
        let mut writer = Writer::new(&mut credential.body);
        auth.encode(&mut writer).ok()?;
        credential.len = writer.len();
        Some(credential)
    }

    /// A credential of any flavor; `None` if the body is longer than 400 bytes.
    #[must_use]
    pub fn new(flavor: AuthFlavor, body: &[u8]) -> Option<Self> {
        let mut credential = Credential {
            flavor,
            ..Credential::none()
        };
        credential.len = Bytes::contiguous(body).copy_to(&mut credential.body)?.len();
        Some(credential)
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, XdrError> {
        let flavor = AuthFlavor(reader.u32()?);
        let (body, len) = reader.opaque_array()?;
        Ok(Credential { flavor, body, len })
    }

    /// Writes it as it is in a call or as a verifier.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        writer.u32(self.flavor.0)?;
        writer.opaque(self.body())
    }

    /// The flavor.
    #[must_use]
    pub const fn flavor(&self) -> AuthFlavor {
        self.flavor
    }

    /// The body as it was on the wire, at most 400 bytes.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.get(..self.len).unwrap_or_default()
    }

    /// The fields of an `AUTH_SYS` credential; `None` for other flavors and malformed bodies.
    #[must_use]
    pub fn auth_sys(&self) -> Option<AuthSys<'_>> {
        AuthSys::of(self.flavor, self.body())
    }

    /// The same credential of other users and groups, and of the same length; `None` unless it is `AUTH_SYS`.
    #[must_use]
    pub fn with_ids(&self, uid: impl Fn(u32) -> u32, gid: impl Fn(u32) -> u32) -> Option<Self> {
        let auth = self.auth_sys()?;
        Self::from_auth_sys(&AuthSys {
            uid: uid(auth.uid),
            gid: gid(auth.gid),
            gids: auth.gids.map(&gid),
            ..auth
        })
    }

    /// Whether the body is what the flavor demands, as far as this crate knows the flavor.
    pub(super) fn is_well_formed(&self) -> bool {
        match self.flavor {
            // RFC 5531 section 8.2: the bytes of an AUTH_NONE body are undefined and it is
            // recommended that there be none; RFC 9289 section 4.1 demands none of AUTH_TLS.
            AuthFlavor::NONE | AuthFlavor::TLS => self.len == 0,
            AuthFlavor::SYS => AuthSys::decode(self.body()).is_ok(),
            _ => true,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Credentials may be secrets: flavor and length only.
        formatter
            .debug_struct("Credential")
            .field("flavor", &self.flavor.0)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Credential {
    fn eq(&self, other: &Self) -> bool {
        self.flavor == other.flavor && self.body() == other.body()
    }
}

impl Eq for Credential {}

impl Hash for Credential {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.flavor.hash(state);
        self.body().hash(state);
    }
}

/// The body of an `AUTH_SYS` credential: `authsys_parms` (RFC 5531 appendix A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthSys<'a> {
    /// Arbitrary number of the caller.
    pub stamp: u32,
    /// The caller's name for its machine, at most 255 bytes; nothing vouches for it.
    pub machine_name: &'a [u8],
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
    gids: [u32; limits::GROUPS],
    gid_count: usize,
}

impl<'a> AuthSys<'a> {
    /// Credential fields of our own, for [`Credential::from_auth_sys`]; `None` for more than 16
    /// supplementary groups.
    #[must_use]
    pub fn new(machine_name: &'a [u8], uid: u32, gid: u32, groups: &[u32]) -> Option<Self> {
        let mut gids = [0; limits::GROUPS];
        gids.get_mut(..groups.len())?.copy_from_slice(groups);
        Some(AuthSys {
            stamp: 0,
            machine_name,
            uid,
            gid,
            gids,
            gid_count: groups.len(),
        })
    }

    /// Supplementary groups, at most 16.
    #[must_use]
    pub fn gids(&self) -> &[u32] {
        self.gids.get(..self.gid_count).unwrap_or_default()
    }

    /// The fields of a body of this flavor.
    pub(super) fn of(flavor: AuthFlavor, body: &'a [u8]) -> Option<Self> {
        (flavor == AuthFlavor::SYS)
            .then(|| Self::decode(body).ok())
            .flatten()
    }

    fn decode(body: &'a [u8]) -> Result<Self, XdrError> {
        let mut reader = Reader::contiguous(body);
        let stamp = reader.u32()?;
        let name = reader.opaque(limits::MACHINE_NAME)?;
        let machine_name = name.as_contiguous().ok_or(XdrError::Invalid)?;
        let uid = reader.u32()?;
        let gid = reader.u32()?;
        let gid_count = reader.length(limits::GROUPS)?;
        let mut gids = [0; limits::GROUPS];
        for group in gids.iter_mut().take(gid_count) {
            *group = reader.u32()?;
        }
        // A server that reads these fields without minding the body's length takes what follows
        // them for the verifier, and would see another call than we do.
        if reader.remaining() > 0 {
            return Err(XdrError::Invalid);
        }
        Ok(AuthSys {
            stamp,
            machine_name,
            uid,
            gid,
            gids,
            gid_count,
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        writer.u32(self.stamp)?;
        writer.opaque(self.machine_name)?;
        writer.u32(self.uid)?;
        writer.u32(self.gid)?;
        writer.u32(u32::try_from(self.gid_count).map_err(|_| Overflow)?)?;
        self.gids().iter().try_for_each(|gid| writer.u32(*gid))
    }
}
