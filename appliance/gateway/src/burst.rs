//! A file's own changes in flight, and the judgement after the last of them: was it only us?
//!
//! Every change we make takes the file from one (size, mtime, ctime) to the next, and its reply tells both.
//! Replies come in any order, so the steps are collected and linked up from what the file was known to be.
//! If they form one chain, nobody else changed the file in between (RFC 1813 section 2.6, weak cache
//! consistency).

use std::collections::VecDeque;
use std::ops::Range;

use mutant::Mutant;
use nfs::nfs3::{FileAttributes, WccAttributes, WccData};

use crate::call::CallId;
use crate::limits::BURST_STEPS_MAX;

/// One file's own changes in flight.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    /// WRITEs at the origin and the bytes they change.
    pub(crate) outstanding: Vec<(CallId, Range<u64>)>,
    /// WRITEs that overlap one at the origin, or one before them here.
    pub(crate) queue: VecDeque<(CallId, Range<u64>)>,
    /// How far the chain reaches.
    tip: Option<WccAttributes>,
    /// The attributes at the tip.
    tip_attributes: Option<FileAttributes>,
    /// Steps that are not linked yet.
    steps: Vec<(WccAttributes, FileAttributes)>,
    broken: bool,
}

/// What came of a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Only our changes happened: what is cached is valid, and these are the file's attributes.
    OnlyOurs(FileAttributes),
    /// Somebody else may have changed the file, and what it is now is not known.
    Doubtful,
}

impl Burst {
    /// Begins anew with what the file is known to be.
    pub(crate) fn begin(&mut self, known: Option<&FileAttributes>) {
        self.outstanding.clear();
        self.queue.clear();
        self.steps.clear();
        self.tip = known.map(FileAttributes::wcc);
        self.tip_attributes = known.copied();
        self.broken = self.tip.is_none();
    }

    /// A change of ours is settled; `certain` unless its outcome is unknown or was a failure.
    pub(crate) fn settle(&mut self, wcc: &WccData, certain: bool) {
        let (true, Some(before), Some(after)) = (certain, wcc.before, wcc.after) else {
            self.broken = true;
            return;
        };
        if mutant::is_on(Mutant::ForeignChangeUnnoticed) {
            self.tip = Some(after.wcc());
            self.tip_attributes = Some(after);
            return;
        }
        if self.steps.len() >= BURST_STEPS_MAX {
            self.broken = true;
            return;
        }
        self.steps.push((before, after));
        self.link();
    }

    /// Whether these attributes are a state that our own settled changes account for, all of them. One that is
    /// not linked yet does not: it comes after a change that is not settled, whose bytes are not readable yet, and
    /// whoever is told of these attributes must not be given the bytes from before. And while a settled change is
    /// not linked, the state before it is none either: an origin that restarted may have lost what is readable.
    pub(crate) fn explains(&self, seen: &WccAttributes) -> bool {
        !self.broken && self.steps.is_empty() && self.tip.as_ref() == Some(seen)
    }

    /// What is to be thought of the file now that nothing is in flight.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.tip_attributes {
            Some(attributes) if !self.broken && self.steps.is_empty() => {
                Verdict::OnlyOurs(attributes)
            }
            _ => Verdict::Doubtful,
        }
    }

    /// Whether a WRITE of these bytes must wait for one at the origin or in the queue.
    pub(crate) fn overlaps(&self, bytes: &Range<u64>) -> bool {
        self.outstanding
            .iter()
            .chain(&self.queue)
            .any(|(_, other)| overlap(other, bytes))
    }

    /// Takes the oldest queued WRITE that overlaps none at the origin and none queued before it.
    pub(crate) fn next_runnable(&mut self) -> Option<(CallId, Range<u64>)> {
        let position = (0..self.queue.len()).find(|position| {
            let Some((_, bytes)) = self.queue.get(*position) else {
                return false;
            };
            let before = self.queue.iter().take(*position);
            !self
                .outstanding
                .iter()
                .chain(before)
                .any(|(_, other)| overlap(other, bytes))
        })?;
        self.queue.remove(position)
    }

    fn link(&mut self) {
        // A step that leaves the times as they are goes first: within one tick of the origin's clock
        // it would be cut off by the step that leaves the tick.
        while let Some(tip) = self.tip {
            let next = self
                .steps
                .iter()
                .position(|(before, after)| *before == tip && after.wcc() == tip)
                .or_else(|| self.steps.iter().position(|(before, _)| *before == tip));
            let Some(position) = next else {
                return;
            };
            let (_, after) = self.steps.swap_remove(position);
            self.tip = Some(after.wcc());
            self.tip_attributes = Some(after);
        }
    }
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::attributes;

    fn step(from: u32, to: u32) -> WccData {
        WccData {
            before: Some(attributes(from).wcc()),
            after: Some(attributes(to)),
        }
    }

    fn burst(known: u32) -> Burst {
        let mut burst = Burst::default();
        burst.begin(Some(&attributes(known)));
        burst
    }

    #[test]
    fn steps_in_any_order_form_a_chain() {
        let mut burst = burst(1);
        burst.settle(&step(3, 4), true);
        burst.settle(&step(1, 2), true);
        for state in [2, 4] {
            assert!(!burst.explains(&attributes(state).wcc()), "there is a gap");
        }
        burst.settle(&step(2, 3), true);
        assert!(burst.explains(&attributes(4).wcc()));
        assert_eq!(burst.verdict(), Verdict::OnlyOurs(attributes(4)));
    }

    #[test]
    fn a_gap_is_somebody_else() {
        let mut burst = burst(1);
        burst.settle(&step(1, 2), true);
        burst.settle(&step(3, 4), true);
        assert!(!burst.explains(&attributes(3).wcc()));
        assert_eq!(burst.verdict(), Verdict::Doubtful);
    }

    #[test]
    fn a_start_from_elsewhere_is_somebody_else() {
        let mut burst = burst(1);
        burst.settle(&step(2, 3), true);
        assert_eq!(burst.verdict(), Verdict::Doubtful);
    }

    #[test]
    fn what_is_missing_or_uncertain_is_doubtful() {
        for (wcc, certain) in [
            (step(1, 2), false),
            (
                WccData {
                    before: None,
                    ..step(1, 2)
                },
                true,
            ),
            (
                WccData {
                    after: None,
                    ..step(1, 2)
                },
                true,
            ),
        ] {
            let mut burst = burst(1);
            burst.settle(&wcc, certain);
            assert_eq!(burst.verdict(), Verdict::Doubtful, "{wcc:?}");
        }
        let mut unknown = Burst::default();
        unknown.begin(None);
        unknown.settle(&step(1, 2), true);
        assert_eq!(unknown.verdict(), Verdict::Doubtful);
    }

    #[test]
    fn steps_within_one_tick() {
        let mut burst = burst(1);
        burst.settle(&step(2, 3), true);
        burst.settle(&step(2, 2), true);
        burst.settle(&step(1, 2), true);
        assert_eq!(burst.verdict(), Verdict::OnlyOurs(attributes(3)));
    }

    #[test]
    fn overlapping_writes_go_one_after_the_other_and_others_do_not_wait() {
        let ids: Vec<CallId> = crate::testing::call_ids(4);
        let mut burst = burst(1);
        burst.outstanding.push((ids[0], 0..10));
        assert!(burst.overlaps(&(9..20)));
        assert!(!burst.overlaps(&(10..20)));
        burst.queue.push_back((ids[1], 5..15));
        burst.queue.push_back((ids[2], 12..20));
        burst.queue.push_back((ids[3], 30..40));
        assert_eq!(burst.next_runnable(), Some((ids[3], 30..40)));
        assert_eq!(
            burst.next_runnable(),
            None,
            "the second waits for the first in the queue"
        );
        burst.outstanding.clear();
        assert_eq!(burst.next_runnable(), Some((ids[1], 5..15)));
    }
}
