//! Whatever is wrong with TLS, nothing goes on in clear, and the log says what to do.

mod lab;

use lab::{Certificates, Listener, Peer, null_call, read_all, server, starttls, tls_peer, words};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

/// What must never be seen outside TLS.
const SECRET: &[u8] = b"for nobody else's eyes";

/// A client's bytes through `connect` and `accept`; both refuse, and nobody gets them.
fn assert_refused(mode: &str, server: &[String], client: &[String], expected: &str) {
    let backend = Listener::new();
    let accept = Peer::start("accept", mode, backend.address(), server);
    let connect = Peer::start("connect", mode, accept.address, client);
    let mut plain = connect.connect();
    let _ = plain.write_all(SECRET);
    assert_eq!(read_all(&plain), b"");
    let log = connect.wait_for("failed");
    assert!(log.contains(expected), "{log}");
    accept.wait_for("failed");
    backend.assert_untouched();
}

#[test]
fn server_certificate_must_be_good() {
    let certificates = Certificates::new();
    let trusting = certificates.options("ca", "");
    let cases = [
        ("other", trusting.clone(), "UnknownIssuer"),
        ("expired", trusting.clone(), "certificate expired"),
        // Signed by the right CA, but for clients.
        ("client", trusting.clone(), "extended key usage"),
        (
            "server",
            [
                trusting,
                vec!["--name".to_owned(), "elsewhere.example".to_owned()],
            ]
            .concat(),
            "give --name",
        ),
    ];
    for (identity, client, expected) in cases {
        for mode in ["tls", "direct"] {
            let server = certificates.options("ca", identity);
            assert_refused(mode, &server, &client, expected);
        }
    }
}

#[test]
fn client_certificate_must_be_good() {
    let certificates = Certificates::new();
    let mut server = certificates.options("ca", "server");
    server.extend(["--crl".to_owned(), certificates.path("crl.pem")]);
    for (identity, reason) in [
        ("other", "UnknownIssuer"),
        ("expired", "xpired"),
        ("revoked", "Revoked"),
    ] {
        let backend = Listener::new();
        let accept = Peer::start("accept", "mtls", backend.address(), &server);
        let client = certificates.options("ca", identity);
        let connect = Peer::start("connect", "mtls", accept.address, &client);
        let mut plain = connect.connect();
        let _ = plain.write_all(SECRET);
        assert_eq!(read_all(&plain), b"");
        let log = accept.wait_for("failed");
        assert!(log.contains(reason), "{identity}: {log}");
        backend.assert_untouched();
    }
}

#[test]
fn client_certificate_must_be_shown() {
    let certificates = Certificates::new();
    let backend = Listener::new();
    let server = certificates.options("ca", "server");
    let accept = Peer::start("accept", "mtls", backend.address(), &server);
    let connect = Peer::start(
        "connect",
        "tls",
        accept.address,
        &certificates.options("ca", ""),
    );
    let plain = connect.connect();
    assert_eq!(read_all(&plain), b"");
    let log = connect.wait_for("failed");
    assert!(log.contains("--mode mtls"), "{log}");
    accept.wait_for("the client must present a certificate");
    backend.assert_untouched();
}

#[test]
fn server_without_tls_gets_the_probe_and_nothing_else() {
    let certificates = Certificates::new();
    let success = words(&[0x8000_0018, 0x746c_7331, 1, 0, 0, 0, 0]);
    let denial = words(&[0x8000_0014, 0x746c_7331, 1, 1, 1, 2]);
    for (answer, expected) in [
        (success, "does not offer RPC-with-TLS"),
        (denial, "does not offer RPC-with-TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "is not RPC"),
    ] {
        let (origin, served) = server(move |mut stream| {
            let mut probe = [0; 44];
            stream.read_exact(&mut probe).expect("a probe");
            stream.write_all(&answer).expect("answered");
            (probe, read_all(&stream))
        });
        let connect = Peer::start("connect", "tls", origin, &certificates.options("ca", ""));
        let mut plain = connect.connect();
        plain.write_all(SECRET).expect("sent");
        assert_eq!(read_all(&plain), b"");
        let log = connect.wait_for("failed");
        assert!(log.contains(expected), "{log}");
        let (probe, rest) = served.join().expect("served");
        assert_eq!(probe[28..32], 7u32.to_be_bytes(), "the flavor");
        assert_eq!(rest, b"");
    }
}

/// `accept` before a server nobody shall reach.
fn accept_alone(options: &[&str]) -> (Certificates, Listener, Peer) {
    let certificates = Certificates::new();
    let backend = Listener::new();
    let mut all = certificates.options("ca", "server");
    all.extend(options.iter().map(ToString::to_string));
    let accept = Peer::start("accept", "tls", backend.address(), &all);
    (certificates, backend, accept)
}

fn answer<const N: usize>(mut stream: &TcpStream, call: &[u8]) -> [u8; N] {
    stream.write_all(call).expect("sent");
    let mut answer = [0; N];
    stream.read_exact(&mut answer).expect("an answer");
    answer
}

#[test]
fn plain_call_is_too_weak() {
    let (_certificates, backend, accept) = accept_alone(&[]);
    let client = accept.connect();
    let too_weak = words(&[0x8000_0014, 7, 1, 1, 1, 5]);
    assert_eq!(answer::<24>(&client, &null_call(0))[..], too_weak[..]);
    assert_eq!(read_all(&client), b"");
    accept.wait_for("--allow-plain");
    backend.assert_untouched();
}

#[test]
fn plain_call_passes_where_allowed() {
    let certificates = Certificates::new();
    let (backend, served) = server(|stream| {
        let got = read_all(&stream);
        (&mut &stream).write_all(b"pong").expect("sent");
        got
    });
    let mut options = certificates.options("ca", "server");
    options.push("--allow-plain".to_owned());
    let accept = Peer::start("accept", "tls", backend, &options);
    let mut client = accept.connect();
    client.write_all(&null_call(0)).expect("sent");
    client.shutdown(Shutdown::Write).expect("shut down");
    assert_eq!(read_all(&client), b"pong");
    assert_eq!(served.join().expect("served"), null_call(0));
    accept.wait_for("WITHOUT TLS");
}

#[test]
fn clear_bytes_after_the_probe_are_not_answered() {
    for options in [&[][..], &["--allow-plain"]] {
        let (_certificates, backend, accept) = accept_alone(options);
        let client = accept.connect();
        assert_eq!(answer::<36>(&client, &null_call(7))[..], starttls()[..]);
        let _ = (&mut &client).write_all(&null_call(0));
        assert_eq!(read_all(&client), b"");
        accept.wait_for("went on in clear");
        backend.assert_untouched();
    }
}

#[test]
fn auth_tls_elsewhere_is_a_bad_credential_and_the_probe_still_works() {
    let (_certificates, _backend, accept) = accept_alone(&[]);
    let client = accept.connect();
    let getattr = words(&[0x8000_0028, 7, 0, 2, 100_003, 3, 1, 7, 0, 0, 0]);
    let bad_credential = words(&[0x8000_0014, 7, 1, 1, 1, 1]);
    assert_eq!(answer::<24>(&client, &getattr)[..], bad_credential[..]);
    assert_eq!(answer::<36>(&client, &null_call(7))[..], starttls()[..]);
}

#[test]
fn probe_can_be_required() {
    let (certificates, backend, accept) = accept_alone(&["--require-probe"]);
    let direct = certificates.options("ca", "");
    let connect = Peer::start("connect", "direct", accept.address, &direct);
    assert_eq!(read_all(&connect.connect()), b"");
    accept.wait_for("without an AUTH_TLS probe");
    backend.assert_untouched();
}

#[test]
fn tls_1_2_is_refused() {
    let (_certificates, backend, accept) = accept_alone(&[]);
    let output = std::process::Command::new("openssl")
        .args([
            "s_client",
            "-tls1_2",
            "-connect",
            &accept.address.to_string(),
        ])
        .output()
        .expect("openssl runs");
    assert!(!output.status.success());
    accept.wait_for("TLS failed");
    backend.assert_untouched();
}

#[test]
fn wrong_options_are_explained() {
    let certificates = Certificates::new();
    let (server, client) = (
        certificates.options("ca", "server"),
        certificates.options("ca", "client"),
    );
    let run = |role: &str, mode: &str, options: &[String]| {
        let fixed = [
            role,
            "--listen",
            "127.0.0.1:0",
            "--to",
            "127.0.0.1:1",
            "--mode",
            mode,
        ];
        let options = options.iter().map(String::as_str);
        let output = tls_peer(&fixed.into_iter().chain(options).collect::<Vec<_>>());
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    assert!(run("accept", "mtls", &server[2..]).contains("need --ca FILE"));
    assert!(run("accept", "tls", &server[..2]).contains("give --cert FILE and --key FILE"));
    assert!(run("connect", "tls", &[]).contains("give --ca FILE"));
    assert!(run("connect", "mtls", &client[..2]).contains("need --cert FILE"));
    assert!(run("connect", "tls", &client).contains("only shown with --mode mtls"));
    let mut mismatched = server.clone();
    mismatched[5] = certificates.path("client-key.pem");
    assert!(run("accept", "tls", &mismatched).contains("does --key belong to --cert?"));
    let mut swapped = server;
    swapped[3] = certificates.path("server-key.pem");
    assert!(run("accept", "tls", &swapped).contains("no certificate in PEM format"));
}
