//! Finds the files to check: the named files, and the templates in folders, recognized by their content.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

use cfn_egress_guard::report::{FileError, FileName};
use cfn_egress_guard_core::source::{is_meant_as_template, may_hold_template};
use globset::{GlobBuilder, GlobMatcher};

use super::folder::{self, Exclude, FileFilter, FolderFile, GitIgnored, same};
use super::names::FileNames;
use crate::file::unreadable;

/// Advice when a search finds nothing: a pipeline that checks the wrong folder must not pass.
pub(super) const SEARCH_HELP: &str =
    "name a template, or a folder with .yaml, .yml, .json, or .template files that git does not ignore";

/// Advice when a search finds only files that git ignores.
pub(super) const IGNORED_HELP: &str = "git ignores files here that look like templates: to check them, name them";

/// The size limit of files found in folders: templates are far smaller.
const MAX_SEARCHED_BYTES: u64 = 32 * 1024 * 1024;

/// The arguments of the command line, and the files they lead to.
#[derive(Debug)]
pub(super) struct Inputs {
    /// The arguments.
    pub(super) arguments: Vec<Argument>,
    /// The files to check, each once, in a stable order.
    pub(super) found: Vec<Input>,
    /// The index of each input that is a file, by its canonical path.
    pub(super) files: HashMap<PathBuf, usize>,
    names: FileNames,
    exclude: Exclude,
    /// Whether named files that are not templates are errors.
    named_must_be: bool,
}

/// A file, folder or pattern from the command line.
#[derive(Debug)]
pub(super) struct Argument {
    pub(super) name: FileName,
    /// Whether this is searched for templates.
    pub(super) is_search: bool,
}

/// An input to check.
#[derive(Debug)]
pub(super) struct Input {
    /// Its name in reports.
    pub(super) name: FileName,
    /// The indices of the arguments that led to it.
    pub(super) arguments: Vec<usize>,
    /// Whether it was named itself and must be a template.
    pub(super) must_be_template: bool,
    /// Whether git ignores it, if it was only found in folders that git does not ignore.
    pub(super) ignored: GitIgnored,
    place: InputSource,
}

#[derive(Debug)]
enum InputSource {
    Stdin,
    File(PathBuf),
    Nowhere(String),
}

impl Inputs {
    /// Finds the inputs for these arguments, by default the working directory, except those that match one of the
    /// patterns to exclude.
    pub(super) fn of(arguments: &[String], exclude: &[String], skip_other_files: bool) -> anyhow::Result<Self> {
        let directory = std::env::current_dir().unwrap_or_default();
        let mut inputs = Self {
            arguments: Vec::new(),
            found: Vec::new(),
            files: HashMap::new(),
            exclude: Exclude::new(exclude, &directory)?,
            names: FileNames::from(directory),
            named_must_be: !skip_other_files,
        };
        let here = [".".to_owned()];
        for argument in if arguments.is_empty() { &here } else { arguments } {
            inputs.add(argument);
        }
        Ok(inputs)
    }

    /// Returns the name of any other file.
    pub(super) fn name_of(&self, file: &Path) -> FileName {
        self.names.of(file)
    }

    /// Returns the base of file names.
    pub(super) const fn names(&self) -> &FileNames {
        &self.names
    }

    /// Returns whether the repository contains a file with this name.
    pub(super) fn has(&self, name_in_repository: &str) -> bool {
        self.names.path(name_in_repository).exists()
    }

    fn add(&mut self, argument: &str) {
        let path = Path::new(argument);
        let found = path.metadata();
        let pattern = if found.is_ok() { None } else { pattern(argument) };
        let is_search = found.is_ok_and(|found| found.is_dir()) || pattern.is_some();
        let name = self.names.of(path);
        self.arguments.push(Argument { name: name.clone(), is_search });
        if argument == "-" {
            self.push(FileName::same("<stdin>"), true, GitIgnored::No, InputSource::Stdin);
        } else if is_search {
            let (root, matcher) = pattern.map_or((path.to_owned(), None), |(root, matcher)| (root, Some(matcher)));
            self.search(&root, matcher.as_ref());
        } else if !self.exclude.has_named(path, &same(path), false) {
            self.file(same(path), name, self.named_must_be, GitIgnored::No, path.to_owned());
        }
    }

    fn search(&mut self, root: &Path, matcher: Option<&GlobMatcher>) {
        if self.exclude.has_named(root, &same(root), true) {
            return;
        }
        for found in folder::files(root, &Search { matcher, exclude: &self.exclude }) {
            match found {
                Ok(FolderFile { path, real, is_link, ignored }) => {
                    let name = self.names.of_real(&path, &real);
                    let real = if is_link { same(&real) } else { real };
                    self.file(real, name, false, ignored, path);
                }
                Err(why) => self.push(self.names.of(root), true, GitIgnored::No, InputSource::Nowhere(why)),
            }
        }
    }

    /// Adds a file. A file that several arguments lead to is checked once, as the one that requires most asks for it.
    fn file(&mut self, real: PathBuf, name: FileName, must_be_template: bool, ignored: GitIgnored, path: PathBuf) {
        let argument = self.argument();
        match self.files.get(&real).and_then(|index| self.found.get_mut(*index)) {
            Some(known) => {
                known.must_be_template |= must_be_template;
                known.ignored = std::mem::replace(&mut known.ignored, GitIgnored::No).unless(ignored);
                known.arguments.push(argument);
            }
            None => {
                self.files.insert(real, self.found.len());
                self.push(name, must_be_template, ignored, InputSource::File(path));
            }
        }
    }

    fn push(&mut self, name: FileName, must_be_template: bool, ignored: GitIgnored, place: InputSource) {
        let arguments = vec![self.argument()];
        self.found.push(Input { name, arguments, must_be_template, ignored, place });
    }

    /// Returns the index of the latest argument.
    const fn argument(&self) -> usize {
        self.arguments.len().saturating_sub(1)
    }
}

/// The criteria of a search.
struct Search<'s> {
    matcher: Option<&'s GlobMatcher>,
    exclude: &'s Exclude,
}

impl FileFilter for Search<'_> {
    fn is_excluded(&self, path: &Path, real: &Path, is_folder: bool) -> bool {
        self.exclude.has(path, real, is_folder)
    }

    fn is_candidate(&self, path: &Path) -> bool {
        match self.matcher {
            Some(matcher) => matcher.is_match(path.strip_prefix(".").unwrap_or(path)),
            None => has_known_extension(path),
        }
    }
}

impl Input {
    /// Returns the path if the input is a file.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.place {
            InputSource::File(path) => Some(path),
            InputSource::Stdin | InputSource::Nowhere(_) => None,
        }
    }

    /// Returns the text, or nothing if the file was found in a folder and cannot be a template.
    pub(super) fn text(&self) -> Result<Option<String>, FileError> {
        let unreadable = |error: std::io::Error| FileError::new(unreadable(&error), None);
        let bytes = match &self.place {
            InputSource::Nowhere(why) => return Err(FileError::new(why.as_str(), None)),
            InputSource::Stdin => {
                let mut bytes = Vec::new();
                std::io::stdin().lock().read_to_end(&mut bytes).map_err(unreadable)?;
                bytes
            }
            InputSource::File(path) => {
                let size = || std::fs::metadata(path).map_or(0, |metadata| metadata.len());
                if !self.must_be_template && size() > MAX_SEARCHED_BYTES {
                    return Ok(None);
                }
                crate::file::within_limit(path).map_err(unreadable)?
            }
        };
        match String::from_utf8(bytes).map_err(FromUtf8Error::into_bytes).and_then(without_zeros) {
            Ok(text) => Ok((self.must_be_template || may_hold_template(&text)).then_some(text)),
            Err(bytes) if self.must_be_template || is_meant_as_template(&without_encoding(&bytes)) => {
                let help = "save it as UTF-8, the only encoding that CloudFormation accepts";
                Err(FileError::new("it is not UTF-8 text", Some(help)))
            }
            Err(_) => Ok(None),
        }
    }
}

/// Rejects text that starts like UTF-16 or UTF-32 without a byte order mark: with zeros between its letters.
fn without_zeros(text: String) -> Result<String, Vec<u8>> {
    if text.bytes().take(4).any(|byte| byte == 0) { Err(text.into_bytes()) } else { Ok(text) }
}

/// Decodes text in another encoding as far as possible: UTF-16 with a byte order mark, as Windows PowerShell writes it,
/// or the ASCII characters of UTF-16 and UTF-32.
fn without_encoding(bytes: &[u8]) -> Cow<'_, str> {
    type Unit = fn([u8; 2]) -> u16;
    let units = |unit: Unit| {
        let pairs = bytes.chunks_exact(2).skip(1).filter_map(|pair| pair.try_into().ok());
        let text = char::decode_utf16(pairs.map(unit)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
        Cow::Owned(text.collect())
    };
    let (bytes, unit): (_, Option<Unit>) = match bytes {
        [0xff, 0xfe, 0, 0, rest @ ..] | [0, 0, 0xfe, 0xff, rest @ ..] => (rest, None),
        [0xff, 0xfe, ..] => (bytes, Some(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => (bytes, Some(u16::from_be_bytes)),
        _ => (bytes, None),
    };
    if let Some(unit) = unit {
        return units(unit);
    }
    if bytes.contains(&0) {
        let ascii: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
        return Cow::Owned(String::from_utf8_lossy(&ascii).into_owned());
    }
    String::from_utf8_lossy(bytes)
}

fn has_known_extension(path: &Path) -> bool {
    const KNOWN: [&str; 4] = ["yaml", "yml", "json", "template"];
    path.extension().is_some_and(|extension| KNOWN.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Returns a pattern that the shell did not expand, and the folder to search.
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
