//! Reads JSON that is not strict: with comments and trailing commas, which CloudFormation accepts
//! (aws-amplify/amplify-cli#509, stelligent/cfn_nag#203). It is read as YAML between brackets, with a warning.

use super::amend;
use super::build::BuiltDocument;
use super::{BYTE_ORDER_MARK, SourceError, SourceErrorKind, Warning};

/// Reads a text that a strict parser refused with this error.
///
/// # Errors
/// Returns the strict parser's error if the text is not YAML either.
pub(super) fn document(text: &str, strict: SourceError) -> Result<BuiltDocument, SourceError> {
    let SourceErrorKind::Syntax { detail, .. } = &strict.problem else { return Err(strict) };
    let warning = Warning::NotStrictJson { detail: detail.clone(), span: strict.span.unwrap_or_default() };
    // Accepts only text that is written like JSON: between brackets, to the end.
    let blank = without_comments(text);
    let is_comment = |line: &&str| line.trim_start().starts_with('#') || line.trim().is_empty();
    if !blank.lines().rev().find(|line| !is_comment(line)).is_some_and(|line| line.trim_end().ends_with('}')) {
        return Err(strict);
    }
    let mut built = amend::document(&blank).map_err(|_| strict)?;
    built.warnings.insert(0, warning);
    Ok(built)
}

/// Returns the text with JavaScript comments, and tabs outside of quotes, replaced by blanks, so that all offsets stay
/// the same. YAML comments (`#`) are left to the parser.
fn without_comments(text: &str) -> String {
    let mut blank = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut quote: Option<char> = None;
    while let Some(character) = rest.next() {
        match (quote, character) {
            (Some(_), '\\') => {
                blank.push(character);
                blank.extend(rest.next());
            }
            (Some(open), _) => {
                blank.push(character);
                if character == open {
                    quote = None;
                }
            }
            (None, '"') => {
                blank.push(character);
                quote = Some(character);
            }
            (None, '/') if rest.peek() == Some(&'/') => {
                blank.push(' ');
                while let Some(next) = rest.next_if(|next| *next != '\n') {
                    push_blank(&mut blank, next);
                }
            }
            (None, '/') if rest.peek() == Some(&'*') => {
                blank.push(' ');
                let mut before = ' ';
                for next in rest.by_ref() {
                    push_blank(&mut blank, next);
                    if before == '*' && next == '/' && blank.len() > 2 {
                        break;
                    }
                    before = next;
                }
            }
            (None, '\t' | BYTE_ORDER_MARK) => push_blank(&mut blank, character),
            (None, _) => blank.push(character),
        }
    }
    blank
}

/// Appends as many blanks as the character has bytes, and keeps line ends.
fn push_blank(blank: &mut String, character: char) {
    if character == '\n' || character == '\r' {
        blank.push(character);
    } else {
        blank.extend(std::iter::repeat_n(' ', character.len_utf8()));
    }
}
