//! Byte-exact both ways over a clean link.

use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use net::Stats;

use super::harness::frames::OUR_ADDRESS;
use super::harness::link::Faults;
use super::middle_box::MiddleBox;
use super::namespace::isolated;
use super::network::{Application, Network, direct};
use super::runner::Runner;
use super::streams::{GIVE_UP, Order, Plan, carry_out};

/// Where the stack listens.
pub const STACK_PORT: u16 = 2049;
/// Where the kernel listens.
pub const KERNEL_PORT: u16 = 111;
/// The first of the stack's ports when it connects.
const FIRST_CLIENT_PORT: u16 = 700;

pub const MEBIBYTE: usize = 1 << 20;
const MANY: u16 = 200;

/// `count` connections from the kernel to the stack, all at once.
pub fn serve(
    network: impl FnOnce(Application) -> Network,
    middle_box: MiddleBox,
    plan: Plan,
    count: u16,
) -> Stats {
    let network = network(Box::new(move || connect_to_stack(plan, count)));
    let mut runner = Runner::new(network, middle_box, plan);
    assert!(runner.stack.listen(STACK_PORT));
    runner.run(count.into())
}

/// `count` connections from the stack to the kernel, all at once.
pub fn call(
    network: impl FnOnce(Application) -> Network,
    middle_box: MiddleBox,
    plan: Plan,
    count: u16,
) -> Stats {
    let (tell, listens) = mpsc::channel();
    let network = network(Box::new(move || accept_from_stack(plan, count, &tell)));
    let mut runner = Runner::new(network, middle_box, plan);
    listens.recv().expect("a listener of the kernel");
    for port in 0..count {
        runner.connect(KERNEL_PORT, FIRST_CLIENT_PORT + port);
    }
    runner.run(count.into())
}

fn connect_to_stack(plan: Plan, count: u16) {
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(move || {
                let remote = SocketAddrV4::new(OUR_ADDRESS, STACK_PORT);
                let stream = TcpStream::connect(remote).expect("a connection to the stack");
                let port = stream.local_addr().expect("an address").port();
                carry_out(plan, &stream, port);
            });
        }
    });
}

fn accept_from_stack(plan: Plan, count: u16, listens: &Sender<()>) {
    // With a cookie the kernel keeps nothing of a connection that its backlog has
    // no room for, and resets it when the first data it sees is not the first.
    // A kernel without cookies has no such file, which is as well.
    let _ = std::fs::write("/proc/sys/net/ipv4/tcp_syncookies", "0");
    let listener = TcpListener::bind(("0.0.0.0", KERNEL_PORT)).expect("a listener");
    listener.set_nonblocking(true).expect("a polled listener");
    listens.send(()).expect("the runner is waiting");
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..count {
            let (stream, client) = loop {
                match listener.accept() {
                    Ok(accepted) => break accepted,
                    Err(error) => assert!(start.elapsed() < GIVE_UP, "accept: {error}"),
                }
                thread::sleep(Duration::from_millis(1));
            };
            stream.set_nonblocking(false).expect("a blocking socket");
            scope.spawn(move || carry_out(plan, &stream, client.port()));
        }
    });
}

fn clean() -> MiddleBox {
    MiddleBox::new(Faults::NONE, 0)
}

/// Much of it to the stack, some to the kernel.
const UPLOAD: Plan = Plan {
    to_stack: 8 * MEBIBYTE + 1,
    to_kernel: 3 * MEBIBYTE + 1,
    order: Order::Together,
};

/// Much of it to the kernel, some to the stack.
const DOWNLOAD: Plan = Plan {
    to_stack: 3 * MEBIBYTE + 1,
    to_kernel: 8 * MEBIBYTE + 1,
    order: Order::Together,
};

/// For each of many connections.
const SHORT: Plan = Plan {
    to_stack: 60_001,
    to_kernel: 50_001,
    order: Order::Together,
};

fn half_closed(order: Order) -> Plan {
    Plan { order, ..DOWNLOAD }
}

#[test]
fn the_kernel_connects_and_sends_most() {
    isolated(|| _ = serve(direct, clean(), UPLOAD, 1));
}

#[test]
fn the_kernel_connects_and_receives_most() {
    isolated(|| _ = serve(direct, clean(), DOWNLOAD, 1));
}

#[test]
fn the_stack_connects_and_receives_most() {
    isolated(|| _ = call(direct, clean(), UPLOAD, 1));
}

#[test]
fn the_stack_connects_and_sends_most() {
    isolated(|| _ = call(direct, clean(), DOWNLOAD, 1));
}

#[test]
fn the_stack_sends_after_the_kernel_has_closed_its_half() {
    isolated(|| _ = serve(direct, clean(), half_closed(Order::KernelFirst), 1));
}

#[test]
fn the_kernel_sends_after_the_stack_has_closed_its_half() {
    isolated(|| _ = serve(direct, clean(), half_closed(Order::StackFirst), 1));
}

#[test]
fn half_closes_on_connections_of_the_stack() {
    isolated(|| _ = call(direct, clean(), half_closed(Order::KernelFirst), 1));
}

#[test]
fn half_closes_by_the_stack_on_its_own_connections() {
    isolated(|| _ = call(direct, clean(), half_closed(Order::StackFirst), 1));
}

#[test]
fn many_connections_of_the_kernel_at_once() {
    isolated(|| _ = serve(direct, clean(), SHORT, MANY));
}

#[test]
fn many_connections_of_the_stack_at_once() {
    isolated(|| _ = call(direct, clean(), SHORT, MANY));
}
