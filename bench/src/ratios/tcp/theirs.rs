//! smoltcp, both ends in one interface.

use std::cell::RefCell;
use std::collections::VecDeque;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, ChecksumCapabilities, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use super::{CHUNK, FRAME};

/// Bytes of each socket's buffers.
const BUFFER: usize = 256 << 10;

pub(super) struct TheirPair {
    wire: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    sender: SocketHandle,
    receiver: SocketHandle,
    now: Instant,
    data: Vec<u8>,
    read: Vec<u8>,
}

impl TheirPair {
    pub(super) fn new() -> Self {
        let mut wire = Wire::default();
        let address = EthernetAddress([2, 0, 0, 0, 0, 1]);
        let now = Instant::from_micros(1_000_000);
        let mut interface = Interface::new(Config::new(address.into()), &mut wire, now);
        let localhost = IpAddress::v4(127, 0, 0, 1);
        interface.update_ip_addrs(|addresses| {
            addresses
                .push(IpCidr::new(localhost, 8))
                .expect("room for an address");
        });
        let socket = || {
            let buffer = || SocketBuffer::new(vec![0; BUFFER]);
            Socket::new(buffer(), buffer())
        };
        let mut sockets = SocketSet::new(vec![]);
        let (receiver, sender) = (sockets.add(socket()), sockets.add(socket()));
        let listening = sockets.get_mut::<Socket>(receiver).listen(2049);
        listening.expect("a port");
        sockets
            .get_mut::<Socket>(sender)
            .connect(interface.context(), (localhost, 2049), 1023)
            .expect("an endpoint");
        let mut pair = Self {
            wire,
            interface,
            sockets,
            sender,
            receiver,
            now,
            data: vec![0x5a; CHUNK],
            read: vec![0; CHUNK],
        };
        for _ in 0..100 {
            pair.poll();
        }
        let is_open = |handle| pair.sockets.get::<Socket>(handle).may_send();
        assert!(is_open(sender) && is_open(receiver), "connected");
        pair
    }

    fn poll(&mut self) {
        self.now += smoltcp::time::Duration::from_micros(5);
        self.interface
            .poll(self.now, &mut self.wire, &mut self.sockets);
    }

    /// Carries so many bytes from one end to the other.
    pub(super) fn carry(&mut self, bytes: usize) {
        let (mut sent, mut read) = (0, 0);
        while read < bytes {
            let sender = self.sockets.get_mut::<Socket>(self.sender);
            while sent < bytes && sender.can_send() {
                let take = (bytes - sent).min(CHUNK);
                sent += sender.send_slice(&self.data[..take]).expect("it is open");
            }
            self.poll();
            let receiver = self.sockets.get_mut::<Socket>(self.receiver);
            while receiver.can_recv() {
                read += receiver.recv_slice(&mut self.read).expect("it is open");
            }
        }
    }
}

/// Frames on their way, and buffers that are free again.
#[derive(Default)]
struct Wire {
    frames: VecDeque<Buffer>,
    spare: RefCell<Vec<Buffer>>,
}

/// Memory for any frame: as it keeps its length, it is filled with zeros only once.
struct Buffer {
    memory: Box<[u8; FRAME]>,
    len: usize,
}

/// One frame that has arrived.
struct Arrived<'a> {
    frame: Buffer,
    spare: &'a RefCell<Vec<Buffer>>,
}

/// Room for one to be sent.
struct Leaving<'a> {
    frames: &'a mut VecDeque<Buffer>,
    spare: &'a RefCell<Vec<Buffer>>,
}

impl Device for Wire {
    type RxToken<'a> = Arrived<'a>;
    type TxToken<'a> = Leaving<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Arrived<'_>, Leaving<'_>)> {
        let frame = self.frames.pop_front()?;
        let Self { frames, spare } = self;
        let spare = &*spare;
        Some((Arrived { frame, spare }, Leaving { frames, spare }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Leaving<'_>> {
        let Self { frames, spare } = self;
        Some(Leaving { frames, spare })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities
    }
}

impl phy::RxToken for Arrived<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        let result = take(&self.frame.memory[..self.frame.len]);
        self.spare.borrow_mut().push(self.frame);
        result
    }
}

impl phy::TxToken for Leaving<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let spare = self.spare.borrow_mut().pop();
        let mut buffer = spare.unwrap_or_else(|| Buffer {
            memory: Box::new([0; FRAME]),
            len: 0,
        });
        buffer.len = len;
        let result = fill(&mut buffer.memory[..len]);
        self.frames.push_back(buffer);
        result
    }
}
