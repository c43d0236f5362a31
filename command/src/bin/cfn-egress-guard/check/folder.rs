//! Files below a folder in the order of their names: which of them git ignores, and which it tracks all the same.
//!
//! Only `.gitignore` files of the repository count. Those above it, the user's own and `.git/info/exclude` are
//! not part of a checkout, and the same checkout gives the same answer everywhere: also where it is no repository, and
//! nothing says what git tracks, so that no file is ignored.

use std::ffi::OsStr;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::git::Repository;

/// A file below a folder.
#[derive(Debug)]
pub(super) struct FolderFile {
    /// Its path, which begins as the folder's was written.
    pub(super) path: PathBuf,
    /// Its path from the root of the file system.
    pub(super) real: PathBuf,
    /// Whether it is a symbolic link.
    pub(super) is_link: bool,
    /// Whether git ignores it.
    pub(super) ignored: GitIgnored,
}

/// Whether git ignores a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GitIgnored {
    /// It does not, or it tracks the file all the same.
    No,
    /// It does, and does not track the file.
    Yes,
    /// It does, and whether it tracks the file is not known, for this reason.
    Perhaps(String),
}

/// Which files of a folder are wanted.
pub(super) trait FileFilter {
    /// Whether a file or folder is left out by choice, with everything below it.
    fn is_excluded(&self, path: &Path, real: &Path, is_folder: bool) -> bool;

    /// Whether a file may be a template, as far as its name says.
    fn is_candidate(&self, path: &Path) -> bool;
}

/// The files below a folder that are wanted, in the order of their names, or what kept it from being read.
pub(super) fn files(folder: &Path, wanted: &dyn FileFilter) -> Vec<Result<FolderFile, String>> {
    let mut walk = FolderWalk { wanted, found: Vec::new() };
    match folder.canonicalize() {
        Ok(real) => walk.folder(folder, &real, &IgnoreRules::above(&real)),
        Err(error) => walk.fail(folder, &error),
    }
    walk.found
}

/// What holds in a folder.
#[derive(Debug, Clone, Default)]
struct IgnoreRules {
    repository: Option<Rc<Repository>>,
    /// The `.gitignore` files of the repository down to this folder, the outermost first.
    files: Vec<Rc<Gitignore>>,
    /// Whether git ignores the folder itself.
    is_ignored: bool,
}

impl IgnoreRules {
    /// What holds above a folder, which is read even if git ignores it: it was named.
    fn above(folder: &Path) -> Self {
        let Some(repository) = Repository::around(folder) else { return Self::default() };
        let mut above: Vec<&Path> =
            folder.ancestors().skip(1).take_while(|above| above.starts_with(repository.root())).collect();
        above.reverse();
        let files = above.into_iter().map(|above| above.join(IGNORE_FILE)).filter(|file| file.is_file());
        let files = files.map(|file| Rc::new(Gitignore::new(file).0)).collect();
        Self { repository: Some(Rc::new(repository)), files, is_ignored: false }
    }

    /// The innermost file that says something of an entry decides.
    fn ignores(&self, real: &Path, is_folder: bool) -> bool {
        let says = |file: &Rc<Gitignore>| match file.matched(real, is_folder) {
            ignore::Match::None => None,
            ignore::Match::Ignore(_) => Some(true),
            ignore::Match::Whitelist(_) => Some(false),
        };
        // Nothing in an ignored folder can be taken out again.
        self.is_ignored || self.files.iter().rev().find_map(says).unwrap_or_default()
    }

    fn tracks(&self, real: &Path) -> Result<bool, &str> {
        self.repository.as_ref().map_or(Ok(false), |repository| repository.tracks(real))
    }
}

const IGNORE_FILE: &str = ".gitignore";

struct FolderWalk<'w> {
    wanted: &'w dyn FileFilter,
    found: Vec<Result<FolderFile, String>>,
}

impl FolderWalk<'_> {
    fn fail(&mut self, folder: &Path, error: &std::io::Error) {
        self.found.push(Err(format!("`{}` cannot be read: {error}", folder.display())));
    }

    fn folder(&mut self, path: &Path, real: &Path, above: &IgnoreRules) {
        let entries = std::fs::read_dir(real).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let mut entries: Vec<(std::ffi::OsString, DirEntry)> = match entries {
            Ok(entries) => entries.into_iter().map(|entry| (entry.file_name(), entry)).collect(),
            // What git ignores need not be readable.
            Err(_) if above.is_ignored => return,
            Err(error) => return self.fail(path, &error),
        };
        entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let has = |name: &str| entries.iter().any(|(known, _)| known == name);
        let mut own = None;
        if has(GIT_FOLDER)
            && !above.is_ignored
            && let Some(repository) = Repository::at(real)
        {
            own = Some(IgnoreRules { repository: Some(Rc::new(repository)), ..IgnoreRules::default() });
        }
        let rules = own.as_ref().unwrap_or(above);
        if has(IGNORE_FILE) && !above.is_ignored && rules.repository.is_some() {
            let rules = own.get_or_insert_with(|| above.clone());
            rules.files.push(Rc::new(Gitignore::new(real.join(IGNORE_FILE)).0));
        }
        let rules = own.as_ref().unwrap_or(above);
        for (name, entry) in &entries {
            self.entry(&path.join(name), &real.join(name), entry, rules);
        }
    }

    fn entry(&mut self, path: &Path, real: &Path, entry: &DirEntry, rules: &IgnoreRules) {
        let Ok(kind) = entry.file_type() else { return };
        let is_file = kind.is_file() || (kind.is_symlink() && real.is_file());
        if is_passed_over(&entry.file_name(), kind.is_dir())
            || !(kind.is_dir() || (is_file && self.wanted.is_candidate(path)))
            || self.wanted.is_excluded(path, real, kind.is_dir())
        {
            return;
        }
        let is_ignored = rules.ignores(real, kind.is_dir());
        if kind.is_dir() {
            let below = IgnoreRules { is_ignored, ..rules.clone() };
            return self.folder(path, real, &below);
        }
        let ignored = match is_ignored.then(|| rules.tracks(real)) {
            None | Some(Ok(true)) => GitIgnored::No,
            Some(Ok(false)) => GitIgnored::Yes,
            Some(Err(why)) => GitIgnored::Perhaps(why.to_owned()),
        };
        let (path, real) = (path.to_owned(), real.to_owned());
        self.found.push(Ok(FolderFile { path, real, is_link: kind.is_symlink(), ignored }));
    }
}

const GIT_FOLDER: &str = ".git";

/// Git's own folder, and what CDK ships to Lambda and S3: no template that is deployed is in there.
fn is_passed_over(name: &OsStr, is_folder: bool) -> bool {
    let is_asset = |name: &str| {
        name.strip_prefix("asset.")
            .is_some_and(|hash| hash.len() >= 64 && hash.bytes().take(64).all(|b| b.is_ascii_hexdigit()))
    };
    name == GIT_FOLDER || (is_folder && is_asset(&name.to_string_lossy()))
}

/// What is left out by choice: patterns as in a `.gitignore` file of the working directory.
#[derive(Debug)]
pub(super) struct Exclude {
    patterns: Gitignore,
    here: PathBuf,
}

impl Exclude {
    /// These patterns, from this folder.
    pub(super) fn new(patterns: &[String], here: &Path) -> anyhow::Result<Self> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            // A shell's way to name what is here, which .gitignore does not know.
            let pattern = pattern.strip_prefix("./").map_or_else(|| pattern.clone(), |below| format!("/{below}"));
            builder.add_line(None, &pattern).map_err(|error| anyhow::anyhow!("--exclude: {error}"))?;
        }
        let patterns = builder.build().map_err(|error| anyhow::anyhow!("--exclude: {error}"))?;
        Ok(Self { patterns, here: same(here) })
    }

    /// Whether a file or folder is one that they leave out.
    pub(super) fn has(&self, path: &Path, real: &Path, is_folder: bool) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        match real.strip_prefix(&self.here) {
            Ok(below) => self.patterns.matched(below, is_folder).is_ignore(),
            Err(_) => [real.file_name().map(Path::new), Some(path)]
                .into_iter()
                .flatten()
                .any(|path| self.patterns.matched(path, is_folder).is_ignore()),
        }
    }

    /// Whether a file or folder that is named is one that they leave out, or in a folder that is.
    pub(super) fn has_named(&self, path: &Path, real: &Path, is_folder: bool) -> bool {
        let is_below = |real: &Path| real.starts_with(&self.here);
        let is_named = |(path, above): &(&Path, &Path)| {
            if is_below(real) { is_below(above) && *above != self.here } else { path.file_name().is_some() }
        };
        let mut folders = path.ancestors().zip(real.ancestors()).skip(1).filter(is_named);
        self.has(path, real, is_folder) || folders.any(|(path, real)| self.has(path, real, true))
    }
}

/// What tells whether two paths are the same file.
pub(crate) fn same(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
