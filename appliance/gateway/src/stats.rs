//! Counters since the start, and gauges.

/// What the gateway has done since its start, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayStats {
    /// Calls read from clients.
    pub client_calls: u64,
    /// READs of clients.
    pub client_reads: u64,
    /// WRITEs of clients.
    pub client_writes: u64,
    /// READ calls sent to the origin.
    pub origin_reads: u64,
    /// WRITE calls sent to the origin.
    pub origin_writes: u64,
    /// All calls sent to the origin, re-sent ones not counted again.
    pub origin_calls: u64,
    /// Calls sent again because their connection was lost (I6).
    pub origin_resent: u64,
    /// Connections given up because a call on them was not answered for too long.
    pub origin_silences: u64,
    /// Connections on which the origin did not agree to TLS.
    pub origin_tls_refused: u64,
    /// Replies of the origin that matched no call on their connection (I7).
    pub origin_unknown_replies: u64,
    /// Replies and connections of the origin that broke the protocol (I8 among them).
    pub origin_protocol_errors: u64,
    /// Calls of clients refused as malformed or unsupported.
    pub client_protocol_errors: u64,
    /// Calls refused because of the export's rules.
    pub refused_by_export: u64,
    /// Connections closed because no call came for too long.
    pub idle_clients_closed: u64,
    /// Connections reset because a call that had begun did not arrive in time.
    pub slow_clients_closed: u64,
    /// Connections reset as they came, because there was no place for them.
    pub clients_refused: u64,
    /// Calls that came again while they were being executed, and were not executed a second time.
    pub duplicates_joined: u64,
    /// Calls that came again and were given their recorded reply.
    pub duplicates_answered: u64,
    /// Replies too long to be recorded.
    pub duplicates_too_long: u64,
    /// Calls answered with an error because the origin let them wait for too long.
    pub calls_given_up: u64,
    /// Times a file's blocks were dropped because the origin's attributes changed.
    pub files_invalidated: u64,
    /// Fills whose data was not published because something changed meanwhile.
    pub fills_unpublished: u64,
    /// Calls of clients whose replies have not left yet.
    pub calls_in_flight: usize,
    /// Calls at the origin.
    pub origin_calls_in_flight: usize,
    /// Cache bytes those calls may pin.
    pub charged_bytes: usize,
    /// Files known.
    pub files: usize,
    /// Handles known.
    pub handles: usize,
    /// Calls remembered because they must not be executed twice.
    pub duplicates: usize,
    /// Meta buffers in use.
    pub meta_buffers: usize,
}
