//! Numbers as an operator reads them.
//!
//! Under everything that is shown. Invariant: a number takes at most 7 characters up to a million millions, and what is not
//! known is `-`, never 0.

/// What stands for a number that is not known.
pub(super) const UNKNOWN: &str = "-";

/// From here on a count is shown in millions.
const WHOLE_MAX: f64 = 999_999.0;

/// A count: `999`, `12,345`, `1.23M`, `4.56G`.
pub(super) fn count(value: f64) -> String {
    match value.round() {
        whole if whole <= WHOLE_MAX => grouped(whole as u64),
        whole if whole < 999_500_000.0 => scaled(whole / 1e6, 'M'),
        whole if whole < 999_500_000_000.0 => scaled(whole / 1e9, 'G'),
        whole => scaled(whole / 1e12, 'T'),
    }
}

/// A rate or a factor: small ones with a tenth.
pub(super) fn tenth(value: f64) -> String {
    if value > 0.0 && value < 99.95 { format!("{value:.1}") } else { count(value) }
}

/// A number that may be unknown, in words of `show`.
pub(super) fn maybe(value: Option<f64>, show: impl FnOnce(f64) -> String) -> String {
    value.map_or(UNKNOWN.to_owned(), show)
}

/// A time in milliseconds, of microseconds: `0.27`, `4.1`, `120`.
pub(super) fn milliseconds(us: f64) -> String {
    match us / 1000.0 {
        ms if ms < 1.0 => format!("{ms:.2}"),
        ms if ms < 100.0 => format!("{ms:.1}"),
        ms => count(ms),
    }
}

/// A share: `33.3%`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// How long something is: `0.4 s`, `12 s`, `3 min`, `5 h`.
pub(super) fn span(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        10_000..120_000 => format!("{} s", ms / 1000),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

/// The time of day in UTC, in which the nodes' logs are written too: `12:03:11`.
pub(super) fn clock(unix_ms: u64) -> String {
    let second = unix_ms / 1000 % 86_400;
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

fn scaled(value: f64, unit: char) -> String {
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$}{unit}")
}

fn grouped(whole: u64) -> String {
    if whole < 1000 { whole.to_string() } else { format!("{},{:03}", whole / 1000, whole % 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_short_and_keeps_three_digits_at_least() {
        let shown = [0.0, 999.4, 12_345.0, 999_999.0, 1_234_567.0, 42_500_000.0, 999_600_000.0, 7e12].map(count);
        assert_eq!(shown, ["0", "999", "12,345", "999,999", "1.23M", "42.5M", "1.00G", "7.00T"]);
        assert!(shown.iter().all(|text| text.len() <= 7));
    }

    #[test]
    fn a_small_rate_has_a_tenth_and_an_unknown_one_is_not_zero() {
        assert_eq!([0.0, 0.4, 41.83, 99.96, 4012.0].map(tenth), ["0", "0.4", "41.8", "100", "4,012"]);
        assert_eq!(maybe(None, tenth), "-");
    }

    #[test]
    fn times_are_read_in_the_unit_that_fits() {
        assert_eq!([270.0, 4_130.0, 120_000.0].map(milliseconds), ["0.27", "4.1", "120"]);
        assert_eq!([420, 12_700, 200_000, 18_000_000].map(span), ["0.4 s", "12 s", "3 min", "5 h"]);
        assert_eq!(clock(1_700_000_000_000), "22:13:20");
    }
}
