//! Starting, refusing, registering and cleaning up.

use dpdk::eal::{LogLevel, Pages, Vdev};
use dpdk::{
    Eal, EalConfig, EalError, EalMemory, ExternalPool, ExternalPoolConfig, MbufBatch, MemoryError,
    Mempool, MempoolConfig, PoolError, Port, PortConfig, PortError, RegisteredMemory,
};
use extbuf::Region;
use std::alloc::Layout;
use std::ptr::NonNull;

/// Ordinary memory that the EAL does not own.
struct Foreign {
    base: NonNull<u8>,
    layout: Layout,
}

impl Foreign {
    fn new(len: usize, align: usize) -> Self {
        let layout = Layout::from_size_align(len, align).expect("layout");
        // SAFETY: the layout is not empty.
        let base = unsafe { std::alloc::alloc_zeroed(layout) };
        Self {
            base: NonNull::new(base).expect("memory"),
            layout,
        }
    }
}

// SAFETY: allocated zeroed, owned by this value alone until its `Drop`.
unsafe impl Region for Foreign {
    fn base(&self) -> NonNull<u8> {
        self.base
    }
    fn len(&self) -> usize {
        self.layout.size()
    }
    fn page_size(&self) -> usize {
        4096
    }
}

// SAFETY: the memory has one owner and is freed by whichever thread drops it.
unsafe impl Send for Foreign {}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout.
        unsafe { std::alloc::dealloc(self.base.as_ptr(), self.layout) };
    }
}

fn ports(eal: &Eal, pool: &Mempool) {
    let open =
        |name: &str, config: &PortConfig, pools: &[Mempool]| Port::open(eal, name, config, pools);
    let one = PortConfig::default();
    let pools = [pool.share()];
    assert!(matches!(
        open("net_null9", &one, &pools),
        Err(PortError::Unknown(_))
    ));
    assert!(matches!(
        open("net_null0", &one, &[]),
        Err(PortError::Pools { .. })
    ));
    let many = PortConfig {
        rx_queues: u16::MAX,
        ..one.clone()
    };
    assert!(matches!(
        open("net_null0", &many, &pools),
        Err(PortError::Queues { .. })
    ));
    let large = PortConfig {
        mtu: 9000,
        ..one.clone()
    };
    let large = open("net_null0", &large, &pools);
    assert!(
        matches!(large, Err(PortError::MtuBeyondRoom { mtu: 9000, .. })),
        "{large:?}"
    );
    // No refusal has touched the device.
    let null = Vdev::new("net_null0");
    let (port, mut rx, tx) = open("net_null0", &one, &pools).expect("port");
    assert!(matches!(
        open("net_null0", &one, &pools),
        Err(PortError::Open(_))
    ));
    assert!(matches!(eal.unplug(&null), Err(EalError::PortOpen(_))));
    assert_eq!(port.driver(), "net_null");
    assert!(port.link().expect("link").up);
    assert_eq!(port.granted().tso, None, "not in this driver");

    // Received frames are owned by the batch, wherever it goes.
    let mut batch = MbufBatch::with_capacity(8);
    assert_eq!(rx[0].receive(&mut batch), 8);
    assert_eq!(rx[0].receive(&mut batch), 0, "full");
    drop(batch.remove(3));
    drop(batch.pop());
    assert_eq!((batch.len(), batch.room()), (6, 2));
    assert_eq!(rx[0].receive(&mut batch), 2, "the room is in one piece");
    assert!(batch.remove(8).is_none());
    std::thread::spawn(move || drop(batch))
        .join()
        .expect("thread");

    // Queues keep the device, wherever the port has gone.
    drop(port);
    assert_eq!(rx[0].receive(&mut MbufBatch::with_capacity(4)), 4);
    assert!(matches!(eal.unplug(&null), Err(EalError::PortOpen(_))));
    drop((rx, tx));
    // Closed is closed, until the device is plugged anew.
    assert!(matches!(
        open("net_null0", &one, &pools),
        Err(PortError::Unknown(_))
    ));
    eal.unplug(&null).expect("unplug");
    eal.plug(&null).expect("plug");
    drop(open("net_null0", &one, &pools).expect("port"));
    assert_eq!(pool.available(), pool.size());
}

fn pools(eal: &Eal) -> Mempool {
    let config = MempoolConfig {
        count: 1023,
        cache: 32,
        ..MempoolConfig::default()
    };
    let pool = Mempool::create(eal, "pool", config).expect("pool");
    let again = Mempool::create(eal, "pool", config);
    assert!(matches!(again, Err(PoolError::Create { .. })));
    let nameless = Mempool::create(eal, "", config);
    assert!(matches!(nameless, Err(PoolError::Name(_))));
    let all_cache = ExternalPoolConfig {
        count: 32,
        cache: 32,
    };
    let all_cache = ExternalPool::create(eal, "cached", all_cache);
    assert!(matches!(all_cache, Err(PoolError::Size { .. })));
    let roomless = MempoolConfig {
        data_room: 128,
        ..config
    };
    assert!(matches!(
        Mempool::create(eal, "roomless", roomless),
        Err(PoolError::DataRoom(128))
    ));
    let huge = MempoolConfig {
        count: 1 << 24,
        ..config
    };
    assert!(matches!(
        Mempool::create(eal, "huge", huge),
        Err(PoolError::Create { .. })
    ));
    pool
}

fn memory(eal: &Eal) {
    let one = eal.reserve("one", 3 << 20).expect("memory");
    let (base, len) = (EalMemory::base(&one), EalMemory::len(&one));
    assert!(len >= 3 << 20);
    assert_eq!(base.addr().get() % (2 << 20), 0);
    assert!(EalMemory::page_size(&one).is_power_of_two());
    assert!(
        matches!(eal.reserve("one", 4096), Err(MemoryError::Reserve { .. })),
        "taken"
    );
    assert!(matches!(eal.reserve("none", 0), Err(MemoryError::Empty)));
    assert!(matches!(
        eal.reserve("huge", 1 << 40),
        Err(MemoryError::Reserve { .. })
    ));
    drop(one);
    drop(eal.reserve("one", 4096).expect("given back"));
}

fn foreign_memory(eal: &Eal) {
    let uneven = RegisteredMemory::register(eal, Foreign::new(4096 + 512, 4096));
    assert!(matches!(
        uneven,
        Err(MemoryError::Unaligned { page_size: 4096 })
    ));
    let memory = RegisteredMemory::register(eal, Foreign::new(1 << 20, 4096)).expect("register");
    assert_eq!(memory.len(), 1 << 20);
    let virtio = Vdev::new("net_virtio_user0").argument("path", "/nonexistent/socket");
    assert!(matches!(eal.plug(&virtio), Err(EalError::RegisteredMemory)));
    drop(memory);
    // Now it is for the driver to refuse, for want of a backend.
    assert!(matches!(eal.plug(&virtio), Err(EalError::Plug { .. })));
    assert!(!eal.has_virtio_user());
}

fn threads(eal: &Eal, pool: &Mempool) {
    let (eal, shared) = (eal.share(), pool.share());
    std::thread::spawn(move || {
        let guard = eal.register_thread().expect("room");
        let again = eal.register_thread().expect("known already");
        drop(again);
        let mbufs: Vec<_> = std::iter::from_fn(|| shared.allocate()).take(100).collect();
        assert_eq!(mbufs.len(), 100);
        drop(mbufs);
        drop(guard);
    })
    .join()
    .expect("thread");
    assert_eq!(
        pool.available(),
        pool.size(),
        "the thread's cache went back"
    );
}

#[test]
fn the_eal_lives_once() {
    let config = EalConfig {
        pages: Pages::Ordinary,
        memory_mib: Some(64),
        vdevs: vec![Vdev::new("net_null0")],
        log_level: LogLevel::Error,
        ..EalConfig::default()
    };
    assert_eq!(dpdk::tsc::hz(), 0);
    let eal = Eal::start(&config).expect("the EAL starts");
    assert!(dpdk::tsc::hz() > 0);
    assert!(dpdk::tsc::now() > 0);
    assert!(eal.version().starts_with("DPDK"));
    assert!(matches!(Eal::start(&config), Err(EalError::AlreadyStarted)));
    let pool = pools(&eal);
    ports(&eal, &pool);
    memory(&eal);
    foreign_memory(&eal);
    threads(&eal, &pool);

    // An mbuf that is still out keeps the EAL's memory mapped.
    let mut last = pool.allocate().expect("mbuf");
    drop(pool);
    drop(eal);
    last.append(b"still there").expect("room");
    assert_eq!(last.bytes(), b"still there");
}
