//! Lengths of time on the command line.

use std::time::Duration;

/// Reads seconds, with a fraction if need be: `5`, `0.5`.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds <= LONGEST);
    match seconds.map(Duration::try_from_secs_f64) {
        Some(Ok(duration)) if !duration.is_zero() => Ok(duration),
        _ => Err("give seconds above 0, such as 5 or 0.5".to_owned()),
    }
}

/// Reads whole seconds, of which a token holds at least one.
pub(crate) fn whole_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u32>().ok().filter(|seconds| *seconds > 0);
    seconds
        .map(|seconds| Duration::from_secs(seconds.into()))
        .ok_or_else(|| "give whole seconds, such as 3600".to_owned())
}

/// A hundred years: more than that is "without limit", and no clock can add it.
const LONGEST: f64 = 100.0 * 365.25 * 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_have_no_fraction() {
        assert_eq!(whole_seconds("60"), Ok(Duration::from_secs(60)));
        for wrong in ["0", "0.5", "-1", "x", "", "4294967296"] {
            assert!(whole_seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_may_have_a_fraction_and_not_much_else() {
        assert_eq!(seconds("5"), Ok(Duration::from_secs(5)));
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for wrong in ["0", "-1", "x", "", "inf", "NaN", "1e300", "1e-300"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
