//! The command for the people around the hook: authors of templates, and those responsible for the account.
#![expect(clippy::disallowed_methods, reason = "a program owns its environment, files, clock and terminal")]

#[cfg(feature = "account")]
mod account;
mod args;
#[cfg(feature = "account")]
mod audit;
mod check;
mod exit;
mod explain;
mod file;
mod git;
mod policy;
mod rehearse;
#[cfg(feature = "account")]
mod scan;
#[cfg(feature = "account")]
mod status;
mod style;
mod wrap;

use std::io::Write;

use anstream::{AutoStream, ColorChoice};
use cfn_egress_guard_core::rule::excerpt;
use clap::{CommandFactory, Parser};

use args::{Cli, Color, Command, PolicyCommand};
use exit::Exit;
use wrap::Wrapped;

/// The maximum number of characters of a logical ID that is shown: CloudFormation's own limit.
const ID_CHARS: usize = 255;

fn main() -> Exit {
    let cli = Cli::parse();
    let choice = match cli.color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    let mut out = AutoStream::new(std::io::stdout(), choice);
    let styled = match choice {
        ColorChoice::Auto => AutoStream::choice(&std::io::stdout()) != ColorChoice::Never,
        choice => choice == ColorChoice::Always,
    };
    match wrapped(&cli.command, styled, &mut out) {
        Ok(exit) => exit,
        // The reader has read enough (`| head`): not worth a message, but not a clean result either.
        Err(error) if is_broken_pipe(&error) => Exit::CutOff,
        Err(error) => {
            let mut err = Wrapped::new(AutoStream::new(std::io::stderr(), choice), wrap::width());
            let _ = writeln!(err, "error: {}", printable(&format!("{error:#}"))).and_then(|()| err.finish());
            Exit::CouldNotCheck
        }
    }
}

/// Runs a command, with lines for people wrapped to the terminal.
fn wrapped(command: &Command, styled: bool, out: &mut impl Write) -> anyhow::Result<Exit> {
    let mut out = Wrapped::new(out, wrap::width().filter(|_| command.is_for_people()));
    let exit = run(command, styled, &mut out);
    let finished = out.finish();
    // The command's own error says more than that its last line could not be written.
    let exit = exit?;
    finished?;
    Ok(exit)
}

fn run(command: &Command, styled: bool, out: &mut impl Write) -> anyhow::Result<Exit> {
    match command {
        // Its formats are written unchanged, without processing colors.
        Command::Check(arguments) => check::run(arguments, styled),
        Command::Completions { shell } => {
            let mut completions = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "cfn-egress-guard", &mut completions);
            out.write_all(&mended(completions))?;
            Ok(Exit::Clean)
        }
        Command::Rehearse(arguments) => rehearse::run(arguments, out),
        Command::Policy(PolicyCommand::Check(arguments)) => policy::check(arguments, out),
        Command::Policy(PolicyCommand::Explain(arguments)) => explain::run(arguments, out),
        #[cfg(feature = "account")]
        Command::Scan(arguments) => scan::run(arguments, out),
        #[cfg(feature = "account")]
        Command::Audit(arguments) => audit::run(arguments, out),
        #[cfg(feature = "account")]
        Command::Status(arguments) => status::run(arguments, out),
        Command::Schema { name } => {
            for (_, generate) in cfn_egress_guard::schema::all().into_iter().filter(|(known, _)| known == name) {
                out.write_all(cfn_egress_guard::schema::text(&generate()).as_bytes())?;
            }
            Ok(Exit::Clean)
        }
    }
}

/// Corrects the Bash script, in which clap misnames the cases of a command with hyphens (clap, issue 6421).
fn mended(completions: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(completions) {
        Ok(text) => text.replace("cfn__subcmd__egress__subcmd__guard", "cfn__egress__guard").into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

/// Returns an error's text as it can be printed. Names in it may come from the author of a template: they must not control
/// the terminal, and no line after the first may be a command to a CI runner (`::error::`).
fn printable(text: &str) -> String {
    let lines = text.split('\n').enumerate().map(|(number, line)| {
        let line = excerpt(line, usize::MAX);
        if number > 0 && line.trim_start().starts_with("::") { format!("| {line}") } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer that fails when it is flushed, like a full disk.
    struct Full;

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn an_error_in_writing_does_not_replace_the_commands_own() {
        for (arguments, says) in
            [(&["policy", "check", "no-such-file"][..], "no-such-file"), (&["schema", "policy"], "storage")]
        {
            let cli = Cli::parse_from(["cfn-egress-guard"].iter().chain(arguments));
            let error = wrapped(&cli.command, false, &mut Full).unwrap_err();
            assert!(format!("{error:#}").contains(says), "{error:#}");
        }
    }
}
