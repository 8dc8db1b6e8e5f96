//! Pseudo-random byte streams of which any part can be made or checked anywhere,
//! and what the kernel's side of a connection does with them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use super::harness::link::Random;

/// Far beyond what any test takes, so that a hang becomes a failure.
pub const GIVE_UP: Duration = Duration::from_secs(50);

/// Who sends on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Both at once.
    Together,
    /// The stack once the kernel has sent everything and FIN.
    KernelFirst,
    /// The kernel once the stack has sent everything and FIN.
    StackFirst,
}

/// What one connection carries.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub to_stack: usize,
    pub to_kernel: usize,
    pub order: Order,
}

/// The streams of one connection are told apart by the client's port.
pub fn to_stack(client_port: u16) -> Stream {
    Stream(u64::from(client_port))
}

/// See [`to_stack`].
pub fn to_kernel(client_port: u16) -> Stream {
    Stream(u64::from(client_port) | 1 << 16)
}

#[derive(Clone, Copy, Debug)]
pub struct Stream(u64);

impl Stream {
    /// The bytes of the stream from `offset` on.
    pub fn fill(self, offset: usize, bytes: &mut [u8]) {
        let mut word = [0; 8];
        for (at, byte) in (offset..).zip(bytes) {
            if at % 8 == 0 || at == offset {
                word = Random(self.0 << 32 ^ (at / 8) as u64).next().to_le_bytes();
            }
            *byte = word[at % 8];
        }
    }

    /// Fails unless `bytes` are what the stream has at `offset`.
    pub fn check(self, offset: usize, bytes: &[u8]) {
        let mut expected = vec![0; bytes.len()];
        self.fill(offset, &mut expected);
        if let Some(at) = (0..bytes.len()).find(|&at| bytes[at] != expected[at]) {
            panic!("{self:?}: byte {} is wrong", offset + at);
        }
    }
}

/// The kernel's side of a connection, to its end.
pub fn carry_out(plan: Plan, stream: &TcpStream, client_port: u16) {
    stream.set_read_timeout(Some(GIVE_UP)).expect("a time-out");
    stream.set_write_timeout(Some(GIVE_UP)).expect("a time-out");
    let send = || send(stream, to_stack(client_port), plan.to_stack);
    let receive = || receive(stream, to_kernel(client_port), plan.to_kernel);
    match plan.order {
        Order::Together => thread::scope(|scope| {
            scope.spawn(send);
            receive();
        }),
        Order::KernelFirst => {
            send();
            receive();
        }
        Order::StackFirst => {
            receive();
            send();
        }
    }
}

fn send(mut socket: &TcpStream, stream: Stream, len: usize) {
    let mut bytes = [0; 20_000];
    let mut offset = 0;
    while offset < len {
        let part = &mut bytes[..(len - offset).min(20_000)];
        stream.fill(offset, part);
        socket.write_all(part).expect("the stack takes our bytes");
        offset += part.len();
    }
    socket.shutdown(Shutdown::Write).expect("a half-close");
}

fn receive(mut socket: &TcpStream, stream: Stream, len: usize) {
    let mut bytes = [0; 20_000];
    let mut offset = 0;
    loop {
        let count = socket.read(&mut bytes).expect("bytes from the stack");
        if count == 0 {
            break;
        }
        stream.check(offset, &bytes[..count]);
        offset += count;
    }
    assert_eq!(offset, len, "bytes from the stack before its FIN");
}

#[test]
fn a_stream_is_the_same_in_whatever_parts() {
    let mut whole = [0; 100];
    to_stack(7).fill(0, &mut whole);
    for cut in 0..100 {
        to_stack(7).check(0, &whole[..cut]);
        to_stack(7).check(cut, &whole[cut..]);
    }
    let mut other = [0; 100];
    to_kernel(7).fill(0, &mut other);
    assert_ne!(whole, other);
}
