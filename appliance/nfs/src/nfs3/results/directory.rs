use super::{decode_post_op, decode_status};
use crate::limits;
use crate::nfs3::{CookieVerifier, FileHandle, PostOp, Status};
use crate::xdr::{Bytes, Reader, XdrError};
use core::ops::Range;

/// `READDIR3res`
#[derive(Clone, Debug)]
pub struct Readdir<'a> {
    /// Outcome.
    pub status: Status,
    /// Attributes of the directory.
    pub directory: PostOp,
    /// Verifier of the cookies and the entries; `None` after a failure.
    pub listing: Option<(CookieVerifier, Entries<'a>)>,
}

/// `READDIRPLUS3res`
#[derive(Clone, Debug)]
pub struct Readdirplus<'a> {
    /// Outcome.
    pub status: Status,
    /// Attributes of the directory.
    pub directory: PostOp,
    /// Verifier of the cookies and the entries; `None` after a failure.
    pub listing: Option<(CookieVerifier, PlusEntries<'a>)>,
}

/// `entry3`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Identifies the file within its file system.
    pub fileid: u64,
    /// Its name, at most [`limits::NAME`] bytes; not judged, see
    /// [`crate::nfs3::classify_name`].
    pub name: Bytes<'a>,
    /// Where a further READDIR goes on.
    pub cookie: u64,
}

/// `entryplus3`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlusEntry<'a> {
    /// What READDIR would have given.
    pub entry: Entry<'a>,
    /// Attributes of the file.
    pub attributes: PostOp,
    /// Its handle, if the server sent it.
    pub handle: Option<FileHandle>,
    /// Where the `post_op_attr` and `post_op_fh3` of the entry lie in the message, as
    /// [`Reader::position`] counts. To hide them, forward eight zero bytes in their place.
    pub attributes_and_handle: Range<usize>,
}

/// READDIR. The entries are left unread; [`Entries`] reads them.
///
/// # Errors
/// [`XdrError`], see the [module](super).
pub fn readdir<'a>(reader: &mut Reader<'a>) -> Result<Readdir<'a>, XdrError> {
    let (status, directory, verifier) = head(reader)?;
    let listing = verifier.map(|verifier| {
        (
            verifier,
            Entries {
                list: List::new(reader),
            },
        )
    });
    Ok(Readdir {
        status,
        directory,
        listing,
    })
}

/// READDIRPLUS. The entries are left unread; [`PlusEntries`] reads them.
///
/// # Errors
/// [`XdrError`], see the [module](super).
pub fn readdirplus<'a>(reader: &mut Reader<'a>) -> Result<Readdirplus<'a>, XdrError> {
    let (status, directory, verifier) = head(reader)?;
    let listing = verifier.map(|verifier| {
        (
            verifier,
            PlusEntries {
                list: List::new(reader),
            },
        )
    });
    Ok(Readdirplus {
        status,
        directory,
        listing,
    })
}

fn head(reader: &mut Reader<'_>) -> Result<(Status, PostOp, Option<CookieVerifier>), XdrError> {
    let status = decode_status(reader)?;
    let directory = decode_post_op(reader)?;
    let verifier = status
        .is_ok()
        .then(|| reader.fixed().map(CookieVerifier))
        .transpose()?;
    Ok((status, directory, verifier))
}

/// An XDR linked list of entries and the `eof` after it, read one at a time: the depth of the
/// list costs nothing.
#[derive(Clone, Debug)]
struct List<'a> {
    reader: Reader<'a>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Entries,
    End { end_of_directory: bool },
    Malformed,
}

impl<'a> List<'a> {
    fn new(reader: &Reader<'a>) -> Self {
        List {
            reader: reader.clone(),
            state: State::Entries,
        }
    }

    fn next<T>(
        &mut self,
        decode: impl FnOnce(&mut Reader<'a>) -> Result<T, XdrError>,
    ) -> Option<Result<T, XdrError>> {
        if !matches!(self.state, State::Entries) {
            return None;
        }
        let entry = self.advance(decode);
        if entry.is_err() {
            self.state = State::Malformed;
        }
        entry.transpose()
    }

    fn advance<T>(
        &mut self,
        decode: impl FnOnce(&mut Reader<'a>) -> Result<T, XdrError>,
    ) -> Result<Option<T>, XdrError> {
        let entry = self.reader.optional(decode)?;
        if entry.is_none() {
            self.state = State::End {
                end_of_directory: self.reader.bool()?,
            };
        }
        Ok(entry)
    }

    const fn end_of_directory(&self) -> Option<bool> {
        match self.state {
            State::End { end_of_directory } => Some(end_of_directory),
            State::Entries | State::Malformed => None,
        }
    }
}

fn entry<'a>(reader: &mut Reader<'a>) -> Result<Entry<'a>, XdrError> {
    Ok(Entry {
        fileid: reader.u64()?,
        name: reader.opaque(limits::NAME)?,
        cookie: reader.u64()?,
    })
}

fn plus_entry<'a>(reader: &mut Reader<'a>) -> Result<PlusEntry<'a>, XdrError> {
    let entry = entry(reader)?;
    let start = reader.position();
    let attributes = decode_post_op(reader)?;
    let handle = reader.optional(FileHandle::decode)?;
    let attributes_and_handle = start..reader.position();
    Ok(PlusEntry {
        entry,
        attributes,
        handle,
        attributes_and_handle,
    })
}

macro_rules! entries {
    ($(#[$doc:meta])* $name:ident, $entry:ident, $decode:ident) => {
        $(#[$doc])*
        ///
        /// The iterator ends after the first error. [`XdrError::Short`] may mean that more bytes
        /// are to come; then read the whole result again.
        #[derive(Clone, Debug)]
        pub struct $name<'a> {
            list: List<'a>,
        }

        impl<'a> $name<'a> {
            /// Once the iterator has ended without an error: whether the last entry is the last
            /// of the directory. `None` before that.
            #[must_use]
            pub const fn end_of_directory(&self) -> Option<bool> {
                self.list.end_of_directory()
            }

            /// The reader, behind what the iterator has read: once it has ended, behind the
            /// results.
            #[must_use]
            pub const fn reader(&self) -> &Reader<'a> {
                &self.list.reader
            }
        }

        impl<'a> Iterator for $name<'a> {
            type Item = Result<$entry<'a>, XdrError>;

            fn next(&mut self) -> Option<Self::Item> {
                self.list.next($decode)
            }
        }
    };
}

entries! {
    /// Iterator over the entries of a READDIR result.
    Entries, Entry, entry
}

entries! {
    /// Iterator over the entries of a READDIRPLUS result.
    PlusEntries, PlusEntry, plus_entry
}
