//! Whether a call may do what it asks: its handles must belong to an export that its client may reach.

use mutant::Mutant;
use nfs::nfs3::{self, FileHandle, Procedure, Status};
use nfs::rpc;
use nfs::xdr::Reader;

use crate::call::{CallId, ClientCall, Failure, Service, Work};
use crate::config::Export;
use crate::duplicates::DuplicateKey;
use crate::exports::{ExportIndex, Membership};
use crate::gateway::Gateway;
use crate::origin::Target;
use crate::security::too_weak;
use crate::upstream::Purpose;

impl Gateway {
    /// Takes a call in hand.
    ///
    /// `key` is given if it must not be executed again.
    pub(crate) fn begin(&mut self, call: ClientCall, key: Option<DuplicateKey>) {
        // There is room: whoever is admitted has a place in the table.
        let Ok(id) = self.calls.insert(call) else {
            return;
        };
        if let (Some(key), Some(call)) = (key, self.calls.get_mut(id)) {
            call.duplicate = self.duplicates.enter(key, id, self.now);
        }
        self.authorise(id);
    }

    /// Checks a call's handles and goes on with it, at once or when the origin has told where they belong.
    pub(crate) fn authorise(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        if call.service == Service::Mnt {
            let export = call.memberships[0];
            if export.is_none_or(|export| self.squash(id, export)) {
                self.forward(id);
            } else {
                self.starve(id);
            }
            return;
        }
        for (handle, membership) in call.handles.iter().zip(&mut call.memberships) {
            if let (Some(handle), None) = (handle, &membership) {
                let known = self.handles.find(handle);
                *membership = known.filter(|export| self.exports.is_in_use(*export));
                if membership.is_none() {
                    let handle = *handle;
                    self.identify(id, handle);
                    return;
                }
            }
        }
        let (peer, modifies) = (call.peer, call.service.modifies());
        let (first, second) = (call.memberships[0], call.memberships[1]);
        let Some(export) = first else {
            return;
        };
        let Some(rules) = self.exports.get(export) else {
            return;
        };
        let refusal = if second.is_some_and(|second| second != export) {
            Some(Status::XDEV)
        } else if !rules.allows(peer) {
            Some(Status::ACCES)
        } else if !rules.security.accepts(&call.security) {
            self.counters.refused_by_export += 1;
            self.answer_failure(id, Failure::Rpc(too_weak()));
            return;
        } else if !call.security.admits(export.0, &call.identity) {
            Some(Status::ACCES)
        } else if modifies && rules.read_only {
            Some(Status::ROFS)
        } else {
            None
        };
        if let Some(status) = refusal {
            self.counters.refused_by_export += 1;
            self.answer_status(id, status);
            return;
        }
        if !self.squash(id, export) {
            self.starve(id);
            return;
        }
        if let Some(call) = self.calls.get_mut(id) {
            call.export = Some(export);
            self.perform(id, export);
        }
    }

    /// Asks the origin which file system a handle is on. It is we who ask: what of the caller the origin may
    /// know, the export says, and that is not known yet.
    fn identify(&mut self, id: CallId, handle: FileHandle) {
        let credential = self.own_credential();
        let target = Target {
            program: nfs3::PROGRAM,
            version: nfs3::VERSION,
            procedure: Procedure::Getattr.into(),
        };
        let link = self.links.choose_nfs();
        let purpose = Purpose::Identify(id);
        if !self.call_origin(link, purpose, target, &credential, |writer| {
            handle.encode(writer)
        }) {
            self.starve(id);
        }
    }

    /// The origin has answered [`Gateway::identify`].
    pub(crate) fn identified(&mut self, id: CallId, reader: &mut Reader<'_>) {
        let attributes = match attributes_in(reader) {
            Ok(attributes) => attributes,
            Err(failure) => {
                self.answer_failure(id, failure);
                return;
            }
        };
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        if call.given_up {
            self.drop_call(id);
            return;
        }
        let asked = call
            .handles
            .iter()
            .zip(&mut call.memberships)
            .find(|(handle, membership)| handle.is_some() && membership.is_none());
        let Some((Some(handle), place)) = asked else {
            return;
        };
        let handle = *handle;
        let (security, identity) = (&call.security, &call.identity);
        let admits = |index: ExportIndex, export: &Export| {
            export.security.accepts(security) && security.admits(index.0, identity)
        };
        let membership = self.exports.membership(attributes.fsid, call.peer, admits);
        let status = match membership {
            Membership::Of {
                export,
                alone,
                squash,
            } => {
                *place = Some(export);
                call.squash = call.squash.max(squash);
                if alone {
                    self.handles.learn(handle, export);
                }
                self.authorise(id);
                return;
            }
            Membership::Nowhere => {
                self.counters.refused_by_export += 1;
                Status::STALE
            }
            Membership::Undecided if self.exports.is_resolving() => {
                call.undecided = true;
                return;
            }
            Membership::Undecided => Status::JUKEBOX,
        };
        self.answer_status(id, status);
    }

    /// More is known about the exports, or it is known that it will not be for a while: asks again where the
    /// handles belong of all calls that have waited for that.
    pub(crate) fn decide_undecided(&mut self) {
        let waiting: Vec<CallId> = self
            .calls
            .iter()
            .filter(|(_, call)| call.undecided)
            .map(|(id, _)| id)
            .collect();
        for id in waiting {
            if let Some(call) = self.calls.get_mut(id) {
                call.undecided = false;
                self.authorise(id);
            }
        }
    }

    /// Does what an authorised call asks.
    fn perform(&mut self, id: CallId, export: ExportIndex) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let Some(handle) = call.handles[0] else {
            return;
        };
        let (service, identity) = (call.service, call.identity);
        match &call.work {
            Work::Read(_) => self.drive_read(id),
            Work::Write(_) => self.start_write(id),
            Work::LookupParent if self.exports.is_root(export, &handle) => {
                // What lies above is not exported: as in any root, the parent is the root itself.
                self.answer(id, |writer| {
                    writer.u32(Status::OK.0)?;
                    handle.encode(writer)?;
                    writer.bool(false)?;
                    writer.bool(false)
                });
            }
            Work::SetSize => {
                if let Some(file) = self.files.find(&handle)
                    && !mutant::is_on(Mutant::TruncationUnnoticed)
                {
                    self.doubt(file);
                }
                self.forward(id);
            }
            Work::Access(asked) => {
                let asked = *asked;
                let known = self
                    .exports
                    .is_immutable(export)
                    .then(|| self.cached_access(&handle, &identity, asked))
                    .flatten();
                match known {
                    Some(result) => self.answer(id, |writer| result.encode(writer)),
                    None => {
                        self.attach_file(id, handle);
                        self.forward(id);
                    }
                }
            }
            Work::Plain if service == Service::Nfs(Procedure::Getattr) => {
                let known = self
                    .exports
                    .is_immutable(export)
                    .then(|| self.cached_attributes(&handle))
                    .flatten();
                match known {
                    Some(result) => self.answer(id, |writer| result.encode(writer)),
                    None => self.forward(id),
                }
            }
            Work::LookupParent | Work::Listing(_) | Work::Plain => self.forward(id),
        }
    }

    /// Enters the call's file, if there is room, and holds it for the call.
    pub(crate) fn attach_file(&mut self, id: CallId, handle: FileHandle) {
        let Some(file) = self.enter_file(handle) else {
            return;
        };
        let permissions = self.files.get(file).map_or(0, |file| file.permissions);
        if let Some(call) = self.calls.get_mut(id)
            && call.file.is_none()
        {
            call.file = Some(file);
            call.permissions = permissions;
            self.files.hold(file);
        }
    }

    /// Puts a call into the queue of those that lack a block or a buffer.
    pub(crate) fn starve(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(id)
            && !call.starving
        {
            call.starving = true;
            self.starved.push_back(id);
        }
    }

    /// Tries again what lacked a block or a buffer.
    pub(crate) fn drive_starved(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.starving = false;
        if call.export.is_none() {
            self.authorise(id);
        } else {
            self.drive_read(id);
        }
    }

    /// Forgets the calls of a client that is gone, but for those the origin works on: their replies tell
    /// what became of files, and until then they hold buffers and blocks that somebody must be charged for.
    pub(crate) fn abandon_calls_of(&mut self, client: crate::action::ClientId) {
        let ids: Vec<CallId> = self
            .calls
            .iter()
            .filter(|(_, call)| call.client == client && !call.is_at_origin())
            .map(|(id, _)| id)
            .collect();
        for id in ids {
            self.leave_write_queue(id);
            self.drop_call(id);
        }
    }

    /// A WRITE that waits for others will not be sent.
    pub(crate) fn leave_write_queue(&mut self, id: CallId) {
        if let Some(call) = self.calls.get(id)
            && let (Work::Write(_), Some(file)) = (&call.work, call.file)
            && let Some(burst) = self.files.get_mut(file).and_then(|f| f.burst.as_mut())
        {
            burst.queue.retain(|(queued, _)| *queued != id);
        }
    }
}

/// The attributes in a GETATTR reply, or why there are none.
pub(crate) fn attributes_in(reader: &mut Reader<'_>) -> Result<nfs3::FileAttributes, Failure> {
    let malformed = Failure::Status(Status::IO);
    let header = rpc::decode_reply(reader).map_err(|_| malformed)?;
    header.outcome.map_err(Failure::Rpc)?;
    let result = nfs3::results::getattr(reader).map_err(|_| malformed)?;
    result.attributes.ok_or(Failure::Status(result.status))
}
