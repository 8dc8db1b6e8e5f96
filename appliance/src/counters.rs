//! What an engine counts and `wirepage stats` prints.

use core::ops::AddAssign;

use serde::Serialize;

/// Declares the counters once: the struct with its JSON keys, and the sum over engines of all but those that
/// are the same for each.
macro_rules! counters {
    (sum: $($(#[doc = $doc:literal])+ $name:ident,)+ same: $($(#[doc = $same_doc:literal])+ $same:ident,)+) => {
        /// The counters of one engine, or the sum over several. Every field is a key of the JSON object
        /// that `wirepage stats` prints, always present, an integer, counted since start; those said to
        /// be "now" are levels instead.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: u64,)+
            $($(#[doc = $same_doc])+ pub $same: u64,)+
        }

        impl Counters {
            /// The JSON keys in the order they are printed.
            pub const KEYS: &[&str] = &[$(stringify!($name),)+ $(stringify!($same)),+];
        }

        impl AddAssign for Counters {
            fn add_assign(&mut self, other: Self) {
                $(self.$name = self.$name.saturating_add(other.$name);)+
                $(self.$same = self.$same.max(other.$same);)+
            }
        }
    };
}

counters! {
    sum:
    /// Blocks of READs that were in the cache.
    cache_hits,
    /// Blocks of READs that were not.
    cache_misses,
    /// READ calls sent to the origin.
    origin_reads,
    /// WRITE calls sent to the origin.
    origin_writes,
    /// Calls sent to the origin again because their connection was lost.
    origin_resent,
    /// Origin connections given up because a call on them was not answered for too long.
    origin_silences,
    /// Replies of the origin that matched no call on their connection; nothing is made of them.
    origin_unknown_replies,
    /// Replies of the origin that broke the protocol, listings with impossible names among them, and origin
    /// connections that became unreadable.
    origin_protocol_errors,
    /// Calls answered with an error because their export lets them wait no longer.
    calls_given_up,
    /// Connections on which the origin did not agree to TLS.
    origin_tls_refused,
    /// Plain file data handed to the driver by reference to the cache, in bytes; retransmissions count
    /// again. Like the two below taken from the mbufs the driver accepted.
    tx_payload_attached_bytes,
    /// File data copied on its way out, staging included, in bytes.
    tx_payload_copied_bytes,
    /// Plaintext file data sealed into TLS records, in bytes.
    tx_payload_sealed_bytes,
    /// Cache memory pinned by calls in progress now, in bytes.
    pinned_bytes,
    /// References to cache blocks held by mbufs now.
    wire_references,
    /// References that were still there when the drain had ended.
    leaked_references,
    /// Blocks in the cache.
    cache_blocks,
    /// Blocks that hold nothing now.
    cache_blocks_free,
    /// Blocks that hold file data now.
    cache_blocks_cached,
    /// Blocks evicted but still pinned or on the wire now.
    cache_blocks_limbo,
    /// Blocks evicted to make room.
    cache_evictions,
    /// Client connections now.
    client_connections,
    /// Origin connections now.
    origin_connections,
    /// Client calls not yet answered now.
    calls_in_flight,
    /// Repetitions of calls in progress, which joined them.
    duplicates_joined,
    /// Repetitions of finished calls, which got the recorded reply.
    duplicates_answered,
    /// Client connections closed because they made no call for too long.
    idle_clients_closed,
    /// Probes sent to peers of an earlier run that did not end cleanly, so that they find out.
    forgotten_probes,
    /// Client connections reset because a call that had begun did not arrive in time.
    slow_clients_closed,
    /// Client connections reset because replies were not acknowledged in time.
    stalled_clients_closed,
    /// Client connections refused because there was no place for them.
    clients_refused,
    /// TCP segments sent again.
    tcp_retransmissions,
    /// Frames received.
    rx_frames,
    /// Bytes in them.
    rx_bytes,
    /// Frames the driver dropped because a ring was full or no mbuf was free.
    rx_dropped_frames,
    /// Frames the driver accepted for sending.
    tx_frames,
    /// Bytes in them.
    tx_bytes,
    /// Times a transmit ring was found full.
    tx_ring_full,
    /// TLS handshakes finished, with clients and the origin.
    tls_handshakes,
    /// Of these, with a ticket of an earlier session.
    tls_handshakes_resumed,
    /// TLS handshakes that failed.
    tls_handshakes_failed,
    /// TLS handshakes that took too long.
    tls_handshakes_timed_out,
    /// TLS handshakes under way now.
    tls_handshakes_under_way,
    /// TLS sessions that wait to be held against new rules, certificates or lists now.
    tls_sessions_unjudged,
    /// Connections closed because something other than a handshake followed the probe.
    tls_clear_bytes_after_probe,
    /// TLS sessions ended because the peer broke the protocol or a key was worn out.
    tls_sessions_failed,
    /// TLS sessions whose peer ended the connection without saying goodbye.
    tls_truncations,
    /// Key updates of ours.
    tls_key_updates,
    /// Connections replaced before their keys were worn out.
    tls_connections_retired,
    /// File data opened from TLS records straight into the cache, in bytes.
    rx_payload_opened_in_place_bytes,
    /// Slots of record memory in use now.
    tls_slots_in_use,
    /// References to slots of record memory held by mbufs now.
    tls_slot_wire_references,
    /// Security decisions that came too fast for the audit log.
    audits_lost,
    /// Turns of the poll loop.
    turns,
    /// Ticks of the time-stamp counter spent in turns that received, sent or did anything else.
    busy_ticks,
    /// Turns after which the engine slept.
    idle_sleeps,
    same:
    /// When the first certificate of the appliance's own expires, in seconds since 1970; 0 if there is none.
    certificate_expires_at,
    /// Ticks of the time-stamp counter in a second.
    ticks_per_second,
}

impl Counters {
    /// The JSON object, on one line without its end.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a struct of integers is always representable")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_every_key_as_an_integer() {
        let json: serde_json::Value = serde_json::from_str(&Counters::default().to_json()).unwrap();
        let object = json.as_object().unwrap();
        assert_eq!(object.len(), Counters::KEYS.len());
        for key in Counters::KEYS {
            assert_eq!(object[*key], serde_json::json!(0), "{key}");
        }
    }

    #[test]
    fn keys_of_the_lab_contract_are_there() {
        for key in [
            "cache_hits",
            "cache_misses",
            "origin_reads",
            "origin_writes",
            "tx_payload_attached_bytes",
            "tx_payload_copied_bytes",
            "tx_payload_sealed_bytes",
            "pinned_bytes",
            "wire_references",
            "leaked_references",
        ] {
            assert!(Counters::KEYS.contains(&key), "{key}");
        }
    }

    #[test]
    fn engines_add_up() {
        let mut sum = Counters {
            cache_hits: 2,
            certificate_expires_at: 9,
            turns: u64::MAX,
            ..Counters::default()
        };
        sum += Counters {
            cache_hits: 3,
            turns: 1,
            certificate_expires_at: 9,
            tx_bytes: 7,
            ..Counters::default()
        };
        let expected = Counters {
            cache_hits: 5,
            turns: u64::MAX,
            tx_bytes: 7,
            certificate_expires_at: 9,
            ..Counters::default()
        };
        assert_eq!(sum, expected);
    }
}
