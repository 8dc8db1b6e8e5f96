//! Cryptography without chance: what rustls and aws-lc would draw comes from the run's seed.
//!
//! Cipher suites, signatures (Ed25519, which needs no random numbers) and verification are aws-lc's own. Never for
//! anything but a simulation.

use std::cell::RefCell;

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret,
    SupportedKxGroup, aws_lc_rs as aws,
};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved};

use crate::random::Random;

thread_local! {
    /// A run has its thread for itself, and rustls wants a provider that lives for ever.
    static STREAM: RefCell<Random> = RefCell::new(Random::new(0));
}

/// From now on this thread's handshakes draw from here.
pub(crate) fn seed(random: Random) {
    STREAM.set(random);
}

/// aws-lc with seeded random numbers and key shares.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider {
        secure_random: &Seeded,
        kx_groups: vec![&X25519],
        ..aws::default_provider()
    }
}

#[derive(Debug)]
pub(super) struct Seeded;

impl SecureRandom for Seeded {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        STREAM.with_borrow_mut(|random| {
            for chunk in buffer.chunks_mut(8) {
                let bytes = random.next().to_le_bytes();
                chunk.copy_from_slice(&bytes[..chunk.len()]);
            }
        });
        Ok(())
    }
}

#[derive(Debug)]
struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut secret = [0; 32];
        Seeded.fill(&mut secret)?;
        let failed = || Error::General("no key could be made".to_owned());
        let secret = PrivateKey::from_private_key(&agreement::X25519, &secret);
        let secret = secret.map_err(|_| failed())?;
        let public = secret.compute_public_key().map_err(|_| failed())?;
        let public = public.as_ref().to_vec();
        Ok(Box::new(Share { secret, public }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Share {
    secret: PrivateKey,
    public: Vec<u8>,
}

impl ActiveKeyExchange for Share {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = UnparsedPublicKey::new(&agreement::X25519, peer);
        let refused = Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare);
        agreement::agree(&self.secret, peer, refused, |secret| {
            Ok(SharedSecret::from(secret))
        })
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}
