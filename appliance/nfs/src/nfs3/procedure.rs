/// The procedures of NFSv3 (RFC 1813 section 3.3), numbered as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names of RFC 1813")]
pub enum Procedure {
    Null = 0,
    Getattr = 1,
    Setattr = 2,
    Lookup = 3,
    Access = 4,
    Readlink = 5,
    Read = 6,
    Write = 7,
    Create = 8,
    Mkdir = 9,
    Symlink = 10,
    Mknod = 11,
    Remove = 12,
    Rmdir = 13,
    Rename = 14,
    Link = 15,
    Readdir = 16,
    Readdirplus = 17,
    Fsstat = 18,
    Fsinfo = 19,
    Pathconf = 20,
    Commit = 21,
}

impl Procedure {
    /// All of them; each stands at the index of its number.
    pub const ALL: [Procedure; 22] = [
        Procedure::Null,
        Procedure::Getattr,
        Procedure::Setattr,
        Procedure::Lookup,
        Procedure::Access,
        Procedure::Readlink,
        Procedure::Read,
        Procedure::Write,
        Procedure::Create,
        Procedure::Mkdir,
        Procedure::Symlink,
        Procedure::Mknod,
        Procedure::Remove,
        Procedure::Rmdir,
        Procedure::Rename,
        Procedure::Link,
        Procedure::Readdir,
        Procedure::Readdirplus,
        Procedure::Fsstat,
        Procedure::Fsinfo,
        Procedure::Pathconf,
        Procedure::Commit,
    ];

    /// Whether executing a call twice may give another result than executing it once, so that
    /// the replies need to be remembered. WRITE is counted among them: a late duplicate undoes
    /// what was written in between.
    #[must_use]
    pub const fn is_non_idempotent(self) -> bool {
        matches!(
            self,
            Procedure::Setattr
                | Procedure::Write
                | Procedure::Create
                | Procedure::Mkdir
                | Procedure::Symlink
                | Procedure::Mknod
                | Procedure::Remove
                | Procedure::Rmdir
                | Procedure::Rename
                | Procedure::Link
        )
    }
}

/// No procedure of NFSv3 has this number: the answer is `PROC_UNAVAIL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("NFSv3 has no procedure {0}")]
pub struct UnknownProcedure(pub u32);

impl TryFrom<u32> for Procedure {
    type Error = UnknownProcedure;

    fn try_from(number: u32) -> Result<Self, UnknownProcedure> {
        let index = usize::try_from(number).map_err(|_| UnknownProcedure(number))?;
        Procedure::ALL
            .get(index)
            .copied()
            .ok_or(UnknownProcedure(number))
    }
}

impl From<Procedure> for u32 {
    fn from(procedure: Procedure) -> u32 {
        procedure as u32
    }
}
