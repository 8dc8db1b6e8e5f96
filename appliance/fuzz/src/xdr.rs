//! XDR of every call and every result. The input is what kind of message it is, of which procedure, four places to
//! cut it at, and the message. However it is cut, it says the same; a byte less and it is short; and what this crate
//! can write too comes back as it was.

use core::fmt::Debug;

use nfs::nfs3::args::{self, Args};
use nfs::nfs3::{Procedure, results};
use nfs::xdr::{Overflow, Reader, Writer, XdrError};
use nfs::{mount, nfsacl, portmap, rpc, rpcbind};

const CUTS: usize = 4;

pub fn run(input: &[u8]) {
    let Some(([kind, number, cuts @ ..], message)) = input.split_first_chunk::<{ 2 + CUTS }>()
    else {
        return;
    };
    let mut at = cuts.map(|cut| usize::from(cut) * message.len() / 256);
    at.sort_unstable();
    let ends = at.into_iter().chain([message.len()]);
    let mut start = 0;
    let segments: Vec<&[u8]> = ends
        .map(|end| {
            let segment = &message[start..end];
            start = end;
            segment
        })
        .collect();
    let wire = Wire {
        message,
        segments: &segments,
    };
    let procedure = Procedure::ALL[usize::from(*number) % Procedure::ALL.len()];
    match kind % 4 {
        0 => arguments(&wire, procedure),
        1 => result(&wire, procedure),
        2 => headers(&wire),
        _ => other_programs(&wire, *number),
    }
}

/// A message as it was sent, and as it arrived.
struct Wire<'a> {
    message: &'a [u8],
    segments: &'a [&'a [u8]],
}

impl<'a> Wire<'a> {
    /// What `decode` makes of the message.
    fn read<T, E>(&self, decode: impl Fn(&mut Reader<'a>) -> Result<T, E>) -> Option<T>
    where
        T: PartialEq + Debug,
        E: PartialEq + Debug + From<XdrError>,
    {
        let mut whole = Reader::contiguous(self.message);
        let value = decode(&mut whole);
        let mut cut = Reader::new(self.segments);
        assert_eq!(decode(&mut cut), value);
        for reader in [&whole, &cut] {
            assert_eq!(reader.position() + reader.remaining(), self.message.len());
            assert_eq!(reader.rest(), self.message[whole.position()..]);
        }
        let len = whole.position();
        if value.is_ok() && len > 0 {
            let short = decode(&mut Reader::contiguous(&self.message[..len - 1]));
            assert_eq!(short, Err(XdrError::Short.into()), "of {len} bytes");
        }
        value.ok()
    }
}

fn written(encode: impl FnOnce(&mut Writer<'_>) -> Result<(), Overflow>) -> Vec<u8> {
    let mut buffer = vec![0xee; 4096];
    let mut writer = Writer::new(&mut buffer);
    encode(&mut writer).expect("room for what was read");
    let len = writer.len();
    buffer.truncate(len);
    buffer
}

/// The value is what is read of what is written of it.
macro_rules! comes_back {
    ($value:expr, $decode:expr, $encode:expr) => {{
        let value = $value;
        let wire = written($encode);
        let mut reader = Reader::contiguous(&wire);
        assert_eq!($decode(&mut reader), Ok(value));
        assert_eq!(reader.remaining(), 0);
    }};
}

fn arguments(wire: &Wire<'_>, procedure: Procedure) {
    const MAX_WRITE: u32 = 1 << 20;
    let Some(read) = wire.read(|reader| Args::decode(procedure, reader, MAX_WRITE)) else {
        return;
    };
    assert_eq!(read.procedure(), procedure);
    assert_eq!(read.handle().is_none(), procedure == Procedure::Null);
    match read {
        Args::Getattr(handle) => comes_back!(handle, args::getattr, |to| handle.encode(to)),
        Args::Lookup(entry) => comes_back!(entry, args::lookup, |to| entry.encode(to)),
        Args::Access(access) => comes_back!(access, args::access, |to| access.encode(to)),
        Args::Read(read) => comes_back!(read, args::read, |to| read.encode(to)),
        Args::Commit(commit) => comes_back!(commit, args::commit, |to| commit.encode(to)),
        Args::Write(head) => {
            let decode = |reader: &mut Reader<'_>| args::write_head(reader, MAX_WRITE);
            comes_back!(head, decode, |to| head.encode(to));
        }
        _ => {}
    }
}

fn result(wire: &Wire<'_>, procedure: Procedure) {
    wire.read(|reader| results::learn(procedure, reader));
    match procedure {
        Procedure::Getattr => {
            if let Some(it) = wire.read(results::getattr) {
                comes_back!(it, results::getattr, |to| it.encode(to));
            }
        }
        Procedure::Access => {
            if let Some(it) = wire.read(results::access) {
                comes_back!(it, results::access, |to| it.encode(to));
            }
        }
        Procedure::Read => {
            let decode = |reader: &mut Reader<'_>| results::read_head(reader, 1 << 16);
            if let Some(it) = wire.read(decode) {
                comes_back!(it, decode, |to| it.encode(to));
            }
        }
        Procedure::Write => {
            if let Some(it) = wire.read(results::write) {
                comes_back!(it, results::write, |to| it.encode(to));
            }
        }
        Procedure::Commit => {
            if let Some(it) = wire.read(results::commit) {
                comes_back!(it, results::commit, |to| it.encode(to));
            }
        }
        Procedure::Readlink => {
            wire.read(results::readlink);
        }
        Procedure::Fsstat => {
            wire.read(results::fsstat);
        }
        Procedure::Fsinfo => {
            wire.read(results::fsinfo);
        }
        Procedure::Pathconf => {
            wire.read(results::pathconf);
        }
        Procedure::Readdir => {
            wire.read(|reader| {
                let listing = results::readdir(reader)?.listing;
                Ok::<_, XdrError>(listing.map(|(_, entries)| entries.collect::<Vec<_>>()))
            });
        }
        Procedure::Readdirplus => {
            wire.read(|reader| {
                let listing = results::readdirplus(reader)?.listing;
                Ok::<_, XdrError>(listing.map(|(_, entries)| entries.collect::<Vec<_>>()))
            });
        }
        _ => {}
    }
}

fn headers(wire: &Wire<'_>) {
    if let Some(call) = wire.read(rpc::decode_call) {
        let again = written(|to| {
            let (program, version) = (call.program, call.version);
            rpc::encode_call(
                to,
                call.xid,
                program,
                version,
                call.procedure,
                &call.credential,
            )
        });
        let read = rpc::decode_call(&mut Reader::contiguous(&again)).expect("a call");
        // The verifier is dropped.
        assert_eq!((read.xid, read.procedure), (call.xid, call.procedure));
        assert_eq!((read.program, read.version), (call.program, call.version));
        assert_eq!(read.credential, call.credential);
        if let Some(user) = call.credential.auth_sys() {
            let same = rpc::Credential::from_auth_sys(&user).expect("it fits");
            // Padding of the name may have been anything.
            let same = same.auth_sys().expect("well-formed");
            assert_eq!((same.machine_name, same.uid), (user.machine_name, user.uid));
            assert_eq!((same.gid, same.gids()), (user.gid, user.gids()));
        }
    }
    if let Some(reply) = wire.read(rpc::decode_reply) {
        let again = written(|to| match reply.outcome {
            Ok(()) => rpc::encode_success(to, reply.xid),
            Err(error) => error.encode(to, reply.xid),
        });
        assert_eq!(
            rpc::decode_reply(&mut Reader::contiguous(&again)),
            Ok(reply)
        );
    }
    wire.read(rpc::decode_starttls);
}

fn other_programs(wire: &Wire<'_>, number: u8) {
    match number % 10 {
        0 => {
            if let Some(path) = wire.read(mount::decode_path) {
                comes_back!(path, mount::decode_path, |to| to.opaque_bytes(path));
            }
        }
        1 => {
            if let Some(result) = wire.read(mount::decode_mnt_result) {
                let flavors: Vec<u32> = result.flavors().collect();
                let again = written(|to| match &result.handle {
                    Some(handle) => mount::encode_mnt_success(to, handle, &flavors),
                    None => mount::encode_mnt_failure(to, result.status),
                });
                let read = mount::decode_mnt_result(&mut Reader::contiguous(&again));
                assert_eq!(read, Ok(result));
            }
        }
        2 => {
            wire.read(mount::decode_dump_entry);
        }
        3 => {
            wire.read(mount::decode_export_entry);
        }
        4 => {
            if let Some(mapping) = wire.read(portmap::Mapping::decode) {
                comes_back!(mapping, portmap::Mapping::decode, |to| mapping.encode(to));
            }
            wire.read(portmap::decode_dump_entry);
        }
        5 => {
            if let Some(port) = wire.read(portmap::decode_port) {
                comes_back!(port, portmap::decode_port, |to| portmap::encode_port(
                    to, port
                ));
            }
        }
        6 => {
            if let Some(binding) = wire.read(rpcbind::Binding::decode) {
                comes_back!(binding, rpcbind::Binding::decode, |to| binding.encode(to));
            }
            wire.read(rpcbind::decode_dump_entry);
        }
        7 => {
            if let Some(address) = wire.read(rpcbind::decode_address) {
                let decode = rpcbind::decode_address;
                comes_back!(address, decode, |to| rpcbind::encode_address(to, address));
            }
        }
        8 => {
            wire.read(nfsacl::decode_handle);
        }
        _ => {
            for procedure in (0..4).filter_map(nfsacl::Procedure::from_number) {
                wire.read(|reader| nfsacl::decode_result_head(procedure, reader));
            }
        }
    }
}
