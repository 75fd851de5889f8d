//! Dates as certificates write them, as Unix seconds, and as people read them.

use core::fmt;

use super::der::{Element, GENERALIZED_TIME, UTC_TIME};

/// Unix seconds, shown as a date and time in UTC.
pub(super) struct Utc(pub(super) u64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0 / DAY);
        let second = self.0 % DAY;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

/// Unix seconds of a UTCTime (`YYMMDDHHMMSSZ`) or GeneralizedTime
/// (`YYYYMMDDHHMMSSZ`), the two forms of RFC 5280 section 4.1.2.5.
///
/// `None` for anything else, and for what lies before 1970.
pub(super) fn unix_seconds(time: Element<'_>) -> Option<u64> {
    let digits = time.value.strip_suffix(b"Z")?;
    let (year, rest) = match time.tag {
        UTC_TIME => {
            let (digits, rest) = digits.split_at_checked(2)?;
            let year = number(digits)?;
            (year + if year < 50 { 2000 } else { 1900 }, rest)
        }
        GENERALIZED_TIME => {
            let (digits, rest) = digits.split_at_checked(4)?;
            (number(digits)?, rest)
        }
        _ => return None,
    };
    let &[m1, m2, d1, d2, h1, h2, i1, i2, s1, s2] = rest else {
        return None;
    };
    let month = number(&[m1, m2]).filter(|month| (1..=12).contains(month))?;
    let day = number(&[d1, d2]).filter(|day| (1..=31).contains(day))?;
    let hour = number(&[h1, h2]).filter(|hour| *hour < 24)?;
    let minute = number(&[i1, i2]).filter(|minute| *minute < 60)?;
    let second = number(&[s1, s2]).filter(|second| *second <= 60)?;
    let days = days_from_civil(year, month, day)?;
    Some(days * DAY + hour * 3600 + minute * 60 + second)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |sum: u64, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(sum * 10 + u64::from(digit))
    })
}

// The two directions of the Gregorian calendar. Both count in years that begin
// in March, so that the leap day is a year's last and month lengths follow one
// line: the days before month m (March = 0) are (153 m + 2) / 5.

fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    days.checked_sub(DAYS_BEFORE_1970)
}

fn civil_from_days(days: u64) -> (u64, u64, u64) {
    // A date beyond any calendar (year 9999) is shown as its last day.
    let days = days.min(LAST_DAY) + DAYS_BEFORE_1970;
    let (era, day) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    // Takes the leap days out again; the last day of the 4, 100 and 400 years.
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (year * 365 + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year + u64::from(month <= 2);
    (year, month, day)
}

const DAY: u64 = 86_400;
/// From 1 March of the year 0 to 1 January 1970.
const DAYS_BEFORE_1970: u64 = 719_468;
const DAYS_IN_400_YEARS: u64 = 146_097;
/// 31 December 9999, counted from 1970.
const LAST_DAY: u64 = 2_932_896;
