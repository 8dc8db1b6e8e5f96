//! The reference file system: what every file has held at every time, and so what a READ may return, what a
//! promise of stability means, and whether bytes that turn up anywhere were ever written there.
//!
//! The origin acts on it. Clients, which see the appliances only, have their replies judged by it.

pub(crate) mod content;
mod durability;
mod extents;
mod file;
pub(crate) mod reads;
mod settings;

use std::ops::Range;
use std::time::Duration;

use gateway::limits::DUPLICATE_LIFETIME;

use crate::nfs::{Attributes, is_public};
use crate::outcome::Judge;
use content::{Version, content};
use file::File;

/// One WRITE that a client has made, or what a file held at the start.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) file: u64,
    pub(crate) bytes: Range<u64>,
    issued: Duration,
    /// When its client first had a reply to it.
    acknowledged: Option<Duration>,
    executions: Option<Executions>,
    /// The xid that the origin was sent it under.
    xid: Option<u32>,
    /// It went through an appliance that was killed before it was answered, so that a copy of it may still be
    /// on its way to the origin.
    orphaned: bool,
}

impl Write {
    /// Whether a copy of it that still comes may be carried out: replies are remembered for a time only.
    fn is_forgotten(&self, now: Duration) -> bool {
        let answered = self.acknowledged;
        self.orphaned || answered.is_some_and(|at| at + DUPLICATE_LIFETIME <= now)
    }
}

/// When the origin carried it out, on the clock that counts executions.
#[derive(Clone, Copy, Debug)]
struct Executions {
    first: u64,
    last: u64,
    /// Of the file, after the first.
    state: usize,
}

/// Everything that is known.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) judge: Judge,
    files: Vec<File>,
    writes: Vec<Write>,
    settings: Vec<settings::Made>,
    cuts: Vec<settings::Cut>,
    executions: u64,
    /// Changes of any file: the origin's clock for their attributes.
    changes: u32,
    /// What clients of each appliance have been told of each file.
    floors: Vec<Vec<reads::Floor>>,
}

/// The first file's number.
pub(crate) const FIRST_FILE: u64 = crate::nfs::ROOT + 1;

fn index_of(file: u64) -> usize {
    usize::try_from(file - FIRST_FILE).expect("a file's number")
}

impl Truth {
    pub(crate) fn new(judge: Judge, appliances: usize) -> Self {
        // Version 0 is nobody's.
        let nothing = Write {
            file: 0,
            bytes: 0..0,
            issued: Duration::ZERO,
            acknowledged: None,
            executions: None,
            xid: None,
            orphaned: false,
        };
        Self {
            judge,
            files: Vec::new(),
            writes: vec![nothing],
            settings: Vec::new(),
            cuts: Vec::new(),
            executions: 0,
            changes: 0,
            floors: vec![Vec::new(); appliances],
        }
    }

    /// A file that holds `size` bytes from the start; its number.
    pub(crate) fn create(&mut self, size: u64) -> u64 {
        let file = FIRST_FILE + self.files.len() as u64;
        self.files.push(File::default());
        for floors in &mut self.floors {
            floors.push(reads::Floor::default());
        }
        let version = self.begin_write(file, 0..size, Duration::ZERO);
        self.execute(version, size, true, Duration::ZERO);
        let public = Some(is_public(file));
        self.files[index_of(file)].set(None, public, (self.changes, Duration::ZERO));
        file
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = u64> + use<> {
        FIRST_FILE..FIRST_FILE + self.files.len() as u64
    }

    pub(crate) fn has(&self, file: u64) -> bool {
        self.files().any(|known| known == file)
    }

    /// How many states each file has been in.
    pub(crate) fn states(&self) -> Vec<usize> {
        self.files.iter().map(File::states).collect()
    }

    fn file(&self, file: u64) -> &File {
        &self.files[index_of(file)]
    }

    pub(crate) fn attributes(&self, file: u64) -> Attributes {
        let now = self.file(file).now();
        Attributes {
            file,
            size: now.extents.size(),
            change: now.change,
            public: now.public,
        }
    }

    /// What the origin has at a place, as far as there is anything.
    pub(crate) fn read(&self, file: u64, bytes: Range<u64>) -> Vec<u8> {
        let mut data = Vec::new();
        for (piece, version) in self.file(file).now().extents.pieces(bytes) {
            let len = usize::try_from(piece.end - piece.start).expect("a short read");
            data.extend(content(file, version, piece.start, len));
        }
        data
    }

    /// A client is about to write; the number of its WRITE.
    pub(crate) fn begin_write(&mut self, file: u64, bytes: Range<u64>, now: Duration) -> Version {
        let version = Version::try_from(self.writes.len()).expect("few writes");
        self.writes.push(Write {
            file,
            bytes,
            issued: now,
            acknowledged: None,
            executions: None,
            xid: None,
            orphaned: false,
        });
        version
    }

    /// Which WRITE these bytes are from, if from any that was ever made.
    pub(crate) fn recognise(&self, file: u64, offset: u64, data: &[u8]) -> Option<Version> {
        let found = self.writes.iter().enumerate().find(|(version, write)| {
            let version = Version::try_from(*version).expect("few writes");
            let len = usize::try_from(write.bytes.end - write.bytes.start).expect("short");
            (write.file, write.bytes.start, len) == (file, offset, data.len())
                && content(file, version, offset, len) == data
        });
        found.map(|(version, _)| Version::try_from(version).expect("few writes"))
    }

    /// The origin is sent a WRITE: under one xid, however often (I6), and by a client's repetition of it no second
    /// time.
    pub(crate) fn check_sent(&mut self, version: Version, xid: u32, now: Duration) {
        let write = &mut self.writes[version as usize];
        let first = *write.xid.get_or_insert(xid);
        let (bytes, is_same) = (write.bytes.clone(), first == xid || write.is_forgotten(now));
        self.judge.expect(is_same, || {
            format!("a WRITE of {bytes:?} is sent to the origin as {first:#x} and as {xid:#x} (I6)")
        });
    }

    /// The origin carries out the first `count` bytes of a WRITE.
    pub(crate) fn execute(&mut self, version: Version, count: u64, stable: bool, now: Duration) {
        self.check_order(version, now);
        self.executions += 1;
        self.changes += 1;
        let write = &self.writes[version as usize];
        let bytes = write.bytes.start..write.bytes.start + count;
        let file = index_of(write.file);
        self.files[file].write(bytes, version, stable, (self.changes, now));
        let (at, state) = (self.executions, self.files[file].states() - 1);
        let executions = &mut self.writes[version as usize].executions;
        match executions {
            Some(executions) => executions.last = at,
            None => {
                *executions = Some(Executions {
                    first: at,
                    last: at,
                    state,
                });
            }
        }
    }

    /// The origin makes a file's data stable.
    pub(crate) fn commit(&mut self, file: u64) {
        self.files[index_of(file)].commit();
    }

    /// The origin dies, and has only what is stable when it is back.
    pub(crate) fn lose_unstable(&mut self, now: Duration) {
        for file in &mut self.files {
            self.changes += 1;
            file.lose_unstable((self.changes, now));
        }
    }

    /// An old WRITE must not come after a new one that was made when it had been answered.
    fn check_order(&self, version: Version, now: Duration) {
        let write = &self.writes[version as usize];
        let (Some(acknowledged), false) = (write.acknowledged, write.is_forgotten(now)) else {
            return;
        };
        let overtaken = self.writes.iter().find(|other| {
            other.file == write.file
                && other.issued > acknowledged
                && other.executions.is_some()
                && other.bytes.start < write.bytes.end
                && write.bytes.start < other.bytes.end
        });
        if let Some(other) = overtaken {
            self.judge.wrong(|| {
                format!(
                    "a WRITE of {:?} that was answered at {acknowledged:?} is executed again, after one of {:?} \
                     made at {:?}",
                    write.bytes, other.bytes, other.issued
                )
            });
        }
    }
}
