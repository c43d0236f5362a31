//! Notes on nested stacks: their templates are files of their own, which have to be checked as such.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use cfn_egress_guard_core::template::{Note, Subject};
use cfn_egress_guard_core::value::{Map, Value};

/// A note on each nested stack of a template whose own template is not among the files that are checked.
pub(super) fn notes(root: &Value, template: &Path, checked: &HashSet<PathBuf>) -> Vec<Note> {
    let resources = root.get("Resources").and_then(Value::as_map);
    let nested = resources
        .into_iter()
        .flat_map(Map::iter)
        .filter(|(_, body)| body.get("Type").and_then(Value::as_str) == Some("AWS::CloudFormation::Stack"));
    let folder = template.parent().unwrap_or(Path::new(""));
    nested
        .filter_map(|(key, body)| {
            let file = file(body).map(|file| folder.join(file));
            if file.as_deref().is_some_and(|file| checked.contains(&super::folder::same(file))) {
                return None;
            }
            let file = file.map(|file| file.to_string_lossy().into_owned());
            let subject = Subject::NestedStack { logical_id: key.name.clone(), file };
            Some(Note { subject, origin: key.origin })
        })
        .collect()
}

/// The file that holds the template of a nested stack: the one that the CDK names beside it, or a `TemplateURL`
/// for `aws cloudformation package`.
fn file(body: &Value) -> Option<&str> {
    let asset = body.get("Metadata").and_then(|metadata| metadata.get("aws:asset:path")).and_then(Value::as_str);
    let url = || body.get("Properties")?.get("TemplateURL")?.as_str();
    let local = || url().map(|url| url.strip_prefix("file://").unwrap_or(url)).filter(|url| !url.contains("://"));
    asset.or_else(local)
}
