//! Dates of revisions.

/// `2014-06-17T03:04:05.000000Z`, as Subversion writes dates, in seconds since 1970.
#[must_use]
pub fn seconds(date: &str) -> Option<i64> {
    let (day, time) = date.strip_suffix('Z')?.split_once('T')?;
    let mut numbers = day.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let mut numbers = time.split('.').next()?.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (numbers.next()??, numbers.next()??, numbers.next()??);
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970 of a year that begins in March.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_subversion_writes_them() {
        for (date, expected) in [
            ("1970-01-01T00:00:00.000000Z", Some(0)),
            ("2000-02-29T12:00:00.123456Z", Some(951_825_600)),
            ("2014-06-17T03:04:05.000000Z", Some(1_402_974_245)),
            ("2026-11-25T22:08:14.999999Z", Some(1_795_644_494)),
            ("2014-06-17", None),
            ("2014-13-17T03:04:05.000000Z", None),
        ] {
            assert_eq!(seconds(date), expected, "{date}");
        }
    }
}
