//! Being asked to end, by SIGTERM and SIGINT, and to read rules and certificates again, by SIGHUP.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whether a signal has asked the process to end.
#[derive(Debug, Clone)]
pub struct ShutdownRequest(Arc<AtomicBool>);

impl ShutdownRequest {
    /// Takes SIGTERM and SIGINT over from their defaults. The first of them asks for a drain; the second
    /// ends the process at once, with the status a shell gives for that signal.
    pub fn install() -> io::Result<Self> {
        let requested = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // Actions run in the order of registration: the first signal finds the flag still down.
            signal_hook::flag::register_conditional_shutdown(
                signal,
                128 + signal,
                Arc::clone(&requested),
            )?;
            signal_hook::flag::register(signal, Arc::clone(&requested))?;
        }
        Ok(Self(requested))
    }

    /// Whether a signal has arrived. One relaxed load: fit for every turn of a poll loop.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether SIGHUP has asked to read rules, certificates, keys and lists again.
#[derive(Debug, Clone, Default)]
pub struct ReloadRequest(Arc<AtomicBool>);

impl ReloadRequest {
    /// Takes SIGHUP over from its default, which would end the process.
    pub fn install() -> io::Result<Self> {
        let request = Self::default();
        signal_hook::flag::register(SIGHUP, Arc::clone(&request.0))?;
        Ok(request)
    }

    /// Whether a signal has arrived since the last call.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}
