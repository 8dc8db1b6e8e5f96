//! The same TLS against another library: OpenSSL's test client and server.

mod lab;

use lab::{Certificates, PATIENCE, Peer, lines_of, read_all, server};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::process::{Child, Command, Stdio};

/// Killed when dropped.
struct OpenSsl(Child);

impl OpenSsl {
    fn start(arguments: &[&str]) -> Self {
        let child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssl runs (package openssl)");
        OpenSsl(child)
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn openssl_client_reaches_a_plain_server() {
    let certificates = Certificates::new();
    let (backend, served) = server(|mut stream| {
        let mut request = [0; 7];
        stream.read_exact(&mut request).expect("a request");
        stream.write_all(b"answer\n").expect("answered");
        request
    });
    let accept = Peer::start(
        "accept",
        "direct-mtls",
        backend,
        &certificates.options("ca", "server"),
    );
    let mut openssl = OpenSsl::start(&[
        "s_client",
        "-quiet",
        "-verify_return_error",
        "-verify_ip",
        "127.0.0.1",
        "-connect",
        &accept.address.to_string(),
        "-CAfile",
        &certificates.path("ca.pem"),
        "-cert",
        &certificates.path("client.pem"),
        "-key",
        &certificates.path("client-key.pem"),
    ]);
    let mut stdin = openssl.0.stdin.take().expect("piped");
    stdin.write_all(b"request").expect("sent");
    stdin.flush().expect("sent");
    let answer = lines_of(openssl.0.stdout.take().expect("piped"));
    assert_eq!(answer.recv_timeout(PATIENCE).as_deref(), Ok("answer"));
    assert_eq!(&served.join().expect("served"), b"request");
    let log = accept.wait_for("TLS 1.3");
    assert!(
        log.contains("ALPN none") && log.contains("verified"),
        "{log}"
    );
}

#[test]
fn plain_client_reaches_an_openssl_server() {
    let certificates = Certificates::new();
    let mut openssl = OpenSsl::start(&[
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-tls1_3",
        "-rev",
        "-cert",
        &certificates.path("origin.pem"),
        "-key",
        &certificates.path("origin-key.pem"),
        "-CAfile",
        &certificates.path("ca.pem"),
        "-Verify",
        "1",
        "-verify_return_error",
    ]);
    let output = lines_of(openssl.0.stdout.take().expect("piped"));
    let address: SocketAddr = loop {
        let line = output
            .recv_timeout(PATIENCE)
            .expect("ACCEPT and the address");
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            break address.parse().expect("an address");
        }
    };
    let options = certificates.options("ca", "client");
    let connect = Peer::start("connect", "direct-mtls", address, &options);
    let mut client = connect.connect();
    client.write_all(b"abc\n").expect("sent");
    let mut reversed = [0; 4];
    client.read_exact(&mut reversed).expect("an answer");
    assert_eq!(&reversed, b"cba\n");
    client.shutdown(Shutdown::Write).expect("shut down");
    assert_eq!(read_all(&client), b"");
}
