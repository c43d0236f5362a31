//! The forms of numbers that parsers read differently.

/// The form of a number that YAML 1.1, YAML 1.2, and JSON read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberForm {
    /// `0443`: a leading zero before octal digits.
    Octal,
    /// `0x1bb`: a prefix for another base.
    Prefix,
    /// `4_43`: underscores between the digits.
    Underscores,
    /// `7:23`: base 60.
    Base60,
    /// `1e3`: an exponent.
    Exponent,
    /// Another form, for example `1.10`, `089`, or `.inf`.
    Other,
}

impl NumberForm {
    /// Returns the form of a number that parsers read differently.
    pub(crate) fn of(text: &str) -> Self {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let has_prefix = ["0x", "0o", "0b"].iter().any(|prefix| digits.to_ascii_lowercase().starts_with(prefix));
        if has_prefix {
            Self::Prefix
        } else if digits.contains(':') {
            Self::Base60
        } else if digits.contains('_') {
            Self::Underscores
        } else if digits.starts_with('0') && digits.len() > 1 && digits.chars().all(|c| c.is_digit(8)) {
            Self::Octal
        } else if digits.contains(|c: char| c.is_ascii_digit()) && digits.contains(['e', 'E']) {
            Self::Exponent
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_recognized() {
        for (form, texts) in [
            (NumberForm::Octal, &["0443", "-0443", "00"][..]),
            (NumberForm::Prefix, &["0x1bb", "0X1BB", "0o7", "-0b11", "0xe_1"]),
            (NumberForm::Underscores, &["4_43", "0_443", "1_0e3"]),
            (NumberForm::Base60, &["7:23", "1_0:00", "07:23"]),
            (NumberForm::Exponent, &["1e3", "1.5E3", "01e3"]),
            (NumberForm::Other, &["1.10", "089", "0443.5", ".inf", "0"]),
        ] {
            for text in texts {
                assert_eq!(NumberForm::of(text), form, "{text}");
            }
        }
    }
}
