//! The calendar, as far as a signature needs it.

use core::fmt;

/// A second of UTC, shown as `20240102T030405Z`.
#[derive(Clone, Copy)]
pub(crate) struct UtcTime {
    day: Day,
    second: u64,
}

/// A day of the Gregorian calendar, shown as `20240102`.
#[derive(Clone, Copy)]
pub(crate) struct Day {
    year: u64,
    month: u64,
    day: u64,
}

impl UtcTime {
    /// Of seconds since 1970.
    pub(crate) fn new(seconds: u64) -> Self {
        Self { day: Day::new(seconds / DAY), second: seconds % DAY }
    }

    pub(crate) fn day(self) -> Day {
        self.day
    }
}

impl Day {
    /// Of days since 1970. Years begin with March here, so that the odd day is the last of a year, and are counted from
    /// the 1st of March of the year 0, so that the centuries fall in place.
    fn new(days: u64) -> Self {
        let days = days.saturating_add(719_468);
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self {
            year: 400 * era + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:02}{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second) = (self.second / 3600, self.second / 60 % 60, self.second % 60);
        write!(f, "{}T{hour:02}{minute:02}{second:02}Z", self.day)
    }
}

const DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    /// `date -u -d @SECONDS +%Y%m%dT%H%M%SZ`
    #[test]
    fn days_of_every_kind() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_800, "20000301T000000Z"),
            (1_704_164_645, "20240102T030405Z"),
            (1_709_164_800, "20240229T000000Z"),
            (1_735_689_599, "20241231T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
            (253_402_300_799, "99991231T235959Z"),
        ] {
            assert_eq!(UtcTime::new(seconds).to_string(), text);
        }
        assert_eq!(UtcTime::new(1_704_164_645).day().to_string(), "20240102");
    }

    #[test]
    fn no_number_is_too_large() {
        assert!(UtcTime::new(u64::MAX).to_string().ends_with('Z'));
    }
}
