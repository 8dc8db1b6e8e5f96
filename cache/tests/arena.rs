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
    for block_size in [0, 1, 2048, 4097, 12 * 1024 + 32, 2 << 20] {
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

/// Two pages of 16 KiB within heap memory.
struct TwoPages(HeapMemory);

const PAGE: usize = 16 * 1024;

// SAFETY: a part of the heap memory it owns, which begins at a page of [`PAGE`] bytes.
unsafe impl cache::Region for TwoPages {
    fn base(&self) -> NonNull<u8> {
        let start = self.0.base();
        // SAFETY: the memory is three pages long.
        unsafe { start.add(start.as_ptr().align_offset(PAGE)) }
    }

    fn len(&self) -> usize {
        2 * PAGE
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}

#[test]
fn blocks_keep_out_of_the_way_of_a_hole() {
    // Every page is followed by a hole in IO address space.
    let holed = |address: NonNull<u8>| {
        let address = address.addr().get();
        (address + address / PAGE * 4096) as u64
    };
    let pages = || Box::new(TwoPages(HeapMemory::allocate(3 * PAGE).unwrap()));
    let blocks_of = |size, iova: &dyn Fn(NonNull<u8>) -> u64| {
        Arena::new(pages(), size, iova).unwrap().block_count()
    };
    assert_eq!(blocks_of(4224, &holed), 6, "three in each page");
    assert_eq!(blocks_of(4224, &fixture::same_iova), 7, "one lies in both");
    assert_eq!(blocks_of(4096, &holed), 8, "nothing is wasted");
}

#[test]
fn an_address_unknown_to_the_io_side_is_an_error() {
    let error = arena(4 * 4096, 4096, &|_| u64::MAX).unwrap_err();
    assert!(
        matches!(error, ArenaError::NotContiguous { block: 0 }),
        "{error:?}"
    );
}
