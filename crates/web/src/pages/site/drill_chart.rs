//! A chart of durations over time, as SVG: numbers alone are in it, so that it is safe as it stands.

use std::fmt::Write as _;

/// One drill in a chart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) at_us: i64,
    pub(super) ms: u64,
    pub(super) good: bool,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 180.0;
/// Room for the words on the left, above and below.
const LEFT: f64 = 64.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;
const RIGHT: f64 = 12.0;

/// How long, for people.
pub(super) fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1e3),
        60_000..5_400_000 => format!("{:.1} min", ms as f64 / 6e4),
        _ => format!("{:.1} h", ms as f64 / 3.6e6),
    }
}

/// Lines of one chart, each with its name; empty when there are not two drills to draw a line between.
pub(super) fn chart(title: &str, lines: &[(&str, &[Point])]) -> String {
    let all = || lines.iter().flat_map(|(_, points)| points.iter());
    let (Some(first), Some(last)) = (all().map(|p| p.at_us).min(), all().map(|p| p.at_us).max()) else {
        return String::new();
    };
    if first == last {
        return String::new();
    }
    let top = nice(all().map(|p| p.ms).max().unwrap_or(0));
    let x = |at_us: i64| LEFT + (at_us - first) as f64 / (last - first) as f64 * (WIDTH - LEFT - RIGHT);
    let y = |ms: u64| HEIGHT - BOTTOM - ms as f64 / top as f64 * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}; the table below has the numbers\">"
    );
    for part in 0..=2 {
        let value = top * part / 2;
        let at = y(value);
        add(&mut svg, format_args!("<path class=\"grid\" d=\"M{LEFT} {at:.1}H{:.1}\"/>", WIDTH - RIGHT));
        add(
            &mut svg,
            format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                at + 4.0,
                duration(value)
            ),
        );
    }
    for (text, at, anchor) in [(day(first), LEFT, "start"), (day(last), WIDTH - RIGHT, "end")] {
        add(
            &mut svg,
            format_args!("<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{text}</text>", HEIGHT - 6.0),
        );
    }
    for (index, (_, points)) in lines.iter().enumerate() {
        let path: Vec<_> = points.iter().map(|p| format!("{:.1} {:.1}", x(p.at_us), y(p.ms))).collect();
        add(&mut svg, format_args!("<path class=\"line line-{index}\" d=\"M{}\"/>", path.join("L")));
        for p in *points {
            let class = if p.good { "dot" } else { "dot bad" };
            add(
                &mut svg,
                format_args!(
                    "<circle class=\"{class} dot-{index}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>",
                    x(p.at_us),
                    y(p.ms)
                ),
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

fn add(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a String can't fail.
    let _ = svg.write_fmt(text);
}

fn day(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// The next 1, 2 or 5 with zeros, so that the axis has round numbers.
fn nice(ms: u64) -> u64 {
    let mut step = 10_u64;
    while step < u64::MAX / 20 {
        for factor in [1, 2, 5] {
            if step * factor >= ms {
                return step * factor;
            }
        }
        step *= 10;
    }
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_and_axes_are_round() {
        let shown: Vec<_> = [7, 1_500, 90_000, 7_200_000].into_iter().map(duration).collect();
        assert_eq!(shown, ["7 ms", "1.5 s", "1.5 min", "2.0 h"]);
        assert_eq!([0, 9, 11, 300, 501].map(nice), [10, 10, 20, 500, 1000]);
    }

    #[test]
    fn a_chart_stays_within_its_frame_and_marks_what_failed() {
        let points: Vec<_> =
            (0..20).map(|i| Point { at_us: i * 86_400_000_000, ms: 100 + (i as u64) * 37, good: i != 5 }).collect();
        let svg = chart("Times", &[("one", &points)]);
        assert_eq!((svg.matches("<circle").count(), svg.matches("dot bad").count()), (20, 1));
        for (name, max) in [("cx=\"", WIDTH), ("cy=\"", HEIGHT)] {
            for at in svg.split(name).skip(1) {
                let value: f64 = at.split('"').next().unwrap().parse().unwrap();
                assert!((0.0..=max).contains(&value), "{name}{value}");
            }
        }
        assert_eq!(chart("Times", &[("one", &points[..1])]), "");
        assert_eq!(chart("Times", &[]), "");
    }
}
