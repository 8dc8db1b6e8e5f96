//! External segments carry true physical addresses. Needs root and hugepages.

mod iova;
#[allow(dead_code, reason = "the ring tests ask the book for more")]
mod lent;

#[test]
fn external_segments_carry_physical_addresses() {
    iova::check(dpdk::eal::Iova::Physical);
}
