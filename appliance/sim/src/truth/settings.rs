//! SETATTRs of clients: sizes, and who may read.

use std::time::Duration;

use gateway::limits::DUPLICATE_LIFETIME;

use super::reads::Asked;
use super::{Truth, index_of};
use crate::nfs::{STRANGER, Setting};

/// One SETATTR that a client has made.
#[derive(Debug)]
pub(super) struct Made {
    file: u64,
    setting: Setting,
    /// When its client first had a reply to it.
    acknowledged: Option<Duration>,
    executed: Option<Executed>,
    /// The xid that the origin was sent it under.
    xid: Option<u32>,
    /// As of a WRITE.
    orphaned: bool,
}

/// When the origin first carried it out.
#[derive(Clone, Copy, Debug)]
struct Executed {
    /// Of the file, after it.
    state: usize,
    /// Bytes from here on are others since.
    from: u64,
}

/// A file was cut.
#[derive(Debug)]
pub(super) struct Cut {
    file: u64,
    /// On the clock that counts executions.
    at: u64,
    size: u64,
}

impl Truth {
    /// A client is about to set a size, or who may read.
    pub(crate) fn begin_setting(
        &mut self,
        file: u64,
        size: Option<u64>,
        public: Option<bool>,
    ) -> Setting {
        let setting = Setting {
            token: u32::try_from(self.settings.len()).expect("few settings"),
            size,
            public,
        };
        self.settings.push(Made {
            file,
            setting,
            acknowledged: None,
            executed: None,
            xid: None,
            orphaned: false,
        });
        setting
    }

    /// The origin carries out a SETATTR that it was sent under this xid.
    pub(crate) fn set(&mut self, file: u64, setting: Setting, xid: u32, now: Duration) {
        let known = self.settings.get_mut(setting.token as usize);
        let Some(made) = known.filter(|made| (made.file, made.setting) == (file, setting)) else {
            self.judge.wrong(|| {
                format!("the origin is sent {setting:?} of file {file}, which nobody made")
            });
            return;
        };
        let first = *made.xid.get_or_insert(xid);
        let is_forgotten = made.orphaned
            || made
                .acknowledged
                .is_some_and(|at| at + DUPLICATE_LIFETIME <= now);
        self.judge.expect(first == xid || is_forgotten, || {
            format!("{setting:?} is sent to the origin as {first:#x} and as {xid:#x} (I6)")
        });
        self.executions += 1;
        self.changes += 1;
        let of_file = &mut self.files[index_of(file)];
        let before = of_file.now().extents.size();
        of_file.set(setting.size, setting.public, (self.changes, now));
        let state = of_file.states() - 1;
        let from = setting.size.map_or(u64::MAX, |size| size.min(before));
        made.executed.get_or_insert(Executed { state, from });
        if let Some(size) = setting.size {
            let at = self.executions;
            self.cuts.push(Cut { file, at, size });
        }
    }

    /// A client of an appliance has the reply to its SETATTR.
    pub(crate) fn check_set(&mut self, appliance: usize, setting: &Setting, now: Duration) {
        let made = &mut self.settings[setting.token as usize];
        made.acknowledged.get_or_insert(now);
        let Some(Executed { state, from }) = made.executed else {
            self.judge
                .wrong(|| format!("{setting:?} is answered that was never executed"));
            return;
        };
        let floor = &mut self.floors[appliance][index_of(made.file)];
        if from < u64::MAX {
            floor.raise(from..u64::MAX, state);
        }
        if setting.public.is_some() {
            floor.raise_permissions(state);
        }
    }

    /// The appliance is killed: copies of this may still be on their way to the origin.
    pub(crate) fn orphan_setting(&mut self, setting: &Setting) {
        self.settings[setting.token as usize].orphaned = true;
    }

    /// Whether a user may read a file.
    pub(crate) fn may_read(&self, user: u32, file: u64) -> bool {
        user != STRANGER || !self.has(file) || self.file(file).now().public
    }

    /// A READ was answered with data, or refused: it must have been so at some time between what its appliance
    /// must know of and now.
    pub(crate) fn check_permission(&self, asked: &Asked, user: u32, granted: bool) {
        let mut history = self.file(asked.file).history()[asked.permissions()..].iter();
        let holds = match user {
            STRANGER => history.any(|state| state.public == granted),
            _ => granted,
        };
        let what = if granted { "read" } else { "refused" };
        self.judge.expect(holds, || {
            format!(
                "file {} is {what}, by a user who may not, or who may",
                asked.file
            )
        });
    }

    /// Whether what was executed at `since` and lay at `from` and beyond may be gone: the file was cut there.
    pub(super) fn is_cut(&self, file: u64, since: u64, from: u64) -> bool {
        let mut cuts = self.cuts.iter();
        cuts.any(|cut| cut.file == file && cut.at >= since && cut.size <= from)
    }
}
