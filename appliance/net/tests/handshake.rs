//! Opening connections (RFC 9293, 3.5).

mod harness;

use harness::peer::Peer;
use net::{Event, State};

#[test]
fn a_syn_to_a_listening_port_is_answered_and_the_ack_accepts() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    assert_eq!(peer.stack.state(connection), Some(State::Established));
}

#[test]
fn data_goes_both_ways() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.send_data(b"request");
    assert_eq!(peer.events(), [Event::Readable { connection }]);
    assert_eq!(peer.read(), b"request");
    peer.write(b"reply");
    let reply = peer.segment();
    assert_eq!(reply.data, b"reply");
    assert_eq!(reply.flags, "P.");
    assert_eq!(reply.ack, peer.seq);
}
