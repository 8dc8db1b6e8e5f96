//! External segments carry the process's own addresses. Needs hugepages.

mod iova;
#[allow(dead_code, reason = "the ring tests ask the book for more")]
mod lent;

#[test]
fn external_segments_carry_virtual_addresses() {
    iova::check(dpdk::eal::Iova::Virtual);
}
