//! The names of files in reports.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cfn_egress_guard::report::FileName;
use cfn_egress_guard_core::rule::excerpt;

use super::folder::same;
use crate::git::Repository;

/// The base of file names.
#[derive(Debug)]
pub(super) struct FileNames {
    /// The working directory as the system reports it …
    here: PathBuf,
    /// … and without symbolic links.
    real: PathBuf,
    /// The root of the repository that contains it.
    root: Option<PathBuf>,
    /// The roots of the repositories of other folders, looked up on demand.
    others: Mutex<HashMap<PathBuf, Option<PathBuf>>>,
}

impl FileNames {
    /// Creates the names for this working directory.
    pub(super) fn from(here: PathBuf) -> Self {
        let real = same(&here);
        let root = Repository::around(&real).map(|repository| repository.root().to_owned());
        Self { here, real, root, others: Mutex::default() }
    }

    /// Returns the name of a file or folder.
    pub(super) fn of(&self, path: &Path) -> FileName {
        let whole = self.here.join(path);
        // For a symbolic link, the repository contains the link itself.
        let real = match (whole.parent().map(Path::canonicalize), whole.file_name()) {
            (Some(Ok(folder)), Some(name)) => folder.join(name),
            _ => whole.canonicalize().unwrap_or_else(|_| normalized(&whole)),
        };
        self.of_real(path, &real)
    }

    /// Returns the name of a file with a known canonical path.
    pub(super) fn of_real(&self, path: &Path, real: &Path) -> FileName {
        FileName { shown: shown(path, &self.here), in_repository: self.in_repository(real) }
    }

    /// Returns the path of a file from its name in the repository.
    pub(super) fn path(&self, in_repository: &str) -> PathBuf {
        self.root.as_ref().unwrap_or(&self.real).join(in_repository)
    }

    fn in_repository(&self, real: &Path) -> String {
        let root = self.root.clone().filter(|root| real.starts_with(root));
        let root = root.or_else(|| self.other_root(real.parent()?)).unwrap_or_else(|| self.real.clone());
        slashed(real.strip_prefix(root).unwrap_or(real))
    }

    fn other_root(&self, folder: &Path) -> Option<PathBuf> {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let root = || Repository::around(folder).map(|repository| repository.root().to_owned());
        others.entry(folder.to_owned()).or_insert_with(root).clone()
    }
}

/// Returns a path as reports show it: with slashes, and relative to the working directory `here` if it is below.
fn shown(path: &Path, here: &Path) -> String {
    let path = path.strip_prefix(here).unwrap_or(path);
    slashed(path.strip_prefix(".").ok().filter(|rest| !rest.as_os_str().is_empty()).unwrap_or(path))
}

fn slashed(path: &Path) -> String {
    let shown = path.to_string_lossy();
    let shown = if std::path::MAIN_SEPARATOR == '\\' { shown.replace('\\', "/") } else { shown.into_owned() };
    // Removes characters that can forge or hide text in a terminal or a log.
    if shown.chars().any(|c| c.is_control()) { excerpt(&shown, usize::MAX) } else { shown }
}

/// Removes `.` and `..` from the path of a file that does not exist.
fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normalized.pop();
            }
            Component::CurDir => {}
            part => normalized.push(part),
        }
    }
    normalized
}
