//! MOUNT version 3: what is answered here, and MNT, which the origin answers.

use std::net::Ipv4Addr;

use nfs::limits::MOUNT_PATH;
use nfs::mount::{self, MountStatus, Procedure};
use nfs::nfs3::FileHandle;
use nfs::rpc::{CallHeader, ErrorReply};
use nfs::xdr::{Overflow, Reader, Writer};

use crate::call::{Service, Work};
use crate::dispatch::{Pass, Route};
use crate::exports::ExportIndex;
use crate::gateway::Gateway;
use crate::message::Message;

impl Gateway {
    pub(crate) fn mount(
        &mut self,
        header: &CallHeader,
        reader: &mut Reader<'_>,
        peer: Ipv4Addr,
        writer: &mut Writer<'_>,
        results: &mut Result<(), Overflow>,
    ) -> Route {
        let mut storage = [0; MOUNT_PATH];
        *results = match Procedure::from_number(header.procedure) {
            None => return Route::Refuse(ErrorReply::ProcedureUnavailable),
            Some(Procedure::Null) => Ok(()),
            Some(Procedure::Mnt) => {
                let Ok(path) = mount::decode_path(reader) else {
                    return Route::Refuse(ErrorReply::GarbageArguments);
                };
                let path = path.copy_to(&mut storage).map(|path| &*path);
                if let Some(export) = self.mountable(path, peer) {
                    return Route::Pass(Pass {
                        service: Service::Mnt,
                        handles: [None, None],
                        memberships: [Some(export), None],
                        work: Work::Plain,
                        clamp: [None, None],
                    });
                }
                self.counters.refused_by_export += 1;
                mount::encode_mnt_failure(writer, MountStatus::ACCES)
            }
            Some(Procedure::Umnt) => {
                let Ok(path) = mount::decode_path(reader) else {
                    return Route::Refuse(ErrorReply::GarbageArguments);
                };
                let path = path.copy_to(&mut storage).map(|path| &*path);
                if let Some(path) = path.and_then(|path| str::from_utf8(path).ok()) {
                    self.mounts.remove(peer, path);
                }
                Ok(())
            }
            Some(Procedure::Umntall) => {
                self.mounts.remove_all(peer);
                Ok(())
            }
            Some(Procedure::Dump) => self.dump_mounts(writer),
            Some(Procedure::Export) => {
                let allowed = self
                    .exports
                    .in_use()
                    .filter(|(_, entry)| entry.export.allows(peer))
                    .map(|(_, entry)| entry.export.path.as_bytes());
                mount::encode_exports(writer, allowed)
            }
        };
        Route::Answered
    }

    /// The export that a client at `peer` may mount `path` of.
    pub(crate) fn mountable(&self, path: Option<&[u8]>, peer: Ipv4Addr) -> Option<ExportIndex> {
        let path = str::from_utf8(path?).ok()?;
        let index = self.exports.covering(path)?;
        self.exports
            .get(index)
            .is_some_and(|export| export.allows(peer))
            .then_some(index)
    }

    /// The export of the path in a MNT call, for when its reply comes with the `mounted` directory; the mount
    /// is noted then.
    pub(crate) fn note_mount(
        &mut self,
        request: &Message,
        peer: Ipv4Addr,
        mounted: FileHandle,
    ) -> Option<ExportIndex> {
        let mut storage = [0; MOUNT_PATH];
        let mut path = None;
        request.read_record(|reader| {
            if nfs::rpc::decode_call(reader).is_ok()
                && let Ok(bytes) = mount::decode_path(reader)
            {
                path = bytes.copy_to(&mut storage).map(|path| &*path);
            }
        });
        let index = self.mountable(path, peer)?;
        if let Some(path) = path.and_then(|path| str::from_utf8(path).ok()) {
            self.mounts.add(peer, path);
            // A client may be there before we have asked for ourselves.
            if let Some(entry) = self.exports.entry_mut(index)
                && entry.export.path == path
            {
                entry.root.get_or_insert(mounted);
            }
        }
        Some(index)
    }

    /// The latest mounts, as many as fit the reply.
    fn dump_mounts(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        for (client, path) in self.mounts.iter() {
            // The longest address, the path, and the words around them.
            if writer.room() < 16 + path.len() + 20 {
                break;
            }
            let name = client.to_string();
            writer.bool(true)?;
            writer.opaque(name.as_bytes())?;
            writer.opaque(path.as_bytes())?;
        }
        writer.bool(false)
    }
}
