//! What a scalar without quotes is: the readings that YAML 1.1, YAML 1.2 and JSON share.
//!
//! CloudFormation supports YAML 1.1 with exceptions ("Template formats"), and which numbers it
//! reads from `0443`, `0x1bb` or `1_000` is documented nowhere. Whatever the versions of YAML read
//! differently stays text, so that `Port::from_text` can call it ambiguous; `yes`, `no`, `on` and
//! `off` stay text as well.

use crate::value::Kind;

/// What a plain scalar of YAML is.
pub(super) fn of_yaml(text: &str) -> Option<Kind> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Kind::Null),
        "true" | "True" | "TRUE" => return Some(Kind::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Kind::Bool(false)),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let first = digits.bytes().next()?;
    if !(first.is_ascii_digit() || first == b'.') {
        return None;
    }
    number(text, digits)
}

/// What a plain scalar of JSON is; the text is known to be well-formed.
pub(super) fn of_json(text: &str) -> Option<Kind> {
    match text {
        "null" => Some(Kind::Null),
        "true" => Some(Kind::Bool(true)),
        "false" => Some(Kind::Bool(false)),
        _ => integer(text).or_else(|| text.parse().ok().map(Kind::Float)),
    }
}

fn number(text: &str, digits: &str) -> Option<Kind> {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    // YAML 1.1 wants a sign in front of an exponent and a point before it.
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
            text.parse().ok().map(Kind::Float)
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
