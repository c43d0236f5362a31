//! Runs whole processes, measures their time and memory, and stops those that take too long.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A program with its arguments, and the exit codes that mean success.
#[derive(Clone)]
pub(crate) struct Invocation {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) codes: &'static [i32],
    /// The working directory; that of this process if it is `None`.
    pub(crate) folder: Option<PathBuf>,
}

/// The observations of a run.
pub(crate) struct Observed {
    /// The duration; `None` if the run was stopped.
    pub(crate) took: Option<Duration>,
    /// The peak memory, in KiB.
    pub(crate) peak_kib: u64,
}

impl Invocation {
    pub(crate) fn of(program: &Path, arguments: &[&str], codes: &'static [i32]) -> Self {
        let arguments = arguments.iter().map(OsString::from).collect();
        Self { program: program.to_owned(), arguments, codes, folder: None }
    }

    pub(crate) fn within(self, folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()), ..self }
    }

    /// Runs the program and returns its duration.
    pub(crate) fn time(&self) -> Duration {
        let started = Instant::now();
        let status = self.start().wait().unwrap();
        let took = started.elapsed();
        self.expect(status);
        took
    }

    /// Runs the program while observing it, which slows it down a little, and stops it at the limit.
    pub(crate) fn observe(&self, limit: Duration) -> Observed {
        let started = Instant::now();
        let mut child = self.start();
        let mut peak_kib = 0;
        loop {
            peak_kib = peak_kib.max(self::peak_kib(child.id()));
            if let Some(status) = child.try_wait().unwrap() {
                self.expect(status);
                return Observed { took: Some(started.elapsed()), peak_kib };
            }
            if started.elapsed() > limit {
                stop(&mut child);
                return Observed { took: None, peak_kib };
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    fn start(&self) -> Child {
        let mut command = Command::new(&self.program);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A separate process group, so that its child processes can be stopped with it.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program.display()))
    }

    fn expect(&self, status: ExitStatus) {
        let ended_well = status.code().is_some_and(|code| self.codes.contains(&code));
        assert!(ended_well, "{} {:?} ended with {status}", self.program.display(), self.arguments);
    }
}

/// Stops a process and its child processes.
fn stop(child: &mut Child) {
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    let _ = child.wait();
}

/// Returns the peak resident memory of a running process, in KiB (Linux, `VmHWM`).
pub(crate) fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
