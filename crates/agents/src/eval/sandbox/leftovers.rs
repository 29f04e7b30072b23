//! Processes that outlived the one that started them, where no namespace ends them.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, Signal, System, UpdateKind};

/// The environment variable by which the processes of a cell are known: they inherit it.
pub(super) const MARK: &str = "SHORN_EVAL_CELL";

/// How long it is tried: a process may start others faster than they are found.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends every process that has the mark.
pub(super) fn end(mark: &str) {
    let variable = OsString::from(format!("{MARK}={mark}"));
    let began = Instant::now();
    // Where processes cannot be listed, their group has been ended all the same.
    let Ok(mut system) = System::new() else { return };
    loop {
        let what = ProcessRefreshKind::nothing().with_environ(UpdateKind::Always);
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        let found = system.processes().values().filter(|process| process.environ().contains(&variable));
        let killed = found.filter(|process| process.kill_with(Signal::Kill) == Some(true)).count();
        if killed == 0 || began.elapsed() > PATIENCE {
            return;
        }
    }
}
