//! Sealing and opening allocate nothing. A test of its own, since the counts are the process's.

use core::time::Duration;
use rcgen::{CertificateParams, KeyPair};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use tls::{
    CertificateChain, ClientConfig, ClientSettings, Clock, Handshake, Identity, PrivateKey,
    ServerConfig, ServerSettings, Session, TrustAnchors, limits,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn connected() -> (Session, Session) {
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec!["server.test".to_owned()])
        .and_then(|params| params.self_signed(&key))
        .expect("a certificate")
        .pem();
    let clock = Clock::new(|| Duration::from_secs(1_780_000_000));
    let identity = Identity {
        chain: CertificateChain::from_pem(certificate.as_bytes()).expect("PEM"),
        key: PrivateKey::from_pem(key.serialize_pem().as_bytes()).expect("PEM"),
    };
    let anchors = TrustAnchors::from_pem(certificate.as_bytes()).expect("PEM");
    let server = ServerConfig::new(ServerSettings::new(identity, clock.clone())).expect("good");
    let client = ClientConfig::new(ClientSettings::new(anchors, clock)).expect("good");
    let name = "server.test".parse().expect("a name");
    let mut server = Handshake::accept(&server).expect("a handshake");
    let mut client = Handshake::connect(&client, &name).expect("a handshake");
    for _ in 0..2 {
        server.handle(client.output()).expect("the client's flight");
        client.output().clear();
        client.handle(server.output()).expect("the server's flight");
        server.output().clear();
    }
    let end = |handshake: Handshake| handshake.finish().expect("a complete handshake").0;
    (end(server), end(client))
}

#[test]
fn sealing_and_opening_allocate_nothing() {
    let (mut server, mut client) = connected();
    let block = vec![0x5A; limits::CONTENT];
    let mut slot = vec![0; limits::RECORD];
    let mut out = vec![0; limits::OPENED];
    let region = Region::new(ALLOCATOR);
    for len in [1, 160, 1448, limits::CONTENT]
        .into_iter()
        .cycle()
        .take(400)
    {
        let sealed = server.seal(&block[..len], &mut slot).expect("a slot");
        let header = slot.first_chunk().expect("a header");
        assert_eq!(client.record_len(*header), Ok(sealed));
        let opened = client.open(&slot[..sealed], &mut out).expect("a record");
        assert!(opened.is_data());
        client.settle(opened, &[]).expect("data");
    }
    let change = region.change();
    assert_eq!(
        (
            change.allocations,
            change.reallocations,
            change.deallocations
        ),
        (0, 0, 0)
    );
    assert_eq!(&out[..limits::CONTENT], block);
}
