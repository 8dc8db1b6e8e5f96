//! What must hold on every kind of ring and memory.

use super::{LENT_BYTES, LOANS, ROUNDS, Rings, Stock, flat};
use crate::lent::{Lent, pattern};
use dpdk::{FrameError, Mbuf, MbufBatch, MbufError, Part, TxOffload};

const HEADER_BYTES: usize = 54;

/// Where loan `number` begins and how long it is: all sizes and alignments, within 2 MiB.
fn range_of(number: usize) -> std::ops::Range<usize> {
    let len = 1 + (number * 977) % 8192;
    let start = (number * 12_289) % (LENT_BYTES - 8192);
    let page_end = (start / (2 << 20) + 1) * (2 << 20);
    start..(start + len).min(page_end)
}

/// A header that tells the frame's number.
fn header_of(number: usize) -> [u8; HEADER_BYTES] {
    let mut header = [0xee; HEADER_BYTES];
    header[..6].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
    header[12..14].copy_from_slice(&[0x88, 0xb5]);
    header[14..22].copy_from_slice(&(number as u64).to_le_bytes());
    header
}

fn number_of(frame: &[u8]) -> usize {
    let mut number = [0; 8];
    number.copy_from_slice(&frame[14..22]);
    usize::try_from(u64::from_le_bytes(number)).expect("small")
}

/// Header and one loan.
fn frame(stock: &Stock, number: usize) -> Mbuf {
    let loan = stock.lender.lend(number, range_of(number));
    let frame = stock
        .builder
        .build(&header_of(number), [Part::Lend(loan)])
        .expect("frame");
    let segments: Vec<_> = frame.segments().collect();
    assert_eq!(segments.len(), 2);
    assert!(!segments[0].is_external() && segments[1].is_external());
    let address = stock.lender.base().addr().get() + range_of(number).start;
    assert_eq!(
        segments[1].data_address(),
        address,
        "attached where it lies"
    );
    assert_eq!(segments[1].len(), range_of(number).len());
    frame
}

fn assert_intact(bytes: &[u8]) {
    let number = number_of(bytes);
    assert_eq!(bytes[..HEADER_BYTES], header_of(number));
    let expected: Vec<u8> = range_of(number).map(pattern).collect();
    assert!(
        bytes[HEADER_BYTES..] == expected,
        "payload of frame {number}"
    );
}

/// Chains cross the ring whole and in order, and each loan is released exactly once,
/// where it began, after a flush at the latest.
pub fn chains_arrive_and_are_released_once(stock: &mut Stock, rings: &mut Rings) {
    stock.lender.clear_book();
    let mut batch = MbufBatch::with_capacity(32);
    let (mut made, mut received) = (0, 0);
    for _ in 0..ROUNDS {
        while made < LOANS && batch.push_new(|| frame(stock, made)) {
            made += 1;
        }
        assert_eq!(rings.tx.prepare(&mut batch), 0);
        rings.tx.transmit(&mut batch);
        let on_the_way = made - batch.len() - received;
        received += rings.drain_peer(on_the_way, |frame| assert_intact(&flat(frame)));
        if received == LOANS {
            break;
        }
    }
    assert_eq!(received, LOANS);
    rings.tx.flush_completions();
    stock.lender.assert_released_once(0..LOANS);
    for number in 0..LOANS {
        assert_eq!(stock.lender.released_at(number), range_of(number).start);
    }
}

/// What a full ring refuses stays with the caller, in order and with its loans, and is
/// freed with the batch; what it took is freed by a flush once the peer has read it.
pub fn a_full_ring_leaves_frames_to_the_caller(stock: &mut Stock, rings: &mut Rings) {
    stock.lender.clear_book();
    const FRAMES: usize = 600;
    let mut batch = MbufBatch::with_capacity(u16::try_from(FRAMES).expect("small"));
    for number in 0..FRAMES {
        batch.push(frame(stock, number)).expect("room");
    }
    assert_eq!(rings.tx.prepare(&mut batch), 0);
    let mut taken = 0;
    // Some drivers take a burst in pieces.
    for _ in 0..FRAMES {
        taken += rings.tx.transmit(&mut batch);
    }
    assert!(taken > 0 && taken < FRAMES, "the ring took {taken}");
    assert_eq!(batch.len(), FRAMES - taken);
    for (left, number) in batch.as_slice().iter().zip(taken..) {
        assert_intact(&flat(left));
        assert_eq!(number_of(left.bytes()), number);
    }
    rings.tx.flush_completions();
    assert!(
        (0..FRAMES).all(|number| stock.lender.released(number) == 0),
        "nothing was read yet"
    );

    drop(batch);
    stock.lender.assert_released_once(taken..FRAMES);
    assert!(
        (0..taken).all(|number| stock.lender.released(number) == 0),
        "still in the ring"
    );

    assert_eq!(
        rings.drain_peer(taken, |frame| assert_intact(&flat(frame))),
        taken
    );
    rings.tx.flush_completions();
    stock.lender.assert_released_once(0..FRAMES);
}

/// Frames still in the ring are freed when the port closes.
pub fn closing_releases_what_the_ring_holds(stock: &mut Stock, mut rings: Rings) {
    stock.lender.clear_book();
    const FRAMES: usize = 20;
    let mut batch = MbufBatch::with_capacity(32);
    for number in 0..FRAMES {
        batch.push(frame(stock, number)).expect("room");
    }
    assert_eq!(rings.tx.transmit(&mut batch), FRAMES);
    assert!((0..FRAMES).all(|number| stock.lender.released(number) == 0));
    rings.close(&stock.eal);
    stock.lender.assert_released_once(0..FRAMES);
    stock.assert_all_home();
}

/// A received chain can be cut into segments of its own; those not taken are freed.
pub fn received_chains_are_cut(stock: &mut Stock, rings: &mut Rings) {
    let body: Vec<u8> = (0..6000).map(pattern).collect();
    for take in [0, 1, usize::MAX] {
        let sent = stock
            .builder
            .build::<Lent>(&header_of(7), [Part::Copy(&body)])
            .expect("frame");
        let mut batch = MbufBatch::with_capacity(4);
        batch.push(sent).expect("room");
        assert_eq!(rings.peer_tx.transmit(&mut batch), 1);
        let arrived = (0..ROUNDS).any(|_| rings.rx.receive(&mut batch) == 1);
        assert!(arrived);
        let received = batch.pop().expect("a frame");
        let len = received.packet_len();
        assert_eq!(len, HEADER_BYTES + body.len());
        assert!(
            received.segment_count() > 1,
            "it does not fit into one mbuf"
        );
        let segments: Vec<Mbuf> = received.into_segments().take(take).collect();
        assert!(segments.iter().all(|s| s.segment_count() == 1));
        assert!(segments.iter().all(|s| s.packet_len() == s.bytes().len()));
        if take == usize::MAX {
            let bytes: Vec<u8> = segments.iter().flat_map(|s| s.bytes()).copied().collect();
            assert_eq!(bytes[..HEADER_BYTES], header_of(7));
            assert!(bytes[HEADER_BYTES..] == body);
        }
    }
}

/// A frame that no ring takes is dropped by `prepare`, and the others keep their order.
pub fn hopeless_frames_are_dropped(stock: &mut Stock, rings: &mut Rings) {
    stock.lender.clear_book();
    let lend = |number: usize| stock.lender.lend(number, number..number + 1);
    let most = usize::from(rings.port.granted().max_segments);
    let mut long = stock.builder.external().attach(lend(0)).expect("mbuf");
    let mut loans = 1;
    while long.segment_count() <= most {
        long.chain(stock.builder.external().attach(lend(loans)).expect("mbuf"))
            .expect("chain");
        loans += 1;
    }
    let mut batch = MbufBatch::with_capacity(4);
    batch.push(frame(stock, loans)).expect("room");
    batch.push(long).expect("room");
    batch.push(frame(stock, loans + 1)).expect("room");
    batch.push(frame(stock, loans + 2)).expect("room");
    assert_eq!(rings.tx.prepare(&mut batch), 1);
    stock.lender.assert_released_once(0..loans);
    let order: Vec<usize> = batch
        .as_slice()
        .iter()
        .map(|f| number_of(f.bytes()))
        .collect();
    assert_eq!(order, [loans, loans + 1, loans + 2]);
    drop(batch);
    stock.lender.assert_released_once(0..loans + 3);
}

/// `prepare` writes the pseudo header's sum where the device continues from it.
pub fn checksums_are_prepared(stock: &mut Stock, rings: &mut Rings) {
    assert!(rings.port.granted().tx.tcp_checksum);
    let payload = [0x11; 100];
    let mut bytes = [0; HEADER_BYTES];
    bytes[12..14].copy_from_slice(&[8, 0]);
    bytes[14] = 0x45;
    bytes[16..18].copy_from_slice(&140_u16.to_be_bytes());
    bytes[23] = 6;
    bytes[26..30].copy_from_slice(&[10, 0, 0, 1]);
    bytes[30..34].copy_from_slice(&[10, 0, 0, 2]);
    bytes[46] = 0x50;
    let build = || {
        stock
            .builder
            .build::<Lent>(&bytes, [Part::Copy(&payload)])
            .expect("frame")
    };
    let offload = TxOffload {
        l2_len: 14,
        l3_len: 20,
        l4_len: 20,
        ip_checksum: false,
        tcp_checksum: true,
        tso_segment: None,
    };
    let mut wanted = build();
    wanted.set_tx_offload(&offload).expect("headers");
    let mut batch = MbufBatch::with_capacity(2);
    batch.push(wanted).expect("room");
    batch.push(build()).expect("room");
    assert_eq!(rings.tx.prepare(&mut batch), 0);
    // RFC 9293, 3.1: both addresses, the protocol and the TCP length (120).
    let sum: u32 = 0x0a00 + 1 + 0x0a00 + 2 + 6 + 120;
    let sum = u16::try_from(sum).expect("no carry").to_be_bytes();
    let field = |n: usize| batch.as_slice()[n].bytes()[50..52].to_vec();
    assert_eq!(field(0), sum);
    assert_eq!(field(1), [0, 0], "not asked for");

    let long = TxOffload {
        l3_len: 200,
        ..offload
    };
    assert_eq!(build().set_tx_offload(&long), Err(MbufError::Headers));
    let short = TxOffload {
        l4_len: 8,
        ..offload
    };
    assert_eq!(build().set_tx_offload(&short), Err(MbufError::Headers));
    let mut lent = stock
        .builder
        .external()
        .attach(stock.lender.lend(0, 0..200))
        .expect("mbuf");
    assert_eq!(
        lent.set_tx_offload(&offload),
        Err(MbufError::Headers),
        "lent bytes are not written"
    );
}

/// Frames of mixed parts, and every way of not getting one, which releases the loans.
pub fn frames_are_built_of_parts(stock: &mut Stock) {
    stock.lender.clear_book();
    let lend = |number: usize| stock.lender.lend(number, range_of(number));
    let long: Vec<u8> = (0..5000).map(pattern).collect();
    let parts = [
        Part::Copy(&b"head"[..]),
        Part::Lend(lend(3)),
        Part::Copy(&[]),
        Part::Copy(&long),
    ];
    let mixed = stock.builder.build(b"first ", parts).expect("frame");
    let mut expected = b"first head".to_vec();
    expected.extend(range_of(3).map(pattern));
    expected.extend_from_slice(&long);
    assert!(flat(&mixed) == expected);
    assert_eq!(mixed.packet_len(), expected.len());
    // One for what was copied first, one lent, three for 5,000 bytes.
    assert_eq!(mixed.segment_count(), 5);
    assert_eq!(mixed.segments().filter(|s| s.is_external()).count(), 1);
    drop(mixed);
    stock.lender.assert_released_once(3..4);

    assert_eq!(
        stock.builder.build::<Lent>(b"", []).map(drop),
        Err(FrameError::Empty)
    );
    let many = (100..100 + LOANS / 2).map(|n| Part::Lend(lend(n)));
    assert_eq!(
        stock.builder.build(b"x", many).map(drop),
        Err(FrameError::TooLong)
    );
    let tried = 100..100 + dpdk::limits::FRAME_PARTS;
    stock.lender.assert_released_once(tried);

    // With the pool of external mbufs empty, loans come back at once.
    let mut hoard = Vec::new();
    while let Some(mbuf) = stock.builder.external().attach(lend(0)) {
        hoard.push(mbuf);
    }
    let failed = stock.builder.build(b"x", [Part::Lend(lend(1))]);
    assert_eq!(failed.map(drop), Err(FrameError::PoolEmpty));
    stock.lender.assert_released_once(1..2);
    assert_eq!(hoard.len(), stock.builder.external().size() as usize);
    drop(hoard);
    assert_eq!(
        stock.lender.released(0),
        stock.builder.external().size() + 1
    );
}

/// Appending and chaining, and what they refuse.
pub fn mbufs_grow(stock: &mut Stock) {
    stock.lender.clear_book();
    let room = usize::from(stock.builder.direct().room());
    let mut mbuf = stock.builder.direct().allocate().expect("mbuf");
    mbuf.append(b"one ").expect("room");
    mbuf.append(b"two").expect("room");
    assert_eq!(
        mbuf.append(&vec![0; room - 6]),
        Err(MbufError::NoRoom(room - 6))
    );
    assert_eq!(flat(&mbuf), b"one two");
    let loan = stock
        .builder
        .external()
        .attach(stock.lender.lend(0, 0..9))
        .expect("mbuf");
    mbuf.chain(loan).expect("short");
    assert_eq!((mbuf.packet_len(), mbuf.segment_count()), (16, 2));
    assert_eq!(
        mbuf.append(b"x"),
        Err(MbufError::NoRoom(1)),
        "lent bytes are not written"
    );
    assert_eq!(stock.lender.released(0), 0);
    drop(mbuf);
    stock.lender.assert_released_once(0..1);
}

/// `push` with the frame made only if it fits.
trait PushNew {
    fn push_new(&mut self, make: impl FnOnce() -> Mbuf) -> bool;
}

impl PushNew for MbufBatch {
    fn push_new(&mut self, make: impl FnOnce() -> Mbuf) -> bool {
        self.room() > 0 && self.push(make()).is_ok()
    }
}

/// Everything, on each kind of ring that virtio has a transmit path of its own for.
pub fn run_all(stock: &mut Stock) {
    frames_are_built_of_parts(stock);
    mbufs_grow(stock);
    stock.assert_all_home();
    let kinds: [&[(&str, &str)]; 4] = [
        &[],
        &[("in_order", "0")],
        &[("packed_vq", "1")],
        &[("packed_vq", "1"), ("in_order", "0"), ("mrg_rxbuf", "0")],
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let mut rings = Rings::open(stock, number, kind);
        assert_eq!(rings.port.driver(), "net_virtio_user");
        assert_eq!(rings.port.mac(), [2, 0, 0, 0, 0, 2]);
        assert!(rings.port.granted().tx.multi_segment);
        chains_arrive_and_are_released_once(stock, &mut rings);
        a_full_ring_leaves_frames_to_the_caller(stock, &mut rings);
        if !kind.contains(&("mrg_rxbuf", "0")) {
            received_chains_are_cut(stock, &mut rings);
        }
        hopeless_frames_are_dropped(stock, &mut rings);
        checksums_are_prepared(stock, &mut rings);
        assert!(rings.port.stats().expect("statistics").tx_packets >= LOANS as u64);
        assert!(rings.peer.stats().expect("statistics").rx_packets >= LOANS as u64);
        closing_releases_what_the_ring_holds(stock, rings);
    }
}
