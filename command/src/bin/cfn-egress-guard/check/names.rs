//! How files are named in reports.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cfn_egress_guard::report::FileName;
use cfn_egress_guard_core::rule::excerpt;

use super::folder::same;
use crate::git::Repository;

/// From where files are named.
#[derive(Debug)]
pub(super) struct FileNames {
    /// The working directory, as the system names it …
    here: PathBuf,
    /// … and without symbolic links.
    real: PathBuf,
    /// The root of the repository that it is in.
    root: Option<PathBuf>,
    /// The roots of the repositories that other folders are in, as far as they were asked for.
    others: Mutex<HashMap<PathBuf, Option<PathBuf>>>,
}

impl FileNames {
    /// Those from this working directory.
    pub(super) fn from(here: PathBuf) -> Self {
        let real = same(&here);
        let root = Repository::around(&real).map(|repository| repository.root().to_owned());
        Self { here, real, root, others: Mutex::default() }
    }

    /// The name of a file or folder.
    pub(super) fn of(&self, path: &Path) -> FileName {
        let whole = self.here.join(path);
        // Of a symbolic link, what is in the repository is the link.
        let real = match (whole.parent().map(Path::canonicalize), whole.file_name()) {
            (Some(Ok(folder)), Some(name)) => folder.join(name),
            _ => whole.canonicalize().unwrap_or_else(|_| normalized(&whole)),
        };
        self.of_real(path, &real)
    }

    /// The name of a file whose canonical path is known.
    pub(super) fn of_real(&self, path: &Path, real: &Path) -> FileName {
        FileName { shown: shown(path, &self.here), in_repository: self.in_repository(real) }
    }

    /// The file that a name in the repository is of.
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

/// A path as reports show it: relative to the working directory, `here`, if it lies below, with slashes.
fn shown(path: &Path, here: &Path) -> String {
    let path = path.strip_prefix(here).unwrap_or(path);
    slashed(path.strip_prefix(".").ok().filter(|rest| !rest.as_os_str().is_empty()).unwrap_or(path))
}

fn slashed(path: &Path) -> String {
    let shown = path.to_string_lossy();
    let shown = if std::path::MAIN_SEPARATOR == '\\' { shown.replace('\\', "/") } else { shown.into_owned() };
    // Nothing in a name forges or hides anything in a terminal or a log.
    if shown.chars().any(|c| c.is_control()) { excerpt(&shown, usize::MAX) } else { shown }
}

/// A path without `.` and `..`, of a file that is not there.
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
