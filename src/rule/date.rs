//! A calendar day. The core has no clock: today is an argument.

use std::fmt;
use std::str::FromStr;

/// A day of the proleptic Gregorian calendar (ISO 8601, RFC 3339 `full-date`), years 0000 to 9999, UTC.
///
/// ```
/// use cfn_egress_guard_core::rule::policy::Date;
/// let expires: Date = "2028-02-29".parse().unwrap();
/// assert_eq!(expires.days_after(Date::new(2028, 2, 28).unwrap()), 1);
/// assert!("2027-02-29".parse::<Date>().is_err(), "2027 is no leap year");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    // INVARIANT: days since 1970-01-01, within 0000-01-01 ..= 9999-12-31.
    days: i64,
}

impl Date {
    const FIRST: i64 = days_of(0, 1, 1);
    const LAST: i64 = days_of(9999, 12, 31);

    /// Returns the day, if it exists in the calendar.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        if year > 9999 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let date = Self { days: days_of(i64::from(year), i64::from(month), i64::from(day)) };
        // April 31 is computed as May 1, so a day that does not exist comes back as a different one.
        (date.parts() == (i64::from(year), i64::from(month), i64::from(day))).then_some(date)
    }

    /// Returns the UTC day of a Unix time in seconds. A time outside the years 0000 to 9999 gives the nearest day
    /// within them.
    #[must_use]
    pub const fn of_unix_seconds(seconds: i64) -> Self {
        let days = seconds.div_euclid(86_400);
        let days = if days < Self::FIRST { Self::FIRST } else { days };
        Self { days: if days > Self::LAST { Self::LAST } else { days } }
    }

    /// Returns the number of days from `other` to this day; negative if this day is earlier.
    #[must_use]
    pub const fn days_after(self, other: Self) -> i64 {
        self.days - other.days
    }

    /// Returns the day this many days later, at most 9999-12-31.
    #[must_use]
    pub fn days_later(self, days: u32) -> Self {
        Self { days: (self.days + i64::from(days)).min(Self::LAST) }
    }

    /// Returns the year, month, and day.
    const fn parts(self) -> (i64, i64, i64) {
        let shifted = self.days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year_of_era + era * 400;
        (if month <= 2 { year + 1 } else { year }, month, day)
    }
}

/// Returns the days from 1970-01-01 to a day. A day past the end of its month is counted into the next month (source:
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`).
const fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// The error for a text that is not a calendar day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidDateError;

impl fmt::Display for InvalidDateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid date in the form YYYY-MM-DD")
    }
}

impl std::error::Error for InvalidDateError {}

impl FromStr for Date {
    type Err = InvalidDateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: Option<&str>, digits: usize| {
            part.filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|part| part.parse::<u16>().ok())
        };
        let mut parts = text.splitn(3, '-');
        let date = (number(parts.next(), 4), number(parts.next(), 2), number(parts.next(), 2));
        let (Some(year), Some(month), Some(day)) = date else { return Err(InvalidDateError) };
        let narrow = |number| u8::try_from(number).map_err(|_| InvalidDateError);
        Self::new(year, narrow(month)?, narrow(day)?).ok_or(InvalidDateError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_later_ends_with_the_calendar() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        for (from, days, expected) in [
            ("2027-12-31", 0, "2027-12-31"),
            ("2027-12-31", 60, "2028-02-29"),
            ("9999-12-30", 1, "9999-12-31"),
            ("9999-12-30", 2, "9999-12-31"),
            ("2027-12-31", u32::MAX, "9999-12-31"),
        ] {
            assert_eq!(day(from).days_later(days), day(expected), "{from} {days}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back_and_follows_the_day_before() {
        let mut expected = Date::new(1800, 1, 1).unwrap();
        for year in 1800..2201 {
            for month in 1..=12 {
                let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                let length = match month {
                    4 | 6 | 9 | 11 => 30,
                    2 => 28 + u8::from(leap),
                    _ => 31,
                };
                for day in 1..=length {
                    let date = Date::new(year, month, day).unwrap();
                    assert_eq!(date, expected);
                    assert_eq!(date.to_string(), format!("{year:04}-{month:02}-{day:02}"));
                    assert_eq!(date.to_string().parse(), Ok(date));
                    expected = Date { days: date.days + 1 };
                }
                assert_eq!(Date::new(year, month, length + 1), None, "{year}-{month}");
            }
        }
    }

    #[test]
    fn only_days_of_the_calendar_in_one_spelling() {
        for text in [
            "2027-02-29",
            "2100-02-29",
            "2027-13-01",
            "2027-00-01",
            "2027-01-00",
            "2027-01-32",
            "2027-04-31",
            "2027-4-30",
            "27-04-30",
            "2027/04/30",
            "2027-04-30T00:00:00Z",
            " 2027-04-30",
            "+027-04-30",
            "２０２７-04-30",
            "",
            "2027",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        for text in ["2028-02-29", "2000-02-29", "0000-01-01", "9999-12-31"] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_day_begins_at_midnight_utc() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (1_709_164_799, "2024-02-28"),
            (1_709_164_800, "2024-02-29"),
            (1_709_251_200, "2024-03-01"),
            (i64::MIN, "0000-01-01"),
            (i64::MAX, "9999-12-31"),
        ] {
            assert_eq!(Date::of_unix_seconds(seconds).to_string(), expected, "{seconds}");
        }
    }
}
