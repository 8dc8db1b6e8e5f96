//! Two peers back to back carry bytes both ways.

mod lab;

use lab::{Certificates, Listener, Peer, exchange, noise, read_all, server, starttls};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;

const LEN: usize = 3 << 20;

/// client → `connect` → TLS → `accept` → server, both ends sending `LEN` bytes at once.
fn assert_exact(mode: &str, more: &[&str]) -> (Peer, Peer) {
    let certificates = Certificates::new();
    let (plain_server, served) = server(|stream| exchange(&stream, &noise(2, LEN)));
    let with = |mut options: Vec<String>| {
        options.extend(more.iter().map(ToString::to_string));
        options
    };
    let accept = Peer::start(
        "accept",
        mode,
        plain_server,
        &with(certificates.options("ca", "server")),
    );
    let identity = if mode.contains("mtls") { "client" } else { "" };
    let connect = Peer::start(
        "connect",
        mode,
        accept.address,
        &with(certificates.options("ca", identity)),
    );
    let received = exchange(&connect.connect(), &noise(1, LEN));
    assert!(
        received == noise(2, LEN),
        "{mode} {more:?}: what the client received"
    );
    let received = served.join().expect("served");
    assert!(
        received == noise(1, LEN),
        "{mode} {more:?}: what the server received"
    );
    (connect, accept)
}

#[test]
fn every_mode_carries_bytes_both_ways() {
    for (mode, certificate) in [
        ("tls", "not shown"),
        ("mtls", "verified"),
        ("direct", "not shown"),
        ("direct-mtls", "verified"),
    ] {
        let (connect, accept) = assert_exact(mode, &[]);
        let log = accept.wait_for("TLS 1.3");
        assert!(
            log.contains(certificate) && log.contains("ALPN sunrpc"),
            "{mode}: {log}"
        );
        connect.wait_for(&format!(
            "ended; {LEN} bytes into TLS, {LEN} bytes out of it"
        ));
    }
}

#[test]
fn keys_change_under_way() {
    assert_exact("tls", &["--rekey-every", "3"]);
}

#[test]
fn every_cipher_suite_can_be_chosen() {
    for suite in [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
    ] {
        let (_, accept) = assert_exact("direct", &["--ciphersuite", suite, "--alpn", "none"]);
        let log = accept.wait_for("TLS 1.3");
        let registered = suite.replace("TLS_", "TLS13_");
        assert!(
            log.contains(&registered) && log.contains("ALPN none"),
            "{log}"
        );
    }
}

#[test]
fn end_of_one_direction_leaves_the_other_open() {
    let certificates = Certificates::new();
    let (plain_server, served) = server(|mut stream| {
        let request = read_all(&stream);
        // Only now, after the client's end has come through.
        stream.write_all(&request).expect("answered");
    });
    let accept = Peer::start(
        "accept",
        "tls",
        plain_server,
        &certificates.options("ca", "server"),
    );
    let connect = Peer::start(
        "connect",
        "tls",
        accept.address,
        &certificates.options("ca", ""),
    );
    let mut client = connect.connect();
    client.write_all(b"request").expect("sent");
    client.shutdown(Shutdown::Write).expect("shut down");
    assert_eq!(read_all(&client), b"request");
    served.join().expect("served");
}

#[test]
fn ping_is_answered_before_the_client_is_heard() {
    let certificates = Certificates::new();
    let (plain_server, served) = server(|mut stream| {
        let mut ping = [0; 44];
        stream.read_exact(&mut ping).expect("a ping");
        stream.write_all(&starttls()).expect("answered");
        (ping, exchange(&stream, b"reply"))
    });
    let accept = Peer::start(
        "accept",
        "tls",
        plain_server,
        &certificates.options("ca", "server"),
    );
    let mut options = certificates.options("ca", "");
    options.push("--ping".to_owned());
    let connect = Peer::start("connect", "tls", accept.address, &options);
    assert_eq!(exchange(&connect.connect(), b"call"), b"reply");
    let (ping, call) = served.join().expect("served");
    assert_eq!(ping[28..32], [0; 4], "AUTH_NONE");
    assert_eq!(call, b"call");
}

#[test]
fn truncation_is_a_reset_not_an_end() {
    let certificates = Certificates::new();
    let (plain_server, _served) = server(|mut stream| {
        stream.write_all(b"half of").expect("sent");
        read_all(&stream)
    });
    let mut accept = Peer::start(
        "accept",
        "tls",
        plain_server,
        &certificates.options("ca", "server"),
    );
    let connect = Peer::start(
        "connect",
        "tls",
        accept.address,
        &certificates.options("ca", ""),
    );
    let mut client = connect.connect();
    let mut half = [0; 7];
    client.read_exact(&mut half).expect("the first half");
    accept.kill();
    let end = client.read(&mut half).map_err(|error| error.kind());
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
    connect.wait_for("without close_notify");
}

#[test]
fn connections_are_bounded() {
    let certificates = Certificates::new();
    let origin = Listener::new();
    let mut options = certificates.options("ca", "");
    options.extend(["--max-connections".to_owned(), "1".to_owned()]);
    let connect = Peer::start("connect", "direct", origin.address(), &options);
    let first = connect.connect();
    let served = origin.accept();
    assert_eq!(read_all(&connect.connect()), b"");
    connect.wait_for("refused: 1 connections are open");
    // Once the first has gone there is room again.
    drop((first, served));
    connect.wait_for("failed after");
    let _again = connect.connect();
    origin.accept();
}

#[test]
fn key_log_holds_the_keys_and_warns() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let file = directory.path().join("keys");
    let (connect, _) = assert_exact("direct", &["--key-log", file.to_str().expect("UTF-8")]);
    drop(connect);
    let log = std::fs::read_to_string(&file).expect("a key log");
    assert!(log.contains("CLIENT_TRAFFIC_SECRET_0 "), "{log}");
    let permissions = std::fs::metadata(&file).expect("metadata").permissions();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o777,
        0o600
    );
}
