//! Closing and resetting (RFC 9293, 3.5.2, 3.6; RFC 5961; RFC 6191).

mod harness;

use std::time::Duration;

use harness::frames::Tcp;
use harness::peer::{OUR_PORT, Peer, pattern};
use net::{CloseReason, Event, State};

fn send_fin(peer: &mut Peer) {
    let fin = peer.tcp("F.", &[]);
    peer.send(&fin);
    peer.seq = peer.seq.wrapping_add(1);
}

fn state(peer: &Peer) -> Option<State> {
    peer.stack.state(peer.connection())
}

#[test]
fn our_close_then_the_peers_passes_through_time_wait() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.stack.close(connection, peer.now);
    assert_eq!(state(&peer), Some(State::FinWait1));
    let fin = peer.segment();
    assert_eq!(fin.flags, "F.");
    peer.send_ack(fin.seq.wrapping_add(1));
    assert_eq!(state(&peer), Some(State::FinWait2));
    send_fin(&mut peer);
    assert_eq!(peer.segment().ack, peer.seq);
    assert_eq!(state(&peer), Some(State::TimeWait));
    let reason = CloseReason::Finished;
    assert_eq!(
        peer.events(),
        [
            Event::PeerClosed { connection },
            Event::Closed { connection, reason }
        ]
    );
    assert_eq!(peer.stack.connections(), 1);
    peer.wait(Duration::from_secs(61));
    assert_eq!(peer.stack.connections(), 0);
}

#[test]
fn the_peers_close_then_ours_needs_no_time_wait() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    send_fin(&mut peer);
    assert_eq!(peer.segment().ack, peer.seq);
    assert_eq!(state(&peer), Some(State::CloseWait));
    assert_eq!(peer.events(), [Event::PeerClosed { connection }]);
    peer.stack.close(connection, peer.now);
    let fin = peer.segment();
    assert_eq!(state(&peer), Some(State::LastAck));
    peer.send_ack(fin.seq.wrapping_add(1));
    let reason = CloseReason::Finished;
    assert_eq!(peer.events(), [Event::Closed { connection, reason }]);
    assert_eq!(peer.stack.connections(), 0);
}

#[test]
fn after_our_close_we_go_on_receiving() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.stack.close(connection, peer.now);
    let fin = peer.segment();
    peer.send_ack(fin.seq.wrapping_add(1));
    peer.send_data(b"still here");
    assert_eq!(peer.read(), b"still here");
}

#[test]
fn after_the_peers_close_we_go_on_sending() {
    let mut peer = Peer::default();
    peer.accept();
    send_fin(&mut peer);
    peer.segments();
    peer.write(b"still here");
    assert_eq!(peer.segment().data, b"still here");
}

#[test]
fn both_closing_at_once_ends_in_time_wait() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.stack.close(connection, peer.now);
    let fin = peer.segment();
    send_fin(&mut peer);
    assert_eq!(state(&peer), Some(State::Closing));
    peer.segments();
    peer.send_ack(fin.seq.wrapping_add(1));
    assert_eq!(state(&peer), Some(State::TimeWait));
}

#[test]
fn a_fin_that_also_acknowledges_ours_skips_closing() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.stack.close(connection, peer.now);
    peer.ack = peer.segment().seq.wrapping_add(1);
    send_fin(&mut peer);
    assert_eq!(state(&peer), Some(State::TimeWait));
}

#[test]
fn the_fin_rides_on_the_last_data() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.window = 1000;
    let ack = peer.ack;
    peer.send_ack(ack);
    peer.write(&pattern(1500));
    assert_eq!(peer.segment().data.len(), 1000);
    peer.sources = harness::buffers::Sources::default();
    peer.stack.close(connection, peer.now);
    assert!(peer.segments().is_empty(), "no room for a FIN");
    peer.send_ack(ack.wrapping_add(1000));
    let fin = peer.segment();
    assert_eq!(fin.flags, "F.");
}

#[test]
fn data_then_fin_in_one_segment_when_closed_before_sending() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    // The sink is full when the data is pulled, so it is still queued at close.
    peer.write(&pattern(2000));
    peer.sink.room = 1;
    assert_eq!(peer.segments().len(), 1);
    peer.sink.room = usize::MAX;
    peer.stack.close(connection, peer.now);
    let last = peer.segment();
    assert_eq!((last.flags.as_str(), last.data.len()), ("FP.", 540));
}

#[test]
fn a_fin_ahead_of_a_gap_waits_for_the_data() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    let fin = Tcp {
        seq: peer.seq + 4,
        ..peer.tcp("F.", b"efgh")
    };
    peer.send(&fin);
    assert!(peer.events().is_empty());
    peer.send_data(b"abcd");
    assert_eq!(peer.read(), b"abcdefgh");
    assert_eq!(
        peer.events(),
        [
            Event::Readable { connection },
            Event::PeerClosed { connection }
        ]
    );
    assert_eq!(peer.segments().pop().unwrap().ack, peer.seq + 5);
}

#[test]
fn a_fin_without_data_ahead_of_a_gap_counts_when_the_gap_is_filled() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    let fin = Tcp {
        seq: peer.seq + 4,
        ..peer.tcp("F.", b"")
    };
    peer.send(&fin);
    assert!(peer.events().is_empty());
    // As ordinary as a segment can be: nothing but the FIN that came before tells it from others.
    peer.send_data(b"abcd");
    assert_eq!(peer.read(), b"abcd");
    assert_eq!(
        peer.events(),
        [
            Event::Readable { connection },
            Event::PeerClosed { connection }
        ]
    );
    assert_eq!(peer.segments().pop().unwrap().ack, peer.seq + 1);
}

#[test]
fn closed_is_told_after_everything_was_read() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.stack.close(connection, peer.now);
    peer.ack = peer.segment().seq.wrapping_add(1);
    peer.send_data(b"last words");
    send_fin(&mut peer);
    assert_eq!(
        peer.events(),
        [
            Event::Readable { connection },
            Event::PeerClosed { connection }
        ]
    );
    assert_eq!(peer.read(), b"last words");
    let reason = CloseReason::Finished;
    assert_eq!(peer.events(), [Event::Closed { connection, reason }]);
}

#[test]
fn a_repeated_fin_in_time_wait_is_acknowledged_and_starts_it_again() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.stack.close(connection, peer.now);
    peer.ack = peer.segment().seq.wrapping_add(1);
    let fin = peer.tcp("F.", &[]);
    send_fin(&mut peer);
    peer.segments();
    peer.wait(Duration::from_secs(59));
    peer.send(&fin);
    let frames = peer.segments();
    assert_eq!(frames.last().unwrap().ack, peer.seq);
    peer.wait(Duration::from_secs(59));
    peer.frames();
    assert_eq!(peer.stack.connections(), 1);
}

#[test]
fn a_new_syn_ends_time_wait() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.stack.close(connection, peer.now);
    peer.ack = peer.segment().seq.wrapping_add(1);
    send_fin(&mut peer);
    peer.segments();
    peer.events();
    let syn = Tcp {
        seq: peer.seq + 100,
        ..peer.syn()
    };
    peer.send(&syn);
    let answer = peer.segment();
    assert_eq!((answer.flags.as_str(), answer.ack), ("S.", syn.seq + 1));
}

#[test]
fn a_later_timestamp_ends_time_wait_whatever_the_number() {
    for (later, flags) in [(1, "S."), (0, ".")] {
        let mut peer = Peer {
            clock: Some(100),
            ..Peer::default()
        };
        let syn = peer.syn();
        let connection = peer.accept_with(&syn);
        peer.stack.close(connection, peer.now);
        peer.ack = peer.segment().seq.wrapping_add(1);
        send_fin(&mut peer);
        peer.segments();
        peer.events();
        peer.clock = Some(100 + later);
        let lower = Tcp {
            seq: syn.seq.wrapping_sub(1_000_000),
            ..peer.syn()
        };
        peer.send(&lower);
        assert_eq!(peer.segment().flags, flags);
    }
}

#[test]
fn an_old_syn_does_not_end_time_wait() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    let old = peer.syn();
    peer.stack.close(connection, peer.now);
    peer.ack = peer.segment().seq.wrapping_add(1);
    send_fin(&mut peer);
    peer.segments();
    peer.events();
    let old = Tcp {
        seq: old.seq - 100,
        ..old
    };
    peer.send(&old);
    assert_eq!(peer.segment().flags, ".");
}

#[test]
fn a_peer_that_never_closes_is_given_up() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.stack.close(connection, peer.now);
    let fin = peer.segment();
    peer.send_ack(fin.seq.wrapping_add(1));
    peer.wait(Duration::from_secs(181));
    let reason = CloseReason::TimedOut;
    assert_eq!(peer.events(), [Event::Closed { connection, reason }]);
}

#[test]
fn a_reset_with_the_exact_number_ends_the_connection_and_drops_its_memory() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.send_data(b"unread");
    peer.write(&pattern(100));
    peer.segments();
    peer.events();
    let reset = peer.tcp("R", &[]);
    peer.send(&reset);
    let reason = CloseReason::Reset;
    assert_eq!(peer.events(), [Event::Closed { connection, reason }]);
    assert_eq!(peer.live.get(), 0);
    assert_eq!(peer.stack.held_send_buffers(), 0);
    assert_eq!(peer.stack.connections(), 0);
    assert!(peer.segments().is_empty());
}

/// Clients with few source ports reset and come back from the same one, in the same
/// burst of frames.
#[test]
fn a_syn_right_behind_a_reset_is_answered() {
    let mut peer = Peer::default();
    let old = peer.accept();
    let reset = peer.tcp("R", &[]);
    peer.send(&reset);
    peer.seq = peer.seq.wrapping_add(100_000);
    let syn = peer.syn();
    peer.send(&syn);
    let answer = peer.segment();
    assert_eq!(answer.flags, "S.");
    peer.seq = peer.seq.wrapping_add(1);
    peer.send_ack(answer.seq.wrapping_add(1));
    let events = peer.events();
    let reason = CloseReason::Reset;
    assert!(events.contains(&Event::Closed {
        connection: old,
        reason
    }));
    let new = events.iter().find_map(|event| match event {
        Event::Accepted { connection, .. } => Some(*connection),
        _ => None,
    });
    assert_ne!(new.expect("the new connection is accepted"), old);
    peer.send_data(b"again");
    peer.id = new;
    assert_eq!(
        peer.read(),
        b"again",
        "the old one's end did not take the new one's endpoints"
    );
}

#[test]
fn a_reset_elsewhere_in_the_window_is_challenged() {
    let mut peer = Peer::default();
    peer.accept();
    let reset = Tcp {
        seq: peer.seq + 10,
        ..peer.tcp("R", &[])
    };
    peer.send(&reset);
    assert_eq!(state(&peer), Some(State::Established));
    assert_eq!(peer.segment().ack, peer.seq);
    // Not more often than twice a second.
    peer.send(&reset);
    assert!(peer.segments().is_empty());
}

#[test]
fn a_reset_outside_the_window_is_ignored() {
    let mut peer = Peer::default();
    peer.accept();
    let reset = Tcp {
        seq: peer.seq.wrapping_add(1 << 30),
        ..peer.tcp("R", &[])
    };
    peer.send(&reset);
    assert_eq!(state(&peer), Some(State::Established));
    assert!(peer.segments().is_empty());
}

#[test]
fn a_syn_within_the_window_is_challenged() {
    let mut peer = Peer::default();
    peer.accept();
    let syn = Tcp {
        seq: peer.seq + 10,
        ..peer.syn()
    };
    peer.send(&syn);
    assert_eq!(state(&peer), Some(State::Established));
    assert_eq!(peer.segment().flags, ".");
}

#[test]
fn abort_resets_the_peer_and_forgets_everything() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.send_data(b"unread");
    peer.write(&pattern(100));
    let sent = peer.segments().pop().unwrap();
    peer.stack.abort(connection);
    let reset = peer.segment();
    assert_eq!(reset.flags, "R.");
    assert_eq!(reset.seq, sent.seq + 100);
    assert!(peer.events().is_empty());
    assert_eq!((peer.live.get(), peer.stack.connections()), (0, 0));
    assert_eq!(peer.stack.peek(connection), None);
}

#[test]
fn an_id_is_dead_even_when_its_slot_is_used_again() {
    let mut peer = Peer::default();
    let old = peer.accept();
    peer.stack.abort(old);
    peer.segments();
    peer.seq = 100;
    let new = peer.accept();
    assert_eq!(new.index(), old.index());
    peer.send_data(b"x");
    assert_eq!(peer.stack.peek(old), None);
    peer.stack.abort(old);
    assert_eq!(peer.stack.peek(new), Some(&b"x"[..]));
}

#[test]
fn closing_while_connecting_gives_up() {
    let mut peer = Peer::default();
    peer.introduce();
    let remote = std::net::SocketAddrV4::new(harness::frames::PEER_ADDRESS, 111);
    let connection = peer.stack.connect(remote, OUR_PORT, peer.now).unwrap();
    peer.segments();
    peer.stack.close(connection, peer.now);
    let reason = CloseReason::Finished;
    assert_eq!(peer.events(), [Event::Closed { connection, reason }]);
    assert_eq!(peer.stack.connections(), 0);
}

#[test]
fn time_wait_gives_way_when_the_table_is_full() {
    let mut config = harness::peer::config();
    config.limits.connections = 1;
    let mut peer = Peer::new(config);
    let connection = peer.accept();
    peer.stack.close(connection, peer.now);
    peer.ack = peer.segment().seq.wrapping_add(1);
    send_fin(&mut peer);
    peer.segments();
    peer.events();
    let syn = Tcp {
        from: 4000,
        ..peer.syn()
    };
    peer.send(&syn);
    assert_eq!(peer.segment().flags, "S.");
}

#[test]
fn closing_during_a_simultaneous_open_sends_fin_once_it_is_established() {
    let mut peer = Peer::default();
    peer.introduce();
    let remote =
        std::net::SocketAddrV4::new(harness::frames::PEER_ADDRESS, harness::peer::PEER_PORT);
    let connection = peer.stack.connect(remote, OUR_PORT, peer.now).unwrap();
    peer.id = Some(connection);
    let ours = peer.segment().seq;
    let syn = peer.syn();
    peer.send(&syn);
    peer.segments();
    peer.stack.close(connection, peer.now);
    peer.seq += 1;
    peer.send_ack(ours.wrapping_add(1));
    assert_eq!(peer.segment().flags, "F.");
    assert_eq!(state(&peer), Some(State::FinWait1));
}

/// It can never be read, and is counted against what all connections may hold.
#[test]
fn what_lies_behind_the_peers_fin_goes_with_the_connection() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    let mut behind = peer.tcp(".", b"never read");
    behind.seq = behind.seq.wrapping_add(2);
    peer.send(&behind);
    assert_eq!(peer.stack.held_receive_buffers(), 1);
    send_fin(&mut peer);
    peer.frames();
    peer.stack.close(connection, peer.now);
    let fin = peer.segment();
    peer.send_ack(fin.seq.wrapping_add(1));
    peer.events();
    assert_eq!(peer.stack.connections(), 0);
    assert_eq!(peer.live.get(), 0);
    assert_eq!(peer.stack.held_receive_buffers(), 0);
}
