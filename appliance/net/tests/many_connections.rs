//! Ten thousand connections: each works, and what an event costs does not depend
//! on how many there are.

mod harness;

use std::time::Duration;

use harness::frames::Tcp;
use harness::peer::{Peer, config};
use net::{ConnectionId, Event, State};

/// One of the peer's connections.
struct Client {
    port: u16,
    ack: u32,
    id: Option<ConnectionId>,
}

const ISN: u32 = 7000;

fn segment(peer: &Peer, client: &Client, flags: &str, seq: u32, data: &[u8]) -> Tcp {
    Tcp {
        from: client.port,
        seq,
        ack: client.ack,
        ..peer.tcp(flags, data)
    }
}

fn with_room_for(count: usize) -> Peer {
    let mut config = config();
    config.limits.connections = count;
    config.limits.receive_buffers = count;
    let mut peer = Peer::new(config);
    peer.introduce();
    peer.stack.listen(harness::peer::OUR_PORT);
    peer
}

/// Opens `count` connections one after the other.
fn open(peer: &mut Peer, count: u16) -> Vec<Client> {
    let open = |port| {
        let mut client = Client {
            port,
            ack: 0,
            id: None,
        };
        let syn = Tcp {
            mss: Some(1460),
            ..segment(peer, &client, "S", ISN, &[])
        };
        peer.send(&syn);
        client.ack = peer.segment().seq.wrapping_add(1);
        let ack = segment(peer, &client, ".", ISN + 1, &[]);
        peer.send(&ack);
        let events = peer.events();
        let [Event::Accepted { connection, .. }] = events[..] else {
            panic!("{events:?}");
        };
        client.id = Some(connection);
        peer.now += Duration::from_micros(10);
        client
    };
    (1..=count).map(open).collect()
}

/// A request and its reply on every connection, the acknowledgements of both
/// delayed, then silence until every keepalive was answered. Yields timers
/// visited per connection.
fn exercise(count: u16) -> u64 {
    let mut peer = with_room_for(count.into());
    let mut clients = open(&mut peer, count);
    assert_eq!(peer.stack.connections(), usize::from(count));
    for client in &mut clients {
        let id = client.id.unwrap();
        peer.id = Some(id);
        let request = segment(&peer, client, ".P", ISN + 1, &client.port.to_be_bytes());
        peer.send(&request);
        assert_eq!(peer.events(), [Event::Readable { connection: id }]);
        let read = peer.read();
        assert_eq!(read, client.port.to_be_bytes());
        peer.now += Duration::from_micros(10);
        peer.write(&read);
        let reply = peer.segment();
        assert_eq!((reply.to, &reply.data), (client.port, &read));
        client.ack = client.ack.wrapping_add(2);
        let ack = segment(&peer, client, ".", ISN + 3, &[]);
        peer.send(&ack);
    }
    // A keepalive probe of each, in the order in which they fell silent.
    let mut answered = 0;
    let end = peer.now + Duration::from_secs(65);
    while let Some(at) = peer.stack.poll_timeout()
        && at <= end
    {
        peer.now = at;
        peer.stack.handle_timeout(at);
        for probe in peer.segments() {
            let client = &clients[usize::from(probe.to) - 1];
            let answer = segment(&peer, client, ".", ISN + 3, &[]);
            peer.send(&answer);
            answered += 1;
        }
    }
    assert_eq!(answered, count);
    for client in &clients {
        let id = client.id.unwrap();
        assert_eq!(peer.stack.state(id), Some(State::Established));
    }
    let visited = peer.stack.timers_visited() / u64::from(count);
    for client in &clients {
        peer.stack.abort(client.id.unwrap());
        peer.frames();
    }
    assert_eq!(peer.stack.connections(), 0);
    visited
}

#[test]
fn an_event_costs_the_same_with_ten_thousand_connections_as_with_a_hundred() {
    let few = exercise(100);
    let many = exercise(10_000);
    // Half a dozen timers each, of which none goes down more than a level for
    // each factor of 64 in time.
    assert!(few > 5 && many < few + 6, "{many} against {few}");
}

#[test]
fn a_table_full_of_closed_connections_takes_ten_thousand_new_ones() {
    const COUNT: u16 = 10_000;
    let mut peer = with_room_for(COUNT.into());
    for client in open(&mut peer, COUNT) {
        peer.stack.close(client.id.unwrap(), peer.now);
        peer.frames();
        let fin = Tcp {
            ack: client.ack.wrapping_add(1),
            ..segment(&peer, &client, "F.", ISN + 1, &[])
        };
        peer.send(&fin);
        peer.frames();
        peer.events();
    }
    assert_eq!(peer.stack.connections(), usize::from(COUNT));
    // From other ports, so that no TIME_WAIT is reused by its own peer.
    for port in 20_000..20_000 + COUNT {
        let syn = Tcp {
            from: port,
            ..peer.syn()
        };
        peer.send(&syn);
        let answer = peer.segment();
        let ack = Tcp {
            from: port,
            seq: peer.seq + 1,
            ack: answer.seq.wrapping_add(1),
            ..peer.tcp(".", &[])
        };
        peer.send(&ack);
        assert_eq!(peer.events().len(), 1);
    }
    assert_eq!(peer.stack.stats().dropped_table_full, 0);
    assert_eq!(peer.stack.stats().cookies_sent, 0);
}
