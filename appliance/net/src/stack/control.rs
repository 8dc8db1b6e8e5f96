//! Frames that belong to no connection (ARP, ICMP, RST), complete and waiting
//! for the sink. The memory is allocated at start.

use std::collections::VecDeque;

use arrayvec::ArrayVec;

use crate::limits::{MAX_CONTROL_FRAMES, MAX_HEADER_BYTES};

/// A whole frame.
pub(super) struct ControlFrame {
    pub bytes: ArrayVec<u8, MAX_HEADER_BYTES>,
    pub l3_len: u16,
    pub l4_len: u16,
}

pub(super) struct ControlQueue {
    frames: VecDeque<ControlFrame>,
}

impl ControlQueue {
    pub(super) fn new() -> Self {
        Self {
            frames: VecDeque::with_capacity(MAX_CONTROL_FRAMES),
        }
    }

    /// False when the queue is full and the frame is dropped.
    pub(super) fn push(&mut self, frame: ControlFrame) -> bool {
        let room = self.frames.len() < MAX_CONTROL_FRAMES;
        if room {
            self.frames.push_back(frame);
        }
        room
    }

    pub(super) fn pop(&mut self) -> Option<ControlFrame> {
        self.frames.pop_front()
    }
}
