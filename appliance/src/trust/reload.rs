//! Reading the rules of the configuration, certificates, keys and lists again while the appliance runs.
//!
//! A thread that is not the engine's looks at the files. What it has read and checked goes through a channel
//! of one, which the engine's loop looks into now and then; what is wrong is logged, and the engine keeps what
//! it has.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread::{self, JoinHandle};

use engine::Policy;
use tls::KeyLog;
use tracing::{error, info, warn};

use super::error::ReloadError;
use super::files::{self, Stamp};
use crate::config::{Config, Machine};
use crate::limits;
use crate::policy::Places;
use crate::signals::ReloadRequest;

/// Decides when the configuration and the files that it names are read again.
#[derive(Debug)]
pub struct Reloader {
    file: PathBuf,
    machine: Machine,
    /// What runs.
    config: Config,
    /// TLS was spoken from the start, so that there is memory for it.
    has_record_memory: bool,
    places: Places,
    key_log: Option<KeyLog>,
    /// The configuration itself is the first.
    paths: Vec<PathBuf>,
    /// Of the files as they were last read.
    read: Vec<Stamp>,
    /// Of the files as they were last seen.
    seen: Vec<Stamp>,
    /// The configuration was right, and a file that it names was not.
    is_waiting: bool,
}

impl Reloader {
    /// Reads the files that `config` names for the first time. `file` is where it came from.
    ///
    /// # Errors
    /// What is wrong, and how to mend it.
    pub fn start(
        file: &Path,
        config: &Config,
        key_log: Option<KeyLog>,
    ) -> Result<(Self, Policy), ReloadError> {
        let places = Places::default()
            .with(config)
            .ok_or(ReloadError::TooManyExports)?;
        let paths = paths(file, [config]);
        let stamps = stamps(&paths);
        let trust = super::load(config, key_log.as_ref())?;
        let policy = places.policy(config, trust);
        let reloader = Self {
            file: file.to_owned(),
            // Now: EAL takes cores away from the process.
            machine: Machine::detect(),
            config: config.clone(),
            has_record_memory: config.speaks_tls(),
            places,
            key_log,
            paths,
            read: stamps.clone(),
            seen: stamps,
            is_waiting: false,
        };
        Ok((reloader, policy))
    }

    /// Reads the files if somebody `asked` for it, or if they have changed and then stayed as they are since
    /// the last call: a certificate and its key are replaced one after the other.
    pub fn poll(&mut self, asked: bool) -> Option<Result<Policy, ReloadError>> {
        // Before reading: what changes meanwhile is read once more.
        let now = stamps(&self.paths);
        let is_settled = now == self.seen;
        let has_changed = now != self.read;
        self.seen = now;
        (asked || (has_changed && is_settled)).then(|| self.read_again(asked))
    }

    fn read_again(&mut self, asked: bool) -> Result<Policy, ReloadError> {
        let seen = self.seen.first().copied();
        let has_new_rules = asked || self.is_waiting || self.read.first().copied() != seen;
        if let (Some(read), Some(seen)) = (self.read.first_mut(), seen) {
            *read = seen;
        }
        let (config, waiting) = if has_new_rules {
            // If it is wrong, what else has changed is looked at in the next turn.
            let new = Config::load(&self.file, &self.machine)?;
            self.config.adopt(new)
        } else {
            (self.config.clone(), Vec::new())
        };
        self.paths = paths(&self.file, [&self.config, &config]);
        self.seen = stamps(&self.paths);
        if let (Some(first), Some(seen)) = (self.seen.first_mut(), seen) {
            *first = seen;
        }
        self.read.clone_from(&self.seen);
        self.is_waiting = true;
        if config.speaks_tls() && !self.has_record_memory {
            return Err(ReloadError::NoRecordMemory);
        }
        let places = self
            .places
            .with(&config)
            .ok_or(ReloadError::TooManyExports)?;
        let trust = super::load(&config, self.key_log.as_ref())?;
        if !waiting.is_empty() {
            warn!("what is new in {} takes a restart", waiting.join(", "));
        }
        let policy = places.policy(&config, trust);
        (self.config, self.places, self.is_waiting) = (config, places, false);
        Ok(policy)
    }
}

/// The configuration, and every file that one of `configs` names.
fn paths<'a>(file: &Path, configs: impl IntoIterator<Item = &'a Config>) -> Vec<PathBuf> {
    let mut paths = vec![file.to_owned()];
    for path in configs.into_iter().flat_map(files::named_in) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    paths.iter().map(|path| Stamp::of(path)).collect()
}

/// A thread with a [`Reloader`]. Dropping it ends the thread; the receiver must have been dropped before.
#[derive(Debug)]
pub struct TrustWatcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TrustWatcher {
    /// Starts the thread, and gives the end of the channel at which new policy arrives.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn start(
        reloader: Reloader,
        request: ReloadRequest,
    ) -> io::Result<(Self, Receiver<Policy>)> {
        let (stop, stopped) = mpsc::channel();
        let (sender, receiver) = mpsc::sync_channel(1);
        let thread = thread::Builder::new()
            .name("trust".to_owned())
            .spawn(move || watch(reloader, &request, &stopped, &sender))?;
        let watcher = Self {
            stop: Some(stop),
            thread: Some(thread),
        };
        Ok((watcher, receiver))
    }
}

impl Drop for TrustWatcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(
    mut reloader: Reloader,
    request: &ReloadRequest,
    stopped: &Receiver<()>,
    sender: &SyncSender<Policy>,
) {
    while stopped.recv_timeout(limits::TRUST_POLL) == Err(RecvTimeoutError::Timeout) {
        match reloader.poll(request.take()) {
            None => {}
            Some(Ok(policy)) => {
                info!(
                    "rules, certificates, keys and lists read: {}",
                    super::describe_expiry(&policy.trust)
                );
                // The engine has gone: so shall we.
                if sender.send(policy).is_err() {
                    return;
                }
            }
            Some(Err(problem)) => {
                error!("rules, certificates, keys and lists stay as they were: {problem}");
            }
        }
    }
}
