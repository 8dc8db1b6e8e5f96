//! Loss recovery by selective acknowledgements (RFC 6675, with RFC 8985 in
//! place of its counting of duplicates).

use super::connection::{Connection, Context};
use super::segment::Segment;
use crate::buffer::{RxBuffer, TxBuffer};

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// Takes the blocks of an acceptable segment; `advances` when its ACK field
    /// was news.
    pub(super) fn take_sack(
        &mut self,
        segment: &Segment,
        advances: bool,
        context: &mut Context<'_>,
    ) {
        let (news, duplicate) = if segment.options.sack.is_empty() {
            (false, false)
        } else {
            self.take_blocks(segment, advances, context)
        };
        if news || advances {
            self.find_losses(context);
        }
        self.take_probe_answer(segment, advances, duplicate);
        if news || advances {
            self.arm_tail_probe(context.now);
        }
    }

    /// Whether they report something new, and whether they report something that arrived twice.
    fn take_blocks(
        &mut self,
        segment: &Segment,
        advances: bool,
        context: &mut Context<'_>,
    ) -> (bool, bool) {
        let scoreboard = &mut self.sending.scoreboard;
        let mut news = false;
        for block in segment.options.sack.iter() {
            news |= scoreboard.sack(*block, context.now);
        }
        if news && !advances {
            scoreboard.count_duplicate();
        }
        // RFC 2883, 4: the first block lies below what is acknowledged.
        let duplicate = segment.options.sack.iter().next().is_some_and(|first| {
            segment.ack.at_least(first.end) && first.end.is_after(first.start)
        });
        context.stats.duplicates_reported += u64::from(duplicate);
        (news, duplicate)
    }

    /// Looks for losses, and starts recovery with the first (RFC 6675, 5 step
    /// 4). Losses of an earlier recovery or time-out do not start another: they
    /// are sent again all the same.
    pub(super) fn find_losses(&mut self, context: &mut Context<'_>) {
        let in_recovery = self.congestion.in_recovery();
        let sending = &mut self.sending;
        let losses = sending.scoreboard.find_losses(
            in_recovery,
            sending.mss,
            self.rtt.smoothed(),
            context.now,
        );
        self.deadlines.reordering = losses.look_again.into();
        let may_recover = sending.unacknowledged.at_least(sending.recover);
        if losses.found && !in_recovery && may_recover {
            context.stats.fast_retransmits += 1;
            self.congestion.on_loss(sending.outstanding());
            sending.recover = sending.highest;
            sending.retransmit_first = true;
        }
        self.output_due = true;
    }
}
