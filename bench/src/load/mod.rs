//! NFS load over the kernel's sockets, for Wirepage and any other server alike.

mod caller;
pub mod calls;
mod error;
mod options;
mod pace;
mod preparation;
mod progress;
mod report;
mod run;
mod secure;
pub mod stamp;
mod tally;
mod wire;
mod workload;

use rustix::process::{Resource, getrlimit, setrlimit};

pub use caller::Caller;
pub use error::LoadError;
pub use options::{Options, Shape};
pub use pace::Pace;
pub use progress::Progress;
pub use report::Report;
pub use run::Outcome;
pub use tally::Tally;
pub use workload::Workload;

/// Puts the load on and prints the report.
pub fn run(options: &Options) -> Result<(), LoadError> {
    let report = measure(options)?;
    if options.shape.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

/// Puts the load on.
fn measure(options: &Options) -> Result<Report, LoadError> {
    options.shape.check()?;
    raise_file_limit();
    let tls = secure::Tls::new(options)?;
    let files = preparation::prepare(options, tls.as_ref())?;
    let calls = calls::Calls::new(&files, options.shape.size);
    let outcome = run::run(options, tls.as_ref(), calls)?;
    Ok(Report::new(&options.shape, &outcome))
}

/// Connections are files: as many as this process may have. Where that is too few, connecting says so.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
