//! The servers that are compared, each as the client finds it.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::PeersError;
use super::lab::{self, Lab, inside, run};
use super::process::Process;

/// Ports of the peers in the origin's namespace.
const STUNNEL_PORT: u16 = 12050;
const STUNNEL_CLIENT_PORT: u16 = 13049;
const HAPROXY_PORT: u16 = 12051;
const PROXY_PORT: u16 = 2050;
const PROXY_MOUNT_PORT: u16 = 20049;

/// The origin's ports.
const NFS_PORT: u16 = 2049;
const MOUNT_PORT: u16 = 20048;

/// Time that a server gets to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Socket options of stunnel that spare it Nagle's delays on both sides.
const NODELAY: &str = "socket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1";

/// What the client is told.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where NFS is.
    pub address: &'static str,
    /// Its port.
    pub port: u16,
    /// Where MOUNT is.
    pub mount_address: &'static str,
    /// Its port.
    pub mount_port: u16,
    /// TLS: the mode and the name in the certificate.
    pub tls: Option<(&'static str, &'static str)>,
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// What it is called in the report.
    pub name: &'static str,
    /// How the client gets there.
    pub target: Target,
    /// Whoever works for it, the origin included.
    pub processes: Vec<Process>,
    /// Whether frames go by way of testpmd, which polls a core.
    pub uses_switch: bool,
}

/// Servers, by how they are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The origin itself.
    Ganesha,
    /// A pair of stunnels.
    Stunnel {
        /// With TCP_NODELAY on both sides.
        nodelay: bool,
    },
    /// TLS by HAProxy.
    Haproxy,
    /// Another Ganesha before the origin.
    GaneshaProxy,
    /// Wirepage.
    Wirepage {
        /// With RPC-with-TLS.
        tls: bool,
        /// Without attaching: `tx = "copy"`.
        copies: bool,
    },
}

impl Kind {
    /// What it is called in the report.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ganesha => "NFS-Ganesha, direct",
            Kind::Stunnel { nodelay: true } => "Ganesha behind a stunnel pair, TCP_NODELAY",
            Kind::Stunnel { nodelay: false } => "Ganesha behind a stunnel pair, defaults",
            Kind::Haproxy => "Ganesha behind HAProxy (TLS)",
            Kind::GaneshaProxy => "Ganesha PROXY_V4 as gateway",
            Kind::Wirepage {
                tls: false,
                copies: false,
            } => "Wirepage, plain, attach",
            Kind::Wirepage {
                tls: true,
                copies: false,
            } => "Wirepage, TLS, attach",
            Kind::Wirepage {
                tls: false,
                copies: true,
            } => "Wirepage, plain, copy",
            Kind::Wirepage {
                tls: true,
                copies: true,
            } => "Wirepage, TLS, copy",
        }
    }

    /// Starts it in a lab that is up; `directory` is for its files.
    pub fn start(self, lab: &Lab, directory: &Path) -> Result<Server, PeersError> {
        let mut server = Server {
            name: self.name(),
            target: Target {
                address: lab::DIRECT,
                port: NFS_PORT,
                mount_address: lab::DIRECT,
                mount_port: MOUNT_PORT,
                tls: None,
            },
            processes: vec![lab.process("origin", "ganesha")?],
            uses_switch: false,
        };
        let starter = Starter { lab, directory };
        match self {
            Kind::Ganesha => {}
            Kind::Stunnel { nodelay } => {
                let options = if nodelay { NODELAY } else { "" };
                server.processes.extend(starter.stunnels(options)?);
                server.target.address = "127.0.0.1";
                server.target.port = STUNNEL_CLIENT_PORT;
            }
            Kind::Haproxy => {
                server.processes.push(starter.haproxy()?);
                server.target.port = HAPROXY_PORT;
                server.target.tls = Some(("direct", "origin.example"));
            }
            Kind::GaneshaProxy => {
                server.processes.push(starter.proxy()?);
                server.target.port = PROXY_PORT;
                server.target.mount_port = PROXY_MOUNT_PORT;
            }
            Kind::Wirepage { tls, .. } => {
                server.processes.push(lab.process("appliance", "wirepage")?);
                server.target.address = lab::WIREPAGE;
                server.target.mount_address = lab::WIREPAGE;
                server.target.tls = tls.then_some(("tls", "wirepage.example"));
                server.uses_switch = true;
            }
        }
        Ok(server)
    }
}

/// Configurations as they are committed.
const STUNNEL_SERVER: &str = include_str!("../../peers/stunnel-server.conf");
const STUNNEL_CLIENT: &str = include_str!("../../peers/stunnel-client.conf");
const HAPROXY: &str = include_str!("../../peers/haproxy.cfg");
const GANESHA_PROXY: &str = include_str!("../../peers/ganesha-proxy.conf");

struct Starter<'a> {
    lab: &'a Lab,
    directory: &'a Path,
}

impl Starter<'_> {
    /// Fills a configuration in; what is given goes before what holds everywhere.
    fn configure(
        &self,
        name: &str,
        template: &str,
        given: &[(&str, String)],
    ) -> Result<PathBuf, PeersError> {
        let everywhere = [
            ("@ADDRESS@", lab::DIRECT.to_owned()),
            (
                "@CERTIFICATES@",
                self.lab.certificates().display().to_string(),
            ),
            ("@DIRECTORY@", self.directory.display().to_string()),
        ];
        let mut text = template.to_owned();
        for (place, value) in given.iter().chain(&everywhere) {
            text = text.replace(place, value);
        }
        let path = self.directory.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    fn start(&self, name: &str, command: &mut Command) -> Result<Process, PeersError> {
        let log = self.directory.join(format!("{name}.log"));
        Ok(Process::start(name, command, &log)?)
    }

    fn stunnels(&self, options: &str) -> Result<[Process; 2], PeersError> {
        let options = ("@SOCKET_OPTIONS@", options.to_owned());
        let port = |port: u16| ("@PORT@", port.to_string());
        let given = [options.clone(), port(STUNNEL_PORT)];
        let server = self.configure("stunnel-server.conf", STUNNEL_SERVER, &given)?;
        let server_port = ("@SERVER_PORT@", STUNNEL_PORT.to_string());
        let given = [options, port(STUNNEL_CLIENT_PORT), server_port];
        let client = self.configure("stunnel-client.conf", STUNNEL_CLIENT, &given)?;
        let mut server = self.start(
            "stunnel-server",
            inside(lab::ORIGIN, "stunnel4").arg(server),
        )?;
        self.wait(&mut server, lab::ORIGIN, lab::DIRECT, STUNNEL_PORT)?;
        let mut client = self.start(
            "stunnel-client",
            inside(lab::CLIENT, "stunnel4").arg(client),
        )?;
        self.wait(&mut client, lab::CLIENT, "127.0.0.1", STUNNEL_CLIENT_PORT)?;
        Ok([server, client])
    }

    fn haproxy(&self) -> Result<Process, PeersError> {
        let certificates = self.lab.certificates();
        let mut both = fs::read(certificates.join("origin.pem"))?;
        both.extend(fs::read(certificates.join("origin-key.pem"))?);
        fs::write(certificates.join("origin-both.pem"), both)?;
        let port = [("@PORT@", HAPROXY_PORT.to_string())];
        let file = self.configure("haproxy.cfg", HAPROXY, &port)?;
        let mut command = inside(lab::ORIGIN, "haproxy");
        let mut haproxy = self.start("haproxy", command.arg("-db").arg("-f").arg(file))?;
        self.wait(&mut haproxy, lab::ORIGIN, lab::DIRECT, HAPROXY_PORT)?;
        Ok(haproxy)
    }

    /// It needs an rpcbind, and uses that of the origin, in its mount namespace: see deploy/lib/ganesha.sh.
    fn proxy(&self) -> Result<Process, PeersError> {
        let ports = [
            ("@PORT@", PROXY_PORT.to_string()),
            ("@MOUNT_PORT@", PROXY_MOUNT_PORT.to_string()),
        ];
        let file = self.configure("ganesha-proxy.conf", GANESHA_PROXY, &ports)?;
        let rpcbind = self.lab.pid("rpcbind")?;
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{}", lab::ORIGIN))
            .arg(format!("--mount=/proc/{rpcbind}/ns/mnt"))
            .args([
                "--",
                "ganesha.nfsd",
                "-F",
                "-L",
                "STDOUT",
                "-N",
                "NIV_EVENT",
            ])
            .arg("-f")
            .arg(file)
            .arg("-p")
            .arg(self.directory.join("ganesha-proxy.pid"));
        let mut proxy = self.start("ganesha-proxy", &mut command)?;
        self.wait(&mut proxy, lab::ORIGIN, lab::DIRECT, PROXY_PORT)?;
        Ok(proxy)
    }

    /// Waits until a server listens.
    fn wait(
        &self,
        process: &mut Process,
        namespace: &str,
        address: &str,
        port: u16,
    ) -> Result<(), PeersError> {
        let end = Instant::now() + PATIENCE;
        let mut probe = inside(namespace, std::env::current_exe()?);
        probe
            .args(["peers", "--probe"])
            .arg(format!("{address}:{port}"));
        while run(&mut probe).is_err() {
            if process.has_ended() || Instant::now() > end {
                let log = self.directory.join(format!("{}.log", process.name));
                return Err(PeersError::DoesNotListen {
                    name: process.name.clone(),
                    log: fs::read_to_string(log).unwrap_or_default(),
                });
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// Whether somebody listens there.
pub fn probe(address: SocketAddr) -> Result<(), PeersError> {
    TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    Ok(())
}
