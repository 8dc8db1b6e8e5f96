//! Counters. They only grow; readers take differences.

/// What a stack has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames handed to `handle_frame`.
    pub frames_in: u64,
    /// Frames given to the sink.
    pub frames_out: u64,
    /// TCP payload bytes that arrived in order.
    pub payload_bytes_in: u64,
    /// TCP payload bytes given to the sink, retransmissions included.
    pub payload_bytes_out: u64,
    /// Frames for another Ethernet or IPv4 address.
    pub dropped_not_for_us: u64,
    /// Frames of a protocol we do not speak.
    pub dropped_protocol: u64,
    /// Frames that contradict their own format.
    pub dropped_malformed: u64,
    /// Frames whose headers do not lie in their first piece, or of too many
    /// pieces.
    pub dropped_split: u64,
    /// IPv4 fragments.
    pub dropped_fragments: u64,
    /// Frames with a bad IPv4, ICMP or TCP checksum.
    pub dropped_checksum: u64,
    /// Handshakes dropped because the connection table was full.
    pub dropped_table_full: u64,
    /// Segments whose data was dropped because too many buffers were held.
    pub dropped_buffers: u64,
    /// Segments outside the window, with old timestamps or without ACK.
    pub dropped_unacceptable: u64,
    /// Control frames dropped because the sink did not keep up.
    pub dropped_control: u64,
    /// Connections opened by us.
    pub connections_opened: u64,
    /// Connections accepted (handshake complete).
    pub connections_accepted: u64,
    /// SYNs answered with a cookie, as the backlog was full.
    pub cookies_sent: u64,
    /// Connections accepted by their cookie.
    pub cookies_accepted: u64,
    /// Segments that should have brought a cookie and did not.
    pub cookies_refused: u64,
    /// Connections ended by the peer's RST.
    pub resets_in: u64,
    /// RSTs sent.
    pub resets_out: u64,
    /// Connections given up after too many time-outs.
    pub connections_timed_out: u64,
    /// Segments that arrived out of order.
    pub out_of_order: u64,
    /// Frames that carried data or a SYN or FIN again.
    pub retransmitted_frames: u64,
    /// Fast retransmits started.
    pub fast_retransmits: u64,
    /// Retransmission time-outs.
    pub timeouts: u64,
    /// Connections whose segments became smaller because a router said so.
    pub path_mtu_lowered: u64,
    /// Connections whose segments became smaller because large ones vanished.
    pub black_holes: u64,
    /// Tail loss probes sent.
    pub tail_probes: u64,
    /// Segments that the peer reported as received twice.
    pub duplicates_reported: u64,
    /// Zero-window probes sent.
    pub window_probes: u64,
    /// Keepalive probes sent.
    pub keepalive_probes: u64,
    /// Probes sent to peers of an earlier run (see [`Stack::probe_forgotten`](crate::Stack::probe_forgotten)).
    pub forgotten_probes: u64,
    /// Challenge ACKs sent (RFC 5961).
    pub challenge_acks: u64,
    /// ARP requests sent.
    pub arp_requests: u64,
    /// ICMP echo requests answered.
    pub icmp_echoes: u64,
}
