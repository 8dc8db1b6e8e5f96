//! What a client makes of replies.

use std::time::Duration;

use super::{Client, Operation, Pending, Phase, Uncommitted};
use crate::nfs::rpc::decode_reply;
use crate::nfs::xdr::Decoder;
use crate::nfs::{
    Attributes, ERR_ACCES, ERR_IO, ERR_JUKEBOX, ERR_SERVERFAULT, OK, UNSTABLE, decode_wcc,
};
use crate::truth::Truth;

/// Before a call that was put off or failed is made again.
const PAUSE: Duration = Duration::from_millis(20);

impl Client {
    pub(super) fn take_reply(&mut self, record: &[u8], truth: &mut Truth, now: Duration) {
        let number = self.number;
        let Some((xid, results)) = decode_reply(record) else {
            truth.judge.wrong(|| {
                format!("client {number} is sent what is no reply to a call that was executed")
            });
            return;
        };
        // It may have been answered on a connection before.
        let Some(pending) = self.calls.remove(&xid) else {
            return;
        };
        self.answered += 1;
        self.check_answer(&pending, now);
        let operation = pending.operation.clone();
        truth.judge.note(|| {
            let status = results.clone().u32();
            format!("client {number}: {operation:?} is answered with {status:?}")
        });
        if self.settle(pending, results, truth, now).is_none() {
            truth.judge.wrong(|| {
                format!("client {number} cannot read the results of {operation:?}, or their padding is not zero (I9)")
            });
        }
    }

    fn settle(
        &mut self,
        pending: Pending,
        mut results: Decoder<'_>,
        truth: &mut Truth,
        now: Duration,
    ) -> Option<()> {
        let status = results.u32()?;
        if status != OK {
            let is_expected = match &pending.operation {
                Operation::Mount => false,
                Operation::Read(asked) if status == ERR_ACCES => {
                    truth.check_permission(asked, self.user(), false);
                    self.verified(asked.file, asked.bytes.start, 0, true);
                    true
                }
                _ => matches!(status, ERR_IO | ERR_JUKEBOX | ERR_SERVERFAULT),
            };
            truth.judge.expect(is_expected, || {
                format!("{:?} fails with {status}", pending.operation)
            });
            self.idle_until = Some(now + PAUSE);
            return Some(());
        }
        match pending.operation {
            Operation::Mount => {
                results.opaque()?;
                self.mounted = true;
            }
            Operation::Fsinfo => {
                Attributes::decode_post(&mut results)?;
                self.read_max = u64::from(results.u32()?);
                results.bytes(8)?;
                self.write_max = u64::from(results.u32()?);
            }
            Operation::Lookup(file) => {
                results.opaque()?;
                self.files.push(file);
            }
            Operation::Getattr(file) => {
                let attributes = Attributes::decode(&mut results)?;
                results.end()?;
                truth.told(self.appliance, &attributes, pending.issued);
                if self.phase == Phase::Verifying && self.unverified.last() == Some(&(file, None)) {
                    self.unverified.pop();
                    self.unverified.push((file, Some(0)));
                }
            }
            Operation::Access => {
                Attributes::decode_post(&mut results)?;
                results.u32()?;
                results.end()?;
            }
            Operation::Read(asked) => {
                Attributes::decode_post(&mut results)?;
                let (count, is_end) = (results.u32()?, results.bool()?);
                let data = results.opaque()?;
                results.end()?;
                truth.check_permission(&asked, self.user(), true);
                let asked_for = asked.bytes.end - asked.bytes.start;
                let len = data.len() as u64;
                truth
                    .judge
                    .expect(u64::from(count) == len && len <= asked_for, || {
                        format!(
                            "{count} bytes are told of, {len} there, {asked_for} were asked for"
                        )
                    });
                truth.check_read(&asked, data, is_end);
                self.verified(asked.file, asked.bytes.start, len, is_end);
            }
            Operation::Write(version, file, bytes) => {
                decode_wcc(&mut results)?;
                let (count, committed) = (u64::from(results.u32()?), results.u32()?);
                let verifier = results.u64()?;
                results.end()?;
                truth.judge.expect(count <= bytes.end - bytes.start, || {
                    format!("{count} bytes of a WRITE of {bytes:?} are called written (I8)")
                });
                let done = bytes.start..(bytes.start + count).min(bytes.end);
                truth.check_written(self.appliance, version, done.end - done.start, now);
                if committed == UNSTABLE {
                    self.uncommitted.push(Uncommitted {
                        version,
                        file,
                        bytes: done,
                        verifier,
                        acknowledged: now,
                    });
                } else {
                    truth.check_stable(version, &done, "WRITE");
                }
            }
            Operation::Set(setting) => {
                decode_wcc(&mut results)?;
                results.end()?;
                truth.check_set(self.appliance, &setting, now);
            }
            Operation::Commit(file) => {
                decode_wcc(&mut results)?;
                let verifier = results.u64()?;
                results.end()?;
                self.committed(file, verifier, pending.issued, truth);
            }
        }
        Some(())
    }

    /// What was acknowledged before the COMMIT was made is stable, or has to be written again.
    fn committed(&mut self, file: u64, verifier: u64, asked: Duration, truth: &Truth) {
        let covered = |written: &Uncommitted| written.file == file && written.acknowledged <= asked;
        for written in self.uncommitted.extract_if(.., |written| covered(written)) {
            if written.verifier == verifier {
                truth.check_stable(written.version, &written.bytes, "COMMIT");
            } else {
                self.lost.push((file, written.bytes));
            }
        }
    }

    /// A part of a file has been read for the last time.
    fn verified(&mut self, file: u64, from: u64, len: u64, is_end: bool) {
        if self.phase == Phase::Verifying && self.unverified.last() == Some(&(file, Some(from))) {
            self.unverified.pop();
            if !is_end {
                self.unverified.push((file, Some(from + len)));
            }
        }
    }
}
