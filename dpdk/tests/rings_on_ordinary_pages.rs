//! Ownership on real rings, in ordinary pages.

mod lent;
mod rings;

use dpdk::Eal;
use dpdk::eal::Pages;

#[test]
fn rings_keep_ownership_on_ordinary_pages() {
    let mut config = rings::eal_config();
    config.pages = Pages::Ordinary;
    let eal = Eal::start(&config).expect("the EAL starts");
    let mut stock = rings::Stock::new(&eal);
    rings::checks::run_all(&mut stock);
    stock.assert_all_home();
}
