//! Real hugepages: these tests need some, and say so where there are none.

mod fixture;

use std::fs;

use cache::{Arena, ArenaError, Cache, CacheConfig, HugepageMemory, Region as _};

const MEBIBYTE: usize = 1 << 20;

fn hugepages(len: usize) -> HugepageMemory {
    HugepageMemory::allocate(len).unwrap_or_else(|error| {
        panic!(
            "this test needs {} MiB of hugepages: {error}",
            len / MEBIBYTE
        )
    })
}

/// The lines of `/proc/self/smaps` about the mapping at `address`.
fn mapping_at(address: usize) -> Vec<String> {
    let smaps = fs::read_to_string("/proc/self/smaps").expect("/proc is mounted");
    smaps
        .lines()
        .skip_while(|line| !line.starts_with(&format!("{address:x}-")))
        .enumerate()
        .take_while(|(row, line)| *row == 0 || line.split(' ').next().unwrap().ends_with(':'))
        .map(|(_, line)| line.to_owned())
        .collect()
}

fn field(mapping: &[String], name: &str) -> String {
    let line = mapping.iter().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in {mapping:?}"))
        .trim()
        .to_owned()
}

#[test]
fn an_arena_lies_in_populated_hugepages() {
    let memory = hugepages(3 * MEBIBYTE);
    assert_eq!(memory.len(), 4 * MEBIBYTE, "rounded up");
    assert_eq!(memory.page_size(), 2 * MEBIBYTE);
    let arena = Arena::new(Box::new(memory), 64 * 1024, &fixture::same_iova).unwrap();
    assert_eq!(arena.block_count(), 64);
    let range = arena.address_range();
    assert_eq!(
        (range.start % (2 * MEBIBYTE), range.len()),
        (0, 4 * MEBIBYTE)
    );

    let mapping = mapping_at(range.start);
    assert_eq!(field(&mapping, "KernelPageSize:"), "2048 kB", "{mapping:?}");
    assert_eq!(
        field(&mapping, "Private_Hugetlb:"),
        "4096 kB",
        "not populated: {mapping:?}"
    );
    let flags = field(&mapping, "VmFlags:");
    for (flag, meaning) in [("ht", "hugetlb"), ("dc", "do not copy on fork")] {
        assert!(
            flags.split(' ').any(|it| it == flag),
            "{meaning} is not among {flags}"
        );
    }

    let mut cache = Cache::new(arena, CacheConfig::default());
    let mut block = cache.allocate().unwrap();
    block.as_mut_slice().fill(1);
    assert!(range.contains(&block.as_slice().as_ptr().addr()));
}

#[test]
fn a_shortage_is_an_error_that_says_what_to_do() {
    let error = HugepageMemory::allocate(1 << 44).expect_err("16 TiB of hugepages");
    assert!(
        matches!(
            error,
            ArenaError::HugepageShortage {
                pages: 8_388_608,
                ..
            }
        ),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.contains("8388608 hugepages") && text.contains("deploy/setup"),
        "{text}"
    );
}

#[test]
fn lengths_that_make_no_sense_are_errors() {
    for len in [0, usize::MAX, isize::MAX as usize] {
        let error = HugepageMemory::allocate(len).expect_err("no such length");
        assert!(
            matches!(error, ArenaError::InvalidLength { .. }),
            "{len}: {error:?}"
        );
    }
}

#[test]
fn dropped_memory_goes_back_to_the_system() {
    let memory = hugepages(2 * MEBIBYTE);
    let address = memory.base().addr().get();
    assert!(!mapping_at(address).is_empty());
    let arena = Arena::new(Box::new(memory), 64 * 1024, &fixture::same_iova).unwrap();
    drop(arena);
    let gone = mapping_at(address);
    assert!(
        gone.is_empty() || field(&gone, "KernelPageSize:") != "2048 kB",
        "still there: {gone:?}"
    );
}
