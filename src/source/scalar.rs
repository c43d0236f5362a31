//! Interprets unquoted scalars as CloudFormation's YAML 1.1 does.
//!
//! CloudFormation supports YAML 1.1 with exceptions ("Template formats"): unquoted `yes`, `no`, `on`, and `off` are
//! booleans (aws/aws-cli#5257, ASFHyP3/hyp3#2061, go-to-k/cdk-real-drift#785); single letters are text. How it reads
//! `0443`, `0x1bb`, `1_000`, or `7:23` is not documented, so such a scalar is [`Kind::Ambiguous`].

use std::borrow::Cow;

use crate::value::Kind;

/// Returns the value of a plain YAML scalar, or `None` if it is text.
pub(super) fn of_yaml(text: &str) -> Option<Kind> {
    let first = text.bytes().next();
    match first {
        None | Some(b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'y' | b'Y' | b'o' | b'O') => word(text),
        Some(b'+' | b'-' | b'.' | b'0'..=b'9') => {
            number(text).or_else(|| is_ambiguous(text).then(|| Kind::Ambiguous(text.to_owned())))
        }
        _ => None,
    }
}

/// Returns the name of a plain scalar that is used as a key. A boolean becomes `true` or `false`, as wherever text is
/// expected.
pub(super) fn key(text: &str) -> Cow<'_, str> {
    match of_yaml(text) {
        Some(Kind::Bool(value)) => Cow::Borrowed(if value { "true" } else { "false" }),
        _ => Cow::Borrowed(text),
    }
}

/// Recognizes the words of YAML 1.1, each in lower case, capitalized, and in upper case.
fn word(text: &str) -> Option<Kind> {
    let is = |word: &str| {
        let upper = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase());
        let lower = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase());
        text.eq_ignore_ascii_case(word) && (lower(text) || upper(text) || text.get(1..).is_some_and(lower))
    };
    if text.is_empty() || text == "~" || is("null") {
        Some(Kind::Null)
    } else if is("true") || is("yes") || is("on") {
        Some(Kind::Bool(true))
    } else if is("false") || is("no") || is("off") {
        Some(Kind::Bool(false))
    } else {
        None
    }
}

/// Returns whether YAML versions or readers disagree about a number: one with a leading zero or a base prefix, with
/// underscores, with colons (base 60), with an exponent that YAML 1.1 writes differently, with superfluous digits in
/// the fraction (`1.10`), or a number without digits (`.inf`).
fn is_ambiguous(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(fraction) = digits.strip_prefix('.') {
        return fraction.starts_with(|c: char| c.is_ascii_digit()) && is_ambiguous(&format!("0{digits}"))
            || ["inf", "nan"].iter().any(|word| fraction.eq_ignore_ascii_case(word));
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let plain = digits.replace('_', "");
    let in_base = |prefix: &str, base: u32| {
        let rest = plain.strip_prefix(prefix).or_else(|| plain.strip_prefix(&prefix.to_ascii_uppercase()));
        rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(base)))
    };
    let base_60 = || {
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut parts = whole.split(':');
        parts.next().is_some_and(all_digits)
            && whole.contains(':')
            && parts.all(|part| part.len() <= 2 && all_digits(part) && part.parse::<u8>().is_ok_and(|part| part < 60))
            && fraction.bytes().all(|byte| byte.is_ascii_digit())
    };
    let float = || {
        let (mantissa, exponent) = plain.split_once(['e', 'E']).unwrap_or((&plain, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        all_digits(whole)
            && fraction.bytes().all(|byte| byte.is_ascii_digit())
            && all_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))
    };
    in_base("0x", 16) || in_base("0o", 8) || in_base("0b", 2) || base_60() || float()
}

/// Returns the value of a plain JSON scalar from a valid text.
pub(super) fn of_json(text: &str) -> Option<Kind> {
    match text {
        "null" => Some(Kind::Null),
        "true" => Some(Kind::Bool(true)),
        "false" => Some(Kind::Bool(false)),
        _ => integer(text).or_else(|| text.parse().ok().map(Kind::Float)),
    }
}

fn number(text: &str) -> Option<Kind> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    // YAML 1.1 requires a sign in the exponent and a point before it.
    if let Some(exponent) = exponent
        && !exponent.strip_prefix(['-', '+']).is_some_and(all_digits)
    {
        return None;
    }
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None if exponent.is_some() => return None,
        None => (mantissa, None),
    };
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    match fraction {
        None if all_digits(whole) && !leading_zero => integer(text).or_else(|| text.parse().ok().map(Kind::Float)),
        Some(fraction)
            if (whole.is_empty() || all_digits(whole))
                && (fraction.is_empty() || all_digits(fraction))
                && !(whole.is_empty() && fraction.is_empty())
                && !leading_zero =>
        {
            let number: f64 = text.parse().ok()?;
            // `1.10` is 1.1 to a reader that keeps numbers, `1.10` to one that keeps text, and not a port to either.
            let is_kept = exponent.is_some() || number.fract() == 0.0 || format!("{number:?}") == text;
            is_kept.then_some(Kind::Float(number))
        }
        _ => None,
    }
}

fn integer(text: &str) -> Option<Kind> {
    text.parse().ok().map(Kind::Integer)
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
