//! The connections of this run, in a file beside the control socket: when the process is killed, the next one
//! finds there whom to tell.
//!
//! The file has a slot for every connection the engine may have and as many for those of earlier runs whose
//! peers have not been told yet. A slot is written when a connection comes or goes and never synchronised:
//! what has been written outlives the process, and a machine that goes down takes its connections along.
//! The control socket's directory is meant to be on a tmpfs (`/run`), where writing does not wait for a disk.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use engine::Endpoints;

use crate::limits::FORGOTTEN_CONNECTIONS_MAX;

/// What the file starts with; the last byte is the version.
const MAGIC: [u8; SLOT_BYTES] = *b"wirepage conns\0\x01";

/// Local and remote address, local and remote port, checksum.
const SLOT_BYTES: usize = 16;
const CHECKED_BYTES: usize = 12;

const EMPTY: [u8; SLOT_BYTES] = [0; SLOT_BYTES];

/// The journal of a run.
#[derive(Debug)]
pub struct ConnectionJournal {
    file: File,
    path: PathBuf,
    slots: usize,
    /// Slots in use behind those of this run, for connections of earlier ones.
    forgotten: usize,
}

/// Where the journal of the appliance with this control socket is.
pub fn path_beside(socket: &Path) -> PathBuf {
    let mut name = OsString::from(socket);
    name.push(".connections");
    PathBuf::from(name)
}

impl ConnectionJournal {
    /// Begins a journal for connections in `slots` slots. Returned with it are the connections of runs that
    /// did not end cleanly; they stay in it until [`ConnectionJournal::forget_earlier_runs`].
    ///
    /// # Errors
    /// When the file cannot be written. One that is not a journal of this version is replaced, and so is what
    /// is damaged in one that is: both count as empty.
    pub fn open(path: &Path, slots: usize) -> io::Result<(Self, Vec<Endpoints>)> {
        let forgotten = read(path)?;
        let mut bytes = Vec::with_capacity((1 + slots + forgotten.len()) * SLOT_BYTES);
        bytes.extend(MAGIC);
        bytes.resize((1 + slots) * SLOT_BYTES, 0);
        for connection in &forgotten {
            bytes.extend(encode(connection));
        }
        // Renamed over the old one, so that whoever kills this process now loses neither.
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let _ = fs::remove_file(&fresh);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all_at(&bytes, 0)?;
        fs::rename(&fresh, path)?;
        let journal = Self {
            file,
            path: path.to_owned(),
            slots,
            forgotten: forgotten.len(),
        };
        Ok((journal, forgotten))
    }

    /// Notes which connection is in `slot` now. What cannot be written is not in the journal; nothing else
    /// depends on it.
    pub fn record(&mut self, slot: usize, connection: Option<Endpoints>) {
        if slot < self.slots {
            self.write(
                slot,
                &connection.map_or(EMPTY, |connection| encode(&connection)),
            );
        }
    }

    /// Whether there are connections of earlier runs in it.
    pub fn remembers_earlier_runs(&self) -> bool {
        self.forgotten > 0
    }

    /// The peers of earlier runs have been told.
    pub fn forget_earlier_runs(&mut self) {
        self.forgotten = 0;
        let end = (1 + self.slots) * SLOT_BYTES;
        let _ = self.file.set_len(end as u64);
    }

    /// Ends a run that has closed its connections. Only if peers of earlier runs have not been told yet, the
    /// file stays, for the next run.
    pub fn close(self) {
        if !self.remembers_earlier_runs() {
            let _ = fs::remove_file(&self.path);
        }
    }

    fn write(&self, slot: usize, bytes: &[u8; SLOT_BYTES]) {
        let offset = (1 + slot) * SLOT_BYTES;
        let _ = self.file.write_all_at(bytes, offset as u64);
    }
}

/// The connections in the journal at `path`, each once; none when there is no journal.
fn read(path: &Path) -> io::Result<Vec<Endpoints>> {
    // Not a pipe or a device, on which opening or reading might wait for ever.
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Ok(Vec::new()),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(((1 + 2 * FORGOTTEN_CONNECTIONS_MAX) * SLOT_BYTES) as u64)
        .read_to_end(&mut bytes)?;
    let (slots, _) = bytes.as_chunks::<SLOT_BYTES>();
    let Some((magic, slots)) = slots.split_first() else {
        return Ok(Vec::new());
    };
    if *magic != MAGIC {
        return Ok(Vec::new());
    }
    let mut seen = HashSet::new();
    let connections = slots
        .iter()
        .filter_map(decode)
        .filter(|connection| seen.insert(*connection))
        .take(FORGOTTEN_CONNECTIONS_MAX);
    Ok(connections.collect())
}

fn encode(connection: &Endpoints) -> [u8; SLOT_BYTES] {
    let Endpoints { local, remote } = connection;
    let mut slot = EMPTY;
    slot[..4].copy_from_slice(&local.ip().octets());
    slot[4..8].copy_from_slice(&remote.ip().octets());
    slot[8..10].copy_from_slice(&local.port().to_be_bytes());
    slot[10..12].copy_from_slice(&remote.port().to_be_bytes());
    let checksum = checksum(&slot[..CHECKED_BYTES]);
    slot[CHECKED_BYTES..].copy_from_slice(&checksum.to_be_bytes());
    slot
}

/// `None` for an empty or damaged slot.
fn decode(slot: &[u8; SLOT_BYTES]) -> Option<Endpoints> {
    let (checked, sum) = slot.split_at(CHECKED_BYTES);
    if sum != checksum(checked).to_be_bytes() {
        return None;
    }
    let &[a, b, c, d, e, f, g, h, i, j, k, l, ..] = slot;
    Some(Endpoints {
        local: SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([i, j])),
        remote: SocketAddrV4::new(Ipv4Addr::new(e, f, g, h), u16::from_be_bytes([k, l])),
    })
}

/// FNV-1a, against damage and not against malice; never 0 for twelve zero bytes, so an empty slot is none.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}
