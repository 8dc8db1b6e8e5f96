//! Whose identity an export hides from the origin, as exports(5) has it.
//!
//! What a client claims is held against its certificate first, as it claims it. Then the call gets the
//! credential under which everything else is done: it goes to the origin with it, and what the origin says
//! of it is remembered for it. A repeated call is recognised by what the client sent.

use nfs::limits::GROUPS;
use nfs::rpc::{self, AuthSys, Credential};
use nfs::xdr::Writer;

use crate::call::CallId;
use crate::exports::ExportIndex;
use crate::gateway::Gateway;
use crate::identity::Identity;

/// Whose identity is replaced by that of an anonymous user; what is more comes later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Squash {
    /// Nobody's: `no_root_squash`.
    #[default]
    Nobody,
    /// User 0's, and group 0 of everybody: `root_squash`.
    Root(Anonymous),
    /// All users' and groups': `all_squash`.
    Everybody(Anonymous),
}

/// Who those are whose identity is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anonymous {
    /// `anonuid`
    pub uid: u32,
    /// `anongid`
    pub gid: u32,
}

impl Squash {
    /// Who the origin takes for whom: what [`Squash::replace`] makes of a credential, for whoever needs no more of it.
    pub(crate) fn identity(self, identity: Identity) -> Identity {
        let (anonymous, everybody) = match self {
            Self::Nobody => return identity,
            Self::Root(anonymous) => (anonymous, false),
            Self::Everybody(anonymous) => (anonymous, true),
        };
        let other = |id, other| if everybody || id == 0 { other } else { id };
        match identity {
            Identity::Nobody if everybody => Identity::User {
                uid: anonymous.uid,
                gid: anonymous.gid,
                gids: [0; GROUPS],
                gid_count: 0,
            },
            Identity::Nobody => Identity::Nobody,
            Identity::User {
                uid,
                gid,
                mut gids,
                gid_count,
            } => {
                for gid in gids.iter_mut().take(usize::from(gid_count)) {
                    *gid = other(*gid, anonymous.gid);
                }
                Identity::User {
                    uid: other(uid, anonymous.uid),
                    gid: other(gid, anonymous.gid),
                    gids,
                    gid_count,
                }
            }
        }
    }

    /// What the origin is shown instead of `credential`; `None` if it stays.
    fn replace(self, credential: &Credential, machine_name: &str) -> Option<Credential> {
        match self {
            Self::Nobody => None,
            Self::Root(Anonymous { uid, gid }) => {
                let unless_root = |id, other| if id == 0 { other } else { id };
                credential.with_ids(|id| unless_root(id, uid), |id| unless_root(id, gid))
            }
            // Groups stay as many as they were: to be in one twice is no more than once.
            Self::Everybody(Anonymous { uid, gid }) => {
                credential.with_ids(|_| uid, |_| gid).or_else(|| {
                    let auth = AuthSys::new(machine_name.as_bytes(), uid, gid, &[])?;
                    Credential::from_auth_sys(&auth)
                })
            }
        }
    }
}

impl Gateway {
    /// Gives a call of an export the identity that the origin is to see; `false` if there is no buffer for
    /// that now. Nothing was sent of it before.
    pub(crate) fn squash(&mut self, id: CallId, export: ExportIndex) -> bool {
        let Some(call) = self.calls.get_mut(id) else {
            return false;
        };
        let rules = self.exports.get(export).map(|export| export.squash);
        let squash = rules.unwrap_or_default().max(call.squash);
        let machine_name = &self.config.origin.machine_name;
        let (Some(credential), Some(request)) = (
            squash.replace(&call.credential, machine_name),
            &mut call.request,
        ) else {
            return true;
        };
        let before = call.credential.body().len();
        if credential.body().len() == before {
            request.patch(rpc::CREDENTIAL_BODY, credential.body());
        } else {
            let Some(mut head) = self.pool.small() else {
                return false;
            };
            head.append(request.head(rpc::CREDENTIAL));
            // Cannot overflow: a small buffer holds any call head.
            let _ = head.append_with(|room| {
                let mut writer = Writer::new(room);
                credential.encode(&mut writer).map(|()| writer.len())
            });
            let len = (rpc::CREDENTIAL_BODY + before).next_multiple_of(4);
            request.replace_head(len, head.freeze());
        }
        call.identity = Identity::of(&credential).unwrap_or(Identity::Nobody);
        call.credential = credential;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 0 is often what matters.
    fn ids() -> impl Strategy<Value = u32> {
        prop_oneof![Just(0), 0..3_u32, any::<u32>()]
    }

    fn squashes() -> impl Strategy<Value = Squash> {
        (0..3, ids(), ids()).prop_map(|(kind, uid, gid)| match kind {
            0 => Squash::Nobody,
            1 => Squash::Root(Anonymous { uid, gid }),
            _ => Squash::Everybody(Anonymous { uid, gid }),
        })
    }

    proptest! {
        #[test]
        fn the_identity_is_that_of_the_credential_that_the_origin_sees(
            squash in squashes(),
            user in proptest::option::of((ids(), ids(), proptest::collection::vec(ids(), 0..=GROUPS))),
        ) {
            let credential = match &user {
                None => Credential::none(),
                Some((uid, gid, gids)) => {
                    let auth = AuthSys::new(b"machine", *uid, *gid, gids).expect("few groups");
                    Credential::from_auth_sys(&auth).expect("a short name")
                }
            };
            let seen = squash.replace(&credential, "gateway").unwrap_or(credential.clone());
            let identity = Identity::of(&credential).expect("a flavor that is served");
            prop_assert_eq!(Some(squash.identity(identity)), Identity::of(&seen));
        }
    }
}
