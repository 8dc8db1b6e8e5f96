//! Reading certificates, keys and lists again while the appliance runs.
//!
//! A thread that is not the engine's looks at the files. What it has read and checked goes through a channel
//! of one, which the engine's loop looks into now and then; what is wrong is logged, and the engine keeps what
//! it has.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread::{self, JoinHandle};

use engine::Trust;
use tls::KeyLog;
use tracing::{error, info};

use super::error::TrustError;
use super::files::{self, Stamp};
use crate::config::Config;
use crate::limits;
use crate::signals::ReloadRequest;

/// Decides when the files are read again.
#[derive(Debug)]
pub struct Reloader {
    config: Config,
    key_log: Option<KeyLog>,
    paths: Vec<PathBuf>,
    /// Of the files as they were last read.
    read: Vec<Stamp>,
    /// Of the files as they were last seen.
    seen: Vec<Stamp>,
}

impl Reloader {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// Which file is wrong, and how to mend it.
    pub fn start(config: &Config, key_log: Option<KeyLog>) -> Result<(Self, Trust), TrustError> {
        let paths = files::named_in(config);
        let stamps = stamps(&paths);
        let trust = super::load(config, key_log.as_ref())?;
        let reloader = Self {
            config: config.clone(),
            key_log,
            paths,
            read: stamps.clone(),
            seen: stamps,
        };
        Ok((reloader, trust))
    }

    /// Reads the files if somebody `asked` for it, or if they have changed and then stayed as they are since
    /// the last call: a certificate and its key are replaced one after the other.
    pub fn poll(&mut self, asked: bool) -> Option<Result<Trust, TrustError>> {
        // Before reading: what changes meanwhile is read once more.
        let now = stamps(&self.paths);
        let is_settled = now == self.seen;
        let has_changed = now != self.read;
        self.seen = now;
        if asked || (has_changed && is_settled) {
            self.read.clone_from(&self.seen);
            return Some(super::load(&self.config, self.key_log.as_ref()));
        }
        None
    }
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
    /// Starts the thread, and gives the end of the channel at which new trust arrives.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn start(
        reloader: Reloader,
        request: ReloadRequest,
    ) -> io::Result<(Self, Receiver<Trust>)> {
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
    sender: &SyncSender<Trust>,
) {
    while stopped.recv_timeout(limits::TRUST_POLL) == Err(RecvTimeoutError::Timeout) {
        match reloader.poll(request.take()) {
            None => {}
            Some(Ok(trust)) => {
                info!(
                    "certificates, keys and lists read: {}",
                    super::describe_expiry(&trust)
                );
                // The engine has gone: so shall we.
                if sender.send(trust).is_err() {
                    return;
                }
            }
            Some(Err(problem)) => {
                error!("certificates, keys and lists stay as they were: {problem}");
            }
        }
    }
}
