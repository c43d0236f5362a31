//! For people: the source lines with the offending value underlined, in the style of rustc.

mod picture;

use std::collections::BTreeMap;
use std::io::{self, Write};

use annotate_snippets::Renderer;

use self::picture::Picture;
use super::{FileReport, Level, Reporter, Totals};

/// The report for people.
#[derive(Debug)]
pub struct Human {
    options: HumanOptions,
    renderer: Renderer,
    /// How many findings were shown, …
    shown: usize,
    /// … and how many were not, as there were enough.
    left_out: BTreeMap<Level, usize>,
}

/// What the report for people shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HumanOptions {
    /// Whether it has colors.
    pub styled: bool,
    /// Whether it has errors only: no warnings, no notes, no summary.
    pub quiet: bool,
    /// How many findings are shown in full. People read the first ones, not the ten-thousandth.
    pub max_findings: usize,
    /// The names of the formats that have all findings.
    pub complete_formats: Vec<String>,
}

impl Human {
    /// A report in which nothing was shown yet.
    #[must_use]
    pub const fn new(options: HumanOptions) -> Self {
        let renderer = if options.styled { Renderer::styled() } else { Renderer::plain() };
        Self { options, renderer, shown: 0, left_out: BTreeMap::new() }
    }

    fn draw(&self, picture: &Picture<'_>, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}\n\n", picture.draw(&self.renderer))
    }

    /// How many findings were left out, and where they are to be found.
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
        writeln!(
            out,
            "{} {verb} not shown ({levels}); --max-findings sets how many are, --format {formats} has them all",
            number(count, "more finding"),
        )
    }
}

impl Reporter for Human {
    fn file(&mut self, file: FileReport, out: &mut dyn Write) -> io::Result<()> {
        if let Some(problem) = &file.problem {
            self.draw(&Picture::of_problem(&file, problem), out)?;
        }
        for entry in file.entries.iter().filter(|entry| entry.level == Level::Error || !self.options.quiet) {
            if self.shown < self.options.max_findings {
                self.shown += 1;
                self.draw(&Picture::of_entry(&file, entry), out)?;
            } else {
                *self.left_out.entry(entry.level).or_default() += 1;
            }
        }
        Ok(())
    }

    fn end(&mut self, totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
        self.leftovers(out)?;
        if self.options.quiet {
            return Ok(());
        }
        let Totals { files, broken, resources, rules, errors, warnings, notes } = *totals;
        write!(out, "{} in {}", number(rules, "egress rule"), number(resources, "resource"))?;
        write!(out, " of {} checked: ", number(files - broken, "template"))?;
        write!(out, "{}, {}, {}", number(errors, "error"), number(warnings, "warning"), number(notes, "note"))?;
        if broken > 0 {
            write!(out, "; {} could not be checked", number(broken, "file"))?;
        }
        writeln!(out)
    }
}

fn number(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
