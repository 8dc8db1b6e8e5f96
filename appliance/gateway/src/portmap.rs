//! Portmap and rpcbind: where our own programs are (RFC 1833).

use std::net::SocketAddrV4;

use nfs::portmap::{Mapping, PROTOCOL_TCP, Procedure};
use nfs::rpc::{CallHeader, ErrorReply};
use nfs::rpcbind::{self, Binding, NETID_TCP, UniversalAddress};
use nfs::xdr::{Bytes, Overflow, Reader, Writer};
use nfs::{mount, nfs3, nfsacl, portmap};

use crate::dispatch::Route;
use crate::gateway::Gateway;

impl Gateway {
    /// Our programs with their versions and ports, all over TCP.
    fn programs(&self) -> [(u32, u32, u16); 6] {
        let service = &self.config.service;
        [
            (portmap::PROGRAM, rpcbind::VERSION_4, service.portmap_port),
            (portmap::PROGRAM, rpcbind::VERSION_3, service.portmap_port),
            (portmap::PROGRAM, portmap::VERSION, service.portmap_port),
            (mount::PROGRAM, mount::VERSION, service.mount_port),
            (nfs3::PROGRAM, nfs3::VERSION, service.nfs_port),
            (nfsacl::PROGRAM, nfsacl::VERSION, service.nfs_port),
        ]
    }

    /// Where a program is, in whatever version: a caller that asks for another one learns which there are
    /// when it calls.
    fn port_of(&self, program: u32) -> Option<u16> {
        self.programs()
            .into_iter()
            .find(|(number, ..)| *number == program)
            .map(|(.., port)| port)
    }

    pub(crate) fn portmap(
        &self,
        header: &CallHeader,
        reader: &mut Reader<'_>,
        writer: &mut Writer<'_>,
        results: &mut Result<(), Overflow>,
    ) -> Route {
        if header.version != portmap::VERSION {
            return self.rpcbind(header, reader, writer, results);
        }
        *results = match Procedure::from_number(header.procedure) {
            Some(Procedure::Null) => Ok(()),
            Some(Procedure::Getport) => match Mapping::decode(reader) {
                Ok(asked) if asked.protocol == PROTOCOL_TCP => {
                    portmap::encode_port(writer, self.port_of(asked.program))
                }
                Ok(_) => portmap::encode_port(writer, None),
                Err(_) => return Route::Refuse(ErrorReply::GarbageArguments),
            },
            Some(Procedure::Dump) => {
                let mappings = self.programs().map(|(program, version, port)| Mapping {
                    program,
                    version,
                    protocol: PROTOCOL_TCP,
                    port: port.into(),
                });
                portmap::encode_dump(writer, &mappings)
            }
            // Nobody registers anything here.
            Some(Procedure::Set | Procedure::Unset) => writer.bool(false),
            Some(Procedure::Callit) | None => {
                return Route::Refuse(ErrorReply::ProcedureUnavailable);
            }
        };
        Route::Answered
    }

    fn rpcbind(
        &self,
        header: &CallHeader,
        reader: &mut Reader<'_>,
        writer: &mut Writer<'_>,
        results: &mut Result<(), Overflow>,
    ) -> Route {
        use rpcbind::procedure;
        let address = |port| SocketAddrV4::new(self.config.service.address, port);
        *results = match header.procedure {
            procedure::NULL => Ok(()),
            procedure::GETADDR => match Binding::decode(reader) {
                Ok(asked) => {
                    let port = self
                        .port_of(asked.program)
                        .filter(|_| asked.netid == *NETID_TCP);
                    rpcbind::encode_address(writer, port.map(address))
                }
                Err(_) => return Route::Refuse(ErrorReply::GarbageArguments),
            },
            procedure::GETVERSADDR if header.version == rpcbind::VERSION_4 => {
                match Binding::decode(reader) {
                    Ok(asked) => {
                        let is_asked = |(program, version, _): &(u32, u32, u16)| {
                            (*program, *version) == (asked.program, asked.version)
                        };
                        let port = self
                            .programs()
                            .into_iter()
                            .find(is_asked)
                            .map(|(.., port)| port)
                            .filter(|_| asked.netid == *NETID_TCP);
                        rpcbind::encode_address(writer, port.map(address))
                    }
                    Err(_) => return Route::Refuse(ErrorReply::GarbageArguments),
                }
            }
            procedure::DUMP => self
                .programs()
                .into_iter()
                .try_for_each(|entry| {
                    let (program, version, port) = entry;
                    let universal = UniversalAddress::new(address(port));
                    writer.bool(true)?;
                    Binding {
                        program,
                        version,
                        netid: Bytes::contiguous(NETID_TCP),
                        address: Bytes::contiguous(universal.as_bytes()),
                        owner: Bytes::contiguous(b"superuser"),
                    }
                    .encode(writer)
                })
                .and_then(|()| writer.bool(false)),
            procedure::SET | procedure::UNSET => writer.bool(false),
            _ => return Route::Refuse(ErrorReply::ProcedureUnavailable),
        };
        Route::Answered
    }
}
