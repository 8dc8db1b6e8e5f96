//! What must survive (invariant I5).

use std::ops::Range;

use super::Truth;
use super::content::Version;

impl Truth {
    /// A client was promised that these bytes of its WRITE are stable: now they are, or what was written over them
    /// later is, or the file was cut before them.
    pub(crate) fn check_stable(&self, version: Version, bytes: &Range<u64>, promise: &str) {
        let write = &self.writes[version as usize];
        let Some(executions) = write.executions else {
            self.judge.wrong(|| {
                format!("{promise}: {bytes:?} of a WRITE that was never executed is called stable")
            });
            return;
        };
        let stable = self.file(write.file).stable();
        let is_cut = |from: u64| self.is_cut(write.file, executions.first, from);
        let mut at = bytes.start;
        for (piece, holds) in stable.pieces(bytes.clone()) {
            let last = self.writes[holds as usize].executions;
            let is_newer = last.is_some_and(|other| other.last >= executions.first);
            if piece.start != at || !(is_newer || is_cut(at)) {
                break;
            }
            at = piece.end;
        }
        if is_cut(at) {
            at = bytes.end;
        }
        self.judge.expect(at == bytes.end, || {
            format!(
                "{promise}: {bytes:?} of file {} is called stable, but from {at} on WRITE {version} is not",
                write.file
            )
        });
    }
}
