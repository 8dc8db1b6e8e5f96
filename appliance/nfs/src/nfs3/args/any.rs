use super::{
    AccessArgs, CommitArgs, CreateArgs, DirectoryEntry, LinkArgs, MkdirArgs, MknodArgs, ReadArgs,
    ReaddirArgs, ReaddirplusArgs, RenameArgs, SetattrArgs, SymlinkArgs, WriteHead,
};
use crate::nfs3::{FileHandle, Procedure};
use crate::xdr::{Bytes, Reader, XdrError};

/// The arguments of any procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the procedures of RFC 1813")]
pub enum Args<'a> {
    Null,
    Getattr(FileHandle),
    Setattr(SetattrArgs),
    Lookup(DirectoryEntry<'a>),
    Access(AccessArgs),
    Readlink(FileHandle),
    Read(ReadArgs),
    /// The data is left unread.
    Write(WriteHead),
    Create(CreateArgs<'a>),
    Mkdir(MkdirArgs<'a>),
    Symlink(SymlinkArgs<'a>),
    Mknod(MknodArgs<'a>),
    Remove(DirectoryEntry<'a>),
    Rmdir(DirectoryEntry<'a>),
    Rename(RenameArgs<'a>),
    Link(LinkArgs<'a>),
    Readdir(ReaddirArgs),
    Readdirplus(ReaddirplusArgs),
    Fsstat(FileHandle),
    Fsinfo(FileHandle),
    Pathconf(FileHandle),
    Commit(CommitArgs),
}

impl<'a> Args<'a> {
    /// Reads the arguments of `procedure`; of WRITE, only up to and including the length of the
    /// data, which may be `max_write` at most.
    ///
    /// # Errors
    /// [`XdrError`], see the [module](super).
    pub fn decode(
        procedure: Procedure,
        reader: &mut Reader<'a>,
        max_write: u32,
    ) -> Result<Self, XdrError> {
        Ok(match procedure {
            Procedure::Null => Args::Null,
            Procedure::Getattr => Args::Getattr(super::getattr(reader)?),
            Procedure::Setattr => Args::Setattr(super::setattr(reader)?),
            Procedure::Lookup => Args::Lookup(super::lookup(reader)?),
            Procedure::Access => Args::Access(super::access(reader)?),
            Procedure::Readlink => Args::Readlink(super::readlink(reader)?),
            Procedure::Read => Args::Read(super::read(reader)?),
            Procedure::Write => Args::Write(super::write_head(reader, max_write)?),
            Procedure::Create => Args::Create(super::create(reader)?),
            Procedure::Mkdir => Args::Mkdir(super::mkdir(reader)?),
            Procedure::Symlink => Args::Symlink(super::symlink(reader)?),
            Procedure::Mknod => Args::Mknod(super::mknod(reader)?),
            Procedure::Remove => Args::Remove(super::remove(reader)?),
            Procedure::Rmdir => Args::Rmdir(super::rmdir(reader)?),
            Procedure::Rename => Args::Rename(super::rename(reader)?),
            Procedure::Link => Args::Link(super::link(reader)?),
            Procedure::Readdir => Args::Readdir(super::readdir(reader)?),
            Procedure::Readdirplus => Args::Readdirplus(super::readdirplus(reader)?),
            Procedure::Fsstat => Args::Fsstat(super::fsstat(reader)?),
            Procedure::Fsinfo => Args::Fsinfo(super::fsinfo(reader)?),
            Procedure::Pathconf => Args::Pathconf(super::pathconf(reader)?),
            Procedure::Commit => Args::Commit(super::commit(reader)?),
        })
    }

    /// The procedure they belong to.
    #[must_use]
    pub const fn procedure(&self) -> Procedure {
        match self {
            Args::Null => Procedure::Null,
            Args::Getattr(_) => Procedure::Getattr,
            Args::Setattr(_) => Procedure::Setattr,
            Args::Lookup(_) => Procedure::Lookup,
            Args::Access(_) => Procedure::Access,
            Args::Readlink(_) => Procedure::Readlink,
            Args::Read(_) => Procedure::Read,
            Args::Write(_) => Procedure::Write,
            Args::Create(_) => Procedure::Create,
            Args::Mkdir(_) => Procedure::Mkdir,
            Args::Symlink(_) => Procedure::Symlink,
            Args::Mknod(_) => Procedure::Mknod,
            Args::Remove(_) => Procedure::Remove,
            Args::Rmdir(_) => Procedure::Rmdir,
            Args::Rename(_) => Procedure::Rename,
            Args::Link(_) => Procedure::Link,
            Args::Readdir(_) => Procedure::Readdir,
            Args::Readdirplus(_) => Procedure::Readdirplus,
            Args::Fsstat(_) => Procedure::Fsstat,
            Args::Fsinfo(_) => Procedure::Fsinfo,
            Args::Pathconf(_) => Procedure::Pathconf,
            Args::Commit(_) => Procedure::Commit,
        }
    }

    /// The first handle: the object, or the directory of the (first) entry. NULL has none.
    #[must_use]
    pub const fn handle(&self) -> Option<FileHandle> {
        Some(match self {
            Args::Null => return None,
            Args::Getattr(handle)
            | Args::Readlink(handle)
            | Args::Fsstat(handle)
            | Args::Fsinfo(handle)
            | Args::Pathconf(handle) => *handle,
            Args::Setattr(args) => args.object,
            Args::Access(args) => args.object,
            Args::Read(args) => args.file,
            Args::Write(args) => args.file,
            Args::Lookup(entry) | Args::Remove(entry) | Args::Rmdir(entry) => entry.directory,
            Args::Create(args) => args.place.directory,
            Args::Mkdir(args) => args.place.directory,
            Args::Symlink(args) => args.place.directory,
            Args::Mknod(args) => args.place.directory,
            Args::Rename(args) => args.from.directory,
            Args::Link(args) => args.file,
            Args::Readdir(args) => args.directory,
            Args::Readdirplus(args) => args.directory,
            Args::Commit(args) => args.file,
        })
    }

    /// The second handle, which RENAME and LINK have: the directory of the new name.
    #[must_use]
    pub const fn second_handle(&self) -> Option<FileHandle> {
        match self {
            Args::Rename(args) => Some(args.to.directory),
            Args::Link(args) => Some(args.link.directory),
            _ => None,
        }
    }

    /// The names, in the order of the arguments: two of RENAME, one of LOOKUP, LINK and the
    /// procedures that create and remove.
    #[must_use]
    pub const fn names(&self) -> [Option<Bytes<'a>>; 2] {
        match self {
            Args::Lookup(entry) | Args::Remove(entry) | Args::Rmdir(entry) => {
                [Some(entry.name), None]
            }
            Args::Create(args) => [Some(args.place.name), None],
            Args::Mkdir(args) => [Some(args.place.name), None],
            Args::Symlink(args) => [Some(args.place.name), None],
            Args::Mknod(args) => [Some(args.place.name), None],
            Args::Link(args) => [Some(args.link.name), None],
            Args::Rename(args) => [Some(args.from.name), Some(args.to.name)],
            _ => [None, None],
        }
    }
}
