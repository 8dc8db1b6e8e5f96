//! Session tickets without chance: rustls' own draw their keys themselves, and change them by the system's clock.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rustls::crypto::SecureRandom;
use rustls::server::ProducesTickets;

use super::provider::Seeded as Random;

/// One key for as long as a process lives.
#[derive(Debug)]
pub(super) struct Seeded(LessSafeKey);

impl Seeded {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        Random.fill(&mut key).expect("seeded numbers");
        let key = UnboundKey::new(&AES_256_GCM, &key).expect("a key of its length");
        Self(LessSafeKey::new(key))
    }
}

impl ProducesTickets for Seeded {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        12 * 60 * 60
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        Random.fill(&mut nonce).ok()?;
        let mut sealed = plain.to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(unique, Aad::empty(), &mut sealed)
            .ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = ticket.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.0.open_in_place(nonce, Aad::empty(), &mut sealed);
        Some(plain.ok()?.to_vec())
    }
}
