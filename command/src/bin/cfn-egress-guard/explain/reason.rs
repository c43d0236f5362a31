//! `policy explain --reason`: the smallest template that shows a reason, and its compliant form.

use std::io::Write;

use cfn_egress_guard::witness::findings;
use cfn_egress_guard_core::rule::wording::{reason, statement};
use cfn_egress_guard_core::rule::{Knowledge, Outcome, Reason, witness};

use crate::exit::Exit;
use crate::style::{BAD, BOLD, CAUTION, GOOD};

pub(crate) fn run(code: Reason, out: &mut impl Write) -> anyhow::Result<Exit> {
    let witness = witness(code);
    writeln!(out, "{BOLD}{}{BOLD:#}: {}.", code.code(), reason::title(code))?;
    for finding in findings(witness.fails, &witness)? {
        let (style, word) = match finding.outcome {
            Outcome::Undetermined => (CAUTION, "Undetermined"),
            _ => (BAD, "Blocked"),
        };
        let by = witness.blocked_by.map_or_else(String::new, |setting| format!(" with {} = \"block\"", setting.name()));
        let seen = if witness.knowledge == Knowledge::Final { " if the hook receives this text" } else { "" };
        writeln!(out, "\n{style}{word}{style:#}{by}{seen}, because {}:\n", statement(&finding))?;
    }
    template(witness.fails, out)?;
    writeln!(out, "\n{GOOD}Compliant{GOOD:#}:\n")?;
    template(witness.passes, out)?;
    writeln!(out, "\n{}", reason::help(code))?;
    Ok(Exit::Clean)
}

fn template(text: &str, out: &mut impl Write) -> anyhow::Result<()> {
    for line in text.lines() {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}
