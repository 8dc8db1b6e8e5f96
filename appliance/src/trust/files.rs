//! Reading PEM files, and seeing that they have changed.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::TrustError;
use crate::config::Config;
use crate::config::tls::Credentials;
use crate::limits;

/// A PEM file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, TrustError> {
    read_if(path, |_| Ok(()))
}

/// A PEM file with a private key, which is refused when it is open to everybody.
pub(super) fn read_key(path: &Path) -> Result<Vec<u8>, TrustError> {
    read_if(path, |metadata| {
        let mode = metadata.mode() & 0o777;
        if mode & 0o007 == 0 {
            return Ok(());
        }
        Err(TrustError::KeyExposed {
            path: path.to_owned(),
            mode,
        })
    })
}

/// What is in the file, if the open file passes the test.
fn read_if(
    path: &Path,
    test: impl FnOnce(&Metadata) -> Result<(), TrustError>,
) -> Result<Vec<u8>, TrustError> {
    let unreadable = |source| TrustError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    test(&file.metadata().map_err(unreadable)?)?;
    let mut bytes = Vec::new();
    let most = limits::PEM_FILE_BYTES_MAX;
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > most {
        return Err(unreadable(io::Error::other("it is larger than 32 MiB")));
    }
    Ok(bytes)
}

/// Every file that trust comes from.
pub(super) fn named_in(config: &Config) -> Vec<PathBuf> {
    let (settings, origin) = (config.tls(), config.origin().tls.as_ref());
    let credentials = [
        settings.server.as_ref(),
        origin.and_then(|origin| origin.credentials.as_ref()),
    ];
    let own = credentials
        .into_iter()
        .flatten()
        .flat_map(|Credentials { certificate, key }| [certificate, key]);
    own.chain(&settings.client_ca)
        .chain(&settings.crl)
        .chain(origin.map(|origin| &origin.ca))
        .chain(origin.and_then(|origin| origin.crl.as_ref()))
        .cloned()
        .collect()
}

/// What tells one version of a file from another; all zero for one that is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of the file that links lead to.
    pub(super) fn of(path: &Path) -> Self {
        let Ok(found) = fs::metadata(path) else {
            return Self::default();
        };
        Self {
            device: found.dev(),
            inode: found.ino(),
            len: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}
