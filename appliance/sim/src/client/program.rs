//! Which calls a client makes.

use std::ops::Range;
use std::time::Duration;

use super::{Client, Operation, Phase};
use crate::nfs::xdr::Encoder;
use crate::nfs::{
    ACCESS, COMMIT, EXPORT, FILE_SYNC, FSINFO, GETATTR, LOOKUP, MOUNT, NFS, OWNER, READ, ROOT,
    SETATTR, UNSTABLE, WRITE, handle,
};
use crate::truth::content::content;
use crate::truth::{FIRST_FILE, Truth};

/// Bytes of the shortest WRITE.
const TELLING: u64 = 8;

impl Client {
    /// Makes calls until as many are under way as may be.
    pub(super) fn make_calls(&mut self, truth: &mut Truth, now: Duration) {
        let parallel = usize::try_from(self.options.parallel).expect("few");
        while self.can_call() && self.calls.len() < parallel && self.idle_until.is_none() {
            let made = match self.phase {
                Phase::Mounting => self.mount(now),
                Phase::Working => self.work(truth, now),
                Phase::Finishing => self.tidy(truth, now),
                Phase::Verifying => self.verify_next(truth, now),
            };
            if !made {
                return;
            }
        }
    }

    fn mount(&mut self, now: Duration) -> bool {
        if !self.calls.is_empty() {
            return false;
        }
        let mut arguments = Encoder::default();
        let found = self.files.len() as u64;
        if self.mounted && self.read_max == 0 {
            arguments.opaque(&handle(ROOT));
            self.call((NFS, 3, FSINFO), &arguments.0, Operation::Fsinfo, now);
        } else if self.read_max == 0 {
            arguments.opaque(EXPORT.as_bytes());
            self.call((MOUNT, 3, 1), &arguments.0, Operation::Mount, now);
        } else if found < self.options.files {
            let file = FIRST_FILE + found;
            arguments
                .opaque(&handle(ROOT))
                .opaque(file.to_string().as_bytes());
            self.call((NFS, 3, LOOKUP), &arguments.0, Operation::Lookup(file), now);
        } else {
            self.phase = Phase::Working;
        }
        true
    }

    fn work(&mut self, truth: &mut Truth, now: Duration) -> bool {
        if self.left == 0 {
            self.phase = Phase::Finishing;
            return true;
        }
        self.left -= 1;
        if self.random.below(20) == 0 {
            self.idle_until = Some(now + Duration::from_micros(self.random.below(2000)));
        }
        let file = self.random.pick(&self.files.clone());
        if self.random.chance(self.options.writes) {
            let mut bytes = self.range(self.write_max);
            // Long enough for its bytes to be told from those of any other.
            bytes.end = bytes.end.max(TELLING);
            bytes.start = bytes.start.min(bytes.end - TELLING);
            let stable = self.random.pick(&[UNSTABLE, UNSTABLE, FILE_SYNC]);
            self.write(file, bytes, stable, truth, now);
            return true;
        }
        if self.options.resizes > 0 && self.random.chance(self.options.resizes) {
            let most = self.options.file_blocks * self.options.block_kib * 1024;
            let size = Some(self.random.below(most + 1));
            self.set(file, size, None, truth, now);
            return true;
        }
        if self.options.chmods > 0
            && self.user() == OWNER
            && self.random.chance(self.options.chmods)
        {
            let public = Some(self.random.below(2) == 0);
            self.set(file, None, public, truth, now);
            return true;
        }
        match self.random.below(10) {
            0 => self.commit(file, now),
            1 => self.ask(ACCESS, file, now),
            2..4 => self.ask(GETATTR, file, now),
            _ => {
                let bytes = self.range(self.read_max);
                self.read(file, bytes, truth, now);
            }
        }
        true
    }

    /// Makes everything stable.
    fn tidy(&mut self, truth: &mut Truth, now: Duration) -> bool {
        if let Some((file, bytes)) = self.lost.pop() {
            self.write(file, bytes, FILE_SYNC, truth, now);
            return true;
        }
        let is_committing = self
            .calls
            .values()
            .any(|pending| matches!(pending.operation, Operation::Commit(_)));
        match self.uncommitted.first() {
            Some(first) if !is_committing => {
                self.commit(first.file, now);
                true
            }
            _ => false,
        }
    }

    fn verify_next(&mut self, truth: &mut Truth, now: Duration) -> bool {
        let (true, Some(next)) = (self.calls.is_empty(), self.unverified.last().copied()) else {
            return false;
        };
        match next {
            (file, None) => self.ask(GETATTR, file, now),
            (file, Some(from)) => self.read(file, from..from + self.read_max, truth, now),
        }
        true
    }

    /// Somewhere in a file, often across blocks, often where others are.
    fn range(&mut self, most: u64) -> Range<u64> {
        let block = self.options.block_kib * 1024;
        let end = self.options.file_blocks * block;
        let len = self
            .random
            .pick(&[1, 100, 4096, block, block + 1, 3 * block, end]);
        let len = len.min(most).max(1);
        let start = match self.random.below(4) {
            0 => 0,
            1 => self.random.below(self.options.file_blocks) * block,
            2 => self.random.below(end / 512) * 512,
            _ => self.random.below(end),
        };
        start..start + len.min(end.saturating_sub(start)).max(1)
    }

    fn ask(&mut self, procedure: u32, file: u64, now: Duration) {
        let mut arguments = Encoder::default();
        arguments.opaque(&handle(file));
        let operation = if procedure == ACCESS {
            arguments.u32(0x3f);
            Operation::Access
        } else {
            Operation::Getattr(file)
        };
        self.call((NFS, 3, procedure), &arguments.0, operation, now);
    }

    fn read(&mut self, file: u64, bytes: Range<u64>, truth: &Truth, now: Duration) {
        let mut arguments = Encoder::default();
        let count = u32::try_from(bytes.end - bytes.start).expect("a short read");
        arguments.opaque(&handle(file)).u64(bytes.start).u32(count);
        let asked = truth.begin_read(self.appliance, file, bytes);
        self.call((NFS, 3, READ), &arguments.0, Operation::Read(asked), now);
    }

    fn write(
        &mut self,
        file: u64,
        bytes: Range<u64>,
        stable: u32,
        truth: &mut Truth,
        now: Duration,
    ) {
        let version = truth.begin_write(file, bytes.clone(), now);
        let len = usize::try_from(bytes.end - bytes.start).expect("a short write");
        let data = content(file, version, bytes.start, len);
        let mut arguments = Encoder::default();
        let count = u32::try_from(len).expect("a short write");
        arguments
            .opaque(&handle(file))
            .u64(bytes.start)
            .u32(count)
            .u32(stable)
            .opaque(&data);
        let operation = Operation::Write(version, file, bytes);
        self.call((NFS, 3, WRITE), &arguments.0, operation, now);
    }

    fn set(
        &mut self,
        file: u64,
        size: Option<u64>,
        public: Option<bool>,
        truth: &mut Truth,
        now: Duration,
    ) {
        let setting = truth.begin_setting(file, size, public);
        let mut arguments = Encoder::default();
        arguments.opaque(&handle(file));
        setting.encode(&mut arguments);
        self.call(
            (NFS, 3, SETATTR),
            &arguments.0,
            Operation::Set(setting),
            now,
        );
    }

    fn commit(&mut self, file: u64, now: Duration) {
        let mut arguments = Encoder::default();
        arguments.opaque(&handle(file)).u64(0).u32(0);
        self.call((NFS, 3, COMMIT), &arguments.0, Operation::Commit(file), now);
    }
}
