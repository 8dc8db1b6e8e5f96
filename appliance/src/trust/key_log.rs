//! Secrets of sessions in a file, for debugging.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use super::error::TrustError;

/// A key log that appends to the file at `path`, which is made for its owner alone.
///
/// # Errors
/// When the file cannot be opened.
pub fn open_key_log(path: &Path) -> Result<tls::KeyLog, TrustError> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| TrustError::KeyLog {
            path: path.to_owned(),
            source,
        })?;
    let file = Mutex::new(file);
    Ok(tls::KeyLog::new(move |line| {
        // What cannot be written is missed when somebody debugs, and by nobody else.
        if let Ok(mut file) = file.lock() {
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }))
}
