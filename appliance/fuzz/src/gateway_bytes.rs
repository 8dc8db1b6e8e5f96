//! A gateway between clients and an origin that are both hostile: the spoilers of the gateway's own million hostile
//! records, which here do what the input says. When it is at its end everybody behaves; then nothing may be held, and
//! who comes next is served.

#[path = "../../gateway/tests/fuzz/mod.rs"]
mod fuzz;
#[path = "../../gateway/tests/lab/mod.rs"]
mod lab;

use fuzz::Fuzz;

/// Records of clients: more would be slow rather than new.
const RECORDS: usize = 200;

pub fn run(input: &[u8]) {
    let mut fuzz = Fuzz::new(input.to_vec(), 1);
    for _ in 0..RECORDS {
        if !fuzz.is_scripted() {
            break;
        }
        fuzz.step();
    }
    fuzz.make_peace();
    fuzz.assert_at_rest();
    fuzz.assert_serves();
    fuzz.assert_at_rest();
}
