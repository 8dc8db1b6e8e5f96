//! The measurements as a picture.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{PLACES, Report};

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Which figure of a cell.
type Figure = fn(&super::Cell) -> f64;

/// Both ways in a picture's legend.
const WAYS: [(&str, Figure); 2] = [
    ("copy", |cell| cell.copy.min),
    ("attach", |cell| cell.attach.min),
];

const SEALED: [&str; 2] = ["copy, then seal", "seal in one pass"];

/// Panels, with what they show.
const PANELS: [(&str, &str); 4] = [
    ("frames", "Frames built and freed"),
    ("virtio", "Frames through a virtio ring (sender)"),
    ("AES-128-GCM", "TLS records, AES-128-GCM"),
    ("AES-256-GCM", "TLS records, AES-256-GCM"),
];

/// An SVG of four panels: nanoseconds over bytes, both on logarithmic scales.
///
/// # Errors
/// When the picture cannot be drawn.
pub fn plot(report: &Report) -> Result<String, Box<dyn std::error::Error + '_>> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (1200, 900)).into_drawing_area();
        root.fill(&WHITE)?;
        for (area, (kind, title)) in root.split_evenly((2, 2)).iter().zip(PANELS) {
            panel(area, report, kind, title).map_err(|error| error.to_string())?;
        }
        root.present()?;
    }
    Ok(svg)
}

fn panel(
    area: &Panel<'_>,
    report: &Report,
    kind: &str,
    title: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let cells: Vec<_> = report
        .cells
        .iter()
        .filter(|cell| cell.kind == kind)
        .collect();
    let all = cells
        .iter()
        .flat_map(|cell| WAYS.map(|(_, of)| report.nanoseconds(of(cell))));
    let (least, most) = all.fold((f64::MAX, 1.0_f64), |(least, most), it| {
        (least.min(it), most.max(it))
    });
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (1200.0..1_300_000.0_f64).log_scale(),
            (least * 0.7..most * 1.5).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("bytes of payload")
        .y_desc("nanoseconds")
        .x_label_formatter(&|bytes| size(*bytes))
        .y_label_formatter(&|time| format!("{time:.0}"))
        .light_line_style(WHITE)
        .draw()?;
    let is_sealed = kind.starts_with("AES");
    for (way, (name, of)) in WAYS.into_iter().enumerate() {
        for (index, (place, _)) in PLACES.into_iter().enumerate() {
            let of_place = cells.iter().filter(|cell| cell.place == place);
            let points: Vec<_> = of_place
                .map(|cell| (cell.len as f64, report.nanoseconds(of(cell))))
                .collect();
            let color = if way == 0 {
                RGBColor(200, 60, 40)
            } else {
                RGBColor(30, 90, 180)
            };
            let color = color.mix([1.0, 0.7, 0.4][index]);
            let style = color.stroke_width(if way == 0 { 2 } else { 3 });
            let name = if is_sealed { SEALED[way] } else { name };
            chart
                .draw_series(LineSeries::new(points.clone(), style))?
                .label(format!("{name}, {place}"))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
            let dots = points
                .into_iter()
                .map(|at| Circle::new(at, 3, color.filled()));
            chart.draw_series(dots)?;
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}

fn size(bytes: f64) -> String {
    if bytes >= 1e6 {
        format!("{:.1} MB", bytes / 1e6)
    } else {
        format!("{:.0} kB", bytes / 1e3)
    }
}
