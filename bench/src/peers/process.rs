//! Processes whose CPU time is compared.

use std::fs;
use std::io;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Time that a process gets to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process that serves, or helps to.
#[derive(Debug)]
pub struct Process {
    /// What it is called in the report.
    pub name: String,
    pid: u32,
    /// Of one that was started here, which ends with this.
    child: Option<Child>,
}

impl Process {
    /// One that somebody else looks after.
    pub fn foreign(name: &str, pid: u32) -> Self {
        Self {
            name: name.to_owned(),
            pid,
            child: None,
        }
    }

    /// Starts one, its output going to a file.
    pub fn start(name: &str, command: &mut Command, log: &std::path::Path) -> io::Result<Self> {
        let log = fs::File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self {
            name: name.to_owned(),
            pid: child.id(),
            child: Some(child),
        })
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_some_and(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Seconds of all cores that it has used so far, in user and in kernel mode.
    pub fn cpu_seconds(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        let ticks = cpu_ticks(&stat).ok_or_else(|| io::Error::other("/proc/PID/stat"))?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Stops it where it is, or lets it go on.
    pub fn freeze(&self, frozen: bool) -> io::Result<()> {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        kill_process(self.id()?, signal)?;
        Ok(())
    }

    fn id(&self) -> io::Result<Pid> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        pid.ok_or_else(|| io::Error::other("not a process"))
    }
}

/// `utime` and `stime` of /proc/PID/stat (proc(5)); the name before them may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

impl Drop for Process {
    fn drop(&mut self) {
        let id = self.id();
        let Some(child) = &mut self.child else {
            return;
        };
        if let Ok(id) = id {
            let _ = kill_process(id, Signal::TERM);
        }
        let end = Instant::now() + PATIENCE;
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() > end {
                let _ = child.kill();
                let _ = child.wait();
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 17 25 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(cpu_ticks("42 (a) S 1"), None);
    }

    #[test]
    fn a_process_ends_with_its_owner_and_its_time_can_be_read() {
        let log = std::env::temp_dir().join(format!("bench-process-{}", std::process::id()));
        let mut process =
            Process::start("sleep", Command::new("sleep").arg("60"), &log).expect("sleep");
        assert!(!process.has_ended());
        assert!(process.cpu_seconds().expect("a process") < 10.0);
        let pid = process.pid;
        drop(process);
        assert!(fs::read_to_string(format!("/proc/{pid}/stat")).is_err());
        fs::remove_file(log).expect("the log");
    }
}
