//! A machine that asks for the same thing twice, on two connections.

use std::net::Ipv4Addr;

use super::origin::ROOT;
use super::xdr::{Out, record};
use super::{Lab, Setup, WRITE, file_handle, pattern, write_args};

pub const SETATTR: u32 = 2;
pub const CREATE: u32 = 8;
pub const REMOVE: u32 = 12;

/// The machine both of these clients are connections of.
pub const MACHINE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);
pub const FIRST: u64 = 1;
pub const SECOND: u64 = 11;

/// A machine with two connections, a file "f", and the file's handle.
pub fn lab_of(setup: Setup) -> (Lab, Vec<u8>) {
    let mut lab = setup.start();
    lab.connect(SECOND, MACHINE);
    lab.add_file("f", b"content");
    let file = lab.lookup(FIRST, "f");
    (lab, file)
}

pub fn lab() -> (Lab, Vec<u8>) {
    lab_of(Setup::default())
}

pub fn in_root(name: &str) -> Out {
    Out::new()
        .opaque(&file_handle(ROOT))
        .opaque(name.as_bytes())
}

/// Sends a call whole on `client`, and does what is to be done.
pub fn ask(lab: &mut Lab, client: u64, call: &[u8]) {
    assert_eq!(lab.offer(client, &record(call)), 0, "taken in whole");
    lab.run();
}

/// The procedures that must not be executed twice, with arguments that work once.
pub fn changes(file: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let attributes = || [0; 6].into_iter().fold(Out::new(), Out::u32).0;
    let root = file_handle(ROOT);
    vec![
        (SETATTR, Out::new().opaque(file).raw(&attributes()).u32(0).0),
        (WRITE, write_args(file, 3, &pattern(1000, 4))),
        (CREATE, in_root("created").u32(0).raw(&attributes()).0),
        (9, in_root("made").raw(&attributes()).0),
        (10, in_root("pointed").raw(&attributes()).opaque(b"to").0),
        (11, in_root("piped").u32(7).raw(&attributes()).0),
        (15, Out::new().opaque(file).raw(&in_root("linked").0).0),
        (14, in_root("linked").opaque(&root).opaque(b"renamed").0),
        (13, in_root("made").0),
        (REMOVE, in_root("f").0),
    ]
}
