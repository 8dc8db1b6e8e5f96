//! Slots come back when nobody holds them, the last one first.

mod fixture;

use cache::{Arena, HeapMemory, Slots};

const SLOT: usize = 16_512;

fn slots(count: usize) -> Slots {
    let memory = HeapMemory::allocate(count * SLOT).unwrap();
    let arena = Arena::new(Box::new(memory), SLOT, &fixture::same_iova).unwrap();
    Slots::new(arena)
}

#[test]
fn a_slot_is_handed_out_again_when_pins_and_wire_are_done_with_it() {
    let mut slots = slots(2);
    assert_eq!((slots.slot_size(), slots.slot_count()), (SLOT, 2));
    let mut first = slots.take().expect("a slot");
    first.as_mut_slice().fill(1);
    let first = first.freeze().slice(0..SLOT);
    let _second = slots.take().expect("a slot");
    let wire = first.lend(0..100);
    assert_eq!((slots.pinned(), slots.wire_references()), (2, 1));
    drop(first);
    assert!(slots.take().is_none(), "the wire still reads it");
    drop(wire);
    let again = slots.take().expect("the first one");
    assert_eq!(again.as_slice()[..100], [1; 100]);
    assert_eq!((slots.pinned(), slots.wire_references()), (2, 0));
}

#[test]
fn the_slot_used_last_comes_first() {
    let mut slots = slots(8);
    let (kept, mut used) = (slots.take().unwrap(), slots.take().unwrap());
    used.as_mut_slice()[0] = 7;
    drop(used);
    assert_eq!(slots.take().unwrap().as_slice()[0], 7);
    drop(kept);
}
