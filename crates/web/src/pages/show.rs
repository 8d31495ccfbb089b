//! How times, sizes and people are shown: bits of HTML that are safe because nothing in them is a stranger's.

use forge::event::repo::Access;
use jiff::Timestamp;

/// A moment, from microseconds since 1970: the absolute time, which a script makes relative.
pub(crate) fn time_us(us: i64) -> String {
    time(us.div_euclid(1_000_000))
}

/// A moment, from seconds since 1970.
pub(crate) fn time(seconds: i64) -> String {
    let Ok(at) = Timestamp::from_second(seconds) else { return "at an impossible time".to_owned() };
    let shown = at.strftime("%Y-%m-%d %H:%M UTC");
    format!("<time datetime=\"{}\" data-relative>{shown}</time>", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

/// The day of a moment, for headings.
pub(crate) fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.strftime("%B %-d, %Y").to_string())
}

/// A number of bytes.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} bytes") } else { format!("{value:.1} {}", units[unit]) }
}

/// A number with its thousands apart.
pub(crate) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `1 commit`, `2 commits`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// A role in words.
pub(crate) fn role(role: Access) -> &'static str {
    match role {
        Access::Read => "may read",
        Access::Triage => "may read and sort issues",
        Access::Write => "may push",
        Access::Maintain => "may push, and change what it says and shows first",
        Access::Admin => "may change who may do what",
    }
}

/// The roles there are, for a form.
pub(crate) fn roles() -> Vec<(&'static str, &'static str)> {
    Access::ALL.iter().map(|role| (role.as_str(), self::role(*role).trim_start_matches("may "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_numbers_times() {
        assert_eq!((bytes(1023), bytes(1536)), ("1023 bytes".into(), "1.5 KiB".into()));
        assert_eq!((number(7), number(1_234_567)), ("7".into(), "1,234,567".into()));
        assert_eq!((counted(1, "commit", "commits"), counted(0, "tag", "tags")), ("1 commit".into(), "0 tags".into()));
        assert_eq!(time(0), "<time datetime=\"1970-01-01T00:00:00Z\" data-relative>1970-01-01 00:00 UTC</time>");
        assert_eq!(time(i64::MAX), "at an impossible time");
    }
}
