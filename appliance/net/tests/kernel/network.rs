//! Where the kernel stands: at the other end of a TAP, or one hop further behind
//! a router that loses packets.

use std::fs::File;
use std::net::Ipv4Addr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use nix::unistd::gettid;
use tappers::{Interface, Tap};

use super::harness::frames::PEER_ADDRESS;
use super::namespace::{run, spawn_isolated};

/// Next hop of the stack, as the harness configures it.
const ROUTER: &str = "10.0.0.254";
const ROUTED_HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);

/// A TAP of this thread's namespace, up, of which the kernel's end has `address`
/// (with its prefix) and, unless `None`, the Ethernet address `mac`.
pub fn tap(address: &str, mac: Option<[u8; 6]>) -> Tap {
    let name = Interface::new("wire").expect("an interface's name");
    let mut tap = Tap::new_named(name).unwrap_or_else(|error| {
        panic!(
            "no TAP ({error}): /dev/net/tun must exist and be open to us; \
             `modprobe tun`, or pass the device into the container"
        )
    });
    tap.set_nonblocking(true)
        .expect("a TAP that does not block");
    if let Some(mac) = mac {
        let mac = mac.map(|byte| format!("{byte:02x}")).join(":");
        run("ip", &["link", "set", "wire", "address", &mac]);
    }
    run("ip", &["address", "add", address, "dev", "wire"]);
    // Many connections send more at once than the 1,000 frames that a TAP holds by
    // default. A client of a SYN cookie that loses both its first ACK and its first
    // data there is reset.
    run("ip", &["link", "set", "wire", "txqueuelen", "10000", "up"]);
    tap
}

/// What uses the kernel's sockets.
pub type Application = Box<dyn FnOnce() + Send>;

/// A TAP, the address of the kernel behind it, and the kernel's application.
pub struct Network {
    pub tap: Tap,
    pub host: Ipv4Addr,
    pub application: JoinHandle<()>,
    /// Keeps the host's TCP alive when its application has ended: our FIN may
    /// still have to be acknowledged.
    pub namespace: Option<File>,
}

/// The kernel is the TAP's other end.
pub fn direct(application: Application) -> Network {
    let tap = tap(&format!("{PEER_ADDRESS}/24"), None);
    Network {
        tap,
        host: PEER_ADDRESS,
        application: thread::spawn(application),
        namespace: None,
    }
}

/// The kernel is behind a router that drops `percent` % of the packets of each
/// direction. What is dropped on the sender's own way out would be an error that
/// its TCP sees, so a router it is.
pub fn routed(percent: u32, application: Application) -> Network {
    let tap = tap(&format!("{ROUTER}/24"), None);
    let (tell, told) = mpsc::channel();
    let (connect, connected) = mpsc::channel::<()>();
    let application = spawn_isolated(move || {
        tell.send(gettid()).expect("the router is waiting");
        connected.recv().expect("a link to the router");
        run("ip", &["address", "add", "10.0.1.2/24", "dev", "host"]);
        // One packet at a time is lost, not 64 KiB.
        run("ip", &["link", "set", "host", "gso_max_segs", "1", "up"]);
        run("ip", &["route", "add", "default", "via", "10.0.1.254"]);
        application();
    });
    let host = told.recv().expect("the host's thread").to_string();
    run(
        "ip",
        &[
            "link", "add", "side", "type", "veth", "peer", "name", "host", "netns", &host,
        ],
    );
    run("ip", &["address", "add", "10.0.1.254/24", "dev", "side"]);
    run("ip", &["link", "set", "side", "up"]);
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("forwarding");
    let probability = format!("{:.2}", f64::from(percent) / 100.0);
    for into in ["wire", "side"] {
        run(
            "iptables",
            &[
                "--append",
                "FORWARD",
                "--in-interface",
                into,
                "--match",
                "statistic",
                "--mode",
                "random",
                "--probability",
                &probability,
                "--jump",
                "DROP",
            ],
        );
    }
    let namespace = File::open(format!("/proc/self/task/{host}/ns/net"));
    connect.send(()).expect("the host's thread");
    Network {
        tap,
        host: ROUTED_HOST,
        application,
        namespace: Some(namespace.expect("the host's namespace")),
    }
}

/// Packets the router has dropped on the way to the host and back.
pub fn dropped_by_router() -> [u64; 2] {
    let rules = run(
        "iptables",
        &["--list", "FORWARD", "--verbose", "--exact", "--numeric"],
    );
    let mut counts = rules
        .lines()
        .filter(|line| line.contains("DROP "))
        .map(|line| {
            line.split_whitespace()
                .next()
                .and_then(|count| count.parse().ok())
        })
        .map(|count| count.expect("a rule's packet counter"));
    [(); 2].map(|()| counts.next().expect("a rule for each direction"))
}
