//! The duplicate request cache: calls that must not be executed twice, and what came of them.
//!
//! A client that gets no reply sends its call again, with the same xid, often on a new connection from
//! another port. For most procedures doing it again does no harm; a second REMOVE would answer NOENT, and
//! a late second WRITE would put old data over new. So those calls are remembered by what identifies them
//! whatever connection they come on: while one is being executed a repetition joins it, and afterwards it
//! is given the recorded reply. (RFC 1813 section 4.7 asks for it; C. Juszczak, "Improving the Performance
//! and Correctness of an NFS Server", 1989.)

use core::hash::BuildHasher;
use core::time::Duration;
use std::collections::HashMap;
use std::net::Ipv4Addr;

use mutant::Mutant;
use nfs::nfs3::Procedure;
use nfs::rpc::CallHeader;

use crate::ages::Ages;
use crate::call::{CallId, Service};
use crate::client::Client;
use crate::hash::SeededHash;
use crate::limits::{DUPLICATE_LIFETIME, DUPLICATE_LOOK, DUPLICATE_REPLY_MAX};
use crate::message::Message;
use crate::security::ClientSecurity;

/// What makes two calls the same call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DuplicateKey {
    peer: Ipv4Addr,
    /// What was answered over TLS is repeated in clear to nobody.
    is_clear: bool,
    xid: u32,
    program: u32,
    version: u32,
    procedure: u32,
    /// Bytes of the whole call.
    len: usize,
    checksum: u64,
}

/// Names the place of a call that is being executed; valid until [`Duplicates::finish`] or
/// [`Duplicates::forget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DuplicateId(u32);

/// What is known of a call that has come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen<'a> {
    /// It is being executed.
    InProgress(CallId),
    /// This was answered: a whole record with its mark.
    Answered(&'a [u8]),
}

#[derive(Clone, Copy, Debug)]
enum State {
    InProgress(CallId),
    Answered { len: usize, at: Duration },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: DuplicateKey,
    state: State,
}

/// A table of fixed size, made at start. When it is full, a client that has its equal share of it or more
/// forgets the oldest of its own answers, so that nobody can flush those of others; and whoever has less
/// takes the oldest of somebody who has more.
#[derive(Debug)]
pub(crate) struct Duplicates {
    hash: SeededHash,
    index: HashMap<DuplicateKey, u32, SeededHash>,
    entries: Vec<Option<Entry>>,
    vacant: Vec<u32>,
    /// Whose the calls are; answered ones age.
    ages: Ages,
    /// [`DUPLICATE_REPLY_MAX`] bytes for each entry.
    replies: Vec<u8>,
    capacity: usize,
}

impl Duplicates {
    /// Room for `capacity` calls, which must be more than are ever in progress.
    pub(crate) fn new(capacity: usize, hash: SeededHash) -> Self {
        Self {
            hash,
            // Twice as much as is used: below half full the map cleans up in place and never grows.
            index: HashMap::with_capacity_and_hasher(capacity.saturating_mul(2), hash),
            entries: Vec::with_capacity(capacity),
            vacant: Vec::with_capacity(capacity),
            ages: Ages::new(capacity, hash),
            replies: Vec::with_capacity(capacity.saturating_mul(DUPLICATE_REPLY_MAX)),
            capacity,
        }
    }

    /// Calls remembered.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// The key of a call of `len` bytes that begins with `covered`.
    pub(crate) fn key(
        &self,
        client: &Client,
        header: &CallHeader,
        len: usize,
        covered: &[u8],
    ) -> DuplicateKey {
        DuplicateKey {
            peer: *client.info.peer.ip(),
            is_clear: matches!(*client.security, ClientSecurity::Clear),
            xid: header.xid,
            program: header.program,
            version: header.version,
            procedure: header.procedure,
            len,
            checksum: self.hash.hash_one(covered),
        }
    }

    /// Whether this call has come before, as far as that is remembered.
    pub(crate) fn find(&mut self, key: &DuplicateKey, now: Duration) -> Option<Seen<'_>> {
        self.expire(now);
        if mutant::is_on(Mutant::DuplicateExecuted) {
            return None;
        }
        let slot = *self.index.get(key)?;
        match self.entries.get(slot as usize)?.as_ref()?.state {
            State::InProgress(call) => Some(Seen::InProgress(call)),
            State::Answered { len, .. } => {
                let start = slot as usize * DUPLICATE_REPLY_MAX;
                let reply = self.replies.get(start..start + len)?;
                Some(Seen::Answered(reply))
            }
        }
    }

    /// The execution of a call that was not found begins. `None` if it cannot be remembered.
    pub(crate) fn enter(
        &mut self,
        key: DuplicateKey,
        call: CallId,
        now: Duration,
    ) -> Option<DuplicateId> {
        self.expire(now);
        if self.vacant.is_empty() {
            if self.entries.len() < self.capacity {
                self.vacant.push(u32::try_from(self.entries.len()).ok()?);
                self.entries.push(None);
                let len = self.entries.len() * DUPLICATE_REPLY_MAX;
                self.replies.resize(len, 0);
            } else {
                self.make_room(key.peer);
            }
        }
        let slot = self.vacant.pop()?;
        let state = State::InProgress(call);
        *self.entries.get_mut(slot as usize)? = Some(Entry { key, state });
        self.index.insert(key, slot);
        self.ages.enter(slot, key.peer);
        Some(DuplicateId(slot))
    }

    /// The call was executed and this is its reply, record mark included. `false` if that is too long to
    /// be remembered; then the call is forgotten.
    pub(crate) fn finish(&mut self, id: DuplicateId, reply: &Message, now: Duration) -> bool {
        let len = reply.len();
        if len > DUPLICATE_REPLY_MAX {
            self.forget(id);
            return false;
        }
        let DuplicateId(slot) = id;
        let Some(Some(entry)) = self.entries.get_mut(slot as usize) else {
            return false;
        };
        entry.state = State::Answered { len, at: now };
        self.ages.begin_to_age(slot);
        let start = slot as usize * DUPLICATE_REPLY_MAX;
        let mut at = start;
        for part in reply.parts() {
            let end = at + part.len();
            if let Some(place) = self.replies.get_mut(at..end) {
                place.copy_from_slice(part.bytes());
            }
            at = end;
        }
        true
    }

    /// The call was not executed, or nobody will ever know.
    pub(crate) fn forget(&mut self, id: DuplicateId) {
        self.vacate(id.0);
    }

    /// We do not read what this client sends: it may be asking again already, so the answers it was given are kept.
    /// (And those of others that are younger, as long as there is room.)
    pub(crate) fn keep(&mut self, peer: Ipv4Addr, now: Duration) {
        self.ages.keep(peer, now);
    }

    fn expire(&mut self, now: Duration) {
        while let Some(slot) = self.ages.oldest_of_all()
            && let Some(Some(entry)) = self.entries.get(slot as usize)
            && let State::Answered { at, .. } = entry.state
            && at.max(self.ages.kept_until(entry.key.peer)) + DUPLICATE_LIFETIME <= now
        {
            self.vacate(slot);
        }
    }

    /// Forgets an answered call, if there is any, so that one of `peer` has a place.
    fn make_room(&mut self, peer: Ipv4Addr) {
        let held = self.ages.slots_of(peer);
        let owners = self.ages.owners() + usize::from(held == 0);
        let share = self.capacity / owners.max(1);
        let own = (held >= share).then(|| self.ages.oldest_of(peer));
        let of_others = || {
            let mut oldest = self.ages.oldest().take(DUPLICATE_LOOK);
            oldest.find(|(_, owner)| self.ages.slots_of(*owner) > share)
        };
        let victim = own
            .flatten()
            .or_else(|| of_others().map(|(slot, _)| slot))
            .or_else(|| self.ages.oldest_of_all());
        if let Some(slot) = victim {
            self.vacate(slot);
        }
    }

    fn vacate(&mut self, slot: u32) {
        if let Some(entry) = self.entries.get_mut(slot as usize).and_then(Option::take) {
            self.index.remove(&entry.key);
            self.ages.leave(slot);
            self.vacant.push(slot);
        }
    }
}

impl Service {
    /// Whether a repeated call must not be executed again.
    pub(crate) fn is_remembered(self) -> bool {
        matches!(self, Self::Nfs(procedure) if Procedure::is_non_idempotent(procedure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Payload, SpareQueues};
    use crate::meta::MetaPool;
    use crate::testing::call_ids;

    fn table(capacity: usize) -> Duplicates {
        Duplicates::new(capacity, SeededHash::new(&[3; 16]))
    }

    fn key(xid: u32) -> DuplicateKey {
        DuplicateKey {
            peer: Ipv4Addr::LOCALHOST,
            is_clear: true,
            xid,
            program: 100_003,
            version: 3,
            procedure: 12,
            len: 100,
            checksum: 5,
        }
    }

    fn reply(pieces: &[&[u8]]) -> Message {
        let pool = MetaPool::new(pieces.len(), 0);
        let mut message = SpareQueues::message(&SpareQueues::new(1));
        for piece in pieces {
            let mut buffer = pool.small().expect("one for each");
            buffer.append(piece);
            message.push(Payload::Meta(buffer.freeze()));
        }
        message
    }

    const START: Duration = Duration::from_secs(1000);

    #[test]
    fn a_call_is_in_progress_and_then_answered() {
        let mut table = table(2);
        let call = call_ids(1)[0];
        assert_eq!(table.find(&key(1), START), None);
        let id = table.enter(key(1), call, START).expect("room");
        assert_eq!(table.find(&key(1), START), Some(Seen::InProgress(call)));
        assert_eq!(table.find(&key(2), START), None);
        assert!(table.finish(id, &reply(&[b"mark", b"", b"results"]), START));
        let answered = Some(Seen::Answered(b"markresults".as_slice()));
        assert_eq!(table.find(&key(1), START), answered);
    }

    #[test]
    fn what_was_not_executed_is_forgotten() {
        let mut table = table(1);
        let call = call_ids(1)[0];
        for _ in 0..3 {
            let id = table.enter(key(1), call, START).expect("room");
            table.forget(id);
            assert_eq!(table.find(&key(1), START), None);
        }
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn the_oldest_answer_makes_room_and_calls_in_progress_stay() {
        let mut table = table(3);
        let call = call_ids(1)[0];
        let [first, second, third] =
            [1, 2, 3].map(|xid| table.enter(key(xid), call, START).expect("room"));
        assert_eq!(table.enter(key(4), call, START), None, "all are busy");
        assert!(table.finish(second, &reply(&[b"2"]), START));
        assert!(table.finish(first, &reply(&[b"1"]), START));
        let fourth = table.enter(key(4), call, START).expect("the second goes");
        assert_eq!(table.find(&key(2), START), None);
        assert_eq!(
            table.find(&key(1), START),
            Some(Seen::Answered(b"1".as_slice()))
        );
        assert!(table.finish(fourth, &reply(&[b"4"]), START));
        assert!(table.finish(third, &reply(&[b"3"]), START));
        for xid in 10..100 {
            let id = table.enter(key(xid), call, START).expect("room");
            assert!(table.finish(id, &reply(&[&xid.to_be_bytes()]), START));
            assert_eq!(table.len(), 3);
            let answered =
                Some(Seen::Answered(&xid.to_be_bytes()[..])).map(|seen| format!("{seen:?}"));
            let found = table.find(&key(xid), START);
            assert_eq!(found.map(|seen| format!("{seen:?}")), answered);
        }
    }

    #[test]
    fn one_client_cannot_flush_the_answers_of_another() {
        let mut table = table(10);
        let call = call_ids(1)[0];
        let mut answer = |host, xid| {
            let key = DuplicateKey {
                peer: Ipv4Addr::new(10, 0, 0, host),
                ..key(xid)
            };
            let id = table.enter(key, call, START).expect("room");
            assert!(table.finish(id, &reply(&[b"done"]), START));
        };
        for xid in 0..10 {
            answer(1, xid);
        }
        // A late comer takes its share from who has more, and keeps it whatever the other does.
        for xid in 0..5 {
            answer(2, xid);
        }
        for xid in 10..1000 {
            answer(1, xid);
        }
        let count = |table: &mut Duplicates, host, xids: core::ops::Range<u32>| {
            let peer = Ipv4Addr::new(10, 0, 0, host);
            xids.filter(|xid| {
                table
                    .find(&DuplicateKey { peer, ..key(*xid) }, START)
                    .is_some()
            })
            .count()
        };
        assert_eq!(count(&mut table, 2, 0..5), 5);
        assert_eq!(count(&mut table, 1, 995..1000), 5, "the newest");
        assert_eq!(table.len(), 10);
    }

    #[test]
    fn answers_expire_and_calls_in_progress_do_not() {
        let mut table = table(2);
        let call = call_ids(1)[0];
        let first = table.enter(key(1), call, START).expect("room");
        table.enter(key(2), call, START).expect("room");
        assert!(table.finish(first, &reply(&[b"1"]), START));
        let last = START + DUPLICATE_LIFETIME - Duration::from_nanos(1);
        assert!(table.find(&key(1), last).is_some());
        let end = START + DUPLICATE_LIFETIME;
        assert_eq!(table.find(&key(1), end), None);
        assert_eq!(table.find(&key(2), end), Some(Seen::InProgress(call)));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn an_answer_that_is_too_long_is_forgotten() {
        let mut table = table(1);
        let call = call_ids(1)[0];
        let id = table.enter(key(1), call, START).expect("room");
        let longest = [7; DUPLICATE_REPLY_MAX];
        assert!(!table.finish(id, &reply(&[&longest, b"x"]), START));
        assert_eq!(table.find(&key(1), START), None);
        let id = table.enter(key(1), call, START).expect("room");
        assert!(table.finish(id, &reply(&[&longest]), START));
        assert_eq!(
            table.find(&key(1), START),
            Some(Seen::Answered(longest.as_slice()))
        );
    }
}
