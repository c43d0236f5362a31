//! Which files to check: those named, and the templates in folders, by their content.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use cfn_egress_guard::report::Problem;
use cfn_egress_guard_core::source::may_hold_template;
use globset::{GlobBuilder, GlobMatcher};
use ignore::{DirEntry, WalkBuilder};

/// What to say where a search found nothing: a pipeline that checks the wrong folder must not pass.
pub(super) const SEARCH_HELP: &str =
    "name a template, or a folder with .yaml, .yml, .json or .template files that git does not ignore";

/// Files found in folders are read up to this size: templates are far smaller.
const MAX_SEARCHED_BYTES: u64 = 32 * 1024 * 1024;

/// What the command line named, and what was found there.
#[derive(Debug)]
pub(super) struct Inputs {
    /// What was named.
    pub(super) arguments: Vec<Argument>,
    /// The files to check, each once, in a stable order.
    pub(super) found: Vec<Input>,
    /// Those of them that are files, each as what tells it from others.
    pub(super) files: HashSet<PathBuf>,
    /// The working directory.
    here: PathBuf,
}

/// A file, folder or pattern that was named.
#[derive(Debug)]
pub(super) struct Argument {
    pub(super) name: String,
    /// Whether templates are looked for in it.
    pub(super) is_search: bool,
}

/// Something to check.
#[derive(Debug)]
pub(super) struct Input {
    /// How it is shown.
    pub(super) name: String,
    /// Which argument led to it.
    pub(super) argument: usize,
    /// Whether it was named itself, and other files that are named are not to be passed over.
    pub(super) must_be_template: bool,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Stdin,
    File(PathBuf),
    Nowhere(String),
}

impl Inputs {
    /// What there is under these arguments; under the working directory if there are none.
    pub(super) fn of(arguments: &[String], skip_other_files: bool) -> Self {
        let here = [".".to_owned()];
        let directory = std::env::current_dir().unwrap_or_default();
        let mut inputs = Self { arguments: Vec::new(), found: Vec::new(), files: HashSet::new(), here: directory };
        for argument in if arguments.is_empty() { &here } else { arguments } {
            inputs.add(argument, !skip_other_files);
        }
        inputs
    }

    fn add(&mut self, argument: &str, named_must_be: bool) {
        let index = self.arguments.len();
        let path = Path::new(argument);
        let found = path.metadata();
        let pattern = if found.is_ok() { None } else { pattern(argument) };
        let is_search = found.is_ok_and(|found| found.is_dir()) || pattern.is_some();
        let (here, seen) = (&self.here, &mut self.files);
        self.arguments.push(Argument { name: shown(path, here), is_search });
        let mut push = |name: String, must_be_template: bool, place: Place| {
            self.found.push(Input { name, argument: index, must_be_template, place });
        };
        if argument == "-" {
            return push("<stdin>".to_owned(), true, Place::Stdin);
        }
        if !is_search {
            if seen.insert(same(path)) {
                push(shown(path, here), named_must_be, Place::File(path.to_owned()));
            }
            return;
        }
        let (root, matcher) = pattern.map_or((path.to_owned(), None), |(root, matcher)| (root, Some(matcher)));
        for entry in walk(&root) {
            match entry {
                Ok(entry) => {
                    let is_candidate = match &matcher {
                        Some(matcher) => matcher.is_match(entry.path().strip_prefix(".").unwrap_or(entry.path())),
                        None => has_known_extension(entry.path()),
                    };
                    if is_file(&entry) && is_candidate && seen.insert(same(entry.path())) {
                        push(shown(entry.path(), here), false, Place::File(entry.into_path()));
                    }
                }
                Err(error) => push(shown(&root, here), true, Place::Nowhere(error.to_string())),
            }
        }
    }
}

impl Input {
    /// Its text; nothing if it was found in a folder and cannot be a template.
    pub(super) fn text(&self) -> Result<Option<String>, Problem> {
        let unreadable = |error: std::io::Error| Problem::new(format!("it cannot be read: {error}"), None);
        let bytes = match &self.place {
            Place::Nowhere(why) => return Err(Problem::new(why.as_str(), None)),
            Place::Stdin => {
                let mut bytes = Vec::new();
                std::io::stdin().lock().read_to_end(&mut bytes).map_err(unreadable)?;
                bytes
            }
            Place::File(path) => {
                let size = || std::fs::metadata(path).map_or(0, |metadata| metadata.len());
                if !self.must_be_template && size() > MAX_SEARCHED_BYTES {
                    return Ok(None);
                }
                std::fs::read(path).map_err(unreadable)?
            }
        };
        match String::from_utf8(bytes) {
            Ok(text) => Ok((self.must_be_template || may_hold_template(&text)).then_some(text)),
            Err(error) if self.must_be_template || is_likely_template(&String::from_utf8_lossy(error.as_bytes())) => {
                Err(Problem::new("it is not UTF-8 text", Some("save it as UTF-8: CloudFormation takes nothing else")))
            }
            Err(_) => Ok(None),
        }
    }
}

/// Whether a text that cannot be read was meant to be a template.
pub(super) fn is_likely_template(text: &str) -> bool {
    text.contains("AWSTemplateFormatVersion") || (text.contains("Resources") && text.contains("AWS::"))
}

/// Files below a folder in the order of their names, but not what git ignores.
fn walk(root: &Path) -> impl Iterator<Item = Result<DirEntry, ignore::Error>> {
    WalkBuilder::new(root)
        .hidden(false)
        // The same folder gives the same answer as a checkout and as an archive.
        .require_git(false)
        .ignore(false)
        .sort_by_file_path(Path::cmp)
        .filter_entry(|entry| entry.depth() == 0 || !is_passed_over(entry))
        .build()
}

/// Git's own folder, and what CDK ships to Lambda and S3: no template that is deployed stands there.
fn is_passed_over(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let is_asset = |name: &str| {
        name.strip_prefix("asset.")
            .is_some_and(|hash| hash.len() >= 64 && hash.bytes().take(64).all(|b| b.is_ascii_hexdigit()))
    };
    name == ".git" || (entry.file_type().is_some_and(|kind| kind.is_dir()) && is_asset(&name))
}

fn is_file(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_file() || (kind.is_symlink() && entry.path().is_file()))
}

fn has_known_extension(path: &Path) -> bool {
    const KNOWN: [&str; 4] = ["yaml", "yml", "json", "template"];
    path.extension().is_some_and(|extension| KNOWN.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// A pattern that the shell left alone, and the folder to look in.
fn pattern(argument: &str) -> Option<(PathBuf, GlobMatcher)> {
    let first = argument.find(['*', '?', '[', '{'])?;
    let matcher = GlobBuilder::new(argument.strip_prefix("./").unwrap_or(argument))
        .literal_separator(true)
        .build()
        .ok()?
        .compile_matcher();
    let (before, _) = argument.split_at(first);
    let root = before.rfind('/').map_or("", |slash| before.split_at(slash + 1).0);
    let root = root.strip_prefix("./").unwrap_or(root);
    Some((PathBuf::from(if root.is_empty() { "." } else { root }), matcher))
}

/// What tells whether two paths are the same file.
pub(super) fn same(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// A path as reports show it: relative to the working directory, `here`, if it lies below, with slashes.
fn shown(path: &Path, here: &Path) -> String {
    let path = path.strip_prefix(here).unwrap_or(path);
    let path = path.strip_prefix(".").ok().filter(|rest| !rest.as_os_str().is_empty()).unwrap_or(path);
    let shown = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '\\' { shown.replace('\\', "/") } else { shown.into_owned() }
}
