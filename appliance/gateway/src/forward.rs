//! Calls that the origin answers: passed on as they came, their replies looked at and passed back.

use std::ops::Range;

use mutant::Mutant;
use nfs::mount;
use nfs::nfs3::results::{Learned, fsinfo, learn};
use nfs::nfs3::{FileAttributes, FileHandle, FileType, Procedure, Status, results};
use nfs::nfsacl;
use nfs::record::MARK_LEN;
use nfs::rpc;
use nfs::xdr::Reader;

use crate::call::{CallId, Service, Work};
use crate::chain::Chain;
use crate::exports::ExportIndex;
use crate::files::FileRef;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::limits::{DIRECTORY_PREFERRED, META_PIECES_MAX};
use crate::message::{Message, Payload, SpareQueues};
use crate::upstream::Purpose;
use crate::verdicts::Access;

/// Longest change to a reply's words in place: FSINFO's sizes.
const PATCH_MAX: usize = results::FsinfoLimits::LEN;

/// What is to be changed in a reply before it is passed back.
#[derive(Default)]
pub(crate) struct Edits {
    /// Words to overwrite: where, and with what.
    overwrite: Option<(usize, [u8; PATCH_MAX])>,
    /// Attributes and handle of a listing's entry to hide.
    pub(crate) hide: Option<Range<usize>>,
    /// Where a listing is to end, short of what the origin sent.
    pub(crate) cut: Option<usize>,
    /// It must not be passed back at all: this is answered.
    pub(crate) withhold: Option<Status>,
}

impl Edits {
    /// The origin is not to be believed: nothing of its reply is passed back.
    pub(crate) fn malformed() -> Self {
        Self {
            withhold: Some(Status::IO),
            ..Self::default()
        }
    }
}

/// What of a call matters when its reply comes.
pub(crate) struct Facts {
    service: Service,
    pub(crate) handle: Option<FileHandle>,
    pub(crate) export: Option<ExportIndex>,
    identity: Identity,
    file: Option<FileRef>,
    permissions: u64,
    set_size: bool,
    asked: Option<u32>,
    /// How long a listing may be.
    pub(crate) room: usize,
}

impl Gateway {
    /// Passes a call on as it came, but for its xid.
    pub(crate) fn forward(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Some(request) = call.request.take() else {
            return;
        };
        call.forwarded = true;
        match call.service {
            Service::Nfs(Procedure::Write) => self.counters.origin_writes += 1,
            Service::Nfs(Procedure::Read) => self.counters.origin_reads += 1,
            _ => {}
        }
        let link = match call.service {
            Service::Mnt => self.links.mount(),
            Service::Nfs(_) | Service::Acl(_) => self.links.choose_nfs(),
        };
        let xid = self.upstream.xid();
        self.send_to_origin(link, Purpose::Forward(id), request, xid);
    }

    /// The reply to a forwarded call has arrived whole. `request` is what was sent, which pinned a WRITE's
    /// blocks until now.
    pub(crate) fn forwarded(&mut self, id: CallId, request: Message, chain: &mut Chain) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let facts = Facts {
            service: call.service,
            handle: call.handles[0],
            export: call.export,
            identity: call.identity,
            file: call.file,
            permissions: call.permissions,
            set_size: matches!(call.work, Work::SetSize),
            asked: match call.work {
                Work::Access(asked) => Some(asked),
                _ => None,
            },
            room: match call.work {
                Work::Listing(room) => room as usize,
                _ => 0,
            },
        };
        if facts.service == Service::Nfs(Procedure::Write) {
            drop(request);
            self.written(id, chain);
            return;
        }
        let mut storage = [&[][..]; META_PIECES_MAX];
        let mut reader = Reader::new(chain.segments(&mut storage));
        let edits = match rpc::decode_reply(&mut reader) {
            Ok(header) if header.outcome.is_ok() => match facts.service {
                Service::Nfs(procedure) => self.inspect(&facts, procedure, &reader),
                Service::Acl(procedure) => self.inspect_acl(&facts, procedure, &mut reader),
                Service::Mnt => self.inspect_mnt(id, &request, &mut reader),
            },
            Ok(_) => Edits::default(),
            Err(_) => Edits::malformed(),
        };
        drop(request);
        self.pass_back(id, chain, &edits);
    }

    /// Passes a reply back to the client, edited.
    fn pass_back(&mut self, id: CallId, chain: &mut Chain, edits: &Edits) {
        if let Some(status) = edits.withhold {
            self.counters.origin_protocol_errors += 1;
            self.answer_status(id, status);
            return;
        }
        if let Some((position, bytes)) = &edits.overwrite {
            chain.patch(*position, bytes);
        }
        let end = chain.len();
        let cut = edits.cut.map(|at| at..end);
        let hidden = edits.hide.clone();
        // What is beyond the end need not be hidden.
        let hidden = hidden.filter(|hidden| edits.cut.is_none_or(|at| hidden.end <= at));
        if hidden.is_none() && cut.is_none() {
            self.pass_back_chain(id, chain);
        } else {
            self.counters.origin_protocol_errors += u64::from(cut.is_some());
            self.pass_back_without(id, chain, [hidden, cut]);
        }
    }

    /// Passes a reply back as it is.
    pub(crate) fn pass_back_chain(&mut self, id: CallId, chain: &mut Chain) {
        let Some(call) = self.close_call(id) else {
            return;
        };
        let is_verified = matches!(
            call.service,
            Service::Nfs(Procedure::Write | Procedure::Commit)
        );
        if mutant::is_on(Mutant::VerifierKept) && is_verified {
            keep_first_verifier(chain);
        }
        let mut message = chain.take(&self.queues);
        if message.set_record(call.xid) {
            self.reply_to(call, message);
        }
    }

    /// Passes a reply back with eight zero bytes in place of each of these ranges, which come in order: two
    /// absent values of an entry, or the end of a list that goes on.
    fn pass_back_without(
        &mut self,
        id: CallId,
        chain: &mut Chain,
        ranges: [Option<Range<usize>>; 2],
    ) {
        let Some(call) = self.close_call(id) else {
            return;
        };
        let mut whole = chain.take(&self.queues);
        let ranges = ranges.into_iter().flatten();
        let record_len = ranges.clone().fold(whole.len() - MARK_LEN, |len, range| {
            (len + 8).saturating_sub(range.len())
        });
        // Before the first buffer is shared.
        if !whole.set_record_of_len(record_len, call.xid) {
            return;
        }
        let mut message = SpareQueues::message(&self.queues);
        let mut from = 0;
        for range in ranges {
            message.push_range(&whole, from..MARK_LEN + range.start);
            for zeros in [3, 3, 2] {
                message.push(Payload::Zeros(zeros));
            }
            from = MARK_LEN + range.end;
        }
        message.push_range(&whole, from..whole.len());
        self.reply_to(call, message);
    }

    /// Learns what a reply says about files.
    fn inspect(&mut self, facts: &Facts, procedure: Procedure, results: &Reader<'_>) -> Edits {
        let Ok(learned) = learn(procedure, &mut results.clone()) else {
            // Whatever it is, it must not lead out of the export.
            return Edits::malformed();
        };
        // Nothing changed since it was asked: then the verdict is as new as the attributes beside it.
        let is_current = self.permissions_unchanged(facts);
        self.learn(facts, procedure, &learned);
        match procedure {
            Procedure::Access if learned.status.is_ok() && is_current => {
                if let Ok(access) = results::access(&mut results.clone()) {
                    self.learn_access(facts, access.access);
                }
            }
            Procedure::Fsinfo => {
                if let Ok(fsinfo) = fsinfo(&mut results.clone())
                    && let Some(values) = fsinfo.values
                {
                    let mut limits = values.limits.clamped(self.max_read, self.max_write);
                    limits.directory_preferred =
                        values.limits.directory_preferred.min(DIRECTORY_PREFERRED);
                    return Edits {
                        overwrite: Some((values.limits_position, limits.to_bytes())),
                        ..Edits::default()
                    };
                }
            }
            Procedure::Readdir => return self.inspect_readdir(facts, results),
            Procedure::Readdirplus => return self.inspect_readdirplus(facts, results),
            _ => {}
        }
        Edits::default()
    }

    fn learn(&mut self, facts: &Facts, procedure: Procedure, learned: &Learned) {
        if matches!(learned.status, Status::STALE | Status::BADHANDLE)
            && let Some(handle) = facts.handle
        {
            self.forget_handle(&handle);
        }
        let Some(export) = facts.export else {
            return;
        };
        let found = matches!(
            procedure,
            Procedure::Lookup
                | Procedure::Create
                | Procedure::Mkdir
                | Procedure::Symlink
                | Procedure::Mknod
        );
        if let (true, Some(handle)) = (found, learned.handle) {
            self.handles.learn(handle, export);
        }
        let object = if found { learned.handle } else { facts.handle };
        let Some(object) = object else {
            return;
        };
        if procedure == Procedure::Setattr {
            if let Some(file) = self.files.find(&object) {
                if learned.status.is_ok() {
                    self.observe_change(file, &learned.object);
                } else if let Some(after) = learned.object.after {
                    self.observe(file, &after);
                }
                if facts.set_size && !mutant::is_on(Mutant::TruncationUnnoticed) {
                    self.doubt(file);
                }
            }
            return;
        }
        let Some(attributes) = learned.object.after else {
            return;
        };
        self.learn_attributes(object, &attributes, true);
    }

    /// Regular files that somebody looks at are likely to be read next, so they are entered.
    pub(crate) fn learn_attributes(
        &mut self,
        handle: FileHandle,
        attributes: &FileAttributes,
        enter: bool,
    ) {
        let file = if enter && attributes.file_type == FileType::Regular {
            self.enter_file(handle)
        } else {
            self.files.find(&handle)
        };
        if let Some(file) = file {
            self.observe(file, attributes);
        }
    }

    fn permissions_unchanged(&self, facts: &Facts) -> bool {
        facts
            .file
            .and_then(|file| self.files.get(file))
            .is_some_and(|file| file.permissions == facts.permissions)
    }

    /// Remembers an ACCESS verdict. The attributes that came with it are observed already.
    fn learn_access(&mut self, facts: &Facts, granted: u32) {
        let (Some(file), Some(asked)) = (facts.file, facts.asked) else {
            return;
        };
        let Some(permissions) = self.files.get(file).map(|file| file.permissions) else {
            return;
        };
        let access = Access {
            permissions,
            asked,
            granted: granted & asked,
        };
        self.verdicts.enter(file.id, &facts.identity, access);
    }

    fn inspect_acl(
        &mut self,
        facts: &Facts,
        procedure: nfsacl::Procedure,
        reader: &mut Reader<'_>,
    ) -> Edits {
        let (Ok(head), Some(handle), Some(export)) = (
            nfsacl::decode_result_head(procedure, reader),
            facts.handle,
            facts.export,
        ) else {
            return Edits::malformed();
        };
        if let Some(attribute_directory) = head.handle {
            self.handles.learn(attribute_directory, export);
            return Edits::default();
        }
        if let Some(attributes) = head.attributes {
            self.learn_attributes(handle, &attributes, false);
        }
        if procedure == nfsacl::Procedure::Setacl
            && let Some(file) = self.files.find(&handle)
        {
            self.doubt(file);
        }
        Edits::default()
    }

    fn inspect_mnt(&mut self, id: CallId, request: &Message, reader: &mut Reader<'_>) -> Edits {
        let Ok(result) = mount::decode_mnt_result(reader) else {
            return Edits::malformed();
        };
        let peer = self.calls.get(id).map(|call| call.peer);
        if let (Some(handle), Some(peer)) = (result.handle, peer)
            && let Some(export) = self.note_mount(request, peer, handle)
        {
            self.handles.learn(handle, export);
        }
        Edits::default()
    }
}

/// Puts the first write verifier that was ever seen at the end of a successful reply, where the verifier is
/// ([`Mutant::VerifierKept`]).
fn keep_first_verifier(chain: &mut Chain) {
    const STATUS: Range<usize> = 24..28;
    let reply = chain.head();
    if let (Some([0, 0, 0, 0]), Some((front, verifier))) =
        (reply.get(STATUS), reply.split_last_chunk())
    {
        let position = front.len();
        let first = mutant::first_seen(*verifier);
        chain.patch(position, &first);
    }
}
