//! The result's JSON: written one stack at a time, read back even if the writer was killed.
//!
//! One JSON document. Its head stands on the first line and each stack on a line of its own, so
//! that a file without its end still gives back every stack that was written.

use std::fmt;
use std::io::{self, Write};

use super::record::{FORMAT_VERSION, Head, ScanResult, StackRecord, Tail};
use super::summary::Summary;

/// Writes a result while it is found.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    stacks: usize,
}

impl<W: Write> Writer<W> {
    /// Begins a result.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(mut out: W, head: &Head) -> io::Result<Self> {
        let head = serde_json::to_string(head)?;
        // The head without its closing brace: the document goes on.
        writeln!(out, "{},\"stacks\":[", head.strip_suffix('}').unwrap_or(&head))?;
        Ok(Self { out, stacks: 0 })
    }

    /// Writes a stack.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn stack(&mut self, record: &StackRecord) -> io::Result<()> {
        if self.stacks > 0 {
            writeln!(self.out, ",")?;
        }
        self.stacks += 1;
        serde_json::to_writer(&mut self.out, record)?;
        self.out.flush()
    }

    /// Ends the result.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(mut self, tail: &Tail) -> io::Result<()> {
        let tail = serde_json::to_string(tail)?;
        writeln!(self.out, "\n],{}", tail.strip_prefix('{').unwrap_or(&tail))?;
        self.out.flush()
    }
}

/// Why a text is no result of a scan.
#[derive(Debug)]
pub enum ResultError {
    /// It is something else.
    NotAResult(serde_json::Error),
    /// It has a version that this program does not know.
    Version(u32),
}

impl fmt::Display for ResultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAResult(error) => write!(f, "not the JSON result of a scan: {error}"),
            Self::Version(version) => {
                write!(f, "the result has format version {version}, and this program knows {FORMAT_VERSION}")
            }
        }
    }
}

impl std::error::Error for ResultError {}

/// Reads a result back: whole, or as far as it was written.
///
/// # Errors
/// When the text is no result of a scan.
pub fn read_result(text: &str) -> Result<ScanResult, ResultError> {
    let result = match serde_json::from_str::<ScanResult>(text) {
        Ok(result) => result,
        Err(error) => torn(text).ok_or(ResultError::NotAResult(error))?,
    };
    if result.head.version == FORMAT_VERSION { Ok(result) } else { Err(ResultError::Version(result.head.version)) }
}

fn torn(text: &str) -> Option<ScanResult> {
    let mut lines = text.lines();
    let head: Head = serde_json::from_str(&format!("{}}}", lines.next()?.strip_suffix(",\"stacks\":[")?)).ok()?;
    let stacks: Vec<StackRecord> =
        lines.map_while(|line| serde_json::from_str(line.strip_suffix(',').unwrap_or(line)).ok()).collect();
    let summary = Summary::of(&stacks, &[], false);
    Some(ScanResult { head, stacks, tail: Tail { unread: Vec::new(), summary, complete: false } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::scan::{AlternativeKind, Tally};

    fn stack(name: &str) -> StackRecord {
        StackRecord {
            region: "eu-west-1".to_owned(),
            stack: name.to_owned(),
            stack_id: format!("arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/1"),
            root: None,
            owner: Some("team \"a\"\n".to_owned()),
            status: "CREATE_COMPLETE".to_owned(),
            changed: "2026-11-23T00:00:00Z".to_owned(),
            partial: false,
            resources: 1,
            rules: 2,
            findings: Vec::new(),
            more: Tally::default(),
            otherwise: [(AlternativeKind::Effective, Tally { blocked: 1, ..Tally::default() })].into(),
            notes: Vec::new(),
        }
    }

    fn head() -> Head {
        Head {
            version: FORMAT_VERSION,
            program: "0".to_owned(),
            policy: "literal".to_owned(),
            started: "2026-11-23T00:00:00Z".to_owned(),
            regions: vec!["eu-west-1".to_owned()],
            owner_tags: vec!["owner".to_owned()],
            only_stacks: Vec::new(),
        }
    }

    fn written(stacks: &[StackRecord]) -> String {
        let mut text = Vec::new();
        let mut writer = Writer::new(&mut text, &head()).unwrap();
        for stack in stacks {
            writer.stack(stack).unwrap();
        }
        let tail = Tail { unread: Vec::new(), summary: Summary::of(stacks, &[], true), complete: true };
        writer.end(&tail).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for stacks in [vec![], vec![stack("a")], vec![stack("a"), stack("b")]] {
            let result = read_result(&written(&stacks)).unwrap();
            assert_eq!((result.head, result.stacks), (head(), stacks));
            assert!(result.tail.complete);
        }
    }

    /// A writer that was killed leaves any prefix of the file behind.
    #[test]
    fn every_stack_of_a_torn_file_is_read_back() {
        let stacks = [stack("a"), stack("b"), stack("c")];
        let text = written(&stacks);
        let lines = stacks.each_ref().map(|stack| serde_json::to_string(stack).unwrap());
        let first_line = text.find('\n').unwrap();
        for end in first_line..text.len() - 2 {
            let torn = text.get(..end).unwrap();
            let result = read_result(torn).unwrap();
            let whole = torn.lines().skip(1).filter(|line| lines.iter().any(|whole| line.starts_with(whole))).count();
            assert_eq!(result.stacks, stacks[..whole], "cut at {end}");
            assert!(!result.tail.complete);
        }
    }

    #[test]
    fn other_files_and_versions_are_refused() {
        assert!(matches!(read_result("{}"), Err(ResultError::NotAResult(_))));
        assert!(matches!(read_result(""), Err(ResultError::NotAResult(_))));
        let other = written(&[]).replace("\"version\":1", "\"version\":2");
        assert!(matches!(read_result(&other), Err(ResultError::Version(2))));
    }
}
