//! Finds the files below a folder, sorted by name, and which of them git ignores and does not track.
//!
//! Only `.gitignore` files in the repository count. Files above it, the user's own settings and `.git/info/exclude` are
//! not part of a checkout, so the same checkout always gives the same result. Outside a repository, tracking is
//! unknown, so no file is ignored.

use std::ffi::OsStr;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::git::Repository;

/// A file below a folder.
#[derive(Debug)]
pub(super) struct FolderFile {
    /// Its path, starting with the folder's path as written.
    pub(super) path: PathBuf,
    /// Its absolute path.
    pub(super) real: PathBuf,
    /// Whether it is a symbolic link.
    pub(super) is_link: bool,
    /// Whether git ignores it.
    pub(super) ignored: GitIgnored,
}

/// Whether git ignores a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GitIgnored {
    /// Git does not ignore the file, or tracks it anyway.
    No,
    /// Git ignores the file and does not track it.
    Yes,
    /// Git ignores the file, and it is unknown for this reason whether git tracks it.
    Perhaps(String),
}

impl GitIgnored {
    /// Combines the answers of two searches that found the same file: it is ignored only if both ignore it.
    pub(super) fn unless(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Perhaps(why), _) | (_, Self::Perhaps(why)) => Self::Perhaps(why),
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }
}

/// Selects files of a folder.
pub(super) trait FileFilter {
    /// Returns whether a file, or a folder with everything below it, is excluded.
    fn is_excluded(&self, path: &Path, real: &Path, is_folder: bool) -> bool;

    /// Returns whether a file can be a template, judging by its name.
    fn is_candidate(&self, path: &Path) -> bool;
}

/// Returns the selected files below a folder, sorted by name, each or the error that prevented reading it.
pub(super) fn files(folder: &Path, wanted: &dyn FileFilter) -> Vec<Result<FolderFile, String>> {
    let mut walk = FolderWalk { wanted, found: Vec::new() };
    match folder.canonicalize() {
        Ok(real) => walk.folder(folder, &real, &IgnoreRules::above(&real)),
        Err(error) => walk.fail(folder, &error),
    }
    walk.found
}

/// The ignore rules that apply in a folder.
#[derive(Debug, Clone, Default)]
struct IgnoreRules {
    repository: Option<Rc<Repository>>,
    /// The `.gitignore` files from the repository's root down to this folder, outermost first.
    files: Vec<Rc<Gitignore>>,
    /// Whether git ignores the folder itself.
    is_ignored: bool,
}

impl IgnoreRules {
    /// Returns the rules above a folder. The folder itself is read even if git ignores it, because it was named.
    fn above(folder: &Path) -> Self {
        let Some(repository) = Repository::around(folder) else { return Self::default() };
        let mut above: Vec<&Path> =
            folder.ancestors().skip(1).take_while(|above| above.starts_with(repository.root())).collect();
        above.reverse();
        let files = above.into_iter().map(|above| above.join(IGNORE_FILE)).filter(|file| file.is_file());
        let files = files.map(|file| Rc::new(Gitignore::new(file).0)).collect();
        Self { repository: Some(Rc::new(repository)), files, is_ignored: false }
    }

    /// Returns whether the innermost file with a matching pattern ignores an entry.
    fn ignores(&self, real: &Path, is_folder: bool) -> bool {
        let says = |file: &Rc<Gitignore>| match file.matched(real, is_folder) {
            ignore::Match::None => None,
            ignore::Match::Ignore(_) => Some(true),
            ignore::Match::Whitelist(_) => Some(false),
        };
        // Files in an ignored folder cannot be included again.
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
        self.found.push(Err(format!("cannot read `{}`: {error}", folder.display())));
    }

    fn folder(&mut self, path: &Path, real: &Path, above: &IgnoreRules) {
        let entries = std::fs::read_dir(real).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let mut entries: Vec<(std::ffi::OsString, DirEntry)> = match entries {
            Ok(entries) => entries.into_iter().map(|entry| (entry.file_name(), entry)).collect(),
            // Ignored files need not be readable.
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

/// Skips git's own folder and the assets that the CDK uploads to Lambda and S3: they contain no deployed template.
fn is_passed_over(name: &OsStr, is_folder: bool) -> bool {
    let is_asset = |name: &str| {
        name.strip_prefix("asset.")
            .is_some_and(|hash| hash.len() >= 64 && hash.bytes().take(64).all(|b| b.is_ascii_hexdigit()))
    };
    name == GIT_FOLDER || (is_folder && is_asset(&name.to_string_lossy()))
}

/// The excluded files: patterns as in a `.gitignore` file of the working directory.
#[derive(Debug)]
pub(super) struct Exclude {
    patterns: Gitignore,
    here: PathBuf,
}

impl Exclude {
    /// Compiles these patterns relative to this folder.
    pub(super) fn new(patterns: &[String], here: &Path) -> anyhow::Result<Self> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            // A leading `./` is shell syntax that .gitignore does not support.
            let pattern = pattern.strip_prefix("./").map_or_else(|| pattern.clone(), |below| format!("/{below}"));
            builder.add_line(None, &pattern).map_err(|error| anyhow::anyhow!("--exclude: {error}"))?;
        }
        let patterns = builder.build().map_err(|error| anyhow::anyhow!("--exclude: {error}"))?;
        Ok(Self { patterns, here: same(here) })
    }

    /// Returns whether the patterns exclude a file or folder.
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

    /// Returns whether the patterns exclude a named file or folder, or a folder that contains it.
    pub(super) fn has_named(&self, path: &Path, real: &Path, is_folder: bool) -> bool {
        let is_below = |real: &Path| real.starts_with(&self.here);
        let is_named = |(path, above): &(&Path, &Path)| {
            if is_below(real) { is_below(above) && *above != self.here } else { path.file_name().is_some() }
        };
        let mut folders = path.ancestors().zip(real.ancestors()).skip(1).filter(is_named);
        self.has(path, real, is_folder) || folders.any(|(path, real)| self.has(path, real, true))
    }
}

/// Returns a path that is equal for two paths to the same file.
pub(crate) fn same(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
