//! The templates of a rehearsal, from files.

use std::io::Read as _;
use std::path::Path;

use anyhow::{anyhow, bail};
use cfn_egress_guard::rehearsal::StackToDeploy;
use cfn_egress_guard_core::source::Document;
use cfn_egress_guard_core::template::Scope;

use crate::file::parsed;

/// A template file that was read.
pub(super) struct TemplateFile {
    /// Its canonical path.
    pub(super) file: String,
    pub(super) text: String,
    pub(super) document: Document,
}

impl TemplateFile {
    /// Reads a template from a file; - is standard input.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let (file, bytes) = if path == Path::new("-") {
            let mut bytes = Vec::new();
            ("<stdin>".to_owned(), std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes))
        } else {
            (path.display().to_string(), crate::file::within_limit(path))
        };
        if path.is_dir() {
            bail!("{file}: it is a folder\nhelp: name the templates in it");
        }
        let bytes = bytes.map_err(|error| anyhow!("cannot read `{file}`: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|_| {
            anyhow!(
                "{file}: it is not UTF-8 text\nhelp: save it as UTF-8, the only encoding that CloudFormation \
                     accepts"
            )
        })?;
        let document = parsed(&file, &text)?;
        if path == Path::new("-") {
            return Ok(Self { file, text, document });
        }
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let here = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
        let file = real.strip_prefix(&here).unwrap_or(&real).to_string_lossy().into_owned();
        Ok(Self { file, text, document })
    }

    pub(super) fn stack<'a>(&'a self, name: &'a str, scope: &'a Scope) -> StackToDeploy<'a> {
        StackToDeploy { name, file: &self.file, text: &self.text, document: &self.document, scope }
    }
}
