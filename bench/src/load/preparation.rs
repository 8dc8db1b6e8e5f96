//! Before the load: the export is mounted, and its files are there and full.

use std::io::{Cursor, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

use nfs3_types::mount::{self, MOUNT_PROGRAM, dirpath, mountres3};
use nfs3_types::nfs3::{
    self, COMMIT3args, COMMIT3res, CREATE3args, CREATE3res, LOOKUP3args, LOOKUP3res, NFS_PROGRAM,
    Nfs3Option, Nfs3Result, WRITE3args, WRITE3res, createhow3, diropargs3, nfs_fh3, nfsstat3,
    sattr3, stable_how,
};
use nfs3_types::portmap::{self, mapping};
use nfs3_types::rpc::{accept_stat_data, msg_body, opaque_auth, reply_body, rpc_msg};
use nfs3_types::xdr_codec::{Opaque, Pack, Unpack};
use rustls::ClientConnection;

use super::calls::{credential, encode};
use super::error::LoadError;
use super::options::Options;
use super::secure::Tls;
use super::stamp;

/// Longest that one call of the preparation may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Most that a reply may be.
const REPLY_MAX: usize = 64 * 1024;

/// Bytes written at once while a file is filled.
const STEP: usize = 64 * 1024;

/// A connection on which one call is made after the other.
struct Talk {
    socket: TcpStream,
    tls: Option<ClientConnection>,
    xid: u32,
}

/// Connects, in the way the load's connections do.
pub fn connect(address: SocketAddrV4) -> Result<TcpStream, LoadError> {
    let connecting = TcpStream::connect(address);
    let socket = connecting.map_err(|source| LoadError::Connect { address, source })?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn failed(call: &'static str, reason: impl std::fmt::Debug) -> LoadError {
    LoadError::Preparation {
        call,
        reason: format!("{reason:?}"),
    }
}

/// The handles of the files that `options` ask for.
pub fn prepare(options: &Options, tls: Option<&Tls>) -> Result<Vec<nfs_fh3>, LoadError> {
    let root = mount(options)?;
    let mut talk = Talk::begin(SocketAddrV4::new(options.server, options.nfs_port), tls)?;
    let mut files = Vec::new();
    let mut told = false;
    for number in 0..options.shape.files {
        let name = format!("load-{number}");
        let wanted = u64::from(options.shape.file_kib) * 1024;
        let file = match talk.look_up(&root, &name)? {
            Some((file, size)) if size >= wanted => file,
            _ => {
                if !std::mem::replace(&mut told, true) && !options.shape.quiet {
                    eprintln!("filling {} files of {wanted} bytes", options.shape.files);
                }
                talk.fill(&root, &name, number, wanted)?
            }
        };
        files.push(file);
    }
    Ok(files)
}

fn mount(options: &Options) -> Result<nfs_fh3, LoadError> {
    let server = options.mount_server.unwrap_or(options.server);
    let port = match options.mount_port {
        0 => mount_port(SocketAddrV4::new(server, portmap::PMAP_PORT))?,
        port => port,
    };
    let mut talk = Talk::begin(SocketAddrV4::new(server, port), None)?;
    let procedure = MOUNT_PROGRAM::MOUNTPROC3_MNT as u32;
    let path = dirpath(Opaque::borrowed(options.export.as_bytes()));
    match talk.call("MNT", (mount::PROGRAM, mount::VERSION, procedure), &path)? {
        mountres3::Ok(ok) => Ok(nfs_fh3 { data: ok.fhandle.0 }),
        mountres3::Err(status) => Err(failed("MNT", status)),
    }
}

fn mount_port(portmapper: SocketAddrV4) -> Result<u16, LoadError> {
    const GETPORT: u32 = 3;
    let wanted = mapping {
        prog: mount::PROGRAM,
        vers: mount::VERSION,
        prot: portmap::IPPROTO_TCP,
        port: 0,
    };
    let mut talk = Talk::begin(portmapper, None)?;
    let port: u32 = talk.call(
        "GETPORT",
        (portmap::PROGRAM, portmap::VERSION, GETPORT),
        &wanted,
    )?;
    match u16::try_from(port) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(failed("GETPORT", "MOUNT is not registered")),
    }
}

impl Talk {
    fn begin(address: SocketAddrV4, tls: Option<&Tls>) -> Result<Self, LoadError> {
        let mut socket = connect(address)?;
        let tls = tls.map(|tls| tls.begin(&mut socket)).transpose()?;
        Ok(Self {
            socket,
            tls,
            xid: 0,
        })
    }

    fn call<T: Unpack>(
        &mut self,
        name: &'static str,
        procedure: (u32, u32, u32),
        arguments: &impl Pack,
    ) -> Result<T, LoadError> {
        self.xid += 1;
        let credential = match procedure.0 {
            portmap::PROGRAM => opaque_auth::default(),
            _ => credential(),
        };
        let call = encode(self.xid, procedure, &credential, arguments);
        let reply = match &mut self.tls {
            Some(tls) => exchange(&mut rustls::Stream::new(tls, &mut self.socket), &call),
            None => exchange(&mut self.socket, &call),
        }?;
        let mut input = Cursor::new(reply.as_slice());
        let (message, _) = rpc_msg::unpack(&mut input).map_err(|error| failed(name, error))?;
        match message.body {
            msg_body::REPLY(reply_body::MSG_ACCEPTED(accepted))
                if message.xid == self.xid
                    && matches!(accepted.reply_data, accept_stat_data::SUCCESS) => {}
            other => return Err(failed(name, other)),
        }
        let (results, _) = T::unpack(&mut input).map_err(|error| failed(name, error))?;
        Ok(results)
    }

    fn nfs<T: Unpack>(
        &mut self,
        name: &'static str,
        procedure: NFS_PROGRAM,
        arguments: &impl Pack,
    ) -> Result<T, LoadError> {
        let procedure = (nfs3::PROGRAM, nfs3::VERSION, procedure as u32);
        self.call(name, procedure, arguments)
    }

    /// A file and its size, if it is there.
    fn look_up(&mut self, root: &nfs_fh3, name: &str) -> Result<Option<(nfs_fh3, u64)>, LoadError> {
        let arguments = LOOKUP3args {
            what: entry(root, name),
        };
        match self.nfs::<LOOKUP3res>("LOOKUP", NFS_PROGRAM::NFSPROC3_LOOKUP, &arguments)? {
            Nfs3Result::Ok(found) => {
                let size = match found.obj_attributes {
                    Nfs3Option::Some(attributes) => attributes.size,
                    Nfs3Option::None => 0,
                };
                Ok(Some((found.object, size)))
            }
            Nfs3Result::Err((nfsstat3::NFS3ERR_NOENT, _)) => Ok(None),
            Nfs3Result::Err((status, _)) => Err(failed("LOOKUP", status)),
        }
    }

    fn fill(
        &mut self,
        root: &nfs_fh3,
        name: &str,
        number: u32,
        size: u64,
    ) -> Result<nfs_fh3, LoadError> {
        let arguments = CREATE3args {
            where_: entry(root, name),
            how: createhow3::UNCHECKED(sattr3::default()),
        };
        let file =
            match self.nfs::<CREATE3res>("CREATE", NFS_PROGRAM::NFSPROC3_CREATE, &arguments)? {
                Nfs3Result::Ok(created) => match created.obj {
                    Nfs3Option::Some(file) => file,
                    Nfs3Option::None => return Err(failed("CREATE", "no handle")),
                },
                Nfs3Result::Err((status, _)) => return Err(failed("CREATE", status)),
            };
        let mut bytes = stamp::filler(STEP);
        for offset in (0..size).step_by(STEP) {
            let len = usize::try_from(size - offset).unwrap_or(STEP).min(STEP);
            stamp::put(&mut bytes[..len], number, offset);
            self.write(&file, offset, &bytes[..len])?;
        }
        let arguments = COMMIT3args {
            file: file.clone(),
            offset: 0,
            count: 0,
        };
        match self.nfs::<COMMIT3res>("COMMIT", NFS_PROGRAM::NFSPROC3_COMMIT, &arguments)? {
            Nfs3Result::Ok(_) => Ok(file),
            Nfs3Result::Err((status, _)) => Err(failed("COMMIT", status)),
        }
    }

    fn write(&mut self, file: &nfs_fh3, offset: u64, bytes: &[u8]) -> Result<(), LoadError> {
        let count = u32::try_from(bytes.len()).expect("at most a step");
        let arguments = WRITE3args {
            file: file.clone(),
            offset,
            count,
            stable: stable_how::UNSTABLE,
            data: Opaque::borrowed(bytes),
        };
        match self.nfs::<WRITE3res>("WRITE", NFS_PROGRAM::NFSPROC3_WRITE, &arguments)? {
            Nfs3Result::Ok(written) if written.count == count => Ok(()),
            Nfs3Result::Ok(written) => Err(failed("WRITE", written.count)),
            Nfs3Result::Err((status, _)) => Err(failed("WRITE", status)),
        }
    }
}

fn entry<'a>(directory: &nfs_fh3, name: &'a str) -> diropargs3<'a> {
    diropargs3 {
        dir: directory.clone(),
        name: name.as_bytes().into(),
    }
}

/// Sends a record and waits for one, its marks stripped.
fn exchange(stream: &mut (impl Read + Write), call: &[u8]) -> Result<Vec<u8>, LoadError> {
    stream.write_all(call)?;
    stream.flush()?;
    let mut reply = Vec::new();
    loop {
        let mut mark = [0; 4];
        stream.read_exact(&mut mark)?;
        let mark = u32::from_be_bytes(mark);
        let len = usize::try_from(mark & !(1 << 31)).unwrap_or(usize::MAX);
        let start = reply.len();
        if len > REPLY_MAX - start {
            return Err(failed("a call", "the reply is too long"));
        }
        reply.resize(start + len, 0);
        stream.read_exact(&mut reply[start..])?;
        if mark >> 31 == 1 {
            return Ok(reply);
        }
    }
}
