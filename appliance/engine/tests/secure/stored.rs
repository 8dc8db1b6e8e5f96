//! What a retransmission sends (invariant I4): under TLS the stored ciphertext, whatever has
//! become of the block since; in clear the block's memory as it is.

use std::collections::BTreeMap;

use crate::lab::{Frames, Lab, Plan, SOON, segment};
use crate::world::operations::pattern;
use crate::world::{BLOCK, CLIENT_PORT, overwrite_block};

/// Ten segments: what may be sent before anything is acknowledged.
const LEN: usize = 12_000;

/// Bytes by sequence number; a byte that is sent again must be the same.
fn by_sequence(frames: &Frames) -> BTreeMap<u32, u8> {
    let mut all = BTreeMap::new();
    for frame in frames.borrow().iter() {
        let Some((sequence, bytes)) = segment(frame) else {
            continue;
        };
        for (at, byte) in (sequence..).zip(bytes) {
            let before = all.insert(at, *byte);
            assert!(before.is_none_or(|before| before == *byte));
        }
    }
    all
}

/// A reply is lost, its block changed, and the reply sent again: the bytes of both transmissions, and the
/// data that arrives.
fn retransmits(lab: &mut Lab, client: usize) -> [Vec<u8>; 3] {
    let data = pattern(1, LEN);
    lab.world.origin.export.put("file", &data);
    let file = lab.find(client, "file");
    assert!(lab.world.read_all(client, &file, BLOCK) == data);
    lab.world.run_for(SOON);

    let sent = Frames::default();
    let tap = sent.clone();
    lab.world.links[CLIENT_PORT].from_engine.lose(move |frame| {
        tap.borrow_mut().push(frame.to_vec());
        true
    });
    let read = lab.world.begin_read(client, &file, 0, BLOCK);
    lab.world.run_for(SOON / 20);
    let first = by_sequence(&sent);
    assert!(first.len() > LEN);

    let arena = lab.world.wires[CLIENT_PORT].arena.clone();
    overwrite_block(arena, &data, &pattern(2, LEN));
    sent.borrow_mut().clear();
    let tap = sent.clone();
    lab.world.links[CLIENT_PORT].from_engine.lose(move |frame| {
        tap.borrow_mut().push(frame.to_vec());
        false
    });
    let received = lab.world.finish_read(read).bytes;
    lab.world.run_for(SOON);
    let again = by_sequence(&sent);
    let again = again.range(..=*first.keys().next_back().expect("bytes"));
    [
        first.values().copied().collect(),
        again.map(|(_, byte)| *byte).collect(),
        received,
    ]
}

#[test]
fn under_tls_it_is_the_stored_ciphertext() {
    let mut lab = Plan::new().begin();
    let (client, _) = lab.starttls(&lab.anonymous());
    let [first, again, received] = retransmits(&mut lab, client);
    assert!(first == again, "the very same bytes");
    assert!(received == pattern(1, LEN));
    lab.world.assert_at_rest();
}

#[test]
fn in_clear_it_is_the_block_as_it_is() {
    let mut plan = Plan::new();
    plan.setup.security.clear = true;
    let mut lab = plan.begin();
    let client = lab.world.connect();
    let [first, again, received] = retransmits(&mut lab, client);
    assert_eq!(first.len(), again.len());
    assert!(first.ends_with(&pattern(1, LEN)));
    assert!(again.ends_with(&pattern(2, LEN)));
    assert!(received == pattern(2, LEN));
    lab.world.assert_at_rest();
}
