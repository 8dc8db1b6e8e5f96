//! Wirepage itself, as a process of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::RingsError;
use crate::peers::process::Process;

/// Time that it gets to end.
const PATIENCE: Duration = Duration::from_secs(15);

/// A Wirepage that runs, its ports waiting for [`Appliance::sockets`] to be connected.
#[derive(Debug)]
pub struct Appliance {
    program: PathBuf,
    directory: PathBuf,
    child: Child,
}

fn configuration(directory: &Path, core: u16, tx: &str) -> String {
    let directory = directory.display();
    format!(
        r#"
[eal]
memory_mib = 512
log_level = "error"
[engine]
cores = [{core}]
idle = "adaptive"
tx = "{tx}"
[cache]
size_mib = 96
arena = "eal"
[[port]]
name = "client"
device = "net_virtio_user0,path={directory}/client.sock,server=1,queue_size=1024,mac=02:00:00:00:01:01"
address = "10.77.1.1/24"
[[port]]
name = "origin"
device = "net_virtio_user1,path={directory}/origin.sock,server=1,queue_size=1024,mac=02:00:00:00:02:01"
address = "10.77.2.1/24"
[listen]
port = "client"
[origin]
port = "origin"
address = "10.77.2.2"
mount_port = 20048
[[export]]
path = "/export"
security = "none"
coherence = "immutable"
clients = ["10.77.1.0/24"]
[control]
socket = "{directory}/control.sock"
"#
    )
}

impl Appliance {
    /// Starts it on a core.
    pub fn start(program: &Path, core: u16, tx: &str) -> Result<Self, RingsError> {
        let directory = std::env::temp_dir().join(format!("bench-rings-{}", std::process::id()));
        fs::create_dir(&directory)?;
        let file = directory.join("wirepage.toml");
        fs::write(&file, configuration(&directory, core, tx))?;
        let log = fs::File::create(directory.join("wirepage.log"))?;
        let child = Command::new(program)
            .env("RUNTIME_DIRECTORY", &directory)
            .args(["run", "--config"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn();
        let child = child.map_err(|source| RingsError::NoWirepage {
            program: program.to_owned(),
            source,
        })?;
        Ok(Self {
            program: program.to_owned(),
            directory,
            child,
        })
    }

    /// Where its ports are: the clients', the origin's.
    pub fn sockets(&self) -> [PathBuf; 2] {
        ["client.sock", "origin.sock"].map(|name| self.directory.join(name))
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process::foreign("wirepage", self.child.id())
    }

    /// Fails with its log if it has ended.
    pub fn check(&mut self) -> Result<(), RingsError> {
        if matches!(self.child.try_wait(), Ok(None)) {
            return Ok(());
        }
        let log = fs::read_to_string(self.directory.join("wirepage.log"));
        Err(RingsError::Ended(log.unwrap_or_default()))
    }

    /// Asks for its counters; the answer comes while others go on turning.
    pub fn ask(&self) -> Result<Child, RingsError> {
        Ok(Command::new(&self.program)
            .args(["stats", "--socket"])
            .arg(self.directory.join("control.sock"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?)
    }
}

/// Counters of [`Appliance::ask`].
#[derive(Clone, Debug)]
pub struct Counters(Value);

impl Counters {
    /// The answer.
    pub fn of(asked: Child) -> Result<Self, RingsError> {
        let output = asked.wait_with_output()?;
        Ok(Self(serde_json::from_slice(&output.stdout)?))
    }

    /// One of them; 0 if there is none of this name.
    pub fn value(&self, key: &str) -> u64 {
        self.0[key].as_u64().unwrap_or(0)
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process(id, Signal::TERM);
        }
        let end = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > end {
                let _ = self.child.kill();
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}
