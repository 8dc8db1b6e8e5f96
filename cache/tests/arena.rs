//! Which memory makes an arena.

mod fixture;

use std::ptr::NonNull;

use cache::{Arena, ArenaError, HeapMemory};

fn arena(
    len: usize,
    block_size: usize,
    iova: &dyn Fn(NonNull<u8>) -> u64,
) -> Result<Arena, ArenaError> {
    Arena::new(
        Box::new(HeapMemory::allocate(len).unwrap()),
        block_size,
        iova,
    )
}

#[test]
fn what_is_less_than_a_block_is_left_over() {
    let arena = arena(3 * 8192 + 4096, 8192, &fixture::same_iova).unwrap();
    assert_eq!((arena.block_count(), arena.block_size()), (3, 8192));
    assert_eq!(arena.address_range().len(), 3 * 8192);
}

#[test]
fn block_sizes_out_of_bounds_are_errors() {
    for block_size in [0, 1, 2048, 4097, 12 * 1024, 2 << 20] {
        let error = arena(4 << 20, block_size, &fixture::same_iova).unwrap_err();
        assert!(
            matches!(error, ArenaError::InvalidBlockSize { .. }),
            "{block_size}: {error:?}"
        );
    }
    let error = arena(4096, 8192, &fixture::same_iova).unwrap_err();
    assert!(
        matches!(error, ArenaError::InvalidBlockCount { .. }),
        "{error:?}"
    );
    let error = HeapMemory::allocate(0).unwrap_err();
    assert!(
        matches!(error, ArenaError::InvalidLength { len: 0 }),
        "{error:?}"
    );
}

#[test]
fn a_block_that_a_nic_cannot_read_in_one_piece_is_an_error() {
    // Pages lie in IO address space in pairs, with a hole after each.
    let memory = HeapMemory::allocate(16 * 4096).unwrap();
    let base = cache::Region::base(&memory).addr().get();
    let paired = |address: NonNull<u8>| {
        let offset = address.addr().get() - base;
        (offset + offset / 8192 * 4096) as u64
    };
    let error = Arena::new(Box::new(memory), 16 * 1024, &paired).unwrap_err();
    assert!(
        matches!(error, ArenaError::NotContiguous { block: 0 }),
        "{error:?}"
    );

    let memory = HeapMemory::allocate(16 * 4096).unwrap();
    let base = cache::Region::base(&memory).addr().get();
    let paired = |address: NonNull<u8>| {
        let offset = address.addr().get() - base;
        (offset + offset / 8192 * 4096) as u64
    };
    assert_eq!(
        Arena::new(Box::new(memory), 8192, &paired)
            .unwrap()
            .block_count(),
        8
    );
}

#[test]
fn an_address_unknown_to_the_io_side_is_an_error() {
    let error = arena(4 * 4096, 4096, &|_| u64::MAX).unwrap_err();
    assert!(
        matches!(error, ArenaError::NotContiguous { block: 0 }),
        "{error:?}"
    );
}
