//! What was sent and is not acknowledged: the sender's record for selective
//! acknowledgements (RFC 2018, 5; RFC 6675, 3 and 4). Which transmissions count
//! as lost is RACK's judgement; see `rack`.

use crate::nanos::Nanos;
use std::collections::VecDeque;

use mutant::Mutant;

use super::rack::{DUPLICATE_THRESHOLD, Rack};
use super::sack::Block;
use super::sequence::Seq;
use crate::limits::MAX_TRANSMISSIONS;

/// What is known of a transmission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It may still arrive.
    InFlight,
    /// The peer reported it.
    Sacked,
    /// It is to be sent again.
    Lost,
}

/// A range of numbers that was last sent at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transmission {
    pub(super) start: Seq,
    pub(super) end: Seq,
    pub(super) sent: Nanos,
    pub(super) retransmitted: bool,
    fate: Fate,
}

impl Transmission {
    fn len(&self) -> usize {
        self.end.since(self.start)
    }
}

#[derive(Debug)]
pub(crate) struct Scoreboard {
    /// Sorted and contiguous, from SND.UNA to the highest number sent.
    transmissions: VecDeque<Transmission>,
    /// Numbers by fate.
    in_flight: usize,
    sacked: usize,
    lost: usize,
    /// Nothing before this number is lost and not sent again yet.
    first_lost: Seq,
    /// Nothing from this number on was sent more than once.
    retransmitted: Seq,
    /// Acknowledgements in a row that reported something and moved nothing.
    duplicates: u32,
    pub(super) rack: Rack,
}

/// What a look for losses found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    /// Something was found lost.
    pub found: bool,
    /// When to look again, if nothing arrives before.
    pub look_again: Option<Nanos>,
}

impl Scoreboard {
    /// `first` is the first number that will be sent.
    pub(crate) fn new(first: Seq) -> Self {
        Self {
            transmissions: VecDeque::new(),
            in_flight: 0,
            sacked: 0,
            lost: 0,
            first_lost: first,
            retransmitted: first,
            duplicates: 0,
            rack: Rack::new(first),
        }
    }

    /// Numbers that may still be in the network (RFC 6675's pipe).
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Numbers that the peer reported beyond a gap.
    pub(crate) fn sacked(&self) -> usize {
        self.sacked
    }

    /// Whether nothing was reported beyond a gap and nothing is lost.
    pub(crate) fn is_in_order(&self) -> bool {
        self.sacked == 0 && self.lost == 0
    }

    /// Whether something is to be sent again.
    pub(crate) fn has_lost(&self) -> bool {
        self.lost > 0
    }

    /// The transmission with the highest numbers.
    pub(crate) fn last(&self) -> Option<Block> {
        self.transmissions.back().map(|last| Block {
            start: last.start,
            end: last.end,
        })
    }

    /// Whether nothing new may be sent before something is acknowledged.
    pub(crate) fn is_full(&self) -> bool {
        self.transmissions.len() >= MAX_TRANSMISSIONS
    }

    pub(crate) fn clear(&mut self) {
        self.transmissions.clear();
        self.in_flight = 0;
        self.sacked = 0;
        self.lost = 0;
    }

    /// The numbers from `start` to `end` were sent, for the first time or again.
    pub(crate) fn on_sent(&mut self, start: Seq, end: Seq, now: Nanos) {
        let known = self.transmissions.back().map_or(start, |last| last.end);
        if start.at_least(known) {
            self.in_flight += end.since(start);
            self.transmissions.push_back(Transmission {
                start,
                end,
                sent: now,
                retransmitted: false,
                fate: Fate::InFlight,
            });
            return;
        }
        self.split(start);
        self.split(end);
        self.retransmitted = self.retransmitted.later_of(end);
        let mut at = self.index_of(start);
        while let Some(transmission) = self.transmissions.get_mut(at)
            && transmission.start.is_before(end)
        {
            // What could not be split off goes along: it counts as sent again,
            // and RACK finds it lost if it was not.
            if transmission.fate != Fate::Sacked {
                transmission.sent = now;
                transmission.retransmitted = true;
                self.set_fate(at, Fate::InFlight);
            }
            at += 1;
        }
    }

    /// An acknowledgement arrives; `acknowledge` and `sack` follow.
    pub(crate) fn begin(&mut self) {
        self.rack.begin();
    }

    /// Everything before `edge` was acknowledged.
    pub(crate) fn acknowledge(&mut self, edge: Seq, now: Nanos) {
        self.duplicates = 0;
        while let Some(first) = self.transmissions.front_mut()
            && edge.is_after(first.start)
        {
            let mut done = *first;
            let whole = edge.at_least(first.end);
            if !whole {
                done.end = edge;
                first.start = edge;
            }
            *self.total(done.fate) -= done.len();
            if done.fate != Fate::Sacked {
                self.rack.on_delivered(&done, now);
            }
            if whole {
                self.transmissions.pop_front();
            }
        }
        self.first_lost = self.first_lost.later_of(edge);
        self.retransmitted = self.retransmitted.later_of(edge);
    }

    /// The peer reports `block`; true if that is news. What is not wholly within
    /// what is outstanding is not believed (it may be a D-SACK, or an old or
    /// forged one): a block at SND.UNA would have been acknowledged instead.
    pub(crate) fn sack(&mut self, mut block: Block, now: Nanos) -> bool {
        let (Some(first), Some(last)) = (self.transmissions.front(), self.transmissions.back())
        else {
            return false;
        };
        let believable = block.start.is_after(first.start)
            && block.end.is_after(block.start)
            && last.end.at_least(block.end);
        if !believable {
            return false;
        }
        if mutant::is_on(Mutant::SackOffByOne) {
            block.end = block.end.advanced(1).earlier_of(last.end);
        }
        self.split(block.start);
        self.split(block.end);
        let before = self.sacked;
        let mut at = self.index_of(block.start);
        while let Some(transmission) = self.transmissions.get(at).copied()
            && block.end.at_least(transmission.end)
        {
            // A transmission that could not be split may begin before the block.
            if transmission.fate != Fate::Sacked && transmission.start.at_least(block.start) {
                self.rack.on_delivered(&transmission, now);
                self.set_fate(at, Fate::Sacked);
                at = self.merge_sacked(at);
            }
            at += 1;
        }
        self.sacked > before
    }

    /// The acknowledgement reported something and moved nothing.
    pub(crate) fn count_duplicate(&mut self) {
        self.duplicates = self.duplicates.saturating_add(1);
    }

    /// Looks for transmissions that must be lost by now (RFC 8985, 6.2 step 5).
    pub(crate) fn find_losses(
        &mut self,
        in_recovery: bool,
        mss: usize,
        smoothed: Nanos,
        now: Nanos,
    ) -> Losses {
        let mut losses = Losses::default();
        let start = self.transmissions.front().map(|first| first.start);
        let retransmissions = start.is_some_and(|start| self.retransmitted.is_after(start));
        if self.sacked == 0 && !retransmissions {
            // Nothing overtook anything.
            return losses;
        }
        let threshold = DUPLICATE_THRESHOLD as usize;
        let overtaken =
            self.duplicates >= DUPLICATE_THRESHOLD || self.sacked > (threshold - 1) * mss;
        let window = self
            .rack
            .reordering_window(in_recovery || overtaken, smoothed);
        // What was sent once, after all that was delivered, cannot be overtaken.
        let end = self.rack.delivered().later_of(self.retransmitted);
        for at in 0..self.transmissions.len() {
            let Some(transmission) = self.transmissions.get(at).copied() else {
                break;
            };
            if transmission.start.at_least(end) {
                break;
            }
            if transmission.fate != Fate::InFlight || !self.rack.overtook(&transmission) {
                continue;
            }
            let patient_until = transmission.sent + self.rack.round_trip() + window;
            if patient_until <= now {
                self.set_fate(at, Fate::Lost);
                losses.found = true;
            } else {
                losses.look_again = losses.look_again.max(Some(patient_until));
            }
        }
        losses
    }

    /// The retransmission timer fired. What the peer reported is forgotten when
    /// it must have reneged, as it would have acknowledged the first number
    /// (RFC 2018, 8), and when repeating the rest did not help (`repeated`).
    pub(crate) fn on_timeout(&mut self, repeated: bool, smoothed: Nanos, now: Nanos) {
        let reneged = self
            .transmissions
            .front()
            .is_some_and(|first| first.fate == Fate::Sacked);
        let window = self.rack.reordering_window(false, smoothed);
        for at in 0..self.transmissions.len() {
            let Some(transmission) = self.transmissions.get(at) else {
                break;
            };
            let lost = match transmission.fate {
                Fate::Lost => false,
                Fate::Sacked => reneged || repeated,
                // RFC 8985, 6.3: what was sent only just now may arrive.
                Fate::InFlight => {
                    at == 0 || transmission.sent + self.rack.round_trip() + window <= now
                }
            };
            if lost {
                self.set_fate(at, Fate::Lost);
            }
        }
        self.duplicates = 0;
    }

    /// The path drops segments larger than `mss`: those in flight are lost. A
    /// super-segment was cut into pieces of the size before.
    pub(crate) fn on_too_big(&mut self, mss: usize) {
        for at in 0..self.transmissions.len() {
            if let Some(transmission) = self.transmissions.get(at)
                && transmission.fate == Fate::InFlight
                && transmission.len() > mss
            {
                self.set_fate(at, Fate::Lost);
            }
        }
        self.duplicates = 0;
    }

    /// The first range that is to be sent again.
    pub(crate) fn next_lost(&mut self) -> Option<Block> {
        if self.lost == 0 {
            return None;
        }
        let from = self.index_of(self.first_lost);
        let lost = self
            .transmissions
            .range(from..)
            .find(|transmission| transmission.fate == Fate::Lost)?;
        let block = Block {
            start: lost.start,
            end: lost.end,
        };
        self.first_lost = block.start;
        Some(block)
    }

    /// Where the transmission that contains `seq` stands.
    fn index_of(&self, seq: Seq) -> usize {
        self.transmissions
            .partition_point(|transmission| seq.at_least(transmission.end))
    }

    /// Lets a transmission begin at `seq`. Not done when the table is full: the
    /// parts then share their fate.
    fn split(&mut self, seq: Seq) {
        let at = self.index_of(seq);
        if self.is_full() {
            return;
        }
        if let Some(first) = self.transmissions.get_mut(at)
            && seq.is_after(first.start)
        {
            let second = Transmission {
                start: seq,
                ..*first
            };
            first.end = seq;
            self.transmissions.insert(at + 1, second);
        }
    }

    /// Joins neighbours that the peer has, so that the table stays short; yields
    /// where the joined one stands.
    fn merge_sacked(&mut self, mut at: usize) -> usize {
        if let Some(before) = at.checked_sub(1)
            && self.absorb_next(before)
        {
            at = before;
        }
        self.absorb_next(at);
        at
    }

    fn absorb_next(&mut self, at: usize) -> bool {
        let Some(next) = self.transmissions.get(at + 1).copied() else {
            return false;
        };
        if let Some(first) = self.transmissions.get_mut(at)
            && first.fate == Fate::Sacked
            && next.fate == Fate::Sacked
        {
            first.end = next.end;
            self.transmissions.remove(at + 1);
            return true;
        }
        false
    }

    fn set_fate(&mut self, at: usize, fate: Fate) {
        let Some(transmission) = self.transmissions.get_mut(at) else {
            return;
        };
        let (before, start, len) = (transmission.fate, transmission.start, transmission.len());
        transmission.fate = fate;
        *self.total(before) -= len;
        *self.total(fate) += len;
        if fate == Fate::Lost {
            self.first_lost = self.first_lost.earlier_of(start);
        }
    }

    fn total(&mut self, fate: Fate) -> &mut usize {
        match fate {
            Fate::InFlight => &mut self.in_flight,
            Fate::Sacked => &mut self.sacked,
            Fate::Lost => &mut self.lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fate, Scoreboard};
    use crate::limits::MAX_TRANSMISSIONS;
    use crate::nanos::Nanos;
    use crate::tcp::sack::Block;
    use crate::tcp::sequence::Seq;
    use proptest::prelude::*;

    const START: u32 = u32::MAX - 5000;

    fn seq(at: u32) -> Seq {
        Seq(START.wrapping_add(at))
    }

    fn block(start: u32, end: u32) -> Block {
        Block {
            start: seq(start),
            end: seq(end),
        }
    }

    fn millis(millis: u64) -> Nanos {
        Nanos::from_millis(millis)
    }

    /// The transmissions cover what is outstanding and add up.
    fn check(board: &Scoreboard, edge: Seq, highest: Seq) {
        let mut at = edge;
        let mut totals = [0; 3];
        for transmission in &board.transmissions {
            assert_eq!(transmission.start, at);
            assert!(transmission.end.is_after(at));
            at = transmission.end;
            totals[transmission.fate as usize] += transmission.len();
        }
        assert_eq!(at, highest);
        assert_eq!(totals[Fate::InFlight as usize], board.in_flight);
        assert_eq!(totals[Fate::Sacked as usize], board.sacked);
        assert_eq!(totals[Fate::Lost as usize], board.lost);
        assert!(board.transmissions.len() <= MAX_TRANSMISSIONS);
    }

    #[test]
    fn a_hole_below_three_reported_segments_is_lost_and_sent_once() {
        let mut board = Scoreboard::new(seq(0));
        for at in 0..5 {
            board.on_sent(seq(at * 1000), seq(at * 1000 + 1000), millis(0));
        }
        board.begin();
        assert!(board.sack(block(1000, 4000), millis(10)));
        assert!(board.find_losses(false, 1000, millis(10), millis(10)).found);
        assert_eq!(board.in_flight(), 1000);
        assert_eq!(board.next_lost(), Some(block(0, 1000)));
        board.on_sent(seq(0), seq(1000), millis(10));
        assert_eq!(board.next_lost(), None);
        assert_eq!(board.in_flight(), 2000);
        check(&board, seq(0), seq(5000));
    }

    #[test]
    fn a_retransmission_that_something_later_overtook_is_lost_again() {
        let mut board = Scoreboard::new(seq(0));
        for at in 0..5 {
            board.on_sent(seq(at * 1000), seq(at * 1000 + 1000), millis(0));
        }
        board.begin();
        board.sack(block(1000, 5000), millis(10));
        board.find_losses(false, 1000, millis(10), millis(10));
        board.on_sent(seq(0), seq(1000), millis(10));
        board.on_sent(seq(5000), seq(6000), millis(11));
        board.begin();
        board.sack(block(1000, 6000), millis(21));
        assert!(board.find_losses(true, 1000, millis(10), millis(21)).found);
        assert_eq!(board.next_lost(), Some(block(0, 1000)));
    }

    #[test]
    fn after_reneging_everything_is_sent_again() {
        let mut board = Scoreboard::new(seq(0));
        for at in 0..4 {
            board.on_sent(seq(at * 1000), seq(at * 1000 + 1000), millis(0));
        }
        board.begin();
        board.sack(block(1000, 3000), millis(10));
        board.acknowledge(seq(1000), millis(11));
        board.on_timeout(false, millis(10), millis(300));
        assert_eq!((board.sacked, board.in_flight), (0, 0));
        assert_eq!(board.next_lost(), Some(block(1000, 3000)));
        check(&board, seq(1000), seq(4000));
    }

    #[test]
    fn blocks_that_cannot_be_are_not_believed() {
        let mut board = Scoreboard::new(seq(0));
        assert!(!board.sack(block(0, 10), millis(1)));
        board.on_sent(seq(0), seq(1000), millis(0));
        for (start, end) in [(0, 500), (500, 1001), (500, 500), (600, 500), (2000, 3000)] {
            assert!(!board.sack(block(start, end), millis(1)));
        }
        check(&board, seq(0), seq(1000));
    }

    #[test]
    fn a_table_that_is_full_is_not_split_any_more() {
        let mut board = Scoreboard::new(seq(0));
        let most = u32::try_from(MAX_TRANSMISSIONS).unwrap();
        for at in 0..most {
            board.on_sent(seq(at * 10), seq(at * 10 + 10), millis(0));
        }
        assert!(board.is_full());
        board.sack(block(15, 35), millis(1));
        assert_eq!(board.sacked, 10);
        check(&board, seq(0), seq(most * 10));
    }

    proptest! {
        #[test]
        fn the_table_adds_up_whatever_is_reported(
            steps in proptest::collection::vec((0_u8..6, 0_u32..9000, 1_u32..3000), 1..80),
        ) {
            let mut board = Scoreboard::new(seq(0));
            let (mut edge, mut highest) = (0, 0);
            for (now, (kind, at, len)) in (0..).zip(steps) {
                let now = millis(now);
                match kind {
                    0 | 1 => {
                        board.on_sent(seq(highest), seq(highest + len), now);
                        highest += len;
                    }
                    2 => {
                        board.begin();
                        let target = (edge + at).min(highest);
                        if target > edge {
                            board.acknowledge(seq(target), now);
                            edge = target;
                        }
                    }
                    3 => {
                        board.begin();
                        board.sack(block(edge + at, edge + at + len), now);
                        board.find_losses(len % 2 == 0, 1000, millis(3), now);
                    }
                    4 => board.on_timeout(len % 2 == 0, millis(3), now),
                    _ => while let Some(lost) = board.next_lost() {
                        let end = lost.start.advanced(len as usize).earlier_of(lost.end);
                        board.on_sent(lost.start, end, now);
                    }
                }
                check(&board, seq(edge), seq(highest));
            }
        }
    }
}
