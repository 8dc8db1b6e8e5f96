//! One stack and a peer that does exactly what a test says.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use net::{Config, ConnectionId, Event, Limits, Offload, RxChecksums, Stack};
use smoltcp::wire::ArpOperation;

use super::buffers::{Received, Sent, Shared, Sink, Sources};
use super::frames::{
    OUR_ADDRESS, OUR_MAC, PEER_ADDRESS, PEER_MAC, Tcp, arp_frame, is_arp, read_tcp, tcp_frame,
};

pub const OUR_PORT: u16 = 2049;
pub const PEER_PORT: u16 = 700;

pub fn config() -> Config {
    Config {
        mac: OUR_MAC,
        address: OUR_ADDRESS,
        prefix_len: 24,
        gateway: Some(std::net::Ipv4Addr::new(10, 0, 0, 254)),
        mtu: 1500,
        offload: Offload::default(),
        secret: [7; 16],
        limits: Limits {
            connections: 16,
            backlog: 4,
            ..Limits::default()
        },
    }
}

pub struct Peer {
    pub stack: Stack<Received, Shared>,
    pub now: Duration,
    pub sources: Sources,
    pub sink: Sink,
    pub live: Rc<Cell<usize>>,
    pub checksums: RxChecksums,
    /// The connection under test, as the script sees it.
    pub id: Option<ConnectionId>,
    /// The next sequence number of the peer, and what it acknowledges.
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    /// The peer's timestamp clock, if it uses any, and what it echoes.
    pub clock: Option<u32>,
    pub echo: u32,
    /// Answer ARP requests once introduced, so that they do not clutter scripts.
    pub answers_arp: bool,
}

impl Default for Peer {
    fn default() -> Self {
        Self::new(config())
    }
}

impl Peer {
    pub fn new(config: Config) -> Self {
        Self {
            stack: Stack::new(config).unwrap(),
            now: Duration::from_secs(1000),
            sources: Sources::default(),
            sink: Sink {
                frames: Vec::new(),
                room: usize::MAX,
            },
            live: Rc::default(),
            checksums: RxChecksums::default(),
            id: None,
            seq: 5000,
            ack: 0,
            window: 65_535,
            clock: None,
            echo: 0,
            answers_arp: false,
        }
    }

    /// Lets `time` pass, running every timer on the way.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        self.transmit();
        while let Some(at) = self.stack.poll_timeout()
            && at <= end
        {
            self.now = self.now.max(at);
            self.stack.handle_timeout(self.now);
            self.transmit();
        }
        self.now = end;
        self.transmit();
    }

    pub fn inject(&mut self, frame: Vec<u8>) {
        let head = Received::new(frame, &self.live);
        self.stack
            .handle_frame(head, std::iter::empty(), self.checksums, self.now);
    }

    /// Injects a frame cut into pieces at the given positions.
    pub fn inject_cut(&mut self, frame: &[u8], cuts: &[usize]) {
        let mut pieces = Vec::new();
        let mut start = 0;
        for end in cuts.iter().copied().chain([frame.len()]) {
            pieces.push(Received::new(frame[start..end].to_vec(), &self.live));
            start = end;
        }
        let head = pieces.remove(0);
        self.stack
            .handle_frame(head, pieces.into_iter(), self.checksums, self.now);
    }

    fn transmit(&mut self) {
        self.stack
            .poll_transmit(self.now, &mut self.sources, &mut self.sink);
        let request = |frame: &Sent| is_arp(&frame.header) && frame.header[20..22] == [0, 1];
        let asked = self.answers_arp && self.sink.frames.iter().any(request);
        if asked {
            self.sink.frames.retain(|frame| !request(frame));
            self.inject(arp_frame(
                ArpOperation::Reply,
                (PEER_MAC, PEER_ADDRESS),
                (OUR_MAC, OUR_ADDRESS),
            ));
            self.stack
                .poll_transmit(self.now, &mut self.sources, &mut self.sink);
        }
    }

    /// Sends what is due and yields every frame since the last call.
    pub fn frames(&mut self) -> Vec<Sent> {
        self.transmit();
        std::mem::take(&mut self.sink.frames)
    }

    /// As `frames`, read as TCP; anything else fails the test.
    pub fn segments(&mut self) -> Vec<Tcp> {
        let segments: Vec<Tcp> = self
            .frames()
            .iter()
            .map(|frame| read_tcp(&frame.bytes()))
            .collect();
        if let Some((value, _)) = segments.last().and_then(|last| last.timestamps) {
            self.echo = value;
        }
        segments
    }

    /// The one segment that must be due.
    pub fn segment(&mut self) -> Tcp {
        let mut segments = self.segments();
        assert_eq!(segments.len(), 1, "{segments:?}");
        segments.remove(0)
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.stack.poll_event()).collect()
    }

    /// A segment of the peer with the running numbers.
    pub fn tcp(&self, flags: &str, data: &[u8]) -> Tcp {
        Tcp {
            from: PEER_PORT,
            to: OUR_PORT,
            flags: flags.into(),
            seq: self.seq,
            ack: self.ack,
            window: self.window,
            mss: None,
            scale: None,
            timestamps: self.clock.map(|clock| (clock, self.echo)),
            sack_permitted: false,
            sack: Vec::new(),
            data: data.to_vec(),
        }
    }

    pub fn send(&mut self, tcp: &Tcp) {
        self.inject(tcp_frame(tcp));
    }

    /// The peer sends the next bytes of its stream.
    pub fn send_data(&mut self, data: &[u8]) {
        let segment = self.tcp(".P", data);
        self.send(&segment);
        self.seq = self.seq.wrapping_add(u32::try_from(data.len()).unwrap());
    }

    /// The peer acknowledges everything up to `ack`.
    pub fn send_ack(&mut self, ack: u32) {
        self.ack = ack;
        let segment = self.tcp(".", &[]);
        self.send(&segment);
    }

    /// The peer's address becomes known as it asks for ours.
    pub fn introduce(&mut self) {
        self.inject(arp_frame(
            ArpOperation::Request,
            (PEER_MAC, PEER_ADDRESS),
            ([0; 6], OUR_ADDRESS),
        ));
        let frames = self.frames();
        assert!(frames.len() == 1 && is_arp(&frames[0].header));
        self.answers_arp = true;
    }

    pub fn syn(&self) -> Tcp {
        Tcp {
            mss: Some(1460),
            ack: 0,
            ..self.tcp("S", &[])
        }
    }

    /// Brings a connection opened by the peer to ESTABLISHED, with `syn`.
    pub fn accept_with(&mut self, syn: &Tcp) -> ConnectionId {
        self.introduce();
        self.stack.listen(OUR_PORT);
        self.send(syn);
        let answer = self.segment();
        assert_eq!(answer.flags, "S.");
        self.seq = self.seq.wrapping_add(1);
        self.send_ack(answer.seq.wrapping_add(1));
        let events = self.events();
        let [Event::Accepted { connection, .. }] = events[..] else {
            panic!("{events:?}");
        };
        assert!(self.segments().is_empty());
        self.id = Some(connection);
        connection
    }

    /// A peer that permits selective acknowledgements.
    pub fn accept_sack(&mut self) -> ConnectionId {
        let syn = Tcp {
            sack_permitted: true,
            ..self.syn()
        };
        self.accept_with(&syn)
    }

    /// A peer without window scaling, timestamps and selective acknowledgements.
    pub fn accept(&mut self) -> ConnectionId {
        let syn = self.syn();
        self.accept_with(&syn)
    }

    pub fn connection(&self) -> ConnectionId {
        self.id.unwrap()
    }

    /// Hands the stack `bytes` to send.
    pub fn write(&mut self, bytes: &[u8]) {
        let id = self.connection();
        self.sources.push(id, Shared::new(bytes));
        self.stack.wake(id);
    }

    /// Reads everything that is there.
    pub fn read(&mut self) -> Vec<u8> {
        let id = self.connection();
        let mut all = Vec::new();
        while let Some(bytes) = self.stack.peek(id) {
            all.extend(bytes);
            let count = bytes.len();
            self.stack.consume(id, count);
        }
        all
    }
}

/// Bytes that differ from their neighbours at every distance that matters.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap())
        .collect()
}
