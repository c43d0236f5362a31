//! Reads the files that arguments name, with one wording for those that cannot be read or parsed.

use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context, anyhow};
use cfn_egress_guard_core::source::{self, Document, Span};

/// The maximum size of a file that is read into memory. Templates and reports are far smaller; a link to a device is not.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Reads a file, unless it is larger than [`MAX_BYTES`].
pub(crate) fn within_limit(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_BYTES) {
        Ok(bytes)
    } else {
        Err(io::Error::other(format!("it is larger than {} MiB", MAX_BYTES / (1024 * 1024))))
    }
}

/// Reads a file of text.
///
/// # Errors
///
/// `cannot read` the file: it does not exist, or is not UTF-8.
pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    let utf8 = |bytes| String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"));
    named(path, within_limit(path).and_then(utf8))
}

/// Reads a file of any content.
///
/// # Errors
///
/// `cannot read` the file.
#[cfg(feature = "account")]
pub(crate) fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    named(path, within_limit(path))
}

/// Opens a file to read.
///
/// # Errors
///
/// `cannot read` the file.
#[cfg(feature = "account")]
pub(crate) fn open(path: &Path) -> anyhow::Result<io::BufReader<std::fs::File>> {
    named(path, std::fs::File::open(path)).map(io::BufReader::new)
}

/// Adds to an error in reading which file it is.
pub(crate) fn named<T, E>(path: &Path, read: Result<T, E>) -> anyhow::Result<T>
where
    Result<T, E>: Context<T, E>,
{
    read.with_context(|| format!("cannot read `{}`", path.display()))
}

/// Returns the message for a report that already names the file.
pub(crate) fn unreadable(error: &io::Error) -> String {
    format!("cannot read this file: {error}")
}

/// Parses a template.
///
/// # Errors
///
/// The parser's message, with the place and what to do.
pub(crate) fn parsed(name: &str, text: &str) -> anyhow::Result<Document> {
    source::parse(text).map_err(|error| problem(name, error.span, &error.to_string(), error.help()))
}

/// Returns the message about a mistake in a file: the place, what is wrong and what to do.
pub(crate) fn problem(name: &str, span: Option<Span>, message: &str, help: &str) -> anyhow::Error {
    let place = span.map_or_else(String::new, |span| format!(":{}:{}", span.line, span.column));
    anyhow!("{name}{place}: {message}\nhelp: {help}")
}

/// Returns the beginning of a message about a place in a file that the message names before: `line 2, column 1: `.
pub(crate) fn place(span: Option<Span>) -> String {
    span.map_or_else(String::new, |span| format!("line {}, column {}: ", span.line, span.column))
}
