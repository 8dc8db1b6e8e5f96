//! What a host's application may speak through: the world itself knows nothing of TLS.

/// One end of a protected stream.
pub trait Tunnel {
    /// Takes bytes from the wire and gives what they say.
    fn receive(&mut self, bytes: &[u8]) -> Vec<u8>;

    /// Takes what is to be said.
    fn send(&mut self, data: &[u8]);

    /// Bytes for the wire.
    fn output(&mut self) -> Vec<u8>;
}
