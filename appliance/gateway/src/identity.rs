//! Who a call speaks for, as far as an origin can tell callers apart.

use nfs::limits::GROUPS;
use nfs::rpc::{AuthFlavor, AuthSys, CallView, Credential};

/// What an origin bases its permission checks on.
///
/// The stamp and the machine name of an AUTH_SYS credential are left out: they differ from mount to mount
/// of the same user, and no server checks permissions by them (RFC 5531, appendix A).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// AUTH_NONE.
    Nobody,
    /// AUTH_SYS.
    User {
        uid: u32,
        gid: u32,
        /// Zero from `gid_count` on. In the order of the credential.
        gids: [u32; GROUPS],
        gid_count: u8,
    },
}

impl Identity {
    /// `None` for flavors that are not served.
    pub(crate) fn of(credential: &Credential) -> Option<Self> {
        if credential.flavor() == AuthFlavor::NONE {
            return Some(Self::Nobody);
        }
        Self::of_user(&credential.auth_sys()?)
    }

    /// As [`Identity::of`]; `None` for malformed credentials too.
    pub(crate) fn of_call(call: &CallView<'_>) -> Option<Self> {
        if call.is_from_nobody() {
            return Some(Self::Nobody);
        }
        Self::of_user(&call.auth_sys()?)
    }

    fn of_user(auth: &AuthSys<'_>) -> Option<Self> {
        let mut gids = [0; GROUPS];
        for (place, gid) in gids.iter_mut().zip(auth.gids()) {
            *place = *gid;
        }
        Some(Self::User {
            uid: auth.uid,
            gid: auth.gid,
            gids,
            gid_count: u8::try_from(auth.gids().len()).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(machine: &[u8], uid: u32, groups: &[u32]) -> Credential {
        let auth = AuthSys::new(machine, uid, 7, groups).expect("few groups");
        Credential::from_auth_sys(&auth).expect("a short name")
    }

    #[test]
    fn the_machine_does_not_matter_and_the_user_does() {
        let identity = |machine: &[u8], uid, groups: &[u32]| {
            Identity::of(&credential(machine, uid, groups)).expect("AUTH_SYS")
        };
        assert_eq!(identity(b"a", 1, &[5]), identity(b"b", 1, &[5]));
        assert_ne!(identity(b"a", 1, &[5]), identity(b"a", 2, &[5]));
        assert_ne!(identity(b"a", 1, &[5]), identity(b"a", 1, &[5, 0]));
        assert_eq!(Identity::of(&Credential::none()), Some(Identity::Nobody));
        let gss = Credential::new(AuthFlavor::RPCSEC_GSS, b"").expect("short");
        assert_eq!(Identity::of(&gss), None);
    }
}
