//! Records after the handshake. The input says which role and suite, and then what the two sides do and what somebody
//! in the middle does: data both ways in pieces of any lengths, new keys, goodbyes; and records that are bent, lost,
//! repeated or made up. Ours must give the oracle's data as it is and nothing else, and the oracle ours.

use arbitrary::{Result, Unstructured};
use tls::{PeerKeys, TlsError, limits};

use crate::tls_peers::oracle::Oracle;
use crate::tls_peers::ours::Ours;
use crate::tls_peers::peers;

const EVENTS: usize = 64;

/// New keys that either side may ask for: a peer that does so without sending data is refused in the end.
const KEY_UPDATES: usize = 8;

pub fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let mut pair = Pair::new(input.arbitrary().unwrap_or(0));
    for _ in 0..EVENTS {
        if input.is_empty() || !pair.happen(&mut input).unwrap_or(false) {
            break;
        }
    }
}

struct Pair {
    ours: Ours,
    oracle: Oracle,
    /// Bytes written by both so far, which make the next ones differ.
    written: usize,
    key_updates: [usize; 2],
    we_closed: bool,
    oracle_closed: bool,
}

impl Pair {
    fn new(which: u8) -> Self {
        let (mut ours, mut oracle) = peers(which);
        for _ in 0..4 {
            oracle
                .receive(&std::mem::take(ours.output()))
                .expect("our flight");
            let flight = oracle.output();
            let taken = ours.handle(&flight).expect("the oracle's flight");
            assert_eq!(taken, flight.len(), "there are no tickets");
            if ours.is_complete() {
                oracle
                    .receive(&std::mem::take(ours.output()))
                    .expect("our last flight");
                break;
            }
        }
        Self {
            ours: Ours::new(ours),
            oracle,
            written: 0,
            key_updates: [0; 2],
            we_closed: false,
            oracle_closed: false,
        }
    }

    /// Whether the session goes on.
    fn happen(&mut self, input: &mut Unstructured<'_>) -> Result<bool> {
        match input.int_in_range(0..=9)? {
            0..=2 => self.hear(input)?,
            3..=5 => self.say(input)?,
            6 if !self.we_closed && self.key_updates[0] < KEY_UPDATES => {
                self.key_updates[0] += 1;
                let peer = if input.arbitrary()? {
                    PeerKeys::Update
                } else {
                    PeerKeys::Keep
                };
                self.ours.session.request_key_update(peer).expect("open");
            }
            7 if !self.oracle_closed && self.key_updates[1] < KEY_UPDATES => {
                self.key_updates[1] += 1;
                self.oracle
                    .connection
                    .refresh_traffic_keys()
                    .expect("after the handshake");
            }
            8 => {
                if input.arbitrary()? {
                    self.ours.session.close();
                    self.we_closed = true;
                } else {
                    self.oracle.connection.send_close_notify();
                    self.oracle_closed = true;
                }
            }
            9 => return self.attack(input).map(|()| false),
            _ => {}
        }
        Ok(true)
    }

    fn pattern(&mut self, len: usize) -> Vec<u8> {
        self.written += len;
        (self.written - len..self.written)
            .map(|at| (at.wrapping_mul(31) >> 3) as u8)
            .collect()
    }

    fn data(&mut self, input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
        let len = match input.arbitrary::<u8>()? {
            0..200 => usize::from(input.arbitrary::<u8>()?) + 1,
            200..240 => usize::from(input.arbitrary::<u16>()?) + 1,
            _ => limits::CONTENT,
        };
        Ok(self.pattern(len))
    }

    /// The oracle writes, and what it sends arrives in pieces.
    fn hear(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let data = self.data(input)?;
        if !self.oracle_closed {
            self.oracle.write(&data);
        }
        let wire = self.oracle.output();
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            let len = usize::from(input.arbitrary::<u16>().unwrap_or(u16::MAX)) + 1;
            let (piece, later) = rest.split_at(len.min(rest.len()));
            match self.ours.receive(piece) {
                Ok(()) => {}
                // Goodbye was the last record.
                Err(TlsError::ClosedByPeer) => assert!(self.oracle_closed),
                Err(error) => panic!("{error}"),
            }
            rest = later;
        }
        let expected = if self.oracle_closed {
            self.ours.take_data().len()
        } else {
            let heard = self.ours.take_data();
            assert!(heard == data, "{} bytes of {}", heard.len(), data.len());
            heard.len()
        };
        assert!(expected <= data.len());
        Ok(())
    }

    /// We say something, in records of any lengths.
    fn say(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let data = self.data(input)?;
        let longest = usize::from(input.arbitrary::<u8>()?) * 64 + 1 + data.len() / 64;
        let in_place = input.arbitrary()?;
        let mut wire = self.ours.control();
        for content in data.chunks(longest.min(limits::CONTENT)) {
            let start = wire.len();
            wire.resize(start + content.len() + limits::SEALED_OVERHEAD, 0);
            let record = &mut wire[start..];
            let sealed = if in_place {
                record[limits::HEADER..][..content.len()].copy_from_slice(content);
                self.ours.session.seal_in_place(content.len(), record)
            } else {
                self.ours.session.seal(content, record)
            };
            match sealed {
                Ok(len) => assert_eq!(len, record.len()),
                Err(TlsError::Closed) => {
                    assert!(self.we_closed);
                    wire.truncate(start);
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        self.oracle.receive(&wire).expect("our records");
        let heard = self.oracle.take_data();
        assert!(heard == data || self.we_closed && heard.is_empty());
        Ok(())
    }

    /// What does not come from the oracle, or not as it sent it, ends the session and is never data.
    fn attack(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let whole = self.data(input)?;
        if self.oracle_closed {
            return Ok(());
        }
        // What waits, new keys perhaps, goes first.
        self.oracle.write(b".");
        let waiting = self.oracle.output();
        self.ours.receive(&waiting).expect("untouched");
        self.ours.take_data();

        self.oracle.write(&whole);
        let mut wire = self.oracle.output();
        let before = wire.clone();
        let at = input.choose_index(wire.len())?;
        match input.int_in_range(0..=4)? {
            0 => wire[at] ^= 1 << input.int_in_range(0..=7)?,
            1 => {
                // The first record is lost.
                let len = record_len(&wire);
                wire.drain(..len);
                self.oracle.write(&whole);
                wire.extend(self.oracle.output());
            }
            2 => {
                // It comes twice.
                let again = wire[..record_len(&wire)].to_vec();
                wire.splice(0..0, again);
            }
            3 => {
                let len = usize::from(input.arbitrary::<u8>()?).min(input.len());
                let made_up = input.bytes(len)?;
                wire.splice(0..0, made_up.iter().copied());
            }
            _ => {
                wire.truncate(at);
                let len = usize::from(input.arbitrary::<u8>()?).min(input.len());
                wire.extend(input.bytes(len)?);
            }
        }
        if wire == before {
            return Ok(());
        }
        let outcome = self.ours.receive(&wire);
        let heard = self.ours.take_data();
        assert!(
            heard.len() <= whole.len() && heard == whole[..heard.len()],
            "what was not sent is data"
        );
        if let Err(error) = outcome {
            assert_eq!(self.ours.receive(&before).err().as_ref(), Some(&error));
            assert!(self.ours.take_data().is_empty(), "failure lasts");
            assert_eq!(self.ours.session.seal(b"more", &mut [0; 64]), Err(error));
        }
        Ok(())
    }
}

fn record_len(wire: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([wire[3], wire[4]])) + limits::HEADER
}
