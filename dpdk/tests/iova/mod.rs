//! What a device would see of lent bytes: looked at in the mbufs themselves.

use crate::lent::Lender;
use dpdk::eal::{Iova, LogLevel, Pages, Vdev};
use dpdk::{
    Eal, EalConfig, ExternalPool, ExternalPoolConfig, FrameBuilder, Mbuf, MbufBatch, Mempool,
    MempoolConfig, Part, Port, PortConfig, Segment,
};
use extbuf::{Loan, LoanParts};
use std::ptr::NonNull;

const LENT_BYTES: usize = 64 << 20;
const FRAMES: usize = 1000;
/// No page is smaller, so checking each of these finds every break.
const STEP: usize = 4096;

/// Whether a device that reads from the segment's IO address on meets the segment's bytes.
fn reachable(eal: &Eal, segment: &Segment<'_>) -> bool {
    let first = NonNull::from(segment.bytes()).cast::<u8>();
    let last = segment.len() - 1;
    (0..last).step_by(STEP).chain([last]).all(|offset| {
        let address = first.map_addr(|a| a.checked_add(offset).expect("no overflow"));
        eal.virt2iova(address) == Some(segment.data_iova() + offset as u64)
    })
}

/// A loan with its IO address a page off, as a careless owner would give it.
struct Misplaced<L>(L);

// SAFETY: virtual devices, the only ones here, read by virtual address.
unsafe impl<L: Loan> Loan for Misplaced<L> {
    fn into_parts(self) -> LoanParts {
        let parts = self.0.into_parts();
        LoanParts {
            iova: parts.iova + 4096,
            ..parts
        }
    }
}

/// Sends loans from all over the memory and checks every segment before it goes.
pub fn check(iova: Iova) {
    let eal = Eal::start(&EalConfig {
        memory_mib: Some(128),
        pages: Pages::Huge {
            in_memory: true,
            single_file_segments: true,
        },
        vdevs: vec![Vdev::new("net_null0")],
        iova,
        log_level: LogLevel::Error,
        ..EalConfig::default()
    })
    .expect("the EAL starts");
    assert_eq!(eal.iova(), iova);
    let direct = MempoolConfig {
        count: 2047,
        cache: 0,
        ..MempoolConfig::default()
    };
    let external = ExternalPoolConfig {
        count: 2047,
        cache: 0,
    };
    let builder = FrameBuilder::new(
        Mempool::create(&eal, "direct", direct).expect("pool"),
        ExternalPool::create(&eal, "external", external).expect("pool"),
    );
    let pools = [builder.direct().share()];
    let (port, _rx, mut tx) =
        Port::open(&eal, "net_null0", &PortConfig::default(), &pools).expect("port");
    let lender = Lender::new(&eal, "lent", LENT_BYTES, FRAMES + 1);

    let mut batch = MbufBatch::with_capacity(1);
    for number in 0..FRAMES {
        // Both ends of 2 MiB pages, and 64 KiB less one where an mbuf ends.
        let page = (number * 7 % (LENT_BYTES >> 21)) << 21;
        let len = [1, 1448, 4096, 65_535][number % 4];
        let start = page + [0, (2 << 20) - len, 4095, 1 << 20][number / 4 % 4];
        let loan = lender.lend(number, start..start + len);
        let frame = builder.build(&[0; 54], [Part::Lend(loan)]).expect("frame");
        assert!(
            frame.segments().all(|segment| reachable(&eal, &segment)),
            "frame {number}"
        );
        let external = frame.segments().filter(Segment::is_external);
        assert!(external.map(|s| s.len()).eq([len]));
        batch.push(frame).expect("room");
        assert_eq!(tx[0].transmit(&mut batch), 1);
    }
    lender.assert_released_once(0..FRAMES);

    // The check itself finds an address that is off.
    let off = Misplaced(lender.lend(FRAMES, 0..100));
    let off: Mbuf = builder.external().attach(off).expect("mbuf");
    assert!(off.segments().all(|segment| !reachable(&eal, &segment)));
    drop(off);
    lender.assert_released_once(FRAMES..FRAMES + 1);
    assert_eq!(builder.external().available(), builder.external().size());

    let same = eal.virt2iova(lender.base()) == Some(lender.base().addr().get() as u64);
    assert_eq!(same, iova == Iova::Virtual, "the two modes differ");
    drop(port);
}
