//! The vaults' lag over time, drawn by the server, with a table that says the same.

use crate::app::App;
use crate::pages::show;
use forge::site::{LAG_SAMPLE_EVERY, LAG_SAMPLES_MAX, LagSample};
use jiff::Timestamp;

/// The drawing's inside: where lines are.
const LEFT: u64 = 48;
const RIGHT: u64 = 712;
const TOP: u64 = 12;
const BOTTOM: u64 = 152;
/// Rows of the table.
const ROWS: usize = 12;
/// Points of a line at most; between them the worst is drawn.
const POINTS: usize = 240;

/// What is drawn of a vault.
pub(crate) struct Line {
    pub(crate) name: String,
    /// Which of the colours.
    pub(crate) class: usize,
    /// The line's points.
    pub(crate) points: String,
    pub(crate) now: String,
    pub(crate) worst: String,
}

/// The chart and its table.
pub(crate) struct Chart {
    pub(crate) lines: Vec<Line>,
    /// The lag at the top.
    pub(crate) top: u64,
    /// Clock times at the left and right.
    pub(crate) from: String,
    pub(crate) until: String,
    /// Since when the site looks, and how long it remembers.
    pub(crate) note: String,
    /// Time, and the worst lag of each vault until then.
    pub(crate) rows: Vec<(String, Vec<u64>)>,
}

/// None until there was a look.
pub(crate) fn lag_chart(app: &App) -> Option<Chart> {
    chart(&app.site.vault_lags())
}

fn chart(samples: &[LagSample]) -> Option<Chart> {
    let (first, last) = (samples.first()?, samples.last()?);
    let names: Vec<&str> = last.lags.iter().map(|(name, _)| name.as_str()).collect();
    let looks = worst_of(samples, POINTS, &names);
    let top = nice(looks.iter().flat_map(|(_, lags)| lags.iter().copied()).max().unwrap_or(0));
    let span = u64::try_from(last.time_us - first.time_us).unwrap_or(0).max(1);
    let x = |us: i64| LEFT + u64::try_from(us - first.time_us).unwrap_or(0) * (RIGHT - LEFT) / span;
    let y = |lag: u64| BOTTOM - lag.min(top) * (BOTTOM - TOP) / top;
    let line = |(index, name): (usize, &&str)| {
        let lags = || looks.iter().map(|(us, lags)| (*us, lags[index]));
        let mut points: Vec<String> = lags().map(|(us, lag)| format!("{},{}", x(us), y(lag))).collect();
        let now = lags().next_back().map_or(0, |(_, lag)| lag);
        // What is known now goes on to the edge, so that one look is a line too.
        points.push(format!("{RIGHT},{}", y(now)));
        let entries = |count| show::counted(count, "entry", "entries");
        let worst = lags().map(|(_, lag)| lag).max().unwrap_or(0);
        Line {
            name: (*name).to_owned(),
            class: index % 6,
            points: points.join(" "),
            now: entries(now),
            worst: entries(worst),
        }
    };
    let minutes = LAG_SAMPLE_EVERY.as_secs() * LAG_SAMPLES_MAX as u64 / 60;
    Some(Chart {
        lines: names.iter().enumerate().map(line).collect(),
        top,
        from: clock(first.time_us),
        until: clock(last.time_us),
        note: format!(
            "Looked at every {} seconds; the last {} hours are remembered, in memory, since the site was started.",
            LAG_SAMPLE_EVERY.as_secs(),
            minutes / 60
        ),
        rows: worst_of(samples, ROWS, &names).into_iter().rev().map(|(us, lags)| (show::time_us(us), lags)).collect(),
    })
}

/// Looks put together until there are at most so many: the last time of each group, and each vault's worst lag in it.
fn worst_of(samples: &[LagSample], most: usize, names: &[&str]) -> Vec<(i64, Vec<u64>)> {
    let lag =
        |sample: &LagSample, name: &str| sample.lags.iter().find(|(other, _)| other == name).map_or(0, |(_, lag)| *lag);
    let group = |group: &[LagSample]| {
        let worst = |name: &&str| group.iter().map(|sample| lag(sample, name)).max().unwrap_or(0);
        (group.last().map_or(0, |sample| sample.time_us), names.iter().map(worst).collect())
    };
    samples.chunks(samples.len().div_ceil(most).max(1)).map(group).collect()
}

/// The next of 1, 2, 5, 10, 20, 50, ...
fn nice(value: u64) -> u64 {
    let mut step = 1;
    while step < value {
        step = match step.to_string().as_bytes() {
            [b'2', ..] => step / 2 * 5,
            _ => step * 2,
        };
    }
    step
}

fn clock(us: i64) -> String {
    let at = Timestamp::from_second(us.div_euclid(1_000_000)).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(seconds: i64, north: u64, south: u64) -> LagSample {
        LagSample { time_us: seconds * 1_000_000, lags: vec![("north".to_owned(), north), ("south".to_owned(), south)] }
    }

    #[test]
    fn the_worst_is_never_lost_and_everything_is_inside() {
        let samples: Vec<_> = (0..1_000).map(|at| look(at * 10, u64::from(at == 503) * 73, 0)).collect();
        let chart = chart(&samples).unwrap();
        assert_eq!(
            (chart.top, chart.lines[0].worst.as_str(), chart.lines[0].now.as_str()),
            (100, "73 entries", "0 entries")
        );
        assert_eq!(chart.rows.iter().map(|(_, lags)| lags[0]).max(), Some(73));
        assert!(chart.rows.len() <= ROWS);
        for point in chart.lines[0].points.split(' ') {
            let (x, y) = point.split_once(',').unwrap();
            let (x, y): (u64, u64) = (x.parse().unwrap(), y.parse().unwrap());
            assert!((LEFT..=RIGHT).contains(&x) && (TOP..=BOTTOM).contains(&y), "{point}");
        }
    }

    #[test]
    fn one_look_is_a_line_and_none_is_nothing() {
        assert!(chart(&[]).is_none());
        let chart = chart(&[look(5, 0, 3)]).unwrap();
        assert_eq!((chart.top, chart.lines.len()), (5, 2));
        assert_eq!(chart.lines[0].points, "48,152 712,152");
        assert_eq!([0, 1, 2, 3, 6, 11, 21, 51, 1_001].map(nice), [1, 1, 2, 5, 10, 20, 50, 100, 2_000]);
    }
}
