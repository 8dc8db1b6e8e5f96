//! The state of a connection after every stimulus in every state, and what is
//! answered, as a table.

mod harness;

use std::fmt::Write;
use std::time::Duration;

use harness::frames::{PEER_ADDRESS, Tcp};
use harness::peer::{OUR_PORT, PEER_PORT, Peer};
use net::{Event, State};

const STATES: [State; 9] = [
    State::SynSent,
    State::SynReceived,
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
    State::TimeWait,
];

#[derive(Clone, Copy, Debug)]
enum Stimulus {
    Syn,
    SynAck,
    Ack,
    AckOfUnsent,
    Data,
    OldData,
    Fin,
    FinAckingOurs,
    Reset,
    ResetInWindow,
    Close,
    Timers,
}

const STIMULI: [Stimulus; 12] = [
    Stimulus::Syn,
    Stimulus::SynAck,
    Stimulus::Ack,
    Stimulus::AckOfUnsent,
    Stimulus::Data,
    Stimulus::OldData,
    Stimulus::Fin,
    Stimulus::FinAckingOurs,
    Stimulus::Reset,
    Stimulus::ResetInWindow,
    Stimulus::Close,
    Stimulus::Timers,
];

/// A connection in `state`. The peer has not acknowledged our last SYN or FIN
/// where the state allows it; `highest` is what would acknowledge all.
fn reach(state: State) -> (Peer, u32) {
    let mut peer = Peer::default();
    if state == State::SynSent {
        peer.introduce();
        let remote = std::net::SocketAddrV4::new(PEER_ADDRESS, PEER_PORT);
        peer.id = Some(peer.stack.connect(remote, OUR_PORT, peer.now).unwrap());
        let highest = peer.segment().seq.wrapping_add(1);
        peer.ack = highest;
        return (peer, highest);
    }
    if state == State::SynReceived {
        // Named only once it is announced, so it is opened by both at once.
        let (mut peer, highest) = reach(State::SynSent);
        let syn = peer.syn();
        peer.send(&syn);
        peer.segments();
        peer.seq += 1;
        peer.ack = highest.wrapping_sub(1);
        return (peer, highest);
    }
    let id = peer.accept();
    let highest = peer.ack.wrapping_add(1);
    let we_close = |peer: &mut Peer| {
        peer.stack.close(id, peer.now);
        peer.segments();
    };
    let peer_closes = |peer: &mut Peer| {
        let fin = peer.tcp("F.", &[]);
        peer.send(&fin);
        peer.seq += 1;
        peer.segments();
    };
    match state {
        State::FinWait1 => we_close(&mut peer),
        State::FinWait2 => {
            we_close(&mut peer);
            peer.send_ack(highest);
        }
        State::CloseWait => {
            peer_closes(&mut peer);
            return (peer, highest.wrapping_sub(1));
        }
        State::Closing => {
            we_close(&mut peer);
            peer_closes(&mut peer);
        }
        State::LastAck => {
            peer_closes(&mut peer);
            we_close(&mut peer);
        }
        State::TimeWait => {
            we_close(&mut peer);
            peer.send_ack(highest);
            peer_closes(&mut peer);
        }
        _ => return (peer, highest.wrapping_sub(1)),
    }
    (peer, highest)
}

fn stimulate(peer: &mut Peer, highest: u32, stimulus: Stimulus) {
    let acking = |peer: &Peer, flags: &str, data: &[u8]| Tcp {
        ack: highest,
        ..peer.tcp(flags, data)
    };
    let segment = match stimulus {
        Stimulus::Syn => peer.syn(),
        Stimulus::SynAck => Tcp {
            mss: Some(1460),
            ..acking(peer, "S.", &[])
        },
        Stimulus::Ack => acking(peer, ".", &[]),
        Stimulus::AckOfUnsent => Tcp {
            ack: highest.wrapping_add(1),
            ..peer.tcp(".", &[])
        },
        Stimulus::OldData => Tcp {
            seq: peer.seq.wrapping_sub(1000),
            ..peer.tcp(".", b"data")
        },
        Stimulus::Data => peer.tcp(".", b"data"),
        Stimulus::Fin => peer.tcp("F.", &[]),
        Stimulus::FinAckingOurs => acking(peer, "F.", &[]),
        Stimulus::Reset => acking(peer, "R.", &[]),
        Stimulus::ResetInWindow => Tcp {
            seq: peer.seq.wrapping_add(50),
            ..peer.tcp("R", &[])
        },
        Stimulus::Close => return peer.stack.close(peer.connection(), peer.now),
        Stimulus::Timers => return peer.wait(Duration::from_secs(1000)),
    };
    peer.send(&segment);
}

/// What a cell says: the state, why the connection ended, and the flags of what
/// went out in answer.
fn outcome(peer: &mut Peer) -> String {
    let answers: Vec<String> = peer
        .segments()
        .into_iter()
        .map(|segment| segment.flags)
        .collect();
    let state = peer
        .stack
        .state(peer.connection())
        .map_or("-".to_owned(), |state| format!("{state:?}"));
    let closed = peer.events().into_iter().find_map(|event| match event {
        Event::Closed { reason, .. } => Some(format!("({reason:?})")),
        _ => None,
    });
    let next = format!("{state}{}", closed.unwrap_or_default());
    // Hours of retransmissions are as good as one.
    let answers = answers.first().map_or("-", String::as_str);
    format!("{next:22} {answers}")
}

#[test]
fn every_stimulus_in_every_state() {
    let mut table = String::new();
    for state in STATES {
        writeln!(table, "{state:?}").unwrap();
        for stimulus in STIMULI {
            let (mut peer, highest) = reach(state);
            assert_eq!(peer.stack.state(peer.connection()), Some(state));
            // In TIME_WAIT the application has been told to forget the connection
            // once it polls, so it does not.
            if state != State::TimeWait {
                peer.events();
            }
            stimulate(&mut peer, highest, stimulus);
            writeln!(
                table,
                "    {:14} {}",
                format!("{stimulus:?}"),
                outcome(&mut peer)
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(table);
}
