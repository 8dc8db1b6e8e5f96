//! When there is no room: records wait, and others go on.

use nfs3_types::nfs3::{NFS_PROGRAM, stable_how};

use crate::lab::{Plan, SOON};
use crate::world::BLOCK;
use crate::world::operations::pattern;

const MIB: usize = 1 << 20;

/// WRITEs that find no free block: of a record whose data is taken in part the rest is taken later.
#[test]
fn a_record_that_finds_no_room_is_opened_again() {
    let mut plan = Plan::new();
    plan.setup.blocks = 32;
    let mut lab = plan.begin();
    let clients = [(); 4].map(|()| lab.starttls(&lab.anonymous()).0);
    let root = lab.world.mount(clients[0]);
    let files: Vec<_> = clients
        .iter()
        .flat_map(|&client| [(client, 0), (client, 1), (client, 2), (client, 3)])
        .map(|(client, part)| {
            let name = format!("file {client} {part}");
            let file = lab.world.create(client, &root, &name);
            // Nowhere do records and blocks begin together.
            (client, name, file)
        })
        .collect();
    lab.world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let writes: Vec<_> = files
        .into_iter()
        .map(|(client, name, file)| {
            let data = pattern(client as u64, 4 * BLOCK - 77);
            let write = lab
                .world
                .begin_write(client, &file, 77, &data, stable_how::UNSTABLE);
            (name, data, write)
        })
        .collect();
    lab.world.run_for(SOON / 10);
    assert!(
        lab.world.engine.stats().stalled > 0,
        "{:#?}",
        lab.world.engine.stats()
    );
    assert!(
        lab.world.engine.waits_for_room(),
        "the loop asks the NICs for it"
    );
    lab.world.origin.release_replies();
    for (name, data, write) in writes {
        lab.world.finish_write(write);
        assert!(lab.world.origin.export.data(&name)[77..] == data);
    }
    lab.world.assert_at_rest();
    assert!(!lab.world.engine.waits_for_room());
}

/// Clients that do not read what they have asked for keep a slot each, with the record that does not fit
/// into their window.
#[test]
fn who_takes_all_slots_stops_nobody_for_long() {
    let mut plan = Plan::new();
    plan.slots = 8;
    plan.setup.blocks = 512;
    let mut lab = plan.begin();
    let data = pattern(1, 8 * MIB);
    lab.world.origin.export.put("file", &data);
    let (other, _) = lab.starttls(&lab.anonymous());
    let file = lab.find(other, "file");
    let greedy = [(); 8].map(|()| lab.starttls(&lab.anonymous()).0);
    for client in greedy {
        lab.world.clients[client].reads = false;
        lab.world.begin_read(client, &file, 0, MIB);
    }
    lab.world.run_for(SOON);
    assert!(lab.stats().slots_in_use >= 8, "{:?}", lab.stats());

    // Handshakes find a slot at once.
    let start = lab.world.now;
    lab.starttls(&lab.anonymous());
    assert!(lab.world.now - start < SOON);
    // Others after the time that is given to those who stop them.
    assert!(lab.world.read_all(other, &file, MIB) == data);
    let took = lab.world.now - start;
    assert!(took < 9 * SOON, "{took:?}");
    let has_gone = |client: &usize| lab.world.clients[*client].closed.is_some();
    assert!(greedy.iter().any(has_gone));
    assert!(lab.world.clients[other].closed.is_none());
    lab.world.assert_at_rest();
}
