//! What a program pays that sends through Linux: `send()`, and sealing before it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use aws_lc_rs::aead::{AES_128_GCM, LessSafeKey, UnboundKey};
use dpdk::tsc;
use engine::limits::SLOT_SIZE;
use rustix::time::{ClockId, clock_gettime};
use tls::limits::{CONTENT, SEALED_OVERHEAD};

use super::seal::seal_raw;
use crate::{BLOCK_BYTES, Source, pin};

/// Blocks in a round.
const BLOCKS: usize = 96;

/// A connection over the loopback device to a thread that reads and forgets.
pub(super) struct KernelSender {
    stream: TcpStream,
    source: Source,
    key: LessSafeKey,
    sequence: u64,
    records: Vec<u8>,
}

impl KernelSender {
    /// Sends the blocks of `source`; whoever reads is bound to `reader_core`, if there is
    /// one, so that reading does not take the sender's time.
    pub(super) fn new(source: Source, reader_core: Option<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).expect("the loopback device");
        let (mut accepted, _) = listener.accept().expect("the connection just made");
        // Ends when the sender is dropped.
        thread::spawn(move || {
            if let Some(core) = reader_core {
                pin(core);
            }
            let mut buffer = vec![0; 256 << 10];
            while accepted.read(&mut buffer).is_ok_and(|len| len > 0) {}
        });
        stream.set_nodelay(true).expect("a socket");
        let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).expect("a key of 16 bytes");
        Self {
            stream,
            source,
            key: LessSafeKey::new(key),
            sequence: 0,
            records: vec![0; BLOCK_BYTES / CONTENT * SLOT_SIZE],
        }
    }

    /// Ticks of the sending thread for a block sent as it is.
    pub(super) fn sample_clear(&mut self) -> f64 {
        let start = thread_ticks();
        for _ in 0..BLOCKS {
            let block = self.source.advance().as_slice();
            self.stream.write_all(block).expect("it is read");
        }
        (thread_ticks() - start) / BLOCKS as f64
    }

    /// Ticks of the sending thread for a block sealed in one pass, as four records, and
    /// sent with one call.
    pub(super) fn sample_sealed(&mut self) -> f64 {
        let start = thread_ticks();
        for _ in 0..BLOCKS {
            let block = self.source.advance().as_slice();
            let mut len = 0;
            for content in block.chunks(CONTENT) {
                let record = &mut self.records[len..len + content.len() + SEALED_OVERHEAD];
                let (header, body) = record.split_at_mut(tls::limits::HEADER);
                header.copy_from_slice(&[23, 3, 3, 64, 17]);
                seal_raw(&self.key, self.sequence, content, body);
                self.sequence += 1;
                len += content.len() + SEALED_OVERHEAD;
            }
            self.stream
                .write_all(&self.records[..len])
                .expect("it is read");
        }
        (thread_ticks() - start) / BLOCKS as f64
    }
}

/// Time that the calling thread has run, system calls included, in ticks.
fn thread_ticks() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let nanoseconds = time.tv_sec as f64 * 1e9 + time.tv_nsec as f64;
    nanoseconds * tsc::hz() as f64 / 1e9
}
