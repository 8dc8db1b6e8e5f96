use core::fmt;

/// `nfsstat3` (RFC 1813 section 2.6). A status that the RFC does not know is kept as it is and
/// counts as a failure.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Status = Status($number);)*

            /// Every status of RFC 1813.
            pub const ALL: &'static [Status] = &[$(Status::$name),*];

            /// Its name without the prefix `NFS3ERR_`; `None` if RFC 1813 has none.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    /// The call succeeded.
    OK = 0;
    /// Not owner.
    PERM = 1;
    /// No such file or directory.
    NOENT = 2;
    /// A hard I/O error.
    IO = 5;
    /// No such device or address.
    NXIO = 6;
    /// Permission denied.
    ACCES = 13;
    /// File exists.
    EXIST = 17;
    /// Attempt to make a hard link across devices.
    XDEV = 18;
    /// No such device.
    NODEV = 19;
    /// Not a directory.
    NOTDIR = 20;
    /// Is a directory.
    ISDIR = 21;
    /// Invalid or unsupported argument.
    INVAL = 22;
    /// File too large.
    FBIG = 27;
    /// No space left on device.
    NOSPC = 28;
    /// Read-only file system.
    ROFS = 30;
    /// Too many hard links.
    MLINK = 31;
    /// The file name is too long.
    NAMETOOLONG = 63;
    /// Directory not empty.
    NOTEMPTY = 66;
    /// Quota exceeded.
    DQUOT = 69;
    /// The file handle refers to a file that is gone or no longer accessible.
    STALE = 70;
    /// Too many levels of remote in path.
    REMOTE = 71;
    /// Illegal file handle.
    BADHANDLE = 10001;
    /// The guard of a SETATTR did not match.
    NOT_SYNC = 10002;
    /// READDIR or READDIRPLUS cookie is stale.
    BAD_COOKIE = 10003;
    /// Operation not supported.
    NOTSUPP = 10004;
    /// Buffer or request too small.
    TOOSMALL = 10005;
    /// An error that has no status of its own.
    SERVERFAULT = 10006;
    /// The server does not support objects of this type.
    BADTYPE = 10007;
    /// The call takes long; try again later.
    JUKEBOX = 10008;
}

impl Status {
    /// Whether it is `NFS3_OK`.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == Status::OK.0
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "Status({})", self.0),
        }
    }
}
