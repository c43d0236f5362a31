//! JUnit XML for CI systems: a suite for each template, a case for each resource. (source: the Jenkins xUnit plugin's
//! `junit-10.xsd`; testmoapp/junitxml for what readers accept)

use std::borrow::Cow;
use std::io::{self, Write};

use super::{Diagnostic, DiagnosticLevel, FileReport, Reporter, RunSummary, TOOL};

/// The report as JUnit XML.
#[derive(Debug, Default)]
pub struct JUnitReporter {
    with_notes: bool,
    sums: TestCounts,
    /// Each written suite, as the parts before and after the policy.
    suites: Vec<(Vec<u8>, Vec<u8>)>,
}

impl JUnitReporter {
    /// Creates a report with or without notes about what was not judged.
    #[must_use]
    pub fn new(with_notes: bool) -> Self {
        Self { with_notes, ..Self::default() }
    }
}

impl Reporter for JUnitReporter {
    fn file(&mut self, file: &FileReport, _: &mut dyn Write) -> io::Result<()> {
        let cases = TestCases::of(file, self.with_notes);
        let sums = TestCounts::of(file, &cases);
        let (mut start, mut rest) = (Vec::new(), Vec::new());
        writeln!(start, "  <testsuite name=\"{}\"{sums}>", escaped(&file.name.shown))?;
        suite(file, &cases, &mut rest)?;
        self.sums = self.sums.plus(sums);
        self.suites.push((start, rest));
        Ok(())
    }

    fn end(&mut self, summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(out, "<testsuites name=\"{TOOL}\"{}>", self.sums)?;
        let policy = escaped(&summary.policy.sentence()).into_owned();
        let properties =
            format!("    <properties>\n      <property name=\"policy\" value=\"{policy}\"/>\n    </properties>\n");
        for (start, rest) in &self.suites {
            out.write_all(start)?;
            out.write_all(properties.as_bytes())?;
            out.write_all(rest)?;
        }
        writeln!(out, "</testsuites>")
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct TestCounts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl TestCounts {
    fn of(file: &FileReport, cases: &TestCases<'_>) -> Self {
        let mut sums = Self::default();
        let whole = (!cases.whole.is_empty()).then_some(&cases.whole);
        for entries in cases.resources.iter().chain(whole) {
            sums.tests += 1;
            match verdict(entries) {
                TestCaseResult::Failed => sums.failures += 1,
                TestCaseResult::Skipped => sums.skipped += 1,
                TestCaseResult::Passed => {}
            }
        }
        if file.problem.is_some() {
            sums.tests += 1;
            sums.errors += 1;
        }
        sums
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl std::fmt::Display for TestCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tests, failures, errors, skipped } = self;
        write!(f, " tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TestCaseResult {
    Passed,
    Skipped,
    Failed,
}

/// The entries of each resource, and those of the template outside its resources.
struct TestCases<'f> {
    resources: Vec<Vec<&'f Diagnostic>>,
    whole: Vec<&'f Diagnostic>,
}

impl<'f> TestCases<'f> {
    fn of(file: &'f FileReport, with_notes: bool) -> Self {
        let mut cases = Self { resources: vec![Vec::new(); file.resources.len()], whole: Vec::new() };
        for entry in file.listed(with_notes) {
            match entry.resource.and_then(|index| cases.resources.get_mut(index)) {
                Some(entries) => entries.push(entry),
                None => cases.whole.push(entry),
            }
        }
        cases
    }
}

fn verdict(entries: &[&Diagnostic]) -> TestCaseResult {
    match entries.iter().map(|entry| entry.level).max() {
        Some(DiagnosticLevel::Error) => TestCaseResult::Failed,
        Some(DiagnosticLevel::Warning) => TestCaseResult::Skipped,
        Some(DiagnosticLevel::Note) | None => TestCaseResult::Passed,
    }
}

/// Writes the content of a suite after its properties.
fn suite(file: &FileReport, cases: &TestCases<'_>, out: &mut dyn Write) -> io::Result<()> {
    let name = escaped(&file.name.shown);
    for (resource, entries) in file.resources.iter().zip(&cases.resources) {
        let construct = resource.construct.as_ref().map_or_else(String::new, |path| format!(", construct {path}"));
        let case = format!("{} ({}{construct})", resource.logical_id, resource.type_name);
        test_case(file, &case, resource.span.map(|span| span.line), entries, out)?;
    }
    if let Some(problem) = &file.problem {
        let place = problem.span.map_or_else(String::new, |span| format!(":{}:{}", span.line, span.column));
        let help = problem.help.as_ref().map_or_else(String::new, |help| format!("\nhelp: {help}"));
        writeln!(out, "    <testcase classname=\"{name}\" name=\"template\" file=\"{name}\">")?;
        writeln!(
            out,
            "      <error type=\"not-checked\" message=\"{}\">{name}{place}: {}{}</error>",
            escaped(&problem.message),
            escaped(&problem.message),
            escaped(&help)
        )?;
        writeln!(out, "    </testcase>")?;
    }
    if !cases.whole.is_empty() {
        test_case(file, "template", None, &cases.whole, out)?;
    }
    writeln!(out, "  </testsuite>")
}

fn test_case(
    file: &FileReport,
    name: &str,
    line: Option<u32>,
    entries: &[&Diagnostic],
    out: &mut dyn Write,
) -> io::Result<()> {
    let class = escaped(&file.name.shown);
    let line = line.map_or_else(String::new, |line| format!(" line=\"{line}\""));
    write!(out, "    <testcase classname=\"{class}\" name=\"{}\" file=\"{class}\"{line}", escaped(name))?;
    let described = |level: DiagnosticLevel| entries.iter().filter(move |entry| entry.level == level);
    let text =
        |level: DiagnosticLevel| described(level).map(|entry| line_of(file, entry)).collect::<Vec<_>>().join("\n");
    let first = |level: DiagnosticLevel| described(level).map(|entry| entry.sentence()).next().unwrap_or_default();
    if entries.is_empty() {
        return writeln!(out, "/>");
    }
    writeln!(out, ">")?;
    match verdict(entries) {
        TestCaseResult::Failed => {
            let kind = described(DiagnosticLevel::Error).map(|entry| entry.code).next().unwrap_or_default();
            let (first, text) = (first(DiagnosticLevel::Error), text(DiagnosticLevel::Error));
            let (first, text) = (escaped(&first), escaped(&text));
            writeln!(out, "      <failure type=\"{kind}\" message=\"{first}\">{text}</failure>")?;
        }
        TestCaseResult::Skipped => {
            writeln!(out, "      <skipped message=\"{}\"/>", escaped(&first(DiagnosticLevel::Warning)))?
        }
        TestCaseResult::Passed => {}
    }
    let more =
        [text(DiagnosticLevel::Warning), text(DiagnosticLevel::Note)].into_iter().filter(|text| !text.is_empty());
    let more = more.collect::<Vec<_>>().join("\n");
    if !more.is_empty() {
        writeln!(out, "      <system-out>{}</system-out>", escaped(&more))?;
    }
    writeln!(out, "    </testcase>")
}

fn line_of(file: &FileReport, entry: &Diagnostic) -> String {
    let place = entry.place.as_ref().map_or_else(String::new, |at| format!(":{}:{}", at.span.line, at.span.column));
    let mut line = format!("{}{place}: {}[{}]: {}.", file.name.shown, entry.level.name(), entry.code, entry.sentence());
    for more in entry.advice() {
        line.push(' ');
        line.push_str(more);
    }
    line
}

/// Escapes text for XML 1.0 attributes and content; invalid characters become U+FFFD.
fn escaped(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '<' | '>' | '&' | '"' | '\'');
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' => escaped.push('\n'),
            '\t' => escaped.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}
