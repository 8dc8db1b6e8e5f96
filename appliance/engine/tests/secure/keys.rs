//! Keys that are renewed in the middle of a transfer.

use engine::Rekey;
use nfs3_types::nfs3::{READ3res, WRITE3res, nfs_fh3, stable_how};

use crate::lab::{Lab, Plan, SOON};
use crate::peer::Peer;
use crate::world::operations::{Pending, pattern};

const MIB: usize = 1 << 20;

/// Records after which keys are renewed: a hundredth of a copy of 64 MiB.
const REKEY_AFTER: u64 = 100;

/// A client that connects again when the server has closed, and repeats what was not answered, as
/// NFS clients do.
struct Copier {
    lab: Lab,
    client: usize,
    peer: Peer,
    reconnections: usize,
}

impl Copier {
    fn new(rekey: Rekey) -> Self {
        let mut plan = Plan::new();
        plan.server.rekey_after = Some(REKEY_AFTER);
        plan.rekey = rekey;
        let mut lab = plan.begin();
        let (client, peer) = lab.direct(&lab.anonymous());
        Self {
            lab,
            client,
            peer,
            reconnections: 0,
        }
    }

    /// Waits until the client's last call is answered.
    fn persist(&mut self, pending: Pending) {
        let client = self.client;
        loop {
            self.lab.world.run_until("a reply or the end", |world| {
                world.is_answered(pending) || world.clients[client].closed.is_some()
            });
            if self.lab.world.is_answered(pending) {
                return;
            }
            assert!(self.peer.has_heard_close());
            self.reconnections += 1;
            let now = self.lab.world.now;
            self.lab.world.clients[client].reconnect(now);
            self.lab
                .world
                .run_until("the connection", |world| world.clients[client].connected);
            self.peer = self.lab.begin_tls(client, &self.lab.anonymous());
            self.lab.world.clients[client].repeat_call();
        }
    }

    /// Copies a file of 64 MiB through the client.
    fn copy(&mut self) {
        const LEN: usize = 64 * MIB;
        let data = pattern(1, LEN);
        let root = {
            self.lab.world.origin.export.put("from", &data);
            self.lab.world.origin.export.put("to", &[]);
            self.lab.world.mount(self.client)
        };
        let from = self.lab.world.lookup(self.client, &root, "from");
        let to = self.lab.world.lookup(self.client, &root, "to");
        let mut at = 0;
        while at < LEN {
            at += self.copy_piece(&from, &to, at);
        }
        assert!(self.lab.world.origin.export.data("to") == data);
        let stats = self.lab.stats();
        assert_eq!((stats.sessions_failed, stats.truncations), (0, 0));
        assert_eq!(stats.handshakes_failed, 0);
    }

    fn copy_piece(&mut self, from: &nfs_fh3, to: &nfs_fh3, at: usize) -> usize {
        let read = self.lab.world.begin_read(self.client, from, at, MIB);
        self.persist(read);
        let read: READ3res<'static> = self.lab.world.finish(read);
        let piece = read.expect("READ").data.into_owned();
        assert!(!piece.is_empty());
        let write = self
            .lab
            .world
            .begin_write(self.client, to, at, &piece, stable_how::FILE_SYNC);
        self.persist(write);
        let write: WRITE3res = self.lab.world.finish(write);
        assert_eq!(write.expect("WRITE").count as usize, piece.len());
        piece.len()
    }
}

#[test]
fn a_copy_through_many_key_updates() {
    let mut copier = Copier::new(Rekey::Update);
    copier.copy();
    assert_eq!(copier.reconnections, 0);
    let stats = copier.lab.stats();
    assert!(stats.key_updates > 40, "{stats:?}");
    assert_eq!(stats.connections_retired, 0);
    copier.lab.world.assert_at_rest();
}

/// rustls offers "sunrpc", as RFC 9289 demands, and so is known to cope.
#[test]
fn who_speaks_the_protocol_by_name_gets_updates_by_default() {
    let mut copier = Copier::new(Rekey::Auto);
    copier.copy();
    assert_eq!(copier.reconnections, 0);
    assert!(copier.lab.stats().key_updates > 40);
}

#[test]
fn a_copy_through_many_connections() {
    let mut copier = Copier::new(Rekey::Reconnect);
    copier.copy();
    let stats = copier.lab.stats();
    assert!(copier.reconnections > 40, "{}", copier.reconnections);
    assert!(stats.connections_retired >= copier.reconnections as u64);
    assert_eq!(stats.key_updates, 0);
    copier.lab.world.run_for(SOON);
    copier.lab.world.assert_at_rest();
}

/// In the middle of a WRITE's data, and in the middle of a reply.
#[test]
fn the_peer_renews_its_keys_in_the_middle() {
    let mut lab = Plan::new().begin();
    let (client, peer) = lab.starttls(&lab.anonymous());
    let root = lab.world.mount(client);
    let file = lab.world.create(client, &root, "file");
    let data = pattern(4, MIB);
    for at in (0..8 * MIB).step_by(MIB) {
        let write = lab
            .world
            .begin_write(client, &file, at, &data, stable_how::UNSTABLE);
        peer.with(|connection| connection.refresh_traffic_keys().expect("open"));
        lab.world.clients[client].flush();
        lab.world.finish_write(write);

        let read = lab.world.begin_read(client, &file, at, MIB);
        lab.world.run_until("half a reply", |world| {
            world.clients[client].partial_reply() > MIB / 2
        });
        peer.with(|connection| connection.refresh_traffic_keys().expect("open"));
        lab.world.clients[client].flush();
        assert!(lab.world.finish_read(read).bytes == data);
    }
    assert_eq!(lab.stats().sessions_failed, 0);
    lab.world.assert_at_rest();
}
