//! From a whole call to what is done about it: by program, version and procedure.

use nfs::nfs3::args::{Args, ReadArgs};
use nfs::nfs3::{self, NameClass, Procedure, Status, classify_name, refuse_name};
use nfs::rpc::{self, AuthFlavor, AuthStatus, CallHeader, Credential, ErrorReply};
use nfs::xdr::{Overflow, Reader, Writer};
use nfs::{mount, nfsacl, portmap};

use crate::action::Action;
use crate::call::{ClientCall, Service, Work};
use crate::charge::Holder;
use crate::client::Client;
use crate::exports::ExportIndex;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::limits::{LARGE_META_LEN, MAX_IO_BOUND, META_PIECES_MAX};
use crate::repeat::Admission;
use crate::reply::write_record;

/// What is to be done with a call.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart where it is made; a box would be an allocation per call"
)]
pub(crate) enum Route {
    /// It is answered already: the answer lies in the reply buffer.
    Answered,
    /// It cannot be executed.
    Refuse(ErrorReply),
    /// It is refused by its own procedure.
    Fail(Procedure, Status),
    /// It is one of ours to pass on.
    Pass(Pass),
}

/// A call that others answer.
pub(crate) struct Pass {
    pub(crate) service: Service,
    pub(crate) handles: [Option<nfs3::FileHandle>; 2],
    /// Which exports it is of, as far as that is known without asking.
    pub(crate) memberships: [Option<ExportIndex>; 2],
    pub(crate) work: Work,
    /// Words of the arguments that must not exceed a bound: position and bound.
    pub(crate) clamp: [Option<(usize, u32)>; 2],
}

impl Gateway {
    /// Deals with the whole call in the client's chain; `false` if it must wait.
    pub(crate) fn dispatch(&mut self, client: &mut Client) -> bool {
        let mut storage = [&[][..]; META_PIECES_MAX];
        let mut reader = Reader::new(client.chain.segments(&mut storage));
        let Ok(header) = rpc::decode_call(&mut reader) else {
            // It was decodable when it was classified.
            return true;
        };
        let peer = *client.info.peer.ip();
        let is_probe = self.is_probe(client, &header);
        if is_probe && client.holder.calls() > 0 {
            // What is still owed goes out in clear, before anything else is agreed upon.
            return false;
        }
        let bytes = self.read_charge(&header, &reader);
        let Some((charge, mut buffer)) = self.admit(|| Holder::charge_read(&client.holder, bytes))
        else {
            return false;
        };
        self.counters.client_calls += 1;
        let xid = header.xid;
        let route = match Identity::of(&header.credential) {
            None if is_probe => {
                let answered =
                    write_record(&mut buffer, |writer| rpc::encode_starttls(writer, xid));
                match answered {
                    Ok(()) => Route::Answered,
                    Err(Overflow) => Route::Refuse(ErrorReply::SystemError),
                }
            }
            None => Route::Refuse(unserved_flavor(&header.credential)),
            Some(_) => {
                let mut results = Ok(());
                // The buffer is filled by whoever can answer at once.
                let mut route = Route::Refuse(ErrorReply::SystemError);
                let written = write_record(&mut buffer, |writer| {
                    rpc::encode_success(writer, xid)?;
                    route = self.route(&header, &mut reader, peer, writer, &mut results);
                    results
                });
                match (written, route) {
                    (Err(Overflow), Route::Answered) => Route::Refuse(ErrorReply::SystemError),
                    (_, route) => route,
                }
            }
        };
        match route {
            Route::Answered => {
                let mut message = crate::message::SpareQueues::message(&self.queues);
                message.push(crate::message::Payload::Meta(buffer.freeze()));
                self.send_to_client(client.id, message, Some(charge), xid);
                client.chain.clear();
                if is_probe {
                    client.securing = true;
                    self.actions
                        .push_back(Action::SecureClient { client: client.id });
                }
            }
            Route::Refuse(error) => {
                self.counters.client_protocol_errors += 1;
                self.reply_error(client.id, charge, buffer, xid, error);
                client.chain.clear();
            }
            Route::Fail(procedure, status) => {
                self.reply_results(client.id, charge, buffer, xid, |writer| {
                    nfs3::encode_failure(writer, procedure, status)
                });
                client.chain.clear();
            }
            Route::Pass(pass) => self.pass_on(client, header, pass, (charge, buffer)),
        }
        true
    }

    /// Begins a call that others answer.
    fn pass_on(
        &mut self,
        client: &mut Client,
        header: CallHeader,
        mut pass: Pass,
        admission: Admission,
    ) {
        if let Work::Read(read) = &mut pass.work {
            self.cut_read(read, admission.0.bytes());
        }
        let key = pass.service.is_remembered().then(|| {
            let (len, covered) = (client.chain.len(), client.chain.head());
            self.duplicates.key(client, &header, len, covered)
        });
        let Some(admission) = self.unless_repeated(client, key, admission) else {
            client.chain.clear();
            return;
        };
        for (position, bound) in pass.clamp.into_iter().flatten() {
            clamp_word(client, position, bound);
        }
        let request = client.chain.take(&self.queues);
        let call = ClientCall::new(client, header, pass, request, admission, self.now);
        self.begin(call, key);
    }

    fn route(
        &mut self,
        header: &CallHeader,
        reader: &mut Reader<'_>,
        peer: std::net::Ipv4Addr,
        writer: &mut Writer<'_>,
        results: &mut Result<(), Overflow>,
    ) -> Route {
        match (header.program, header.version) {
            (portmap::PROGRAM, 2..=4) => self.portmap(header, reader, writer, results),
            (portmap::PROGRAM, _) => mismatch(2, 4),
            (mount::PROGRAM, mount::VERSION) => self.mount(header, reader, peer, writer, results),
            (mount::PROGRAM, _) => mismatch(mount::VERSION, mount::VERSION),
            (nfs3::PROGRAM, nfs3::VERSION) => self.nfs(header, reader),
            (nfs3::PROGRAM, _) => mismatch(nfs3::VERSION, nfs3::VERSION),
            (nfsacl::PROGRAM, nfsacl::VERSION) => nfsacl(header, reader),
            (nfsacl::PROGRAM, _) => mismatch(nfsacl::VERSION, nfsacl::VERSION),
            _ => Route::Refuse(ErrorReply::ProgramUnavailable),
        }
    }

    fn nfs(&mut self, header: &CallHeader, reader: &mut Reader<'_>) -> Route {
        let Ok(procedure) = Procedure::try_from(header.procedure) else {
            return Route::Refuse(ErrorReply::ProcedureUnavailable);
        };
        let Ok(args) = Args::decode(procedure, reader, self.max_write) else {
            return Route::Refuse(ErrorReply::GarbageArguments);
        };
        let refusal = |name| refuse_name(procedure, classify_name(name));
        if let Some(status) = args.names().iter().flatten().find_map(refusal) {
            return Route::Fail(procedure, status);
        }
        let mut clamp = [None, None];
        let last_word = reader.position().saturating_sub(4);
        let work = match &args {
            Args::Null => return Route::Answered,
            Args::Lookup(entry) if classify_name(&entry.name) == NameClass::Parent => {
                Work::LookupParent
            }
            Args::Setattr(args) if args.attributes.size.is_some() => Work::SetSize,
            Args::Access(args) => Work::Access(args.access),
            Args::Read(args) if args.count > 0 => {
                self.counters.client_reads += 1;
                let mut read = self.spare_reads.pop().unwrap_or_default();
                read.begin(ReadArgs {
                    count: args.count.min(self.max_read),
                    ..*args
                });
                Work::Read(read)
            }
            // The reply must be one that we can take in.
            Args::Readdir(args) => {
                clamp = [Some((last_word, MAX_IO_BOUND)), None];
                Work::Listing(args.count)
            }
            Args::Readdirplus(args) => {
                let before = last_word.saturating_sub(4);
                clamp = [
                    Some((last_word, MAX_IO_BOUND)),
                    Some((before, MAX_IO_BOUND)),
                ];
                Work::Listing(args.max_count)
            }
            _ => Work::Plain,
        };
        Route::Pass(Pass {
            service: Service::Nfs(procedure),
            handles: [args.handle(), args.second_handle()],
            memberships: [None, None],
            work,
            clamp,
        })
    }
}

fn nfsacl(header: &CallHeader, reader: &mut Reader<'_>) -> Route {
    let Some(procedure) = nfsacl::Procedure::from_number(header.procedure) else {
        return Route::Refuse(ErrorReply::ProcedureUnavailable);
    };
    if procedure == nfsacl::Procedure::Null {
        return Route::Answered;
    }
    match nfsacl::decode_handle(reader) {
        Ok(handle) => Route::Pass(Pass {
            service: Service::Acl(procedure),
            handles: [Some(handle), None],
            memberships: [None, None],
            work: Work::Plain,
            clamp: [None, None],
        }),
        Err(_) => Route::Refuse(ErrorReply::GarbageArguments),
    }
}

fn mismatch(low: u32, high: u32) -> Route {
    Route::Refuse(ErrorReply::ProgramMismatch { low, high })
}

/// Why a flavor is not served (RFC 5531 section 9; RFC 9289 section 4.1 for AUTH_TLS).
fn unserved_flavor(credential: &Credential) -> ErrorReply {
    ErrorReply::AuthError(match credential.flavor() {
        // Not terminated here, so that nothing could be cached.
        AuthFlavor::RPCSEC_GSS => AuthStatus::TOO_WEAK,
        AuthFlavor::TLS => AuthStatus::BAD_CREDENTIAL,
        _ => AuthStatus::REJECTED_CREDENTIAL,
    })
}

fn clamp_word(client: &mut Client, position: usize, bound: u32) {
    debug_assert!(position < LARGE_META_LEN);
    let word = client
        .chain
        .head()
        .get(position..)
        .and_then(|rest| rest.first_chunk::<4>())
        .copied();
    if word.is_some_and(|word| u32::from_be_bytes(word) > bound) {
        client.chain.patch(position, &bound.to_be_bytes());
    }
}
