//! One connection's calls and replies, whatever carries the bytes.

use std::rc::Rc;
use std::time::Duration;

use nfs::nfs3::results;
use nfs::record::{Piece, RecordError, RecordLimits, RecordReader};
use nfs::rpc::{ErrorReply, decode_reply};
use nfs::xdr::{Reader, XdrError};

use super::calls::Calls;
use super::stamp;
use super::workload::{Kind, Operation};

/// Bytes of a reply that are kept to be looked at: more than stands before a READ's data.
const HEAD_MAX: usize = 256;

/// What may be in a reply besides the data.
const OVERHEAD_MAX: u32 = 4096;

/// A reply that is not what it must be.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// No record.
    #[error("the stream is broken: {0}")]
    Record(#[from] RecordError),
    /// No reply.
    #[error("a reply cannot be read: {0}")]
    Xdr(#[from] XdrError),
    /// To no call in flight.
    #[error("a reply to no call: xid {0:#010x}")]
    Unexpected(u32),
    /// RPC refused the call.
    #[error("{} was refused: {error}", .kind.name())]
    Refused {
        /// What was called.
        kind: Kind,
        /// Why.
        error: ErrorReply,
    },
    /// NFS refused the call.
    #[error("{} failed with NFS status {status}", .kind.name())]
    Failed {
        /// What was called.
        kind: Kind,
        /// The status (RFC 1813 section 2.6).
        status: u32,
    },
    /// Less was done than was asked for.
    #[error("{} of {wanted} bytes gave {count}", .kind.name())]
    Short {
        /// What was called.
        kind: Kind,
        /// Bytes asked for.
        wanted: usize,
        /// Bytes done.
        count: usize,
    },
    /// A READ gave other bytes.
    #[error("file {file} has other bytes at {offset} than were written")]
    OtherBytes {
        /// Number of the file.
        file: u32,
        /// Where.
        offset: u64,
    },
}

/// A call that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// What it did.
    pub kind: Kind,
    /// From when it was due.
    pub latency: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    xid: u32,
    operation: Operation,
    due: Duration,
}

/// Makes calls on one connection and takes the replies.
#[derive(Debug)]
pub struct Caller {
    calls: Rc<Calls>,
    flights: Vec<Option<Flight>>,
    free: Vec<usize>,
    serial: u32,
    records: RecordReader,
    head: Vec<u8>,
    record_len: usize,
}

impl Caller {
    /// A caller with at most `depth` calls in flight.
    pub fn new(calls: Rc<Calls>, depth: u16) -> Self {
        let record = u32::try_from(calls.size()).unwrap_or(u32::MAX);
        let limits = RecordLimits {
            record: record.saturating_add(OVERHEAD_MAX),
            ..RecordLimits::default()
        };
        Self {
            calls,
            flights: vec![None; usize::from(depth)],
            free: (0..usize::from(depth)).collect(),
            serial: 0,
            records: RecordReader::new(limits),
            head: Vec::with_capacity(HEAD_MAX),
            record_len: 0,
        }
    }

    /// Whether one more call may be made.
    pub fn has_room(&self) -> bool {
        !self.free.is_empty()
    }

    /// Calls in flight.
    pub fn in_flight(&self) -> usize {
        self.flights.len() - self.free.len()
    }

    /// The calls in flight, and when they were due.
    pub fn waiting(&self) -> impl Iterator<Item = (Kind, Duration)> {
        let flights = self.flights.iter().flatten();
        flights.map(|flight| (flight.operation.kind, flight.due))
    }

    /// Makes a call that was due at `due`; its bytes go behind `out`. Only with room.
    pub fn begin(&mut self, operation: Operation, due: Duration, out: &mut Vec<u8>) {
        let slot = self.free.pop().expect("room was asked about");
        self.serial = self.serial.wrapping_add(1);
        let xid = (self.serial << 16) | u32::try_from(slot).expect("of a u16");
        self.calls.append(operation, xid, out);
        self.flights[slot] = Some(Flight {
            xid,
            operation,
            due,
        });
    }

    /// Takes bytes that have arrived, and tells `done` of every call that is answered by them.
    pub fn receive(
        &mut self,
        mut bytes: &[u8],
        now: Duration,
        done: &mut impl FnMut(Done),
    ) -> Result<(), ReplyError> {
        while !bytes.is_empty() {
            let (taken, piece) = self.records.next(bytes)?;
            bytes = &bytes[taken..];
            let Some(Piece {
                bytes: piece,
                end_of_record,
            }) = piece
            else {
                continue;
            };
            let room = (HEAD_MAX - self.head.len()).min(piece.len());
            self.head.extend_from_slice(&piece[..room]);
            self.record_len += piece.len();
            if end_of_record {
                let flight = self.settle()?;
                self.head.clear();
                self.record_len = 0;
                done(Done {
                    kind: flight.operation.kind,
                    latency: now.saturating_sub(flight.due),
                });
            }
        }
        Ok(())
    }

    /// Looks at a whole reply.
    fn settle(&mut self) -> Result<Flight, ReplyError> {
        let mut reader = Reader::contiguous(&self.head);
        let header = decode_reply(&mut reader)?;
        let slot = usize::try_from(header.xid & 0xffff).unwrap_or(usize::MAX);
        let flight = self
            .flights
            .get(slot)
            .copied()
            .flatten()
            .filter(|flight| flight.xid == header.xid)
            .ok_or(ReplyError::Unexpected(header.xid))?;
        let kind = flight.operation.kind;
        header
            .outcome
            .map_err(|error| ReplyError::Refused { kind, error })?;
        self.judge(flight.operation, reader)?;
        self.flights[slot] = None;
        self.free.push(slot);
        Ok(flight)
    }

    fn judge(&self, operation: Operation, mut reader: Reader<'_>) -> Result<(), ReplyError> {
        let Operation { kind, file, offset } = operation;
        let wanted = self.calls.size();
        let (status, count) = match kind {
            Kind::Getattr => (results::getattr(&mut reader)?.status, wanted),
            Kind::Write => {
                let write = results::write(&mut reader)?;
                let count = write.written.map_or(0, |written| written.count);
                (write.status, usize::try_from(count).unwrap_or(usize::MAX))
            }
            Kind::Read => {
                let max = u32::try_from(wanted).unwrap_or(u32::MAX);
                let read = results::read_head(&mut reader, max)?;
                let before = reader.position();
                let arrived = self.record_len.saturating_sub(before).min(wanted);
                let data = &self.head[before.min(self.head.len())..];
                if read.status.is_ok()
                    && !stamp::fits(&data[..data.len().min(arrived)], file, offset)
                {
                    return Err(ReplyError::OtherBytes { file, offset });
                }
                let count = usize::try_from(read.count).unwrap_or(usize::MAX);
                (read.status, count.min(arrived))
            }
        };
        if !status.is_ok() {
            let status = status.0;
            return Err(ReplyError::Failed { kind, status });
        }
        if count != wanted {
            return Err(ReplyError::Short {
                kind,
                wanted,
                count,
            });
        }
        Ok(())
    }
}
