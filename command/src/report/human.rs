//! For people: the source lines with the offending value underlined, in the style of rustc.

mod lines;
mod picture;

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};

use annotate_snippets::Renderer;

use self::lines::wrapped;
use self::picture::Picture;
use super::tally::{FindingTally, TallyTable};
use super::{DiagnosticLevel, FileReport, Reporter, RunSummary, number};

/// The report for people.
#[derive(Debug)]
pub struct HumanReporter {
    options: HumanOptions,
    renderer: Renderer,
    /// The number of findings shown, …
    shown: usize,
    /// … and the number left out, because enough were shown.
    left_out: BTreeMap<DiagnosticLevel, usize>,
    given: GivenAdvice,
    tally: FindingTally,
}

/// The advice that was already given.
#[derive(Debug, Default)]
struct GivenAdvice {
    notes: HashSet<String>,
    /// The help of the latest finding that has one.
    help: String,
}

/// The options of the report for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HumanOptions {
    /// Whether it has colors.
    pub styled: bool,
    /// Whether it shows only errors: no warnings, notes or summary.
    pub quiet: bool,
    /// Whether it lists notes about what was not judged.
    pub notes: bool,
    /// The maximum number of findings shown in full. People read the first ones, not the ten-thousandth.
    pub max_findings: usize,
    /// The terminal's width in columns, if there is a terminal.
    pub width: Option<usize>,
    /// The names of the formats that contain all findings.
    pub complete_formats: Vec<String>,
}

/// Keeps the renderer from cutting source lines: it does not break at words.
const NO_LIMIT: usize = 100_000;

impl HumanReporter {
    /// Creates an empty report.
    #[must_use]
    pub fn new(options: HumanOptions) -> Self {
        let renderer = if options.styled { Renderer::styled() } else { Renderer::plain() };
        Self {
            options,
            renderer: renderer.term_width(NO_LIMIT),
            shown: 0,
            left_out: BTreeMap::new(),
            given: GivenAdvice::default(),
            tally: FindingTally::default(),
        }
    }

    fn draw(&self, picture: &Picture<'_>, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}\n\n", picture.draw(&self.renderer, self.options.width))
    }

    fn line(&self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", wrapped(text, self.options.width, 2))
    }

    /// Writes how many findings were left out, and where to find them.
    fn leftovers(&self, out: &mut dyn Write) -> io::Result<()> {
        let count = self.left_out.values().sum();
        if count == 0 {
            return Ok(());
        }
        let levels = self.left_out.iter().rev().map(|(level, count)| number(*count, level.name()));
        let levels = levels.collect::<Vec<_>>().join(", ");
        let formats = match self.options.complete_formats.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        };
        let verb = if count == 1 { "is" } else { "are" };
        let count = number(count, "more finding");
        self.line(
            &format!(
                "{count} {verb} not shown ({levels}). To show more, use --max-findings; --format {formats} contains \
                 all of them"
            ),
            out,
        )
    }
}

impl Reporter for HumanReporter {
    fn file(&mut self, file: &FileReport, out: &mut dyn Write) -> io::Result<()> {
        if let Some(problem) = &file.problem {
            self.draw(&Picture::of_problem(file, problem), out)?;
        }
        self.tally.add(file, &file.name.shown, self.options.notes);
        let quiet = self.options.quiet;
        for entry in file.listed(self.options.notes).filter(|entry| entry.level == DiagnosticLevel::Error || !quiet) {
            if self.shown < self.options.max_findings {
                self.shown += 1;
                let picture = Picture::of_entry(file, entry, &mut self.given);
                self.draw(&picture, out)?;
            } else {
                *self.left_out.entry(entry.level).or_default() += 1;
            }
        }
        Ok(())
    }

    fn end(&mut self, summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
        if self.options.quiet {
            return self.leftovers(out);
        }
        if self.tally.len() > 1 {
            let [reasons, files] = self.tally.tables();
            rows(&reasons, out)?;
            // For a single file, the totals below show the same.
            if files.rows.len() > 1 {
                rows(&files, out)?;
            }
        }
        self.leftovers(out)?;
        self.line(&format!("{} checked: {}", summary.checked(), summary.found(self.options.notes)), out)?;
        for remark in summary.remarks(self.options.notes) {
            self.line(&remark, out)?;
        }
        Ok(())
    }
}

/// Writes a table. The numbers come first, because names can be longer than any terminal is wide.
fn rows(table: &TallyTable<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "errors  warnings  notes  {}", table.title)?;
    for (name, counts) in &table.rows {
        writeln!(out, "{:>6}  {:>8}  {:>5}  {name}", counts.errors, counts.warnings, counts.notes)?;
    }
    if table.left_out > 0 {
        writeln!(out, "{:25}… and {} more", "", table.left_out)?;
    }
    writeln!(out)
}
