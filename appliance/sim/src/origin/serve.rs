//! What the origin does with a call.

use std::time::Duration;

use super::Origin;
use crate::nfs::rpc::{self, Call};
use crate::nfs::xdr::{Decoder, Encoder};
use crate::nfs::{
    ACCESS, ACCESS_READ, Attributes, COMMIT, ERR_ACCES, ERR_IO, ERR_JUKEBOX, ERR_NOENT,
    ERR_SERVERFAULT, ERR_STALE, EXPORT, FILE_SYNC, FSINFO, GETATTR, LOOKUP, MOUNT, NFS, OK, READ,
    ROOT, SETATTR, STRANGER, Setting, UNSTABLE, WRITE, encode_wcc, file_of, handle,
};
use crate::truth::Truth;

/// Results, and whether they are those of a call that was carried out.
type Served = Option<(Encoder, bool)>;

impl Origin {
    /// A whole reply, and whether a repetition of the call is to be given it.
    pub(super) fn serve(
        &mut self,
        call: Call<'_>,
        truth: &mut Truth,
        now: Duration,
    ) -> (Vec<u8>, bool) {
        let xid = call.xid;
        let (program, procedure) = (call.program, call.procedure);
        let served = match (program, procedure) {
            (_, 0) => Some((Encoder::default(), true)),
            (NFS, _) if self.random.chance(self.options.jukebox) => {
                Some((self.failure(procedure, ERR_JUKEBOX), true))
            }
            (NFS, _) if self.random.chance(self.options.errors) => {
                let status = self.random.pick(&[ERR_IO, ERR_SERVERFAULT]);
                Some((self.failure(procedure, status), true))
            }
            (NFS, _) => {
                let user = call.user.unwrap_or(STRANGER);
                self.serve_nfs(procedure, (user, xid), call.arguments, truth, now)
            }
            (MOUNT, 1) => Some((mount(call.arguments), true)),
            (MOUNT, _) => Some((Encoder::default(), true)),
            _ => None,
        };
        let Some((results, remember)) = served else {
            truth.judge.wrong(|| {
                format!(
                    "the origin cannot read a call of procedure {procedure} of program {program}"
                )
            });
            return (Vec::new(), false);
        };
        (rpc::reply(xid, &results.0), remember)
    }

    /// A failure without attributes.
    fn failure(&self, procedure: u32, status: u32) -> Encoder {
        let mut out = Encoder::default();
        out.u32(status);
        match procedure {
            GETATTR => {}
            SETATTR | WRITE | COMMIT => {
                out.u32(0).u32(0);
            }
            _ => {
                out.u32(0);
            }
        }
        out
    }

    fn serve_nfs(
        &mut self,
        procedure: u32,
        (user, xid): (u32, u32),
        mut input: Decoder<'_>,
        truth: &mut Truth,
        now: Duration,
    ) -> Served {
        let Some(file) = file_of(input.opaque()?) else {
            return Some((self.failure(procedure, ERR_STALE), true));
        };
        let mut out = Encoder::default();
        match procedure {
            GETATTR => {
                input.end()?;
                out.u32(OK);
                attributes(file, truth).encode(&mut out);
            }
            LOOKUP => {
                let name = input.opaque()?;
                input.end()?;
                let named = truth
                    .files()
                    .find(|file| file.to_string().as_bytes() == name);
                let directory = attributes(ROOT, truth);
                match named {
                    Some(file) => {
                        out.u32(OK).opaque(&handle(file));
                        Attributes::encode_post(Some(&attributes(file, truth)), &mut out);
                    }
                    None => {
                        out.u32(ERR_NOENT);
                    }
                }
                Attributes::encode_post(Some(&directory), &mut out);
            }
            ACCESS => {
                let asked = input.u32()?;
                input.end()?;
                out.u32(OK);
                self.encode_post(file, truth, &mut out);
                let denied = if truth.may_read(user, file) {
                    0
                } else {
                    ACCESS_READ
                };
                out.u32(asked & !denied);
            }
            FSINFO => {
                input.end()?;
                out.u32(OK);
                self.encode_post(file, truth, &mut out);
                let most = 1 << 20;
                out.u32(most)
                    .u32(most)
                    .u32(4096)
                    .u32(most)
                    .u32(most)
                    .u32(4096)
                    .u32(65_536);
                out.u64(1 << 40).u32(0).u32(1).u32(0x1b);
            }
            READ if !truth.may_read(user, file) => out = self.failure(READ, ERR_ACCES),
            READ => self.read(file, &mut input, truth, &mut out)?,
            SETATTR => {
                let setting = Setting::decode(&mut input)?;
                let before = attributes(file, truth);
                truth.set(file, setting, xid, now);
                out.u32(OK);
                self.encode_changed(&before, truth, &mut out);
            }
            WRITE => self.write(file, xid, &mut input, truth, now, &mut out)?,
            COMMIT => {
                input.bytes(12)?;
                input.end()?;
                let before = attributes(file, truth);
                truth.commit(file);
                out.u32(OK);
                self.encode_changed(&before, truth, &mut out);
                out.u64(self.boot);
            }
            _ => return None,
        }
        Some((out, true))
    }

    fn read(
        &mut self,
        file: u64,
        input: &mut Decoder<'_>,
        truth: &Truth,
        out: &mut Encoder,
    ) -> Option<()> {
        let (offset, count) = (input.u64()?, u64::from(input.u32()?));
        input.end()?;
        let mut data = truth.read(file, offset..offset + count);
        if data.len() > 1 && self.random.chance(self.options.short_transfers) {
            data.truncate(1 + self.random.index(data.len() - 1));
        }
        let end = offset + data.len() as u64;
        out.u32(OK);
        self.encode_post(file, truth, out);
        let is_end = end >= attributes(file, truth).size;
        out.u32(u32::try_from(data.len()).ok()?)
            .u32(u32::from(is_end))
            .opaque(&data);
        Some(())
    }

    fn write(
        &mut self,
        file: u64,
        xid: u32,
        input: &mut Decoder<'_>,
        truth: &mut Truth,
        now: Duration,
        out: &mut Encoder,
    ) -> Option<()> {
        let (offset, count) = (input.u64()?, input.u32()?);
        let stable = input.u32()?;
        let data = input.opaque()?;
        input.end()?;
        if data.len() != usize::try_from(count).ok()? {
            return None;
        }
        let Some(version) = truth.recognise(file, offset, data) else {
            truth.judge.wrong(|| {
                format!("the origin is sent a WRITE of {count} bytes at {offset} of file {file} that nobody made")
            });
            return None;
        };
        truth.check_sent(version, xid, now);
        let before = attributes(file, truth);
        let mut done = count;
        if count > 1 && self.random.chance(self.options.short_transfers) {
            done = 1 + u32::try_from(self.random.below(u64::from(count) - 1)).ok()?;
        }
        truth.execute(version, u64::from(done), stable != UNSTABLE, now);
        let lie = u32::from(self.random.chance(self.options.lies));
        out.u32(OK);
        self.encode_changed(&before, truth, out);
        let told = if lie == 1 { count + 1 } else { done };
        out.u32(told)
            .u32(if stable == UNSTABLE {
                UNSTABLE
            } else {
                FILE_SYNC
            })
            .u64(self.boot);
        Some(())
    }

    fn encode_post(&mut self, file: u64, truth: &Truth, out: &mut Encoder) {
        let left_out = self.random.chance(self.options.no_attributes);
        let attributes = attributes(file, truth);
        Attributes::encode_post((!left_out).then_some(&attributes), out);
    }

    fn encode_changed(&mut self, before: &Attributes, truth: &Truth, out: &mut Encoder) {
        let left_out = self.random.chance(self.options.no_attributes);
        let after = attributes(before.file, truth);
        encode_wcc((!left_out).then_some(before), Some(&after), out);
    }
}

fn attributes(file: u64, truth: &Truth) -> Attributes {
    if truth.has(file) {
        return truth.attributes(file);
    }
    Attributes {
        file: ROOT,
        size: 4096,
        change: 1,
        public: true,
    }
}

fn mount(mut arguments: Decoder<'_>) -> Encoder {
    let mut out = Encoder::default();
    if arguments.opaque() == Some(EXPORT.as_bytes()) {
        out.u32(OK).opaque(&handle(ROOT)).u32(1).u32(1);
    } else {
        out.u32(ERR_NOENT);
    }
    out
}
