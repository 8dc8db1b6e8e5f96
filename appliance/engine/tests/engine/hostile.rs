//! Port scans and floods of SYNs, half-open and idle connections: those who are connected are served on, and when
//! it is over nothing is left of it.

use std::net::Ipv4Addr;
use std::time::Duration;

use nfs3_types::nfs3::{nfs_fh3, stable_how};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr,
    TcpSeqNumber,
};

use crate::world::operations::pattern;
use crate::world::{BLOCK, CLIENT_PORT, HeldWire, Setup, World};

const APPLIANCE_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 1, 1]);
const APPLIANCE: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 1);
const ATTACKER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 1, 200]);

/// A segment from a made-up address of the client network.
fn segment(from: (u8, u16), to: u16, control: TcpControl, ack: Option<i32>) -> Vec<u8> {
    let source = Ipv4Addr::new(10, 77, 1, from.0);
    let tcp = TcpRepr {
        src_port: from.1,
        dst_port: to,
        control,
        seq_number: TcpSeqNumber(1000),
        ack_number: ack.map(TcpSeqNumber),
        window_len: 1000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let ip = Ipv4Repr {
        src_addr: source,
        dst_addr: APPLIANCE,
        next_header: IpProtocol::Tcp,
        payload_len: tcp.buffer_len(),
        hop_limit: 64,
    };
    let sums = ChecksumCapabilities::default();
    let mut bytes = framed(EthernetProtocol::Ipv4, ip.buffer_len() + tcp.buffer_len());
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[14..]);
    ip.emit(&mut packet, &sums);
    let mut payload = TcpPacket::new_unchecked(packet.payload_mut());
    let (source, target) = (IpAddress::Ipv4(source), IpAddress::Ipv4(APPLIANCE));
    tcp.emit(&mut payload, &source, &target, &sums);
    bytes
}

/// Makes the appliance believe that the address is the attacker's.
fn claim(host: u8) -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: ATTACKER_MAC,
        source_protocol_addr: Ipv4Addr::new(10, 77, 1, host),
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: APPLIANCE,
    };
    let mut bytes = framed(EthernetProtocol::Arp, arp.buffer_len());
    arp.emit(&mut ArpPacket::new_unchecked(&mut bytes[14..]));
    bytes
}

fn framed(ethertype: EthernetProtocol, payload_len: usize) -> Vec<u8> {
    let ethernet = EthernetRepr {
        src_addr: ATTACKER_MAC,
        dst_addr: APPLIANCE_MAC,
        ethertype,
    };
    let mut bytes = vec![0; ethernet.buffer_len() + payload_len];
    ethernet.emit(&mut EthernetFrame::new_unchecked(&mut bytes));
    bytes
}

/// A client that is served while somebody else attacks.
struct Served {
    world: World<HeldWire>,
    client: usize,
    file: nfs_fh3,
    len: usize,
}

impl Served {
    fn begin() -> Self {
        let mut world = World::new(Setup::default());
        world.origin.export.put("file", b"");
        let client = world.connect();
        let root = world.mount(client);
        let file = world.lookup(client, &root, "file");
        Self {
            world,
            client,
            file,
            len: 0,
        }
    }

    fn inject(&mut self, frame: Vec<u8>) {
        let now = self.world.now;
        self.world.links[CLIENT_PORT]
            .to_engine
            .carry(now, frame, Vec::new());
    }

    /// A block is written, and everything is read back.
    fn serve(&mut self) {
        let data = pattern(self.len as u64, BLOCK);
        let Self {
            world,
            client,
            file,
            ..
        } = self;
        world.write(*client, file, self.len, &data, stable_how::FILE_SYNC);
        self.len += BLOCK;
        let all = self.world.read_all(self.client, &self.file, BLOCK);
        assert!(all == self.world.origin.export.data("file"));
        assert_eq!(all.len(), self.len);
    }

    /// Nothing is left, and a newcomer is served.
    fn end(mut self) {
        self.serve();
        self.world.run_for(Duration::from_secs(120));
        let stats = self.world.engine.stats();
        assert_eq!(stats.clients, 1, "only the served one");
        let newcomer = self.world.connect();
        let all = self.world.read_all(newcomer, &self.file, BLOCK);
        assert_eq!(all.len(), self.len);
        self.world.assert_at_rest();
    }
}

#[test]
fn a_scan_of_all_ports() {
    let mut served = Served::begin();
    served.inject(claim(66));
    let resets = served.world.engine.stats().ports[CLIENT_PORT].resets_out;
    for port in 1..=u16::MAX {
        // By SYN, and with what the stealthy send: ACK, FIN, nothing.
        let frame = match port % 4 {
            0 | 1 => segment((66, 6666), port, TcpControl::Syn, None),
            2 => segment((66, 6666), port, TcpControl::None, Some(77)),
            _ => segment((66, 6666), port, TcpControl::Fin, None),
        };
        served.inject(frame);
        if port % 32 == 0 {
            served.world.run_for(Duration::from_millis(1));
        }
        if port % 8192 == 0 {
            served.serve();
        }
    }
    served.world.run_for(Duration::from_secs(1));
    let stats = served.world.engine.stats();
    assert_eq!(stats.clients, 1, "half-open connections are no clients");
    assert!(
        stats.ports[CLIENT_PORT].resets_out > resets + 60_000,
        "closed ports say so"
    );
    served.end();
}

#[test]
fn a_flood_of_syns_from_everywhere() {
    let mut served = Served::begin();
    for host in 100..=250 {
        served.inject(claim(host));
    }
    served.world.run_for(Duration::from_millis(1));
    for number in 0..50_000_u32 {
        let host = 100 + u8::try_from(number % 151).expect("a host");
        let port = 1024 + u16::try_from(number / 151).expect("a port");
        served.inject(segment((host, port), 2049, TcpControl::Syn, None));
        if number % 32 == 0 {
            served.world.run_for(Duration::from_millis(1));
        }
        if number % 5000 == 0 {
            served.serve();
        }
    }
    let stats = served.world.engine.stats();
    assert_eq!(stats.clients, 1, "half-open connections are no clients");
    assert!(
        stats.ports[CLIENT_PORT].frames_in > 50_000,
        "it came through"
    );
    served.end();
}

#[test]
fn connections_that_are_opened_and_reset_over_and_over() {
    let mut served = Served::begin();
    served.inject(claim(66));
    for number in 0..20_000_u16 {
        let from = (66, 1024 + number);
        served.inject(segment(from, 2049, TcpControl::Syn, None));
        served.inject(segment(from, 2049, TcpControl::Rst, None));
        if number % 16 == 0 {
            served.world.run_for(Duration::from_millis(1));
        }
        if number % 5000 == 0 {
            served.serve();
        }
    }
    served.end();
}

#[test]
fn idle_connections_and_calls_that_never_end() {
    let mut served = Served::begin();
    let root = {
        let Served { world, client, .. } = &mut served;
        world.mount(*client)
    };
    let mut attackers = Vec::new();
    for number in 0..40 {
        let attacker = served.world.connect();
        let Served { world, .. } = &mut served;
        match number % 4 {
            0 => {}
            1 => world.write_partly(attacker, &root, &pattern(1, BLOCK), 200 + number),
            // A mark, and a part of one.
            2 => world.send_raw(attacker, &[0x80, 0, 1, 0]),
            _ => world.send_raw(attacker, &[0x80, 0]),
        }
        attackers.push(attacker);
    }
    for _ in 0..3 {
        served.world.run_for(Duration::from_secs(30));
        served.serve();
    }
    // Those that say nothing may stay; those that have begun a call and do not go on are gone.
    assert_eq!(served.world.engine.stats().clients, 11);
    for attacker in attackers {
        let is_there = served.world.clients[attacker].closed.is_none();
        assert_eq!(is_there, attacker % 4 == 1, "attacker {attacker}");
        if is_there {
            served.world.reset(attacker);
        }
    }
    served.world.run_for(Duration::from_secs(1));
    served.end();
}

#[test]
fn garbage_closes_its_connection_and_no_other() {
    let mut served = Served::begin();
    for garbage in [
        [0x7f; 64].as_slice(),
        b"GET / HTTP/1.0\r\n\r\n",
        &[0; 300_000],
        &[0x80, 0, 0, 4, 1, 2, 3, 4],
    ] {
        let attacker = served.world.connect();
        served.world.send_raw(attacker, garbage);
        let closed = |world: &World<HeldWire>| world.clients[attacker].closed.is_some();
        served.world.run_until("the end of the connection", closed);
        served.serve();
    }
    served.end();
}
