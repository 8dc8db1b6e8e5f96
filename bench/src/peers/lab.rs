//! The lab (`deploy/lab`), and a wire between its client and its origin for those who are reached without Wirepage.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PeersError;
use super::process::Process;

/// The lab's own directory, as deploy/lib/topology.sh has it.
const STATE: &str = "/run/wirepage-lab";

/// Network namespaces of the lab.
pub const CLIENT: &str = "wirepage-client";
pub const ORIGIN: &str = "wirepage-origin";

/// Where the origin is for the client, over the wire of this module.
pub const DIRECT: &str = "10.77.3.2";
const CLIENT_DIRECT: &str = "10.77.3.1";

/// Where Wirepage is for the client.
pub const WIREPAGE: &str = "10.77.1.1";

/// What is laid over the lab's configuration: both ways to connect, everything else as it is.
const OVERLAY: &str = r#"
[[export]]
path = "/export"
security = ["tls", "none"]
coherence = "strict"
clients = ["10.77.1.0/24"]
"#;

/// A lab that is up; it is taken down with this.
#[derive(Debug)]
pub struct Lab {
    script: PathBuf,
}

/// Runs a command and fails with what it said.
pub fn run(command: &mut Command) -> Result<String, PeersError> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(PeersError::Command {
        command: format!("{command:?}"),
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A command in a network namespace of the lab.
pub fn inside(namespace: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net=/run/netns/{namespace}"))
        .arg("--")
        .arg(program);
    command
}

impl Lab {
    /// Brings it up, with Wirepage sending file data in this way: attach or copy.
    pub fn up(repository: &Path, tx: &str) -> Result<Self, PeersError> {
        let script = repository.join("deploy/lab");
        let overlay = std::env::temp_dir().join(format!("bench-peers-{}.toml", std::process::id()));
        fs::write(&overlay, OVERLAY)?;
        // Another one would have other options.
        run(Command::new(&script).arg("down"))?;
        let lab = Self { script };
        let up = run(Command::new(&lab.script)
            .args(["up", "--tx", tx, "--client-tls", "tls", "--config"])
            .arg(&overlay));
        fs::remove_file(overlay)?;
        up?;
        lab.join()?;
        Ok(lab)
    }

    fn join(&self) -> Result<(), PeersError> {
        const ENDS: [(&str, &str, &str); 2] = [
            ("wpdirect0", CLIENT, CLIENT_DIRECT),
            ("wpdirect1", ORIGIN, DIRECT),
        ];
        let [(near, near_namespace, _), (far, far_namespace, _)] = ENDS;
        run(Command::new("ip")
            .args(["link", "add", near, "netns", near_namespace, "type", "veth"])
            .args(["peer", "name", far, "netns", far_namespace]))?;
        for (interface, namespace, address) in ENDS {
            let address = format!("{address}/24");
            run(Command::new("ip")
                .args(["-n", namespace, "addr", "add", &address, "dev", interface]))?;
            run(Command::new("ip").args(["-n", namespace, "link", "set", interface, "up"]))?;
        }
        Ok(())
    }

    /// A process of the lab: origin, appliance, testpmd, rpcbind.
    pub fn process(&self, part: &str, name: &str) -> Result<Process, PeersError> {
        Ok(Process::foreign(name, self.pid(part)?))
    }

    /// Its number.
    pub fn pid(&self, part: &str) -> Result<u32, PeersError> {
        let text = fs::read_to_string(format!("{STATE}/{part}.pid"))?;
        let pid = text
            .split_whitespace()
            .next()
            .and_then(|pid| pid.parse().ok());
        pid.ok_or_else(|| PeersError::NoProcess(part.to_owned()))
    }

    /// Wirepage's counters.
    pub fn stats(&self) -> Result<serde_json::Value, PeersError> {
        let text = run(Command::new(&self.script).arg("stats"))?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Where the lab's certificates are.
    pub fn certificates(&self) -> PathBuf {
        Path::new(STATE).join("tls")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(error) = run(Command::new(&self.script).arg("down")) {
            eprintln!("bench: the lab stays up: {error}");
        }
    }
}
