//! The templates of nested stacks, from files.

use std::path::Path;

use cfn_egress_guard::rehearsal::{FoundTemplate, NestedStack, NestedTemplates};
use cfn_egress_guard_core::source::Document;
use cfn_egress_guard_core::template::Scope;

use super::template::TemplateFile;
use crate::check::nested::NestedFiles;
use crate::check::parameters::{DeclaredParameters, all_declared, all_passed, allowed};

/// The templates of nested stacks: first from the given files, then where the template points.
pub(super) struct NestedTemplateFiles<'a>(pub(super) &'a NestedFiles<'a>);

impl NestedTemplates for NestedTemplateFiles<'_> {
    fn find(&mut self, nested: &NestedStack<'_>) -> Result<Option<FoundTemplate>, String> {
        let NestedStack { path, parent, template_url, asset_path } = *nested;
        let Some(file) = self.0.named(path, Path::new(parent), asset_path, template_url) else { return Ok(None) };
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
