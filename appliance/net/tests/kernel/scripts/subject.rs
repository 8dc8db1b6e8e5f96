//! What a script talks to.

use std::time::Duration;

use super::super::harness::frames::Tcp;

/// Someone who speaks TCP at the harness' `OUR_ADDRESS`, with one application.
pub trait Subject {
    /// Accepts connections at the harness' `OUR_PORT`.
    fn listen(&mut self);

    /// Connects to the harness' `PEER_ADDRESS` and `PEER_PORT`.
    fn connect(&mut self);

    /// Lets a frame arrive.
    fn inject(&mut self, frame: Vec<u8>);

    /// Lets time pass, and yields what was sent since the last call.
    fn wait(&mut self, time: Duration) -> Vec<Tcp>;

    /// The application writes.
    fn write(&mut self, bytes: &[u8]);

    /// The application will write no more.
    fn shut_down(&mut self);

    /// The application reads all there is.
    fn read(&mut self) -> Heard;
}

/// What an application learns by reading.
#[derive(Debug, Default)]
pub struct Heard {
    pub bytes: usize,
    pub end: Option<End>,
}

#[derive(Clone, Copy, Debug)]
pub enum End {
    /// There is no connection yet.
    NotOpen,
    /// The peer has closed its half.
    Closed,
    Reset,
    Refused,
}
