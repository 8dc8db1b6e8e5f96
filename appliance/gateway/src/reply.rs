//! Answering clients ourselves.

use nfs::mount::{self, MountStatus};
use nfs::nfs3::{self, Status};
use nfs::nfsacl;
use nfs::record::MARK_LEN;
use nfs::rpc::{self, ErrorReply};
use nfs::xdr::{Overflow, Writer};

use crate::action::{Action, ClientId};
use crate::call::{CallId, ClientCall, Failure, Service, Work};
use crate::charge::Charge;
use crate::gateway::Gateway;
use crate::message::{Message, Payload, SpareQueues};
use crate::meta::MetaMut;

impl Gateway {
    /// Answers a call that has no [`ClientCall`] with results.
    pub(crate) fn reply_results(
        &mut self,
        client: ClientId,
        charge: Charge,
        mut buffer: MetaMut,
        xid: u32,
        encode: impl FnOnce(&mut Writer<'_>) -> Result<(), Overflow>,
    ) {
        if write_reply(&mut buffer, xid, encode).is_err() {
            self.reply_error(client, charge, buffer, xid, ErrorReply::SystemError);
            return;
        }
        let message = self.message_of(buffer);
        self.send_to_client(client, message, Some(charge), xid);
    }

    /// Answers a call that has no [`ClientCall`] with an error of RPC.
    pub(crate) fn reply_error(
        &mut self,
        client: ClientId,
        charge: Charge,
        mut buffer: MetaMut,
        xid: u32,
        error: ErrorReply,
    ) {
        write_error(&mut buffer, xid, error);
        let message = self.message_of(buffer);
        self.send_to_client(client, message, Some(charge), xid);
    }

    /// Answers a call with results and forgets it.
    pub(crate) fn answer(
        &mut self,
        id: CallId,
        encode: impl FnOnce(&mut Writer<'_>) -> Result<(), Overflow>,
    ) {
        self.answer_with_data(id, encode, |_| ());
    }

    /// Answers a call with results that end in data and forgets it.
    pub(crate) fn answer_with_data(
        &mut self,
        id: CallId,
        encode: impl FnOnce(&mut Writer<'_>) -> Result<(), Overflow>,
        data: impl FnOnce(&mut Message),
    ) {
        let Some(mut call) = self.close_call(id) else {
            return;
        };
        let Some(mut buffer) = call.reply.take() else {
            // It was given up, and answered then.
            self.recycle_work(call);
            return;
        };
        let fits = write_reply(&mut buffer, call.xid, encode).is_ok();
        if !fits {
            write_error(&mut buffer, call.xid, ErrorReply::SystemError);
        }
        let mut message = self.message_of(buffer);
        if fits {
            data(&mut message);
        }
        if message.set_record(call.xid) {
            self.reply_to(call, message);
        }
    }

    /// Answers a call with an NFS status in the failure form of its procedure, and forgets it.
    pub(crate) fn answer_status(&mut self, id: CallId, status: Status) {
        let Some(service) = self.calls.get(id).map(|call| call.service) else {
            return;
        };
        self.answer(id, |writer| encode_status(writer, service, status));
    }

    /// Answers a call with an error of RPC and forgets it.
    pub(crate) fn answer_error(&mut self, id: CallId, error: ErrorReply) {
        let Some(mut call) = self.close_call(id) else {
            return;
        };
        let Some(mut buffer) = call.reply.take() else {
            self.recycle_work(call);
            return;
        };
        write_error(&mut buffer, call.xid, error);
        let mut message = self.message_of(buffer);
        if message.set_record(call.xid) {
            self.reply_to(call, message);
        }
    }

    pub(crate) fn answer_failure(&mut self, id: CallId, failure: Failure) {
        match failure {
            Failure::Status(status) => self.answer_status(id, status),
            Failure::Rpc(error) => self.answer_error(id, error),
        }
    }

    /// Sends a reply whose front is a buffer of its own.
    pub(crate) fn send_to_client(
        &mut self,
        client: ClientId,
        mut message: Message,
        charge: Option<Charge>,
        xid: u32,
    ) {
        if message.set_record(xid) {
            self.send_prepared(client, message, charge);
        }
    }

    /// Sends a reply whose record is complete, unless the client is gone.
    pub(crate) fn send_prepared(
        &mut self,
        client: ClientId,
        mut message: Message,
        charge: Option<Charge>,
    ) {
        if !self.clients.contains_key(&client) {
            return;
        }
        if let Some(charge) = charge {
            message.carry(charge);
        }
        self.actions
            .push_back(Action::SendToClient { client, message });
        self.close_if_done(client);
    }

    /// Takes a call out of the table and lets go of its file.
    pub(crate) fn close_call(&mut self, id: CallId) -> Option<ClientCall> {
        let call = self.calls.remove(id)?;
        if let Some(file) = call.file {
            self.files.release(file);
        }
        Some(call)
    }

    /// Keeps what a finished call's work can be reused of.
    pub(crate) fn recycle_work(&mut self, call: ClientCall) {
        match call.work {
            Work::Read(mut read) => {
                if self.spare_reads.len() < self.config.limits.calls {
                    read.forget_pieces();
                    self.spare_reads.push(read);
                }
            }
            Work::Write(write) => self.recycle_pieces(write.pieces),
            Work::Plain
            | Work::LookupParent
            | Work::SetSize
            | Work::Listing(_)
            | Work::Access(_) => {}
        }
    }

    pub(crate) fn message_of(&self, buffer: MetaMut) -> Message {
        let mut message = SpareQueues::message(&self.queues);
        message.push(Payload::Meta(buffer.freeze()));
        message
    }
}

/// A failure as each procedure answers it. (MOUNT's statuses have the numbers of NFS's.)
pub(crate) fn encode_status(
    writer: &mut Writer<'_>,
    service: Service,
    status: Status,
) -> Result<(), Overflow> {
    match service {
        Service::Nfs(procedure) => nfs3::encode_failure(writer, procedure, status),
        Service::Acl(procedure) => nfsacl::encode_failure(writer, procedure, status),
        Service::Mnt => mount::encode_mnt_failure(writer, MountStatus(status.0)),
    }
}

/// Room for the mark, the header of a successful reply, and the results.
pub(crate) fn write_reply(
    buffer: &mut MetaMut,
    xid: u32,
    encode: impl FnOnce(&mut Writer<'_>) -> Result<(), Overflow>,
) -> Result<(), Overflow> {
    write_record(buffer, |writer| {
        rpc::encode_success(writer, xid)?;
        encode(writer)
    })
}

fn write_error(buffer: &mut MetaMut, xid: u32, error: ErrorReply) {
    // Cannot overflow: an error reply is a few words.
    let _ = write_record(buffer, |writer| error.encode(writer, xid));
}

/// Fills a buffer with a record, room for its mark in front.
pub(crate) fn write_record(
    buffer: &mut MetaMut,
    encode: impl FnOnce(&mut Writer<'_>) -> Result<(), Overflow>,
) -> Result<(), Overflow> {
    buffer.truncate(0);
    buffer.append(&[0; MARK_LEN]);
    buffer.append_with(|room| {
        let mut writer = Writer::new(room);
        encode(&mut writer)?;
        Ok(writer.len())
    })
}
