//! What load is wanted, as the command line says it.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::error::LoadError;

/// Load on one server.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Options {
    /// Address of the server.
    #[arg(long)]
    pub server: Ipv4Addr,
    /// TCP port of NFS.
    #[arg(long, default_value_t = 2049)]
    pub nfs_port: u16,
    /// TCP port of MOUNT, spoken in clear; 0 asks the server's portmapper.
    #[arg(long, default_value_t = 20048)]
    pub mount_port: u16,
    /// Address of MOUNT, when it is not the server's.
    #[arg(long)]
    pub mount_server: Option<Ipv4Addr>,
    /// What to mount.
    #[arg(long, default_value = "/export")]
    pub export: String,
    /// How the NFS connections are protected.
    #[arg(long, value_enum, default_value_t = Protection::None)]
    pub tls: Protection,
    /// With TLS: PEM file of the CA that signed the server's certificate.
    #[arg(long)]
    pub ca: Option<PathBuf>,
    /// With TLS: the name in the server's certificate; its address if left out.
    #[arg(long)]
    pub name: Option<String>,
    /// The load itself.
    #[command(flatten)]
    pub shape: Shape,
}

/// What is asked for, how often, by how many at once.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Shape {
    /// Shares of the calls.
    #[arg(long, default_value = "read=100")]
    pub mix: Mix,
    /// Bytes of a READ and a WRITE, which begin at multiples of it.
    #[arg(long, default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub size: u32,
    /// Files, made and filled if they are not there: load-0, load-1, …
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub files: u32,
    /// KiB of each file.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    pub file_kib: u32,
    /// Which pieces of the files are wanted how often: uniform, or zipf:EXPONENT.
    #[arg(long, default_value = "uniform")]
    pub popularity: Popularity,
    /// Connections.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    pub connections: u16,
    /// Calls that a connection has in flight at most.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub depth: u16,
    /// Calls a second, evenly spaced, however long replies take (open loop). Without it every reply brings the
    /// next call (closed loop).
    #[arg(long)]
    pub rate: Option<f64>,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Seconds of the same load before that.
    #[arg(long, default_value_t = 2.0)]
    pub warm_up: f64,
    /// Makes runs choose the same pieces.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Prints the report as one JSON object on standard output.
    #[arg(long)]
    pub json: bool,
    /// Shows no progress.
    #[arg(long)]
    pub quiet: bool,
}

impl Shape {
    /// What the types do not say.
    pub fn check(&self) -> Result<(), LoadError> {
        let sensible = |value: f64| value.is_finite() && (0.0..1e6).contains(&value);
        for (name, value) in [("seconds", self.seconds), ("warm-up", self.warm_up)] {
            if !sensible(value) {
                return Err(LoadError::Number(name));
            }
        }
        if self.seconds == 0.0 {
            return Err(LoadError::Number("seconds"));
        }
        if self.rate.is_some_and(|rate| !(1e-3..1e8).contains(&rate)) {
            return Err(LoadError::Number("rate"));
        }
        Ok(())
    }
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// In clear.
    None,
    /// RPC-with-TLS (RFC 9289).
    Tls,
    /// TLS from the first byte.
    Direct,
}

/// Shares of the procedures among the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mix {
    /// READs.
    pub read: u32,
    /// WRITEs, unstable.
    pub write: u32,
    /// GETATTRs.
    pub getattr: u32,
}

impl Mix {
    /// Sum of the shares.
    pub fn total(self) -> u32 {
        self.read + self.write + self.getattr
    }
}

/// Most that one share may be.
const SHARE_MAX: u32 = 1_000_000;

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut mix = Mix {
            read: 0,
            write: 0,
            getattr: 0,
        };
        for part in text.split(',') {
            let share = part.split_once('=').and_then(|(name, share)| {
                let share = share.parse().ok().filter(|&share| share <= SHARE_MAX)?;
                Some((name, share))
            });
            match share {
                Some(("read", share)) => mix.read = share,
                Some(("write", share)) => mix.write = share,
                Some(("getattr", share)) => mix.getattr = share,
                _ => return Err(format!("`{part}` is not read=, write= or getattr=SHARE")),
            }
        }
        if mix.total() == 0 {
            return Err("no calls at all".to_owned());
        }
        Ok(mix)
    }
}

/// Which pieces are wanted how often.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Popularity {
    /// All alike.
    Uniform,
    /// The n-th most wanted piece in proportion to n to the minus this.
    Zipf(f64),
}

impl FromStr for Popularity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "uniform" {
            return Ok(Popularity::Uniform);
        }
        let exponent = text
            .strip_prefix("zipf:")
            .and_then(|text| text.parse().ok());
        exponent
            .filter(|exponent: &f64| exponent.is_finite() && *exponent >= 0.0)
            .map(Popularity::Zipf)
            .ok_or_else(|| format!("`{text}` is neither uniform nor zipf:EXPONENT"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixes_are_read_and_wrong_ones_are_refused() {
        let mix = Mix {
            read: 7,
            write: 0,
            getattr: 3,
        };
        assert_eq!("read=7,getattr=3".parse(), Ok(mix));
        for wrong in ["", "read", "read=x", "read=0", "erase=1", "read=99999999"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn popularities_are_read_and_wrong_ones_are_refused() {
        assert_eq!("uniform".parse(), Ok(Popularity::Uniform));
        assert_eq!("zipf:0.99".parse(), Ok(Popularity::Zipf(0.99)));
        for wrong in ["", "zipf", "zipf:", "zipf:-1", "zipf:nan", "pareto:1"] {
            assert!(wrong.parse::<Popularity>().is_err(), "{wrong}");
        }
    }
}
