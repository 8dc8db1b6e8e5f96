//! Received bytes: those in order that the application has not consumed, and
//! those that arrived ahead of a gap.

use std::collections::VecDeque;

use mutant::Mutant;

use super::sack::{Arrived, Block, SackBlocks};
use super::segment::{Pieces, RxPiece};
use super::sequence::Seq;
use crate::buffer::RxBuffer;
use crate::limits::{MAX_OUT_OF_ORDER_PIECES, MAX_RECEIVE_PIECES};

/// The received buffers all connections of a stack may hold together.
#[derive(Debug)]
pub(crate) struct BufferBudget {
    held: usize,
    limit: usize,
}

impl BufferBudget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { held: 0, limit }
    }

    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Half of the buffers is for in-order data: bytes ahead of a gap, which a
    /// hostile peer can leave open for ever, must not starve the others.
    fn allows_out_of_order(&self) -> bool {
        self.held < self.limit / 2
    }

    fn allows_in_order(&self) -> bool {
        self.held < self.limit
    }
}

struct OutOfOrder<R> {
    start: Seq,
    piece: RxPiece<R>,
}

impl<R: RxBuffer> OutOfOrder<R> {
    fn end(&self) -> Seq {
        self.start.advanced(self.piece.len())
    }
}

/// What became of a segment's payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Insertion {
    /// Bytes that became readable.
    pub in_order: usize,
    /// Something was kept ahead of a gap.
    pub out_of_order: bool,
    /// A gap was filled, wholly or in part.
    pub filled_gap: bool,
    /// Something was dropped although the window allowed it.
    pub dropped: bool,
    /// Something lay before or beyond the window.
    pub trimmed: bool,
}

pub(crate) struct ReceiveQueue<R> {
    /// RCV.NXT: the number of the next byte in order.
    next: Seq,
    ready: VecDeque<RxPiece<R>>,
    ready_bytes: usize,
    /// Sorted, without overlaps, all after `next`.
    ahead: VecDeque<OutOfOrder<R>>,
    /// What `ahead` holds, for selective acknowledgements.
    arrived: Arrived,
}

impl<R: RxBuffer> ReceiveQueue<R> {
    pub(crate) fn new(next: Seq) -> Self {
        Self {
            next,
            ready: VecDeque::new(),
            ready_bytes: 0,
            ahead: VecDeque::new(),
            arrived: Arrived::default(),
        }
    }

    pub(crate) fn next(&self) -> Seq {
        self.next
    }

    /// Moves past a FIN.
    pub(crate) fn skip_fin(&mut self) {
        self.next = self.next.advanced(1);
    }

    pub(crate) fn ready_bytes(&self) -> usize {
        self.ready_bytes
    }

    pub(crate) fn has_gap(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// What arrived ahead of a gap (RFC 2018); see `Arrived::report`.
    pub(crate) fn sack_blocks(&self, duplicate: Option<Block>, more: usize) -> SackBlocks {
        self.arrived.report(duplicate, more)
    }

    /// Whether so many pieces wait that no more shall be asked for.
    pub(crate) fn is_full(&self) -> bool {
        self.ready.len() >= MAX_RECEIVE_PIECES
    }

    pub(crate) fn peek(&self) -> Option<&[u8]> {
        self.ready.front().map(RxPiece::bytes)
    }

    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.ready.iter().map(RxPiece::bytes)
    }

    /// Gives back the first `count` readable bytes.
    pub(crate) fn consume(&mut self, mut count: usize, budget: &mut BufferBudget) {
        while count > 0
            && let Some(first) = self.ready.front_mut()
        {
            let len = first.len();
            if count < len {
                first.trim_front(count);
                self.ready_bytes -= count;
                return;
            }
            count -= len;
            self.ready_bytes -= len;
            self.ready.pop_front();
            budget.held -= 1;
        }
    }

    pub(crate) fn clear(&mut self, budget: &mut BufferBudget) {
        budget.held -= self.ready.len() + self.ahead.len();
        self.ready.clear();
        self.ready_bytes = 0;
        self.ahead.clear();
        self.arrived.clear();
    }

    /// Whether all of `pieces` can be appended.
    pub(crate) fn has_room(&self, pieces: &Pieces<R>, budget: &BufferBudget) -> bool {
        self.ready.len() + pieces.len() <= MAX_RECEIVE_PIECES
            && budget.held + pieces.len() <= budget.limit
    }

    /// Appends all of `pieces`, which are not all empty; there is room for them, and no gap follows.
    pub(crate) fn extend(&mut self, pieces: &mut Pieces<R>, budget: &mut BufferBudget) {
        if pieces.len() > 1 {
            for piece in pieces.drain(..).filter(|piece| piece.len() > 0) {
                budget.held += 1;
                self.make_ready(piece);
            }
        } else if let Some(piece) = pieces.pop() {
            budget.held += 1;
            self.make_ready(piece);
        }
    }

    /// Takes the payload `pieces` that starts at `seq`; nothing at or beyond
    /// `edge`, the end of the window, is kept.
    pub(crate) fn insert(
        &mut self,
        seq: Seq,
        pieces: &mut Pieces<R>,
        edge: Seq,
        budget: &mut BufferBudget,
    ) -> Insertion {
        let mut outcome = Insertion::default();
        let mut start = seq;
        for mut piece in pieces.drain(..) {
            let end = start.advanced(piece.len());
            let old = self.next.since(start).min(piece.len());
            let within = edge.since(start).min(piece.len());
            outcome.trimmed |= old > 0 || within < piece.len();
            piece.truncate(within);
            piece.trim_front(old);
            let first = start.advanced(old);
            start = end;
            if piece.len() == 0 {
                continue;
            }
            if first == self.next {
                self.append(piece, budget, &mut outcome);
                if self.has_gap() {
                    self.join(budget, &mut outcome);
                }
            } else {
                self.keep_ahead(first, piece, budget, &mut outcome);
            }
        }
        outcome
    }

    fn append(&mut self, piece: RxPiece<R>, budget: &mut BufferBudget, outcome: &mut Insertion) {
        if self.is_full() || !budget.allows_in_order() {
            outcome.dropped = true;
            return;
        }
        budget.held += 1;
        outcome.in_order += self.make_ready(piece);
    }

    /// The length of `piece`, which is not empty.
    fn make_ready(&mut self, piece: RxPiece<R>) -> usize {
        let len = piece.len();
        self.next = self.next.advanced(len);
        self.ready_bytes += len;
        self.ready.push_back(piece);
        len
    }

    /// Moves what has become contiguous over to the readable bytes.
    fn join(&mut self, budget: &mut BufferBudget, outcome: &mut Insertion) {
        while let Some(first) = self.ahead.front()
            && self.next.at_least(first.start)
        {
            let Some(OutOfOrder { start, mut piece }) = self.ahead.pop_front() else {
                return;
            };
            outcome.filled_gap = true;
            if !mutant::is_on(Mutant::OverlapDelivered) {
                piece.trim_front(self.next.since(start));
            }
            if piece.len() == 0 {
                budget.held -= 1;
            } else {
                outcome.in_order += self.make_ready(piece);
            }
        }
        self.arrived.release(self.next);
    }

    /// Received buffers cannot be split, so what overlaps is cut from the new
    /// piece, or an older one that lies wholly within the new one gives way.
    fn keep_ahead(
        &mut self,
        mut start: Seq,
        mut piece: RxPiece<R>,
        budget: &mut BufferBudget,
        outcome: &mut Insertion,
    ) {
        let at = self
            .ahead
            .partition_point(|held| !held.start.is_after(start));
        if let Some(before) = at.checked_sub(1).and_then(|before| self.ahead.get(before)) {
            let overlap = before.end().since(start);
            if overlap >= piece.len() {
                self.arrived.touch_at(start);
                return;
            }
            piece.trim_front(overlap);
            start = start.advanced(overlap);
        }
        // Before anything gives way, as what was acknowledged selectively should
        // not be dropped (RFC 2018, 8).
        if self.ahead.len() >= MAX_OUT_OF_ORDER_PIECES || !budget.allows_out_of_order() {
            outcome.dropped = true;
            return;
        }
        while let Some(after) = self.ahead.get(at) {
            let end = start.advanced(piece.len());
            if end.at_least(after.end()) {
                self.ahead.remove(at);
                budget.held -= 1;
            } else {
                piece.truncate(after.start.since(start));
                break;
            }
        }
        if piece.len() == 0 {
            self.arrived.touch_at(start);
            return;
        }
        outcome.out_of_order = true;
        budget.held += 1;
        let end = start.advanced(piece.len());
        self.arrived.insert(Block { start, end });
        self.ahead.insert(at, OutOfOrder { start, piece });
    }
}
