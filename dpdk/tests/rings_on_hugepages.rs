//! Ownership on real rings, in hugepages. A machine without them fails this test: run
//! deploy/setup.

mod lent;
mod rings;

use dpdk::Eal;
use dpdk::eal::Pages;

#[test]
fn rings_keep_ownership_on_hugepages() {
    let mut config = rings::eal_config();
    config.pages = Pages::Huge {
        in_memory: true,
        single_file_segments: true,
    };
    let eal = Eal::start(&config).expect("the EAL starts");
    let mut stock = rings::Stock::new(&eal);
    rings::checks::run_all(&mut stock);
    stock.assert_all_home();
}
