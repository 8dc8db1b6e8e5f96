//! The connections to the origin: which there are, which are open, when to try again.

use core::time::Duration;

use nfs::record::{RecordLimits, RecordReader};

use crate::action::OriginId;
use crate::chain::Chain;
use crate::fills::FillId;
use crate::limits::{
    FRAGMENTS_PER_RECORD_MAX, META_PIECES_MAX, METADATA_REPLY_MAX, RECONNECT_FIRST, RECONNECT_MAX,
    STRAY_REPLIES_MAX,
};
use crate::upstream::LinkIndex;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkKind {
    /// Kept open.
    Nfs,
    /// Opened on demand.
    Mount,
    /// Opened on demand, to learn MOUNT's port.
    Portmap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// To be opened when it is needed.
    Closed,
    /// To be opened at this time.
    WaitUntil(Duration),
    Opening(OriginId),
    /// Asked whether TLS is spoken there, until this time.
    Probing(OriginId, Duration),
    /// TLS is being set up.
    Securing(OriginId),
    Open(OriginId),
    /// Open, but only for the calls that are on it: it is replaced when they are settled.
    Retiring(OriginId),
}

impl LinkState {
    /// The connection that replies come on.
    pub(crate) fn connection(self) -> Option<OriginId> {
        match self {
            Self::Open(origin) | Self::Retiring(origin) => Some(origin),
            _ => None,
        }
    }
}

/// Where we are in the stream of replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyIntake {
    /// Before or within a reply's head.
    Head,
    /// Gathering a metadata reply whole.
    Gather { xid: u32 },
    /// The data of a READ goes to its block.
    Data { xid: u32, fill: FillId },
    /// The rest of a reply that is of no use.
    Skip,
}

/// One connection to the origin.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) kind: LinkKind,
    pub(crate) state: LinkState,
    /// Calls on it that are not answered.
    pub(crate) outstanding: usize,
    pub(crate) reader: RecordReader,
    pub(crate) chain: Chain,
    pub(crate) intake: ReplyIntake,
    failures: u32,
    /// Replies on this connection that matched no call, since one last did.
    strays: u32,
    /// When it last had something to do.
    pub(crate) last_used: Duration,
    /// While it retires: the first call that is not on it, and how many on it are not settled.
    pub(crate) retiring: (u64, usize),
    /// The call settled last, by [`crate::upstream::Upstream::sequence`], and when.
    pub(crate) settled: (u64, Duration),
}

impl Link {
    fn new(kind: LinkKind, state: LinkState) -> Self {
        Self {
            kind,
            state,
            outstanding: 0,
            reader: record_reader(),
            chain: Chain::new(META_PIECES_MAX),
            intake: ReplyIntake::Head,
            failures: 0,
            strays: 0,
            last_used: Duration::ZERO,
            retiring: (0, 0),
            settled: (0, Duration::ZERO),
        }
    }

    /// The connection is established.
    pub(crate) fn opened(&mut self, origin: OriginId, now: Duration) {
        self.state = LinkState::Open(origin);
        self.last_used = now;
        self.strays = 0;
        self.reset_reader();
    }

    /// A reply came: the origin is well.
    pub(crate) fn proved(&mut self) {
        self.failures = 0;
        self.strays = 0;
    }

    /// A reply came that matches no call: whether so many did that nothing can be expected any more.
    pub(crate) fn strayed(&mut self) -> bool {
        self.strays += 1;
        self.strays >= STRAY_REPLIES_MAX
    }

    /// The connection is gone; it is tried again later, with growing patience.
    pub(crate) fn lost(&mut self, now: Duration) {
        self.reset_reader();
        let wait = RECONNECT_FIRST
            .saturating_mul(1 << self.failures.min(16))
            .min(RECONNECT_MAX);
        self.failures = self.failures.saturating_add(1);
        self.state = if self.kind == LinkKind::Nfs || self.outstanding > 0 {
            LinkState::WaitUntil(now + wait)
        } else {
            LinkState::Closed
        };
    }

    pub(crate) fn reset_reader(&mut self) {
        self.reader = record_reader();
        self.chain.clear();
        self.intake = ReplyIntake::Head;
    }
}

fn record_reader() -> RecordReader {
    RecordReader::new(RecordLimits {
        record: u32::try_from(METADATA_REPLY_MAX).unwrap_or(u32::MAX),
        fragments: u32::try_from(FRAGMENTS_PER_RECORD_MAX).unwrap_or(u32::MAX),
    })
}

/// All connections to the origin.
#[derive(Debug)]
pub(crate) struct Links {
    /// The NFS ones first, then MOUNT's, then portmap's.
    links: Vec<Link>,
    nfs: usize,
    next_origin: u64,
    /// MOUNT's port, as configured or as portmap said.
    pub(crate) mount_port: Option<u16>,
}

impl Links {
    pub(crate) fn new(nfs: usize, mount_port: Option<u16>) -> Self {
        let mut links: Vec<Link> = (0..nfs)
            .map(|_| Link::new(LinkKind::Nfs, LinkState::WaitUntil(Duration::ZERO)))
            .collect();
        links.push(Link::new(LinkKind::Mount, LinkState::Closed));
        links.push(Link::new(LinkKind::Portmap, LinkState::Closed));
        Self {
            links,
            nfs,
            next_origin: 1,
            mount_port,
        }
    }

    pub(crate) fn mount(&self) -> LinkIndex {
        LinkIndex(self.nfs)
    }

    pub(crate) fn portmap(&self) -> LinkIndex {
        LinkIndex(self.nfs + 1)
    }

    pub(crate) fn get(&self, index: LinkIndex) -> Option<&Link> {
        self.links.get(index.0)
    }

    pub(crate) fn get_mut(&mut self, index: LinkIndex) -> Option<&mut Link> {
        self.links.get_mut(index.0)
    }

    pub(crate) fn indices(&self) -> impl Iterator<Item = LinkIndex> + use<> {
        (0..self.links.len()).map(LinkIndex)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (LinkIndex, &Link)> {
        self.links
            .iter()
            .enumerate()
            .map(|(index, link)| (LinkIndex(index), link))
    }

    /// The link that a TCP connection belongs to now.
    pub(crate) fn of_origin(&self, origin: OriginId) -> Option<LinkIndex> {
        self.iter()
            .find(|(_, link)| {
                let (LinkState::Opening(id)
                | LinkState::Probing(id, _)
                | LinkState::Securing(id)
                | LinkState::Open(id)
                | LinkState::Retiring(id)) = link.state
                else {
                    return false;
                };
                id == origin
            })
            .map(|(index, _)| index)
    }

    /// The NFS connection for the next call: an open one with the fewest calls, or any with the fewest.
    pub(crate) fn choose_nfs(&self) -> LinkIndex {
        self.iter()
            .take(self.nfs)
            .min_by_key(|(_, link)| {
                let closed = !matches!(link.state, LinkState::Open(_));
                (closed, link.outstanding)
            })
            .map_or(LinkIndex(0), |(index, _)| index)
    }

    /// A name for a new TCP connection.
    pub(crate) fn new_origin(&mut self) -> OriginId {
        let origin = OriginId(self.next_origin);
        self.next_origin += 1;
        origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_go_where_the_fewest_are() {
        let mut links = Links::new(3, None);
        for (index, outstanding) in [(0, 5), (1, 2), (2, 0)] {
            let link = links.get_mut(LinkIndex(index)).expect("there");
            link.outstanding = outstanding;
        }
        assert_eq!(links.choose_nfs(), LinkIndex(2), "all are closed");
        for index in 0..2 {
            let link = links.get_mut(LinkIndex(index)).expect("there");
            link.opened(OriginId(9 + index as u64), Duration::ZERO);
        }
        assert_eq!(links.choose_nfs(), LinkIndex(1), "an open one is preferred");
        assert_eq!(links.of_origin(OriginId(10)), Some(LinkIndex(1)));
        assert_eq!(links.of_origin(OriginId(11)), None);
    }

    #[test]
    fn patience_grows_up_to_a_bound_and_comes_back() {
        let mut link = Link::new(LinkKind::Nfs, LinkState::Closed);
        let mut waits = Vec::new();
        for _ in 0..20 {
            link.lost(Duration::ZERO);
            let LinkState::WaitUntil(at) = link.state else {
                panic!("an NFS connection is opened again");
            };
            waits.push(at);
        }
        assert_eq!(waits[0], RECONNECT_FIRST);
        assert_eq!(waits[1], RECONNECT_FIRST * 2);
        assert_eq!(waits[19], RECONNECT_MAX);
        link.proved();
        link.lost(Duration::ZERO);
        assert_eq!(link.state, LinkState::WaitUntil(RECONNECT_FIRST));
    }
}
