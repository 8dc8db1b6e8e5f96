//! Wirepage and what people run today, under the same load on the same machine in one run.

mod lab;
mod machine;
pub mod process;
mod report;
mod servers;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use lab::{Lab, inside, run as run_command};
use report::{Measured, Report};
use servers::{Kind, Server};

/// What is compared, and how long.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Seconds of each load on each server.
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Where the Markdown report goes; standard output if left out.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Says whether somebody listens there, and nothing else.
    #[arg(long, hide = true)]
    probe: Option<SocketAddr>,
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    /// Something of the system failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A command failed.
    #[error("{command} failed:\n{output}")]
    Command {
        /// The command.
        command: String,
        /// What it said.
        output: String,
    },
    /// A part of the lab does not run.
    #[error("no {0} runs in the lab")]
    NoProcess(String),
    /// A peer did not come up.
    #[error("{name} does not listen:\n{log}")]
    DoesNotListen {
        /// Which.
        name: String,
        /// Its log.
        log: String,
    },
    /// What a command printed is not what it should be.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Namespaces need it.
    #[error("bench peers needs root: network namespaces and packages")]
    NotRoot,
}

/// One kind of load.
pub struct Load {
    /// What it is called in the report.
    pub name: &'static str,
    /// As `bench load` takes it.
    pub arguments: &'static [&'static str],
}

/// Files that fit Wirepage's cache in the lab (96 MiB), and every server's.
const FILES: [&str; 4] = ["--files", "16", "--file-kib", "2048"];

/// The loads.
pub const LOADS: [Load; 3] = [
    Load {
        name: "READs of 64 KiB",
        arguments: &["--size", "65536", "--connections", "4", "--depth", "4"],
    },
    Load {
        name: "random READs of 4 KiB",
        arguments: &["--size", "4096", "--connections", "4", "--depth", "8"],
    },
    Load {
        name: "60 % READs, 20 % WRITEs of 16 KiB, 20 % GETATTRs",
        arguments: &[
            "--size",
            "16384",
            "--connections",
            "4",
            "--depth",
            "4",
            "--mix",
            "read=60,write=20,getattr=20",
        ],
    },
];

/// Servers that share a lab, for each way of Wirepage to send.
const PLAN: [(&str, &[Kind]); 2] = [
    (
        "attach",
        &[
            Kind::Ganesha,
            Kind::Stunnel { nodelay: true },
            Kind::Stunnel { nodelay: false },
            Kind::Haproxy,
            Kind::GaneshaProxy,
            Kind::Wirepage {
                tls: false,
                copies: false,
            },
            Kind::Wirepage {
                tls: true,
                copies: false,
            },
        ],
    ),
    (
        "copy",
        &[
            Kind::Wirepage {
                tls: false,
                copies: true,
            },
            Kind::Wirepage {
                tls: true,
                copies: true,
            },
        ],
    ),
];

/// Compares and reports.
pub fn run(options: &Options) -> Result<(), PeersError> {
    if let Some(address) = options.probe {
        return servers::probe(address);
    }
    if !rustix::process::geteuid().is_root() {
        return Err(PeersError::NotRoot);
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    run_command(&mut std::process::Command::new(
        repository.join("bench/peers/install.sh"),
    ))?;
    let directory = std::env::temp_dir().join(format!("bench-peers-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let mut report = Report::new(machine::describe(&repository), options.seconds);
    let outcome = PLAN.iter().try_for_each(|(tx, kinds)| {
        eprintln!("bringing the lab up, tx = \"{tx}\"");
        let lab = Lab::up(&repository, tx)?;
        kinds
            .iter()
            .try_for_each(|&kind| compare(kind, &lab, &directory, options, &mut report))
    });
    let _ = std::fs::remove_dir_all(&directory);
    outcome?;
    let text = report.markdown();
    match &options.output {
        Some(path) => std::fs::write(path, text)?,
        None => print!("{text}"),
    }
    Ok(())
}

/// All loads on one server. One that does not work here is reported as such; the others go on.
fn compare(
    kind: Kind,
    lab: &Lab,
    directory: &Path,
    options: &Options,
    report: &mut Report,
) -> Result<(), PeersError> {
    let switch = lab.process("testpmd", "testpmd")?;
    // It polls, and would take a core from those who do not use it.
    switch.freeze(!matches!(kind, Kind::Wirepage { .. }))?;
    let outcome = kind.start(lab, directory).and_then(|server| {
        for load in &LOADS {
            eprintln!("{}: {}", kind.name(), load.name);
            report.add(load.name, measure(&server, load, lab, options)?);
        }
        Ok(())
    });
    switch.freeze(false)?;
    if let Err(error) = outcome {
        eprintln!("{}: {error}", kind.name());
        report.fail(kind.name(), &error);
    }
    Ok(())
}

fn measure(
    server: &Server,
    load: &Load,
    lab: &Lab,
    options: &Options,
) -> Result<Measured, PeersError> {
    // Files are there and caches warm after it.
    put_load(server, load, lab, 1.0)?;
    let cpu = |server: &Server| -> Result<Vec<(String, f64)>, PeersError> {
        let processes = server.processes.iter();
        processes
            .map(|process| Ok((process.name.clone(), process.cpu_seconds()?)))
            .collect()
    };
    let switch = lab.process("testpmd", "testpmd")?;
    let busy = || server.uses_switch.then(|| busy_seconds(lab)).transpose();
    let (cpu_before, switch_before, busy_before) = (cpu(server)?, switch.cpu_seconds()?, busy()?);
    let report = put_load(server, load, lab, options.seconds)?;
    let (cpu_after, switch_after, busy_after) = (cpu(server)?, switch.cpu_seconds()?, busy()?);
    let used = cpu_before.into_iter().zip(cpu_after);
    Ok(Measured {
        server: server.name,
        report,
        cpu: used
            .map(|((name, before), (_, after))| (name, after - before))
            .collect(),
        busy_seconds: busy_before
            .zip(busy_after)
            .map(|(before, after)| after - before),
        switch_seconds: server.uses_switch.then_some(switch_after - switch_before),
    })
}

/// Seconds of Wirepage's turns that did anything.
fn busy_seconds(lab: &Lab) -> Result<f64, PeersError> {
    let stats = lab.stats()?;
    let number = |key: &str| stats[key].as_f64().unwrap_or_default();
    Ok(number("busy_ticks") / number("ticks_per_second").max(1.0))
}

/// `bench load` in the client's namespace.
fn put_load(
    server: &Server,
    load: &Load,
    lab: &Lab,
    seconds: f64,
) -> Result<serde_json::Value, PeersError> {
    let mut command = inside(lab::CLIENT, std::env::current_exe()?);
    let target = &server.target;
    command
        .args(["load", "--json", "--quiet", "--warm-up", "0"])
        .args([
            "--server",
            target.address,
            "--mount-server",
            target.mount_address,
        ])
        .args(["--nfs-port", &target.port.to_string()])
        .args(["--mount-port", &target.mount_port.to_string()])
        .args(["--seconds", &seconds.to_string()])
        .args(FILES)
        .args(load.arguments);
    if let Some((mode, name)) = target.tls {
        command
            .args(["--tls", mode, "--name", name, "--ca"])
            .arg(lab.certificates().join("ca.pem"));
    }
    Ok(serde_json::from_str(&run_command(&mut command)?)?)
}
