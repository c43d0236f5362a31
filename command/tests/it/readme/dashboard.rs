//! The dashboard of `template.yaml` as an SVG picture: its widgets, titles, places and colors, with sample data.

use std::fmt::Write as _;

use cfn_egress_guard_core::source;
use serde_json::Value as Json;

use super::terminal::escaped;
use crate::support::read;

/// One unit of the dashboard's grid; a row has 24.
const UNIT: u64 = 40;
const GAP: u64 = 8;
const HEADING: u64 = 40;
/// Colors of series without a color.
const COLORS: [&str; 4] = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728"];

/// The sample account's numbers on each of seven days.
const DAYS: [u64; 7] = [14, 22, 19, 31, 26, 9, 12];
/// Names and numbers of the sample, for bars.
const REASONS: [(&str, u64); 4] =
    [("all-traffic", 21), ("port-range", 13), ("missing-ports", 4), ("icmp-type-and-code", 2)];
/// Sample values of a table's columns.
const ROWS: [[&str; 3]; 3] = [
    ["payments", "WebSecurityGroup", "port-range"],
    ["orders", "TaskGroup", "all-traffic"],
    ["search", "NodeGroup", "port-range"],
];

/// Returns the widgets in the template, without those that an option adds.
fn widgets() -> Vec<Json> {
    let template = source::parse(&read("template.yaml")).unwrap().root;
    let resources = template.get("Resources").unwrap().as_map().unwrap();
    let dashboard = resources
        .iter()
        .map(|(_, resource)| resource)
        .find(|resource| resource.get("Type").and_then(|kind| kind.as_str()) == Some("AWS::CloudWatch::Dashboard"))
        .unwrap();
    let body = dashboard.get("Properties").unwrap().get("DashboardBody").unwrap().get("Fn::Sub").unwrap();
    let text = body.as_list().unwrap()[0].as_str().unwrap().replace("${DirectCalls}", "");
    let body: Json = serde_json::from_str(&text).unwrap();
    body["widgets"].as_array().unwrap().clone()
}

/// Returns the names and colors of a widget's series.
fn series(properties: &Json) -> Vec<(String, String)> {
    let metrics = properties["metrics"].as_array().unwrap();
    let named = metrics.iter().enumerate().map(|(index, metric)| {
        let parts = metric.as_array().unwrap();
        let texts: Vec<_> = parts.iter().filter_map(Json::as_str).collect();
        let options = parts.iter().find(|part| part.is_object()).cloned().unwrap_or_default();
        let label = options["label"].as_str().map(|label| label.split("${").next().unwrap().trim().to_owned());
        // [namespace, name, dimension, value, …]; "..." and "." repeat the previous metric's parts.
        let name = if texts.first() == Some(&".") || texts.len() == 4 { texts.get(1) } else { texts.last() };
        let name = label.filter(|label| !label.is_empty()).or_else(|| name.map(|name| (*name).to_owned()));
        let color = options["color"].as_str().unwrap_or(COLORS[index % COLORS.len()]);
        (name.unwrap_or_else(|| "lb-bridge-mode".to_owned()), color.to_owned())
    });
    named.collect()
}

/// Draws stacked columns, one for each day, with a legend.
fn columns(picture: &mut String, series: &[(String, String)], [x, y, width, height]: [u64; 4]) {
    let (base, step) = (y + height - 24, (width - 32) / 7);
    for (day, total) in (0_u64..).zip(DAYS) {
        let mut top = base;
        for (place, (_, color)) in (0_u64..).zip(series) {
            // The first series is the largest part, and each further one is smaller.
            let share = (total * (height - 90) / 31) / (place * 6 + 1 + u64::from(place > 0) * day % 3);
            let share = if place == 0 { share * 3 / 4 } else { share / 2 };
            top -= share;
            writeln!(
                picture,
                "<rect x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{share}\" fill=\"{color}\"/>",
                x + 20 + day * step,
                step - 12
            )
            .unwrap();
        }
    }
    let mut left = x + 16;
    for (name, color) in series {
        writeln!(
            picture,
            "<rect x=\"{left}\" y=\"{}\" width=\"8\" height=\"8\" fill=\"{color}\"/><text x=\"{}\" y=\"{}\" class=\"small\">{}</text>",
            base + 8,
            left + 11,
            base + 16,
            escaped(name)
        )
        .unwrap();
        left += 15 + u64::try_from(name.len()).unwrap() * 9 / 2;
    }
}

/// Draws horizontal bars.
fn bars(picture: &mut String, [x, y, width, _]: [u64; 4]) {
    for (line, (name, number)) in (0_u64..).zip(REASONS) {
        let top = y + 50 + line * 42;
        let length = number * (width - 200) / 21;
        writeln!(
            picture,
            "<text x=\"{}\" y=\"{}\">{name}</text><rect x=\"{}\" y=\"{top}\" width=\"{length}\" height=\"24\" fill=\"#1f77b4\"/>\
             <text x=\"{}\" y=\"{}\">{number}</text>",
            x + 16,
            top + 17,
            x + 150,
            x + 156 + length,
            top + 17
        )
        .unwrap();
    }
}

/// Draws the columns of a query, with sample rows.
fn table(picture: &mut String, query: &str, [x, y, width, _]: [u64; 4]) {
    let named = query
        .split(" | ")
        .find_map(|part| part.strip_prefix("fields ").or_else(|| part.strip_prefix("stats ")))
        .unwrap();
    let (values, by) = named.split_once(" by ").unwrap_or((named, ""));
    let columns: Vec<&str> = by
        .split(", ")
        .chain(values.split(", "))
        .filter(|name| !name.is_empty())
        .map(|name| name.rsplit(" as ").next().unwrap())
        .collect();
    // Names are wider than numbers.
    let weight = |name: &str| if ["rules", "decisions", "blocks"].contains(&name) { 2 } else { 4 };
    let unit = (width - 32) / columns.iter().map(|name| weight(name)).sum::<u64>();
    let mut left = x + 16;
    for name in columns {
        writeln!(picture, "<text x=\"{left}\" y=\"{}\" class=\"name\">{name}</text>", y + 60).unwrap();
        for (line, [stack, group, reason]) in (0_u64..).zip(ROWS) {
            let of_line = |values: [&'static str; 3]| values[usize::try_from(line).unwrap()];
            let value = match name {
                "@timestamp" | "last" => "2026-11-25 09:14",
                "verdict" => "non-compliant",
                "account" => "123456789012",
                "stackName" => stack,
                "logicalId" => group,
                "resourceType" => "…::SecurityGroup",
                "message" => reason,
                "exemption" => of_line(["lb-bridge-mode", "payments-friday", "legacy-search"]),
                _ => of_line(["7", "4", "1"]),
            };
            writeln!(picture, "<text x=\"{left}\" y=\"{}\">{value}</text>", y + 88 + line * 26).unwrap();
        }
        left += weight(name) * unit;
    }
}

/// Returns the picture of the dashboard.
pub(super) fn picture() -> String {
    let widgets = widgets();
    let place = |widget: &Json, name: &str| widget[name].as_u64().unwrap() * UNIT;
    let bottom = widgets.iter().map(|widget| place(widget, "y") + place(widget, "height")).max().unwrap();
    let (width, height) = (24 * UNIT + GAP, bottom + GAP + HEADING);
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"The widgets of the dashboard, with sample data\">\n<style>text {{ font: 12px sans-serif; fill: #16191f; }} \
         .title {{ font-size: 13px; font-weight: 600; }} .name {{ font-weight: 600; }} .small {{ font-size: 9px; }}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#f2f3f3\"/>\n\
         <text x=\"{GAP}\" y=\"26\" class=\"title\">cfn-egress-guard: the widgets of template.yaml, with sample data</text>\n"
    );
    for widget in &widgets {
        let (x, y) = (place(widget, "x") + GAP, place(widget, "y") + GAP + HEADING);
        let area = [x, y, place(widget, "width") - GAP, place(widget, "height") - GAP];
        let properties = &widget["properties"];
        writeln!(
            picture,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"4\" fill=\"#ffffff\" stroke=\"#d5dbdb\"/>\
             <text x=\"{}\" y=\"{}\" class=\"title\">{}</text>",
            area[2],
            area[3],
            x + 16,
            y + 28,
            escaped(properties["title"].as_str().unwrap())
        )
        .unwrap();
        match (widget["type"].as_str().unwrap(), properties["view"].as_str().unwrap()) {
            ("log", "table") => table(&mut picture, properties["query"].as_str().unwrap(), area),
            ("metric", "bar") => bars(&mut picture, area),
            ("metric", "timeSeries") => columns(&mut picture, &series(properties), area),
            other => panic!("the picture does not know {other:?}"),
        }
    }
    picture.push_str("</svg>\n");
    picture
}
