//! The templates of nested stacks, from files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::bail;
use cfn_egress_guard::rehearsal::{FoundTemplate, NestedStack, NestedTemplates};
use cfn_egress_guard_core::source::Document;
use cfn_egress_guard_core::template::Scope;

use super::TemplateFile;
use crate::check::nested::local;
use crate::check::parameters::{DeclaredParameters, all_declared, all_passed, allowed};

/// The templates of nested stacks: first from the given files, then where the template points.
pub(super) struct NestedTemplateFiles<'a> {
    given: &'a [(String, PathBuf)],
    met: BTreeSet<String>,
}

impl<'a> NestedTemplateFiles<'a> {
    pub(super) const fn new(given: &'a [(String, PathBuf)]) -> Self {
        Self { given, met: BTreeSet::new() }
    }

    /// Checks that every given file was used: otherwise a typo would go unnoticed.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let Some((path, _)) = self.given.iter().find(|(path, _)| !self.met.contains(path)) else { return Ok(()) };
        if self.met.is_empty() {
            bail!("--nested {path}: the templates have no nested stack");
        }
        let met: Vec<String> = self.met.into_iter().collect();
        bail!("--nested {path}: there is no nested stack with that name; the nested stacks are {}", met.join(", "))
    }

    /// Returns the file of a nested stack's template, if it is named.
    fn file(&self, nested: &NestedStack<'_>) -> Option<PathBuf> {
        if let Some((_, file)) = self.given.iter().rev().find(|(path, _)| path == nested.path) {
            return Some(file.clone());
        }
        let folder = Path::new(nested.parent).parent().unwrap_or(Path::new(""));
        local(nested.asset_path, nested.template_url).map(|file| folder.join(file))
    }
}

impl NestedTemplates for NestedTemplateFiles<'_> {
    fn find(&mut self, nested: &NestedStack<'_>) -> Result<Option<FoundTemplate>, String> {
        self.met.insert(nested.path.to_owned());
        let Some(file) = self.file(nested) else { return Ok(None) };
        let TemplateFile { file, text, document } = TemplateFile::read(&file).map_err(|error| format!("{error:#}"))?;
        Ok(Some(FoundTemplate { file, text, document }))
    }

    fn accept(&self, template: &Document, passed: &Scope, is_creation: bool) -> Result<(), String> {
        let root = &template.root;
        let names = passed.parameters.keys().chain(&passed.open);
        all_declared(names, &DeclaredParameters::by(root)).map_err(|error| error.to_string())?;
        allowed(&passed.parameters, root).map_err(|refused| refused.message)?;
        // Other passed values are unknown.
        if is_creation && !passed.ignore_defaults {
            all_passed(passed, root).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}
