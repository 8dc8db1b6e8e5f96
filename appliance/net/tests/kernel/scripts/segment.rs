//! One segment of a script's peer, with numbers relative to the two initial
//! ones: 0 is SYN, 1 the first byte.

use std::fmt;

use smoltcp::wire::{IpAddress, TcpPacket};

use super::super::harness::frames::{OUR_ADDRESS, PEER_ADDRESS, Tcp, tcp_frame};

/// Ethernet and IPv4 without options.
const TCP_AT: usize = 34;

#[derive(Clone, Debug)]
pub struct Segment {
    /// As tcpdump writes them.
    pub flags: &'static str,
    pub seq: u32,
    pub ack: u32,
    pub len: usize,
    pub window: u16,
    pub sack: Vec<(u32, u32)>,
    /// Options of a SYN, but timestamps.
    pub mss: Option<u16>,
    pub scale: Option<u8>,
    pub sack_permitted: bool,
    /// Ticks of the peer's clock since its SYN; `None` leaves timestamps out.
    pub ticks: Option<i32>,
    pub urgent: bool,
    pub broken: bool,
}

/// A segment without data and options.
pub fn segment(flags: &'static str, seq: u32, ack: u32) -> Segment {
    Segment {
        flags,
        seq,
        ack,
        len: 0,
        window: 65_535,
        sack: Vec::new(),
        mss: None,
        scale: None,
        sack_permitted: false,
        ticks: None,
        urgent: false,
        broken: false,
    }
}

/// A SYN that names nothing but a segment size.
pub fn syn() -> Segment {
    Segment {
        mss: Some(1460),
        ..segment("S", 0, 0)
    }
}

/// Data from `seq` on, which acknowledges SYN only.
pub fn data(seq: u32, len: usize) -> Segment {
    Segment {
        len,
        ..segment(".", seq, 1)
    }
}

/// A bare acknowledgement by a peer that has sent nothing.
pub fn ack(ack: u32) -> Segment {
    segment(".", 1, ack)
}

/// An initial sequence number is soon passed by zero.
const PEER_INITIAL: u32 = u32::MAX - 500;
const PEER_CLOCK: u32 = 1_000_000;

/// The ports and numbers of one connection that the subject chose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    pub subject_port: u16,
    pub peer_port: u16,
    pub subject_initial: u32,
    pub subject_clock: u32,
}

impl Segment {
    /// The frame that carries the segment.
    pub fn frame(&self, numbers: &Numbers) -> Vec<u8> {
        let has_ack = self.flags.contains('.');
        let from_subject = |number: u32| numbers.subject_initial.wrapping_add(number);
        let mut frame = tcp_frame(&Tcp {
            from: numbers.peer_port,
            to: numbers.subject_port,
            flags: self.flags.into(),
            seq: PEER_INITIAL.wrapping_add(self.seq),
            ack: if has_ack { from_subject(self.ack) } else { 0 },
            window: self.window,
            mss: self.mss,
            scale: self.scale,
            timestamps: self.ticks.map(|ticks| {
                let value = PEER_CLOCK.wrapping_add_signed(ticks);
                (value, if has_ack { numbers.subject_clock } else { 0 })
            }),
            sack_permitted: self.sack_permitted,
            sack: self
                .sack
                .iter()
                .map(|&(start, end)| (from_subject(start), from_subject(end)))
                .collect(),
            data: vec![b'x'; self.len],
        });
        let mut tcp = TcpPacket::new_unchecked(&mut frame[TCP_AT..]);
        if self.urgent {
            tcp.set_urg(true);
            tcp.set_urgent_at(u16::try_from(self.len).expect("a segment's length"));
        }
        tcp.fill_checksum(
            &IpAddress::Ipv4(PEER_ADDRESS),
            &IpAddress::Ipv4(OUR_ADDRESS),
        );
        if self.broken {
            let checksum = tcp.checksum();
            tcp.set_checksum(!checksum);
        }
        frame
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.flags, self.seq)?;
        if self.len > 0 {
            write!(f, " len {}", self.len)?;
        }
        if self.flags.contains('.') {
            write!(f, " ack {}", self.ack)?;
        }
        if !self.sack.is_empty() {
            write!(f, " sack {:?}", self.sack)?;
        }
        for (is_set, name) in [
            (self.window == 0, "win 0"),
            (self.urgent, "urgent"),
            (self.broken, "broken"),
        ] {
            if is_set {
                write!(f, " {name}")?;
            }
        }
        Ok(())
    }
}

/// What a script compares of a segment that the subject sent.
pub fn describe(tcp: &Tcp, numbers: &Numbers) -> String {
    use fmt::Write;
    let to_peer = |number: u32| number.wrapping_sub(PEER_INITIAL);
    let flags = tcp.flags.replace('P', "");
    let seq = tcp.seq.wrapping_sub(numbers.subject_initial);
    let mut text = format!("{flags} {seq}");
    let mut add = |part: fmt::Arguments<'_>| text.write_fmt(part).expect("writing to a string");
    if !tcp.data.is_empty() {
        add(format_args!(" len {}", tcp.data.len()));
    }
    if tcp.has('.') {
        add(format_args!(" ack {}", to_peer(tcp.ack)));
    }
    if tcp.window == 0 && !tcp.has('R') {
        add(format_args!(" win 0"));
    }
    if let Some(mss) = tcp.mss {
        add(format_args!(" mss {mss}"));
    }
    if tcp.scale.is_some() {
        add(format_args!(" scale"));
    }
    if tcp.sack_permitted {
        add(format_args!(" sackOK"));
    }
    if tcp.timestamps.is_some() {
        add(format_args!(" ts"));
    }
    for &(start, end) in &tcp.sack {
        add(format_args!(" sack {}:{}", to_peer(start), to_peer(end)));
    }
    text
}
