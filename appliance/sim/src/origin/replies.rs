//! The origin's duplicate request cache, without a bound: a run is short.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// What was answered to which call.
#[derive(Debug, Default)]
pub(super) struct ReplyCache(BTreeMap<(Ipv4Addr, u32), Entry>);

#[derive(Debug)]
struct Entry {
    call: Vec<u8>,
    reply: Option<Vec<u8>>,
}

/// The same xid came with another call.
#[derive(Clone, Copy, Debug)]
pub(super) struct OtherCall;

impl ReplyCache {
    /// A call has arrived.
    pub(super) fn begin(&mut self, peer: Ipv4Addr, xid: u32, call: &[u8]) -> Result<(), OtherCall> {
        let entry = self.0.entry((peer, xid)).or_insert_with(|| Entry {
            call: call.to_vec(),
            reply: None,
        });
        if entry.call == call {
            Ok(())
        } else {
            Err(OtherCall)
        }
    }

    /// The reply to it, if it has been carried out.
    pub(super) fn find(&self, peer: Ipv4Addr, xid: u32) -> Option<&[u8]> {
        self.0.get(&(peer, xid))?.reply.as_deref()
    }

    pub(super) fn finish(&mut self, peer: Ipv4Addr, xid: u32, reply: &[u8]) {
        if let Some(entry) = self.0.get_mut(&(peer, xid)) {
            entry.reply = Some(reply.to_vec());
        }
    }

    /// An xid of a call of `peer` that has not been answered, if there is one.
    pub(super) fn unanswered(&self, peer: Ipv4Addr) -> Option<u32> {
        let mut of_peer = self.0.iter().filter(|((of, _), _)| *of == peer);
        let found = of_peer.find(|(_, entry)| entry.reply.is_none());
        found.map(|((_, xid), _)| *xid)
    }
}
