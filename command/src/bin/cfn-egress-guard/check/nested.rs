//! Locates the templates that a template deploys: first in the given files, then where the template points.

mod inline;

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::bail;
use cfn_egress_guard_core::check::{Nested, NestedKind, NestedWay};
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::template::{NoteSubject, TemplateNote};
use cfn_egress_guard_core::value::Value;

pub(crate) use inline::InlineTemplate;

use super::folder::same;
use super::parameters::{DeclaredParameters, all_declared, allowed};
use crate::ID_CHARS;
use crate::git::Repository;

/// The maximum depth at which templates may deploy each other.
pub(crate) const MAX_DEPTH: usize = 8;

/// The maximum length of a file's name in a message.
const FILE_CHARS: usize = 100;

/// The files of nested stacks.
pub(crate) struct NestedFiles<'f> {
    given: &'f [(String, PathBuf)],
    met: Mutex<BTreeSet<String>>,
}

impl<'f> NestedFiles<'f> {
    pub(crate) const fn new(given: &'f [(String, PathBuf)]) -> Self {
        Self { given, met: Mutex::new(BTreeSet::new()) }
    }

    /// Checks that every given file was used: otherwise a typo would go unnoticed.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((path, _)) = self.given.iter().find(|(path, _)| !met.contains(path)) else { return Ok(()) };
        if met.is_empty() {
            bail!("--nested {path}: the templates have no nested stack and no application");
        }
        let met: Vec<&str> = met.iter().map(String::as_str).collect();
        bail!("--nested {path}: there is no nested stack with that name; the nested stacks are {}", met.join(", "))
    }

    /// Returns the file of a template that the one in `parent` deploys, if it is named and exists. A given file may be
    /// missing, which is an error of the one who gives it.
    pub(crate) fn file(&self, path: &str, parent: &Path, nested: &Nested, way: &NestedWay) -> Option<PathBuf> {
        let file = self.named(path, parent, nested.asset_path.as_deref(), way.location.as_deref());
        file.filter(|file| self.given(path).is_some() || file.is_file())
    }

    /// Returns the file of a template that the one in `parent` deploys, if it is named; the file may be missing.
    ///
    /// A file that a template names must be in its repository or below the working directory: a template must not
    /// expose other files of this machine.
    pub(crate) fn named(
        &self,
        path: &str,
        parent: &Path,
        asset_path: Option<&str>,
        location: Option<&str>,
    ) -> Option<PathBuf> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        if let Some(file) = self.given(path) {
            return Some(file.clone());
        }
        let folder = parent.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = plain(&folder.join(local(asset_path, location)?));
        let real = real(&file);
        let folder = same(folder);
        let root = Repository::around(&folder).map_or(folder, |repository| repository.root().to_owned());
        let is_inside = real.starts_with(root) || real.starts_with(same(Path::new(".")));
        // Reading a pipe or a device may never end.
        (is_inside && (file.is_file() || !file.exists())).then_some(file)
    }

    fn given(&self, path: &str) -> Option<&PathBuf> {
        self.given.iter().rev().find(|(given, _)| given == path).map(|(_, file)| file)
    }
}

/// Returns the canonical path of a file. If the file is missing, the path shows where it would be, so that an answer
/// does not depend on whether a file outside exists.
fn real(file: &Path) -> PathBuf {
    if let Ok(real) = file.canonicalize() {
        return real;
    }
    let mut real = same(Path::new("."));
    for part in file.components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
    }
    real
}

/// Returns the path that a template names: the CDK's asset path, or a location that is not a URL.
fn local<'n>(asset_path: Option<&'n str>, location: Option<&'n str>) -> Option<&'n str> {
    let location = location.map(|location| location.strip_prefix("file://").unwrap_or(location));
    asset_path.or(location.filter(|location| !location.contains("://")))
}

/// Removes `.` from a path.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

/// Returns how to name the file of an unavailable template.
fn advice(path: &str) -> String {
    format!("pass --nested {}=FILE", excerpt(path, ID_CHARS))
}

/// Returns the note on an unavailable template; `path` leads to it, as in [`NestedFiles::file`].
pub(crate) fn missing(path: &str, nested: &Nested, way: &NestedWay) -> TemplateNote {
    let logical_id = nested.logical_id.clone();
    let named = local(nested.asset_path.as_deref(), way.location.as_deref());
    let named = named.map_or_else(String::new, |file| format!(" (it names {})", excerpt(file, FILE_CHARS)));
    let advice = Some(format!("{}{named}", advice(path)));
    let subject = match nested.kind {
        NestedKind::Stack => NoteSubject::NestedStack { logical_id, advice },
        NestedKind::Application => NoteSubject::Application { logical_id, advice },
        NestedKind::StackSet => NoteSubject::StackSet { logical_id, advice },
    };
    TemplateNote { subject, origin: nested.origin }
}

/// Returns why CloudFormation rejects the parameters that one template passes to another, if it does.
pub(crate) fn refused(way: &NestedWay, root: &Value) -> Option<String> {
    let NestedWay { scope, when, .. } = way;
    let names = scope.parameters.keys().chain(scope.defaults.keys()).chain(&scope.open);
    let undeclared = all_declared(names, &DeclaredParameters::by(root)).err().map(|error| error.to_string());
    let mut values = [&scope.parameters, &scope.defaults].into_iter();
    let problem = undeclared.or_else(|| Some(values.find_map(|values| allowed(values, root).err())?.message))?;
    Some(when.as_ref().map_or_else(|| problem.clone(), |when| format!("{problem} ({when})")))
}

/// Returns a label for the way in which a template is deployed: by the resource at a path that begins in the outermost
/// template.
pub(crate) fn label(kind: NestedKind, path: &str, outermost: &str) -> String {
    let kind = match kind {
        NestedKind::Stack => "nested stack",
        NestedKind::Application => "application",
        NestedKind::StackSet => "StackSet",
    };
    format!("{kind} {path} of {outermost}")
}
