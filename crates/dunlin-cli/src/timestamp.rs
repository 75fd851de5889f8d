//! Times as people and programs read them.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment in UTC, in the form of RFC 3339 with milliseconds: `2026-05-09T07:29:33.186Z`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp {
    milliseconds: u64,
}

impl Timestamp {
    pub(crate) fn of_seconds(seconds: u64) -> Self {
        Self { milliseconds: seconds.saturating_mul(1_000) }
    }

    /// By this machine's clock.
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { milliseconds: since.as_millis() as u64 }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, milliseconds) = (self.milliseconds / 1000, self.milliseconds % 1000);
        let (year, month, day) = date(seconds / DAY);
        let (hour, minute, second) = (seconds % DAY / 3600, seconds % 3600 / 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
    }
}

/// Year, month and day of a day after 1970-01-01, in the Gregorian calendar. Years are counted from March, so that
/// the leap day is a year's last.
fn date(day: u64) -> (u64, u64, u64) {
    let day = day + DAYS_BEFORE_1970;
    let (era, day) = (day / DAYS_IN_400_YEARS, day % DAYS_IN_400_YEARS);
    let leaps_passed = day / 1_460 - day / 36_524 + day / 146_096;
    let year = (day - leaps_passed) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Five months have 153 days: 31, 30, 31, 30, 31, from March on and again from August on.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    match month {
        0..=9 => (era * 400 + year, month + 3, day),
        _ => (era * 400 + year + 1, month - 9, day),
    }
}

const DAY: u64 = 86_400;
/// From 1 March of the year 0.
const DAYS_BEFORE_1970: u64 = 719_468;
const DAYS_IN_400_YEARS: u64 = 146_097;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_calendars_have_them() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000Z"),
            (1_767_225_600, "2026-01-01T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp { milliseconds: seconds * 1000 }.to_string(), expected);
        }
        assert_eq!(Timestamp { milliseconds: 7 }.to_string(), "1970-01-01T00:00:00.007Z");
    }
}
